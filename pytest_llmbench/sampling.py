"""Who wins: pack < scenario < run. The one place that decides what a request carries."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.lookup import suggestion
from pytest_llmbench.records import Message, Request, Sampling, Scenario
from pytest_llmbench.settings import THINKING_MAX_TOKENS, Settings
from pytest_llmbench.thinking_switch import ON, UNKNOWN, ThinkingSwitch, arm_at, merged, typed_arm

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
    return not deviations(settings)


def deviations(settings: Settings, defaults: Mapping[str, Any] | None = None) -> str:
    """Name in a few words what this run sends in place of the packs' own, or return "".

    `defaults` are what the server says it samples with by itself, told where that rules. Of an extra body only
    the names are told: nobody knows which of its values are private.
    """
    told = []
    if settings.sampling_from_server:
        values = ", ".join(f"{name}={_shown(value)}" for name, value in (defaults or {}).items() if _is_number(value))
        told.append(f"sampling: the server's defaults{f' ({values})' if values else ''}")
    own = {**(settings.sampling or {}), "max_tokens": settings.max_tokens, "timeout_s": settings.timeout_s}
    own["thinking_max_tokens"] = settings.thinking_max_tokens
    if given := ", ".join(f"{name}={value}" for name, value in own.items() if value is not None):
        told.append(f"own {given}")
    if typed_arm(settings):
        told.append(f"thinking {settings.thinking}")
    if settings.connection.body:
        told.append(f"extra body: {', '.join(settings.connection.body)}")
    return "; ".join(told)


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
        if name == "top_p" and not 0 <= values[name] <= 1:
            raise UsageProblem(f"--llm-sampling: top_p={value} is no share: it is a number from 0 to 1")
    return values, False


def request_for(  # noqa: PLR0913 - each decides a field of the request of its own
    scenario: Scenario,
    settings: Settings,
    *,
    model: str,
    attempt: int,
    messages: Sequence[Message],
    switch: ThinkingSwitch = UNKNOWN,
) -> Request:
    """Return the request that carries `messages` for this scenario under these settings.

    Raises `UsageProblem` where the user's extra body contradicts the arm: `thinking_switch.problem_of` tells before.
    """
    arm = arm_of(scenario, settings, switch)
    return Request(
        model=model,
        messages=tuple(messages),
        tools=scenario.tools,
        tool_choice=scenario.tool_choice,
        sampling=sampling_for(scenario, settings, attempt),
        max_tokens=max_tokens_for(scenario, settings, switch),
        stream=scenario.stream,
        extra=merged(settings.connection.body, switch, arm),
    )


def arm_of(scenario: Scenario, settings: Settings, switch: ThinkingSwitch = UNKNOWN) -> str:
    """Return ``on`` or ``off`` where that is asked for, the run's word before the pack's; "": as the server does."""
    typed = typed_arm(settings)
    return arm_at(typed or scenario.thinking, switch, is_typed=bool(typed))


def max_tokens_for(scenario: Scenario, settings: Settings, switch: ThinkingSwitch = UNKNOWN) -> int:
    """Return the tokens one response may have: the answer's own and those of the thoughts."""
    return (settings.max_tokens or scenario.max_tokens) + thinking_tokens_for(scenario, settings, switch)


def thinking_tokens_for(scenario: Scenario, settings: Settings, switch: ThinkingSwitch = UNKNOWN) -> int:
    """Return the tokens that thoughts get beside the answer's: none unless thinking is on."""
    if arm_of(scenario, settings, switch) != ON:
        return 0
    return THINKING_MAX_TOKENS if settings.thinking_max_tokens is None else settings.thinking_max_tokens


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _shown(value: float) -> str:
    """Return a number as one types it: whole ones whole, the others without what 32 bits add to them."""
    return str(int(value)) if float(value).is_integer() else f"{value:g}"


def _number(name: str, text: str) -> float | int:
    try:
        return int(text) if name in ("seed", "top_k") else float(text)
    except ValueError:
        raise UsageProblem(f'--llm-sampling: {name}="{text}" is not a number') from None
