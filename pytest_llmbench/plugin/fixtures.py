"""Fixtures for hand-written tests: `llm` asks the measured server, `verify` judges text by a pack's rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_llmbench.plugin.asking import Llm
    from pytest_llmbench.records import Verdict


@pytest.fixture
def llm(request: pytest.FixtureRequest) -> Llm:
    """Ask the measured server: ``answer = llm("2 + 2?")``.

    The same engine, slots, deadline and journal as the packs; the test's outcome becomes a row of
    the table and the Quality line, in a pack named after the test module.
    """
    from pytest_llmbench.plugin.asking import llm_for

    return llm_for(request.node)


@pytest.fixture
def verify(request: pytest.FixtureRequest) -> Any:
    """Judge an answer by a verifier: ``verdict = verify(answer, "instructions", checks=[...])``.

    Returns a function ``(answer, verifier, *, checks, prompt="") -> Verdict``; ``answer`` is text or
    what `llm` returned. Raises `UsageProblem` for a check that does not exist.
    """
    from pytest_llmbench.plugin.asking import verify_with
    from pytest_llmbench.plugin.collect import families_of

    verifiers = families_of(request.config).verifiers

    def judge(answer: Any, verifier: str, *, checks: Sequence[Mapping[str, Any]], prompt: str = "") -> Verdict:
        return verify_with(verifiers, answer, verifier, checks=checks, prompt=prompt)

    return judge
