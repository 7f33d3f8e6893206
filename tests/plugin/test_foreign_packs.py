"""Packs in benchlocal-cli's format, measured like our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pytest_llmbench import reports
from tests.datasets.benchlocal_sample import case, write_jsonl
from tests.plugin.lab import Lab, scenarios
from tests.stub.client import Stub

WORKERS = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])
NO_CACHE = ("-p", "no:cacheprovider")
ANY = {"kind": "format_regex", "pattern": ".+"}


def said(name: str, *, right: bool = True, **more: Any) -> dict[str, Any]:
    """Return a scenario that the stub's echo answers rightly or wrongly."""
    text = f"the word is {'good' if right else 'bad'}"
    return case(name, "instruct_follow", {"kind": "required_phrase", "value": "good"}, said=text, **more)


def pack(lab: Lab, *cases: dict[str, Any], name: str = "harbour-3", **meta: Any) -> Path:
    """Write ``theirs/<name>.jsonl``."""
    return write_jsonl(lab.root / "theirs" / f"{name}.jsonl", cases, pack_id=name, **meta)


def ids(lab: Lab, *words: str) -> list[str]:
    """Return the node ids that pytest lists."""
    return [line for line in lab.run("--collect-only", "-q", *NO_CACHE, *words).lines if "::" in line]


@WORKERS
def test_a_pack_is_measured(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """By path, in a table with a Quality line, with what is known to be wrong with its asserts below it."""
    pack(lab, said("H-01"), said("H-02", right=False), case("H-03", "instruct_follow", ANY))
    done = lab.run("theirs/harbour-3.jsonl", "--llm-url", stub.url, *workers)
    done.ends(0, "complete")
    assert done.verdicts == {"H-01": "PASS", "H-02": "FAIL missing_field", "H-03": "PASS"}
    done.holds(
        "Harbour-3 [benchlocal-cli] (v1.2.0)",
        "Quality:   Harbour-3 [benchlocal-cli] 2/3 (67%) (benchlocal-cli harbour-3, packs v1.2.x, ",
        "harbour-3 H-02: missing_field",
        "What to know of the scores of Harbour-3 [benchlocal-cli]:",
        "- H-03: passes on any text that is not empty",
    )
    report = (done.run_dir / "REPORT.md").read_text(encoding="utf-8")
    assert "- H-03: passes on any text that is not empty" in report
    found = done.results
    assert found["packs"][0]["facts"]["origin"] == "benchlocal-cli"
    assert "H-03: passes on any text that is not empty" in found["packs"][0]["facts"]["cautions"]
    assert {trial["nodeid"] for trial in found["trials"]} == {
        f"theirs/harbour-3.jsonl::H-0{number}" for number in (1, 2, 3)
    }
    schema = next(iter(Path(reports.__file__).parent.glob("*results*.json")))
    jsonschema.validate(found, json.loads(schema.read_text(encoding="utf-8")))


def test_the_request_is_the_packs(lab: Lab, stub: Stub) -> None:
    """What leaves has the pack's sampling, the scenario's limit, the date, and nothing on thinking."""
    defaults = {"temperature": 0, "top_p": 1, "max_tokens": 4096, "chat_template_kwargs": {"enable_thinking": False}}
    line = said("H-01", sampling_overrides={"max_tokens": 99, "top_k": 7}, benchmark_reference_day="Monday")
    path = pack(lab, line, sampling_defaults=defaults)
    lab.run("--llm-packs", str(path), "--llm-url", stub.url).ends(0, "complete")
    body = stub.requests(1)[0]["body"]
    assert {name: body.get(name) for name in ("temperature", "top_p", "max_tokens", "top_k", "seed")} == {
        "temperature": 0,
        "top_p": 1,
        "max_tokens": 99,
        "top_k": 7,
        "seed": None,
    }
    assert body["messages"][0] == {"role": "system", "content": "Benchmark reference day: Monday."}
    assert "chat_template_kwargs" not in body


def test_selection_is_pytests(lab: Lab) -> None:
    """Paths, ids, -k, and tags and modes as marks, also under --strict-markers."""
    pack(lab, said("A-01", tags=["not", "deep water"]), said("A-02"), name="toolcall-15")
    pack(lab, said("B-01"))
    first, second, other = (
        "theirs/toolcall-15.jsonl::A-01",
        "theirs/toolcall-15.jsonl::A-02",
        "theirs/harbour-3.jsonl::B-01",
    )
    strict = ("--strict-markers", "-W", "error", "theirs")
    assert ids(lab, *strict) == [other, first, second]
    assert ids(lab, *strict, "-m", "quick") == [first, second]
    assert ids(lab, *strict, "-m", "deep_water and tag_not") == [first]
    assert ids(lab, "theirs", "-k", "A-02 or harbour") == [other, second]
    assert ids(lab, second) == [second]
    assert ids(lab, "--llm-packs", "theirs") == [other, first, second]
    assert ids(lab, "--llm-packs", "theirs/harbour-3.jsonl") == [other]


@WORKERS
def test_a_walk_nobody_asked_for_leaves_it_alone(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """A bare pytest measures our own packs; a foreign file lying about is no reason to ask a server."""
    pack(lab, said("A-01"))
    lab.file("test_one.py", "def test_one(): pass\n")
    done = lab.run("--llm-url", stub.url, *workers, *NO_CACHE)
    done.holds("1 passed")
    assert stub.stats()["requests"] == 0
    asked = lab.run("--llm-packs", "theirs/harbour-3.jsonl", "--llm-url", stub.url, *workers)
    assert asked.verdicts == {"A-01": "PASS"}


def test_other_json_lines_are_nobodys_business(lab: Lab) -> None:
    """Whatever is in them, no folder's walk fails on them."""
    lab.file("data/rows.jsonl", '{"question": "__meta__"}\n')
    lab.file("data/broken.jsonl", "{ not json\n")
    lab.file("data/test_one.py", "def test_one(): pass\n")
    done = lab.run("data", *NO_CACHE)
    assert done.code == 0
    done.holds("1 passed")


@WORKERS
def test_a_run_is_resumed(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """Verdicts that stand are not asked for again, repeated ids included."""
    pack(lab, said("X"), said("X"), said("Y", right=False))
    words = ("theirs", "--llm-url", stub.url, *workers)
    lab.run(*words).holds("2 scenarios have the id X: told apart as X, X-2")
    stub.set(reset=True)
    again = lab.run(*words, "--llm-resume")
    assert again.verdicts == {"X": "PASS", "X-2": "PASS", "Y": "FAIL missing_field"}
    again.holds("3 verdicts stood already")


def test_a_mode_names_the_run(lab: Lab, stub: Stub) -> None:
    """All packs of a mode make it the run's label, with the tool's name; theirs stand for ours of the same id."""
    for name in ("toolcall-15", "instructfollow-15"):
        pack(lab, *(said(f"S-{number}") for number in range(3)), name=name)
    done = lab.run("theirs", "-m", "quick", "--llm-url", stub.url)
    done.holds("6 scenarios (benchlocal-cli quick)", "6/6", "(benchlocal-cli quick, packs v1.2.x, ")


def test_limits_count_by_pack(lab: Lab, stub: Stub) -> None:
    """--llm-limit takes the first of each file of a folder."""
    pack(lab, said("A-01"), said("A-02"), name="a-2")
    pack(lab, said("B-01"), said("B-02"), name="b-2")
    assert sorted(lab.run("theirs", "--llm-url", stub.url, "--llm-limit", "1").verdicts) == ["A-01", "B-01"]


def test_ours_and_theirs_in_one_session(lab: Lab, stub: Stub) -> None:
    """Side by side, unless they share an id."""
    pack(lab, said("A-01"))
    lab.pack(scenarios(1))
    done = lab.run("theirs", "packs", "--llm-url", stub.url)
    assert done.verdicts == {"A-01": "PASS", "S-01": "PASS"}
    lab.pack(scenarios(1), name="harbour-3")
    twice = lab.run("theirs", "packs/harbour-3", "--llm-url", stub.url)
    assert twice.code == 2
    twice.holds('the id "harbour-3" is that of', "measure them in two sessions")


def test_many_cautions_are_cut(lab: Lab, stub: Stub) -> None:
    """Six of them in the terminal and in REPORT.md, all in results.json."""
    pack(lab, *(said(f"N{number}") for number in range(7) for _ in range(2)))
    done = lab.run("theirs", "--llm-url", stub.url)
    assert sum("scenarios have the id" in line for line in done.lines) == 5
    done.holds("- and 2 more, see results.json")
    assert len(done.results["packs"][0]["facts"]["cautions"]) == 8


MISTAKES = {
    "no JSON": ('{"id": \n', 2, "is not JSON"),
    "an unknown assert": (json.dumps(case("A", "instruct_follow", {"kind": "fancy"})), 2, "verifier.asserts[0].kind"),
    "an unknown type": (
        json.dumps(case("A", "instruct_folow", ANY)),
        2,
        'verifier.type: unknown verifier type "instruct_folow": did you mean "instruct_follow"?',
    ),
    "an id": (json.dumps(case("\u00fc", "instruct_follow", ANY)), 2, "holds nothing that an id here is made of"),
    "a missing key": (
        json.dumps(case("A", "instruct_follow", {"kind": "bullet_count"})),
        2,
        "verifier.asserts[0].value",
    ),
    "a sandbox": (json.dumps(case("A", "_stub", {"kind": "_stub"})), 1, "cannot be run"),
}


@WORKERS
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line(lab: Lab, stub: Stub, mistake: str, workers: tuple[str, ...]) -> None:
    """File, line, key; nothing is asked."""
    text, line, words = MISTAKES[mistake]
    path = pack(lab)
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
    done = lab.run("theirs", "--llm-url", stub.url, *NO_CACHE, *workers)
    told = [said for said in done.lines if f"harbour-3.jsonl:{line}: " in said and not said.startswith("ERROR")]
    assert len(told) == 1, done.out
    assert words in told[0]
    assert done.code == 2
    assert stub.stats()["requests"] == 0
