"""What a run writes: the run folder, JUnit, pytest-html, the Quality line in a compose file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from pytest_llmbench import reports
from tests.plugin.lab import Lab, scenario, scenarios
from tests.stub.client import Stub

WORKERS = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])


@WORKERS
def test_every_report_tells_the_same(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """Terminal, REPORT.md, quality.txt, results.json, JUnit and the HTML page agree on 2/3 and one error."""
    lab.pack([*scenarios(3, wrong=[2]), scenario("S-04", marks="[[fault=broken]]")])
    done = lab.run("--llm-url", stub.url, "--junitxml", "junit.xml", "--html", "page.html", *workers)
    done.ends(6, "1 server_error")
    folder = done.run_dir
    quality = (folder / "quality.txt").read_text(encoding="utf-8").rstrip("\n")
    assert quality.startswith("Quality:   Mini 2/3, 1 error (small, packs v1.0.x, ")
    assert quality in done.lines
    assert done.results["quality"] == quality
    assert "2/3, 1 error" in (folder / "REPORT.md").read_text(encoding="utf-8")
    assert json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["exit_code"] == 6
    assert len(list((folder / "journal").iterdir())) == (2 if workers else 1)
    cases = {
        case.get("name"): {child.tag for child in case}
        for case in ElementTree.parse(lab.root / "junit.xml").iter("testcase")
    }
    assert cases == {"S-01": set(), "S-02": {"failure"}, "S-03": set(), "S-04": {"error"}}
    page = (lab.root / "page.html").read_text(encoding="utf-8")
    assert re.findall(r"<th[^>]*>(Reason|Latency|Tokens)</th>", page) == ["Reason", "Latency", "Tokens"]
    assert "missing_field" in page
    assert "Mini (v1.0.0)" in page
    for path in ("results.json", "quality.txt", "REPORT.md"):
        done.holds(f"  {folder.relative_to(lab.root) / path}")


def test_results_fit_their_schema(lab: Lab, stub: Stub) -> None:
    """The file says what was asked and answered, with what sampling, in what time."""
    lab.pack(scenarios(2, wrong=[2]))
    found = lab.run("--llm-url", stub.url).results
    trial = found["trials"][1]
    assert (trial["outcome"], trial["reason"], trial["nodeid"]) == (
        "FAIL",
        "missing_field",
        "packs/mini/pack.yaml::S-02",
    )
    assert trial["sampling"]["temperature"] == 0
    assert trial["timing"]["latency_s"] > 0
    assert trial["exchange"][0]["response"]["content"] == "S-02: the word is bad"
    assert trial["prompt"][0]["content"].startswith("S-02")
    schema = next(iter(Path(reports.__file__).parent.glob("*results*.json")))
    jsonschema.validate(found, json.loads(schema.read_text(encoding="utf-8")))


def test_the_quality_line_goes_into_a_compose_file(lab: Lab, stub: Stub) -> None:
    """The old line is replaced and nothing else; a run with an error leaves the file alone."""
    before = "# Quality:   old 1/2\n# keep me\nservices: {}\n"
    compose = lab.file("compose.yml", before)
    lab.pack(scenarios(4, wrong=[1]))
    lab.run("--llm-url", stub.url, "--llm-write-quality", "compose.yml").ends(0, "complete")
    text = compose.read_text(encoding="utf-8")
    assert re.search(
        r"^#   Quality:   Mini 3/4 \(75%\) \(small, packs v1\.0\.x, 20\d\d-\d\d-\d\d\)\n# keep me\nservices", text
    )
    lab.pack([*scenarios(3), scenario("S-04", marks="[[fault=broken]]")])
    failed = lab.run("--llm-url", stub.url, "--llm-write-quality", "compose.yml")
    assert failed.code == 6
    failed.holds("no Quality line", "was left as it is")
    assert compose.read_text(encoding="utf-8") == text


def test_no_secret_is_written_anywhere(lab: Lab, stub: Stub) -> None:
    """A key in the environment, in the URL's user part or its query reaches the server and no file, no line."""
    stub.set(key="sekrit-1")
    lab.pack(scenarios(2))
    for url, env in ((stub.url, {"LLMBENCH_API_KEY": "sekrit-1"}), (stub.url.replace("//", "//me:sekrit-1@"), {})):
        done = lab.run("--llm-url", url, "-v", "--html", "page.html", "--junitxml", "junit.xml", **env)
        assert "sekrit" not in done.out
    written = [path for path in lab.root.rglob("*") if path.is_file() and path.name != "pytest.ini"]
    assert [path for path in written if b"sekrit" in path.read_bytes()] == []
    assert any(path.name == "results.json" for path in written)


@WORKERS
def test_a_part_of_a_pack_says_so(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """--llm-limit and -k make it "of 4 selected", without a percentage, under the label custom."""
    lab.pack(scenarios(4))
    done = lab.run("--llm-url", stub.url, "--llm-limit", "1", *workers)
    done.ends(0, "1 scenario")
    done.holds("Quality:   Mini 1/1 of 4 (custom, ", "1/1 of 4 selected")
    gate = lab.run("--llm-url", stub.url, "-k", "S-01", "--llm-gate", "floors")
    gate.ends(1, "floors")
