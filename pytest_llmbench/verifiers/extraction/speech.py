"""The answer without the thinking."""

from __future__ import annotations

from pytest_llmbench.thinking import split_thinking
from pytest_llmbench.verifiers.text import newlines


def spoken(content: str) -> str:
    r"""Return what the model says to the user in `content`, with ``\n`` as the only line ending.

    Thinking between tags goes: closed blocks, everything before a closing tag that was never opened,
    everything behind an opening tag that is never closed.
    """
    return split_thinking(newlines(content))[0].strip("\n")
