"""A pack whose own recorded answers are judged wrongly is not run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.plugin.lab import Lab, scenarios
from tests.stub.client import Stub

RIGHT, WRONG = "the word is good", "the word is bad"


def write_gold(pack: Path, *, right: str = RIGHT, wrong: str = WRONG, count: int = 3) -> None:
    """Record a passing and a failing answer for each of the pack's scenarios."""
    answers = {
        "pass": [{"note": "plain", "text": right}],
        "fail": [{"note": "near miss", "reason": "missing_field", "text": wrong}],
    }
    book = {f"S-{number:02d}": answers for number in range(1, count + 1)}
    pack.with_name("gold.yaml").write_text(json.dumps(book), encoding="utf-8")


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "two workers"])
def test_a_pack_whose_right_answer_fails_is_refused(lab: Lab, stub: Stub, workers: list[str]) -> None:
    """Its scenarios are errors of ours, nothing is asked for them, and other packs go on."""
    write_gold(lab.pack(scenarios(3)), right="the word is fine")
    lab.pack(scenarios(2), name="other")
    done = lab.run("--llm-url", stub.url, *workers)
    done.ends(6, "3 verifier_error")
    done.holds('the recorded answer "plain" of S-01 must be PASS and is judged FAIL', "llmbench selftest")
    assert done.results["total"]["text"] == "2/2, 3 errors"
    assert len([one for one in stub.requests() if one["body"].get("max_tokens") == 64]) == 2


def test_a_pack_whose_wrong_answer_passes_is_refused(lab: Lab, stub: Stub) -> None:
    """A check that lets anything through measures as little as one that lets nothing through."""
    write_gold(lab.pack(scenarios(3)), wrong="good luck")
    done = lab.run("--llm-url", stub.url)
    done.ends(6, "3 verifier_error")
    done.holds('the recorded answer "near miss" of S-01 must be FAIL and is judged PASS')


def test_recorded_answers_that_cannot_be_read_prove_nothing(lab: Lab, stub: Stub) -> None:
    """The refusal names the place in the file."""
    lab.pack(scenarios(1)).with_name("gold.yaml").write_text("S-01:\n  pas: []\n", encoding="utf-8")
    done = lab.run("--llm-url", stub.url)
    done.ends(6, "1 verifier_error")
    done.holds("gold.yaml:2", 'did you mean "pass"?')


def test_a_pack_that_is_proved_runs(lab: Lab, stub: Stub) -> None:
    """Right answers pass, wrong ones fail: the model may be asked."""
    write_gold(lab.pack(scenarios(3)))
    lab.run("--llm-url", stub.url).ends(0, "complete")


def test_a_resumed_run_does_not_keep_verdicts_of_a_pack_that_is_refused_now(lab: Lab, stub: Stub) -> None:
    """What could not be believed at the start cannot be believed at the second go."""
    pack = lab.pack(scenarios(3))
    write_gold(pack)
    lab.run("--llm-url", stub.url, "--llm-out", "run").ends(0, "complete")
    write_gold(pack, right="the word is fine")
    lab.run("--llm-url", stub.url, "--llm-out", "run", "--llm-resume").ends(6, "3 verifier_error")


def test_answers_for_no_scenario_prove_nothing(lab: Lab, stub: Stub) -> None:
    """A misspelt id would leave its scenario unproved without a word."""
    write_gold(lab.pack(scenarios(2)), count=3)
    done = lab.run("--llm-url", stub.url)
    done.ends(6, "2 verifier_error")
    done.holds("has answers for S-03, which is no scenario")
