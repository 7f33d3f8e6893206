"""What every verifier promises, held against every member of the family with the scenarios that name it."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmbench.assemble import with_sandbox
from pytest_llmbench.datasets import READERS
from pytest_llmbench.plain_data import to_plain
from pytest_llmbench.records import Exchange, Outcome, Reason, Request, Response, Scenario, ToolCall, Turn
from pytest_llmbench.verifiers import VERIFIERS
from tests.patience import cpu_seconds
from tests.verifiers.benchlocal_cases import BATTERY
from tests.verifiers.benchlocal_cases import scenario as foreign_scenario
from tests.verifiers.code.unboxed import Unboxed

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = [
    scenario
    for folder in sorted((ROOT / "packs").iterdir())
    if (folder / "pack.yaml").is_file()
    for scenario in READERS["llmbench"].read(folder).scenarios
    if scenario.task is None
]
"""But for those whose checks are still in a data set."""
FOREIGN = {"benchlocal": [foreign_scenario(*checks) for checks in BATTERY]}
"""Scenarios of verifiers that keep another tool's rules for its packs, which do not come with us."""
CODE = Scenario(
    id="C-1",
    title="double",
    messages=(),
    dialogue="single_turn",
    verifier="python_code",
    checks=({"kind": "asserts", "entry_point": "double", "tests": ["assert double(2) == 4"]},),
)
"""What the packs of data sets are filled with."""
OWN = {**FOREIGN, "python_code": [CODE]}
BY_VERIFIER = {
    name: OWN.get(name) or [scenario for scenario in SCENARIOS if scenario.verifier == name] for name in VERIFIERS
}
JUDGES = with_sandbox(VERIFIERS, Unboxed())
"""The verifiers, able to judge: no answer in here is a program."""
JUNK = [
    "x",
    "RAIN",
    "Coffee?",
    "{}",
    "[]",
    "null",
    "- a\n- b\n- c",
    "a: b",
    "42",
    "\x00",
    "\ud800",
    "lorem ipsum " * 40,
]
ANY_TEXT = st.text(alphabet=st.characters(codec=None), max_size=80) | st.sampled_from(JUNK)
ANY_CALL = st.builds(
    ToolCall,
    id=ANY_TEXT,
    name=ANY_TEXT | st.sampled_from(["get_weather", "send_email"]),
    arguments=ANY_TEXT | st.sampled_from(["{", "[1, 2]", "null", '{"city": NaN}', '{"a": ' + "9" * 5000 + "}"]),
)
ANY_RESPONSE = st.builds(Response, content=ANY_TEXT, tool_calls=st.lists(ANY_CALL, max_size=2).map(tuple))

each_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.id)
each_verifier = pytest.mark.parametrize("name", sorted(VERIFIERS))


def exchange_of(responses: Sequence[Response]) -> Exchange:
    """Return a talk in which the model said `responses`."""
    return Exchange(turns=tuple(Turn(request=Request(model="m", messages=()), response=one) for one in responses))


def saying(scenario: Scenario, text: str) -> Exchange:
    """Return a talk of the scenario's length in which the model says the same each time."""
    return exchange_of([Response(content=text)] * (1 + len(scenario.followups)))


@each_verifier
def test_it_is_known_by_its_name_and_used_by_a_pack(name: str) -> None:
    """The table's key is the verifier's own name, its rules have a version, a pack uses it."""
    assert VERIFIERS[name].name == name
    assert VERIFIERS[name].rules_version
    assert BY_VERIFIER[name]


@each_scenario
def test_shipped_scenarios_have_no_problem(scenario: Scenario) -> None:
    """What we ship is clean."""
    assert list(VERIFIERS[scenario.verifier].problems(scenario)) == []


@each_scenario
@pytest.mark.parametrize("text", [*JUNK, "", " \n", "\u00a0"])
def test_junk_never_passes(scenario: Scenario, text: str) -> None:
    """Any constant answer, however often it is given, is a FAIL with a reason."""
    verdict = JUDGES[scenario.verifier].judge(scenario, saying(scenario, text))
    assert verdict.outcome is Outcome.FAIL
    assert isinstance(verdict.reason, Reason)
    assert verdict.detail
    assert verdict.score is None or 0 <= verdict.score <= 1
    to_plain(verdict)


@each_verifier
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_exchange_is_judged(name: str, data: st.DataObject) -> None:
    """Fewer and more turns than expected, lone surrogates, NUL, broken calls: a verdict each time, the same twice."""
    scenario = data.draw(st.sampled_from(BY_VERIFIER[name]))
    exchange = exchange_of(data.draw(st.lists(ANY_RESPONSE, max_size=3)))
    verdict = JUDGES[name].judge(scenario, exchange)
    assert verdict.outcome in {Outcome.PASS, Outcome.FAIL}
    assert (verdict.outcome is Outcome.PASS) == (verdict.reason is None)
    assert JUDGES[name].judge(scenario, exchange) == verdict
    assert to_plain(verdict)["outcome"] == verdict.outcome


@each_verifier
def test_a_scenario_without_checks_is_a_problem(name: str) -> None:
    """Nothing to check is no scenario, and a merely diagnostic check, where there is such a thing, decides nothing."""
    scenario = BY_VERIFIER[name][0]
    diagnostic = tuple({**check, "gating": False} for check in scenario.checks)
    for checks in ((),) if name in OWN else ((), diagnostic):
        assert list(VERIFIERS[name].problems(dataclasses.replace(scenario, checks=checks)))


@each_verifier
def test_an_unknown_kind_is_reported_with_the_nearest_name(name: str) -> None:
    """The problem's path leads to the kind, its message names what was probably meant."""
    scenario = BY_VERIFIER[name][0]
    kind = scenario.checks[0]["kind"]
    own = kind.rpartition(".")[2]  # as a foreign pack's author wrote it, without the verifier type
    checks = ({**scenario.checks[0], "kind": f"{kind}x"}, *scenario.checks[1:])
    found = list(VERIFIERS[name].problems(dataclasses.replace(scenario, checks=checks)))
    assert any(one.path == ("checks", 0, "kind") and f'"{own}"' in one.message for one in found)


@each_verifier
@pytest.mark.parametrize("check", [{}, {"kind": None}, {"kind": 3}, {"kind": ["a"]}, {"kind": "", 4: 5}])
def test_a_misshapen_check_is_a_problem_and_no_crash(name: str, check: dict[object, object]) -> None:
    """Whatever stands in the list, the author is told."""
    scenario = dataclasses.replace(BY_VERIFIER[name][0], checks=(check,))  # type: ignore[arg-type]
    assert list(VERIFIERS[name].problems(scenario))


HUGE = {
    "letters": "a",
    "spaces": " ",
    "stars": "*",
    "underscores": "_a",
    "backticks": "`",
    "tildes": "~~~`",
    "quotes": ".\"'",
    "dots": ". ",
    "items": "- \n",
    "indented": "- a\n   b\n",
    "pipes": "|-",
    "brackets": "[",
    "quote marks": "> ",
    "accents": "e\u0301\u0315",
    "digits": "9",
    "grouped": "1,",
    "abbreviations": "e.g. A. ",
    "fences": "```\n",
}


@each_verifier
@pytest.mark.parametrize("piece", HUGE.values(), ids=HUGE.keys())
def test_eight_times_the_text_is_not_sixty_four_times_the_work(name: str, piece: str) -> None:
    """No expression backtracks without end: CPU time grows far slower than the square of the length."""
    scenario = max(BY_VERIFIER[name], key=lambda one: len(one.checks))
    costs = []
    for size in (1 << 14, 1 << 17):
        exchange = saying(scenario, piece * (size // len(piece)))
        costs.append(cpu_seconds(partial(JUDGES[name].judge, scenario, exchange)))
    assert costs[1] < 40 * costs[0] + 0.5


@each_verifier
def test_a_megabyte_is_survived(name: str) -> None:
    """A runaway answer of a megabyte is a FAIL like any other."""
    scenario = max(BY_VERIFIER[name], key=lambda one: len(one.checks))
    answer = ("So 4 - *it* _is_ `so` | > # \ud800 it's.\n" * 40_000)[: 1 << 20]
    assert JUDGES[name].judge(scenario, saying(scenario, answer)).outcome is Outcome.FAIL


@each_verifier
def test_the_verdict_does_not_hang_on_hash_order(name: str) -> None:
    """Another process with another hash seed says the same."""
    code = (
        "from tests.contracts.test_verifiers import *\n"
        f"for one in BY_VERIFIER[{name!r}]: print(JUDGES[{name!r}].judge(one, saying(one, 'Rain, SNOW and 42.')))"
    )
    said = {_said(code, seed) for seed in ("1", "2")}
    assert len(said) == 1


def _said(code: str, seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    ).stdout
