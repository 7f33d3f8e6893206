"""Our fast schema checks against the general validator they stand in for."""

from __future__ import annotations

import copy
import random
import tempfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmbench import sampling
from pytest_llmbench.datasets import gold, llmbench_pack
from pytest_llmbench.datasets.shape import compile_schema, load_schema
from pytest_llmbench.datasets.yaml_text import read_yaml
from pytest_llmbench.records import Reason
from tests.datasets.sample import write

SCHEMAS = [llmbench_pack.SCHEMA_PATH, gold.SCHEMA_PATH]
NUISANCES: list[Any] = [
    None,
    True,
    0,
    -1,
    1,
    2,
    0.5,
    1e9 + 0.5,
    "",
    "x",
    "A b",
    "skip",
    "auto",
    "long-tag",
    [],
    ["x"],
    [1],
    {},
]
NUISANCES += [{"x": 1}, {"kind": 1}, [{"kind": "x"}], [{"tool": "look", "result": 1, "times": 0}]]


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_the_schemas_are_json_schema(path: Path) -> None:
    """Editors and validators of others can use the files."""
    jsonschema.Draft202012Validator.check_schema(load_schema(path))


def sample() -> Any:
    """Return the sample pack as values."""
    with tempfile.TemporaryDirectory() as folder:
        return read_yaml(write(Path(folder)))


SAMPLE = sample()


def all_places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the key paths of everything inside a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in items for place in all_places(item, (*path, key)))]


def disturbed(value: Any, seed: int) -> Any:
    """Return a copy with one thing replaced, removed, renamed or added."""
    rng = random.Random(seed)  # noqa: S311 - picks nuisances, guards nothing
    copied = copy.deepcopy(value)
    place = rng.choice(all_places(copied)[1:])
    parent = copied
    for key in place[:-1]:
        parent = parent[key]
    match rng.randrange(4):
        case 0:
            parent[place[-1]] = rng.choice(NUISANCES)
        case 1:
            del parent[place[-1]]
        case 2 if isinstance(parent, dict):
            parent[str(place[-1]) + "x"] = parent.pop(place[-1])
        case _ if isinstance(parent, dict):
            parent[rng.choice(["prompt", "messages", "tags", "system", "sampling", "stream"])] = rng.choice(NUISANCES)
    return copied


@settings(max_examples=1500, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_the_checks_agree_with_jsonschema(seed: int) -> None:
    """What one refuses the other refuses, and the place we name is one it complains about."""
    schema = load_schema(llmbench_pack.SCHEMA_PATH)
    check, validator = compile_schema(schema), jsonschema.Draft202012Validator(schema)
    value = disturbed(SAMPLE, seed)
    fault = check(value)
    errors = list(validator.iter_errors(value))
    assert (fault is None) == (not errors)
    if fault is not None:
        named = tuple(fault.path)
        assert any(named[: len(error.absolute_path)] == tuple(error.absolute_path) for error in errors)


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        ({"type": "string"}, 1.5, 'must be text, is the number 1.5: put it in quotes, "1.5"'),
        ({"type": "string"}, True, 'must be text, is true: put it in quotes, "true"'),
        ({"type": "integer"}, "3", 'must be a whole number, is the text "3": write it without quotes, in digits'),
        ({"type": "integer"}, True, "must be a whole number, is true"),
        ({"type": ["number", "null"]}, [], "must be a number or null, is a list"),
        ({"enum": ["auto", "none"]}, "autp", 'must be one of auto, none, is the text "autp": did you mean "auto"?'),
        ({"enum": [1]}, 2, "must be 1, is the number 2"),
        ({"minimum": 1}, 0, "must be at least 1, is 0"),
        ({"maximum": 1}, 1.5, "must be at most 1, is 1.5"),
        ({"exclusiveMinimum": 0}, 0, "must be above 0, is 0"),
        ({"minItems": 1}, [], "needs at least 1 entry, has 0"),
        ({"minLength": 1}, "", "must not be empty"),
        ({"required": ["a"]}, {}, 'the key "a" is missing'),
        (
            {"properties": {"prompt": {}}, "additionalProperties": False},
            {"promt": 1},
            'there is no key "promt" here: did you mean "prompt"?',
        ),
        (
            {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
            {"a": 1, "b": 1},
            'needs exactly one of the keys "a" and "b"',
        ),
        ({"pattern": "^[a-z]+$", "description": "only a-z"}, "A\n", '"A\n" cannot stand here: only a-z'),
        ({"pattern": "^[a-z]+$", "description": "only a-z"}, "a\n", '"a\n" cannot stand here: only a-z'),
    ],
)
def test_faults_are_worded_for_authors(schema: dict[str, Any], value: Any, message: str) -> None:
    """Each says what must be, what is, and where it can the way out."""
    fault = compile_schema(schema)(value)
    assert fault is not None
    assert fault.message == message


def test_long_values_are_cut() -> None:
    """A megabyte in the wrong place does not end up on the terminal."""
    fault = compile_schema({"type": "integer"})("x" * 1_000_000)
    assert fault is not None
    assert len(fault.message) < 200


def test_unknown_keywords_are_our_fault() -> None:
    """A schema that says more than is checked would be a lie."""
    with pytest.raises(ValueError, match="multipleOf"):
        compile_schema({"type": "object", "properties": {"a": {"multipleOf": 2}}})


def test_gold_knows_every_reason_a_model_can_fail_for() -> None:
    """The list in the schema is the FAIL block of `Reason`."""
    listed = load_schema(gold.SCHEMA_PATH)["$defs"]["failing"]["properties"]["reason"]["enum"]
    first_error = list(Reason).index(Reason.BAD_CONFIGURATION)
    assert listed == [reason.value for reason in list(Reason)[:first_error]]


def test_sampling_keys_are_those_the_run_can_override() -> None:
    """The pack file, the command line and the request speak of the same parameters."""
    listed = load_schema(llmbench_pack.SCHEMA_PATH)["$defs"]["sampling"]["properties"]
    assert set(listed) == set(sampling._KNOWN)
