"""Real runs for the verbs that read them: a pytest session in a folder, against the stub or recorded answers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

OWN_VERIFIER = """
from pytest_llmbench.records import Outcome, Reason, Verdict


class Loud:
    name = "loud"
    rules_version = "{version}"

    def problems(self, scenario):
        return ()

    def judge(self, scenario, exchange):
        {body}


def pytest_llmbench_families(families):
    families.verifiers["loud"] = Loud()
"""
"""A conftest or plugin with a verifier called loud; `body` is that of its `judge`."""

_FOREIGN = re.compile(r"LLMBENCH|PYTEST|CI$|OPENAI|COV_|PYTHON|GITHUB|GITLAB")


def session(root: Path, *words: str) -> str:
    """Run pytest in `root` with these words and return what it said; its exit code does not matter."""
    environment = {name: value for name, value in os.environ.items() if not _FOREIGN.match(name)}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False)
    return done.stdout + done.stderr


def measured(root: Path, *words: str) -> Path:
    """Run pytest in `root` and return the folder of the run it left."""
    said = session(root, *words)
    runs = sorted((root / ".llmbench" / "runs").glob("*"), key=lambda path: path.stat().st_mtime_ns)
    assert runs, said
    return runs[-1]


def copied(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of a project with a run in it, and be in that."""
    root = tmp_path / "project"
    shutil.copytree(project, root)
    monkeypatch.chdir(root)
    return root


def results_of(run: Path) -> dict[str, Any]:
    """Return a run's results.json."""
    found = json.loads((run / "results.json").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def verdicts_of(run: Path) -> dict[str, str]:
    """Return outcome and reason of each scenario's first attempt."""
    trials = [trial for trial in results_of(run)["trials"] if trial["attempt"] == 1]
    return {trial["scenario"]: " ".join(filter(None, [trial["outcome"], trial["reason"]])) for trial in trials}


def manifest_of(run: Path) -> dict[str, Any]:
    """Return a run's manifest."""
    found = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found
