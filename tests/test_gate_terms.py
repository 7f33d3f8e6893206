"""The language of ``--llm-gate``: terms, names, files; what they say of a run, and what is told before it."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.gate import check_gate, check_gate_packs, decide, exit_code
from pytest_llmbench.gate_terms import FIGURES, Term
from pytest_llmbench.records import Purpose
from pytest_llmbench.summary import Summary
from pytest_llmbench.tally import Tally
from tests.summaries import RUN, facts, fill, quick, result, summary, words

EXAMPLE = "--llm-gate 'total>=80%,p95<20s'"
SPEEDS = {
    "p50": 2.0,
    "p95": 3.0,
    "first_token": 0.2,
    "first_token_p95": 0.5,
    "decode_tps": 40.0,
    "decode_tps_p05": 20.0,
    "prefill_tps": 900.0,
}


def fast(pack: str = "toolcall-15", *, slower: float = 1.0) -> Summary:
    """Return a run whose one pack has these speeds, each figure another; `slower` times as slow."""
    found = summary({pack: words(15)})
    rates = {name: value / slower if unit != "s" else value * slower for name, value, unit in _speeds()}
    named: dict[str, Any] = {FIGURES[name][0]: value for name, value in rates.items()}
    return dataclasses.replace(found, packs=tuple(dataclasses.replace(one, **named) for one in found.packs))


def _speeds() -> list[tuple[str, float, str]]:
    return [(name, value, FIGURES[name][1]) for name, value in SPEEDS.items()]


def two_packs() -> Summary:
    """Return a run of which the second pack is twice as slow."""
    one, other = fast(), fast("instructfollow-15", slower=2)
    both = summary({"toolcall-15": words(15), "instructfollow-15": words(15)})
    return dataclasses.replace(both, packs=(*other.packs, *one.packs))


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("toolcall-15>=80%", Term(text="toolcall-15>=80%", subject="toolcall-15", operator=">=", bound=Fraction(4, 5))),
        (" total > 66.5 % ", Term(text="total>66.5%", subject="total", operator=">", bound=Fraction(133, 200))),
        ("a<=12/15", Term(text="a<=12/15", subject="a", operator="<=", bound=Fraction(4, 5), count=15)),
        ("p95<20s", Term(text="p95<20s", subject="", operator="<", bound=Fraction(20), figure="p95")),
        (
            "first_token <= 500 ms",
            Term(
                text="first_token<=500ms",
                subject="",
                operator="<=",
                bound=Fraction(1, 2),
                figure="first_token",
                per_second=1000,
            ),
        ),
        (
            "decode_tps>=30.5",
            Term(text="decode_tps>=30.5", subject="", operator=">=", bound=Fraction(61, 2), figure="decode_tps"),
        ),
        (
            "humaneval.prefill_tps>900 tokens/s",
            Term(
                text="humaneval.prefill_tps>900tokens/s",
                subject="humaneval",
                operator=">",
                bound=Fraction(900),
                figure="prefill_tps",
            ),
        ),
    ],
)
def test_a_term_is_read(text: str, term: Term) -> None:
    """Blanks are free, units are said, bounds are exact."""
    gate = check_gate(text)
    assert (gate.terms, gate.names, gate.title) == ((term,), (), term.text)


def test_names_and_terms_stand_side_by_side() -> None:
    """In any order, and twice is once."""
    gate = check_gate("p95<20s, floors,total>=1/2,strict ,floors,p95 < 20s")
    assert gate.names == ("floors", "strict")
    assert [term.text for term in gate.terms] == ["p95<20s", "total>=1/2"]
    assert check_gate("").title == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("strikt", f'unknown gate "strikt": did you mean "strict"? (terms go in quotes: {EXAMPLE})'),
        ("toolcall-15", f'unknown gate "toolcall-15": valid names: floors, strict (terms go in quotes: {EXAMPLE})'),
        ("p95", '"p95" needs a bound, such as p95<20s (in quotes: a shell takes < and > for itself)'),
        ("floors,total", '"total" needs a bound, such as total>=80% (in quotes: a shell takes < and > for itself)'),
        (
            "decode_tps",
            '"decode_tps" needs a bound, such as decode_tps>=30 (in quotes: a shell takes < and > for itself)',
        ),
        ("floors,,strict", f"nothing stands between two commas: write {EXAMPLE}"),
        ("p95=20s", '"p95=20s": = is no comparison here: >=, >, <=, < are'),
        ("p95=<20s", '"p95=<20s": =< is no comparison here: >=, >, <=, < are'),
        ("p95≤20s", '"p95≤20s": ≤ is no comparison here: >=, >, <=, < are'),
        ("1s<p95<20s", f'"1s<p95<20s" compares twice: one bound for each term, commas between ({EXAMPLE})'),
        (">=80%", f'">=80%" lacks what is measured: write {EXAMPLE}'),
        ("total>=", f'"total>=" lacks what it is held to: write {EXAMPLE}'),
        ("p95<20", '"p95<20": p95 is held to a time, such as 20s or 500ms'),
        ("p95<80%", '"p95<80%": p95 is held to a time, such as 20s or 500ms'),
        ("decode_tps>=30s", '"decode_tps>=30s": decode_tps is held to tokens per second, such as 30'),
        ("decode_tps>=-30", '"decode_tps>=-30": decode_tps is held to tokens per second, such as 30'),
        ("p99<20s", '"p99<20s": unknown figure: did you mean "p95"?'),
        ("humaneval.decode>=3", '"humaneval.decode>=3": unknown figure: did you mean "decode_tps"?'),
        ("total.p95<20s", '"total.p95<20s": speeds are each pack\'s own: p95 alone means every pack'),
        (
            "toolcall-15>=80",
            (
                '"toolcall-15>=80": a score is held to a percentage or a count, such as 80% or 12/15 '
                "(figures of speed: p50, p95, first_token, first_token_p95, decode_tps, decode_tps_p05, prefill_tps)"
            ),
        ),
        ("total>=101%", '"total>=101%": no score is more than everything'),
        ("total>=16/15", '"total>=16/15": no score is more than everything'),
        ("total>=1/0", '"total>=1/0": no score is more than everything'),
    ],
)
def test_what_cannot_be_read_is_told_with_an_example(text: str, told: str) -> None:
    """Before the run: what is wrong, and how it is written."""
    with pytest.raises(UsageProblem) as caught:
        check_gate(text)
    assert str(caught.value) == f"--llm-gate: {told}"


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Z", "Cc")), max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing a person types breaks it."""
    try:
        check_gate(text)
    except UsageProblem as problem:
        assert str(problem).startswith("--llm-gate: ")  # noqa: PT017 - most texts are refused, a few are gates


@pytest.mark.parametrize(
    ("gate", "passed", "line"),
    [
        ("toolcall-15>=80%", True, "toolcall-15 14/15 (93.33%), >=80%"),
        ("toolcall-15>=14/15", True, "toolcall-15 14/15 (93.33%), >=14/15"),
        ("toolcall-15>14/15", False, "toolcall-15 14/15 (93.33%), not >14/15"),
        ("toolcall-15<=93.3%", False, "toolcall-15 14/15 (93.33%), not <=93.3%"),
        ("total>=90%", True, "total 27/30 (90%), >=90%"),
        ("total>90%", False, "total 27/30 (90%), not >90%"),
        ("total<28/30", True, "total 27/30 (90%), <28/30"),
    ],
)
def test_scores_are_compared_exactly(gate: str, passed: bool, line: str) -> None:  # noqa: FBT001
    """The figure itself, no interval, no rounding."""
    verdict = decide(quick(), gate)
    assert (verdict.passed, verdict.lines, verdict.name) == (passed, (line,), gate)


@pytest.mark.parametrize(
    ("gate", "passed", "line"),
    [
        ("p50<2s", False, "p50 2 s in ToolCall-15, not <2s"),
        ("p50<=2s", True, "p50 2 s in ToolCall-15, <=2s"),
        ("p95<20s", True, "p95 3 s in ToolCall-15, <20s"),
        ("first_token<300ms", True, "first_token 200 ms in ToolCall-15, <300ms"),
        ("first_token_p95<300ms", False, "first_token_p95 500 ms in ToolCall-15, not <300ms"),
        ("decode_tps>=40", True, "decode_tps 40 tokens/s in ToolCall-15, >=40"),
        ("decode_tps_p05>20", False, "decode_tps_p05 20 tokens/s in ToolCall-15, not >20"),
        ("prefill_tps>=1000 tps", False, "prefill_tps 900 tokens/s in ToolCall-15, not >=1000tps"),
    ],
)
def test_every_figure_of_speed_has_its_term(gate: str, passed: bool, line: str) -> None:  # noqa: FBT001
    """As the table and results.json have them."""
    verdict = decide(fast(), gate)
    assert (verdict.passed, verdict.lines) == (passed, (line,))
    assert set(SPEEDS) == set(FIGURES)


def test_a_speed_is_each_packs_own() -> None:
    """The worst pack is told; one can be named."""
    assert decide(two_packs(), "p95<5s").sentence == "p95 6 s in InstructFollow-15, not <5s"
    assert decide(two_packs(), "decode_tps>=15").sentence == "decode_tps 20 tokens/s in InstructFollow-15"
    assert decide(two_packs(), "toolcall-15.p95<5s").sentence == "p95 3 s in ToolCall-15"


@pytest.mark.parametrize(
    ("found", "gate", "why"),
    [
        (
            summary({"toolcall-15": words(1)}, selected=1),
            "toolcall-15>=80%",
            "a percentage is for what ran whole, and this is 1/1 of 15 selected (a count such as 2/3 would do)",
        ),
        (
            summary({"toolcall-15": words(14, 0, 1)}),
            "total>=80%",
            "a percentage is for what ran whole, and this is 14/14, 1 error (a count such as 2/3 would do)",
        ),
        (
            summary({"toolcall-15": words(1)}, selected=1),
            "toolcall-15>=12/15",
            "it speaks of 15 verdicts, and there are 1/1 of 15 selected",
        ),
        (quick(), "zzz>=80%", "that pack is not in this run"),
        (summary(), "p95<20s", "no pack was asked"),
        (summary(), "total>=0%", "a percentage is for what ran whole, and this is 0/0 (a count such as 2/3 would do)"),
        (quick(endpoint="gold"), "p95<20s", "recorded answers have no speed"),
        (quick(), "first_token<1s", "it was not measured in InstructFollow-15, ToolCall-15"),
    ],
)
def test_what_cannot_be_judged_does_not_hold(found: Summary, gate: str, why: str) -> None:
    """And says why."""
    verdict = decide(found, gate)
    assert (verdict.passed, verdict.sentence) == (False, f"{gate} cannot be judged: {why}")


def test_a_part_is_held_to_a_count() -> None:
    """Three scenarios of fifteen are three verdicts."""
    part = summary({"toolcall-15": words(2, 1)}, selected=3)
    assert decide(part, "toolcall-15>=2/3").passed
    assert not decide(part, "total>=3/3").passed


def test_own_numbers_hold_for_any_sampling() -> None:
    """They are the user's, not the packs'; a score of recorded answers is one too."""
    assert decide(quick(canonical=False, note="temperature=0.8"), "total>=80%").passed
    assert decide(quick(canonical=False, endpoint="broken"), "total>=80%").passed


def test_hand_written_tests_are_no_pack() -> None:
    """Their speed is nobody's figure."""
    tally = Tally()
    fill(tally, facts(), words(15))
    tally.add(result(facts("test_mine", size=1), "a", purpose=Purpose.FIXTURE, latency_s=900.0))
    found = tally.summary(RUN)
    assert decide(found, "p95<20s").passed
    assert not decide(found, "test_mine>=1/1").passed


def test_a_model_that_did_not_think_is_held_to_nothing() -> None:
    """Its figures are those of something else."""
    tally = Tally()
    tally.add(result(facts(size=1), "S-01", thinking="on", thought=0, turns=1))
    verdict = decide(tally.summary(RUN), "total>=0%,p95<20s")
    assert not verdict.passed
    assert verdict.sentence.startswith("the model did not think as it was asked to: ToolCall-15: ")
    assert verdict.name == "total>=0%,p95<20s"


@pytest.mark.parametrize(
    ("gate", "sentence"),
    [
        (
            "toolcall-15>=80%,total>=27/30",
            (
                "exit 0: complete; the gate toolcall-15>=80%,total>=27/30 holds: "
                "toolcall-15 14/15 (93.33%), total 27/30 (90%)"
            ),
        ),
        (
            "toolcall-15>=95%,total>=27/30,p95<1s",
            (
                "exit 1: the gate toolcall-15>=95%,total>=27/30,p95<1s does not hold: "
                "toolcall-15 14/15 (93.33%), not >=95%; p95 2 s in InstructFollow-15, not <1s"
            ),
        ),
        (
            "floors,p95<1s",
            ("exit 1: the gate p95<1s does not hold: p95 2 s in InstructFollow-15, not <1s; the gate floors holds"),
        ),
        (
            "floors,p95<20s",
            (
                "exit 0: complete; the gate floors holds: no pack is surely below its floor; "
                "the gate p95<20s holds: p95 2 s in InstructFollow-15"
            ),
        ),
    ],
)
def test_the_last_line_of_the_terminal(gate: str, sentence: str) -> None:
    """What failed comes first, and the rest is not forgotten."""
    assert exit_code(quick(), decide(quick(), gate), pytest_status=1).sentence == sentence


def test_a_file_has_a_term_on_each_line(tmp_path: Path) -> None:
    """With comments, names and several of them on a line; the gate is called as the file is."""
    path = tmp_path / "gates.txt"
    path.write_text(
        "\ufeff# what a release must have\n\ntoolcall-15 >= 80%  # the tools\r\nfloors, p95<20s\n", encoding="utf-8"
    )
    gate = check_gate(str(path))
    assert (gate.names, [term.text for term in gate.terms]) == (("floors",), ["toolcall-15>=80%", "p95<20s"])
    verdict = decide(quick(), gate)
    assert (verdict.name, verdict.passed) == ("gates.txt", True)
    path.write_text("total>=95%", encoding="utf-8")
    assert decide(quick(), gate).passed  # as it was when the run began
    assert exit_code(quick(), decide(quick(), str(path))).sentence == (
        "exit 1: the gate gates.txt does not hold: total 27/30 (90%), not >=95%"
    )


def test_a_file_that_is_called_as_a_gate_or_lies_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names go first; any other file is found by any name."""
    monkeypatch.chdir(tmp_path)
    for name in ("strict", "mine", "a>=1"):
        (tmp_path / name).write_text("p95<1s", encoding="utf-8")
    assert not check_gate("strict").is_file
    assert check_gate("mine").is_file
    assert check_gate("a>=1").is_file


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("floors\n\np95<20\n", '{path}:3: "p95<20": p95 is held to a time, such as 20s or 500ms'),
        ("floors,\n", f"{{path}}:1: nothing stands between two commas: write {EXAMPLE}"),
        ("# nothing\n\n", "{path} holds no term: one on each line, such as p95<20s"),
    ],
)
def test_a_fault_in_a_file_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    """So that one can go there."""
    path = tmp_path / "my.gate"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageProblem) as caught:
        check_gate(str(path))
    assert str(caught.value) == f"--llm-gate: {told.format(path=path)}"


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is missing, no text, or a folder."""
    monkeypatch.chdir(tmp_path)
    for missing in ("gates.txt", "ci/gates", "my.gate"):
        with pytest.raises(UsageProblem) as caught:
            check_gate(missing)
        assert str(caught.value) == f"--llm-gate: {missing} does not exist; without a file it is {EXAMPLE}"
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageProblem, match=r"^--llm-gate: bad\.txt cannot be read: 'utf-8' codec"):
        check_gate("bad.txt")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageProblem, match=r"^--llm-gate: folder cannot be read: "):
        check_gate("folder/")


@pytest.mark.parametrize(
    ("gate", "told"),
    [
        ("toolcal-15>=80%", '"toolcal-15>=80%": no pack "toolcal-15" is in this run: did you mean "toolcall-15"?'),
        ("toolcal-15.p95<2s", '"toolcal-15.p95<2s": no pack "toolcal-15" is in this run: did you mean "toolcall-15"?'),
        (
            "zzz>=80%",
            '"zzz>=80%": no pack "zzz" is in this run: valid names: instructfollow-15, toolcall-15, total',
        ),
        ("toolcall-15>=12/16", '"toolcall-15>=12/16": toolcall-15 has 15 scenarios'),
        ("total>=12/31", '"total>=12/31": total has 30 scenarios'),
    ],
)
def test_packs_are_checked_before_the_first_question(gate: str, told: str) -> None:
    """As soon as it is known which there are."""
    waiting = summary({"toolcall-15": [], "instructfollow-15": []})
    check_gate_packs("toolcall-15>=12/15,total>=0%,p95<2s,floors,instructfollow-15.p95<2s", waiting)
    check_gate_packs("", summary())
    with pytest.raises(UsageProblem) as caught:
        check_gate_packs(gate, waiting)
    assert str(caught.value) == f"--llm-gate: {told}"
