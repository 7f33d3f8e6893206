"""A request as a shell command that is safe to look at."""

from __future__ import annotations

import json

from pytest_llmbench.endpoints.curl import curl_of
from pytest_llmbench.records import Message, Request


def test_what_a_terminal_would_obey_is_an_escape_of_the_same_text() -> None:
    """Direction marks, escape sequences, tags: none is in the command, each is in what JSON reads."""
    text = "a \u202e b \x1b[31m c \x7f d \U000e0001 e 模型"
    request = Request(model="m", messages=(Message(role="user", content=text),), stream=False)
    command = curl_of(request, "http://h:1/v1")
    assert all(char.isprintable() or char == "\n" for char in command)
    assert "模型" in command
    body = command.partition("END_OF_BODY'\n")[2].removesuffix("\nEND_OF_BODY")
    assert json.loads(body)["messages"][0]["content"] == text
