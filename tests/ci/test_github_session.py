"""What a whole session tells GitHub and GitLab: page, annotations, metrics, and no command that a model wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ci.conftest import WORSE
from tests.ci.steps import Checkout, Job, commands

QuickJob = Callable[[str, str], Job]

INJECTED = "::add-mask::passed\n  ::error title=forged::forged\nsome ##[set-output name=code]0 more\n"


def test_a_regression_is_annotated_and_has_a_page(quick_job: QuickJob) -> None:
    """The verdict, then each scenario that broke; the page says the same."""
    job = quick_job("github", "worse")
    first, *rest = commands(job.out)
    assert first[0] == "error"
    assert "REGRESSION 30->21 of 30" in first[2]
    assert {properties["title"] for _, properties, _ in rest} == {f"toolcall-15 {name} fails now" for name in WORSE}
    assert "REGRESSION 30-\\>21 of 30" in job.page
    assert "9 scenarios were otherwise in the baseline" in job.page


@pytest.mark.parametrize("mood", ["good", "noisy"])
def test_a_run_that_holds_is_a_notice(quick_job: QuickJob, mood: str) -> None:
    """One line, and a page."""
    job = quick_job("github", mood)
    ((name, _, message),) = commands(job.out)
    assert (name, message) == ("notice", job.last)
    assert "**exit 0: " in job.page


def test_a_dead_server_is_a_warning_that_clears_the_model(quick_job: QuickJob) -> None:
    """It is no error of the model's, and its page says so."""
    job = quick_job("github", "dead")
    ((name, properties, message),) = commands(job.out)
    assert (name, message) == ("warning", job.last)
    assert "not by the model's fault" in properties["title"]
    assert "**exit 6: " in job.page


def test_an_answer_cannot_command_the_runner(checkout: Checkout, tmp_path: Path) -> None:
    """It is printed as text, in full; the annotations are ours."""
    checkout.set(wrong=WORSE, says=dict.fromkeys(WORSE, INJECTED))
    page = tmp_path / "page.md"
    job = checkout.shell(
        "pytest --llm-packs toolcall-15 --llm-profile q4 --llm-gate strict --tb=long -rA",
        GITHUB_ACTIONS="true",
        GITHUB_STEP_SUMMARY=str(page),
    )
    assert job.code == 1, job.out
    unguarded = {name for name, _, _ in commands(job.out.replace("::stop-commands::", ""))}
    assert {"add-mask", "error", "set-output"} <= unguarded
    ((name, properties, _),) = commands(job.out)
    assert (name, properties["title"]) == ("error", "llmbench q4: the gate strict does not hold")
    assert "forged" in page.read_text(encoding="utf-8")


def test_outside_github_nothing_is_said_to_it(quick_job: QuickJob) -> None:
    """GitLab's log has no commands of GitHub's; it gets the metrics."""
    job = quick_job("gitlab", "good")
    assert not list(commands(job.out))
    assert "::" not in job.out.replace("pack.yaml::", "")
    assert job.kept["reports"] == ["junit.xml", "llmbench-run/metrics.txt"]
