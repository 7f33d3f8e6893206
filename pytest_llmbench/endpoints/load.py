"""Asks a server how busy it is: ``/metrics`` of llama.cpp and vLLM, else ``/slots`` of llama.cpp.

What is read of ``/metrics`` is Prometheus' text format 0.0.4 (github.com/prometheus/docs, exposition_formats.md),
and of that the names of a few numbers: ten lines do it. The library prometheus_client builds objects of all some
hundred samples that vLLM lists, each half second, and would be a dependency for this alone.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from http import HTTPStatus

from pytest_llmbench import web
from pytest_llmbench.endpoints.addresses import Address
from pytest_llmbench.errors import BadConfiguration, EndpointUnreachable
from pytest_llmbench.records import ServerLoad

LOAD_LIMIT_S = 1.0
"""Seconds one look at the server may take in all."""

AGAIN_S = 30.0
"""Seconds until a page is asked again that answered and said nothing: vLLM with several API processes shows a number
only after it was first counted, and a gateway may show a page of its own while its server starts."""

_ABSENT = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.GONE,
        HTTPStatus.NOT_IMPLEMENTED,
    }
)
"""What a server says of a page that it will not have a second later either; llama.cpp says 501 without --metrics."""

_COUNTS: Mapping[str, tuple[str, ...]] = {
    "busy": ("llamacpp:requests_processing", "vllm:num_requests_running"),
    "waiting": ("llamacpp:requests_deferred", "vllm:num_requests_waiting"),
    "preemptions": ("vllm:num_preemptions",),
    "refusals": ("vllm:admission_rejections",),
    "prompt_tokens": ("llamacpp:prompt_tokens", "vllm:prompt_tokens"),
    "generated_tokens": ("llamacpp:tokens_predicted", "vllm:generation_tokens"),
}
"""Field of `ServerLoad` -> its names, without the ``_total`` that counters have or have not."""

_CACHE = ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc", "llamacpp:kv_cache_usage_ratio")


class LoadMeter:
    """Looks at one server, again and again; a page it does not have is not asked for each time."""

    def __init__(self, address: Address) -> None:
        self._address = address
        pages: dict[str, Callable[[web.Reply], ServerLoad | None]] = {"/metrics": _of_metrics, "/slots": _of_slots}
        self._pages = pages
        self._not_before = dict.fromkeys(pages, 0.0)

    def load(self) -> ServerLoad | None:
        """Return what the server says, None where it says nothing just now; see `contracts.LoadSignal`."""
        deadline = time.monotonic() + LOAD_LIMIT_S
        for page, read in self._pages.items():
            now = time.monotonic()
            if now < self._not_before[page] or now >= deadline:
                continue
            try:
                reply = self._address.get(f"{self._address.origin}{page}", timeout_s=deadline - now)
            except (EndpointUnreachable, BadConfiguration):
                return None
            found = read(reply) if reply.status == HTTPStatus.OK else None
            if found is not None:
                return found
            self._not_before[page] = now + _pause_s(reply.status)
        return None


def _pause_s(status: int) -> float:
    """Return the seconds after which a page may be asked again that gave no figures with this status."""
    if status in _ABSENT:
        return math.inf
    return AGAIN_S if status < HTTPStatus.INTERNAL_SERVER_ERROR else 0.0


def _of_metrics(reply: web.Reply) -> ServerLoad | None:
    """Return the figures of a metrics page, summed over engines and models; None where there is none we know."""
    found = samples(reply.text)
    counts: dict[str, int | None] = {}
    for field, names in _COUNTS.items():
        values = next((found[name] for name in _spellings(names) if name in found), None)
        counts[field] = None if values is None else round(math.fsum(values))
    usage = next((found[name] for name in _CACHE if name in found), None)
    if usage is None and all(count is None for count in counts.values()):
        return None
    return ServerLoad(**counts, kv_usage=max(usage) if usage else None)


def _spellings(names: tuple[str, ...]) -> list[str]:
    return [spelt for name in names for spelt in (name, f"{name}_total")]


def samples(text: str) -> dict[str, list[float]]:
    """Return the finite values of each metric in Prometheus' text format, one for each set of labels.

    A line that is none of that format is left out.
    """
    found: defaultdict[str, list[float]] = defaultdict(list)
    for line in text.split("\n"):
        # a brace may stand within a label's value but not after the labels
        head, brace, tail = line.rpartition("}")
        name, words = (head.partition("{")[0], tail.split()) if brace else (line.partition(" ")[0], line.split()[1:])
        if not words or name.startswith("#"):
            continue
        value = _number(words[0])
        if value is not None:
            found[name.strip()].append(value)
    return dict(found)


def _number(word: str) -> float | None:
    try:
        value = float(word)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _of_slots(reply: web.Reply) -> ServerLoad | None:
    """Return how many of llama.cpp's slots work; it does not tell here what waits for one."""
    slots = reply.body if isinstance(reply.body, list) else []
    states = [slot["is_processing"] for slot in slots if isinstance(slot, dict) and "is_processing" in slot]
    return ServerLoad(busy=sum(state is True for state in states)) if states else None
