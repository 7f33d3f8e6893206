"""Reads the results that benchlocal-cli saves (layout "1"), as records of ours; what they do not tell stays empty."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.records import (
    Message,
    Outcome,
    PackFacts,
    Purpose,
    Reason,
    Request,
    Response,
    Result,
    Sampling,
    Timing,
    Tool,
    ToolCall,
    TrialKey,
    Turn,
    Usage,
    Verdict,
)
from pytest_llmbench.redaction import redacted_data

ORIGIN = "benchlocal-cli"
LAYOUT = "1"

REASONS: Mapping[str, tuple[Outcome, Reason]] = {
    **dict.fromkeys(("verifier_fail", "wrong_answer"), (Outcome.FAIL, Reason.WRONG_ANSWER)),
    **dict.fromkeys(
        ("invalid_json", "extra_fields", "schema_violation", "wrong_structure"), (Outcome.FAIL, Reason.INVALID_FORMAT)
    ),
    "no_answer_found": (Outcome.FAIL, Reason.NO_ANSWER),
    "missing_field": (Outcome.FAIL, Reason.MISSING_FIELD),
    "token_limit": (Outcome.FAIL, Reason.TOKEN_LIMIT),
    **dict.fromkeys(("timeout", "agent_runner_timeout"), (Outcome.FAIL, Reason.TIMEOUT)),
    "agent_loop_exhausted": (Outcome.FAIL, Reason.AGENT_LOOP_EXHAUSTED),
    **dict.fromkeys(("http_error", "server_error"), (Outcome.ERROR, Reason.SERVER_ERROR)),
    "model_endpoint_unreachable": (Outcome.ERROR, Reason.ENDPOINT_UNREACHABLE),
    **dict.fromkeys(("agent_runner_crashed", "result_json_malformed"), (Outcome.ERROR, Reason.SANDBOX_FAILED)),
    "verifier_not_implemented": (Outcome.ERROR, Reason.VERIFIER_ERROR),
}
"""Its failure modes in our words. It counts failed servers and sandboxes as wrong answers; here they are errors."""

_SAMPLING = ("temperature", "top_p", "seed")
_EXTRA = ("top_k", "min_p", "repeat_penalty", "presence_penalty", "frequency_penalty")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignRun:
    """A saved run. Times are seconds since the epoch, 0.0 unknown; `thinking` is ``on``, ``off`` or "".

    `trials` are results with what is kept of their one request and answer. `temperatures` are those of all requests
    that tell; `said` is (passed, total) as the file has them, None where it does not. `notices` tell what was made of
    what is odd.
    """

    model: str
    url: str
    mode: str
    started_at: float
    finished_at: float
    thinking: str
    trials: tuple[tuple[Result, tuple[Turn, ...]], ...]
    temperatures: tuple[float, ...]
    said: tuple[int, int] | None
    notices: tuple[str, ...]


def read_foreign_run(path: Path) -> ForeignRun:
    """Return the run that the file at `path` holds; raises `UsageProblem` for a file that is none."""
    data = _loaded(path)
    notices: list[str] = []
    trials = [trial for pack in data["packs"] for trial in _pack(pack, path, data, notices)]
    totals = data.get("totals")
    enabled = data.get("thinking_enabled")
    counts = [_number(totals, name) for name in ("passed", "total")] if isinstance(totals, dict) else []
    return ForeignRun(
        model=str(data.get("model") or ""),
        url=str(data.get("endpoint") or ""),
        mode=str(data.get("mode") or "").lstrip("-"),
        started_at=_seconds(data.get("started_at")),
        finished_at=_seconds(data.get("finished_at")),
        thinking={True: "on", False: "off"}.get(enabled, "") if isinstance(enabled, bool) else "",
        trials=tuple(trials),
        temperatures=tuple(sorted(set(_temperatures(trials)))),
        said=(int(counts[0]), int(counts[1])) if counts and None not in counts else None,  # type: ignore[arg-type]
        notices=tuple(notices),
    )


def _loaded(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageProblem(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UsageProblem(f"{path} is no JSON file: {error}") from None
    packs = data.get("packs") if isinstance(data, dict) else None
    if not isinstance(packs, list) or not all(isinstance(pack, dict) and "scenarios" in pack for pack in packs):
        raise UsageProblem(f"{path} is no result file of {ORIGIN}: it has no packs with scenarios (--save-json)")
    layout = str(data.get("schema_version", LAYOUT))
    if layout != LAYOUT:
        raise UsageProblem(f"{path} has layout {layout} of {ORIGIN}'s results; this version reads {LAYOUT}")
    found: dict[str, Any] = data
    return found


def _pack(
    pack: Mapping[str, Any], path: Path, run: Mapping[str, Any], notices: list[str]
) -> Iterator[tuple[Result, tuple[Turn, ...]]]:
    name = str(pack.get("pack_id") or "")
    rows = [row for row in pack["scenarios"] if isinstance(row, dict)]
    if not name or len(rows) < len(pack["scenarios"]):
        raise UsageProblem(f"{path}: a pack without pack_id, or a scenario that is no object: nothing was imported")
    ids = _unique(rows, name, notices)
    facts = PackFacts(
        id=name,
        title=name,
        version=str(pack.get("version") or ""),
        content_hash="",
        size=len(set(ids)),
        origin=ORIGIN,
    )
    first = min((_number(row, "repeat_index") or 0 for row in rows), default=0)
    for scenario, row in zip(ids, rows, strict=True):
        attempt = int((_number(row, "repeat_index") or 0) - first) + 1
        yield _trial(row, facts, scenario, attempt=attempt, model=str(run.get("model") or ""))


def _unique(rows: Sequence[Mapping[str, Any]], pack: str, notices: list[str]) -> list[str]:
    """Return an id for each row: of those that share id and attempt the later ones get their place among them."""
    seen: Counter[tuple[str, Any]] = Counter()
    ids = []
    for number, row in enumerate(rows, 1):
        name = str(row.get("id") or f"row-{number}")
        seen[name, row.get("repeat_index")] += 1
        count = seen[name, row.get("repeat_index")]
        ids.append(name if count == 1 else f"{name}-{count}")
    doubles = sorted({name for (name, _), count in seen.items() if count > 1})
    if doubles:
        notices.append(f"{pack}: {', '.join(doubles)} stands there more than once; the later ones are called X-2, X-3")
    return ids


def _trial(
    row: Mapping[str, Any], facts: PackFacts, scenario: str, *, attempt: int, model: str
) -> tuple[Result, tuple[Turn, ...]]:
    turns = _turns(row, model)
    response = turns[0].response if turns else Response()
    result = Result(
        key=TrialKey(pack=facts.id, pack_hash="", scenario=scenario, attempt=attempt),
        nodeid=f"{facts.id}::{scenario}",
        title=scenario,
        purpose=Purpose.ITEM,
        pack=facts,
        verdict=_verdict(row),
        latency_s=_number(row, "latency_seconds"),
        prompt_tokens=response.usage.prompt_tokens,
        completion_tokens=_whole(row, "tokens_completion"),
        turns=len(turns),
        finish_reason=response.finish_reason,
        thought=bool(response.reasoning.strip()),
        prompt=next((one.content for turn in turns for one in turn.request.messages if one.role == "user"), ""),
        answer=response.content,
    )
    return result, turns


def _verdict(row: Mapping[str, Any]) -> Verdict:
    if row.get("passed") is True:
        return Verdict(outcome=Outcome.PASS)
    mode = str(row.get("failure_mode") or "")
    outcome, reason = REASONS.get(mode, (Outcome.FAIL, Reason.WRONG_ANSWER))
    detail = str(row.get("detail") or "")
    return Verdict(outcome=outcome, reason=reason, detail=f"{mode}: {detail}".strip(": "))


def _turns(row: Mapping[str, Any], model: str) -> tuple[Turn, ...]:
    asked, said = row.get("request"), row.get("raw_response")
    if not asked and not said:
        return ()
    request = _request(asked if isinstance(asked, dict) else {}, model)
    timing = Timing(total_s=_number(row, "latency_seconds") or 0.0)
    return (Turn(request=request, response=_response(said, row, timing)),)


def _request(body: Mapping[str, Any], model: str) -> Request:
    numbers = {name: body[name] for name in _SAMPLING if isinstance(body.get(name), (int, float))}
    extra = {name: body[name] for name in _EXTRA if name in body}
    known = {"model", "messages", "tools", "tool_choice", "max_tokens", "stream", *_SAMPLING, *_EXTRA}
    choice = body.get("tool_choice")
    return Request(
        model=str(body.get("model") or model),
        messages=tuple(_message(one) for one in _objects(body.get("messages"))),
        tools=tuple(_tool(one) for one in _objects(body.get("tools"))),
        tool_choice=choice if isinstance(choice, str) else None,
        sampling=Sampling(**numbers, extra=extra),
        max_tokens=_whole(body, "max_tokens") or 0,
        stream=bool(body.get("stream")),
        extra=redacted_data({name: value for name, value in body.items() if name not in known}),
    )


def _response(said: Any, row: Mapping[str, Any], timing: Timing) -> Response:
    body = said if isinstance(said, dict) else {}
    choice = next(iter(_objects(body.get("choices"))), {})
    message = _object(choice.get("message")) or body
    usage = _object(body.get("usage"))
    field = next((name for name in ("reasoning_content", "reasoning") if message.get(name)), "")
    return Response(
        content=said if isinstance(said, str) else str(message.get("content") or ""),
        reasoning=str(message[field]) if field else "",
        reasoning_field=field,
        tool_calls=tuple(_call(one) for one in _objects(message.get("tool_calls"))),
        finish_reason=str(choice.get("finish_reason") or ""),
        model=str(body.get("model") or ""),
        usage=Usage(
            prompt_tokens=_whole(usage, "prompt_tokens"),
            completion_tokens=_whole(row, "tokens_completion"),
        ),
        timing=timing,
    )


def _message(plain: Mapping[str, Any]) -> Message:
    return Message(
        role=str(plain.get("role") or "user"),
        content=str(plain.get("content") or ""),
        tool_calls=tuple(_call(one) for one in _objects(plain.get("tool_calls"))),
        tool_call_id=str(plain.get("tool_call_id") or ""),
    )


def _call(plain: Mapping[str, Any]) -> ToolCall:
    function = _object(plain.get("function")) or plain
    arguments = function.get("arguments")
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return ToolCall(id=str(plain.get("id") or ""), name=str(function.get("name") or ""), arguments=text)


def _tool(plain: Mapping[str, Any]) -> Tool:
    function = _object(plain.get("function")) or plain
    parameters = function.get("parameters")
    return Tool(
        name=str(function.get("name") or ""),
        description=str(function.get("description") or ""),
        parameters=parameters if isinstance(parameters, dict) else {},
    )


def _temperatures(trials: Sequence[tuple[Result, tuple[Turn, ...]]]) -> Iterator[float]:
    for _, turns in trials:
        yield from (float(t.request.sampling.temperature) for t in turns if t.request.sampling.temperature is not None)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _number(values: Mapping[str, Any], name: str) -> float | None:
    value = values.get(name)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _whole(values: Mapping[str, Any], name: str) -> int | None:
    value = _number(values, name)
    return None if value is None else int(value)


def _seconds(value: Any) -> float:
    if isinstance(value, (int, float)):
        return float(value)
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except ValueError:
        return 0.0
