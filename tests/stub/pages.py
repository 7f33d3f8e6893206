"""Everything a server tells about itself: /health, /props, /slots, /metrics, /v1/models, /version."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.stub.faults import LOADING, has_key, llama_error, unauthorised
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
    elif path in _PAGES[flavour]:
        answer = _PAGES[flavour][path](server)
        call.answer(200, answer, kind="text/plain" if isinstance(answer, str) else "application/json")
    elif flavour == "vllm":
        call.answer(404, {"detail": "Not Found"})
    else:
        call.answer(404, llama_error(404, "File Not Found", "not_found_error"))


def _health(server: StubServer) -> Any:
    return {"status": "ok"} if server.options.flavour == "llama.cpp" else ""


def _models(server: StubServer) -> Any:
    owner = "llamacpp" if server.options.flavour == "llama.cpp" else "vllm"
    return {"object": "list", "data": [{"id": server.options.model, "object": "model", "owned_by": owner}]}


def _props(server: StubServer) -> Any:
    params = {"temperature": 0.8, "top_k": 40, "top_p": 0.95, "min_p": 0.05, "seed": 4294967295}
    return {
        "default_generation_settings": {"n_ctx": server.options.n_ctx, "params": params},
        "total_slots": server.options.slots,
        "model_path": f"/models/{server.options.model}.gguf",
        "chat_template": "{% for message in messages %}{{ message.content }}{% endfor %}",
        "build_info": "b4242-0c0ffee0",
        "is_sleeping": False,
    }


def _slots(server: StubServer) -> Any:
    busy, n_ctx = server.slots.busy, server.options.n_ctx
    return [{"id": at, "n_ctx": n_ctx, "is_processing": at < busy} for at in range(server.options.slots)]


def _version(server: StubServer) -> Any:
    return {"version": "0.99.0"}


def _metrics(server: StubServer) -> str:
    running, waiting = server.slots.busy, server.slots.waiting
    if server.options.flavour == "llama.cpp":
        return f"llamacpp:requests_processing {running}\nllamacpp:requests_deferred {waiting}\n"
    label = f'{{engine="0",model_name="{server.options.model}"}}'
    return f"vllm:num_requests_running{label} {running}.0\nvllm:num_requests_waiting{label} {waiting}.0\n"


_SHARED: dict[str, Callable[[StubServer], Any]] = {"/health": _health, "/v1/models": _models, "/metrics": _metrics}
_PAGES: dict[str, dict[str, Callable[[StubServer], Any]]] = {
    "llama.cpp": {**_SHARED, "/v1/health": _health, "/models": _models, "/props": _props, "/slots": _slots},
    "vllm": {**_SHARED, "/version": _version},
}
