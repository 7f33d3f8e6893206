"""Takes thinking out of an answer that carries it between tags."""

from __future__ import annotations

import re

_TAG = re.compile(r"(?<!`)<(/?)think>(?!`)")


def split_thinking(content: str) -> tuple[str, str]:
    """Return the answer and the thoughts in `content`.

    What stands between ``<think>`` and ``</think>`` is thought. A closing tag without an opening one
    makes everything before it thought (templates may open the block in the prompt). An opening tag that
    is never closed leaves no answer at all. Tags quoted in backticks are talk about tags.
    """
    if _TAG.search(content) is None:
        return content, ""
    answer: list[str] = []
    thoughts: list[str] = []
    is_thinking, at = False, 0
    for tag in _TAG.finditer(content):
        piece, is_closing = content[at : tag.start()], bool(tag[1])
        if is_closing and not is_thinking:
            thoughts += [*answer, piece]
            answer.clear()
        else:
            (thoughts if is_thinking else answer).append(piece)
        is_thinking, at = not is_closing, tag.end()
    if at == 0:
        return content, ""
    if is_thinking:
        return "", _joined([*answer, *thoughts, content[at:]])
    return "".join([*answer, content[at:]]).lstrip(), _joined(thoughts)


def _joined(pieces: list[str]) -> str:
    return "\n".join(piece.strip() for piece in pieces if piece.strip())
