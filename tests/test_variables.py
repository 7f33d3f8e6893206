"""${NAME} in settings files: what it becomes, and what is said where it cannot."""

from __future__ import annotations

import pytest

from pytest_llmbench.variables import mentions_variables, substituted, variable_names

VALUES = {"A": "one", "EMPTY": "", "KEY": "sk-very-secret"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("plain", "plain"),
        ("${A}", "one"),
        ("x${A}y${A}", "xoneyone"),
        ("${EMPTY}", ""),
        ("${EMPTY:-two}", "two"),
        ("${NONE:-two}", "two"),
        ("${NONE:-}", ""),
        ("${NONE:-a:-b}", "a:-b"),
        ("${A:-two}", "one"),
        ("$$", "$"),
        ("$${A}", "${A}"),
        ("$A and $5", "$A and $5"),
        ("a$", "a$"),
        ("{port}", "{port}"),
    ],
)
def test_a_reference_becomes_its_value(text: str, wanted: str) -> None:
    """Defaults count where a variable is not set or empty, as in a shell; a dollar sign alone stays."""
    assert substituted(text, VALUES) == wanted
    assert mentions_variables(text) == ("${" in text or "$$" in text)


def test_a_variable_that_is_not_set_is_named() -> None:
    """The message says both ways out, and no value."""
    with pytest.raises(
        ValueError, match=r"no variable NONE: set it \(export NONE=\.\.\.\), or write \$\{NONE:-"
    ) as caught:
        substituted("${KEY}${NONE}", VALUES)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["${", "${A", "${}", "${A B}", "${A:?no}", "${NONE:-${A}}", "${1}"])
def test_a_reference_that_cannot_be_read_is_refused(text: str) -> None:
    """Left as it stands it would reach a server as text."""
    assert mentions_variables(text)
    with pytest.raises(ValueError, match=r"write \$\{NAME\} or \$\{NAME:-default\}, and \$\$ for a dollar sign"):
        substituted(text, VALUES)


def test_names_are_told_in_order() -> None:
    """For messages that must not show values."""
    assert variable_names("${B:-x}${A} $$ ${") == ["B", "A"]
