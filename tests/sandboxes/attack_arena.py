"""Judges attacks as the house judges answers, and looks for what they did to the host."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from pytest_llmbench.contracts import Sandbox
from pytest_llmbench.records import Exchange, Message, Outcome, Request, Response, Scenario, Turn, Verdict
from pytest_llmbench.verifiers.python_code import PythonCode
from tests.sandboxes.attack_record import Attack, Task

SECRET = "LLMBENCH_ARENA_KEY"
"""An environment variable of the judge's that no program may see."""
MARK = "llmbench-arena-orphan"
"""In the command line of processes that programs leave behind."""


@dataclass(slots=True)
class Arena:
    """A host to be attacked: a port that listens, a folder that everybody may write to, a file to be read."""

    folder: Path
    port: int = 0
    callers: list[str] = field(default_factory=list)

    @property
    def written(self) -> Path:
        """The file that programs try to write."""
        return self.folder / "written"

    @property
    def data(self) -> Path:
        """The file that programs try to read."""
        return self.folder / "tasks.jsonl"

    def program(self, attack: Attack) -> str:
        """Return the attack's program, aimed at this host."""
        aims = {"@PORT@": self.port, "@FILE@": self.written, "@DATA@": self.data, "@SECRET@": SECRET, "@MARK@": MARK}
        text = attack.program
        for place, aim in aims.items():
            text = text.replace(place, str(aim))
        return text

    def harm(self) -> list[str]:
        """Return what programs have done to the host; nothing, that is."""
        found = [f"{self.written} was written"] if self.written.exists() else []
        found += [f"called by {caller}" for caller in self.callers]
        return found + [f"process {pid} lives on" for pid in _marked()]


@contextlib.contextmanager
def arena(folder: Path) -> Iterator[Arena]:
    """Open a host to attacks."""
    folder.chmod(0o777)
    made = Arena(folder)
    made.data.write_text('{"canonical_solution": "return True"}\n')
    before = os.environ.get(SECRET)
    os.environ[SECRET] = "sesame"
    with socket.create_server(("0.0.0.0", 0)) as server:
        made.port = server.getsockname()[1]
        threading.Thread(target=_listen, args=(server, made.callers), daemon=True).start()
        try:
            yield made
        finally:
            os.environ.pop(SECRET) if before is None else os.environ.update({SECRET: before})
            server.shutdown(socket.SHUT_RDWR)


def judged(sandbox: Sandbox, task: Task, program: str) -> tuple[Verdict, float]:
    """Return the verdict on a program, and after how many seconds it came."""
    scenario = Scenario(
        id=task.entry_point, title="", messages=(), dialogue="single_turn", verifier="python_code", checks=(task.check,)
    )
    request = Request(model="m", messages=(Message(role="user", content="?"),))
    answer = Response(content=f"```python\n{program}\n```", finish_reason="stop")
    since = time.monotonic()
    verdict = (
        PythonCode().with_sandbox(sandbox).judge(scenario, Exchange(turns=(Turn(request=request, response=answer),)))
    )
    return verdict, time.monotonic() - since


def disagreement(attack: Attack, verdict: Verdict) -> str:
    """Return what is wrong with a verdict on `attack`, or ""."""
    any_reason = attack.outcome is Outcome.FAIL and attack.reason is None
    if verdict.outcome is not attack.outcome or (verdict.reason is not attack.reason and not any_reason):
        return f"wanted {attack.outcome.value} {attack.reason or ''}".strip()
    return "" if re.search(attack.detail, verdict.detail) else f"wanted {attack.detail!r}"


def _listen(server: socket.socket, callers: list[str]) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, address = server.accept()
            connection.close()
            callers.append(str(address))


def _marked() -> list[int]:
    running = psutil.process_iter(["cmdline"])
    return [process.pid for process in running if MARK in (process.info["cmdline"] or ())]
