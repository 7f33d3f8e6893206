"""One run's trials for a reader at a terminal: a line each, the whole talk, or what differs from another run."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_llmbench.records import Message, Outcome, Response, Result, ToolCall, TrialKey, Turn
from pytest_llmbench.reports.wording import MISSING, pad, seconds, single_line, width
from pytest_llmbench.statistics import quantile

_HEADS = ("pack", "scenario", "outcome", "reason", "latency", "tokens", "detail")
_DETAIL_LIMIT = 200
_CONTEXT = 3
_NAMED = 5
_LEAST_DETAIL = 30
"""Columns that a detail gets on however narrow a terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A trial of which two runs say different things; None where a run has no result of it.

    `answers_differ` tells that the last answers are not the same text and calls, None where one is missing.
    """

    key: TrialKey
    before: Result | None
    now: Result | None
    answers_differ: bool | None

    @property
    def verdicts_differ(self) -> bool:
        """Whether outcome or reason changed."""
        return _words(self.before) != _words(self.now)


def listing(results: Sequence[Result], *, columns: int | None = None) -> list[str]:
    """Return an aligned line for each trial, and what they came to; details are cut where `columns` end."""
    rows = [_HEADS, *map(_cells, results)]
    widths = [max(width(row[at]) for row in rows) for at in range(len(_HEADS))]
    lines = [_aligned(row, widths) for row in rows]
    if columns is not None:
        most = max(columns, sum(widths[:-1]) + 2 * len(widths) + _LEAST_DETAIL)
        lines = [_cut(line, most) for line in lines]
    return [*lines, "", _sums(results)]


def _cut(line: str, columns: int) -> str:
    """Return as much of a line as `columns` hold, with three dots where some of it is missing."""
    if width(line) <= columns:
        return line
    kept = line[: columns - 3]
    while width(kept) > columns - 3:
        kept = kept[:-1]
    return f"{kept}..."


def transcript(result: Result, turns: Sequence[Turn]) -> Iterator[str]:
    """Yield the lines of one trial: the verdict, then every message as it was sent and answered."""
    yield f"== {trial_title(result.key)}: {single_line(result.title, 200)}"
    yield from _verdict_lines(result)
    seen: Sequence[Message] = ()
    for number, turn in enumerate(turns, start=1):
        yield ""
        yield f"-- request {number} of {len(turns)}: {_request_words(turn)}"
        for message in _fresh(turn.request.messages, seen):
            yield from _block(message.role, message.content, tool_calls=message.tool_calls)
        yield f"-- answer {number} of {len(turns)}: {_answer_words(turn.response)}"
        yield from _block("thinking", turn.response.reasoning) if turn.response.reasoning else ()
        yield from _block("answer", turn.response.content, tool_calls=turn.response.tool_calls)
        seen = turn.request.messages
    if not turns:
        yield "no request was answered"


def differences(
    before: Iterable[Result], now: Iterable[Result], *, answers: Mapping[TrialKey, tuple[str, str]]
) -> list[Difference]:
    """Return the trials in which two runs differ, in order; `answers` are the last ones of both, before and now."""
    old, new = ({_place(result.key): result for result in results} for results in (before, now))
    keys = {place: result.key for place, result in (*old.items(), *new.items())}
    found = []
    for place, key in sorted(keys.items(), key=lambda pair: pair[0]):
        texts = answers.get(key)
        one = Difference(
            key=key,
            before=old.get(place),
            now=new.get(place),
            answers_differ=None if texts is None else texts[0] != texts[1],
        )
        if one.verdicts_differ or one.answers_differ:
            found.append(one)
    return found


def difference_lines(found: Sequence[Difference], *, same: int) -> list[str]:
    """Return a line for each verdict that differs and how often only the words of the answer did.

    Trials that only one of the runs has are counted: a longer run, or one with more attempts, is no change.
    """
    both = [one for one in found if one.before is not None and one.now is not None]
    lines = [
        f"{trial_title(one.key)}: {_words(one.before)} -> {_words(one.now)}" for one in both if one.verdicts_differ
    ]
    reworded = sum(not one.verdicts_differ for one in both)
    differ, agree = (
        f"{count:,} {word if count == 1 else words}"
        for count, word, words in (
            (len(lines), "verdict differs", "verdicts differ"),
            (same, "trial agrees", "trials agree"),
        )
    )
    answers = f"{reworded:,} {'answer differs' if reworded == 1 else 'answers differ'} under the same verdict"
    return [*lines, *([""] if lines else []), f"{differ}, {answers}, {agree}", *_alone(found)]


def _alone(found: Sequence[Difference]) -> Iterator[str]:
    """Yield what only one of the two runs has."""
    for name, keys in (
        ("the earlier one", [one.key for one in found if one.now is None]),
        ("this one", [one.key for one in found if one.before is None]),
    ):
        if keys:
            more = f" and {len(keys) - _NAMED:,} more" if len(keys) > _NAMED else ""
            yield f"only in {name}: {', '.join(map(trial_title, keys[:_NAMED]))}{more}"


def answer_diff(one: Difference, texts: tuple[str, str]) -> list[str]:
    """Return how the last answer of a trial differs, line by line."""
    head = f"== {trial_title(one.key)}: {_words(one.before)} -> {_words(one.now)}"
    old, new = (text.splitlines() for text in texts)
    lines = difflib.unified_diff(old, new, "before", "now", lineterm="", n=_CONTEXT)
    return [head, *(single_line(line) for line in lines)]


def answer_text(turns: Sequence[Turn]) -> str:
    """Return the last answer with its tool calls, as it is compared."""
    if not turns:
        return ""
    response = turns[-1].response
    return "\n".join([response.content, *map(call_text, response.tool_calls)])


def call_text(call: ToolCall) -> str:
    """Return ``get_weather({"city": "Oslo"})``; the id, which differs from run to run, is left out."""
    return f"{call.name}({call.arguments})"


def trial_title(key: TrialKey) -> str:
    """Return ``toolcall-15 TC-07``, with the attempt where it is a further one."""
    name = f"{single_line(key.pack, 80)} {single_line(key.scenario, 80)}"
    return f"{name} attempt {key.attempt}" if key.attempt > 1 else name


def _cells(result: Result) -> tuple[str, ...]:
    verdict = result.verdict
    scenario = trial_title(result.key).partition(" ")[2]
    tokens = MISSING if result.completion_tokens is None else f"{result.completion_tokens:,}"
    detail = single_line(verdict.detail.partition("\n")[0], _DETAIL_LIMIT)
    head = single_line(result.key.pack, 80), scenario, str(verdict.outcome), str(verdict.reason or "")
    return (*head, seconds(result.latency_s), tokens, detail)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(pad(cell, widths[at], right=at in (4, 5)) for at, cell in enumerate(row)).rstrip()


def _sums(results: Sequence[Result]) -> str:
    counts = {word: sum(result.verdict.outcome is word for result in results) for word in Outcome}
    told = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
    latencies = [result.latency_s for result in results if result.latency_s is not None]
    tokens = [result.completion_tokens for result in results if result.completion_tokens is not None]
    half = f"; half of them took up to {seconds(quantile(latencies, 0.5))}" if latencies else ""
    written = f"; {sum(tokens):,} tokens written" if tokens else ""
    trials = "1 trial" if len(results) == 1 else f"{len(results):,} trials"
    return f"{trials}: {told}{half}{written}"


def _verdict_lines(result: Result) -> Iterator[str]:
    verdict = result.verdict
    yield f"{_words(result)}{f': {single_line(verdict.detail)}' if verdict.detail else ''}"
    for check in verdict.checks:
        kind = "" if check.gating else " (diagnostic)"
        detail = f": {single_line(check.detail)}" if check.detail else ""
        yield f"  {'ok' if check.passed else 'NOT'} {single_line(check.name, 200)}{kind}{detail}"
    for name, text in (("expected", verdict.expected), ("got", verdict.got)):
        if text:
            yield from _block(name, text)
    yield _figures(result)


def _figures(result: Result) -> str:
    counts = (result.prompt_tokens, result.completion_tokens)
    read, written = ("an unknown number" if count is None else f"{count:,}" for count in counts)
    first = f", first token after {seconds(result.first_token_s)}" if result.first_token_s is not None else ""
    retries = f", {result.retries} retries" if result.retries else ""
    return f"{seconds(result.latency_s)}{first}, {read} tokens read, {written} written{retries}"


def _fresh(messages: Sequence[Message], seen: Sequence[Message]) -> Sequence[Message]:
    """Return what was not there in the request before, without the answer that has just been shown."""
    fresh = messages[len(seen) :] if tuple(messages[: len(seen)]) == tuple(seen) else messages
    return fresh[1:] if seen and fresh is not messages and fresh and fresh[0].role == "assistant" else fresh


def _request_words(turn: Turn) -> str:
    request = turn.request
    given = {"temperature": request.sampling.temperature, "top_p": request.sampling.top_p}
    given |= {"seed": request.sampling.seed, **request.sampling.extra, **request.extra}
    sampling = "".join(f", {name} {value}" for name, value in given.items() if value is not None)
    tools = f", tools {', '.join(tool.name for tool in request.tools)}" if request.tools else ""
    return single_line(f"at most {request.max_tokens:,} tokens{sampling}{tools}", 1000)


def _answer_words(response: Response) -> str:
    usage = response.usage
    tokens = "" if usage.completion_tokens is None else f", {usage.completion_tokens:,} tokens"
    ended = single_line(response.finish_reason, 40) or "no reason given"
    return f"{ended} after {seconds(response.timing.total_s)}{tokens}"


def _block(name: str, text: str, *, tool_calls: Sequence[ToolCall] = ()) -> Iterator[str]:
    """Yield `text` with everything invisible but its line breaks shown as escapes, behind its name."""
    yield f"[{single_line(name, 40)}]"
    for line in text.splitlines() if text else [] if tool_calls else ["(empty)"]:
        yield f"  {single_line(line, len(line))}" if line else ""
    for call in tool_calls:
        yield f"  calls {single_line(call_text(call), 10_000)}"


def _words(result: Result | None) -> str:
    if result is None:
        return "no result"
    reason = result.verdict.reason
    return f"{result.verdict.outcome} {reason}" if reason else str(result.verdict.outcome)


def _place(key: TrialKey) -> tuple[str, str, int]:
    """Return what a trial is known by in two runs: the pack may have another hash."""
    return key.pack, key.scenario, key.attempt
