"""Words on the command line that pytest or the shell takes otherwise than they are meant."""

from __future__ import annotations

from pathlib import Path

from tests.plugin.lab import Lab, scenarios
from tests.stub.client import Stub


def test_a_path_after_a_space_does_not_lose_the_ini_file(lab: Lab, stub: Stub, tmp_path: Path) -> None:
    """Pytest would take it for a place of tests, read no settings, and measure without the gate that stands there."""
    lab.pack(scenarios(2, wrong=[1]))
    lab.file("pytest.ini", f"[pytest]\nllmbench_gate = strict\nllmbench_url = {stub.url}\n")
    outside = tmp_path / "outside"
    outside.mkdir()
    done = lab.run("--llm-out", str(outside))
    assert done.code == 4, done.out
    done.holds(f"--llm-out {outside}: after a space pytest takes a path", f"write --llm-out={outside}")
    assert stub.stats()["requests"] == 0
    lab.run(f"--llm-out={outside}").ends(1, "1 wrong answer, and it allows none")


def test_a_path_beside_typed_tests_is_their_affair(lab: Lab, stub: Stub, tmp_path: Path) -> None:
    """Where test paths are typed they decide on the ini file, as ever."""
    lab.pack(scenarios(2))
    lab.file("pytest.ini", f"[pytest]\nllmbench_url = {stub.url}\n")
    (tmp_path / "data").mkdir()
    lab.run("packs", "--llm-data", str(tmp_path / "data"), "--llm-url", stub.url).ends(0, "no wrong answer")


def test_nothing_collected_says_how_packs_are_chosen(lab: Lab, stub: Stub) -> None:
    """A folder without packs: whoever wanted to measure is told the flag, whoever runs other tests is not."""
    told = "add --llm-packs quick"
    assert told in lab.run("--llm-url", stub.url).out
    assert told in lab.run("-m", "quick").out
    assert told not in lab.run().out


def test_home_is_found_after_an_equals_sign(lab: Lab, stub: Stub, tmp_path: Path) -> None:
    """No shell expands ``~`` there."""
    lab.pack(scenarios(2, wrong=[1]))
    (tmp_path / "gate.txt").write_text("mini>=90%\n", encoding="utf-8")
    words = ("--llm-gate=~/gate.txt", "--llm-out=~/run")
    done = lab.run("--llm-url", stub.url, *words, HOME=str(tmp_path))
    done.ends(1, "the gate gate.txt does not hold")
    assert (tmp_path / "run" / "results.json").is_file()


def test_replay_takes_what_every_verb_takes(lab: Lab, stub: Stub) -> None:
    """The newest run, or a part of a run's name; one that does not exist is told with the flag."""
    lab.pack(scenarios(2))
    lab.run("--llm-url", stub.url).ends(0, "no wrong answer")
    lab.run("--llm-endpoint", "replay:latest").ends(0, "no wrong answer")
    done = lab.run("--llm-endpoint", "replay:nowhere")
    assert done.code == 4
    done.holds("--llm-endpoint replay:nowhere: ")


def test_a_model_file_that_is_missing_is_a_mistake_in_what_was_typed(lab: Lab) -> None:
    """Exit 4, not a server that failed, nor another model measured in its place."""
    lab.pack(scenarios(1))
    for more in ((), ("--llm-profile", "embedded")):
        done = lab.run("--llm-model=nowhere.gguf", *more)
        assert done.code == 4, done.out
        done.holds("--llm-model nowhere.gguf: there is no such file")


def test_the_comparison_of_servers_that_all_failed_is_kept_out_of_git(lab: Lab) -> None:
    """The folder gets its .gitignore whoever makes it."""
    lab.pack(scenarios(1))
    lab.file("llmbench.yaml", "profiles:\n  A: {url: 'http://127.0.0.1:9/v1'}\n  B: {url: 'http://127.0.0.1:9/v1'}\n")
    assert lab.run("--llm-profile", "all").code == 6
    assert (lab.root / ".llmbench" / ".gitignore").read_text("ascii") == "*\n"


def test_a_misspelt_variable_is_told(lab: Lab, stub: Stub) -> None:
    """One that is nearly ours; what others call theirs is their affair."""
    lab.pack(scenarios(1))
    done = lab.run("--llm-url", stub.url, LLMBENCH_LIMT="3", LLMBENCH_MY_OWN_THING="x")
    done.holds("llmbench: LLMBENCH_LIMT is set and not read: did you mean LLMBENCH_LIMIT?")
    assert "MY_OWN_THING" not in done.out


def test_a_gate_that_is_left_blank_is_no_missing_gate(lab: Lab, stub: Stub) -> None:
    """An unset variable of the shell must not turn a gate off."""
    lab.pack(scenarios(1, wrong=[1]))
    for flag in ("--llm-gate", "--llm-baseline"):
        done = lab.run("--llm-url", stub.url, flag, "")
        assert done.code == 4, done.out
        done.holds(f'{flag} "" names nothing: is a variable of the shell unset?')
    lab.run("--llm-url", stub.url, LLMBENCH_GATE="").ends(0, "no gate was set")
