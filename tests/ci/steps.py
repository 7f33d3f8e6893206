"""Runs the steps of the example workflows as GitHub and GitLab do, in a checkout whose model is a stub."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / "examples" / "ci" / "github-actions.yml"
GITLAB = ROOT / "examples" / "ci" / "gitlab-ci.yml"
_FOREIGN = re.compile(r"LLMBENCH|PYTEST|CI$|OPENAI|COV_|GITHUB|RUNNER|PYTHON")
_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_INSTALLS = "pip"
_KNOWN = {
    *("add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "notice"),
    *("remove-matcher", "save-state", "set-env", "set-output", "stop-commands", "warning"),
}
"""Names that GitHub's runner takes for commands."""


def read(path: Path) -> dict[str, Any]:
    """Return a workflow file."""
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


@dataclass(frozen=True, kw_only=True)
class Job:
    """How a job ended: the code of the step that failed, all that was printed, and what was kept."""

    code: int
    out: str
    root: Path
    page: str = ""
    kept: dict[str, list[str]] = field(default_factory=dict)
    is_orange: bool = False

    @property
    def last(self) -> str:
        """The line that says how pytest ended."""
        return next(line for line in reversed(self.out.splitlines()) if line.startswith("exit "))

    @property
    def run(self) -> dict[str, Any]:
        """The run's results.json."""
        found = json.loads((self.root / "llmbench-run" / "results.json").read_text(encoding="utf-8"))
        assert isinstance(found, dict)
        return found


class Checkout:
    """A repository with a profile called q4, whose server is `model_server` in the mood that is set."""

    def __init__(self, root: Path) -> None:
        self.root = root
        command = [sys.executable, "-m", "tests.ci.model_server", "--port", "{port}", "--mood", str(root / "mood.json")]
        profile = {"command": command, "env": {"PYTHONPATH": str(ROOT)}, "start_limit": 30}
        (root / "llmbench.yaml").write_text(json.dumps({"profiles": {"q4": profile}}), encoding="utf-8")
        self.set()

    def set(self, **mood: Any) -> None:
        """Choose how the server behaves from its next start on; see `model_server.Model`."""
        (self.root / "mood.json").write_text(json.dumps(mood), encoding="utf-8")

    def github(self, job: str, **values: str) -> Job:
        """Run a job of the GitHub workflow; `values` are what ``${{ env-name }}`` expressions come to, by variable."""
        workflow = read(GITHUB)
        steps = workflow["jobs"][job]["steps"]
        temp = self.root.parent / f"{self.root.name}-temp"
        temp.mkdir(exist_ok=True)
        page = temp / "page.md"
        page.write_bytes(b"")
        given = {**workflow.get("env", {}), **workflow["jobs"][job].get("env", {})}
        environment = {
            **_environment(temp),
            **{name: values.get(name, "") if _EXPRESSION.search(text) else text for name, text in given.items()},
            "GITHUB_ACTIONS": "true",
            "GITHUB_STEP_SUMMARY": str(page),
            "RUNNER_TEMP": str(temp),
        }
        code, out, kept = 0, [], {}
        for step in steps:
            if code and step.get("if") != "always()":
                continue
            if step.get("uses", "").startswith("actions/upload-artifact@"):
                kept[_filled(step["with"]["name"], environment)] = self._found(step["with"]["path"].split())
            elif "run" in step and _INSTALLS not in step["run"]:
                found, text = self._bash(step["run"], environment)
                out.append(text)
                code = code or found
        return Job(code=code, out="".join(out), root=self.root, page=page.read_text(encoding="utf-8"), kept=kept)

    def gitlab(self, name: str) -> Job:
        """Run a job of the GitLab pipeline."""
        pipeline = read(GITLAB)
        job = extended(pipeline, name)
        lines = [line for line in job.get("before_script", []) if "venv" not in line] + job["script"]
        variables = {**pipeline.get("variables", {}), **job.get("variables", {})}
        code, out = self._bash("\n".join(lines), {**_environment(self.root), **variables, "GITLAB_CI": "true"})
        artefacts = job["artifacts"]
        reports = list(artefacts.get("reports", {}).values())
        kept = {"paths": self._found(artefacts["paths"]), "reports": self._found(reports)}
        allowed = job.get("allow_failure", {}).get("exit_codes")
        is_kept = artefacts["when"] == "always" or not code
        return Job(code=code, out=out, root=self.root, kept=kept if is_kept else {}, is_orange=code == allowed)

    def shell(self, script: str, **values: str) -> Job:
        """Run a script beside the checkout's files; `values` are added to its environment."""
        code, out = self._bash(script, {**_environment(self.root), **values})
        return Job(code=code, out=out, root=self.root)

    def _bash(self, script: str, environment: Mapping[str, str]) -> tuple[int, str]:
        done = subprocess.run(
            ["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.root,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout

    def _found(self, names: list[str]) -> list[str]:
        """Return which of the files and folders are there and can be uploaded: nothing hidden, no odd names."""
        there = [name for name in names if (self.root / name).exists() and not name.startswith(".")]
        assert not [path for name in there for path in (self.root / name).rglob("*[:*?<>|]*")]
        return there


def extended(pipeline: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a job with what it extends; mappings are joined."""
    job = dict(pipeline[name])
    base = job.pop("extends", None)
    if base is None:
        return job
    below = extended(pipeline, base)
    joined = {key: {**below[key], **value} for key, value in job.items() if isinstance(below.get(key), dict)}
    return {**below, **job, **joined}


def commands(out: str) -> Iterator[tuple[str, dict[str, str], str]]:
    """Yield the commands GitHub's runner would obey: name, properties, message."""
    stopped = ""
    for line in out.splitlines():
        found = re.match(r"\s*::([\w-]+)(?: ([^:]*(?::[^:]+)*))?::(.*)", line) or re.search(
            r"##\[([\w-]+)(?: ([^\]]*))?\](.*)", line
        )
        if found is None:
            continue
        name, given, message = found.group(1), found.group(2) or "", found.group(3)
        if name not in {*_KNOWN, stopped}:
            continue
        if stopped:
            stopped = "" if name == stopped else stopped
        elif name == "stop-commands":
            stopped = message
        else:
            pairs = (pair.partition("=") for pair in given.split(",") if pair)
            yield name, {key: _plain(value) for key, _, value in pairs}, _plain(message)


def _plain(text: str) -> str:
    for escape, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(escape, char)
    return text


def _filled(text: str, environment: Mapping[str, str]) -> str:
    return _EXPRESSION.sub(lambda found: environment[found.group(1).removeprefix("env.")], text)


def _environment(temp: Path) -> dict[str, str]:
    """Return this machine's environment as a job of any CI has it, with our own installation first."""
    own = {name: value for name, value in os.environ.items() if not _FOREIGN.match(name)}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**own, "PATH": path, "CI": "true", "COLUMNS": "160", "LLMBENCH_CACHE_DIR": str(temp / "cache")}
