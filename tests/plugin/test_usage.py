"""What cannot be run as asked ends with exit 4 and a message that says what to type instead."""

from __future__ import annotations

import pytest

from tests.plugin.lab import Lab, scenarios

WRONG = {
    "no number": (["--llm-concurrency", "many"], '--llm-concurrency: "many" is not a whole number from 1'),
    "zero": (["--llm-repeat", "0"], '--llm-repeat: "0" is not a whole number from 1'),
    "no seconds": (["--llm-timeout", "-3"], '--llm-timeout: "-3" is not a number of seconds above 0'),
    "sampling": (["--llm-sampling", "temprature=1"], "temperature"),
    "gate": (["--llm-gate", "floor"], "floors"),
    "profile": (["--llm-profile", "embeded"], "embedded"),
    "endpoint": (["--llm-endpoint", "golden"], "gold"),
    "pack": (["--llm-packs", "toolcall-16"], "toolcall-15"),
    "url": (["--llm-url", "ftp://there"], "http://127.0.0.1:8080/v1"),
    "two servers": (["--llm-url", "http://127.0.0.1:9", "--llm-profile", "embedded"], "keep one"),
    "no compose file": (["--llm-url", "http://127.0.0.1:9", "--llm-write-quality", "none.yml"], "none.yml"),
    "a part for the quality line": (
        ["--llm-endpoint", "gold", "--llm-write-quality", "c.yml", "--llm-limit", "1"],
        "whole packs",
    ),
    "a run that is not there": (["--llm-endpoint", "replay:nowhere"], "--llm-endpoint replay:nowhere: "),
    "no folder to write to": (["--llm-endpoint", "gold", "--llm-out", "c.yml/run"], "name a writable folder"),
    "nothing to resume": (["--llm-endpoint", "gold", "--llm-resume"], "no run of gold"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_word_on_the_command_line_is_four(lab: Lab, case: str) -> None:
    """One line, the right word in it, no traceback, nothing left behind."""
    words, told = WRONG[case]
    lab.pack(scenarios(2))
    lab.file("c.yml", "services: {}\n")
    done = lab.run(*words, "-p", "no:cacheprovider")
    assert done.code == 4, done.out
    assert told in "\n".join(line for line in done.lines if line.startswith("ERROR: ")), done.out
    assert "Traceback" not in done.out
    assert "INTERNALERROR" not in done.out
    assert not (lab.root / ".llmbench").exists()


@pytest.mark.parametrize("case", ["endpoint", "no folder to write to", "no number"])
def test_workers_change_nothing_about_it(lab: Lab, case: str) -> None:
    """With -n 2 the message is the same, and comes once."""
    words, told = WRONG[case]
    lab.pack(scenarios(2))
    lab.file("c.yml", "services: {}\n")
    done = lab.run(*words, "-n", "2")
    assert done.code == 4, done.out
    assert sum(told in line for line in done.lines) == 1, done.out
    assert "Traceback" not in done.out


@pytest.mark.parametrize(
    ("words", "env"),
    [((), {"CI": "1"}), (("--llm-gate", "strict"), {}), (("--llm-write-quality", "c.yml"), {})],
    ids=["CI", "gate", "quality"],
)
def test_where_it_counts_no_server_is_guessed(lab: Lab, words: tuple[str, ...], env: dict[str, str]) -> None:
    """The message holds the words to add."""
    lab.pack(scenarios(2))
    lab.file("c.yml", "services: {}\n")
    done = lab.run(*words, **env)
    assert done.code == 4, done.out
    done.holds("--llm-url http://host:port/v1", "--llm-profile embedded")
