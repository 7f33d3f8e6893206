"""A pack's results as a log of Inspect, which ``inspect view`` and its data frames read.

Fields by ``EvalLog`` version 2 of UKGovernmentBEIS/inspect_ai, src/inspect_ai/log/_log.py as of release 0.3.285: one
task, which is one pack, for each file; attempts are epochs; a trial that met an error has no score but its error.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pytest_llmbench import __version__
from pytest_llmbench.records import Message, Outcome, Response, Result, ToolCall, TrialKey, Turn
from pytest_llmbench.reports.artefact_files import file_name
from pytest_llmbench.summary import PackSummary, RunFacts

VERSION = 2
"""Version of the log's layout."""

SCORER = "pytest_llmbench"
_SCORES = {Outcome.PASS: "C", Outcome.FAIL: "I"}
_STOPS = {"stop": "stop", "length": "max_tokens", "tool_calls": "tool_calls", "content_filter": "content_filter"}

Talk = Callable[[TrialKey], Sequence[Turn]]


def log_name(run: RunFacts, pack: PackSummary) -> str:
    """Return ``2026-05-09T08-00-00+00-00_toolcall-15_<id>.json``, as Inspect names its logs."""
    started = _time(run.started_at).replace(":", "-")
    return f"{started}_{file_name(pack.facts.id).replace('_', '-')}_{_id(run, pack)}.json"


def inspect_log(run: RunFacts, pack: PackSummary, results: Sequence[Result], talk: Talk) -> dict[str, Any]:
    """Return the log of one pack as plain data; `results` are the pack's, all attempts, `talk` gives their turns."""
    usage = {run.model or "unnamed": _usage(results)}
    status = "cancelled" if pack.not_run else "success"
    return {
        "version": VERSION,
        "status": status,
        "eval": _spec(run, pack, results),
        "plan": {"name": "plan", "steps": [{"solver": SCORER, "params": {}}], "config": {}},
        "results": _results(pack, results),
        "stats": {
            "started_at": _time(run.started_at),
            "completed_at": _time(run.finished_at),
            "model_usage": usage,
        },
        "samples": [_sample(run, result, talk(result.key)) for result in results],
    }


def _spec(run: RunFacts, pack: PackSummary, results: Sequence[Result]) -> dict[str, Any]:
    facts = pack.facts
    ids = list(dict.fromkeys(result.key.scenario for result in results))
    return {
        "eval_id": _id(run, pack),
        "run_id": _hash(run.run_dir, str(run.started_at)),
        "created": _time(run.started_at),
        "task": facts.id,
        "task_id": _hash(facts.id, facts.content_hash),
        "task_version": facts.version or 0,
        "task_display_name": facts.title,
        "task_args": {},
        "tags": list(facts.tags),
        "dataset": {"name": facts.id, "location": facts.source, "samples": facts.size, "sample_ids": ids},
        "model": run.model or "unnamed",
        "model_base_url": run.url or None,
        "model_args": {},
        "config": {"epochs": max(pack.attempts, 1), "max_samples": run.concurrency},
        "packages": {"pytest-llmbench": __version__},
        "metadata": {
            "profile": run.profile,
            "engine": run.engine,
            "canonical": run.canonical,
            "note": run.note,
            "content_hash": facts.content_hash,
            "cautions": list(facts.cautions),
        },
        "scorers": [{"name": SCORER, "metrics": [{"name": "accuracy"}]}],
    }


def _results(pack: PackSummary, results: Sequence[Result]) -> dict[str, Any]:
    metrics = {} if pack.score is None else {"accuracy": {"name": "accuracy", "value": pack.score, "params": {}}}
    interval = pack.interval
    beside = (
        None if interval is None else {"interval_95": list(interval), "method": "Wilson", "scores": "first attempts"}
    )
    return {
        "total_samples": pack.selected * max(pack.attempts, 1),
        "completed_samples": sum(result.verdict.outcome is not Outcome.ERROR for result in results),
        "scores": [
            {
                "name": SCORER,
                "scorer": SCORER,
                "scored_samples": pack.counted,
                "unscored_samples": pack.errors,
                "params": {},
                "metrics": metrics,
                "metadata": beside,
            }
        ],
    }


def _sample(run: RunFacts, result: Result, turns: Sequence[Turn]) -> dict[str, Any]:
    verdict = result.verdict
    messages = _messages(turns)
    score = _SCORES.get(verdict.outcome)
    ended_at = result.started_at + (result.latency_s or 0.0)
    return {
        "id": result.key.scenario,
        "epoch": result.key.attempt,
        "input": [_message(message) for message in turns[0].request.messages] if turns else result.prompt,
        "target": verdict.expected,
        "messages": messages,
        "output": _output(turns[-1].response, messages[-1]) if turns else {"model": run.model, "choices": []},
        "scores": {SCORER: _score(result, score)} if score else {},
        "metadata": {
            "title": result.title,
            "nodeid": result.nodeid,
            "task_id": result.task_id,
            "thinking": result.thinking,
            "metrics": dict(verdict.metrics),
        },
        "store": {},
        "events": [],
        "model_usage": {run.model or "unnamed": _usage([result])},
        "started_at": _time(result.started_at) if result.started_at else None,
        "completed_at": _time(ended_at) if result.started_at else None,
        "total_time": result.latency_s,
        "working_time": result.latency_s,
        "uuid": _hash(run.run_dir, result.key.pack, result.key.scenario, str(result.key.attempt)),
        "error": None if score else _error(result),
        "attachments": {},
    }


def _score(result: Result, value: str) -> dict[str, Any]:
    verdict = result.verdict
    checks = [
        {"name": check.name, "passed": check.passed, "detail": check.detail, "gating": check.gating}
        for check in verdict.checks
    ]
    said = ": ".join(filter(None, [str(verdict.reason or ""), verdict.detail]))
    return {
        "value": value,
        "answer": verdict.got or result.answer,
        "explanation": said or None,
        "metadata": {"reason": verdict.reason, "partial_credit": verdict.score, "checks": checks},
    }


def _error(result: Result) -> dict[str, str]:
    text = f"{result.verdict.reason}: {result.verdict.detail}"
    return {"message": text, "traceback": text, "traceback_ansi": text}


def _messages(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """Return the whole talk: what the last request held, with thinking where it was seen, and the last answer."""
    if not turns:
        return []
    thought = {turn.response.content: turn.response.reasoning for turn in turns}
    names = {call.id: call.name for turn in turns for call in turn.response.tool_calls}
    asked = [
        _message(message, reasoning=thought.get(message.content, ""), names=names)
        for message in turns[-1].request.messages
    ]
    last = turns[-1].response
    answer = Message(role="assistant", content=last.content, tool_calls=last.tool_calls)
    return [*asked, _message(answer, reasoning=last.reasoning, model=last.model)]


def _message(
    message: Message, *, reasoning: str = "", model: str = "", names: Mapping[str, str] | None = None
) -> dict[str, Any]:
    plain: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.role == "tool":
        return {**plain, "tool_call_id": message.tool_call_id, "function": (names or {}).get(message.tool_call_id)}
    if message.role != "assistant":
        return plain
    if reasoning:
        plain["content"] = [{"type": "reasoning", "reasoning": reasoning}, {"type": "text", "text": message.content}]
    calls = [_call(call) for call in message.tool_calls]
    return {**plain, **({"tool_calls": calls} if calls else {}), **({"model": model} if model else {})}


def _call(call: ToolCall) -> dict[str, Any]:
    """Return a call; arguments that are no JSON object are told as a parse error, as Inspect does."""
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        arguments = None
    plain: dict[str, Any] = {"id": call.id, "function": call.name, "type": "function"}
    if isinstance(arguments, dict):
        return {**plain, "arguments": arguments}
    return {**plain, "arguments": {}, "parse_error": f"no JSON object: {call.arguments}"}


def _output(response: Response, answer: Mapping[str, Any]) -> dict[str, Any]:
    usage = response.usage
    return {
        "model": response.model,
        "choices": [{"message": answer, "stop_reason": _STOPS.get(response.finish_reason, "unknown")}],
        "completion": response.content,
        "usage": _tokens(usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens),
        "time": response.timing.total_s,
    }


def _usage(results: Sequence[Result]) -> dict[str, Any]:
    names = ("prompt_tokens", "completion_tokens", "cached_tokens")
    sums = [[getattr(result, name) for result in results if getattr(result, name) is not None] for name in names]
    return _tokens(*(sum(known) if known else None for known in sums))


def _tokens(read: int | None, written: int | None, cached: int | None) -> dict[str, Any]:
    """Return a usage; what the server did not count is 0, for the format has no word for unknown."""
    both = (read or 0) + (written or 0)
    return {
        "input_tokens": read or 0,
        "output_tokens": written or 0,
        "total_tokens": both,
        "input_tokens_cache_read": cached,
    }


def _time(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="seconds")


def _id(run: RunFacts, pack: PackSummary) -> str:
    return _hash(run.run_dir, str(run.started_at), pack.facts.id, pack.facts.content_hash)


def _hash(*parts: str) -> str:
    """Return an id that is the same whenever the same run is exported."""
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:22]
