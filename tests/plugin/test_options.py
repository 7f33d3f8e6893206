"""Where a setting may come from: the command line wins over the environment, that over the ini file."""

from __future__ import annotations

import pytest

from tests.plugin.lab import Lab, scenarios
from tests.stub.client import Stub

DEAD = "http://127.0.0.1:9/v1"


def test_the_command_line_wins_over_the_environment_and_that_over_the_ini_file(lab: Lab, stub: Stub) -> None:
    """Each of the three is read, and the manifest keeps what came of it."""
    lab.pack(scenarios(2))
    lab.file("pytest.ini", f"[pytest]\nllmbench_url = {stub.url}\nllmbench_max_tokens = 11\nllmbench_timeout = 11\n")
    done = lab.run("--llm-max-tokens", "33", LLMBENCH_MAX_TOKENS="22", LLMBENCH_TIMEOUT="22")
    done.ends(0, "complete")
    settings = done.results["manifest"]["settings"]
    assert (settings["max_tokens"], settings["timeout_s"]) == (33, 22)
    assert {request["body"]["max_tokens"] for request in stub.requests(2)} == {33}
    lab.run("--llm-url", stub.url, LLMBENCH_URL=DEAD).ends(0, "complete")
    lab.run("-n", "2", LLMBENCH_URL=DEAD, LLMBENCH_CONCURRENCY="1").ends(6, "endpoint_unreachable")


def test_a_bad_value_says_where_it_came_from(lab: Lab) -> None:
    """A variable or ini key is named as such, so that nobody searches the command line."""
    lab.pack(scenarios(1))
    done = lab.run("--llm-endpoint", "gold", LLMBENCH_LIMIT="none")
    assert done.code == 4
    done.holds('LLMBENCH_LIMIT: "none" is not a whole number from 1')
    lab.file("pytest.ini", "[pytest]\nllmbench_resume = perhaps\n")
    done = lab.run("--llm-endpoint", "gold")
    assert done.code == 4
    done.holds('llmbench_resume in the ini file: "perhaps" is not true or false')


@pytest.mark.parametrize(("flag", "what"), [("--llm-profile", "profile"), ("--llm-url", "server")])
@pytest.mark.parametrize("blank", ["", " ,"])
def test_a_blank_server_is_refused(lab: Lab, stub: Stub, flag: str, what: str, blank: str) -> None:
    """An unset variable of the shell does not become another server than the one that was meant."""
    lab.pack(scenarios(1))
    for more in ((), ("-n", "1"), (flag, "some")):
        done = lab.run(flag, blank, *more)
        assert done.code == 4
        done.holds(f'{flag} "{blank}" names no {what}: is a variable of the shell unset?')
        assert "INTERNALERROR" not in done.out
    lab.run("--llm-url", stub.url, LLMBENCH_PROFILE="", LLMBENCH_URL="").ends(0, "complete")


def test_a_server_typed_wins_over_one_configured(lab: Lab, stub: Stub) -> None:
    """A URL on the command line is not refused because the environment names a profile."""
    lab.pack(scenarios(1))
    lab.run("--llm-url", stub.url, LLMBENCH_PROFILE="embedded").ends(0, "complete")


def test_paths_are_relative_to_where_pytest_was_started(lab: Lab, stub: Stub) -> None:
    """--llm-out is the run folder itself; nothing else is written."""
    lab.pack(scenarios(1))
    lab.run("--llm-url", stub.url, "--llm-out", "runs/one").ends(0, "complete")
    assert (lab.root / "runs" / "one" / "results.json").is_file()
    assert not (lab.root / ".llmbench").exists()
    again = lab.run("--llm-url", stub.url, "--llm-out", "runs/one")
    assert again.code == 4
    again.holds("holds a finished run", "--llm-resume")


def test_every_option_is_documented_by_help(lab: Lab) -> None:
    """--help lists the flags and the ini keys."""
    done = lab.run("--help")
    flags = {word for line in done.lines for word in line.split() if word.startswith("--llm-")}
    flags = {flag.split("=")[0].rstrip(",;)") for flag in flags}
    assert {"--llm-url", "--llm-packs", "--llm-resume", "--llm-out", "--llm-gate"} <= flags
    assert "llmbench_url" in done.out
