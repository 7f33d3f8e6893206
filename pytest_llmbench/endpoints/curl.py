"""A request as a shell command that sends the very same bytes."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence

from pytest_llmbench.endpoints.message_body import body_of
from pytest_llmbench.records import Request

KEY_HEADER = '"Authorization: Bearer $LLMBENCH_API_KEY"'
"""The key as the shell fills it in; its value is never part of the command."""

_END = "END_OF_BODY"


def curl_of(request: Request, api: str, headers: Sequence[str] = ()) -> str:
    """Return the command for POSIX shells; `api` is a base URL without credentials.

    Of further `headers` only the names are known: each value is a variable the user has to set.
    """
    own = [f'-H "{name}: ${variable_of(name)}"' for name in headers]
    lines = [
        f"curl -sS {'-N ' if request.stream else ''}{shlex.quote(api.rstrip('/') + '/chat/completions')}",
        *("-H 'Content-Type: application/json'", f"-H {KEY_HEADER}", *own, f"--data-binary @- <<'{_END}'"),
    ]
    # a line break inside a text is an escape in JSON, so no line of the body can be the one that ends it
    body = json.dumps(body_of(request, stream_usage=True), ensure_ascii=False, indent=1)
    return " \\\n  ".join(lines) + f"\n{_visible(body)}\n{_END}"


def _visible(body: str) -> str:
    """Return JSON that says the same with all that a terminal would obey or not show as escapes."""
    return "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in body)


def variable_of(header: str) -> str:
    """Return the shell variable that stands for the value of `header`: ``X-Team`` is X_TEAM."""
    return "".join(char if char.isalnum() else "_" for char in header).upper()
