"""Which scenarios cannot fit into the context that one request gets: told before the run, with the numbers.

A server would refuse them, or cut their answers off and make that look like the model's fault.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.plain_data import to_plain
from pytest_llmbench.records import Message, Scenario, ServerFacts, Tool
from pytest_llmbench.sampling import max_tokens_for, thinking_tokens_for
from pytest_llmbench.settings import Settings
from pytest_llmbench.thinking_switch import UNKNOWN, ThinkingSwitch

CHARACTERS_PER_TOKEN = 8
"""More than any tokenizer packs into a token on average, runs of one character apart, so that no prompt is taken for
longer than it is: English has 4 to 5, and the openings of our own packs have 2 to 4.4 in a small vocabulary."""

COUNTED = 3
"""Prompts whose tokens the server is asked to count, the longest ones; more only while each of them does not fit."""

_COUNT_LIMIT = 12
_NAMED = 3
_STEP = 256
_RUN = re.compile(r"(\W)\1+")

Count = Callable[[Sequence[Message], Sequence[Tool]], int | None]
"""Counts the tokens of a prompt exactly; None where that cannot be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A scenario of a pack and what it may use: tokens of the answer, and of the thoughts on top of them."""

    pack: str
    scenario: Scenario
    answer_tokens: int
    thinking_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """A scenario that does not fit. `prompt_tokens` is a lower bound, or the number itself where `is_exact`."""

    pack: str
    scenario: str
    prompt_tokens: int
    is_exact: bool
    answer_tokens: int
    thinking_tokens: int
    context: int

    @property
    def needed(self) -> int:
        """The least context it would fit into."""
        return self.prompt_tokens + self.answer_tokens + self.thinking_tokens


def asked_of(
    pack: str, scenarios: Iterable[Scenario], settings: Settings, switch: ThinkingSwitch = UNKNOWN
) -> Iterator[Asked]:
    """Yield what `cannot_fit` wants to know of the scenarios of a pack."""
    for scenario in scenarios:
        thoughts = thinking_tokens_for(scenario, settings, switch)
        answer = max_tokens_for(scenario, settings, switch) - thoughts
        yield Asked(pack=pack, scenario=scenario, answer_tokens=answer, thinking_tokens=thoughts)


def cannot_fit(asked: Iterable[Asked], context: int | None, *, count: Count | None = None) -> tuple[Misfit, ...]:
    """Return the scenarios whose prompt and answer need more than `context` tokens (None: not known, all fit).

    Prompts are estimated from below; with `count` the longest ones of those that seem to fit are counted, and those
    that do not, so that what is advised is enough. Of a dialogue the opening and the user's further turns are known
    before. Questions from a data set are not, so only their answers are taken into account.
    """
    if context is None:
        return ()
    everything = [(one, _misfit(one, context)) for one in asked]
    found = [pair for pair in everything if pair[1].needed > context]
    close = sorted((pair for pair in everything if pair[1].needed <= context), key=_guess, reverse=True)
    sure = (_measured(one.scenario, misfit, count) for one, misfit in found[:_COUNT_LIMIT])
    return (*sure, *(misfit for _, misfit in found[_COUNT_LIMIT:]), *_counted(close[:_COUNT_LIMIT], count))


def problem_with(misfits: Sequence[Misfit], facts: ServerFacts, *, of_all: bool = True) -> UsageProblem | None:
    """Return the configuration error for `misfits`, with their numbers and what to change, or None for none.

    Without `of_all` only the largest scenarios were looked at, and there may be more.
    """
    if not misfits:
        return None
    worst = sorted(misfits, key=lambda misfit: misfit.needed, reverse=True)
    slots = f", with {facts.slots} slots" if facts.slots else ""
    whole = f"{len(misfits):,} scenarios cannot" if len(misfits) > 1 else "1 scenario cannot"
    whole = whole if of_all else f"At least {whole}"
    more = f"\n  and {len(misfits) - _NAMED:,} more" if len(misfits) > _NAMED else ""
    lines = "".join(f"\n  {_line(misfit)}" for misfit in worst[:_NAMED])
    return UsageProblem(
        f"{whole} fit into what this server gives to one request: {worst[0].context:,} tokens{slots}.{lines}{more}\n"
        f"Either {_advice(worst, facts)}."
    )


def _counted(close: Sequence[tuple[Asked, Misfit]], count: Count | None) -> Iterator[Misfit]:
    fitting = 0
    for one, estimate in close:
        if count is None or fitting == COUNTED:
            return
        misfit = _measured(one.scenario, estimate, count)
        if misfit.needed > misfit.context:
            yield misfit
        else:
            fitting += 1


def _measured(scenario: Scenario, estimate: Misfit, count: Count | None) -> Misfit:
    """Return the estimate with the opening counted; further turns stay estimated."""
    opening = count(scenario.messages, scenario.tools) if count is not None and scenario.messages else None
    if opening is None:
        return estimate
    later = _fewest_in(scenario.followups)
    return replace(estimate, prompt_tokens=opening + later, is_exact=not scenario.followups)


def _misfit(one: Asked, context: int) -> Misfit:
    return Misfit(
        pack=one.pack,
        scenario=one.scenario.id,
        prompt_tokens=_fewest(one.scenario),
        is_exact=False,
        answer_tokens=one.answer_tokens,
        thinking_tokens=one.thinking_tokens,
        context=context,
    )


def _fewest(scenario: Scenario) -> int:
    """Return a number of tokens that the prompt has at least; tools are left out, for some templates drop them."""
    return _fewest_in([*(message.content for message in scenario.messages), *scenario.followups])


def _fewest_in(texts: Iterable[str]) -> int:
    return sum(len(_RUN.sub(r"\1", text)) for text in texts) // CHARACTERS_PER_TOKEN


def _guess(pair: tuple[Asked, Misfit]) -> float:
    """Return roughly what a scenario needs, to find the longest."""
    one, misfit = pair
    tools = len(json.dumps(to_plain(one.scenario.tools))) if one.scenario.tools else 0
    return misfit.needed + misfit.prompt_tokens + tools / 4


def _line(misfit: Misfit) -> str:
    bound = "" if misfit.is_exact else "at least "
    thoughts = f" and {misfit.thinking_tokens:,} of thoughts" if misfit.thinking_tokens else ""
    return (
        f"{misfit.pack}::{misfit.scenario} needs {bound}{misfit.needed:,}: {misfit.prompt_tokens:,} of prompt, "
        f"{misfit.answer_tokens:,} of answer{thoughts}"
    )


def _advice(worst: Sequence[Misfit], facts: ServerFacts) -> str:
    """Say what to change, with numbers that are enough for all; `worst` begins with the largest."""
    needed, context = math.ceil(worst[0].needed / _STEP) * _STEP, worst[0].context
    ways = [_larger(needed, context, facts)]
    thoughts = min(context - misfit.needed + misfit.thinking_tokens for misfit in worst)
    answer = min(context - misfit.prompt_tokens - misfit.thinking_tokens for misfit in worst)
    if any(misfit.thinking_tokens for misfit in worst):
        ways.append(f"--llm-thinking-max-tokens {thoughts}" if thoughts > 0 else "--llm-thinking off")
    if answer > 0:
        ways.append(f"--llm-max-tokens {answer}")
    return ", or ".join(ways)


def _larger(needed: int, context: int, facts: ServerFacts) -> str:
    if facts.kind == "vllm":
        return f"start the server with --max-model-len {needed}"
    if facts.kind != "llama.cpp" or not facts.slots:
        return f"give the server a context of {needed} tokens for each request"
    fewer = context * facts.slots // needed
    slots = f", or with -np {fewer} and the context it has" if 0 < fewer < facts.slots else ""
    return f"start the server with -c {needed * facts.slots} -np {facts.slots}{slots}"
