"""Each kind of check, the parts it may look at, and the verdict they make together."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmbench.datasets import READERS, load_gold
from pytest_llmbench.records import Exchange, Message, Outcome, Reason, Request, Response, Scenario, Turn, Verdict
from pytest_llmbench.verifiers.instructions import KINDS, Instructions
from tests.patience import cpu_seconds
from tests.verifiers.instruction_cases import CASES, CHECKS, TWO_TURNS, Check

PACK = Path(__file__).resolve().parents[2] / "packs" / "instructfollow-15"


def scenario_of(*checks: Check, turns: int = 1) -> Scenario:
    """Return a scenario of `turns` user turns with these checks."""
    return Scenario(
        id="S",
        title="s",
        messages=(Message(role="user", content="q"),),
        dialogue="single_turn",
        verifier="instructions",
        followups=("more",) * (turns - 1),
        checks=checks,
    )


def judge(check: Check | tuple[Check, ...], *answers: str) -> Verdict:
    """Judge `answers`, one per turn, by one check or several."""
    checks = check if isinstance(check, tuple) else (check,)
    said = tuple(Turn(request=Request(model="m", messages=()), response=Response(content=one)) for one in answers)
    return Instructions().judge(scenario_of(*checks, turns=len(answers)), Exchange(turns=said))


def _cases() -> list[Any]:
    return [
        pytest.param(check, answer, passes, id=f"{check['kind']}-{'right' if passes else 'wrong'}-{number}-{at}")
        for number, (check, right, wrong) in enumerate(CASES)
        for passes, answers in ((True, right), (False, wrong))
        for at, answer in enumerate(answers)
    ]


@pytest.mark.parametrize(("check", "answer", "passes"), _cases())
def test_each_kind_tells_right_from_wrong(check: Check, answer: str, passes: bool) -> None:  # noqa: FBT001
    """What keeps to the rule passes however it is dressed, a near miss fails for the kind's own reason."""
    verdict = judge(check, answer)
    assert (verdict.outcome is Outcome.PASS) == passes, verdict.detail
    if not passes and answer.strip():
        assert verdict.reason is KINDS[check["kind"]].reason
        assert verdict.detail.startswith(f"{check['kind']}: ")
    assert list(Instructions().problems(scenario_of(check))) == []


@pytest.mark.parametrize(("check", "right", "wrong"), TWO_TURNS)
def test_rules_reach_from_turn_to_turn(
    check: Check, right: list[tuple[str, str]], wrong: list[tuple[str, str]]
) -> None:
    """The second answer is held against the first."""
    assert [judge(check, *answers).outcome for answers in right] == [Outcome.PASS] * len(right)
    assert [judge(check, *answers).outcome for answers in wrong] == [Outcome.FAIL] * len(wrong)
    assert list(Instructions().problems(scenario_of(check, turns=2))) == []


def test_every_kind_has_a_case_and_says_what_it_sees() -> None:
    """No kind is untested, none lacks the docstring that tells its limits."""
    assert {check["kind"] for check in CHECKS} == set(KINDS)
    assert all("Sees" in (kind.check.__doc__ or "") for kind in KINDS.values())


@pytest.mark.parametrize(
    ("part", "word"),
    [
        ({"line": 1}, "head"),
        ({"line": -1}, "tail"),
        ({"paragraph": 2}, "second"),
        ({"item": 2}, "two"),
        ({"sentence": 1}, "head"),
        ({"turn": 0}, "before"),
        ({"turn": "last"}, "head"),
    ],
)
def test_a_check_may_look_at_a_part(part: Check, word: str) -> None:
    """Lines, paragraphs, items, sentences and turns are found by number, from either end."""
    answers = ("before", "Head it is.\n\nSecond part.\n\n- one\n- two\n\nTail")
    words = ["head", "second", "two", "tail", "before"]
    for other in words:
        wanted = other == word or (part == {"turn": "last"} and other != "before")
        found = judge({"kind": "mentions", "words": [other], **part}, *answers).outcome is Outcome.PASS
        assert found == wanted, other


def test_a_part_that_is_not_there_fails_the_check() -> None:
    """A missing third sentence is the model's fault and said so."""
    verdict = judge({"kind": "words", "sentence": 3, "min": 0}, "One. Two.")
    assert verdict.outcome is Outcome.FAIL
    assert verdict.detail == "words: there is no sentence 3"


@pytest.mark.parametrize("answers", [("",), (" \n\u200b",), ("a", ""), ("", "a")])
def test_an_empty_turn_is_no_answer(answers: tuple[str, ...]) -> None:
    """Whatever else holds, an empty turn fails, and with no partial credit."""
    verdict = judge({"kind": "words", "max": 5, "turn": 0}, *answers)
    assert (verdict.outcome, verdict.reason, verdict.score) == (Outcome.FAIL, Reason.NO_ANSWER, 0.0)


def test_a_talk_that_ended_early_is_no_answer() -> None:
    """One answer where two were asked for is not enough."""
    said = (Turn(request=Request(model="m", messages=()), response=Response(content="a")),)
    checks = ({"kind": "words", "max": 5, "turn": 0}, {"kind": "ratio", "to_turn": 0, "max": 2})
    verdict = Instructions().judge(scenario_of(*checks, turns=2), Exchange(turns=said))
    assert verdict.reason is Reason.NO_ANSWER
    assert Instructions().judge(scenario_of(*checks, turns=2), Exchange(turns=())).reason is Reason.NO_ANSWER


def test_the_verdict_names_what_was_wrong_and_gives_partial_credit() -> None:
    """The first failing gating check gives the reason; diagnostic ones inform and decide nothing."""
    checks = (
        {"kind": "mentions", "words": ["sea"]},
        {"kind": "words", "exactly": 250},
        {"kind": "lines", "exactly": 1, "name": "one line"},
        {"kind": "casing", "is": "upper", "gating": False},
    )
    verdict = judge(checks, "The sea\nis wide.")
    assert verdict.reason is Reason.WRONG_ANSWER
    assert verdict.detail == "words: word count 4, wanted exactly 250; one line: line count 2, wanted exactly 1"
    assert verdict.expected == "kind: words, exactly: 250"
    assert verdict.got == '"The sea is wide."'
    assert verdict.score == pytest.approx(1 / 3)
    assert [(one.name, one.passed, one.gating) for one in verdict.checks] == [
        ("mentions", True, True),
        ("words", False, True),
        ("one line", False, True),
        ("casing", False, False),
    ]


@pytest.mark.parametrize(
    ("check", "path", "message"),
    [
        ({"kind": "word", "max": 3}, "kind", 'unknown kind of check "word": did you mean "words"?'),
        ({"kind": "words", "min": 1, "maxx": 3}, "maxx", 'unknown key "maxx": did you mean "max"?'),
        ({"kind": "words"}, "kind", '"words" needs at least one of exactly, min, max'),
        ({"kind": "words", "max": "3"}, "max", "\"max\" must be a whole number from 0 up, not '3'"),
        ({"kind": "words", "max": True}, "max", '"max" must be a whole number from 0 up, not True'),
        ({"kind": "forbids"}, "kind", '"forbids" needs "words", a list of texts'),
        ({"kind": "forbids", "words": [9]}, "words", '"words" must be a list of texts, not [9]'),
        ({"kind": "casing", "is": "loud"}, "is", "\"is\" must be one of lower, upper, mixed, title, not 'loud'"),
        ({"kind": "words", "max": 3, "line": 0}, "line", '"line" must be a whole number other than 0'),
        ({"kind": "words", "max": 3, "line": 1, "item": 1}, "kind", "at most one of line, paragraph, sentence, item"),
        ({"kind": "words", "max": 3, "turn": 1}, "turn", "there is no turn 1; the last is 0"),
        (
            {"kind": "ratio", "max": 3, "to_turn": 0},
            "to_turn",
            '"to_turn" must be a turn before the one that is read (0)',
        ),
    ],
)
def test_a_faulty_check_is_told_with_its_place(check: Check, path: str, message: str) -> None:
    """The author reads which key of which check is wrong and what would be right."""
    found = list(Instructions().problems(scenario_of({"kind": "lines", "max": 9}, check)))
    assert [one.path for one in found] == [("checks", 1, path)]
    assert found[0].message.startswith(message)


def test_two_checks_of_one_name_are_a_problem() -> None:
    """A failure must lead to one check."""
    found = list(Instructions().problems(scenario_of({"kind": "words", "max": 9}, {"kind": "words", "min": 1})))
    assert [one.path for one in found] == [("checks", 1)]


def test_every_gating_check_of_the_pack_has_a_near_miss() -> None:
    """Each requirement of InstructFollow-15 is shown to bite by a recorded answer that fails just there."""
    gold = load_gold(PACK)
    for scenario in READERS["llmbench"].read(PACK).scenarios:
        names = {check.get("name", check["kind"]) for check in scenario.checks if check.get("gating", True)}
        assert names <= {answer.check for answer in gold[scenario.id].failing}, scenario.id


PIECES = [
    "a",
    " ",
    "*",
    "_a",
    "`",
    "~~~`",
    ".\"'",
    ". ",
    "- \n",
    "- a\n b\n",
    "|-",
    "|\n",
    "[",
    "> ",
    "e\u0301\u0315",
    "9",
    "9.",
    "```\n",
]


@pytest.mark.parametrize("piece", PIECES)
def test_no_kind_is_slow(piece: str) -> None:
    """No kind of check backtracks without end: CPU time grows far slower than the square of the length."""
    for check in CHECKS:
        costs = []
        for size in (1 << 12, 1 << 15):
            text = piece * (size // len(piece))
            costs.append(cpu_seconds(partial(judge, {**check, "turn": 1}, text, text)))
        assert costs[1] < 40 * costs[0] + 0.2, check


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_no_kind_raises(data: st.DataObject) -> None:
    """Every kind judges every pair of texts."""
    check = data.draw(st.sampled_from(CHECKS))
    texts = st.text(alphabet=st.characters(codec=None), max_size=60) | st.text(
        alphabet="-*_`#>|.:\"' \n1aS{}[],\ud800", max_size=60
    )
    part = data.draw(st.sampled_from([{}, {"line": -1}, {"sentence": 1}, {"item": 2}, {"paragraph": 1}]))
    verdict = judge({**check, **part}, data.draw(texts), data.draw(texts))
    assert verdict.outcome in {Outcome.PASS, Outcome.FAIL}
