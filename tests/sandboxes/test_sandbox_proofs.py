"""Proofs of a sandbox's promises: kept by ours (see the contract's battery), and seen to be broken by none at all."""

from __future__ import annotations

import ast
import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from pytest_llmbench.contracts import Conversation, Driver
from pytest_llmbench.errors import SandboxFailed
from pytest_llmbench.records import Ended, ExecResult
from pytest_llmbench.sandboxes import proof_program, proofs
from pytest_llmbench.sandboxes.proofs import Bench, proof_settings, prove
from pytest_llmbench.settings import SandboxSettings


class NoSandbox:
    """Runs programs right here, as no sandbox does."""

    name = "none"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def describe(self) -> Mapping[str, str]:
        """See `Sandbox`."""
        return {}

    def run(
        self,
        command: Sequence[str],
        *,
        files: Mapping[str, bytes] | None = None,
        stdin: bytes = b"",
        time_s: float | None = None,
    ) -> ExecResult:
        """See `Sandbox`."""
        for name, content in (files or {}).items():
            (self._folder / name).write_bytes(content)
        done = subprocess.run(
            [sys.executable, *command[1:]], check=False, input=stdin, capture_output=True, cwd=self._folder
        )
        return ExecResult(ended=Ended.EXITED, exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr)

    def converse(
        self, driver: Driver, *, time_s: float | None = None
    ) -> contextlib.AbstractContextManager[Conversation]:
        """See `Sandbox`; no proof needs one."""
        raise NotImplementedError

    @contextlib.contextmanager
    def turn(self, *, alone: bool = False) -> Iterator[bool]:
        """See `Sandbox`."""
        yield False

    def close(self) -> None:
        """See `Sandbox`."""


class Told(NoSandbox):
    """Answers every program with one result."""

    def __init__(self, result: ExecResult | SandboxFailed) -> None:
        self._result = result

    def run(self, *_: object, **__: object) -> ExecResult:  # type: ignore[override]
        """See `Sandbox`."""
        if isinstance(self._result, SandboxFailed):
            raise self._result
        return self._result


@pytest.mark.parametrize(
    ("promise", "seen"),
    [
        ("nothing of the host answers", "the host answers at"),
        ("no files or processes of the host", "of the host is there"),
        ("an empty environment", "the variable LLMBENCH_A_SECRET is to be seen"),
        ("no root, no capabilities", "setuid programs would work"),
        ("output is limited", "bytes were kept"),
    ],
)
def test_a_broken_promise_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, promise: str, seen: str) -> None:
    """A proof that cannot fail proves nothing: these are run without a sandbox."""
    monkeypatch.setenv("LLMBENCH_A_SECRET", "x")
    bench = Bench(NoSandbox(tmp_path), SandboxSettings())
    assert seen in proofs._PROMISES[promise](bench)


@pytest.mark.parametrize(
    ("promise", "result", "fault"),
    [
        ("Python starts", ExecResult(ended=Ended.EXITED, exit_code=0, stdout=b"3 7\n"), "3.7: 3.8 or newer is needed"),
        ("Python starts", ExecResult(ended=Ended.EXITED, exit_code=127), "the probe exited with code 127"),
        ("Python starts", ExecResult(ended=Ended.EXITED, exit_code=0, stdout=b"3 8\n"), ""),
        ("no network", ExecResult(ended=Ended.SIGNALLED, signal=9), "the probe signalled by signal 9"),
        ("no network", ExecResult(ended=Ended.EXITED, exit_code=0, stdout=b'["a", "b"]\n'), "a; b"),
        ("disk is limited", ExecResult(ended=Ended.EXITED, exit_code=0, stdout=b"[]\n"), ""),
        ("disk is limited", ExecResult(ended=Ended.EXITED, exit_code=1, stderr=b"x\nwhy\n"), "code 1: why"),
        ("memory of one process is limited", ExecResult(ended=Ended.OUT_OF_MEMORY), ""),
        ("memory of all together is limited", ExecResult(ended=Ended.EXITED, exit_code=0, stdout=b'["used"]'), "used"),
        ("time is limited, whatever is ignored", ExecResult(ended=Ended.TIMED_OUT), ""),
        ("time is limited, whatever is ignored", ExecResult(ended=Ended.SIGNALLED, signal=9), "signal 9"),
        ("killing everything kills only itself", ExecResult(ended=Ended.EXITED, exit_code=0), "exited with code 0"),
    ],
)
def test_what_a_probe_says_becomes_a_fault(promise: str, result: ExecResult, fault: str) -> None:
    """A probe that ends as it should not is a fault as well as one that has reached something."""
    found = proofs._PROMISES[promise](Bench(Told(result), SandboxSettings()))
    assert found == "" if not fault else fault in found


def test_a_sandbox_that_breaks_is_a_fault_of_each_promise() -> None:
    """The list goes on: a later promise may still be kept."""
    found = list(prove(Told(SandboxFailed("gone")), SandboxSettings()))
    assert len(found) == len(proofs._PROMISES)
    assert {proof.fault for proof in found} == {"the sandbox broke: gone"}


def test_no_promise_is_made_that_the_settings_take_back() -> None:
    """With the network allowed, two promises fewer are proven."""
    found = [proof.promise for proof in prove(Told(SandboxFailed("gone")), SandboxSettings(network=True))]
    assert len(found) == len(proofs._PROMISES) - 2
    assert "no network" not in found


def test_proofs_are_made_with_small_limits() -> None:
    """A sandbox that does not hold must not take the machine's memory when that is found out."""
    small = proof_settings(SandboxSettings())
    assert (small.memory_bytes, small.disk_bytes) == (256 << 20, 8 << 20)
    own = SandboxSettings(memory_bytes=64 << 20, disk_bytes=1 << 20, pids=8)
    assert proof_settings(own) == own


def test_the_program_runs_on_the_oldest_python() -> None:
    """Its syntax is that of 3.8, and it imports nothing of ours."""
    text = Path(proof_program.__file__).read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 8))
    imports = [line for line in text.splitlines() if line.startswith(("import ", "from "))]
    assert all("pytest_llmbench" not in line for line in imports)
    assert set(proof_program.PROBES) >= {"network", "traces", "murder"}
