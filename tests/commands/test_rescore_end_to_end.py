"""A verifier with a bug, from the measurement to the sound run: in a project's conftest, in an installed plugin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.rescoring.papers import write_papers_again
from tests.commands.runs import OWN_VERIFIER, manifest_of, results_of
from tests.commands.saved_runs import RIGHT
from tests.plugin.lab import scenarios, write_pack
from tests.plugin.test_code_packs import DOUBLE, TASKS, fenced
from tests.stub.client import running_stub

JUDGE = """if {test}:
            return Verdict(outcome=Outcome.PASS)
        return Verdict(outcome=Outcome.FAIL, reason=Reason.WRONG_ANSWER, detail="it lacks the word")"""
BUG = '"Good" in exchange.answer'
FIX = '"good" in exchange.answer.lower()'


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A folder with a pack whose verifier stands in `member`; `site` is where its packages are installed."""

    root: Path
    site: Path
    member: Path

    def verifier(self, test: str, version: str) -> None:
        """Write the verifier."""
        text = OWN_VERIFIER.format(version=version, body=JUDGE.format(test=test))
        self.member.write_text(text, encoding="utf-8")

    def run(self, *words: str, code: int = 0) -> str:
        """Run a module of Python in the project, as a shell would, and return what it printed."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LLMBENCH", "PYTEST", "CI"))}
        environment = {**kept, "PYTHONPATH": str(self.site), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, "-m", *words], cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def verb(self, *words: str, code: int = 0) -> str:
        """Run a verb of ours."""
        return self.run("pytest_llmbench.commands.main", *words, code=code)

    def measure(self, url: str) -> Path:
        """Measure the pack twice over and return the new run folder."""
        before = set(self.runs())
        self.run("pytest", "-q", "-p", "no:cacheprovider", "packs", "--llm-url", url, "--llm-repeat", "2")
        (made,) = set(self.runs()) - before
        return made

    def runs(self) -> list[Path]:
        """Return the run folders."""
        return sorted(path for path in self.root.glob(".llmbench/runs/*") if path.is_dir())


def in_conftest(root: Path) -> Project:
    """The verifier lies beside the pack."""
    return Project(root=root, site=root / "site", member=root / "packs" / "conftest.py")


def in_plugin(root: Path) -> Project:
    """The verifier is a package's, which pytest loads by its entry point."""
    site = root / "site"
    facts = site / "loud_plugin-1.0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: loud-plugin\nVersion: 1.0\n", encoding="utf-8")
    (facts / "entry_points.txt").write_text("[pytest11]\nloud = loud_plugin.members\n", encoding="utf-8")
    (site / "loud_plugin").mkdir()
    (site / "loud_plugin" / "__init__.py").touch()
    return Project(root=root, site=site, member=site / "loud_plugin" / "members.py")


@pytest.mark.parametrize("make", [in_conftest, in_plugin])
def test_a_run_judged_by_a_bug_becomes_a_sound_one(tmp_path: Path, make: Callable[[Path], Project]) -> None:
    """Counts before and after; the file written back, the old one kept; then compared, and captured as a baseline."""
    write_pack(tmp_path, scenarios(5, wrong=[3]), defaults={"verifier": "loud", "max_tokens": 64, "timeout_s": 30})
    project = make(tmp_path)
    project.verifier(BUG, "1")
    with running_stub() as stub:
        run = project.measure(stub.url)
        assert results_of(run)["total"]["text"] == "0/5 (0%)"
        old = (run / "results.json").read_bytes()

        project.verifier(FIX, "2")
        said = project.verb("rescore")
        assert "mini  0/5 -> 4/5  (the pack or the rules of its verifiers have changed)" in said
        assert "    mini S-01 attempt 2: FAIL wrong_answer (it lacks the word) -> PASS" in said
        assert (run / "results.json").read_bytes() == old
        assert "Written, the old ones kept beside them:" in project.verb("rescore", "latest", "--in-place")
        assert_written(run, old)
        again = project.measure(stub.url)

    told = json.loads(project.verb("compare", run.name, again.name, "--json"))["pairings"][0]
    assert (told["differences"], told["passed_before"], told["passed_now"]) == ([], 4, 4)
    project.verb("baseline", "capture", run.name, "--slug", "sound")
    assert project.verb("baseline", "diff", "sound").startswith("OK 4->4 of 5")


def assert_written(run: Path, old: bytes) -> None:
    """Every file tells the new verdicts, the manifest what changed and why."""
    assert results_of(run)["total"]["text"] == "4/5 (80%)"
    assert "4/5 (80%)" in (run / "quality.txt").read_text(encoding="utf-8")
    assert "4/5" in (run / "REPORT.md").read_text(encoding="utf-8")
    assert [path.read_bytes() for path in run.glob("results-*.json")] == [old]
    (record,) = manifest_of(run)["rescored"]
    assert [(pack["before"]["passed"], pack["after"]["passed"]) for pack in record["counts"]] == [(0, 4)]
    assert len(record["changed"]) == 8
    assert record["packs"][0]["rules"] == {"loud": "2"}


def test_a_change_without_a_new_version_is_told(tmp_path: Path) -> None:
    """The runs judged before it would be taken for comparable; so the verb says what to raise."""
    write_pack(tmp_path, scenarios(2), defaults={"verifier": "loud", "max_tokens": 64, "timeout_s": 30})
    project = in_conftest(tmp_path)
    project.verifier(BUG, "1")
    with running_stub() as stub:
        project.measure(stub.url)
    project.verifier(FIX, "1")
    assert "mini: loud has the rules_version it had: raise it" in project.verb("rescore")


def test_a_plugin_that_cannot_be_imported_is_named(tmp_path: Path) -> None:
    """With its file; a plugin without the hook is not even imported."""
    write_pack(tmp_path, scenarios(2), defaults={"verifier": "loud", "max_tokens": 64, "timeout_s": 30})
    project = in_plugin(tmp_path)
    project.verifier(FIX, "1")
    with running_stub() as stub:
        project.measure(stub.url)
    project.member.write_text("pytest_llmbench_families = 1 / 0\n", encoding="utf-8")
    assert_refused(project, "the plugin loud (", "members.py) cannot be imported: ZeroDivisionError")
    project.member.write_text("1 / 0\n", encoding="utf-8")
    assert_refused(project, 'unknown verifier "loud"')


def assert_refused(project: Project, *says: str) -> None:
    """The verb ends with 4 and one line."""
    words = [sys.executable, "-m", "pytest_llmbench.commands.main", "rescore"]
    environment: dict[str, Any] = {**os.environ, "PYTHONPATH": str(project.site), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(words, cwd=project.root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 4, done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 1
    for text in says:
        assert text in done.stderr


@pytest.mark.needs("bubblewrap")
def test_the_record_says_where_programs_were_run_again(tmp_path: Path) -> None:
    """So that a run which is gone on with judges the rest in the same kind of sandbox; going on keeps the record."""
    gold = {
        name: {
            "pass": [{"text": fenced(DOUBLE)}, {"text": fenced("double = lambda n: n + n\n")}],
            "fail": [{"text": fenced("def double(n):\n    return 2\n"), "reason": "tests_failed"}],
        }
        for name in ("V-1", "A-1")
    }
    judged = {"verifier": "python_code", "max_tokens": 64, "timeout_s": 30}
    pack = write_pack(tmp_path, TASKS, name="code", defaults=judged)
    (pack.parent / "gold.yaml").write_text(json.dumps(gold), encoding="utf-8")
    project = in_conftest(tmp_path)
    words = ("pytest", "-q", "-p", "no:cacheprovider", "packs", "--llm-endpoint", "gold", "--llm-sandbox", "bubblewrap")
    project.run(*words)
    (run,) = project.runs()
    text = pack.read_text(encoding="utf-8").replace('"assert double(4) == 8"', '"assert double(5) == 10"')
    pack.write_text(text, encoding="utf-8")
    project.verb("rescore", "--in-place", "--sandbox", "bubblewrap")
    (record,) = manifest_of(run)["rescored"]
    assert record["sandbox"]["kind"] == "bubblewrap"
    project.run(*words, "--llm-resume", "--llm-out", str(run))
    assert manifest_of(run)["rescored"] == [record]


def test_what_a_gate_said_of_the_old_verdicts_is_dropped(runs: Path) -> None:
    """The papers written after a rescoring do not repeat a sentence about counts that are no more."""
    path = runs / RIGHT / "results.json"
    said = json.loads(path.read_text(encoding="utf-8"))
    said["run"]["gate"] = {"name": "strict", "passed": False, "sentence": "a gate of old", "lines": ["how"]}
    said["run"]["baseline"] = {"sentence": "REGRESSION 8->4 of 8", "baseline": "old", "lines": ["why"], "flips": []}
    path.write_text(json.dumps(said), encoding="utf-8")
    write_papers_again(runs / RIGHT)
    run = results_of(runs / RIGHT)["run"]
    assert (run.get("gate") or {}, run.get("baseline") or {}) == ({}, {})
    report = (runs / RIGHT / "REPORT.md").read_text(encoding="utf-8")
    assert not any(text in report for text in ("REGRESSION", "a gate of old", "- how"))


def test_a_profile_is_found_beside_the_run(tmp_path: Path) -> None:
    """A request is sent again from anywhere: what it needs beside the question stands in the run's project."""
    write_pack(tmp_path, scenarios(1))
    project = in_conftest(tmp_path)
    with running_stub() as stub:
        text = f"profiles:\n  one: {{url: '{stub.url}'}}\n"
        (tmp_path / "llmbench.yaml").write_text(text, encoding="utf-8")
        project.run("pytest", "-q", "-p", "no:cacheprovider", "packs", "--llm-profile", "one")
        (run,) = project.runs()
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        far = replace(project, root=elsewhere)
        assert "the same answer" in far.verb("reproduce", "S-01", "--run", str(run), "--send")
