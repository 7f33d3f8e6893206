"""What --llm-baseline names, and what a run held against it comes to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_llmbench import baselines
from pytest_llmbench.against import Against, find_against
from pytest_llmbench.baselines import Baseline
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.flips import Key
from pytest_llmbench.records import Outcome, PackFacts, Purpose, Result, TrialKey, Verdict


def baseline(attempts: Mapping[Key, tuple[int, int]], *, slug: str = "stub", thinking: str = "pack") -> Baseline:
    """Return a baseline of these attempts."""
    return Baseline(
        slug=slug,
        thinking=thinking,
        model="a model",
        runs=("a run",),
        captured_at="2026-01-01T00:00:00",
        facts={"pack mini": "v1 abc"},
        attempts=attempts,
    )


def result(scenario: str, outcome: Outcome, *, purpose: Purpose = Purpose.ITEM) -> Result:
    """Return a verdict on an attempt at a scenario of the pack mini."""
    return Result(
        key=TrialKey(pack="mini", pack_hash="abc", scenario=scenario, attempt=1),
        nodeid=scenario,
        title=scenario,
        purpose=purpose,
        verdict=Verdict(outcome=outcome),
        pack=PackFacts(id="mini", title="Mini", version="1", content_hash="abc", size=20),
    )


def found(text: str, here: Path, *, profile: str = "") -> Against:
    """Return what a text means below `here`."""
    return find_against(text, thinking="pack", profile=profile, here=here, runs=here / "runs")


def test_a_slug_is_found_beside_a_folder_of_the_same_name(tmp_path: Path) -> None:
    """A folder of models may be called as the model is; blanks around a name mean nothing."""
    baselines.write(tmp_path / "baselines", baseline({("mini", "A"): (1, 1)}))
    (tmp_path / "stub").mkdir()
    assert found(" stub ", tmp_path).baseline.slug == "stub"
    assert found("{profile}", tmp_path, profile="stub").name == "stub"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{profile}", "none is measured: add --llm-profile"),
        ("x" * 5000, "cannot be read: File name too long"),
        ("../nowhere/x.json", 'there is no file or folder "../nowhere/x.json"'),
        ("a name", 'there is no file or folder "a name"'),
        ("stubb", 'there is no baseline "stubb": there are stub'),
        ("latest", "there is no run below"),
        ("folder", "holds no run of pytest-llmbench"),
    ],
)
def test_what_is_not_there_is_told(tmp_path: Path, text: str, told: str) -> None:
    """Whatever was typed, the error is one line about it."""
    baselines.write(tmp_path / "baselines", baseline({("mini", "A"): (1, 1)}))
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageProblem, match=re.escape(told)) as caught:
        found(text, tmp_path)
    assert len(str(caught.value)) < 800


def test_another_thinking_mode_is_told_before_any_run(tmp_path: Path) -> None:
    """The slug is there, for the other arm."""
    baselines.write(tmp_path / "baselines", baseline({("mini", "A"): (1, 1)}, thinking="off"))
    with pytest.raises(UsageProblem, match="captured with thinking off: add --llm-thinking off"):
        found("stub", tmp_path)


def test_a_baseline_must_know_some_of_what_is_asked() -> None:
    """One scenario in common will do."""
    against = Against(name="stub", baseline=baseline({("mini", "A"): (1, 1)}))
    against.check_known([("mini", "A"), ("mini", "B")])
    with pytest.raises(UsageProblem, match="knows mini, and none"):
        against.check_known([("mini", "B")])


def test_an_alarm_is_undecided_until_each_flip_was_asked_again() -> None:
    """An error is no further verdict; the sentence and the plain record say how many lack one."""
    names = [f"S-{number:02d}" for number in range(20)]
    against = Against(name="stub", baseline=baseline({("mini", name): (1, 1) for name in names}))
    every = [result(name, Outcome.FAIL if name < "S-08" else Outcome.PASS) for name in names]
    fresh = [result(name, Outcome.FAIL, purpose=Purpose.CONFIRM) for name in names[:6]]
    fresh += [result(name, Outcome.ERROR, purpose=Purpose.CONFIRM) for name in names[6:8]]
    open_ = against.held({}, every, fresh)
    assert open_.undecided == "2 scenarios that flipped were not asked again"
    assert open_.plain()["sentence"].endswith("; 2 scenarios that flipped were not asked again")
    fresh += [result(name, Outcome.FAIL, purpose=Purpose.CONFIRM) for name in names[6:8]]
    assert not against.held({}, every, fresh).undecided


def test_without_an_alarm_nothing_is_undecided() -> None:
    """One flip among twenty passes whether it was asked again or not."""
    names = [f"S-{number:02d}" for number in range(20)]
    against = Against(name="stub", baseline=baseline({("mini", name): (1, 1) for name in names}))
    every = [result(name, Outcome.FAIL if name == "S-00" else Outcome.PASS) for name in names]
    held = against.held({}, every, [])
    assert (held.undecided, held.verdict.passed) == ("", True)
