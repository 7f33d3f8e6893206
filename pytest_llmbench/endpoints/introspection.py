"""Asks a server what it is: loading or ready, which models, how many slots, how much context, which build.

llama.cpp answers most at ``/props``, vLLM at ``/version`` and in its model list; a hosted service may have
neither. Only the standard library is used: this runs before the SDK is worth importing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from pytest_llmbench import web
from pytest_llmbench.endpoints.addresses import Address
from pytest_llmbench.endpoints.refusals import refused, spoken
from pytest_llmbench.endpoints.templates import template_facts, thinking_of
from pytest_llmbench.errors import BadConfiguration, EndpointUnreachable
from pytest_llmbench.lookup import nearest
from pytest_llmbench.records import ServerFacts

GET_LIMIT_S = 4.0
"""Seconds one question to the server may take."""

SILENT_503_S = 10.0
"""Seconds waited for a server that says 503 without a word: vLLM does so when its engine is dead."""

_LISTED = 10
_PARAMETERS = ("temperature", "top_k", "top_p", "min_p", "repeat_penalty", "seed", "samplers")
_SOURCE = "chat_template"
"""Where the source of the template stands among the facts until it has been read."""
_ADVICE = "is the server running there? Name another with --llm-url http://host:port/v1 (or LLMBENCH_URL)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    """An entry of the model list. `names` are all it answers to, the first is its own.

    `detail` is what the manifest keeps of it: ``model_meta`` (llama.cpp), ``model_root`` and ``model_parent`` (vLLM:
    what was loaded, and below which model an adapter stands).
    """

    names: tuple[str, ...] = ()
    owner: str = ""
    context: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def look_at(address: Address, *, model: str, wait_s: float) -> ServerFacts:
    """Return what the server says of itself.

    Waits up to `wait_s` seconds while it answers 503 (still loading). Raises `EndpointUnreachable` or
    `BadConfiguration`: the key is refused, or `model` (where one is named) is not served.
    """
    _await_ready(address, wait_s)
    models = _models(address, wait_s)
    _check_model(address, model, models)
    entry = next((one for one in models if model in one.names), models[0] if models else _Model())
    found = _facts(address, entry)
    name = model or (entry.names[0] if entry.names else "")
    source = str(found.detail.get(_SOURCE) or "")
    thinking = thinking_of(address, kind=found.kind, model=name, source=source)
    template = template_facts(address, kind=found.kind, model=name)
    kept = {name: value for name, value in found.detail.items() if name != _SOURCE}
    return replace(
        found,
        base_url=address.api,
        models=tuple(one.names[0] for one in models),
        context=found.context or entry.context,
        thinking_switch=thinking.switch,
        detail={**kept, **template, **entry.detail, **thinking.detail},
    )


def _await_ready(address: Address, wait_s: float) -> None:
    reply = _get_ready(address, f"{address.origin}/health", wait_s)
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise EndpointUnreachable(
            f"{address.origin}/health answered {reply.status}: {_quoted(address, reply)}; look at the server's log"
        )


def _get_ready(address: Address, url: str, wait_s: float) -> web.Reply:
    """GET `url`, again while it answers 503, with growing pauses."""
    begin, pause_s = time.monotonic(), 0.25
    while True:
        reply = _get(address, url)
        waited_s = time.monotonic() - begin
        limit_s = wait_s if reply.text.strip() else min(wait_s, SILENT_503_S)
        if reply.status != HTTPStatus.SERVICE_UNAVAILABLE or waited_s + pause_s > limit_s:
            break
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 2.0)
    if reply.status == HTTPStatus.SERVICE_UNAVAILABLE:
        raise EndpointUnreachable(
            f"{url} still answers 503 after {waited_s:.0f} s: {_quoted(address, reply)}; "
            "wait until the model is loaded, or look at the server's log"
        )
    return reply


def _get(address: Address, url: str) -> web.Reply:
    try:
        return address.get(url, timeout_s=GET_LIMIT_S)
    except EndpointUnreachable as error:
        said = address.secrets.hide(str(error))
    raise EndpointUnreachable(f"{said}: {_ADVICE}")


def _models(address: Address, wait_s: float) -> tuple[_Model, ...]:
    """Return the model list; empty where the server keeps none."""
    url = f"{address.api}/models"
    reply = _get_ready(address, url, wait_s)
    _check_key(address, url, reply)
    if reply.status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED):
        return ()
    listed = reply.body.get("data") if isinstance(reply.body, dict) else None
    if reply.status != HTTPStatus.OK or not isinstance(listed, list):
        raise BadConfiguration(
            f"{url} answered {reply.status}: {_quoted(address, reply)}; "
            "that is no OpenAI-compatible server, whose address mostly ends in /v1"
        )
    return tuple(_model(entry) for entry in listed if isinstance(entry, dict) and isinstance(entry.get("id"), str))


def _check_key(address: Address, url: str, reply: web.Reply) -> None:
    if reply.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        error = refused(reply.status, _body(reply), model="", url=url)
        raise BadConfiguration(address.secrets.hide(str(error)))


def _check_model(address: Address, model: str, models: tuple[_Model, ...]) -> None:
    names = [name for one in models for name in one.names]
    if not model or not names or model in names:
        return
    match = nearest(model, names)
    hint = f'did you mean "{match}"? ' if match else ""
    served = ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
    raise BadConfiguration(f'{address.api} does not serve the model "{model}": {hint}It serves {served} (--llm-model)')


def _model(entry: Mapping[str, Any]) -> _Model:
    aliases = entry.get("aliases")
    aliases = aliases if isinstance(aliases, list) else []
    detail = {"model_meta": entry.get("meta"), "model_root": entry.get("root"), "model_parent": entry.get("parent")}
    return _Model(
        names=(entry["id"], *(name for name in aliases if isinstance(name, str) and name != entry["id"])),
        owner=str(entry.get("owned_by") or ""),
        context=_whole(entry.get("max_model_len")),
        detail={name: value for name, value in detail.items() if isinstance(value, (dict, str)) and value},
    )


def _facts(address: Address, entry: _Model) -> ServerFacts:
    """Return what the pages of one kind of server tell; empty facts where it is neither."""
    if entry.owner != "vllm":
        props = _page(address, f"{address.origin}/props")
        if isinstance(props, dict) and "default_generation_settings" in props:
            return _with_slots(_llama_facts(props), _page(address, f"{address.origin}/slots"))
        return ServerFacts(detail={"owned_by": entry.owner} if entry.owner else {})
    page = _page(address, f"{address.origin}/version")
    version = page.get("version") if isinstance(page, dict) else None
    return ServerFacts(kind="vllm", detail={"build": version} if isinstance(version, str) else {})


def _with_slots(facts: ServerFacts, listed: Any) -> ServerFacts:
    """Add what the list of slots says: their number and context where ``/props`` is silent, the smaller context else.

    Whether the slots share one pool is not told: with ``--kv-unified`` each claims all of it.
    """
    entries = [slot for slot in listed if isinstance(slot, dict)] if isinstance(listed, list) else []
    contexts = [context for slot in entries if (context := _whole(slot.get("n_ctx"))) is not None]
    if not contexts:
        return facts
    least = min(contexts)
    if facts.context is None or facts.context == least:
        return replace(facts, context=least, slots=facts.slots or len(entries))
    told = {**facts.detail, "context_by_props": facts.context, "context_by_slots": least}
    return replace(facts, context=min(facts.context, least), slots=facts.slots or len(entries), detail=told)


def _llama_facts(props: Mapping[str, Any]) -> ServerFacts:
    defaults = props["default_generation_settings"]
    defaults = defaults if isinstance(defaults, dict) else {}
    params = defaults.get("params")
    params = params if isinstance(params, dict) else {}
    template = props.get("chat_template")
    detail = {
        "build": props.get("build_info"),
        "model_path": props.get("model_path"),
        "chat_template_sha256": hashlib.sha256(template.encode("utf-8", "replace")).hexdigest()
        if isinstance(template, str)
        else None,
        _SOURCE: template if isinstance(template, str) else None,
        "sampling_defaults": {name: params[name] for name in _PARAMETERS if name in params},
        "chat_template_caps": props.get("chat_template_caps"),
        "modalities": props.get("modalities"),
    }
    return ServerFacts(
        slots=_whole(props.get("total_slots")),
        context=_whole(defaults.get("n_ctx")),
        kind="llama.cpp",
        detail={name: value for name, value in detail.items() if value},
    )


def _page(address: Address, url: str) -> Any:
    """Return the JSON of a page that not every server has, None without; only a refused key is an error."""
    try:
        reply = address.get(url, timeout_s=GET_LIMIT_S)
    except EndpointUnreachable:
        return None
    _check_key(address, url, reply)
    return reply.body if reply.status == HTTPStatus.OK else None


def _quoted(address: Address, reply: web.Reply) -> str:
    return address.secrets.hide(spoken(_body(reply)))


def _body(reply: web.Reply) -> Any:
    return reply.text if reply.body is None else reply.body


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
