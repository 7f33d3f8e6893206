"""The files that are kept with the code: what goes in, what comes out, and which runs make none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.baselines import Baseline, find, is_baseline, listed, path_of, read, text_of, write
from pytest_llmbench.capture import aggregate, unfit
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.records import Result
from pytest_llmbench.runfolder import RunFolder
from pytest_llmbench.saved_run import SavedRun
from tests.summaries import facts, result

PACK = facts(size=3)
MANIFEST: dict[str, Any] = {
    "model": "some-model",
    "endpoint": "openai_chat",
    "started_at": "2026-05-09T08:00:00.123+00:00",
    "packs": [{"id": PACK.id, "version": "1.0.0", "content_hash": PACK.content_hash, "size": 3, "selected": 3}],
    "sampling": {"canonical": True, "from_server": False},
    "thinking": {"asked": "off", "switch": "enable_thinking"},
    "settings": {},
}
RUN: dict[str, Any] = {
    "model": "some-model",
    "canonical": False,
    "note": "thinking off",
    "thinking": {"validity": "valid"},
}


def saved(*words: str, name: str = "first", manifest: dict[str, Any] | None = None, **changes: Any) -> SavedRun:
    """Return a run of the pack of three with these verdicts; `changes` go to its run block."""
    every = tuple(result(PACK, f"S-{number}", word, completion_tokens=20) for number, word in enumerate(words, start=1))
    return run_of(every, name=name, manifest=manifest, **changes)


def run_of(every: tuple[Result, ...], *, name: str = "first", manifest: Any = None, **changes: Any) -> SavedRun:
    """Return a run with these results."""
    return SavedRun(
        folder=RunFolder(Path("/runs") / name),
        manifest={**MANIFEST, **(manifest or {})},
        run={**RUN, **changes},
        every=every,
        is_whole=True,
        talk=lambda _key: (),
    )


@pytest.fixture
def baseline() -> Baseline:
    """A baseline of two runs that disagree on one scenario."""
    runs = [saved("pass", "wrong_answer", "pass"), saved("pass", "wrong_answer", "wrong_answer", name="second")]
    return aggregate(runs, slug="vllm/some-model")


def test_runs_make_a_baseline(baseline: Baseline) -> None:
    """Attempts of all runs count, the mode is what was asked, speeds are one median per run."""
    assert {key[1]: counts for key, counts in baseline.attempts.items()} == {
        "S-1": (2, 2),
        "S-2": (0, 2),
        "S-3": (1, 2),
    }
    assert baseline.unstable == (("toolcall-15", "S-3"),)
    assert baseline.score() == baseline.score("toolcall-15") == (1.5, 3)
    assert (baseline.thinking, baseline.runs) == ("off", ("first", "second"))
    assert baseline.speeds == {"decode_tps": (50.0, 50.0), "latency_s": (2.0, 2.0)}


def test_repeats_of_one_run_count_like_runs() -> None:
    """Three attempts are three attempts."""
    every = tuple(result(PACK, f"S-{number}", attempt=attempt) for number in (1, 2, 3) for attempt in (1, 2, 3))
    assert set(aggregate([run_of(every)], slug="m").attempts.values()) == {(3, 3)}


def test_the_file_is_read_as_it_was_written(baseline: Baseline, tmp_path: Path) -> None:
    """Every field survives, the path tells slug and mode."""
    path = write(tmp_path, baseline)
    assert path == tmp_path / "vllm" / "some-model.thinking-off.json"
    assert read(path) == baseline
    assert is_baseline(path)
    assert [*tmp_path.rglob("*.json")] == [path]
    assert [*path.parent.iterdir()] == [path]


def test_the_file_has_a_line_per_scenario(baseline: Baseline) -> None:
    """A commit shows which scenario changed."""
    lines = text_of(baseline).splitlines()
    assert '      "S-3": "1/2"' in lines
    assert '  "runs": ["first", "second"],' in lines
    assert json.loads(text_of(baseline))["packs"]["toolcall-15"] == {"S-1": "2/2", "S-2": "0/2", "S-3": "1/2"}


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (saved("pass", "pass"), "not all of a pack was asked (toolcall-15 2 of 3 scenarios)"),
        (saved("pass", "pass", "server_error"), "1 attempt met an error that is not the model's"),
        (saved("pass", "pass", "pass", interrupted=True), "it did not come to its end"),
        (
            saved(
                "pass", "pass", "pass", note="own temperature=0.7", manifest={"sampling": {"overrides": {"top_p": 1}}}
            ),
            "it is not canonical: sampling are not the packs' own",
        ),
        (
            saved("pass", "pass", "pass", manifest={"settings": {"max_tokens": 9, "timeout_s": 1.0}}),
            "it is not canonical: token limit and deadline are not the packs' own",
        ),
        (
            saved("pass", "pass", "pass", note="recorded answers, no model"),
            "it is not canonical: recorded answers, no model",
        ),
        (
            saved("pass", "pass", "pass", thinking={"validity": "contaminated"}),
            "thinking was asked off, and the answers show otherwise (contaminated)",
        ),
        (
            saved("pass", "pass", "pass", thinking={"validity": "silent"}),
            "thinking was asked on, and the answers show otherwise (silent)",
        ),
        (saved("pass", "pass", "pass", manifest={"packs": []}), "it does not say which packs were asked"),
    ],
)
def test_a_run_that_is_no_basis_is_refused_with_the_reason(run: SavedRun, reason: str) -> None:
    """The message names the run and what is wrong with it."""
    assert any(problem.startswith(reason) for problem in unfit(run))
    with pytest.raises(UsageProblem, match="no baseline was captured: first: "):
        aggregate([run], slug="m")


def test_thinking_that_was_asked_for_is_no_oddity() -> None:
    """It is what baselines are keyed by, with its own limit on thoughts."""
    thinking = {"asked": "on", "max_tokens": 99}
    note = "own thinking_max_tokens=99; thinking on"
    run = saved("pass", "pass", "pass", note=note, manifest={"thinking": thinking})
    assert not unfit(run)
    assert aggregate([run], slug="m").thinking == "on"


def test_runs_that_were_made_differently_make_no_baseline() -> None:
    """Thinking, packs and model must be the same; one run named twice is not two."""
    first = saved("pass", "pass", "pass")
    on = saved("pass", "pass", "pass", name="other", manifest={"thinking": {"asked": "on"}})
    with pytest.raises(UsageProblem, match="other differs from the first run: thinking: off -> on"):
        aggregate([first, on], slug="m")
    model = saved("pass", "pass", "pass", name="other", manifest={"model": "another"})
    with pytest.raises(UsageProblem, match="model: some-model -> another"):
        aggregate([first, model], slug="m")
    more = [*MANIFEST["packs"], {"id": "b", "version": "1", "content_hash": "h", "size": 0}]
    with pytest.raises(UsageProblem, match=r"other packs \(pack b\)"):
        aggregate([first, saved("pass", "pass", "pass", name="other", manifest={"packs": more})], slug="m")
    with pytest.raises(UsageProblem, match="the same run is named twice"):
        aggregate([first, first], slug="m")
    with pytest.raises(UsageProblem, match="no run was named"):
        aggregate([], slug="m")


@pytest.mark.parametrize("slug", ["", "../up", "/root", "a//b", "a b", "a/", "a/..b", "ä", "a..b"])
def test_a_slug_must_be_a_safe_name(slug: str, tmp_path: Path) -> None:
    """It becomes a file's name on any system."""
    with pytest.raises(UsageProblem, match="is no slug"):
        path_of(tmp_path, slug, "off")


def test_a_baseline_is_found_by_slug_mode_or_file(baseline: Baseline, tmp_path: Path) -> None:
    """A slug with one mode needs no mode; with two it does; what is not there is told with what is."""
    path = write(tmp_path, baseline)
    assert find("vllm/some-model", tmp_path) == find(str(path), Path("nowhere")) == baseline
    on = aggregate([saved("pass", "pass", "pass", manifest={"thinking": {"asked": "on"}})], slug="vllm/some-model")
    write(tmp_path, on)
    assert find("vllm/some-model", tmp_path, thinking="on") == on
    assert listed(tmp_path) == [baseline, on]
    with pytest.raises(UsageProblem, match="there are 2 baselines of vllm/some-model: name the file"):
        find("vllm/some-model", tmp_path)
    with pytest.raises(UsageProblem, match='no baseline "other": there are vllm/some-model'):
        find("other", tmp_path)
    with pytest.raises(UsageProblem, match="holds none"):
        find("other", tmp_path / "empty")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{}", "is no baseline"),
        ("[1]", "is no baseline"),
        ('{"llmbench_baseline": 1, "a": 1, "a": 2}', "twice"),
        ('{"llmbench_baseline": 9}', "another format"),
        ('{"llmbench_baseline": 1}', "is damaged"),
        ("<<<<<<< HEAD", "not valid JSON"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """The message names the file and what is wrong with it."""
    path = tmp_path / "b.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageProblem, match=told) as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("counts", ["3/2", "-1/2", "0/0", "x", "1", 5, None])
def test_impossible_counts_are_damage(baseline: Baseline, tmp_path: Path, counts: Any) -> None:
    """A hand that edits the file cannot make four of three pass."""
    path = write(tmp_path, baseline)
    plain = json.loads(path.read_text(encoding="utf-8"))
    plain["packs"]["toolcall-15"]["S-1"] = counts
    path.write_text(json.dumps(plain), encoding="utf-8")
    with pytest.raises(UsageProblem, match="is damaged"):
        read(path)


def test_files_that_cannot_be_had(baseline: Baseline, tmp_path: Path) -> None:
    """Missing, a folder, no text, nowhere to write."""
    with pytest.raises(UsageProblem, match="does not exist: capture it"):
        read(tmp_path / "none.json")
    with pytest.raises(UsageProblem, match="cannot be read"):
        read(tmp_path)
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageProblem, match="cannot be read"):
        read(tmp_path / "bytes.json")
    (tmp_path / "vllm").write_text("a file", encoding="utf-8")
    with pytest.raises(UsageProblem, match="cannot be written"):
        write(tmp_path, baseline)
    assert not is_baseline(tmp_path / "none.json")
