"""MBPP+ (evalplus/mbppplus_release, v0.2.0): MBPP's tasks with many inputs, judged by what the reference returns.

JSON has no tuple, set or complex number. What each task's inputs are in truth is told by the task's id alone
(`mbpp_deserialize_inputs` of evalplus/data/mbpp.py at 26d6d00).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pytest_llmbench.datasets.code_task import CodeTask, encoded, fenced, question

Arguments = Sequence[Any]
_Change = Callable[[Any], Any]


def mbpp_plus_task(record: Mapping[str, Any], _options: Mapping[str, Any]) -> CodeTask:
    """Return the task of a record, base inputs first; Mbpp/793 has no others."""
    entry_point, solution = record["entry_point"], record["canonical_solution"].strip()
    base = record["base_input"]
    inputs = [arguments_of(record["task_id"], raw) for raw in (*base, *record["plus_input"])]
    return CodeTask(
        entry_point=entry_point,
        question=question(fenced(record["prompt"].strip())),
        check={
            "kind": "values",
            "entry_point": entry_point,
            "reference": f"{solution}\n",
            "inputs": encoded(inputs),
            "base": len(base),
            "atol": record["atol"],
            "oracle": _ORACLES.get(_number(record["task_id"]), ""),
        },
        solution=solution,
        function=solution,
    )


def arguments_of(task_id: str, raw: Arguments) -> Arguments:
    """Return one input's arguments as the task means them, from what its JSON holds."""
    change = _CHANGES.get(_number(task_id))
    return change(raw) if change else raw


def _number(task_id: str) -> int:
    return int(task_id.rpartition("/")[2])


def _each(change: _Change) -> Callable[[Arguments], Arguments]:
    return lambda raw: [change(argument) for argument in raw]


def _at(position: int, change: _Change) -> Callable[[Arguments], Arguments]:
    return lambda raw: [change(argument) if at == position else argument for at, argument in enumerate(raw)]


def _tuples(rows: Sequence[Any]) -> list[Any]:
    return [tuple(row) for row in rows]


def _tuple_of_tuples(rows: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(_tuples(rows))


def _tuple_with_tuples(items: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(tuple(item) if isinstance(item, list) else item for item in items)


def _tuples_all_through(value: Any) -> Any:
    return tuple(map(_tuples_all_through, value)) if isinstance(value, list) else value


def _values_to_tuples(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) for key, value in table.items()}


def _float_and_complex(raw: Arguments) -> Arguments:
    return [float(raw[0]), complex(raw[1])]


_SHAPES: tuple[tuple[Callable[[Arguments], Arguments], tuple[int, ...]], ...] = (
    (
        _each(tuple),
        (2, 116, 132, 222, 261, 273, 394, 421, 424, 429, 470, 560, 579, 596, 616, 630, 726, 740, 744, 809),
    ),
    (_each(_tuples), (63, 64, 70, 94, 120, 237, 272, 299, 409, 473, 614, 780)),
    (_at(0, _tuples), (75, 413, 753)),
    (_at(1, tuple), (106, 750)),
    (_at(0, tuple), (250, 405, 446, 720, 763, 808)),
    (_each(_tuple_of_tuples), (259, 445)),
    (_at(0, _tuple_with_tuples), (278,)),
    (_each(_tuples_all_through), (580, 615, 791)),
    (_at(0, _values_to_tuples), (722,)),
    (_float_and_complex, (124,)),
    (_at(0, complex), (252,)),
)
_CHANGES = {number: change for change, numbers in _SHAPES for number in numbers}

_ORACLES = {
    **dict.fromkeys((2, 7, 111, 140, 232, 579, 769), "set"),
    **dict.fromkeys((737, 787, 794), "not_none"),
    581: "surface_area",
    558: "digit_distance",
}
"""Tasks whose statement allows more answers than the reference's (evalplus/eval/__init__.py at 26d6d00)."""
