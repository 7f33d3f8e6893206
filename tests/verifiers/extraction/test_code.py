"""Which code of an answer is the program: every way in which models dress, split, spoil and hide it."""

from __future__ import annotations

import ast
import gzip
import json
import os
import sys
import threading
import warnings
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmbench.records import Reason
from pytest_llmbench.verifiers.extraction.code import LENGTH, CodeFault, ExtractedCode, extract_code
from tests.patience import cpu_seconds
from tests.verifiers.extraction.code_answers import (
    BODIES,
    HOSTILE,
    KEPT,
    NO_BODIES,
    NO_PROGRAM,
    PROMPT,
    RIGHT,
    THE_ANSWER,
    USAGE,
    fenced,
)

pytestmark = pytest.mark.filterwarnings("ignore:invalid escape")  # of the check that a program compiles


def extracted(answer: str, prompt: str = "") -> ExtractedCode:
    """Return the program found in `answer`; a fault is a failed test."""
    found = extract_code(answer, entry_point="add", prompt=prompt)
    assert isinstance(found, ExtractedCode), found
    compile(found.program, "program", "exec", dont_inherit=True)
    return found


def program(answer: str, prompt: str = "") -> str:
    """Return the program found in `answer`, which Python can compile."""
    return extracted(answer, prompt).program


def fault(answer: str, prompt: str = "") -> CodeFault:
    """Return what is wrong with `answer`."""
    found = extract_code(answer, entry_point="add", prompt=prompt)
    assert isinstance(found, CodeFault), found
    return found


@pytest.mark.parametrize("answer", THE_ANSWER.values(), ids=THE_ANSWER.keys())
def test_the_answer_is_found(answer: str) -> None:
    """However it is dressed, it is the right code, whole and alone."""
    assert program(answer) == RIGHT


@pytest.mark.parametrize("code", KEPT.values(), ids=KEPT.keys())
@pytest.mark.parametrize(
    "dress", [fenced, str, "<think>{}</think>\n```python\n{}```\n".format], ids=["fenced", "bare", "thought"]
)
def test_code_is_kept_whole(code: str, dress: object) -> None:
    """Nothing is pruned, whatever binds the entry point, and tags and fences within strings are text."""
    assert callable(dress)
    answer = f"<think>hm</think>\n{fenced(code)}" if dress not in {fenced, str} else dress(code)
    assert program(answer) == code


@pytest.mark.parametrize(("answer", "reason", "detail"), NO_PROGRAM.values(), ids=NO_PROGRAM.keys())
def test_what_is_wrong_is_said(answer: str, reason: Reason, detail: str) -> None:
    """No answer, no Python, no such function: three reasons, and nothing is repaired or adapted."""
    found = fault(answer)
    assert found.reason is reason
    assert detail in found.detail


@pytest.mark.parametrize("line", ["type Number = int", "quoted = f'{'a'}'", "class Box[T]: pass"])
def test_newer_syntax_is_read_by_a_newer_python(line: str) -> None:
    """An older one says which it is, and keeps the piece."""
    code = f"{line}\n\n\n{RIGHT}"
    if sys.version_info >= (3, 12):
        assert program(fenced(code)) == code
    else:
        assert fault(fenced(code)).detail.startswith("not valid Python 3.11: line 1: ")
        assert fault(fenced(code)).program == code.rstrip()


@pytest.mark.parametrize("answer", BODIES.values(), ids=BODIES.keys())
def test_a_body_goes_behind_the_prompt(answer: str) -> None:
    """Where the signature is not repeated, the prompt is, and the function ends up with a body of its own."""
    found = extracted(answer, PROMPT)
    assert found.flags == ("body only",)
    assert found.program.startswith(PROMPT.rstrip())
    names = [node.name for node in ast.parse(found.program).body if isinstance(node, ast.FunctionDef)]
    assert names[:2] == ["halve", "add"]
    scope: dict[str, object] = {}
    exec(found.program, scope)  # noqa: S102 - our own text
    result = scope["add"](2, 3)  # type: ignore[operator]
    assert (next(result) if answer == BODIES["generator"] else result) == 5


@pytest.mark.parametrize(("answer", "reason"), NO_BODIES.values(), ids=NO_BODIES.keys())
def test_what_is_no_body_does_not_become_one(answer: str, reason: Reason) -> None:
    """Prose, usage and other functions are not pressed into the function."""
    assert fault(answer, PROMPT).reason is reason


def test_a_cut_off_body_is_shown_as_it_stands() -> None:
    """The fault is that of the body, not of its indent."""
    assert "return c +" in fault("    c = a\n    return c +", PROMPT).detail


def test_the_text_before_the_head_goes_in_front() -> None:
    """Imports and helpers of the prompt are there; the prompt's own unfinished function is not."""
    text = program(fenced(RIGHT), PROMPT)
    assert text == PROMPT.partition("\n\n\ndef add")[0] + "\n\n\n" + RIGHT


@pytest.mark.parametrize(
    ("prompt", "front"),
    [
        ("def add(a, b):\n    pass\n", ""),
        ("import math\n@cache\n@other\ndef add(a, b):\n", "import math"),
        ("import math\nasync def add(a, b):\n", "import math"),
        ("def adder(a, b):\n    return 1\n\ndef add(a, b):\n", "def adder(a, b):\n    return 1"),
        ("Write a function that adds.", ""),
    ],
)
def test_the_front_ends_where_the_head_begins(prompt: str, front: str) -> None:
    """Decorators belong to the head, a name that merely begins alike does not."""
    assert program(RIGHT, prompt) == (f"{front}\n\n\n{RIGHT}" if front else RIGHT)


@pytest.mark.parametrize(
    "line", ["from __future__ import annotations", "from __future__ import (\n    annotations,\n)"]
)
def test_imports_from_the_future_stay_at_the_top(line: str) -> None:
    """In front of the prompt's text they are what they were in front of the answer."""
    answer = f'"""Adds."""\n{line}\n\n{RIGHT}'
    assert program(answer, PROMPT).startswith("from __future__ import annotations\nfrom typing import List\n")
    assert program(answer) == answer


def test_blocks_that_are_needed_are_joined() -> None:
    """Free names of the chosen block bring the blocks that bind them, and what those need in turn."""
    first = "import math\n\nBASE = 0"
    second = "def plus(a, b):\n    return math.fsum([BASE, a, b])"
    third = "def add(a, b):\n    return plus(a, b)"
    found = extracted(fenced(first) + "then\n" + fenced(second) + fenced("unused = 1 / 0") + fenced(third))
    assert found.program == f"{first}\n\n\n{second}\n\n\n{third}\n"
    assert found.flags == ("joined blocks",)


def test_of_several_helpers_the_last_one_before_is_taken() -> None:
    """A draft of the helper is left behind; one that comes after the function serves where there is no other."""
    draft, helper, rest = (
        "def one():\n    return 2",
        "def one():\n    return 1",
        "def add(a, b):\n    return a + b * one()",
    )
    assert program(fenced(draft) + fenced(helper) + fenced(rest)) == f"{helper}\n\n\n{rest}\n"
    assert program(fenced(rest) + fenced(helper)) == f"{rest}\n\n\n{helper}\n"


@pytest.mark.parametrize(
    "code",
    [
        "def add(a, b):\n    result = a + b\n    return result",
        "def add(result, b):\n    return result + b",
        "import result\n\ndef add(a, b):\n    return result",
        "def add(a, b):\n    return [result for result in (a + b,)][0]",
        "class result:\n    pass\n\ndef add(a, b):\n    return result",
    ],
)
def test_names_that_are_not_free_bring_nothing(code: str) -> None:
    """A usage block that comes first would fail at once if it were joined."""
    assert program(fenced("result = add(2, 3)\nprint(result)") + fenced(code)) == f"{code}\n"


def test_a_builtin_brings_nothing() -> None:
    """A snippet that happens to bind the name of a builtin is not meant."""
    code = "def add(a, b):\n    return sum([a, b])"
    assert program(fenced("sum = 0\nsum = add(sum, 1)") + fenced(code)) == f"{code}\n"


def test_a_wrapper_brings_what_it_wraps() -> None:
    """A block that rebinds the function needs the block that defines it, which counts as the definition."""
    assert program(fenced(RIGHT) + "Faster:\n" + fenced("add = cached(add)")) == RIGHT


def test_a_function_split_over_two_blocks_is_joined() -> None:
    """Head and body in blocks of their own are one function."""
    parts = fenced('def add(a, b):\n    """Add."""') + "and its body:\n" + fenced("    return a + b")
    found = extracted(parts)
    assert extracted(parts + "Output:\n" + fenced("add = 3", "")) == found
    assert found.program == 'def add(a, b):\n    """Add."""\n    return a + b\n'
    assert found.flags == ("joined blocks",)


def test_a_stub_is_taken_where_there_is_nothing_else() -> None:
    """It fails its tests, as it should; its flag says what it is."""
    assert extracted(fenced("def add(a, b):\n    pass")).flags == ("stub only",)
    assert extracted(fenced("add = 3")).flags == ("value only",)


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        (
            "if __name__ == '__main__':\n    n = int(input())\n    print(add(n, n))",
            "if __name__ == '__main__':\n    pass\n",
        ),
        ('if "__main__" == __name__: print(1); input()', 'if "__main__" == __name__: pass'),
        (
            "if __name__ == '__main__':\n    x()\nelse:\n    y = 1",
            "if __name__ == '__main__':\n    pass\nelse:\n    y = 1",
        ),
        (
            "if (__name__ == '__main__'):\n\n    # demo\n    x()  # so",
            "if (__name__ == '__main__'):\n\n    # demo\n    pass",
        ),
        (
            "if __name__ == '__main__':\n    @a\n    def f():\n        pass\n    f()\nz = 1",
            "if __name__ == '__main__':\n    pass\n\n\n\nz = 1",
        ),
        (
            "if __name__ == '__main__':\n    '''a\n  b\n'''\n    x()\nz = 1",
            "if __name__ == '__main__':\n    pass\n\n\n\nz = 1",
        ),
        ("é = 1\nif __name__ == '__main__': é = 'ß'; x('ß')", "é = 1\nif __name__ == '__main__': pass"),
        (
            "try:\n    if __name__ == '__main__':\n        x()\nfinally:\n    z = 1",
            "try:\n    if __name__ == '__main__':\n        pass\nfinally:\n    z = 1",
        ),
        (
            "if __name__ == '__main__':\n    if __name__ == '__main__':\n        x()\n    y()",
            "if __name__ == '__main__':\n    pass\n\n",
        ),
        (
            "if __name__ == '__main__':\n    @ a\n    def f(): pass\nz = 1",
            "if __name__ == '__main__':\n    pass\n\nz = 1",
        ),
        ("if __name__ == '__main__':\n\t@\\\n\ta.b\n\tclass f: pass", "if __name__ == '__main__':\n\tpass"),
        (
            "if __name__ == '__main__':\n  @(  # so\n     a\n     @b)\n  def f(): pass\nz = 1",
            "if __name__ == '__main__':\n  pass\n\n\n\nz = 1",
        ),
        ("if __name__ == '__main__':\n\tmain()", "if __name__ == '__main__':\n\tpass"),
    ],
)
def test_what_stands_under_main_is_blanked(code: str, wanted: str) -> None:
    """Demos and questions to a user go, and every line behind them keeps its number."""
    assert program(f"{RIGHT}\n\n{code}").rstrip() == f"{RIGHT}\n\n{wanted}".rstrip()


@pytest.mark.parametrize(
    "code",
    ["if __name__ != '__main__':\n    x = 1", "if name == '__main__':\n    x = 1", "if __name__ == 'main':\n    x = 1"],
)
def test_other_conditions_stay(code: str) -> None:
    """Only the one idiom is blanked."""
    assert program(f"{RIGHT}\n\n{code}") == f"{RIGHT}\n\n{code}\n"


def test_demo_calls_stay() -> None:
    """The sandbox has no stdin and swallows what is printed."""
    assert program(fenced(RIGHT + USAGE)) == RIGHT + USAGE


@pytest.mark.parametrize(
    ("answer", "flags"),
    [
        (fenced(RIGHT), ()),
        (RIGHT, ()),
        (f"So:\n\n{RIGHT}\nThis adds.", ("amid prose",)),
        (f"[PYTHON]\n{RIGHT}[/PYTHON]", ("amid prose",)),
        (f"{RIGHT}<|im_end|>", ()),
        ("x " * LENGTH + "\n" + fenced(RIGHT), ("tail only",)),
        (fenced("pass") * 200 + fenced(RIGHT), ("tail only",)),
        ("x x\n" * (LENGTH // 4) + f"\n\n{RIGHT}", ("tail only", "amid prose")),
    ],
    ids=["fenced", "bare", "prose", "tags", "end-mark", "long", "many-fences", "long-and-prose"],
)
def test_flags_tell_how_it_was_come_by(answer: str, flags: tuple[str, ...]) -> None:
    """Plain answers have none."""
    assert extracted(answer).flags == flags


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_texts_are_the_models_fault(text: str) -> None:
    """No text raises or hangs, in a thread as where verdicts are made; what comes out is a program or a fault."""
    found: list[ExtractedCode | CodeFault] = []

    def work() -> None:
        found.extend(extract_code(text, entry_point="add", prompt=prompt) for prompt in ("", PROMPT))
        found.append(extract_code(fenced(text), entry_point="add", prompt=PROMPT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(found) == 3


@pytest.mark.parametrize("name", HOSTILE)
def test_the_work_is_linear(name: str) -> None:
    """Four times the text costs far less than sixteen times the CPU time."""
    text = HOSTILE[name]
    costs = [
        cpu_seconds(partial(extract_code, text[:size], entry_point="add", prompt=PROMPT)) for size in (1 << 14, 1 << 16)
    ]
    assert costs[1] < 10 * costs[0] + 0.2


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "```",
                "```python\n",
                "~~~\n",
                "\n",
                RIGHT,
                USAGE,
                "    return a + b\n",
                "def add(a, b):\n",
                "<think>",
                "</think>",
                '"""',
                "> ",
                "- ",
                "    ",
                "\t",
                "It is so.\n",
                "if __name__ == '__main__':\n",
                "\0",
                "\ud800",
                "import x\n",
                "@",
                "\\",
                "\r\n",
                "\x1b[1m",
                "é",
            ]
        )
    ).map("".join)
)
def test_no_mixture_raises(answer: str) -> None:
    """A program that is returned is Python, and binds the function or may do so."""
    for prompt in ("", PROMPT):
        found = extract_code(answer, entry_point="add", prompt=prompt)
        if isinstance(found, ExtractedCode):
            ast.parse(found.program)
        else:
            assert found.reason in {Reason.NO_ANSWER, Reason.INVALID_FORMAT, Reason.TESTS_FAILED}


def test_warnings_for_odd_escapes_are_neither_shown_nor_errors() -> None:
    """The session's own filters decide nothing over a model's text, and stay as they are for everything else."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("error")
        found = extract_code(fenced(KEPT["odd-escape"]), entry_point="add")
        with pytest.raises(DeprecationWarning):
            warnings.warn("still an error", DeprecationWarning, stacklevel=1)
    assert found == ExtractedCode(program=KEPT["odd-escape"])
    assert not seen


def test_the_solutions_of_humaneval_are_found_in_every_dress() -> None:
    """Whole, fenced, as a body, as a body that a server trimmed: the references of the data set make programs."""
    folder = os.environ.get("LLMBENCH_DATA_DIR")
    if not folder:
        pytest.skip("LLMBENCH_DATA_DIR names no folder with benchmark data")
    text = gzip.decompress((Path(folder) / "humaneval" / "HumanEval.jsonl.gz").read_bytes()).decode()
    for task in map(json.loads, text.splitlines()):
        prompt, body = task["prompt"], task["canonical_solution"]
        for answer, flags in (
            (prompt + body, ()),
            (fenced(prompt + body), ()),
            (body, ("body only",)),
            (body.strip(), ("body only",)),
            (fenced(body), ("body only",)),
        ):
            found = extract_code(answer, entry_point=task["entry_point"], prompt=prompt)
            assert isinstance(found, ExtractedCode), (task["task_id"], answer)
            assert found.flags == flags, (task["task_id"], answer)
            compile(found.program, task["task_id"], "exec", dont_inherit=True)
