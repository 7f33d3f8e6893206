"""Sessions as a user starts them, packs that a stub can answer, and what a run leaves behind."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]
OUTPUT = "output.txt"
LIMIT_S = 60.0
"""Seconds after which a session counts as hanging."""

_FOREIGN = re.compile(r"LLMBENCH|PYTEST|CI$|OPENAI|COV_|LINES$|PYTHON")


def scenario(name: str, *, right: bool = True, marks: str = "", **more: Any) -> dict[str, Any]:
    """Return a scenario that the stub's echo answers rightly or wrongly; `marks` such as ``[[seconds=0.3]]``."""
    said = f"{name}: the word is {'good' if right else 'bad'} {marks}"
    return {"id": name, "title": name, "prompt": said, "checks": [{"kind": "mentions", "words": ["good"]}], **more}


def scenarios(count: int, *, wrong: Sequence[int] = (), marks: str = "", **more: Any) -> list[dict[str, Any]]:
    """Return scenarios S-01, S-02, ...; those numbered in `wrong` get a wrong answer."""
    return [
        scenario(f"S-{number:02d}", right=number not in wrong, marks=marks, **more) for number in range(1, count + 1)
    ]


def write_pack(root: Path, cases: Sequence[Mapping[str, Any]], *, name: str = "mini", **more: Any) -> Path:
    """Write ``packs/<name>/pack.yaml`` below `root` and return its path. JSON values are YAML."""
    pack = {
        "llmbench": 1,
        "id": name,
        "title": name.title(),
        "version": "1.0.0",
        "licence": "Apache-2.0",
        "source": "Written for a test.",
        "tags": ["small"],
        "dimension": "Nothing.",
        "floor": 0.5,
        "defaults": {"dialogue": "single_turn", "verifier": "instructions", "max_tokens": 64, "timeout_s": 30},
        "scenarios": list(cases),
        **more,
    }
    path = root / "packs" / name / "pack.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in pack.items()), encoding="utf-8")
    return path


@dataclass(frozen=True, kw_only=True)
class Session:
    """How a session ended. `out` is stdout and stderr together."""

    code: int
    out: str
    root: Path
    seconds: float

    @property
    def lines(self) -> list[str]:
        """What was printed."""
        return self.out.splitlines()

    @property
    def last(self) -> str:
        """The last line that is not empty."""
        return next((line for line in reversed(self.lines) if line.strip()), "")

    @property
    def progress(self) -> list[str]:
        """The lines of finished trials."""
        return [line for line in self.lines if re.match(r"\[ *\d+/\d+\] ", line)]

    @property
    def run_dir(self) -> Path:
        """The run folder of the newest run."""
        return max((self.root / ".llmbench" / "runs").iterdir(), key=lambda path: path.stat().st_mtime_ns)

    @property
    def results(self) -> dict[str, Any]:
        """The run's results.json; NaN and Infinity, which are no JSON, are refused."""
        return read_results(self.run_dir)

    @property
    def verdicts(self) -> dict[str, str]:
        """Outcome, and reason where there is one, of every first attempt by scenario."""
        return {
            trial["scenario"]: " ".join(filter(None, [trial["outcome"], trial["reason"]]))
            for trial in self.results["trials"]
            if trial["attempt"] == 1
        }

    def holds(self, *texts: str) -> None:
        """Assert that each text was printed."""
        missing = [text for text in texts if text not in self.out]
        assert not missing, f"{missing} not in:\n{self.out}"

    def ends(self, code: int, words: str) -> None:
        """Assert the exit code and that the last line says it, with these words."""
        assert (self.code, self.last[: len(f"exit {code}: ")]) == (code, f"exit {code}: "), self.out
        assert words in self.last, self.out


def read_results(run_dir: Path) -> dict[str, Any]:
    """Return a run's results.json, which must be JSON that every parser accepts."""

    def refuse(text: str) -> None:
        raise AssertionError(f"{text} is no JSON")

    found = json.loads((run_dir / "results.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert isinstance(found, dict)
    return found


class Nursery:
    """Forks sessions off a process that has imported what they need; see `nursery`."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.plugin.nursery"]
        pipe = subprocess.PIPE
        self._count = itertools.count()
        self._process = subprocess.Popen(command, cwd=CHECKOUT, env=_clean(), stdin=pipe, stdout=pipe, text=True)

    def start(self, words: Sequence[str], root: Path, env: Mapping[str, str]) -> tuple[int, Path]:
        """Start a session; return its process id and the file that will hold its exit code."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        code = root.parent / f"{root.name}-code-{next(self._count)}"
        asked = {"words": words, "root": str(root), "env": dict(env), "out": str(root / OUTPUT), "code": str(code)}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline()), code

    def stop(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


class Running:
    """A session that goes on, in a process group of its own."""

    def __init__(self, pid: int, root: Path, poll: Callable[[], int | None]) -> None:
        self.pid = pid
        self._root = root
        self._poll = poll
        self._began = time.monotonic()

    @property
    def so_far(self) -> str:
        """What was printed until now."""
        return (self._root / OUTPUT).read_text(encoding="utf-8", errors="replace")

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._poll() is not None

    def wait_for(self, text: str, count: int = 1, *, limit_s: float = 30.0) -> None:
        """Wait until `text` was printed `count` times."""
        end = time.monotonic() + limit_s
        while self.so_far.count(text) < count:
            assert time.monotonic() < end, f"{text!r} was not printed {count} times:\n{self.so_far}"
            assert not self.is_over, f"it ended before {text!r} was printed {count} times:\n{self.so_far}"
            time.sleep(0.02)

    def interrupt(self) -> None:
        """Press Ctrl-C: every process of the terminal's foreground group gets the signal."""
        os.killpg(self.pid, signal.SIGINT)

    def kill(self) -> None:
        """Kill -9 all of its processes at once, those it left behind too."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        while not self.is_over:
            time.sleep(0.01)

    def end(self, *, limit_s: float = LIMIT_S) -> Session:
        """Wait for the end; a session that hangs is killed and fails the test."""
        limit = time.monotonic() + limit_s
        while (code := self._poll()) is None:
            if time.monotonic() > limit:
                self.kill()
                raise AssertionError(f"still running after {limit_s} s:\n{self.so_far}")
            time.sleep(0.01)
        self.kill()
        return Session(code=code, out=self.so_far, root=self._root, seconds=time.monotonic() - self._began)


class Lab:
    """Starts sessions in a folder of their own, free of the settings this test run has."""

    def __init__(self, root: Path, nursery: Nursery) -> None:
        self.root = root
        self._nursery = nursery
        self._running: list[Running] = []

    def pack(self, cases: Sequence[Mapping[str, Any]], *, name: str = "mini", **more: Any) -> Path:
        """Write a pack; see `write_pack`."""
        return write_pack(self.root, cases, name=name, **more)

    def file(self, name: str, text: str) -> Path:
        """Write a file, its text freed of common indentation."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    def start(self, *words: str, fresh: bool = False, **env: str) -> Running:
        """Start pytest with these words and these additions to the environment; `fresh` for a new interpreter."""
        (self.root / OUTPUT).write_bytes(b"")
        every = ("-p", "no:hypothesispytest", *words)
        around = {**_clean(), **env}
        running = self._fresh(every, around) if fresh or "PYTHONPATH" in env else self._forked(every, around)
        self._running.append(running)
        return running

    def _fresh(self, words: Sequence[str], env: Mapping[str, str]) -> Running:
        command = [sys.executable, "-m", "pytest", *words]
        with (self.root / OUTPUT).open("ab") as out:
            process = subprocess.Popen(
                command,
                cwd=self.root,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Running(process.pid, self.root, process.poll)

    def _forked(self, words: Sequence[str], env: Mapping[str, str]) -> Running:
        pid, code = self._nursery.start(words, self.root, env)
        return Running(pid, self.root, lambda: int(code.read_text("ascii")) if code.exists() else None)

    def run(self, *words: str, fresh: bool = False, **env: str) -> Session:
        """Run pytest to its end; see `start`."""
        return self.start(*words, fresh=fresh, **env).end()

    def site(self) -> str:
        """Lay the package out as a wheel does, packs inside, and return the folder to put on PYTHONPATH."""
        folder = self.root.parent / "site"
        if not folder.exists():
            leave = shutil.ignore_patterns("__pycache__", ".*")
            shutil.copytree(CHECKOUT / "pytest_llmbench", folder / "pytest_llmbench", ignore=leave)
            shutil.copytree(CHECKOUT / "packs", folder / "pytest_llmbench" / "_packs", ignore=leave)
        return str(folder)

    def stop(self) -> None:
        """Leave nothing running."""
        for running in self._running:
            running.kill()


def _clean() -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not _FOREIGN.match(name)},
        "COLUMNS": "160",
    }
