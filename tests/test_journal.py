"""The journal: nothing that was answered is lost, nothing is mixed up, damage is told."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.errors import LlmbenchError
from pytest_llmbench.journal import Journal, JournalReader
from pytest_llmbench.records import (
    Message,
    Outcome,
    PackFacts,
    Purpose,
    Reason,
    Request,
    Response,
    Result,
    Sampling,
    Scenario,
    Tool,
    ToolCall,
    Trial,
    Turn,
    Verdict,
)

PACK = PackFacts(id="pack-a", title="Pack A", version="1", content_hash="abc", size=2, tags=("quick",), floor=0.5)
TOOLS = (Tool(name="look_up", description="Looks things up. " * 20, parameters={"type": "object", "properties": {}}),)
NASTY = "lone \ud800 surrogate, NUL \x00, line\u2028separator\nnewline \r\n and \U0001f600"


def trial(name: str = "S-1", attempt: int = 1, pack: PackFacts = PACK) -> Trial:
    """Return a trial of a one-question scenario."""
    scenario = Scenario(id=name, title=name, messages=(), dialogue="single_turn", verifier="none")
    return Trial(nodeid=f"pack.yaml::{name}", pack=pack, scenario=scenario, attempt=attempt)


def turn(answer: str = "four", *said: str, tools: tuple[Tool, ...] = ()) -> Turn:
    """Return a turn that answers `answer` to a conversation of `said`."""
    messages = tuple(Message(role="user", content=text) for text in said or ("two and two?",))
    return Turn(request=Request(model="m", messages=messages, tools=tools), response=Response(content=answer))


def result(of: Trial, outcome: Outcome = Outcome.PASS, **changes: Any) -> Result:
    """Return a result of the trial `of`."""
    verdict = Verdict(outcome=outcome, reason=Reason.SERVER_ERROR if outcome is Outcome.ERROR else None)
    facts = {"key": of.key, "nodeid": of.nodeid, "title": "t", "purpose": of.purpose, "pack": of.pack}
    return Result(**{**facts, "verdict": verdict, **changes})


def lines(journal: Journal) -> list[dict[str, Any]]:
    """Return the records of a journal file."""
    return [json.loads(line) for line in journal.path.read_bytes().splitlines()]


def asked(reader: JournalReader) -> list[str]:
    """Return the scenarios of all trials, in order."""
    return [entry.key.scenario for entry in reader.entries()]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """Turns and results come back equal, with every kind of content in them."""
    one, said = trial(), (Message(role="system", content=NASTY * 9), Message(role="user", content=NASTY))
    calls = (ToolCall(id="1", name="look_up", arguments='{"n": NaN, "s": "\ud83d"}'),)
    first = Turn(
        request=Request(model="m", messages=said, tools=TOOLS, tool_choice="auto", sampling=Sampling(seed=2**62)),
        response=Response(content=NASTY, reasoning=NASTY, tool_calls=calls),
    )
    more = (Message(role="assistant", tool_calls=calls), Message(role="tool", tool_call_id="1", content="{}"))
    second = Turn(
        request=Request(model="m", messages=said + more, tools=TOOLS, sampling=Sampling(extra={"top_k": 3})),
        response=Response(content="done"),
    )
    judged = result(one, answer=NASTY, latency_s=1.5)
    journal = Journal(tmp_path, worker="main")
    journal.turn(one, 0, first)
    journal.turn(one, 1, second)
    journal.result(judged)
    journal.close()
    reader = JournalReader(tmp_path)
    assert reader.turns(one.key) == (first, second)
    assert reader.result(one.key) == judged
    assert reader.turn(one.key, 1) == (second.request.fingerprint(), second.response)
    assert reader.finished(one.key)
    assert reader.notices == ()


def test_lines_are_ascii_json_that_carry_the_key(tmp_path: Path) -> None:
    """Each record names trial, purpose, node id, turn and fingerprint; NaN is null."""
    journal = Journal(tmp_path, worker="gw0")
    fixture = dataclasses.replace(trial(), purpose=Purpose.FIXTURE)
    journal.turn(fixture, 0, turn(NASTY))
    journal.result(result(fixture, latency_s=math.nan))
    journal.close()
    assert journal.path.read_bytes().isascii()
    assert b"NaN" not in journal.path.read_bytes()
    header, first, *_, last = lines(journal)
    assert {"type", "format", "version", "worker", "pid", "started_at"} <= set(header)
    assert first["key"] == ["pack-a", "abc", "S-1", 1]
    assert (first["purpose"], first["nodeid"], first["turn"]) == ("fixture", "pack.yaml::S-1", 0)
    assert first["fingerprint"] == turn(NASTY).request.fingerprint()
    assert last["result"]["latency_s"] is None
    assert journal.path.name == f"gw0-{os.getpid()}.jsonl"


def test_tools_and_long_messages_stand_once(tmp_path: Path) -> None:
    """Repeats of a long prompt, a growing conversation, a tool pool and the pack's facts cost a reference each."""
    journal = Journal(tmp_path, worker="main")
    same_but_another_object = (dataclasses.replace(TOOLS[0]),)
    for attempt in range(1, 40):
        tools = TOOLS if attempt % 2 else same_but_another_object
        journal.turn(trial(attempt=attempt), 0, turn("a", "p" * 1000, tools=tools))
        journal.turn(trial(attempt=attempt), 1, turn("b", "p" * 1000, "q" * 1000, tools=tools))
        journal.result(result(trial(attempt=attempt)))
    journal.close()
    assert [record["type"] for record in lines(journal)].count("shared") == 4
    assert JournalReader(tmp_path).turns(trial(attempt=39).key)[1].request.messages[1].content == "q" * 1000


def test_a_second_journal_of_the_same_process_gets_another_file(tmp_path: Path) -> None:
    """A reused process id never appends to an older process's file."""
    journals = [Journal(tmp_path, worker="main") for _ in range(3)]
    for number, journal in enumerate(journals):
        journal.turn(trial(f"S-{number}"), 0, turn())
        journal.close()
        journal.close()
    assert len({journal.path for journal in journals}) == 3
    assert len(JournalReader(tmp_path).keys()) == 3


def test_entries_come_in_a_stable_order(tmp_path: Path) -> None:
    """Order is by pack, scenario and attempt, whatever the order of writing and the file."""
    wanted = [trial(name, attempt) for name in ("S-1", "S-2") for attempt in (1, 2, 10)]
    shuffled = [wanted[place] for place in (3, 0, 5, 2, 4, 1)]
    journals = [Journal(tmp_path, worker=f"gw{number}") for number in range(2)]
    for number, one in enumerate(shuffled):
        journals[number % 2].turn(one, 0, turn())
    entries = list(JournalReader(tmp_path).entries())
    assert [entry.key for entry in entries] == [one.key for one in wanted]
    assert all(entry.result is None and len(entry.turns) == 1 for entry in entries)
    for journal in journals:
        journal.close()


def test_an_error_is_not_finished_and_the_latest_result_counts(tmp_path: Path) -> None:
    """What ended in ERROR is asked again; its later verdict replaces it, from another process too."""
    first, second = Journal(tmp_path, worker="gw1"), Journal(tmp_path, worker="gw0")
    first.result(result(trial(), Outcome.ERROR))
    reader = JournalReader(tmp_path)
    assert not reader.finished(trial().key)
    assert not reader.finished(trial("other").key)
    second.result(result(trial(), Outcome.FAIL))
    reader.refresh()
    assert reader.finished(trial().key)
    found = reader.result(trial().key)
    assert found is not None
    assert found.verdict.outcome is Outcome.FAIL
    first.close()
    second.close()


def test_turns_of_a_talk_that_was_given_up_are_not_mixed_in(tmp_path: Path) -> None:
    """Asking turn 1 again discards the older turns 1 and 2, and keeps turn 0."""
    old, new = Journal(tmp_path, worker="gw1"), Journal(tmp_path, worker="gw0")
    for number in range(3):
        old.turn(trial(), number, turn(f"old {number}"))
    new.turn(trial(), 1, turn("new 1", "another question"))
    reader = JournalReader(tmp_path)
    assert [one.response.content for one in reader.turns(trial().key)] == ["old 0", "new 1"]
    assert reader.turn(trial().key, 2) is None
    assert reader.turn(trial().key, 1) == (turn("", "another question").request.fingerprint(), turn("new 1").response)
    new.turn(trial(), 2, turn("new 2"))
    new.turn(trial(), 0, turn("newest 0"))
    reader.refresh()
    assert [one.response.content for one in reader.turns(trial().key)] == ["newest 0"]
    old.close()
    new.close()


def test_a_turn_without_its_predecessor_is_not_offered(tmp_path: Path) -> None:
    """A talk with a hole in it can only be held again from the hole on."""
    journal = Journal(tmp_path, worker="main")
    journal.turn(trial(), 1, turn())
    journal.close()
    reader = JournalReader(tmp_path)
    assert reader.turn(trial().key, 1) is None
    assert reader.turns(trial().key) == ()


def test_a_torn_last_line_is_dropped_with_a_notice(tmp_path: Path) -> None:
    """Cut anywhere, the file loses only its last record, and the notice names file and trial."""
    journal = Journal(tmp_path, worker="main")
    journal.turn(trial("S-1"), 0, turn())
    kept = journal.path.stat().st_size
    journal.turn(trial("S-2"), 0, turn())
    journal.close()
    whole = journal.path.read_bytes()
    for cut in range(kept + 1, len(whole)):
        journal.path.write_bytes(whole[:cut])
        reader = JournalReader(tmp_path)
        assert asked(reader) == ["S-1"]
        assert len(reader.notices) == 1
        assert str(journal.path) in reader.notices[0]
    assert "a turn of pack-a/S-2 attempt 1" in reader.notices[0]
    journal.path.write_bytes(whole)
    reader.refresh()
    assert asked(reader) == ["S-1", "S-2"]
    assert reader.notices == ()


def test_a_file_with_nothing_in_it_is_harmless(tmp_path: Path) -> None:
    """A process killed before its first write leaves an empty file; a missing folder holds no trials."""
    (tmp_path / "main-1.jsonl").touch()
    assert JournalReader(tmp_path).keys() == ()
    assert JournalReader(tmp_path / "missing").keys() == ()


@pytest.mark.parametrize(
    "damage",
    [
        b"garbage",
        b"",
        b"\x00" * 50,
        b"[]",
        b"null",
        b"{}",
        b'{"type":"turn"}',
        b'{"type":"turn","key":[1],"at":0,"turn":0}',
        b'{"type":"result","key":["p","h","s",1],"at":"soon","result":{"pack":{},"verdict":{"outcome":"PASS"}}}',
        b'{"type":"shared"}',
        b'{"type":"shared","number":-1,"value":1}',
        b"[" * 100_000,
        b'{"type":"turn","turn":' + b"9" * 5000 + b"}",
    ],
)
def test_a_damaged_line_in_the_middle_costs_only_itself(tmp_path: Path, damage: bytes) -> None:
    """Whatever stands in its place, the records before and after it are read and a notice is given."""
    journal = Journal(tmp_path, worker="main")
    long = "prompt " * 100
    for number in range(3):
        journal.turn(trial(f"S-{number}"), 0, turn("a", long, f"{number}" * 300))
    journal.close()
    written = journal.path.read_bytes().splitlines()
    place = next(at for at, line in enumerate(written) if b'"S-1"' in line)
    written[place] = damage
    journal.path.write_bytes(b"\n".join(written) + b"\n")
    reader = JournalReader(tmp_path)
    assert asked(reader) == ["S-0", "S-2"]
    assert all(entry.turns[0].request.messages[0].content == long for entry in reader.entries())
    assert len(reader.notices) == 1
    assert "skipped 1 damaged line(s)" in reader.notices[0]


def test_a_record_whose_shared_part_is_damaged_is_skipped(tmp_path: Path) -> None:
    """A turn that refers to a lost line is not half read."""
    journal = Journal(tmp_path, worker="main")
    journal.turn(trial("S-0"), 0, turn("a", "x" * 300))
    journal.turn(trial("S-1"), 0, turn("a", "short"))
    journal.close()
    text = journal.path.read_text(encoding="ascii")
    journal.path.write_text(text.replace('{"type":"shared"', '{"type:"shared"', 1), encoding="ascii")
    reader = JournalReader(tmp_path)
    assert asked(reader) == ["S-1"]
    assert "skipped 2 damaged line(s)" in reader.notices[0]


def test_a_record_of_the_wrong_shape_is_told_when_it_is_loaded(tmp_path: Path) -> None:
    """Valid JSON with a wrong type inside is no crash."""
    journal = Journal(tmp_path, worker="main")
    journal.turn(trial(), 0, turn())
    journal.close()
    text = journal.path.read_text(encoding="ascii")
    journal.path.write_text(text.replace('"tool_calls":[]', '"tool_calls":[7]'), encoding="ascii")
    reader = JournalReader(tmp_path)
    assert reader.turns(trial().key) == ()
    assert "does not fit" in reader.notices[0]


def test_records_of_other_kinds_are_ignored(tmp_path: Path) -> None:
    """A later version may add kinds of records without breaking this one."""
    (tmp_path / "main-1.jsonl").write_text('{"type":"header","format":1}\n{"type":"weather","sun":true}\n')
    reader = JournalReader(tmp_path)
    assert reader.keys() == ()
    assert reader.notices == ()


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    """The message names the file and what to do."""
    (tmp_path / "main-1.jsonl").write_text('{"type":"header","format":99,"version":"9.9"}\n')
    with pytest.raises(LlmbenchError, match=r"main-1\.jsonl was written by pytest-llmbench 9\.9.*upgrade"):
        JournalReader(tmp_path)


def test_refresh_reads_only_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Following a long run does not read it from the start each time."""
    journal = Journal(tmp_path, worker="main")
    journal.turn(trial("S-1"), 0, turn())
    reader = JournalReader(tmp_path)
    journal.turn(trial("S-2"), 0, turn())
    journal.close()
    parsed: list[Any] = []
    loads = json.loads

    def counted(raw: Any) -> Any:
        parsed.append(raw)
        return loads(raw)

    monkeypatch.setattr(json, "loads", counted)
    reader.refresh()
    reader.refresh()
    assert len(parsed) == 1
    assert len(reader.keys()) == 2


def test_many_threads_write_whole_lines(tmp_path: Path) -> None:
    """Lines of concurrent writers never interleave."""
    journal = Journal(tmp_path, worker="main")

    def work(number: int) -> None:
        for attempt in range(1, 51):
            journal.turn(trial(f"S-{number}", attempt), 0, turn(f"{number}-{attempt} " * 500, f"{attempt}" * 300))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    reader = JournalReader(tmp_path)
    assert reader.notices == ()
    assert len(reader.keys()) == 400
    assert all(entry.turns[0].response.content for entry in reader.entries())


def test_short_writes_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system may take part of a line; the rest follows."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, bytes(data)[:7]))
    journal = Journal(tmp_path, worker="main")
    journal.turn(trial(), 0, turn(NASTY))
    journal.close()
    assert JournalReader(tmp_path).turns(trial().key) == (turn(NASTY),)


def test_closing_syncs_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After `close` everything is on the disk."""
    sizes: list[int] = []
    sync = os.fsync

    def watched(fd: int) -> None:
        sizes.append(os.fstat(fd).st_size)
        sync(fd)

    monkeypatch.setattr(os, "fsync", watched)
    journal = Journal(tmp_path, worker="main")
    journal.turn(trial(), 0, turn())
    journal.close()
    assert sizes[-1] == journal.path.stat().st_size


def test_a_turn_is_synced_without_closing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The background thread syncs by itself."""
    synced = threading.Event()
    monkeypatch.setattr(os, "fsync", lambda fd: synced.set())
    journal = Journal(tmp_path, worker="main")
    journal.turn(trial(), 0, turn())
    assert synced.wait(60)
    journal.close()


def test_a_failing_sync_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that refuses to keep what it took is a fault of the run, not a silence."""

    def refuse(fd: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", refuse)
    journal = Journal(tmp_path, worker="main")
    with pytest.raises(LlmbenchError, match=r"Input/output error.*--llm-resume"):
        journal.close()


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_journal import Journal, LlmbenchError, trial, turn
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = Journal(Path({folder!r}), worker="main")
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
raised = []
for number in range(60):
    try:
        journal.turn(trial(attempt=number + 1), 0, turn("x" * 500))
    except LlmbenchError as error:
        raised.append((number, str(error)))
journal.close()
print(len(raised), raised[0][0], journal.lost, raised[0][1] == journal.failure, raised[0][1])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits a file's size the POSIX way")
def test_a_full_disk_is_told_once_and_what_was_kept_stays(tmp_path: Path) -> None:
    """The first record that cannot be kept raises; later ones are counted; earlier ones are readable."""
    done = _python(FULL_DISK.format(tests=str(Path(__file__).parent), folder=str(tmp_path)))
    times, first_lost, lost, same, *words = done.split()
    assert (times, same) == ("1", "True")
    assert int(lost) == 60 - int(first_lost)
    assert "cannot be written" in " ".join(words)
    reader = JournalReader(tmp_path)
    assert len(reader.keys()) == int(first_lost)
    assert len(reader.notices) == 1


def test_a_record_after_closing_is_refused(tmp_path: Path) -> None:
    """A late result is not dropped in silence."""
    journal = Journal(tmp_path, worker="main")
    journal.close()
    with pytest.raises(LlmbenchError, match="pack-a/S-1 attempt 1 came too late"):
        journal.result(result(trial()))


def test_a_place_that_is_no_folder_is_told(tmp_path: Path) -> None:
    """The message says what to do instead."""
    (tmp_path / "file").touch()
    with pytest.raises(LlmbenchError, match="file"):
        Journal(tmp_path / "file", worker="main")
    with pytest.raises(LlmbenchError, match="--llm-out"):
        Journal(tmp_path / "file" / "below", worker="main")


KILLED = """
import os, sys, threading
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_journal import Journal, trial, turn
journal = Journal(Path({folder!r}), worker="main")
def work(thread):
    for attempt in range(1, 100_000):
        journal.turn(trial(f"S-{{thread}}", attempt), 0, turn("answer " * (attempt % 700), f"{{attempt}}" * 100))
        os.write(1, f"S-{{thread}} {{attempt}}\\n".encode())
for thread in range(4):
    threading.Thread(target=work, args=(thread,)).start()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")
def test_kill_9_loses_no_turn_that_was_acknowledged(tmp_path: Path) -> None:
    """Killed at twenty random moments, in the middle of writing from four threads."""
    dice = random.Random(20)  # noqa: S311
    for number in range(20):
        folder = tmp_path / str(number)
        script = KILLED.format(tests=str(Path(__file__).parent), folder=str(folder))
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=_environment()) as writer:
            assert writer.stdout is not None
            acknowledged = [writer.stdout.readline() for _ in range(dice.randint(1, 300))]
            writer.send_signal(signal.SIGKILL)
            acknowledged += [line for line in writer.stdout if line.endswith(b"\n")]
        reader = JournalReader(folder)
        for scenario, attempt in (line.decode().split() for line in acknowledged):
            kept = reader.turns(trial(scenario, int(attempt)).key)
            assert [one.response.content for one in kept] == ["answer " * (int(attempt) % 700)]
        assert len(reader.keys()) >= len(acknowledged)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def _python(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=_environment(), check=True
    )
    return done.stdout
