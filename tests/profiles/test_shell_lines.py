"""KEY=VALUE lines as a shell would read them, without one."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from pytest_llmbench.profiles.shell_lines import read_assignment

KNOWN = {"A": "one", "EMPTY": ""}
SHELL = shutil.which("sh")
SAME_IN_A_SHELL = [
    ("K=v", "v"),
    ("K=", ""),
    ("K=''", ""),
    ("K='a b'", "a b"),
    ('K="a b"', "a b"),
    ("K=a'b c'\"d e\"f", "ab cd ef"),
    ("K=v # comment", "v"),
    ("K=v#no-comment", "v#no-comment"),
    ("K='a # b' # c", "a # b"),
    ("K=#comment-no", "#comment-no"),
    (r"K=a\ b", "a b"),
    (r"K=a\#b", "a#b"),
    (r'K="a \"b\" \\ \$A \n"', r'a "b" \ $A \n'),
    ("K='$A'", "$A"),
    ("K=$A", "one"),
    ("K=x${A}y", "xoney"),
    ('K="x $A y"', "x one y"),
    ("K=${A:-two}", "one"),
    ("K=${EMPTY:-two}", "two"),
    ("K=${NONE:-two}", "two"),
    ('K="${NONE:-a b}"', "a b"),
    ("K=$EMPTY", ""),
    ("K=--flag=x", "--flag=x"),
    ("export K=v", "v"),
    ("K=a=b", "a=b"),
]


@pytest.mark.parametrize(("line", "value"), SAME_IN_A_SHELL)
def test_a_value_is_what_a_shell_makes_of_it(line: str, value: str) -> None:
    """Quotes, comments, escapes and variables."""
    assert read_assignment(line, KNOWN) == ("K", value)


@pytest.mark.skipif(SHELL is None, reason="there is no shell to compare with")
def test_a_shell_agrees() -> None:
    """The table above is true of a real one."""
    for line, value in SAME_IN_A_SHELL:
        program = f"{line}\nprintf '%s|' \"$K\""
        said = subprocess.run(
            [str(SHELL), "-c", program], env=KNOWN, capture_output=True, text=True, check=True, timeout=20
        )
        assert said.stdout == f"{value}|", line


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("K=a b  c", "a b  c"),
        ("K = v", "v"),
        ("K = 'v'", "v"),
        ("K = # comment", ""),
        ("K=--jinja -fa on   # both", "--jinja -fa on"),
        ("  K=v  ", "v"),
        ("K=$NONE/x", "$NONE/x"),
        ("K=${NONE}", "${NONE}"),
        ("K=cost $5 or $", "cost $5 or $"),
    ],
)
def test_what_a_shell_would_not_take_is_kept(line: str, value: str) -> None:
    """Blanks need no quotes, and a variable that nobody set stays as it is written."""
    assert read_assignment(line, KNOWN) == ("K", value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("just words", "expected is KEY=VALUE"),
        ("1K=v", "expected is KEY=VALUE"),
        ("K-E=v", "expected is KEY=VALUE"),
        ("K='hunter22", "a quote is not closed"),
        ('K="hunter22', "a quote is not closed"),
        ("K=hunter22 \\", "a value ends on its own line"),
        ("K=$(cat hunter22)", "commands are not run"),
        ('K="`hunter22`"', "commands are not run"),
    ],
)
def test_what_cannot_be_read_is_refused_without_its_value(line: str, message: str) -> None:
    """Half a value would start another server than the user's own launcher does."""
    with pytest.raises(ValueError, match=message) as caught:
        read_assignment(line, KNOWN)
    assert "hunter22" not in str(caught.value)
