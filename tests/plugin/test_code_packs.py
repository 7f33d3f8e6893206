"""Packs whose answers are programs: judged in a sandbox, with what a run leaves of them; and what happens without."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.plugin.lab import Lab, scenarios
from tests.plugin.test_proofs import write_gold
from tests.stub.client import Stub

DOUBLE = "def double(n):\n    return n * 2\n"
NOWHERE = "tcp://127.0.0.1:9"


def fenced(code: str) -> str:
    """Return an answer that is this code."""
    return f"```python\n{code}```\n"


def task(name: str, **check: Any) -> dict[str, Any]:
    """Return a code scenario."""
    common = {"entry_point": "double", "reference": DOUBLE}
    return {"id": name, "title": name, "prompt": f"{name}: write double(n).", "checks": [{**common, **check}]}


TASKS = [
    task("V-1", kind="values", inputs=[[1], [2.5], ["ab"]], base=1),
    task("A-1", kind="asserts", tests=["assert double(4) == 8", "assert double('x') == 'xx'"]),
]
GOLD = {
    name: {
        "pass": [{"text": fenced(DOUBLE)}, {"text": fenced("double = lambda n: n + n\n")}],
        "fail": [
            {"text": fenced("def double(n):\n    return 2\n"), "reason": "tests_failed"},
            {"text": "Multiply it.", "reason": "no_answer"},
        ],
    }
    for name in ("V-1", "A-1")
}


def write(lab: Lab) -> None:
    """Write a pack of two code scenarios and their recorded answers."""
    lab.pack(TASKS, name="code", defaults={"verifier": "python_code", "max_tokens": 64, "timeout_s": 30})
    lab.file("packs/code/gold.yaml", json.dumps(GOLD))


@pytest.mark.needs("bubblewrap")
@pytest.mark.parametrize("workers", [(), ("-n", "2"), ("-p", "no:xdist")])
def test_recorded_programs_pass_and_fail(lab: Lab, workers: tuple[str, ...]) -> None:
    """Through the whole house, in one process and in several."""
    write(lab)
    done = lab.run("--llm-endpoint", "gold", "--llm-sandbox", "bubblewrap", *workers)
    done.ends(0, "no wrong answer in 2 scenarios")
    done.holds("programs run in bubblewrap")
    done = lab.run("--llm-endpoint", "broken", "--llm-sandbox", "bubblewrap", *workers)
    assert done.verdicts == {"V-1": "FAIL tests_failed", "A-1": "FAIL tests_failed"}


@pytest.mark.needs("bubblewrap")
def test_what_a_run_leaves_of_programs(lab: Lab) -> None:
    """Each program with its output and where it failed, the files others can check us with, pass@k of the repeats."""
    write(lab)
    done = lab.run("--llm-endpoint", "broken", "--llm-sandbox", "bubblewrap", "--llm-repeat", "2")
    folder = done.run_dir / "code" / "code"
    samples = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    assert [one["task_id"] for one in samples].count("V-1") == 2
    report = json.loads((folder / "evaluation_report.json").read_text())
    assert (report["total_tasks"], report["passed_tests"], report["pass_at_1"]) == (2, 0, 0.0)
    assert (report["pass_at_k"]["1"], report["pass_at_k"]["5"]) == (0.0, "n/a")
    assert "return 2" in next((folder / "V-1").glob("attempt-1/program.py")).read_text()
    assert done.results["manifest"]["sandbox"]["kind"] == "bubblewrap"
    assert "artefacts" not in done.results["trials"][0] or not done.results["trials"][0]["artefacts"]


@pytest.mark.needs("bubblewrap")
def test_a_run_goes_on_in_the_sandbox_it_began_in(lab: Lab) -> None:
    """Another kind is refused with both names and what to type; without programs there is nothing to refuse."""
    write(lab)
    mini = lab.pack(scenarios(1))
    write_gold(mini, count=1)
    begun = ("--llm-endpoint", "broken", "--llm-sandbox", "bubblewrap", "--llm-out", "here")
    assert lab.run(*begun).code == 0
    path = lab.root / "here" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "sandbox": {"kind": "docker"}}), encoding="utf-8")
    assert lab.run(*begun, "--llm-resume", "packs/mini").code == 0
    refused = lab.run(*begun, "--llm-resume")
    assert refused.code == 4
    refused.holds(
        "--llm-resume: ",
        "ran its programs in docker, now they would run in bubblewrap: add --llm-sandbox docker, or start without",
    )


def test_without_a_sandbox_nothing_is_asked(lab: Lab, stub: Stub) -> None:
    """What could not be judged is an error that says what to do, and costs the server nothing."""
    write(lab)
    done = lab.run("--llm-url", stub.url, "--llm-sandbox", "docker", DOCKER_HOST=NOWHERE)
    done.ends(6, "incomplete")
    assert set(done.verdicts.values()) == {"ERROR sandbox_unavailable"}
    done.holds("no sandbox")
    assert not [request for request in stub.requests(20) if "write double" in json.dumps(request["body"])]


@pytest.mark.needs("bubblewrap")
def test_without_data_the_tasks_are_errors_that_help(lab: Lab) -> None:
    """Collecting needs none; a trial names the file, the flag and the variable."""
    collected = lab.run("--llm-packs", "humaneval", "--collect-only", "-q", LLMBENCH_DATA_DIR="nowhere")
    assert collected.out.count("HumanEval-") == 164
    arguments = ("--llm-packs", "humaneval", "--llm-limit", "2", "--llm-endpoint", "gold")
    done = lab.run(*arguments, "--llm-sandbox", "bubblewrap", LLMBENCH_DATA_DIR="nowhere")
    done.ends(6, "incomplete")
    assert set(done.verdicts.values()) == {"ERROR dataset_unavailable"}
    done.holds("nowhere, which is no folder", "HumanEval.jsonl.gz")


@pytest.mark.needs("bubblewrap")
def test_missing_data_is_told_in_full_once(lab: Lab) -> None:
    """Two workers try one download and one long text is printed; the other tasks refer to it."""
    arguments = ("--llm-packs", "humaneval", "--llm-limit", "6", "--llm-endpoint", "gold")
    gone = {"LLMBENCH_CACHE_DIR": "cache", "XDG_CACHE_HOME": "cache", "https_proxy": "http://127.0.0.1:9"}
    done = lab.run(*arguments, "--llm-sandbox", "bubblewrap", "-n", "2", **gone)
    done.ends(6, "6 dataset_unavailable")
    assert [done.out.count(words) for words in ("fetching HumanEval", "curl -fL", "(6 errors so far)")] == [1, 1, 1]
    assert sum(line.startswith("dataset_unavailable: the same as humaneval ") for line in done.lines) == 5
    assert (done.run_dir / "REPORT.md").read_text(encoding="utf-8").count("curl -fL") == 1


def test_a_config_file_with_a_fault_is_told_before_anything_starts(lab: Lab) -> None:
    """With file, line, key and the nearest name."""
    write(lab)
    lab.file("llmbench.yaml", "sandbox:\n  memmory: 4g\n")
    done = lab.run("--llm-endpoint", "gold")
    assert done.code == 4
    done.holds("llmbench.yaml:2", "memory")


def test_an_unknown_kind_of_sandbox_is_refused(lab: Lab) -> None:
    """With the nearest one there is."""
    write(lab)
    done = lab.run("--llm-endpoint", "gold", "--llm-sandbox", "dokcer")
    assert done.code == 4
    done.holds('"docker"')
