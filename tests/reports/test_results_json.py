"""results.json: valid whatever the model wrote, as its schema says, one trial in memory at a time."""

from __future__ import annotations

import dataclasses
import json
import math
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pytest_llmbench.against import Held
from pytest_llmbench.records import (
    CheckOutcome,
    Message,
    Reason,
    Request,
    Response,
    Result,
    Sampling,
    Tool,
    ToolCall,
    TrialKey,
    Turn,
    Usage,
)
from pytest_llmbench.regression import compare
from pytest_llmbench.reports.results_json import FILENAME, SCHEMA_PATH, write_results
from pytest_llmbench.summary import Summary
from pytest_llmbench.tally import Tally
from tests.summaries import RUN, facts, quick, result, summary, words

PACK = "toolcall-15"
TURN = Turn(
    request=Request(
        model="m",
        messages=(Message(role="system", content="Be brief."), Message(role="user", content="2 + 2?")),
        tools=(Tool(name="add", description="adds", parameters={"type": "object"}),),
        sampling=Sampling(temperature=0.0, top_p=1.0, seed=1, extra={"top_k": 1}),
        max_tokens=64,
    ),
    response=Response(
        content="4",
        tool_calls=(ToolCall(id="1", name="add", arguments='{"a": 2}'),),
        finish_reason="stop",
        usage=Usage(prompt_tokens=9, completion_tokens=1),
    ),
)


@dataclass(frozen=True)
class Entry:
    """A trial as the journal yields it."""

    key: TrialKey
    result: Result | None
    turns: tuple[Turn, ...] = ()


def entry(one: Result, *turns: Turn) -> Entry:
    """Return the entry of a judged trial."""
    return Entry(one.key, one, turns)


def written(tmp_path: Path, found: Summary, *entries: Entry, manifest: dict[str, Any] | None = None) -> Any:
    """Return the file's data, checked against the schema."""
    path = tmp_path / FILENAME
    write_results(path, found, manifest or {}, entries)
    data = json.loads(path.read_bytes().decode("utf-8"), parse_constant=pytest.fail)
    jsonschema.Draft202012Validator(json.loads(SCHEMA_PATH.read_text("utf-8"))).validate(data)
    return data


def test_the_schema_is_a_schema() -> None:
    """It says itself what it is, and knows every outcome word there is."""
    schema = json.loads(SCHEMA_PATH.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$defs"]["trial"]["properties"]["reason"]["enum"] == [None, *Reason]


def test_the_head_has_the_run_and_its_packs(tmp_path: Path) -> None:
    """Label, scores with intervals, the Quality line, the manifest as it was given."""
    data = written(tmp_path, quick(), manifest={"gpu": None, "packs": ["x"]})
    assert data["llmbench_results"] == 1
    assert data["quality"].startswith("Quality:   InstructFollow-15 13/15 (87%)")
    assert (data["run"]["label"], data["run"]["started_at"]) == ("quick", "2026-05-09T08:00:00+00:00")
    assert (data["total"]["passed"], data["total"]["text"]) == (27, "27/30 (90%)")
    pack = data["packs"][1]
    assert (pack["id"], pack["status"], pack["reasons"]) == ("toolcall-15", "ok", {"wrong_answer": 1})
    assert pack["interval_95"] == pytest.approx([0.7018, 0.9881], abs=5e-5)
    assert data["manifest"] == {"gpu": None, "packs": ["x"]}
    assert data["trials"] == []


def test_what_a_gate_and_a_baseline_said_is_as_the_schema_has_it(tmp_path: Path) -> None:
    """The comparison's own data, and {} where verdicts came later."""
    passed, failed = ({(PACK, name): counts for name in ("S-01", "S-02")} for counts in ((3, 3), (0, 1)))
    held = Held(name="stub", comparison=compare(passed, failed))
    said = {"name": "baseline", "passed": False, "sentence": held.sentence, "lines": held.lines}
    run = dataclasses.replace(RUN, gate=said, baseline=held.plain())
    data = written(tmp_path, dataclasses.replace(quick(), run=run))
    assert data["run"]["gate"] == {**said, "lines": list(held.lines)}
    assert [flip["scenario"] for flip in data["run"]["baseline"]["flips"]] == ["S-01", "S-02"]
    assert written(tmp_path, dataclasses.replace(quick(), run=RUN))["run"]["baseline"] == {}


def test_a_trial_has_everything(tmp_path: Path) -> None:
    """Verdict, figures, prompt, sampling as sent, the whole exchange."""
    one = result(
        facts(),
        "TC-07",
        "wrong_argument",
        detail="call 2",
        expected="4",
        got="5",
        score=0.5,
        metrics={"cosine": 0.9},
        checks=(CheckOutcome(name="calls", passed=False, detail="call 2"),),
        attempt=2,
        prompt_tokens=9,
    )
    trial = written(tmp_path, quick(), entry(one, TURN))["trials"][0]
    assert (trial["pack"], trial["scenario"], trial["attempt"], trial["purpose"]) == ("toolcall-15", "TC-07", 2, "item")
    assert (trial["outcome"], trial["reason"], trial["detail"]) == ("FAIL", "wrong_argument", "call 2")
    assert (trial["expected"], trial["got"], trial["score"], trial["metrics"]) == ("4", "5", 0.5, {"cosine": 0.9})
    assert trial["checks"] == [{"name": "calls", "passed": False, "detail": "call 2", "gating": True}]
    assert trial["usage"] == {"prompt_tokens": 9, "completion_tokens": 10, "cached_tokens": None}
    assert trial["timing"] == {"latency_s": 2.0, "first_token_s": None, "decode_tps": 50.0, "prefill_tps": None}
    assert [message["content"] for message in trial["prompt"]] == ["Be brief.", "2 + 2?"]
    assert trial["sampling"] == {"temperature": 0.0, "top_p": 1.0, "seed": 1, "extra": {"top_k": 1}}
    assert trial["exchange"][0]["response"]["content"] == "4"
    assert trial["exchange"][0]["request"]["tools"][0]["name"] == "add"


def test_a_trial_without_answer_or_verdict_is_there_too(tmp_path: Path) -> None:
    """An error has no exchange; an answer nobody judged has no outcome."""
    error = result(facts(), "A", "endpoint_unreachable", detail="nobody answers")
    unjudged = Entry(result(facts(), "B").key, None, (TURN,))
    first, second = written(tmp_path, quick(), entry(error), unjudged)["trials"]
    assert (first["outcome"], first["prompt"], first["sampling"], first["exchange"]) == ("ERROR", [], None, [])
    assert (second["outcome"], second["reason"]) == (None, None)
    assert len(second["exchange"]) == 1


def test_whatever_the_model_wrote_is_valid_json(tmp_path: Path) -> None:
    """Lone surrogates are replaced, NaN and infinities are null, NUL and line separators survive."""
    evil = "\ud800 \x00 \u2028 </script> \x1b[0m é世"
    turn = dataclasses.replace(TURN, response=Response(content=evil, reasoning=evil))
    one = result(facts(), evil, "wrong_answer", detail=evil, metrics={evil: math.nan}, score=math.inf)
    trial = written(tmp_path, quick(), entry(one, turn), manifest={evil: [math.nan, 1 << 80]})["trials"][0]
    tame = evil.replace("\ud800", "?")
    assert trial["exchange"][0]["response"]["content"] == tame
    assert (trial["scenario"], trial["score"], trial["metrics"]) == (tame, None, {tame: None})


def test_long_answers_are_whole(tmp_path: Path) -> None:
    """Other records are cut at a limit; this file is where the whole is found."""
    text = "x" * (3 << 20)
    turn = dataclasses.replace(TURN, response=Response(content=text))
    trial = written(tmp_path, quick(), entry(result(facts(), "A"), turn))["trials"][0]
    assert trial["exchange"][0]["response"]["content"] == text


def test_every_summary_fits_the_schema(tmp_path: Path) -> None:
    """Runs of nothing, with errors, with repeats and metrics, in part and interrupted."""
    tally = Tally()
    for attempt, word in enumerate(["pass", "timeout"], start=1):
        tally.add(result(facts(size=1), "A", word, attempt=attempt, metrics={"m": 1.5}))
    for found in (
        summary(),
        summary({"toolcall-15": words(1, 1, 1)}, interrupted=True, problem="gone", concurrency=None),
        summary({"toolcall-15": words(1)}, selected=1, canonical=False, note="server"),
        tally.summary(RUN),
    ):
        written(tmp_path, found)
    pack = written(tmp_path, tally.summary(RUN))["packs"][0]
    assert pack["repeats"] == {"A": [1, 2]}
    assert pack["attempts"] == 2
    assert (pack["pass_at"]["1"]["value"], pack["pass_at"]["2"]["value"]) == (0.5, 1.0)
    assert (pack["pass_hat"]["2"]["value"], pack["pass_hat"]["2"]["tasks"]) == (0.0, 1)
    tally.add(result(facts(size=2), "B", "server_error"))
    tally.add(result(facts(size=2), "C"))
    pack = written(tmp_path, tally.summary(RUN))["packs"][0]
    assert pack["pass_at"]["2"] is None


def test_a_row_names_its_attempt_seed_and_task(tmp_path: Path) -> None:
    """So that each repeat can be asked again; an attempt that was never asked has no seed."""
    asked = result(facts(), "HumanEval-7", attempt=3, task_id="HumanEval/7")
    error = result(facts(), "HumanEval-8", "server_error")
    rows = written(tmp_path, quick(), entry(asked, TURN), entry(error))["trials"]
    assert [(row["attempt"], row["seed"], row["task_id"]) for row in rows] == [(3, 1, "HumanEval/7"), (1, None, "")]


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    """The file is there whole or as it was, and no rest lies about."""
    path = tmp_path / FILENAME
    path.write_text("old")

    def broken() -> Iterator[Entry]:
        yield entry(result(facts(), "A"), TURN)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_results(path, quick(), {}, broken())
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == [FILENAME]


def test_one_trial_is_in_memory_at_a_time(tmp_path: Path) -> None:
    """A hundred answers of 200,000 characters take the memory of a few."""

    def many() -> Iterator[Entry]:
        for number in range(100):
            turn = dataclasses.replace(TURN, response=Response(content=str(number % 10) * 200_000))
            yield entry(result(facts(), f"S-{number}"), turn)

    tracemalloc.start()
    write_results(tmp_path / FILENAME, quick(), {}, many())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / FILENAME).stat().st_size > 20_000_000
    assert peak < 5_000_000
