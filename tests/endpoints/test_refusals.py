"""What servers say no with, and whose fault that is."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_llmbench.endpoints.refusals import Secrets, mentions_stream_options, refused, spoken
from pytest_llmbench.errors import (
    BadConfiguration,
    ContextOverflow,
    RateLimited,
    ServerError,
    TrialError,
)


def said(message: str, **more: Any) -> dict[str, Any]:
    """Return an error body in OpenAI's form."""
    return {"error": {"message": message, "type": "BadRequestError", "param": None, **more}}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"error": "Unauthorized"}, BadConfiguration),
        (403, "", BadConfiguration),
        (404, said("The model `x` does not exist."), BadConfiguration),
        (404, {"detail": "Not Found"}, BadConfiguration),
        (422, {"detail": [{"msg": "extra fields not permitted"}]}, BadConfiguration),
        (400, said("Unknown parameter: 'top_k'."), BadConfiguration),
        (400, said("bad", param="min_p"), BadConfiguration),
        (400, said('"auto" tool choice requires --enable-auto-tool-choice'), BadConfiguration),
        (500, said("tools param requires --jinja flag"), BadConfiguration),
        (400, said("the request exceeds the available context size"), ContextOverflow),
        (400, said("request (9 tokens) exceeds the available context size (8 tokens), try"), ContextOverflow),
        (400, said("This model's maximum context length is 8 tokens. However, you requested 9"), ContextOverflow),
        (400, said("'max_tokens' or 'max_completion_tokens' is too large: 5000."), ContextOverflow),
        (400, said("The decoder prompt (length 9) is longer than the maximum model length of 8"), ContextOverflow),
        (400, said("too long", type="exceed_context_size_error"), ContextOverflow),
        (500, said("Context size has been exceeded."), ContextOverflow),
        (400, said("Failed to parse messages"), ServerError),
        (409, "", ServerError),
        (429, said("slow down"), RateLimited),
        (500, "", ServerError),
        (502, "<html><title>502 Bad Gateway</title>", ServerError),
        (503, said("Loading model"), ServerError),
        (503, said("The engine is currently busy and cannot accept new requests. Please try again"), RateLimited),
        (503, said("The engine has reached its prefill token backlog limit. Please try again later"), RateLimited),
        (503, "<title>503 Service Temporarily Unavailable</title>", ServerError),
    ],
)
def test_each_refusal_is_booked_where_it_belongs(status: int, body: Any, kind: type[TrialError]) -> None:
    """Configuration stops the run; overflow, limits and the server's faults are the trial's alone."""
    error = refused(status, body, model="x", url="http://h/v1")
    assert type(error) is kind
    assert "http://h/v1" in str(error)


def test_a_refused_key_names_the_variable_to_set() -> None:
    """The next step is part of the message."""
    assert "LLMBENCH_API_KEY" in str(refused(401, {}, model="", url="http://h/v1"))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("", "no message"),
        (None, "null"),
        ([1], "[1]"),
        ({"error": "Unauthorized"}, "Unauthorized"),
        ({"error": {"message": "a\n  b."}}, "a b"),
        ({"detail": "Not Found"}, "Not Found"),
        ({"object": "error", "message": "old vLLM"}, "old vLLM"),
        ({"message": {}}, '{"message": {}}'),
        ("<html><head><TITLE>502 Bad\nGateway</TITLE>", "502 Bad Gateway"),
    ],
)
def test_the_message_is_found_in_every_shape_of_error(body: Any, text: str) -> None:
    """One line, without the wrapping."""
    assert spoken(body) == text


def test_long_messages_are_cut() -> None:
    """A page of HTML or a megabyte of text is not for a terminal."""
    assert len(spoken("x" * 100_000)) < 500


def test_stream_options_are_recognised() -> None:
    """The one refusal that is answered by asking for less."""
    assert mentions_stream_options(said("Unknown parameter: stream_options"))
    assert not mentions_stream_options(said("Unknown parameter: top_k"))


@pytest.mark.parametrize(
    ("words", "text", "hidden"),
    [
        (("sk-123456789",), "key sk-123456789.", "key ***."),
        (("sk-123456789",), "xsk-123456789x", "x***x"),
        (("abc",), "abc is in the alphabet, abcd", "*** is in the alphabet, abcd"),
        (("pass", "user:pass"), "user:pass@h", "***@h"),
        (("",), "nothing", "nothing"),
        ((), "nothing", "nothing"),
    ],
)
def test_secrets_are_hidden(words: tuple[str, ...], text: str, hidden: str) -> None:
    """Long ones everywhere, short ones as whole words, so that a key like 'a' leaves messages readable."""
    assert Secrets(words=words).hide(text) == hidden


def test_secrets_do_not_show_themselves() -> None:
    """Not even in a traceback's locals."""
    assert "sk-1" not in repr(Secrets(words=("sk-1",)))
