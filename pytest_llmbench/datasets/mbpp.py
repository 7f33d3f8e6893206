"""MBPP (google-research/google-research, mbpp/; Austin et al. 2021, arXiv:2108.07732): all 974 tasks, sanitized 427.

Judged by the asserts of `test_list`; `challenge_test_list` never counts. Without an assert a model could not know
what its function is to be called, so the question shows them: all, as the paper does, or the first alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_llmbench.datasets.code_task import CodeTask, fenced, question

_DEFINED = re.compile(r"^def\s+(\w+)", re.MULTILINE)
_CALLED = re.compile(r"(\w+)\s*\(")


def mbpp_task(record: Mapping[str, Any], options: Mapping[str, Any]) -> CodeTask:
    """Return the task of a record of either file, with Unix line ends; `options` has ``tests_shown``."""
    code = _text(record["code"])
    tests = [_text(test).strip() for test in record["test_list"]]
    setup = "\n".join(filter(None, (*record.get("test_imports", ()), _text(record.get("test_setup_code", "")))))
    entry_point = _entry_point(code, tests)
    check = {"kind": "asserts", "entry_point": entry_point, "reference": f"{code}\n", "tests": tests}
    return CodeTask(
        entry_point=entry_point,
        question=question(_text(record.get("text") or record["prompt"]), _shown(setup, tests, options)),
        check={**check, "setup": setup} if setup else check,
        solution=code,
        function=code,
    )


def _text(text: str) -> str:
    return text.replace("\r\n", "\n").strip("\n")


def _entry_point(code: str, tests: Sequence[str]) -> str:
    """Return the function of the reference that the asserts call; in all published tasks there is one."""
    called = set(_CALLED.findall("\n".join(tests)))
    return next(found[1] for found in _DEFINED.finditer(code) if found[1] in called)


def _shown(setup: str, tests: Sequence[str], options: Mapping[str, Any]) -> str:
    shown = tests[:1] if options.get("tests_shown") == "first" else tests
    words = "these tests" if len(shown) > 1 else "this test"
    block = "\n".join(filter(None, (setup, *shown)))
    return f"The code has to pass {words}:\n{fenced(block)}"
