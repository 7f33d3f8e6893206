"""The example workflows as files: right by the schemas of GitHub and GitLab, and careful."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ci.steps import GITHUB, GITLAB, extended, read

SCHEMAS = [(GITHUB, "vendor.github-workflows"), (GITLAB, "vendor.gitlab-ci")]


@pytest.mark.parametrize(("path", "schema"), SCHEMAS, ids=["github", "gitlab"])
def test_a_workflow_fits_its_schema(path: Path, schema: str) -> None:
    """The schemas come with check-jsonschema, so no network is needed."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def scripts() -> Iterator[tuple[str, str]]:
    """Yield every script of both files with its name."""
    for name, job in read(GITHUB)["jobs"].items():
        yield from ((f"github {name} {step['name']}", step["run"]) for step in job["steps"] if "run" in step)
    pipeline = read(GITLAB)
    for name in pipeline:
        if name not in ("workflow", "variables"):
            job = extended(pipeline, name)
            yield f"gitlab {name}", "\n".join([*job.get("before_script", []), *job.get("script", [])])


@pytest.mark.parametrize("script", [pytest.param(text, id=name) for name, text in scripts()])
def test_a_script_is_sound(script: str) -> None:
    """Shellcheck finds nothing, and no expression is put into a script, where its value would be code."""
    assert "${{" not in script
    command = [str(Path(sys.executable).with_name("shellcheck")), "--shell=bash", "-"]
    done = subprocess.run(command, input=script, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout


def jobs() -> list[tuple[str, dict[str, Any]]]:
    """Return the jobs of the GitHub workflow."""
    return list(read(GITHUB)["jobs"].items())


def test_github_jobs_are_bounded_and_may_only_read() -> None:
    """One GPU, one job at a time, none for ever, no right to write."""
    workflow = read(GITHUB)
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"] == {"group": "gpu", "queue": "max"}
    assert all(0 < job["timeout-minutes"] <= 600 for _, job in jobs())


def test_a_fork_does_not_run_on_the_runner() -> None:
    """A pull request's code runs only where it comes from this repository."""
    on_pull_request = [job["if"] for _, job in jobs() if "pull_request" in job["if"]]
    assert len(on_pull_request) == 1
    assert "head.repo.full_name == github.repository" in on_pull_request[0]
    assert "pull_request_target" not in read(GITHUB)[True]  # YAML 1.1 takes the key "on" for a truth value


def test_what_was_found_is_kept_whatever_came_of_it() -> None:
    """Artefacts of a failed gate are the ones that are wanted."""
    for name, job in jobs():
        kept = [step for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
        assert any(step.get("if") == "always()" and "llmbench-run" in step["with"]["path"] for step in kept), name
    pipeline = read(GITLAB)
    for name in ("quick gate", "full gate", "capture baseline"):
        assert extended(pipeline, name)["artifacts"]["when"] == "always"


def test_gitlab_jobs_share_one_gpu() -> None:
    """One at a time, each with a limit."""
    pipeline = read(GITLAB)
    for name in ("quick gate", "full gate", "capture baseline"):
        job = extended(pipeline, name)
        assert (job["resource_group"], job["tags"]) == ("gpu", ["gpu"])
        assert "timeout" in job
