"""What every request carries: the headers, body and tls keys of ``llmbench.yaml`` -> `Connection`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_llmbench.config_file import Block, checked_content, find_config
from pytest_llmbench.records import Connection

KEYS = ("headers", "body", "tls")

_SAMPLING = (
    *("temperature", "top_p", "seed", "top_k", "min_p"),
    *("repeat_penalty", "presence_penalty", "frequency_penalty"),
)
_SAID_ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(("messages", "tools", "tool_choice"), "the scenario's own"),
    **dict.fromkeys(("stream", "stream_options", "n"), "ours to say, or answers could not be read"),
    **dict.fromkeys(("max_tokens", "max_completion_tokens"), "said by the key max_tokens"),
    **dict.fromkeys(_SAMPLING, "said by the key sampling, so that runs compare"),
    "model": "said by the key model",
}
_THINKING = ("enable_thinking", "thinking")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def server_connection(*folders: Path) -> Connection:
    """Return what the ``server:`` block of the first ``llmbench.yaml`` in `folders` says of every request.

    Raises `UsageProblem` with file and line, also for a variable that is not set.
    """
    path = next(filter(None, map(find_config, folders)), None)
    if path is None:
        return Connection()
    block = Block(path=path, values=checked_content(path).get("server", {}), schema=("properties", "server"))
    return connection_of(block, block.settled())


def connection_of(block: Block, values: Mapping[str, Any]) -> Connection:
    """Return the connection of a block with these settled `values`; raises `UsageProblem` with file and line."""
    headers = {name: str(value) for name, value in values.get("headers", {}).items() if value is not None}
    for name, value in headers.items():
        if not _HEADER.fullmatch(name) or not value.isprintable() or not value.isascii():
            message = "name and value of a header are printable ASCII, the name without blanks (no value is shown)"
            raise block.fault(("headers", name), message)
    body = dict(values.get("body", {}))
    for name in body:
        if name in _SAID_ELSEWHERE:
            raise block.fault(("body", name), f"this cannot be said here: it is {_SAID_ELSEWHERE[name]}")
    _one_thinking_switch(block, body)
    tls = values.get("tls", {})
    authorities = block.path.parent.absolute() / Path(tls["ca"]).expanduser() if "ca" in tls else ""
    return Connection(headers=headers, body=body, ca_file=str(authorities), verify=tls.get("verify", True))


def _one_thinking_switch(block: Block, body: Mapping[str, Any]) -> None:
    """Two writers of one switch have contradicted each other elsewhere, unseen for hours."""
    arguments = body.get("chat_template_kwargs", {})
    for name in _THINKING if isinstance(arguments, dict) else ():
        if name in arguments:
            message = "this cannot be said here: the key thinking turns it (on, off or pack), thinking_switch names it"
            raise block.fault(("body", "chat_template_kwargs", name), message)
