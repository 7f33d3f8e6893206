"""Whatever a model writes, the run ends normally and every file it leaves can be read."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from tests.plugin.lab import Lab, scenario
from tests.stub.client import Stub

SHAPES = [
    "surrogate",
    "nul",
    "big",
    "content_null",
    "content_missing",
    "content_parts",
    "only_reasoning",
    "think_unclosed",
    "think_orphan",
    "no_usage",
    "length",
    "content_filter",
    "call",
    "calls",
    "null_ids",
    "args_not_json",
    "args_null",
    "args_list",
    "args_nan",
    "args_huge",
    "args_deep",
    "args_surrogate",
    "args_object",
    "args_missing",
    "name_null",
]

TOOL = {
    "name": "get_weather",
    "description": "Weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CHECKS = [{"kind": "call", "tool": "get_weather", "arguments": {"city": "Oslo"}}, {"kind": "no_other_calls"}]


def odd_pack(lab: Lab) -> None:
    """Write a pack in which every odd shape is answered, as text and, where it is a call, to the tool verifier."""
    lab.pack([scenario(f"T-{shape}", marks=f"[[shape={shape}]]") for shape in SHAPES])
    tools = [
        {"id": f"C-{shape}", "title": shape, "prompt": f"weather [[shape={shape}]]", "checks": CHECKS}
        for shape in SHAPES
        if shape.startswith(("args", "call", "name", "null"))
    ]
    defaults = {"dialogue": "tool_loop", "verifier": "tool_calls", "max_tokens": 64, "max_turns": 2, "stream": False}
    lab.pack(tools, name="odd-tools", defaults=defaults, tools=[TOOL])


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])
def test_the_run_ends_and_its_files_are_sound(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """Lone surrogates, NUL, ten megabytes, huge integers, NaN, deep nesting: FAIL, never a crash."""
    odd_pack(lab)
    done = lab.run("--llm-url", stub.url, "--junitxml", "junit.xml", "--html", "page.html", *workers)
    assert done.code in (0, 6), done.out
    assert "INTERNALERROR" not in done.out
    assert "Traceback" not in done.out
    verdicts = done.verdicts
    assert len(verdicts) == len(SHAPES) + sum(name.startswith("C-") for name in verdicts)
    assert {name: said for name, said in verdicts.items() if said.startswith("ERROR")} == {}
    trials = {trial["scenario"]: trial for trial in done.results["trials"]}
    assert len(json.dumps(trials["T-big"]["exchange"])) > 10_000_000
    assert trials["T-nul"]["exchange"][0]["response"]["content"] == "a\x00b"
    json.dumps(trials, ensure_ascii=False).encode()  # fails at a lone surrogate
    (done.run_dir / "REPORT.md").read_text(encoding="utf-8").encode()
    assert len(list(ElementTree.parse(lab.root / "junit.xml").iter("testcase"))) == len(trials)
    page = (lab.root / "page.html").read_text(encoding="utf-8")
    assert "T-surrogate" in page
    assert len(page) < 5_000_000


def test_resume_reads_back_what_they_wrote(lab: Lab, stub: Stub) -> None:
    """The journal holds all of it, so that nothing is asked twice."""
    odd_pack(lab)
    lab.run("--llm-url", stub.url, "--llm-out", "here")
    stub.set(reset=True)
    lab.run("--llm-url", stub.url, "--llm-out", "here", "--llm-resume")
    assert stub.stats()["requests"] <= 1
