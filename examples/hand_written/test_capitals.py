"""Hand-written tests of the measured model: rows of the table beside the packs."""

import pytest


@pytest.mark.parametrize(("country", "capital"), [("Portugal", "Lisbon"), ("Norway", "Oslo")])
def test_knows_the_capital(llm, country, capital):
    answer = llm(f"What is the capital of {country}? Answer with one word.", max_tokens=32)
    assert capital in answer.text


def test_keeps_it_short(llm, verify):
    answer = llm("Name the capital of Portugal. One word, no punctuation.", system="You are terse.", max_tokens=32)
    verdict = verify(answer, "instructions", checks=[{"kind": "words", "exactly": 1}])
    llm.metric("characters", len(answer.text))
    assert verdict.outcome == "PASS", verdict.detail


def test_is_steady_at_temperature_zero(llm):
    first, second = (llm("Count from 1 to 5, separated by commas.", max_tokens=48) for _ in range(2))
    assert first.text == second.text
