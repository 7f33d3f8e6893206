"""Who wins: pack < scenario < run. The one place that decides what a request carries."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.lookup import suggestion
from pytest_llmbench.records import Message, Request, Sampling, Scenario
from pytest_llmbench.settings import Settings

CANONICAL_SEED = 1
CANONICAL = Sampling(temperature=0.0, top_p=1.0, seed=CANONICAL_SEED)
"""Greedy decoding with a fixed seed: what scores are compared at."""

_EXTRA = ("top_k", "min_p", "repeat_penalty", "presence_penalty", "frequency_penalty")
_KNOWN = ("temperature", "top_p", "seed", *_EXTRA)


def sampling_for(scenario: Scenario, settings: Settings, attempt: int) -> Sampling:
    """Return what the `attempt`-th (1-based) trial of `scenario` sends.

    The scenario's own sampling already holds its pack's. With a temperature above zero each
    attempt gets a seed of its own (first seed + attempt - 1), so that repeats are samples;
    greedy attempts share one, so that they measure the server's noise.
    """
    if settings.sampling_from_server:
        return Sampling()
    chosen = overlay(scenario.sampling, settings.sampling or {})
    if chosen.temperature and chosen.seed is not None:
        chosen = dataclasses.replace(chosen, seed=chosen.seed + attempt - 1)
    return chosen


def overlay(base: Sampling, values: Mapping[str, Any]) -> Sampling:
    """Return `base` with `values` (flat names, as in a pack file or on the command line) on top."""
    plain = {name: values[name] for name in ("temperature", "top_p", "seed") if name in values}
    extra = {**base.extra, **{name: value for name, value in values.items() if name in _EXTRA}}
    return dataclasses.replace(base, **plain, extra=extra)


def is_canonical(settings: Settings) -> bool:
    """Tell whether the run leaves the packs' own sampling and limits alone, so that its scores compare."""
    limits = settings.max_tokens, settings.timeout_s
    return not settings.sampling_from_server and not settings.sampling and limits == (None, None)


def parse_sampling(text: str) -> tuple[Mapping[str, Any] | None, bool]:
    """Read ``--llm-sampling``: "" (the packs' own), ``server``, or ``temperature=0.8,top_p=0.95``.

    Returns the overrides and whether the server's defaults rule. Raises UsageProblem.
    """
    if text in ("", "pack"):
        return None, False
    if text == "server":
        return None, True
    values: dict[str, Any] = {}
    for part in text.split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or name not in _KNOWN:
            raise UsageProblem(
                f'--llm-sampling: "{part.strip()}" is not name=value with a known name: {suggestion(name, _KNOWN)}'
            )
        values[name] = _number(name, value)
    return values, False


def request_for(
    scenario: Scenario, settings: Settings, *, model: str, attempt: int, messages: Sequence[Message]
) -> Request:
    """Return the request that carries `messages` for this scenario under these settings."""
    return Request(
        model=model,
        messages=tuple(messages),
        tools=scenario.tools,
        tool_choice=scenario.tool_choice,
        sampling=sampling_for(scenario, settings, attempt),
        max_tokens=settings.max_tokens or scenario.max_tokens,
        stream=scenario.stream,
    )


def deadline_for(scenario: Scenario, settings: Settings) -> float:
    """Return the seconds one dialogue may take from the moment it has a slot."""
    return settings.timeout_s if settings.timeout_s is not None else scenario.timeout_s


def _number(name: str, text: str) -> float | int:
    try:
        return int(text) if name in ("seed", "top_k") else float(text)
    except ValueError:
        raise UsageProblem(f'--llm-sampling: {name}="{text}" is not a number') from None
