"""The verdict on declared answers: each kind, the reasons, the problems of a pack, and whatever a model may write."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmbench.plain_data import to_plain
from pytest_llmbench.records import Exchange, Outcome, Reason, Request, Response, Scenario, Turn, Verdict
from pytest_llmbench.verifiers.final_answer import FinalAnswer

Check = dict[str, Any]
NUMBER: Check = {"kind": "number", "value": 35}


def scenario_of(*checks: Any) -> Scenario:
    """Return a scenario with these checks."""
    return Scenario(id="S", title="s", messages=(), dialogue="single_turn", verifier="final_answer", checks=checks)


def judge(answer: str, *checks: Check) -> Verdict:
    """Judge `answer`, the last of two turns."""
    said = [Turn(request=Request(model="m", messages=()), response=Response(content=one)) for one in ("", answer)]
    return FinalAnswer().judge(scenario_of(*checks), Exchange(turns=tuple(said)))


def complaints(*checks: Any) -> list[tuple[tuple[str | int, ...], str]]:
    """Return path and message of each problem."""
    return [(problem.path, problem.message) for problem in FinalAnswer().problems(scenario_of(*checks))]


CASES: list[tuple[Check, list[str], list[str]]] = [
    (NUMBER, ["35", "35.0", "70/2", "$35$", "35 apples"], ["36", "135", "350", "maria=135", "-35", "35 or 36"]),
    ({"kind": "number", "value": 126}, ["126", "count = 126"], ["count=1264", "1264"]),
    ({"kind": "number", "value": 0.1}, ["0.1", "1/10", "1e-1"], ["0.10000000000000001", "0.11"]),
    ({"kind": "number", "value": "7/12"}, ["7/12", r"\frac{7}{12}", "14/24", "7/12 \u2248 0.583"], ["0.583", "12/7"]),
    ({"kind": "number", "value": "7/12", "tolerance": 0.001}, ["0.583", "0.584", "7/12"], ["0.58", "0.59"]),
    ({"kind": "number", "value": 1000, "relative": 0.01}, ["990", "1,010"], ["989.9", "1010.1"]),
    ({"kind": "number", "value": -200, "relative": 0.01}, ["-198", "-202"], ["-197.9", "200"]),
    ({"kind": "number", "value": 12.5}, ["12.5", "12,5"], ["12.5%", "12.5 percent", "0.125"]),
    ({"kind": "number", "value": 12.5, "units": ["%", "percent"]}, ["12.5%", "12.5 percent", "12.5"], ["12.5 km"]),
    (
        {"kind": "number", "value": 35, "units": ["km/h", "kmh"], "unit_required": True},
        ["35 km/h", "35kmh", r"35\,\text{km/h}"],
        ["35", "35 km", "36 km/h"],
    ),
    ({"kind": "number", "value": 1234.5}, ["$1,234.50", "1.234,50", "1 234.5"], ["1,2345", "1.2345"]),
    ({"kind": "numbers", "values": [3, 5, "1/2"]}, ["3, 5, 0.5", "5; 3; 1/2"], ["3, 5", "3, 5, 0.5, 7", "3, 5, 7"]),
    ({"kind": "numbers", "values": [3, 3, 5]}, ["3 5 3"], ["3 5 5", "3 5"]),
    ({"kind": "numbers", "values": [3, 5], "in_order": True}, ["3, 5", "(3, 5)"], ["5, 3"]),
    ({"kind": "numbers", "values": [3.3, 3.4], "tolerance": 0.1}, ["3.4 and 3.5", "3.3, 3.2"], ["3.5, 3.6"]),
    (
        {"kind": "text", "any_of": ["none", "No solution"]},
        ["NONE.", "no  solution", '"None"'],
        ["nonesuch", "none at all"],
    ),
    ({"kind": "text", "any_of": ["B"]}, ["b", "(B)", r"\text{B}"], ["A", "B or C", "a B"]),
    (
        {"kind": "date", "value": "2026-03-05"},
        [
            "2026-03-05",
            "5 March 2026",
            "March 5, 2026",
            "**march 5 2026**.",
            "2026\u201303\u201305",
            "$2026 - 03 - 05$",
        ],
        ["2026-03-06", "2026-05-03", "5 March 2025"],
    ),
    (
        {"kind": "time", "value": "14:35"},
        ["14:35", "2:35 pm", "02:35 P.M.", "14\u223635", "14 : 35"],
        ["2:35", "2:35 am", "14:36"],
    ),
    ({"kind": "time", "value": "00:05"}, ["0:05", "12:05 am"], ["12:05", "12:05 pm"]),
    ({"kind": "time", "value": "12:00"}, ["12:00", "12 pm"], ["0:00", "12 am"]),
]


@pytest.mark.parametrize(("check", "right", "wrong"), CASES)
def test_each_kind_tells_right_from_wrong(check: Check, right: list[str], wrong: list[str]) -> None:
    """What says the value passes however it is written; a near miss is a wrong answer."""
    assert complaints(check) == []
    assert [judge(f"So.\nANSWER: {value}", check).detail for value in right] == [""] * len(right)
    verdicts = [judge(f"So.\nANSWER: {value}", check) for value in wrong]
    assert {verdict.reason for verdict in verdicts} == {Reason.WRONG_ANSWER}, [verdict.detail for verdict in verdicts]


@pytest.mark.parametrize(
    ("check", "values"),
    [
        (NUMBER, ["none", "thirty-five", "NaN", "infinity", "<number>", "no solution"]),
        ({"kind": "numbers", "values": [3, 5]}, ["three, five"]),
        (
            {"kind": "date", "value": "2026-03-05"},
            ["03/05/2026", "Thursday, 5 March 2026", "2026-02-30", "5 March", "then"],
        ),
        (
            {"kind": "time", "value": "14:35"},
            ["14:35:00", "25:00", "14:60", "14:35 pm", "0:35 pm", "14", "2:35 or 3:35 pm"],
        ),
    ],
)
def test_a_value_of_another_form_is_an_invalid_format(check: Check, values: list[str]) -> None:
    """A number without digits, a day or time that is not in a form the prompt can ask for."""
    assert {judge(f"ANSWER: {value}", check).reason for value in values} == {Reason.INVALID_FORMAT}


@pytest.mark.parametrize(
    "mark", ["{} \u2705", "**{}** \u2713", "{}. \U0001f389", "\u2705 {}", "{} \U0001f44d\U0001f3fd", "{}\u2714\ufe0f"]
)
def test_symbols_beside_a_value_are_no_part_of_it(mark: str) -> None:
    """Models tick off what they are sure of; a cross denies it, and degrees are a unit."""
    for check, right, _ in CASES:
        verdict = judge(f"ANSWER: {mark.format(right[0])}", check)
        assert verdict.outcome is Outcome.PASS, verdict.detail
    assert judge("ANSWER: 35 \u274c", {**NUMBER, "units": ["km"]}).outcome is Outcome.FAIL
    assert judge("ANSWER: 35\u00b0", {**NUMBER, "units": ["km"]}).outcome is Outcome.FAIL
    assert judge("ANSWER: 35 \u339d", {**NUMBER, "units": ["km"]}).outcome is Outcome.FAIL
    assert judge("ANSWER: \u2705", {"kind": "text", "any_of": ["\u2705"]}).outcome is Outcome.PASS
    assert judge("ANSWER: done", {"kind": "text", "any_of": ["Done \u2705"]}).outcome is Outcome.PASS


@pytest.mark.parametrize(
    "answer", ["", " \n", "35", "The answer is 35.", "maria=35", "ANSWER:", "<think>\nANSWER: 35", "\\boxed{35"]
)
def test_nothing_declared_is_no_answer(answer: str) -> None:
    """The right number in the prose, or in a thought that never ends, is no answer (lessons V3, V10)."""
    verdict = judge(answer, NUMBER)
    assert verdict.reason is Reason.NO_ANSWER
    assert verdict.detail
    assert verdict.score == 0


def test_several_labels_are_judged_each_on_its_own() -> None:
    """The first that fails, as written, gives the reason; the score is the share that is right; no box is shared."""
    checks = (
        {"kind": "number", "label": "TOTAL", "value": 35},
        {"kind": "text", "label": "NAME", "any_of": ["Ana"]},
        {"kind": "date", "label": "DAY", "value": "2026-03-05", "gating": False},
    )
    assert complaints(*checks) == []
    verdict = judge("NAME: Bo\nTOTAL: **35**", *checks)
    assert (verdict.reason, verdict.score) == (Reason.WRONG_ANSWER, 0.5)
    assert [(one.name, one.passed, one.gating) for one in verdict.checks] == [
        ("number TOTAL", True, True),
        ("text NAME", False, True),
        ("date DAY", False, False),
    ]
    assert judge("TOTAL: 35\nNAME: Ana", *checks).outcome is Outcome.PASS
    assert judge("\\boxed{35}\nNAME: Ana", *checks).reason is Reason.NO_ANSWER


def test_working_is_shown_and_never_decides() -> None:
    """Numbers of the working are a diagnostic, whichever of them stand there."""
    work = {"kind": "work", "numbers": [5, 7, 1200]}
    assert complaints(NUMBER, work) == []
    shown = judge("5*7=35, not 1,200.\nANSWER: 35", NUMBER, work)
    assert [one.passed for one in shown.checks] == [True, True]
    hidden = judge("It is 57.\nANSWER: 35", NUMBER, work)
    assert hidden.outcome is Outcome.PASS
    assert hidden.score == 1
    assert hidden.checks[1].detail == "0 of 3 numbers stand in the working, not 5, 7, 1200"
    assert not hidden.checks[1].gating


def test_a_wrong_answer_says_what_was_wanted() -> None:
    """Value, wish and got are in the detail."""
    verdict = judge("ANSWER: 36 km", {**NUMBER, "units": ["km", "kilometres"], "tolerance": 0.5})
    assert verdict.detail == 'ANSWER: "36 km": another value, wanted 35 km or kilometres within 0.5'
    assert (verdict.expected, verdict.got) == ("35 km or kilometres within 0.5", '"36 km"')


@pytest.mark.parametrize(
    ("checks", "path", "said"),
    [
        ((), ("checks",), "no check gates"),
        (({**NUMBER, "gating": False},), ("checks",), "no check gates"),
        (({"kind": "work", "numbers": [3]},), ("checks",), "no check gates"),
        ((NUMBER, {"kind": "work", "numbers": [3], "gating": True}), ("checks", 1, "gating"), "working never decides"),
        ((NUMBER, {"kind": "work", "numbers": [3], "label": "X"}), ("checks", 1, "label"), "unknown key"),
        (({"kind": "numbr", "value": 3},), ("checks", 0, "kind"), '"number"'),
        (([],), ("checks", 0, "kind"), "unknown kind"),
        (({"kind": "number"},), ("checks", 0), 'needs "value"'),
        (({**NUMBER, "tolerence": 1},), ("checks", 0, "tolerence"), '"tolerance"'),
        (({**NUMBER, "tolerance": -1},), ("checks", 0, "tolerance"), "from 0 up"),
        (({**NUMBER, "tolerance": 1, "relative": 1},), ("checks", 0, "relative"), "not both"),
        (({**NUMBER, "unit_required": True},), ("checks", 0, "unit_required"), 'needs "units"'),
        (({**NUMBER, "label": "A:"},), ("checks", 0, "label"), "without a colon"),
        (({"kind": "number", "value": True},), ("checks", 0, "value"), "a number"),
        (({"kind": "number", "value": "about"},), ("checks", 0, "value"), "a number"),
        (({"kind": "number", "value": float("inf")},), ("checks", 0, "value"), "a number"),
        (({"kind": "numbers", "values": []},), ("checks", 0, "values"), "a list of numbers"),
        (({"kind": "text", "any_of": ["..."]},), ("checks", 0, "any_of"), "a list of texts"),
        (({"kind": "date", "value": "2026-02-30"},), ("checks", 0, "value"), "a day"),
        (({"kind": "time", "value": "25:00"},), ("checks", 0, "value"), "a time"),
        ((NUMBER, {"kind": "text", "label": "answer", "any_of": ["x"]}), ("checks", 1, "label"), "one rule"),
        ((NUMBER, {**NUMBER, "label": "X", "name": "number"}), ("checks", 1), "a second check called"),
    ],
)
def test_a_faulty_check_is_reported(checks: tuple[Any, ...], path: tuple[str | int, ...], said: str) -> None:
    """Path and message lead the author to it."""
    assert any(place == path and said in message for place, message in complaints(*checks)), complaints(*checks)


def test_checks_from_yaml_are_read() -> None:
    """Dates and fractions are text in a pack; other readers may make dates of them."""
    checks = yaml.safe_load("[{kind: number, value: 7/12}, {kind: date, label: DAY, value: 2026-03-05}]")
    assert complaints(*checks) == []
    assert judge("ANSWER: 7/12\nDAY: 5 March 2026", *checks).outcome is Outcome.PASS


ALL = tuple({**check, "label": f"L{place}"} for place, (check, _, _) in enumerate(CASES))


@settings(max_examples=200, deadline=None)
@given(value=st.text(alphabet=st.characters(codec=None)) | st.text(alphabet="0123456789.,:/-% apmkx=()\\{}$^"))
def test_any_value_is_judged(value: str) -> None:
    """Lone surrogates, NUL and half-written LaTeX get a verdict that can be written down, and the same one twice."""
    answer = "\n".join(f"L{place}: {value}" for place in range(len(ALL)))
    verdict = judge(answer, *ALL)
    assert verdict.outcome is Outcome.FAIL
    assert judge(answer, *ALL) == verdict
    assert to_plain(verdict)["reason"]


@pytest.mark.parametrize(
    "piece", ["9", "1,", "ANSWER: 35 or ", "ANSWER: 36\n", "\\boxed{", "[", "(", "$", "*", "1=", "=", " ", "e9", "1/"]
)
def test_a_runaway_answer_is_a_failure(piece: str) -> None:
    """Endless digits, brackets, boxes and second thoughts are read to an end, and wrong; endless marks are nothing."""
    for head in ("", "ANSWER: ", "ANSWER: 35 ", "\\boxed{35"):
        verdict = judge(head + piece * (300_000 // len(piece)), NUMBER, {"kind": "work", "numbers": [8]})
        assert verdict.outcome is Outcome.FAIL or (head == "ANSWER: 35 " and piece in "* $")
