"""How busy a server says it is: the pages of llama.cpp and vLLM, and what is done where there are none."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import math
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_llmbench.contracts import LoadSignal
from pytest_llmbench.endpoints import load as load_module
from pytest_llmbench.endpoints.addresses import address_of
from pytest_llmbench.endpoints.load import LoadMeter, samples
from pytest_llmbench.endpoints.openai_chat import OpenAIChat
from pytest_llmbench.records import Connection, ServerLoad
from tests.endpoints.asking import answer
from tests.stub import Stub


def meter(url: str, key: str = "") -> LoadMeter:
    """Return a fresh meter of the server at `url`."""
    return LoadMeter(address_of(url, key, Connection()))


@contextlib.contextmanager
def working(stub: Stub, count: int, *, slots: int) -> Iterator[None]:
    """Keep `count` requests at a stub with so many slots while the block runs."""
    stub.set(slots=slots)
    with ThreadPoolExecutor(count) as pool:
        for number in range(count):
            pool.submit(answer, stub.url, f"[[seconds=1.5]] {number}")
        stub.wait_until("in_flight", count)
        yield


@pytest.mark.parametrize("flavour", ["llama.cpp", "vllm"])
def test_busy_and_waiting_come_from_the_metrics_page(stub: Stub, flavour: str) -> None:
    """Under the names of either server."""
    stub.set(flavour=flavour, preemptions=2)
    endpoint = OpenAIChat(base_url=stub.url)
    assert isinstance(endpoint, LoadSignal)
    with working(stub, 5, slots=3):
        found = endpoint.load()
    assert found is not None
    assert (found.busy, found.waiting) == (3, 2)
    assert (found.preemptions, found.kv_usage) == ((2, 0.03) if flavour == "vllm" else (None, None))
    asyncio.run(endpoint.close())


def test_refusals_of_a_full_vllm_are_counted(stub: Stub) -> None:
    """With --max-num-queued-reqs nothing ever waits there."""
    stub.set(flavour="vllm", most=2)
    one = meter(stub.url)
    before = one.load()
    with working(stub, 2, slots=2), ThreadPoolExecutor(1) as pool:
        pool.submit(answer, stub.url, "one too many")
        stub.wait_until("requests", 3)
        found = one.load()
    assert before is not None
    assert found is not None
    assert (found.busy, found.waiting) == (2, 0)
    assert (found.refusals or 0) > (before.refusals or 0)


@pytest.mark.parametrize("flavour", ["llama.cpp", "vllm"])
def test_counters_of_tokens_grow_with_the_answers(stub: Stub, flavour: str) -> None:
    """Read and written apart, under both servers' names."""
    stub.set(flavour=flavour)
    one = meter(stub.url)
    before = one.load()
    answer(stub.url, "[[tokens=40]]")
    after = one.load()
    assert before is not None
    assert after is not None
    assert (after.generated_tokens or 0) - (before.generated_tokens or 0) == 40
    assert (after.prompt_tokens or 0) > (before.prompt_tokens or 0)


def test_without_metrics_the_slots_are_counted(stub: Stub) -> None:
    """A llama.cpp started without --metrics still shows its slots; what waits it does not tell there."""
    stub.set(metrics=False)
    one = meter(stub.url)
    with working(stub, 3, slots=2):
        assert one.load() == ServerLoad(busy=2)


def test_a_server_with_neither_page_is_asked_once(stub: Stub) -> None:
    """501 on both: nothing is said, now and later, and no connection is made for it."""
    stub.set(metrics=False, shows_slots=False)
    one = meter(stub.url)
    assert one.load() is None
    stub.set(metrics=True)
    assert one.load() is None


def test_the_key_is_sent(stub: Stub) -> None:
    """llama.cpp guards its metrics with the key; without it the page does not exist for us."""
    stub.set(key="right")
    assert meter(stub.url).load() is None
    assert meter(stub.url, "right").load() == ServerLoad(
        busy=0, waiting=0, prompt_tokens=_tokens(stub)[0], generated_tokens=_tokens(stub)[1]
    )


def _tokens(stub: Stub) -> tuple[int | None, int | None]:
    found = meter(stub.url, "right").load()
    assert found is not None
    return found.prompt_tokens, found.generated_tokens


def test_a_server_that_is_loading_is_asked_again(stub: Stub) -> None:
    """503 says nothing of what it will have."""
    stub.set(loading_s=60)
    one = meter(stub.url)
    assert one.load() is None
    stub.set(loading_s=0)
    assert one.load() is not None


def test_nobody_there_is_no_error() -> None:
    """And is asked again: it may be starting."""
    assert meter("http://127.0.0.1:9/v1").load() is None


class _Pages(http.server.BaseHTTPRequestHandler):
    """Answers each path with a text of its own, slowly where one is due, and counts."""

    texts: dict[str, str]
    asked: Counter[str]
    pause_s: float

    def do_GET(self) -> None:
        type(self).asked[self.path] += 1
        time.sleep(self.pause_s)
        text = self.texts.get(self.path)
        self.send_response(404 if text is None else 200)
        body = (text or "").encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def pages(texts: dict[str, str], pause_s: float = 0.0) -> Iterator[tuple[str, Counter[str]]]:
    """Serve `texts` by path; yield the URL and the counts of what was asked."""
    handler = type("Handler", (_Pages,), {"texts": texts, "asked": Counter(), "pause_s": pause_s})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", handler.asked  # type: ignore[attr-defined]
        server.shutdown()


def test_a_slow_page_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit holds for both pages together, and a late answer is no proof that there is none."""
    monkeypatch.setattr(load_module, "LOAD_LIMIT_S", 0.1)
    with pages({"/metrics": "llamacpp:requests_processing 1\n"}, pause_s=0.5) as (url, asked):
        one = meter(url)
        assert one.load() is None
        monkeypatch.setattr(load_module, "LOAD_LIMIT_S", 5.0)
        assert one.load() == ServerLoad(busy=1)
        assert asked == {"/metrics": 2}


def test_a_page_that_says_nothing_of_load_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's metrics, or a web page in its place: asked again later, not each second."""
    with pages({"/metrics": "python_gc_objects_collected_total 5\n", "/slots": "<html>"}) as (url, asked):
        one = meter(url)
        assert [one.load(), one.load(), one.load()] == [None] * 3
        assert asked == {"/metrics": 1, "/slots": 1}
        one._not_before["/metrics"] = 0.0
        assert one.load() is None
        assert asked == {"/metrics": 2, "/slots": 1}


def test_engines_and_models_are_summed_and_the_fullest_cache_counts() -> None:
    """As vLLM lists them under data parallelism; the page is one that 0.32.0 gave, shortened."""
    text = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="a b}"} 3.0
vllm:num_requests_running{engine="1",model_name="a b}"} 4.0
vllm:num_requests_waiting{engine="0",model_name="a"} 1.0
vllm:num_requests_waiting{engine="1",model_name="a"} 0.0
vllm:num_requests_waiting_by_reason{engine="0",model_name="a",reason="capacity"} 9.0
vllm:kv_cache_usage_perc{engine="0",model_name="a"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="a"} 0.75
vllm:num_preemptions_total{engine="0",model_name="a"} 2.0
vllm:prompt_tokens_total{engine="0",model_name="a"} 1.2e+03
vllm:generation_tokens_total{engine="0",model_name="a"} 7.0
vllm:generation_tokens_created{engine="0",model_name="a"} 1.7e+09
"""
    with pages({"/metrics": text}) as (url, _):
        assert meter(url).load() == ServerLoad(
            busy=7, waiting=1, preemptions=2, prompt_tokens=1200, generated_tokens=7, kv_usage=0.75
        )


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("a 1", {"a": [1.0]}),
        ("a_total 1.5 1395066363000", {"a_total": [1.5]}),
        ('a{b="c d",e="}{ 7"} 2 1395066363000', {"a": [2.0]}),
        ('a {b="c"} 3', {"a": [3.0]}),
        ("a NaN", {}),
        ("a +Inf", {}),
        ("# a 1", {}),
        ('# a{b="c"} 1', {}),
        ("a", {}),
        ("", {}),
        ("a b", {}),
    ],
)
def test_lines_of_the_text_format(line: str, found: dict[str, list[float]]) -> None:
    """With and without labels and a time; braces and blanks inside a label's value; what is no number is left out."""
    assert samples(line) == found


def test_counters_are_found_with_and_without_their_suffix() -> None:
    """Which one a server shows depends on the version of its library."""
    for name in ("vllm:num_preemptions", "vllm:num_preemptions_total"):
        with pages({"/metrics": f"{name} 3\n"}) as (url, _):
            assert meter(url).load() == ServerLoad(preemptions=3)


def test_old_slots_of_llama_cpp_with_a_number_for_the_state() -> None:
    """They had no is_processing: nothing is said rather than a guess."""
    with pages({"/slots": '[{"id": 0, "state": 1}]'}) as (url, _):
        assert meter(url).load() is None


def test_a_page_that_does_not_exist_is_never_asked_again() -> None:
    """404 for both: two questions in all, however often the load is wanted."""
    with pages({}) as (url, asked):
        one = meter(url)
        assert [one.load() for _ in range(5)] == [None] * 5
        assert asked == {"/metrics": 1, "/slots": 1}
        assert one._not_before == {"/metrics": math.inf, "/slots": math.inf}
