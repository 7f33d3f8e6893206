"""HumanEval (openai/human-eval at 6d43fb9) and HumanEval+ (evalplus/humanevalplus_release, v0.1.10).

A record's `canonical_solution` is a body that continues its `prompt`. HumanEval's `test` defines ``check`` and
calls it nowhere; HumanEval+ has inputs alone, what is expected of them is what the reference returns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_llmbench.datasets.code_task import CodeTask, encoded, fenced, question

_ORACLES = {"HumanEval/32": "find_zero"}
"""A root is right whichever it is (evalplus/evaluate.py at 26d6d00)."""


def humaneval_task(record: Mapping[str, Any], _options: Mapping[str, Any]) -> CodeTask:
    """Return the task of a record of HumanEval; its own tests run beside the answer."""
    tests = [f"{record['test']}\ncheck({record['entry_point']})\n"]
    return _task(record, {"kind": "asserts", "tests": tests})


def humaneval_plus_task(record: Mapping[str, Any], _options: Mapping[str, Any]) -> CodeTask:
    """Return the task of a record of HumanEval+, base inputs first."""
    base = record["base_input"]
    return _task(
        record,
        {
            "kind": "values",
            "inputs": encoded([*base, *record["plus_input"]]),
            "base": len(base),
            "atol": record["atol"],
            "oracle": _ORACLES.get(record["task_id"], ""),
        },
    )


def _task(record: Mapping[str, Any], judged_by: Mapping[str, Any]) -> CodeTask:
    prompt, entry_point = record["prompt"], record["entry_point"]
    solution = f"{prompt}{record['canonical_solution']}"
    return CodeTask(
        entry_point=entry_point,
        question=question(fenced(prompt.strip())),
        check={"entry_point": entry_point, "prompt": prompt, "reference": solution, **judged_by},
        solution=solution.strip(),
        function=solution[prompt.index(f"def {entry_point}(") :].strip(),
    )
