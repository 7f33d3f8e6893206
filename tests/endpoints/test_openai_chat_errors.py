"""The chat client against servers that fail: what is retried, what it is called, what is never shown."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

import openai
import pytest
from openai import _exceptions

from pytest_llmbench.contracts import Progress
from pytest_llmbench.endpoints import patience
from pytest_llmbench.endpoints.openai_chat import OpenAIChat, _http_library
from pytest_llmbench.errors import (
    BadConfiguration,
    ContextOverflow,
    EndpointUnreachable,
    RateLimited,
    ServerError,
    TrialError,
)
from pytest_llmbench.records import Response
from tests.endpoints.asking import answer, ask, request_of
from tests.stub import Stub, running_stub

BOTH_WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
SECRET = "sk-very-secret-1234"

MAPPED = frozenset(
    {
        "OpenAIError",
        "APIError",
        "APIStatusError",
        "APIConnectionError",
        "APITimeoutError",
        "APIResponseValidationError",
        "BadRequestError",
        "AuthenticationError",
        "OAuthError",
        "PermissionDeniedError",
        "NotFoundError",
        "ConflictError",
        "UnprocessableEntityError",
        "RateLimitError",
        "InternalServerError",
    }
)
"""The SDK's exceptions that the client turns into ours, itself or through their base class."""

NOT_RAISED = {
    "LengthFinishReasonError": "only the SDK's parse helpers raise it",
    "ContentFilterFinishReasonError": "only the SDK's parse helpers raise it",
    "InvalidWebhookSignatureError": "webhooks",
    "SubjectTokenProviderError": "workload identity",
    "WebSocketConnectionClosedError": "the realtime API",
    "WebSocketQueueFullError": "the realtime API",
}
"""The SDK's exceptions that a chat completion never raises, and what does."""


@BOTH_WAYS
@pytest.mark.parametrize(
    ("fault", "kind", "tries"),
    [
        ("key", BadConfiguration, 1),
        ("key::403", BadConfiguration, 1),
        ("model", BadConfiguration, 1),
        ("route", BadConfiguration, 1),
        ("tool_choice", BadConfiguration, 1),
        ("jinja", BadConfiguration, 1),
        ("parameter", BadConfiguration, 1),
        ("unprocessable", BadConfiguration, 1),
        ("context_llama", ContextOverflow, 1),
        ("context_vllm", ContextOverflow, 1),
        ("context_pool", ContextOverflow, 1),
        ("stream_error", ContextOverflow, 1),
        ("conflict", ServerError, 1),
        ("broken", ServerError, 1),
        ("error_200", ServerError, 1),
        ("bad_json", ServerError, 1),
        ("bad_events", ServerError, 1),
        ("json_list", ServerError, 1),
        ("no_choices", ServerError, 1),
        ("empty", ServerError, 1),
        ("html", ServerError, 1),
        ("html::200", ServerError, 1),
        ("rate", RateLimited, 4),
        ("busy", ServerError, 5),
        ("half_stream", ServerError, 5),
        ("cut_stream", EndpointUnreachable, 5),
        ("reset", EndpointUnreachable, 5),
        ("hang_up", EndpointUnreachable, 5),
        ("reset_body", EndpointUnreachable, 5),
    ],
)
@pytest.mark.usefixtures("impatient")
def test_each_fault_has_its_error_and_its_number_of_tries(
    stub: Stub, *, stream: bool, fault: str, kind: type[TrialError], tries: int
) -> None:
    """Only 429, 503 and broken connections are tried again, a few times; the address is in the message."""
    with pytest.raises(TrialError) as caught:
        answer(stub.url, f"hi [[fault={fault}]]", stream=stream)
    assert type(caught.value) is kind
    assert stub.url in str(caught.value)
    assert stub.stats()["requests"] == tries


@BOTH_WAYS
@pytest.mark.parametrize(
    ("fault", "retries"),
    [("rate:2", 2), ("busy:3", 3), ("reset:1", 1), ("half_stream:4", 4), ("rate:1:0", 1), ("rate:1:date0", 1)],
)
@pytest.mark.usefixtures("impatient")
def test_a_fault_that_passes_is_survived_and_counted(stub: Stub, *, stream: bool, fault: str, retries: int) -> None:
    """The answer says how often it was asked for in vain."""
    progress = Progress()
    found = answer(stub.url, f"hi [[fault={fault}]]", stream=stream, progress=progress)
    assert (found.content, found.retries, progress.characters) == ("hi", retries, 2)


def test_a_full_server_is_waited_for(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than one that is down: what it refused is answered when there is room."""
    monkeypatch.setattr(patience, "BUSY_PAUSES_S", (0.05,) * 1200)
    stub.set(flavour="vllm", slots=2, most=1)

    async def talk() -> list[Response]:
        endpoint = OpenAIChat(base_url=stub.url)
        answers = await asyncio.gather(*(ask(endpoint, request_of(f"[[seconds=1]] {name}")) for name in "abc"))
        await endpoint.close()
        return answers

    assert sorted(one.retries > 4 for one in asyncio.run(talk())) == [False, True, True]


@BOTH_WAYS
@pytest.mark.usefixtures("impatient")
def test_a_server_that_stays_full_is_a_limit_and_no_fault(stub: Stub, *, stream: bool) -> None:
    """The message says what to do about it."""
    with pytest.raises(RateLimited, match=r"currently busy.*--llm-concurrency"):
        answer(stub.url, "hi [[fault=full]]", stream=stream)


def test_retry_after_is_obeyed(stub: Stub) -> None:
    """One second instead of the table's ten."""
    found = answer(stub.url, "hi [[fault=rate:1:1]]")
    stats = stub.stats()
    assert found.retries == 1
    assert 1.0 <= stats["last_answer"] - stats["first_request"] < 9.0


def test_a_stream_without_finish_reason_is_a_broken_one(stub: Stub, impatient: None) -> None:
    """Even though it ended in good order."""
    with pytest.raises(ServerError, match="ended its stream"):
        answer(stub.url, "hi [[shape=no_finish]]")
    assert stub.stats()["requests"] == 5


@BOTH_WAYS
def test_an_endless_answer_is_given_up(stub: Stub, *, stream: bool) -> None:
    """After 32 MiB; it is not asked for again."""
    with pytest.raises(ServerError, match="longer than 32 MiB"):
        answer(stub.url, "[[shape=huge]]", stream=stream)
    assert stub.stats()["requests"] == 1


@pytest.mark.usefixtures("impatient")
def test_a_dead_server_is_unreachable() -> None:
    """Nobody listens: refused, retried, told."""
    with running_stub() as gone:
        url = gone.url
    with pytest.raises(EndpointUnreachable, match="no connection"):
        answer(url, "hi")


def test_a_server_that_dies_in_the_middle_is_unreachable(impatient: None) -> None:
    """Killed while it streams."""
    with running_stub(service_s=30.0) as doomed:

        async def talk() -> None:
            endpoint = OpenAIChat(base_url=doomed.url)
            task = asyncio.create_task(ask(endpoint, request_of("[[fault=drip]]")))
            await asyncio.to_thread(doomed.wait_until, "busy", 1)
            doomed.kill()
            with pytest.raises(EndpointUnreachable):
                await task
            await endpoint.close()

        asyncio.run(talk())


def test_a_server_that_comes_back_in_time_is_waited_for(stub: Stub) -> None:
    """Refused for a moment, then there again."""
    stub.set(refuse_s=0.7)
    found = answer(stub.url, "hi")
    assert found.content == "hi"
    assert found.retries >= 1


@BOTH_WAYS
def test_a_deadline_is_no_reason_to_ask_again(stub: Stub, *, stream: bool) -> None:
    """Whoever sets one has waited as long as he would; the server stops working on it."""

    async def talk() -> None:
        endpoint = OpenAIChat(base_url=stub.url)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await ask(endpoint, request_of("[[seconds=60]]", stream=stream))
        await asyncio.to_thread(stub.wait_until, "aborted", 1)
        await endpoint.close()

    asyncio.run(talk())
    assert stub.stats()["requests"] == 1


@BOTH_WAYS
@pytest.mark.parametrize("fault", ["key", "key::403"])
def test_a_refused_key_is_never_shown(stub: Stub, *, stream: bool, fault: str) -> None:
    """The server repeats it; neither message, cause, context nor representation does."""
    with pytest.raises(BadConfiguration) as caught:
        answer(stub.url, f"[[fault={fault}]]", stream=stream, api_key=SECRET)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert SECRET not in shown
    assert "LLMBENCH_API_KEY" in shown
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_credentials_of_the_url_are_never_shown(stub: Stub) -> None:
    """They travel in a header, and the address is shown without them."""
    url = stub.url.replace("//", f"//user:{SECRET}@")
    with pytest.raises(TrialError) as caught:
        answer(url, "[[fault=key]]")
    assert "user" not in str(caught.value)
    assert SECRET not in str(caught.value) + repr(OpenAIChat(base_url=url, api_key=SECRET))


def _exported() -> dict[str, type[BaseException]]:
    """Return the public exceptions of the SDK, the base classes included."""
    members = {name: getattr(openai, name) for name in openai.__all__} | dict(vars(_exceptions))
    return {
        name: member
        for name, member in members.items()
        if isinstance(member, type) and issubclass(member, BaseException) and not name.startswith("_")
    }


def test_every_exception_of_the_sdk_is_accounted_for() -> None:
    """A new one in a later version fails here, until somebody decides what it means."""
    unknown = set(_exported()) - MAPPED - set(NOT_RAISED)
    assert not unknown, f"neither mapped nor declared as never raised: {sorted(unknown)}"


@pytest.mark.parametrize("name", sorted(set(_exported()) & MAPPED))
def test_each_mapped_exception_becomes_one_of_ours(name: str) -> None:
    """Without its text, which may hold a key."""
    failure = OpenAIChat(base_url="http://h/v1", api_key=SECRET)._explained(_instance(_exported()[name]), "m")
    assert isinstance(failure.error, TrialError)
    assert SECRET not in str(failure.error)


def _instance(kind: Any) -> Any:
    """Return an exception of this kind as the SDK would make it."""
    http = _http_library(openai)
    sent = http.Request("POST", "http://h/v1/chat/completions")
    body = {"error": {"message": f"key {SECRET}"}}
    status = getattr(kind, "status_code", 500)
    response = http.Response(status if isinstance(status, int) else 500, json=body, request=sent)
    if kind is openai.OAuthError:
        return kind(response=response, body=body)
    if issubclass(kind, openai.APIStatusError):
        return kind("x", response=response, body=body)
    if issubclass(kind, openai.APIResponseValidationError):
        return kind(response, body)
    if issubclass(kind, openai.APIConnectionError):
        return kind(request=sent)
    return kind(f"x {SECRET}", sent, body=body) if kind is openai.APIError else kind(f"x {SECRET}")
