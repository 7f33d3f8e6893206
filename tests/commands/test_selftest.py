"""``llmbench selftest``: what it prints, and its exit codes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_llmbench.commands import selftest
from pytest_llmbench.commands.main import main
from pytest_llmbench.records import Exchange, Outcome, Scenario, Verdict
from pytest_llmbench.rehearsal import Cast
from pytest_llmbench.verifiers import VERIFIERS
from tests.datasets.benchlocal_sample import case, write_jsonl

PACK = """\
llmbench: 1
id: sums-1
title: Sums
version: 1.0.0
licence: CC0-1.0
source: Written for a test.
tags: [quick]
dimension: Sums.
defaults: {dialogue: single_turn, verifier: final_answer}
scenarios:
  - id: SU-01
    title: A sum
    prompt: "What is 17 + 18? End with a line `ANSWER: N`."
    checks: [{kind: number, value: 35}]
"""
GOLD = """\
SU-01:
  pass:
    - {note: plain, text: "ANSWER: 35"}
    - {note: dressed, text: "17 + 18 is\\n\\n**Answer: 35.0**"}
  fail:
    - {note: junk, reason: no_answer, text: Banana}
    - {note: empty, reason: no_answer, text: ""}
    - {note: one more, reason: wrong_answer, check: number, text: "ANSWER: 36"}
    - {note: cut off, truncated: true, text: "ANSWER: 35"}
"""


def pack(folder: Path, text: str = PACK, gold: str = GOLD) -> str:
    """Write a pack and return its path; without `gold` none is written."""
    folder.mkdir(exist_ok=True)
    (folder / "pack.yaml").write_text(text, encoding="utf-8")
    if gold:
        (folder / "gold.yaml").write_text(gold, encoding="utf-8")
    return str(folder)


def test_a_right_pack_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Counts of each part, and the time it took."""
    assert main(["selftest", pack(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert re.fullmatch(r"sums-1\s+gold 2/2  broken 4/4  mutations (\d+)/\1  \d+\.\d s\n", printed)
    assert int(re.search(r"mutations (\d+)", printed)[1]) > 80  # type: ignore[index]


def test_every_answer_has_its_line_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With -v: scenario, part, note, what it must be and what it was."""
    assert main(["selftest", "-v", pack(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "    ok     SU-01 gold [dressed] must PASS: PASS" in lines
    assert any(line.startswith("    ok     SU-01 broken [one more] must FAIL: FAIL wrong_answer: ") for line in lines)
    assert "    ok     SU-01 mutation [plain: ANSWER: label in small letters] must PASS: PASS" in lines
    assert len(lines) > 80


def test_several_packs_and_the_built_in_ones_are_named_as_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A path, an id; each gets its line, in the order asked."""
    assert main(["selftest", pack(tmp_path), "instructfollow-15"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["sums-1", "instructfollow-15"]


def test_gold_that_fails_is_shown_with_reason_and_excerpt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was expected, what was judged and why, and the answer."""
    wrong = GOLD.replace('"ANSWER: 35"}\n    - {note: dressed', '"ANSWER: 34"}\n    - {note: dressed', 1)
    assert main(["selftest", pack(tmp_path, gold=wrong)]) == 1
    printed = capsys.readouterr().out
    assert "gold 1/2  broken 4/4  mutations" in printed
    assert "    WRONG  SU-01 gold [plain] is judged FAIL\n           expected PASS\n" in printed
    assert "           judged   FAIL wrong_answer: " in printed
    assert "           answer   'ANSWER: 34'\n" in printed


def test_a_broken_answer_must_fail_for_the_reason_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A right verdict for a wrong reason is no proof."""
    wrong = GOLD.replace("note: one more, reason: wrong_answer", "note: one more, reason: invalid_format")
    assert main(["selftest", pack(tmp_path, gold=wrong)]) == 1
    assert "must fail for invalid_format, fails for wrong_answer" in capsys.readouterr().out


class Lenient:
    """A verifier that finds the right number anywhere in the text."""

    name = "final_answer"
    rules_version = "1"

    def problems(self, scenario: Scenario) -> list[object]:
        """Find nothing wrong."""
        return []

    def judge(self, scenario: Scenario, exchange: Exchange) -> Verdict:
        """Pass whatever holds the digits."""
        return VERIFIERS["final_answer"].judge(scenario, exchange) if "35" not in exchange.answer else _PASS


_PASS = Verdict(outcome=Outcome.PASS)


def test_a_verifier_that_passes_too_much_is_caught_by_mutations(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All recorded answers are judged rightly, and yet a right number in a wrong place is found to pass."""
    cast = selftest._CAST
    lenient = {**VERIFIERS, "final_answer": Lenient()}
    monkeypatch.setattr(
        selftest,
        "_CAST",
        Cast(dialogues=cast.dialogues, verifiers=lenient, mutators=cast.mutators),  # type: ignore[arg-type]
    )
    assert main(["selftest", pack(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "gold 2/2  broken 4/4  mutations " in printed
    assert "SU-01 mutation [plain: ANSWER two numbers] is judged PASS\n           expected FAIL" in printed
    assert "SU-01 mutation [plain: a wrong ANSWER last] is judged PASS" in printed


@pytest.mark.parametrize(
    ("text", "gold", "words"),
    [
        (PACK, "", "no recorded answers in "),
        (PACK, GOLD.replace("SU-01:", "SU-02:"), "SU-01: no recorded answers"),
        (PACK.replace("kind: number", "kind: nubmer"), GOLD, 'did you mean "number"?'),
        (PACK.replace("single_turn", "single_turns"), GOLD, 'did you mean "single_turn"?'),
    ],
    ids=["no gold.yaml", "no answers", "an unknown check", "an unknown dialogue"],
)
def test_a_faulty_pack_is_exit_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, gold: str, words: str
) -> None:
    """What is missing or unknown, and where to read on."""
    assert main(["selftest", pack(tmp_path, text, gold)]) == 1
    printed = capsys.readouterr().out
    assert words in printed
    assert re.match(r"sums-1\s+[12] faults? in the pack", printed)


@pytest.mark.parametrize(
    ("text", "gold", "words"),
    [
        (PACK.replace("prompt:", "promt:"), GOLD, 'did you mean "prompt"?'),
        (PACK, GOLD.replace("text: Banana", "txet: Banana"), 'did you mean "text"?'),
    ],
    ids=["pack.yaml", "gold.yaml"],
)
def test_a_file_with_a_mistake_is_exit_4_and_the_other_packs_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, gold: str, words: str
) -> None:
    """File, line and the nearest name; the packs behind it are judged all the same."""
    bad, good = pack(tmp_path / "bad", text, gold), pack(tmp_path / "good")
    assert main(["selftest", bad, good]) == 4
    said = capsys.readouterr()
    assert words in said.err
    assert re.search(r"bad/\w+\.yaml:\d+: ", said.err)
    assert said.out.startswith("sums-1")


def test_an_unknown_pack_is_exit_4_with_the_nearest_name(capsys: pytest.CaptureFixture[str]) -> None:
    """A slip of the keyboard costs one line."""
    assert main(["selftest", "toolcal-15"]) == 4
    assert 'did you mean "toolcall-15"?' in capsys.readouterr().err


def test_a_verifier_of_ones_own_is_pytest_s_to_know(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """That is no fault of the pack; the line says what to type instead."""
    assert main(["selftest", pack(tmp_path, PACK.replace("final_answer", "my_own"))]) == 1
    said = capsys.readouterr().out
    assert "not tested: my_own is no verifier of pytest-llmbench" in said
    assert "--llm-endpoint gold, then --llm-endpoint broken" in said


def test_all_mistakes_of_both_files_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A slip in the answers does not hide those in the checks; places are written as pytest writes them."""
    text = PACK.replace("kind: number", "kind: numbre")
    assert main(["selftest", pack(tmp_path, text, GOLD.replace("fail:", "fial:"))]) == 4
    said = capsys.readouterr().err
    assert f"{tmp_path}/pack.yaml:14: scenarios[0].checks[0].kind: " in said
    assert "gold.yaml:" in said


def test_a_foreign_pack_has_nothing_to_judge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is read and its asserts are looked at; a mistake in it is exit 1."""
    good = write_jsonl(tmp_path / "good.jsonl", [case("A", "instruct_follow", {"kind": "bullet_count", "value": 2})])
    assert main(["selftest", str(good)]) == 0
    assert "1 scenarios of a foreign pack, all readable" in capsys.readouterr().out
    bad = write_jsonl(tmp_path / "bad.jsonl", [case("A", "instruct_follow", {"kind": "bullet_cuont", "value": 2})])
    assert main(["selftest", str(bad)]) == 1
    assert "bad.jsonl:2: " in capsys.readouterr().out


def test_an_empty_name_is_exit_4(capsys: pytest.CaptureFixture[str]) -> None:
    """A script whose variable is empty is told so."""
    assert main(["selftest", ""]) == 4
    assert "no pack is named" in capsys.readouterr().err
