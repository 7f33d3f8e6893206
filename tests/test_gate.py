"""Gates and the exit code with its sentence."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.gate import Exit, GateVerdict, check_gate, combined, decide, exit_code, together
from pytest_llmbench.records import Purpose
from pytest_llmbench.summary import Summary
from pytest_llmbench.tally import Tally
from tests.summaries import RUN, facts, fill, quick, result, summary, words

RESUME = "add --llm-resume to the same command and only what has no verdict is asked"

NOBODY = "nobody answers at http://127.0.0.1:9/v1"


def end(found: Summary, gate: str = "", **changes: Any) -> str:
    """Return the exit sentence, checked to begin with its code."""
    outcome = exit_code(found, decide(found, gate), **changes)
    assert outcome.sentence.startswith(f"exit {outcome.code}: ")
    assert "\n" not in outcome.sentence
    return outcome.sentence


def test_no_gate_holds() -> None:
    """Without a gate nothing is judged."""
    verdict = decide(summary({"toolcall-15": words(0, 15)}), "")
    assert (verdict.passed, verdict.name, verdict.lines, verdict.sentence) == (True, "", (), "")


def test_an_unknown_gate_names_the_nearest() -> None:
    """A typing error is told before the run."""
    with pytest.raises(UsageProblem, match='--llm-gate: unknown gate "strikt": did you mean "strict"'):
        check_gate("strikt")
    with pytest.raises(UsageProblem, match="valid names: floors, strict"):
        decide(quick(), "zzz")


def test_strict_fails_on_any_wrong_answer() -> None:
    """One is enough, and it says where."""
    verdict = decide(quick(), "strict")
    assert not verdict.passed
    assert verdict.sentence == "3 wrong answers, and it allows none"
    assert verdict.lines == (
        "InstructFollow-15 13/15 (87%): 2 wrong answers",
        "ToolCall-15 14/15 (93%): 1 wrong answer",
    )


def test_strict_is_for_canonical_runs_and_rehearsals() -> None:
    """Own sampling refuses every gate; recorded answers are no model's, so any way of asking will do."""
    own = decide(quick(canonical=False, note="own temperature=0.8", endpoint="openai_chat"), "strict")
    assert (own.passed, own.sentence.startswith("strict holds for a model at the packs' own sampling")) == (False, True)
    assert decide(quick(canonical=False, endpoint="broken"), "strict").sentence.endswith("it allows none")


def test_strict_holds_without_wrong_answers() -> None:
    """Errors are none of its business; they have an exit code of their own."""
    assert decide(summary({"toolcall-15": words(14, 0, 1)}), "strict").passed


@pytest.mark.parametrize(
    ("passed", "holds", "line"),
    [
        (
            8,
            False,
            "ToolCall-15 8/15 (53%) is below its floor of 80%, and so is all of its 95% interval (up to 75.2%)",
        ),
        (
            9,
            True,
            "ToolCall-15 9/15 (60%) is below its floor of 80%, but its 95% interval reaches it (up to 80.2%): watch",
        ),
        (
            10,
            True,
            "ToolCall-15 10/15 (67%) is below its floor of 80%, but its 95% interval reaches it (up to 84.8%): watch",
        ),
        (12, True, "ToolCall-15 12/15 (80%) reaches its floor of 80%"),
    ],
)
def test_floors_fail_only_what_is_surely_below(passed: int, holds: bool, line: str) -> None:  # noqa: FBT001
    """The upper end of the interval decides; a low point only warns."""
    verdict = decide(summary({"toolcall-15": words(passed, 15 - passed)}), "floors")
    assert (verdict.passed, verdict.lines) == (holds, (line,))


def test_floors_name_what_to_watch() -> None:
    """A gate that holds by its interval alone says so."""
    found = summary({"toolcall-15": words(9, 6), "instructfollow-15": words(10, 5)})
    sentence = decide(found, "floors").sentence
    assert sentence == "no pack is surely below its floor, but watch InstructFollow-15 and ToolCall-15"


def test_floors_leave_packs_without_floor_alone() -> None:
    """They are named, not judged; hand-written tests are not even named."""
    tally = Tally()
    fill(tally, facts(), words(15))
    fill(tally, facts("free", floor=None), words(0, 15))
    tally.add(result(facts("test_mine", size=1, floor=0.9), "a", "wrong_answer", purpose=Purpose.FIXTURE))
    verdict = decide(tally.summary(RUN), "floors")
    assert verdict.passed
    assert verdict.lines == ("free 0/15 (0%) has no floor", "ToolCall-15 15/15 (100%) reaches its floor of 80%")


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (
            summary({"toolcall-15": words(1)}, selected=1),
            "floors are for whole packs, and this run has only a part of ToolCall-15 (1/1 of 15 selected)",
        ),
        (
            summary({"toolcall-15": words(14, 0, 1)}),
            "floors are for whole packs, and this run has only a part of ToolCall-15 (14/14, 1 error)",
        ),
        (
            quick(canonical=False, note="temperature=0.8"),
            "floors hold for a model at the packs' own sampling, and this run is not canonical: temperature=0.8",
        ),
        (summary(), "no pack of this run has a floor to hold (--llm-gate strict needs none)"),
    ],
)
def test_floors_refuse_what_they_cannot_judge(found: Summary, sentence: str) -> None:
    """A gate that cannot be decided is not green."""
    verdict = decide(found, "floors")
    assert (verdict.passed, verdict.sentence, verdict.lines) == (False, sentence, ())


@pytest.mark.parametrize(
    ("sentence", "found", "gate", "changes"),
    [
        (
            "exit 0: complete; no gate was set, so 17 wrong answers do not fail this run (--llm-gate floors)",
            summary({"toolcall-15": words(5, 10), "instructfollow-15": words(8, 7)}),
            "",
            {"pytest_status": 1},
        ),
        (
            "exit 0: complete; no gate was set, so 1 wrong answer does not fail this run (--llm-gate floors)",
            summary({"toolcall-15": words(14, 1)}),
            "",
            {"pytest_status": 1},
        ),
        (
            "exit 0: complete; no wrong answer in 15 scenarios; no gate was set",
            summary({"toolcall-15": words(15)}),
            "",
            {},
        ),
        ("exit 0: complete; no scenario was asked", summary(), "", {}),
        (
            "exit 0: complete; the gate floors holds: no pack is surely below its floor",
            quick(),
            "floors",
            {"pytest_status": 1},
        ),
        (
            "exit 0: complete; the gate strict holds: no wrong answer",
            summary({"toolcall-15": words(15)}),
            "strict",
            {},
        ),
        (
            "exit 1: the gate strict does not hold: 3 wrong answers, and it allows none",
            quick(),
            "strict",
            {"pytest_status": 1},
        ),
        (
            (
                "exit 1: the gate floors does not hold: ToolCall-15 2/15 (13%) is below its floor of 80%, "
                "and so is all of its 95% interval (up to 37.9%)"
            ),
            summary({"toolcall-15": words(2, 13)}),
            "floors",
            {"pytest_status": 1},
        ),
        ("exit 1: 2 ordinary tests failed", quick(), "", {"pytest_status": 1, "ordinary_failures": 2}),
        (
            "exit 1: stopped by -x, 14 of 15 scenarios not run",
            summary({"toolcall-15": ["wrong_answer"]}, stopped_early="-x"),
            "",
            {"pytest_status": 1},
        ),
        (
            "exit 1: stopped by --maxfail=2, 13 of 15 scenarios not run",
            summary({"toolcall-15": words(0, 2)}, stopped_early="--maxfail=2"),
            "",
            {"pytest_status": 2},
        ),
        (
            "exit 1: pytest or another plugin reports a failure that is none of the scenarios'; see above",
            summary({"toolcall-15": words(15)}),
            "",
            {"pytest_status": 1},
        ),
        (
            f"exit 6: incomplete; 2 of 15 scenarios met an error that is not the model's (2 server_error); {RESUME}",
            summary({"toolcall-15": words(3, 10, 2)}),
            "strict",
            {"pytest_status": 1},
        ),
        (
            f"exit 6: incomplete; 12 of 15 scenarios not run; {RESUME}",
            summary({"toolcall-15": words(3)}),
            "",
            {},
        ),
        (
            (
                f"exit 6: incomplete; {NOBODY}; 15 of 15 scenarios met an error that is not "
                "the model's (15 endpoint_unreachable); once that is put right, run the same command again"
            ),
            summary({"toolcall-15": ["endpoint_unreachable"] * 15}, problem=f"{NOBODY}."),
            "",
            {"pytest_status": 1},
        ),
        (
            f"exit 2: interrupted; 4 of 15 scenarios have a verdict; {RESUME}",
            summary({"toolcall-15": words(3, 1)}, interrupted=True),
            "strict",
            {"pytest_status": 2},
        ),
        (
            "exit 2: interrupted; no scenario has a verdict",
            summary({"toolcall-15": []}, interrupted=True),
            "",
            {"pytest_status": 2},
        ),
        (
            "exit 2: pytest stopped the run, the lines above say why; no scenario has a verdict",
            summary(),
            "",
            {"pytest_status": 2},
        ),
        (
            (
                f"exit 3: an internal error, not the model's fault; the traceback above shows where; "
                f"1 of 15 scenarios has a verdict; {RESUME}"
            ),
            summary({"toolcall-15": words(1)}),
            "",
            {"pytest_status": 3},
        ),
        (
            "exit 4: this cannot be run as asked; the line that begins with ERROR says what to type instead",
            summary(),
            "",
            {"pytest_status": 4},
        ),
        ("exit 4: name a server", summary(problem="name a server"), "", {"pytest_status": 4}),
        (
            "exit 5: no test was selected; --collect-only without -k and -m lists what there is",
            summary(),
            "",
            {"pytest_status": 5},
        ),
        (
            "exit 77: this code was set by another plugin, whose message is above; no scenario has a verdict",
            summary(),
            "",
            {"pytest_status": 77},
        ),
    ],
)
def test_every_ending_has_its_sentence(sentence: str, found: Summary, gate: str, changes: dict[str, Any]) -> None:
    """The last line of the terminal, word by word."""
    assert end(found, gate, **changes) == sentence


def test_errors_come_before_the_gate_and_before_a_stop() -> None:
    """A run with errors is incomplete, whatever the scores and whoever stopped it."""
    found = summary({"toolcall-15": words(0, 1, 1)}, stopped_early="-x")
    assert exit_code(found, decide(found, "strict"), pytest_status=1, ordinary_failures=3).code == 6


def test_an_error_of_a_further_attempt_is_incomplete_too() -> None:
    """What was asked for three times and could be asked only twice is told."""
    tally = Tally()
    for attempt, word in enumerate(["pass", "server_error"], start=1):
        tally.add(result(facts(size=1), "A", word, attempt=attempt))
    assert end(tally.summary(RUN)) == (
        f"exit 6: incomplete; 1 further attempt met an error that is not the model's; {RESUME}"
    )


def test_several_reasons_to_fail_are_all_told() -> None:
    """A failed gate does not hide a failing ordinary test."""
    assert end(quick(), "strict", pytest_status=1, ordinary_failures=1) == (
        "exit 1: the gate strict does not hold: 3 wrong answers, and it allows none; 1 ordinary test failed"
    )


@given(
    outcomes=st.lists(st.sampled_from(["pass", "wrong_answer", "server_error", "cancelled"]), max_size=15),
    gate=st.sampled_from(["", "strict", "floors"]),
    status=st.integers(0, 5),
    failures=st.integers(0, 2),
    interrupted=st.booleans(),
    early=st.sampled_from(["", "-x"]),
)
def test_the_precedence_holds_everywhere(
    outcomes: list[str], gate: str, status: int, failures: int, *, interrupted: bool, early: str
) -> None:
    """Codes 2 to 5 of pytest, then 6, then 1, then 0; a stop by -x is no 2."""
    found = summary({"toolcall-15": outcomes}, interrupted=interrupted, stopped_early=early)
    verdict = decide(found, gate)
    code = exit_code(found, verdict, pytest_status=status, ordinary_failures=failures).code
    if status in (3, 4, 5) or interrupted or (status == 2 and not early):
        assert code == (status if status > 1 else 2)
    elif found.total.errors or (found.total.not_run and not early):
        assert code == 6
    elif early or failures or not verdict.passed:
        assert code == 1
    else:
        assert code == (1 if status == 1 and not found.total.failed else 0)


def test_a_gate_verdict_is_a_fact() -> None:
    """Frozen, so that nobody turns a red gate green later."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        decide(quick(), "").passed = False  # type: ignore[misc]


def ended(passed: int, failed: int = 0, errors: int = 0, *, gate: str = "", selected: int = 4, **changes: Any) -> Exit:
    """Return the end of one server among several."""
    status = changes.pop("pytest_status", 0)
    found = summary({"toolcall-15": words(passed, failed, errors)}, selected=selected, **changes)
    return exit_code(found, decide(found, gate), pytest_status=status)


def test_several_servers_end_as_the_worst_of_them() -> None:
    """What several have in common is said once; one that could not be measured is not paid for by the others."""
    fine, lost = ended(4), ended(0, errors=4)
    assert combined({"A": fine}) == fine
    assert combined({"A": fine, "B": fine}).sentence == (
        "exit 0: A and B are complete, each 4 of 4, no wrong answer (no gate was set)"
    )
    assert combined({"A": fine, "B": lost}).sentence == (
        "exit 6: B could not be measured (server_error); A is complete, 4 of 4, no wrong answer (no gate was set); "
        "once that is put right, run the same command again with --llm-resume"
    )
    assert combined({"A": lost, "B": ended(0, errors=4)}).sentence == (
        "exit 6: A and B could not be measured (server_error); once that is put right, run the same command again"
    )


def test_servers_alike_but_for_their_counts_are_told_together() -> None:
    """Each with its own; one that was not reached gives its reason."""
    problem = "the server could not be measured (bad_configuration)"
    exits = {
        **{name: ended(0, problem=problem) for name in ("lost", "nofile", "nosvc")},
        "a": ended(3, 1),
        "b": ended(2, 2),
        "c": ended(3, errors=1),
    }
    assert combined(exits).sentence == (
        "exit 6: lost, nofile and nosvc could not be measured (bad_configuration); "
        "c is incomplete, 3 of 4 (server_error); a (4 of 4, 1 wrong answer) and b (4 of 4, 2 wrong answers) are "
        f"complete (no gate was set); {RESUME}"
    )


def test_each_server_that_fails_a_gate_says_why() -> None:
    """Shortly; those for which it holds come after them."""
    exits = {"a": ended(4, gate="strict"), "b": ended(3, 1, gate="strict"), "c": ended(1, 3, gate="strict")}
    assert combined(exits).sentence == (
        "exit 1: b (1 wrong answer) and c (3 wrong answers) fail the gate strict; "
        "a is complete, 4 of 4, no wrong answer (the gate strict holds)"
    )
    exits = {"a": ended(15, gate="floors", selected=15), "b": ended(5, 10, gate="floors", selected=15)}
    assert combined(exits).sentence.startswith("exit 1: b fails the gate floors, ToolCall-15 5/15 (33%); a is complete")


def test_an_interrupted_session_has_servers_that_were_finished() -> None:
    """They are not called interrupted."""
    exits = {"a": ended(4, interrupted=True), "b": ended(1, interrupted=True), "c": ended(0, interrupted=True)}
    assert combined(exits).sentence == (
        f"exit 2: interrupted; a is complete, 4 of 4; b (1 of 4) and c (0 of 4) are incomplete; {RESUME}"
    )


def test_the_end_of_many_servers_is_one_short_line() -> None:
    """Names and groups beyond what can be read are counted."""
    exits = {f"profile-{number:02}": ended(0, problem=f"reason {number % 20}") for number in range(90)}
    sentence = combined(exits).sentence
    assert len(sentence) < 550
    assert "; and " in sentence
    exits = {f"profile-{number:02}": ended(0, errors=4) for number in range(30)}
    assert "profile-05 and 24 more could not be measured" in combined(exits).sentence


def test_strict_on_a_part_says_so() -> None:
    """One scenario without a fault is not a whole pack without one."""
    assert ended(1, gate="strict", selected=1).sentence == (
        "exit 0: complete; the gate strict holds: no wrong answer of the 1 of 15 scenarios selected"
    )


def test_what_ends_the_whole_session_is_told_once() -> None:
    """The codes of pytest itself are no server's; what was answered is told beside an internal error."""
    nothing = ended(0, selected=0, pytest_status=5)
    assert combined({"a": nothing, "b": nothing}) == nothing
    assert combined({"a": ended(4, pytest_status=3), "b": ended(1, pytest_status=3)}).sentence == (
        "exit 3: an internal error, not the model's fault; a is complete, 4 of 4; b is incomplete, 1 of 4; " + RESUME
    )


def test_a_model_that_did_not_think_is_not_asked_again_with_resume() -> None:
    """Nothing of it is missing; the reason is told, without advice that would not help."""
    tally = Tally()
    for number in range(1, 5):
        tally.expect(facts(), f"S-{number:02}", f"packs/toolcall-15/pack.yaml::S-{number:02}")
        tally.add(result(facts(), f"S-{number:02}", thinking="on", thought=0, turns=1))
    found = tally.summary(RUN)
    unthought = exit_code(found, decide(found, ""), strict_thinking=True)
    sentence = combined({"a": unthought, "b": ended(4)}).sentence
    assert sentence.startswith("exit 6: a does not count, 4 of 4 (thinking: strict, and the model did not think as it")
    assert sentence.endswith("; b is complete, 4 of 4, no wrong answer (no gate was set)")


FLOORS = GateVerdict(name="floors", passed=True, lines=("all reach",), sentence="no pack is low")
LOW = GateVerdict(name="floors", passed=False, lines=("T is low",), sentence="T 5/15 is low", brief="T 5/15")
SAME = GateVerdict(name="baseline", passed=True, lines=("OK",), sentence="OK 70->70 of 75", words="OK 70->70 of 75")
WORSE = GateVerdict(
    name="baseline", passed=False, lines=("p=0.004",), sentence="REGRESSION", brief="worse", words="REGRESSION 70->61"
)
STRICT = GateVerdict(name="strict", passed=False, sentence="3 wrong answers, and it allows none")


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        ([SAME], "exit 0: complete; OK 70->70 of 75"),
        ([WORSE], "exit 1: REGRESSION 70->61"),
        ([FLOORS, SAME], "exit 0: complete; the gate floors holds: no pack is low; OK 70->70 of 75"),
        ([FLOORS, WORSE], "exit 1: REGRESSION 70->61; the gate floors holds"),
        ([LOW, SAME], "exit 1: the gate floors does not hold: T 5/15 is low; OK 70->70 of 75"),
        ([LOW, WORSE], "exit 1: the gate floors does not hold: T 5/15 is low; REGRESSION 70->61"),
    ],
)
def test_several_gates_end_in_one_sentence(verdicts: list[GateVerdict], sentence: str) -> None:
    """What does not hold comes first; a gate with words of its own is told by them."""
    assert exit_code(quick(), together(verdicts)).sentence == sentence


def test_several_gates_are_one_verdict() -> None:
    """It holds if all do, and keeps the names, the reasons and whose they are."""
    both = together([FLOORS, WORSE])
    assert (both.name, both.passed, both.brief, both.missed) == ("floors and baseline", False, "worse", "baseline")
    assert both.lines == ("baseline: p=0.004", "floors: all reach")
    assert together([LOW, WORSE, STRICT]).brief == "T 5/15; worse; 3 wrong answers, and it allows none"
    assert together([FLOORS, SAME]).passed


def test_one_gate_stays_as_it_is_and_none_disappears() -> None:
    """No gate beside a gate is no gate of its own."""
    none = GateVerdict(name="", passed=True)
    assert together([none, LOW]) is LOW
    assert together([]) == together([none, none]) == none


def test_of_several_gates_those_that_failed_are_told_of_a_server() -> None:
    """Among several servers in one line."""
    exits = {"a": exit_code(quick(), together([FLOORS, WORSE])), "b": exit_code(quick(), together([FLOORS, SAME]))}
    assert combined(exits).sentence == (
        "exit 1: a fails the gate baseline, worse; "
        "b is complete, 30 of 30, 3 wrong answers (the gate floors and baseline holds)"
    )
