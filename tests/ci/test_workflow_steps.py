"""The steps of the example workflows, run against a server that answers by heart: good, worse, noisy, dead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from tests.ci.steps import Checkout, Job

QuickJob = Callable[[str, str], Job]

both = pytest.mark.parametrize("where", ["github", "gitlab"])


def kept(job: Job) -> set[str]:
    """Return all files and folders that can be looked at when the job is over."""
    return {name for names in job.kept.values() for name in names}


def test_a_baseline_is_captured_from_three_attempts(captured: Job) -> None:
    """It is kept to be committed, and so is the run."""
    assert captured.code == 0, captured.out
    assert captured.kept == {"baselines": ["baselines"], "llmbench-baseline-run": ["llmbench-run"]}
    assert '"TC-01": "3/3"' in (captured.root / "baselines" / "q4.thinking-pack.json").read_text(encoding="utf-8")


@both
def test_a_model_that_is_as_good_passes(quick_job: QuickJob, where: str) -> None:
    """The quick packs are held against the baseline of all."""
    job = quick_job(where, "good")
    assert (job.code, job.last[:7]) == (0, "exit 0:"), job.out
    assert job.run["total"]["passed"] == 30
    assert {"llmbench-run", "report.html", "junit.xml"} <= kept(job)


@both
def test_a_model_that_got_worse_fails_with_one_sentence(quick_job: QuickJob, where: str) -> None:
    """What broke was asked again, and the results are kept."""
    job = quick_job(where, "worse")
    assert (job.code, job.is_orange) == (1, False), job.out
    assert "REGRESSION 30->21 of 30, most in toolcall-15 15->6 (exact paired test p<" in job.last
    assert "confirmed 9/9" in job.last
    assert {"llmbench-run", "report.html", "junit.xml"} <= kept(job)


def test_noise_passes(quick_job: QuickJob) -> None:
    """Two scenarios flip, and are right when they are asked again."""
    job = quick_job("github", "noisy")
    assert job.code == 0, job.out
    assert "NOISE 2 flips" in job.last


@both
def test_a_server_that_does_not_start_is_no_regression(quick_job: QuickJob, where: str) -> None:
    """It is told with its own last words, and the job ends with 6, which GitLab shows in orange."""
    job = quick_job(where, "dead")
    assert (job.code, job.is_orange) == (6, where == "gitlab"), job.out
    assert "out of memory" in job.out
    assert "not the model's" in job.last
    assert "REGRESSION" not in job.out


def test_a_server_that_dies_once_costs_only_what_is_missing(quick_job: QuickJob) -> None:
    """The second try asks the rest, and the job is green."""
    job = quick_job("github", "dying")
    assert (job.code, job.out.count("\nexit 6: ")) == (0, 1), job.out
    assert job.run["total"]["passed"] == 30


def test_the_night_asks_all_packs(checkout: Checkout) -> None:
    """A pack that the pull request does not ask is watched too."""
    checkout.set(wrong={f"RM-{number:02d}": 99 for number in range(1, 9)})
    job = checkout.github("gate", PROFILE="q4", PACKS="full")
    assert job.code == 1, job.out
    assert "75->67 of 75, most in reasonmath-15 15->7" in job.last
    assert "llmbench-full" in job.kept


def test_junit_names_each_scenario_once(quick_job: QuickJob) -> None:
    """GitLab drops the second test of one name; a failure's text has an end."""
    job = quick_job("gitlab", "worse")
    cases = list(ElementTree.parse(job.root / "junit.xml").iter("testcase"))
    names = Counter((case.get("classname"), case.get("name")) for case in cases)
    assert len(names) == 30
    assert set(names.values()) == {1}
    failures = [failure for case in cases for failure in case.iter("failure")]
    assert len(failures) == 9
    assert all(0 < len(failure.text or "") < 20_000 for failure in failures)
