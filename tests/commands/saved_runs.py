"""Run folders for the verbs that read them: measured once in a session of recorded answers, copied, broken."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_llmbench import manifest
from pytest_llmbench.journal import Journal
from pytest_llmbench.journal_reader import JournalReader
from pytest_llmbench.records import Outcome, Reason, Result, Verdict
from pytest_llmbench.reports.results_json import write_results
from pytest_llmbench.runfolder import RunFolder
from pytest_llmbench.summary import RunFacts
from pytest_llmbench.tally import Tally
from tests.commands.runs import measured
from tests.summaries import STARTED, facts, fill, words

WORDS = ("packs/toolcall-15", "packs/instructfollow-15", "--llm-limit", "4", "--llm-repeat", "2")
RIGHT, WRONG = "2026-05-09T08-00-00Z-right", "2026-05-10T08-00-00Z-wrong"
CHECKOUT = Path(__file__).parents[2]


def make_runs(root: Path) -> Path:
    """Measure the recorded right and wrong answers of a few scenarios; return the folder of the two runs."""
    packs = [str(CHECKOUT / word) if word.startswith("packs/") else word for word in WORDS]
    right = measured(root, *packs, "--llm-endpoint", "gold")
    wrong = measured(root, *packs, "--llm-endpoint", "broken")
    base = root / "made"
    shutil.copytree(right, base / RIGHT)
    shutil.copytree(wrong, base / WRONG)
    change_manifest(base / RIGHT, started_at="2026-05-09T08:00:00+00:00")
    return base


def copied(run: Path, name: str) -> Path:
    """Copy a run beside itself under another name."""
    return Path(shutil.copytree(run, run.parent / name))


def change_manifest(run: Path, **changes: Any) -> None:
    """Set keys of a run's manifest; None takes one out."""
    path = run / "manifest.json"
    data = {**json.loads(path.read_text(encoding="utf-8")), **changes}
    kept = {name: value for name, value in data.items() if value is not None}
    path.write_text(json.dumps(kept), encoding="utf-8")


def cut_off(run: Path) -> None:
    """Leave what ``kill -9`` leaves in the middle of a run: no reports, no result of TC-04, half of a last line."""
    for name in ("results.json", "REPORT.md", "quality.txt"):
        (run / name).unlink()
    change_manifest(run, finished_at=None, exit_code=None, exit_sentence=None)
    (journal,) = (run / "journal").iterdir()
    lines = journal.read_bytes().splitlines(keepends=True)
    lost = [line for line in lines if line.startswith(b'{"type":"result"') and b'"TC-04"' in line[:150]]
    journal.write_bytes(b"".join([*(line for line in lines if line not in lost), lost[0][:100]]))


def judge_again(run: Path, scenario: str, reason: Reason, detail: str) -> None:
    """Add a later verdict on the first attempt of a scenario to the journal: a FAIL with this reason."""
    reader = JournalReader(run / "journal")
    (key,) = (key for key in reader.keys() if key.scenario == scenario and key.attempt == 1)  # noqa: SIM118
    old = reader.result(key)
    assert isinstance(old, Result)
    verdict = Verdict(outcome=Outcome.FAIL, reason=reason, detail=detail, expected="this", got="that")
    journal = Journal(run / "journal", worker="later")
    plain = {name: getattr(old, name) for name in type(old).__dataclass_fields__}
    journal.result(Result(**{**plain, "verdict": verdict}))
    journal.close()


def write_series(
    base: Path, *, model: str, profile: str, passed: Sequence[int], start: int = 0, **changes: Any
) -> None:
    """Write the folder of a run a day with so many of a pack's 15 passed; `changes` are of the pack or the run."""
    own = {name: changes.pop(name) for name in ("content_hash",) if name in changes}
    pack = facts(**own)
    for number, right in enumerate(passed, start=start):
        folder = RunFolder(base / f"run-{model[:1]}-{profile}-{number}")
        folder.path.mkdir(parents=True)
        started_at = STARTED + 86400 * number
        run = {"model": model, "profile": profile, "started_at": started_at, "finished_at": started_at + 100, **changes}
        tally = Tally()
        fill(tally, pack, words(right, 15 - right))
        told = {name: getattr(pack, name) for name in ("id", "version", "content_hash", "size")}
        head = {"format": 1, "model": model, "profile": profile, "packs": [{**told, "selected": 15}]}
        manifest.write(folder, {**head, "started_at": started_at, "finished_at": started_at + 100})
        write_results(folder.results_path, tally.summary(RunFacts(**run)), manifest.read(folder), ())
