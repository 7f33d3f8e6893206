"""Sandboxes of each kind to try things in, with limits that are quickly reached."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from pytest_llmbench.contracts import Conversation, Driver, Sandbox
from pytest_llmbench.records import ExecResult
from pytest_llmbench.sandboxes import LAUNCHERS
from pytest_llmbench.sandboxes.pool import Pool
from pytest_llmbench.settings import SandboxSettings
from tests.sandbox_image import sandbox_image

KINDS = [pytest.param(kind, marks=pytest.mark.needs(kind)) for kind in sorted(LAUNCHERS)]

SMALL = SandboxSettings(
    memory_bytes=256 << 20, time_s=60.0, pids=32, open_files=64, disk_bytes=8 << 20, output_bytes=20_000
)

ECHO = Driver(
    name="echo",
    source="""
def main(channel):
    while True:
        line = channel.read_line()
        if line is None or line == b"stop":
            return
        channel.write(line + b"\\n")
""",
)

PROBE = Driver(
    name="probe",
    source="""
import json

def main(channel):
    while True:
        line = channel.read_line()
        if line is None:
            return
        names = json.loads(line)
        names["channel"] = channel
        exec(names.pop("code"), names)
        channel.write(json.dumps(names.get("answer")).encode() + b"\\n")
""",
)
"""Runs what it is sent, as a hostile program that has taken over its driver could."""


@contextlib.contextmanager
def pool(kind: str, **changes: Any) -> Iterator[Pool]:
    """Yield a sandbox of one kind, closed at the end."""
    settings = replace(SMALL, image=sandbox_image() if kind == "docker" else SMALL.image, **changes)
    made = Pool(LAUNCHERS[kind](settings), settings)
    try:
        yield made
    finally:
        made.close()


def script(sandbox: Sandbox, code: str, *words: str, **how: Any) -> ExecResult:
    """Run Python `code` as a command."""
    return sandbox.run(["python3", "-c", code, *words], **how)


def told(sandbox: Sandbox, code: str, *words: str, **how: Any) -> Any:
    """Run Python `code` as a command that prints JSON, and return what that says."""
    done = script(sandbox, code, *words, **how)
    assert done.exit_code == 0, done
    return json.loads(done.stdout)


def put(talk: Conversation, code: str, **names: Any) -> None:
    """Have a probe run `code`, with these names set."""
    talk.say(json.dumps({"code": code, **names}).encode())


def ask(sandbox: Sandbox, code: str, **names: Any) -> Any:
    """Have a probe run `code` in a conversation of its own, and return what it made ``answer``."""
    with sandbox.converse(PROBE) as talk:
        put(talk, code, **names)
        return json.loads(talk.hear(time_s=30))


def works(sandbox: Sandbox) -> bool:
    """Whether the next command and the next conversation find all in order."""
    with sandbox.converse(ECHO) as talk:
        talk.say(b"still there?")
        heard = talk.hear(time_s=30)
    return heard == b"still there?" and told(sandbox, "print(1)") == 1
