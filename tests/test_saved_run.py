"""A run read again: whole, alone in a file, killed half-way, damaged, of another version, or not there at all."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench import manifest
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.journal import Journal, JournalReader
from pytest_llmbench.records import Message, Outcome, Purpose, Request, Response, Result, Scenario, Trial, Turn
from pytest_llmbench.reports.results_json import write_results
from pytest_llmbench.run_heads import runs_below, seconds_of
from pytest_llmbench.runfolder import RunFolder
from pytest_llmbench.saved_run import find_folder, find_run, open_run
from pytest_llmbench.saved_summary import summary_of
from pytest_llmbench.summary import Summary
from tests.summaries import RUN, STARTED, facts, result
from tests.summaries import summary as counted

PACK = facts()
MANIFEST: dict[str, Any] = {
    "format": 1,
    "version": "0.1.0",
    "model": "some-model",
    "endpoint": "openai_chat",
    "started_at": "2026-05-09T08:00:00+00:00",
    "concurrency": 4,
    "engine": {"name": "external"},
    "sampling": {"canonical": True},
    "packs": [
        {"id": PACK.id, "version": PACK.version, "content_hash": PACK.content_hash, "size": 15, "selected": 3},
        {"id": "other-15", "version": "2.0.0", "content_hash": "abc", "size": 15, "selected": 2},
    ],
}


def turn(text: str) -> Turn:
    """Return a request and its answer."""
    request = Request(model="some-model", messages=(Message(role="user", content="How?"),))
    return Turn(request=request, response=Response(content=text, finish_reason="stop"))


def write_trial(journal: Journal, made: Result, text: str) -> None:
    """Write the talk of a trial and its result."""
    scenario = Scenario(id=made.key.scenario, title="", messages=(), dialogue="single_turn", verifier="instructions")
    journal.turn(Trial(nodeid=made.nodeid, pack=made.pack, scenario=scenario, attempt=made.key.attempt), 0, turn(text))
    journal.result(made)


def write_run(path: Path, *, whole: bool = True, **changes: Any) -> Path:
    """Write the folder of a run: S-01 passed, S-02 failed in an answer with a lone surrogate, of five."""
    folder = RunFolder(path)
    folder.path.mkdir(parents=True)
    finished = {"finished_at": STARTED + 200} if whole else {}
    manifest.write(folder, {**MANIFEST, **finished, **changes})
    journal = Journal(folder.journal_dir, worker="main")
    write_trial(journal, result(PACK, "S-01", started_at=STARTED + 1), "so")
    write_trial(journal, result(PACK, "S-02", "wrong_answer", started_at=STARTED + 5), "\ud800")
    journal.result(dataclasses.replace(result(facts("a test"), "probe"), purpose=Purpose.FIXTURE))
    journal.close()
    if whole:
        write_results(folder.results_path, told(), manifest.read(folder), JournalReader(folder.journal_dir).entries())
    return path


def told() -> Summary:
    """Return the summary of the run as its session had it."""
    return dataclasses.replace(counted({PACK.id: ["pass", "wrong_answer"]}, selected=3), label="quick")


def test_a_whole_run_is_read_from_its_journal(tmp_path: Path) -> None:
    """Results of scenarios, talks as they were, and what the session said of the run."""
    run = open_run(write_run(tmp_path / "one"))
    assert [one.key.scenario for one in run.results] == ["S-01", "S-02"]
    assert {one.key.scenario for one in run.every} == {"S-01", "S-02", "probe"}
    assert run.turns(run.results[0].key)[0].response.content == "so"
    assert (run.name, run.label, run.model, run.profile, run.is_whole) == ("one", "quick", "some-model", "", True)
    assert run.packs["toolcall-15"]["selected"] == 3
    assert run.notices == ()


def test_a_later_verdict_in_the_journal_counts(tmp_path: Path) -> None:
    """Whoever judges anew adds to the journal; results.json may be older."""
    path = write_run(tmp_path / "one")
    journal = Journal(path / "journal", worker="later")
    journal.result(result(PACK, "S-02", started_at=STARTED + 5))
    journal.close()
    assert [one.verdict.outcome for one in open_run(path).results] == [Outcome.PASS, Outcome.PASS]


def test_results_json_alone_tells_the_same(tmp_path: Path) -> None:
    """A file that a CI job kept, in a folder of its own or with only its name, even laid out anew."""
    whole = open_run(write_run(tmp_path / "one"))
    (tmp_path / "kept").mkdir()
    file = shutil.copy(tmp_path / "one" / "results.json", tmp_path / "kept" / "results.json")
    named = tmp_path / "kept" / "other name.json"
    named.write_text(json.dumps(json.loads(Path(file).read_text(encoding="utf-8")), indent=3), encoding="utf-8")
    for path in (tmp_path / "kept", tmp_path / "kept" / "results.json", named):
        run = open_run(path)
        assert [dataclasses.replace(one, answer="", prompt="") for one in run.results] == [
            dataclasses.replace(one, answer="", prompt="") for one in whole.results
        ]
        assert run.turns(run.results[0].key) == whole.turns(whole.results[0].key)
        assert run.turns(run.results[1].key)[0].response.content == "?"
        assert (run.label, run.packs, run.is_whole) == (whole.label, whole.packs, True)


def test_results_json_in_its_folder_means_the_folder(tmp_path: Path) -> None:
    """Beside a journal the file says nothing new."""
    path = write_run(tmp_path / "one")
    assert open_run(path / "results.json").folder == RunFolder(path)


def test_an_older_file_in_the_folder_is_read_by_itself(tmp_path: Path) -> None:
    """As a rescoring keeps it: what the journal says now is another matter."""
    path = write_run(tmp_path / "one")
    older = Path(shutil.copy(path / "results.json", path / "results-2026-05-09T08-00-00-000000Z.json"))
    journal = Journal(path / "journal", worker="later")
    journal.result(result(PACK, "S-02", started_at=STARTED + 5))
    journal.close()
    assert [one.verdict.outcome for one in open_run(older).results] == [Outcome.PASS, Outcome.FAIL]
    assert [one.verdict.outcome for one in open_run(path / "results.json").results] == [Outcome.PASS, Outcome.PASS]
    with pytest.raises(UsageProblem, match=r"manifest\.json is no results\.json"):
        open_run(path / "manifest.json")


@pytest.mark.parametrize("text", ['{"llmbench_results": 1,', '{"llmbench_results": 1, "run": {', ""])
def test_a_results_json_that_is_cut_off_gives_way_to_the_journal(tmp_path: Path, text: str) -> None:
    """The run is finished all the same, and it says how the file is made anew."""
    path = write_run(tmp_path / "one")
    (path / "results.json").write_text(text, encoding="utf-8")
    run = open_run(path)
    assert (len(run.results), run.is_whole, run.model, run.head) == (2, True, "some-model", {})
    assert run.notices[0].endswith(f"is not whole: llmbench report {path} writes it anew from the journal")
    found = summary_of(run)
    assert (found.run.interrupted, found.run.finished_at, found.total.not_run) == (False, STARTED + 200, 3)
    (head,) = runs_below(tmp_path)
    assert (head.problem, head.is_whole, head.damage) == ("", False, run.notices[0])


def test_a_run_that_was_ended_by_hand_stays_interrupted_without_its_results_json(tmp_path: Path) -> None:
    """The manifest's exit code tells."""
    path = write_run(tmp_path / "one", exit_code=2)
    (path / "results.json").unlink()
    assert summary_of(open_run(path)).run.interrupted


def test_a_cut_results_json_without_a_journal_is_refused(tmp_path: Path) -> None:
    """Nothing else has the verdicts."""
    path = write_run(tmp_path / "one")
    shutil.rmtree(path / "journal")
    (path / "results.json").write_text('{"llmbench_results": 1,', encoding="utf-8")
    with pytest.raises(UsageProblem, match="not whole"):
        open_run(path)


def test_a_run_that_was_killed_is_read_as_far_as_it_got(tmp_path: Path) -> None:
    """No results.json, no end in the manifest, half a line at the end of the journal."""
    path = write_run(tmp_path / "one", whole=False)
    (journal,) = (path / "journal").iterdir()
    journal.write_bytes(journal.read_bytes() + b'{"type":"result","key":["tool')
    run = open_run(path)
    assert (len(run.results), run.is_whole, run.model, run.run["engine"]) == (2, False, "some-model", "external")
    assert "cut off while it was written" in run.notices[0]
    found = summary_of(run)
    scored = [pack for pack in found.packs if pack.purpose is Purpose.ITEM]
    assert [(pack.facts.id, pack.passed, pack.failed, pack.not_run) for pack in scored] == [
        ("other-15", 0, 0, 2),
        ("toolcall-15", 1, 1, 1),
    ]
    assert found.run.interrupted
    assert (found.run.started_at, found.run.finished_at) == (STARTED, STARTED + 7)
    assert not any(pack.missing for pack in found.packs)


def test_a_run_that_is_gone_on_with_is_not_whole(tmp_path: Path) -> None:
    """Its results.json is that of the earlier part."""
    path = write_run(tmp_path / "one")
    manifest.write(RunFolder(path), MANIFEST)
    run = open_run(path)
    assert (run.is_whole, run.head) == (False, {})


def test_the_summary_of_a_whole_run_is_that_of_its_session(tmp_path: Path) -> None:
    """Counts, label, missing scenarios by name, and the facts of the run."""
    found, session = summary_of(open_run(write_run(tmp_path / "one"))), told()
    (scored,) = (pack for pack in found.packs if pack.purpose is Purpose.ITEM)
    assert scored.missing == session.packs[0].missing
    assert (scored.selected, scored.passed, scored.failed, scored.not_run) == (3, 1, 1, 1)
    assert found.label == "quick"
    assert dataclasses.replace(found.run, run_dir="", tag_totals={}) == dataclasses.replace(RUN, tag_totals={})


def test_how_many_verdicts_were_resumed_is_kept(tmp_path: Path) -> None:
    """The journal does not tell which part of a run a verdict is of."""
    path = write_run(tmp_path / "one")
    text = (path / "results.json").read_text(encoding="utf-8")
    (path / "results.json").write_text(text.replace('"resumed":0', '"resumed":2', 1), encoding="utf-8")
    assert [pack.resumed for pack in summary_of(open_run(path)).packs if pack.purpose is Purpose.ITEM] == [2]


def test_recorded_answers_are_no_model_even_half_way(tmp_path: Path) -> None:
    """The manifest's sampling says canonical, and yet such a score compares with nothing."""
    run = summary_of(open_run(write_run(tmp_path / "one", whole=False, endpoint="gold"))).run
    assert (run.canonical, run.note) == (False, "recorded answers, no model")


def test_verdicts_of_a_pack_s_earlier_version_are_left_out(tmp_path: Path) -> None:
    """A pack was changed before the run was gone on with."""
    packs = [{"id": PACK.id, "version": "2.0.0", "content_hash": "new", "size": 15, "selected": 3}]
    run = open_run(write_run(tmp_path / "one", whole=False, packs=packs))
    assert run.results == ()


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("manifest.json", '{"format": 1', "no whole JSON file"),
        ("manifest.json", '{"format": 99, "version": "9.9"}', "pip install -U pytest-llmbench"),
        ("manifest.json", '{"format": 0}', "no manifest of format 1"),
        ("results.json", "[]", "no results.json of pytest-llmbench"),
        ("results.json", '{"llmbench_results": 2,\n"trials":[]}', "newer version"),
        ("results.json", '{"llmbench_results": "x",\n"trials":[]}', "does not read"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_next_step(
    tmp_path: Path, name: str, text: str, says: str
) -> None:
    """Never a traceback, and the list of runs still shows the others."""
    path = write_run(tmp_path / "one")
    write_run(tmp_path / "two")
    (path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UsageProblem) as raised:
        open_run(path)
    assert str(path / name) in str(raised.value)
    assert says in str(raised.value)
    heads = {head.name: head for head in runs_below(tmp_path)}
    assert says in heads["one"].problem
    assert not heads["two"].problem
    assert find_run("latest", tmp_path).name == "two"


def test_a_results_json_that_was_edited_by_hand_is_refused(tmp_path: Path) -> None:
    """A trial without its parts."""
    file = tmp_path / "results.json"
    head = {"llmbench_results": 1, "packs": [], "run": {}, "total": {}, "manifest": {}}
    file.write_text(json.dumps({**head, "trials": [{"pack": "x"}]}), encoding="utf-8")
    with pytest.raises(UsageProblem, match="not as pytest-llmbench writes it"):
        open_run(file)


def test_a_journal_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    """Its lines may mean something else."""
    path = write_run(tmp_path / "one")
    header = {"type": "header", "format": 99, "version": "9.9"}
    (path / "journal" / "new-1.jsonl").write_text(json.dumps(header) + "\n", encoding="utf-8")
    with pytest.raises(UsageProblem, match="pip install -U pytest-llmbench"):
        open_run(path)


def test_runs_are_found_by_any_part_of_their_name(tmp_path: Path) -> None:
    """Or by path, or as the latest by the time they started."""
    write_run(tmp_path / "2026-05-09T08-00-00Z-small")
    write_run(tmp_path / "2026-05-08T08-00-00Z-large", started_at="2026-05-10T08:00:00+00:00", whole=False)
    (tmp_path / "2026-05-11T08-00-00Z-died").mkdir()
    (tmp_path / "2026-05-12T08-00-00Z-comparison.json").write_text("{}", encoding="ascii")
    assert find_folder("small", tmp_path).name == "2026-05-09T08-00-00Z-small"
    assert find_folder(str(tmp_path / "2026-05-09T08-00-00Z-small"), tmp_path / "no").name.endswith("small")
    assert find_folder("latest", tmp_path).name.endswith("large")
    assert [head.name[-5:] for head in runs_below(tmp_path)] == ["small", "large"]
    for text, says in (("08-00", "fits 2 runs"), ("smal1", "did you mean|the newest are"), ("zzz", "latest is the")):
        with pytest.raises(UsageProblem, match=says):
            find_folder(text, tmp_path)


def test_where_there_is_nothing_it_says_how_to_measure(tmp_path: Path) -> None:
    """An empty folder, none at all, a name of nothing, a folder of something else."""
    for base in (tmp_path, tmp_path / "none"):
        with pytest.raises(UsageProblem, match="pytest --llm-packs quick"):
            runs_below(base)
        with pytest.raises(UsageProblem, match="pytest --llm-packs quick"):
            find_run("latest", base)
        with pytest.raises(UsageProblem, match="pytest --llm-packs quick"):
            find_run("some", base)
    with pytest.raises(UsageProblem, match="holds no run"):
        open_run(tmp_path)
    with pytest.raises(UsageProblem, match="does not exist"):
        open_run(tmp_path / "none")


def test_a_folder_of_runs_is_not_one(tmp_path: Path) -> None:
    """As ``--llm-out`` makes of several servers: the runs in it are named."""
    write_run(tmp_path / "q4")
    with pytest.raises(UsageProblem, match=r"several runs.*q4"):
        open_run(tmp_path)


def test_times_are_read_as_they_are_written() -> None:
    """The manifest has ISO texts and numbers."""
    assert seconds_of("2026-05-09T08:00:00+00:00") == STARTED
    assert seconds_of(STARTED) == STARTED
    assert (seconds_of(None), seconds_of("soon")) == (0.0, 0.0)
