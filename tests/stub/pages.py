"""Everything a server tells about itself: /health, /props, /slots, /metrics, /v1/models, /version.

And what it renders and counts without answering: /apply-template, /tokenize, /v1/chat/completions/input_tokens.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.stub import templates
from tests.stub.faults import LOADING, has_key, llama_error, unauthorised, vllm_error
from tests.stub.replies import read_ask
from tests.stub.wire import Call

if TYPE_CHECKING:
    from tests.stub.server import StubServer

_PUBLIC = {"llama.cpp": ("/health", "/v1/health", "/v1/models", "/models"), "vllm": ("/health", "/version", "/metrics")}


def page(call: Call, path: str, server: StubServer) -> None:
    """Answer a GET the way the server of this flavour does: loading and a missing key included."""
    flavour = server.options.flavour
    if not has_key(call, server.options) and path not in _PUBLIC[flavour]:
        call.answer(*unauthorised(call, server.options))
    elif server.is_loading and path not in ("/v1/models", "/models"):
        call.answer(503, LOADING)
    elif _is_off(path, server):
        said = f"This server does not support {path[1:]} endpoint. Start it with `--{path[1:]}`"
        call.answer(501, llama_error(501, said, "not_supported_error"))
    elif path in _PAGES[flavour]:
        answer = _PAGES[flavour][path](server)
        call.answer(200, answer, kind="text/plain" if isinstance(answer, str) else "application/json")
    elif path in _RENDERING[flavour] and server.options.renders and call.method == "POST":
        call.answer(*_rendering(path, json.loads(call.body), server))
    elif flavour == "vllm":
        call.answer(404, {"detail": "Not Found"})
    else:
        call.answer(404, llama_error(404, "File Not Found", "not_found_error"))


def _health(server: StubServer) -> Any:
    return {"status": "ok"} if server.options.flavour == "llama.cpp" else ""


def _models(server: StubServer) -> Any:
    model, options = {"id": server.options.model, "object": "model"}, server.options
    if options.flavour == "llama.cpp":
        return {"object": "list", "data": [{**model, "owned_by": "llamacpp"}]}
    more = {"owned_by": "vllm", "root": f"/models/{options.model}", "parent": None, "max_model_len": options.n_ctx}
    return {"object": "list", "data": [{**model, **more}]}


def _props(server: StubServer) -> Any:
    params = {**server.options.sampling, "min_p": 0.05, "seed": 4294967295}
    return {
        "default_generation_settings": {"n_ctx": server.options.n_ctx, "params": params},
        **({"total_slots": server.options.slots} if server.options.shows_slots else {}),
        "model_path": f"/models/{server.options.model}.gguf",
        "chat_template": templates.SOURCES[server.options.template],
        "build_info": "b4242-0c0ffee0",
        "is_sleeping": False,
    }


def _slots(server: StubServer) -> Any:
    busy, n_ctx = server.slots.busy, server.options.slot_ctx or server.options.n_ctx
    return [{"id": at, "n_ctx": n_ctx, "is_processing": at < busy} for at in range(server.options.slots)]


def _version(server: StubServer) -> Any:
    return {"version": "0.99.0"}


def _metrics(server: StubServer) -> str:
    """List what the real ones list: llama.cpp counts what is written once an answer is finished, vLLM as it goes."""
    running, waiting, tokens = server.slots.busy, server.slots.waiting, server.tokens
    if server.options.flavour == "llama.cpp":
        return "".join(
            f"# HELP llamacpp:{name} {name}\n# TYPE llamacpp:{name} {kind}\nllamacpp:{name} {value}\n"
            for name, kind, value in (
                ("prompt_tokens_total", "counter", tokens.read),
                ("tokens_predicted_total", "counter", tokens.written),
                ("requests_processing", "gauge", running),
                ("requests_deferred", "gauge", waiting),
            )
        )
    label = f'{{engine="0",model_name="{server.options.model}"}}'
    values = {
        "num_requests_running": running,
        "num_requests_waiting": waiting,
        "kv_cache_usage_perc": min(1.0, running / 100),
        "num_preemptions_total": server.options.preemptions,
        "admission_rejections_total": server.refused,
        "prompt_tokens_total": tokens.read,
        "generation_tokens_total": tokens.flowing(),
    }
    return "".join(f"vllm:{name}{label} {float(value)}\n" for name, value in values.items())


def _is_off(path: str, server: StubServer) -> bool:
    options = server.options
    off = (path == "/metrics" and not options.metrics) or (path == "/slots" and not options.shows_slots)
    return off and options.flavour == "llama.cpp"


def _rendering(path: str, body: dict[str, Any], server: StubServer) -> tuple[int, Any]:
    """Return status and answer of a page that is posted to."""
    options = server.options
    if path.endswith("/input_tokens"):
        return 200, {"input_tokens": read_ask(body).prompt_tokens, "object": "response.input_tokens"}
    if path == "/tokenize" and "messages" not in body:
        text = body["content"] if options.flavour == "llama.cpp" else body["prompt"]
        return 200, {"tokens": list(range(len(templates.pieces(text))))}
    try:
        variables = templates.variables_of(body, options.flavour)
        prompt = templates.rendered(options.template, body["messages"], variables)
    except templates.Refused as refusal:
        return 400, vllm_error(400, str(refusal))
    if path == "/apply-template":
        return 200, {"prompt": prompt}
    tools = body.get("tools") if options.spells else None
    if tools is not None and not isinstance(tools, list):
        return 400, vllm_error(400, "1 validation error: {'type': 'list_type', 'loc': 'body.tools'}", "Bad Request")
    if tools and options.shows_tools:
        prompt = json.dumps(tools) + prompt
    cut = templates.pieces(prompt)
    told = {"token_strs": cut if body.get("return_token_strs") else None} if options.spells else {}
    numbers, count = [sum(piece.encode()) for piece in cut], read_ask(body).prompt_tokens
    return 200, {"count": count, "max_model_len": options.n_ctx, "tokens": numbers, **told}


_RENDERING = {
    "llama.cpp": ("/apply-template", "/tokenize", "/v1/chat/completions/input_tokens"),
    "vllm": ("/tokenize",),
}
_SHARED: dict[str, Callable[[StubServer], Any]] = {"/health": _health, "/v1/models": _models, "/metrics": _metrics}
_PAGES: dict[str, dict[str, Callable[[StubServer], Any]]] = {
    "llama.cpp": {**_SHARED, "/v1/health": _health, "/models": _models, "/props": _props, "/slots": _slots},
    "vllm": {**_SHARED, "/version": _version},
}
