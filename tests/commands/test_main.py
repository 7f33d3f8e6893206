"""The command itself: its verbs, its version, what it says to a wrong command line."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from pytest_llmbench import __version__
from pytest_llmbench.commands.main import VERBS, main


def test_without_a_verb_the_verbs_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Who types the bare command wants to know what there is."""
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert all(f"\n    {name}" in printed and verb.help in " ".join(printed.split()) for name, verb in VERBS.items())


def test_the_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    """The first thing a bug report needs."""
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"pytest-llmbench {__version__}\n"


@pytest.mark.parametrize("arguments", [["selftset"], ["selftest", "--fast"]])
def test_a_wrong_command_line_is_exit_4(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """As pytest has it for usage errors."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 4
    assert "usage: llmbench" in capsys.readouterr().err


def test_it_runs_as_a_program() -> None:
    """Nothing but the package is needed; no pytest session is started."""
    command = [sys.executable, "-m", "pytest_llmbench.commands.main", "selftest", "no-such-pack"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith('no pack, tag or path "no-such-pack"')


def test_ctrl_c_is_one_line() -> None:
    """Whoever stops it need not read a traceback."""
    command = [sys.executable, "-m", "pytest_llmbench.commands.main", "selftest", "structoutput-15", "dataextract-15"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("structoutput-15")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "interrupted\n")


def test_a_reader_who_has_seen_enough_is_no_error() -> None:
    """As in ``llmbench selftest -v | head``."""
    line = f"{sys.executable} -m pytest_llmbench.commands.main selftest -v toolcall-15 | head -n 1"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=60, check=False)  # noqa: S602 - a pipe
    assert done.stdout.startswith("toolcall-15")
    assert done.stderr == ""
