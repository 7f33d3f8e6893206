"""A talk and its verdict -> `Result`: seconds, tokens, and what a person reads of prompt and answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pytest_llmbench.plain_data import printable
from pytest_llmbench.records import Response, Result, Trial, Turn, Usage, Verdict
from pytest_llmbench.verdicts import EXCERPT


def result_of(
    trial: Trial, turns: Sequence[Turn], *, verdict: Verdict, started_at: float, latency_s: float | None
) -> Result:
    """Return the result of a talk that was judged: its verdict, its figures and excerpts for people.

    `started_at` is in seconds since the epoch; `latency_s` None where an earlier process heard some of the answers,
    whose own times then stand for it.
    """
    responses = [turn.response for turn in turns]
    first = responses[0].timing.first_token_s if responses else None
    return Result(
        key=trial.key,
        nodeid=trial.nodeid,
        title=trial.scenario.title,
        purpose=trial.purpose,
        pack=trial.pack,
        verdict=verdict,
        started_at=started_at,
        latency_s=_recalled_latency(responses) if latency_s is None else latency_s,
        first_token_s=first,
        decode_tps=_mean_rate((one.timing.decode_tps, one.usage.completion_tokens) for one in responses),
        prefill_tps=_mean_rate((one.timing.prefill_tps, _read_tokens(one.usage)) for one in responses),
        prompt_tokens=_total(response.usage.prompt_tokens for response in responses),
        completion_tokens=_total(response.usage.completion_tokens for response in responses),
        cached_tokens=_total(response.usage.cached_tokens for response in responses),
        turns=len(responses),
        retries=sum(response.retries for response in responses),
        finish_reason=responses[-1].finish_reason if responses else "",
        thought=any(response.reasoning.strip() for response in responses),
        prompt=_prompt_excerpt(trial),
        answer=_answer_excerpt(responses),
        task_id=task_id_of(trial),
    )


def task_id_of(trial: Trial) -> str:
    """Return what the data set calls the task, "" where the scenario is from none."""
    return trial.scenario.task.task_id if trial.scenario.task is not None else ""


def _recalled_latency(responses: Sequence[Response]) -> float | None:
    return sum(response.timing.total_s for response in responses) if responses else None


def _mean_rate(turns: Iterable[tuple[float | None, int | None]]) -> float | None:
    """Tokens-weighted mean over the turns (rate, tokens) that have a rate, so that a one-word turn hardly counts."""
    rated = [(rate, tokens or 1) for rate, tokens in turns if rate]
    seconds = sum(tokens / rate for rate, tokens in rated)
    return sum(tokens for _, tokens in rated) / seconds if seconds else None


def _read_tokens(usage: Usage) -> int | None:
    """Tokens of the prompt that were not in the cache: the server's rate is of those alone."""
    return None if usage.prompt_tokens is None else max(0, usage.prompt_tokens - (usage.cached_tokens or 0))


def _total(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _prompt_excerpt(trial: Trial) -> str:
    texts = [message.content for message in trial.scenario.messages if message.role == "user"]
    text = "\n".join([*texts, *trial.scenario.followups])
    return printable(text if len(text) <= EXCERPT else f"... {text[-EXCERPT:]}", None)


def _answer_excerpt(responses: Sequence[Response]) -> str:
    parts: list[str] = []
    for response in responses:
        parts.extend(f"{call.name}({call.arguments[:EXCERPT]})" for call in response.tool_calls)
        if response.content:
            parts.append(response.content[: EXCERPT + 1])
    return printable("\n".join(parts), EXCERPT)
