"""llmbench.yaml with variables in it, and what it says of thinking."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_llmbench.config_file import Config, config_in, read_config
from pytest_llmbench.errors import UsageProblem


def _file(folder: Path, text: str) -> Path:
    path = folder / "llmbench.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("text", "strict"), [("thinking: strict", True), ("thinking: tell", False), ("{}", False)])
def test_thinking_may_be_strict(tmp_path: Path, text: str, *, strict: bool) -> None:
    """A run that did not think as asked is told of by default."""
    assert read_config(_file(tmp_path, text)).strict_thinking is strict


def test_the_first_file_of_the_folders_counts(tmp_path: Path) -> None:
    """And none is as good as an empty one."""
    below = tmp_path / "below"
    below.mkdir()
    assert config_in(below) == Config()
    _file(tmp_path, "thinking: strict")
    assert config_in(below, tmp_path).strict_thinking
    _file(below, "{}")
    assert not config_in(below, tmp_path).strict_thinking


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("thinking: strikt", r'llmbench\.yaml:1: thinking: .*did you mean "strict"\?'),
        ("thinking: {strict: true}", "must be one of tell, strict"),
        ("profile: {}", 'there is no key "profile" here: did you mean "profiles"'),
        ("server: {header: {}}", 'there is no key "header" here: did you mean "headers"'),
        ("server:\n  headers:\n    X: [1]", r"llmbench\.yaml:3: server\.headers\.X: must be text"),
    ],
)
def test_faults_have_a_line_and_the_nearest_name(tmp_path: Path, text: str, message: str) -> None:
    """As everywhere in the file."""
    with pytest.raises(UsageProblem, match=message):
        read_config(_file(tmp_path, text))


def test_sandboxes_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers and truth values become what they write; texts stay texts."""
    text = (
        "sandbox:\n  image: ${MY_IMAGE:-mine/py:3}\n  cpus: ${MY_CPUS}\n  network: ${MY_NET}\n  memory: ${MY_MEM}\n"
        "  kind: ${MY_KIND:-docker}\n"
    )
    for name, value in {"MY_CPUS": "0.5", "MY_NET": "true", "MY_MEM": "512m"}.items():
        monkeypatch.setenv(name, value)
    sandbox = read_config(_file(tmp_path, text)).sandbox
    assert (sandbox.image, sandbox.cpus, sandbox.network, sandbox.memory_bytes) == ("mine/py:3", 0.5, True, 512 << 20)
    assert sandbox.kind == "docker"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sandbox:\n  pids: ${MY_VALUE}", r"llmbench\.yaml:2: sandbox\.pids: what MY_VALUE stands for does not fit"),
        ("sandbox:\n  kind: ${MY_VALUE}", "Wanted: auto, docker, bubblewrap"),
        ("sandbox:\n  memory: x${MY_VALUE}", r"sandbox\.memory: what MY_VALUE stands for does not fit"),
        ("sandbox:\n\n  kind: ${MY_NONE}", r"llmbench\.yaml:3: sandbox\.kind: the environment has no variable MY_NONE"),
        ("sandbox:\n  kind: ${MY_VALUE", r"llmbench\.yaml:2: sandbox\.kind: a reference to a variable cannot be read"),
    ],
)
def test_a_variable_that_does_not_fit_is_named_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    """Its value may be a secret."""
    monkeypatch.setenv("MY_VALUE", "hunter22")
    monkeypatch.delenv("MY_NONE", raising=False)
    with pytest.raises(UsageProblem, match=message) as caught:
        read_config(_file(tmp_path, text))
    assert "hunter22" not in str(caught.value)


def test_a_reference_in_yamls_braces_needs_quotes(tmp_path: Path) -> None:
    """YAML's own words for it help nobody."""
    with pytest.raises(
        UsageProblem, match=r"not valid YAML.* Between \{ and \} a value with \$\{NAME\} needs quotes\."
    ):
        read_config(_file(tmp_path, "sandbox: {kind: ${MY_KIND}}"))


def test_profiles_are_checked_but_their_variables_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run without profiles needs nothing of what they need."""
    monkeypatch.delenv("MY_NONE", raising=False)
    read_config(_file(tmp_path, "profiles:\n  a:\n    url: ${MY_NONE}\n    port: ${MY_NONE}\n"))
    with pytest.raises(
        UsageProblem, match=r'llmbench\.yaml:3: profiles\.a\.ulr: there is no key "ulr" here: did you mean "url"'
    ):
        read_config(_file(tmp_path, "profiles:\n  a:\n    ulr: x\n"))


@pytest.mark.parametrize("text", ["thinking: ${ARM}", "thinking_switch: ${SWITCH:-none}"])
def test_what_a_run_is_worth_hangs_on_no_variable(tmp_path: Path, text: str) -> None:
    """A variable there would be read as another word than strict, and nobody would see it."""
    with pytest.raises(UsageProblem, match=r"llmbench\.yaml:1: thinking.*: takes no variable"):
        read_config(_file(tmp_path, text))
