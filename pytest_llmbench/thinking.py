"""Takes thinking out of an answer that carries it between tags."""

from __future__ import annotations

import re
from bisect import bisect

_TAG = re.compile(r"(?<!`)<(/?)think>(?!`(?!``))")
_FENCE = re.compile(r"(?:^[ \t]*|(?<=</think>))(?:```|~~~)", re.MULTILINE)
_LEADING = re.compile(r"^[ \t]*(?=</?think>)", re.MULTILINE)


def split_thinking(content: str) -> tuple[str, str]:
    """Return the answer and the thoughts in `content`.

    What stands between ``<think>`` and ``</think>`` is thought. A closing tag without an opening one
    makes everything before it thought (templates may open the block in the prompt). An opening tag that
    is never closed leaves no answer at all. Tags quoted in backticks are talk about tags, those within a
    line of fenced code are that code's own.
    """
    if _TAG.search(content) is None:
        return content, ""
    answer: list[str] = []
    thoughts: list[str] = []
    is_thinking, at = False, 0
    code = _Code(content)
    for tag in _TAG.finditer(content):
        if not is_thinking and code.holds(tag.start(), at):
            continue
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


class _Code:
    """Knows which tags are a program's own: those within a line of a fenced block."""

    def __init__(self, content: str) -> None:
        self._fences = [fence.start() for fence in _FENCE.finditer(content)]
        self._leading = {blank.end() for blank in _LEADING.finditer(content)}

    def holds(self, tag: int, start: int) -> bool:
        """Tell it of the tag at `tag`, where the answer goes on at `start`."""
        fences = bisect(self._fences, tag) - bisect(self._fences, start - 1)
        return fences % 2 == 1 and tag not in self._leading


def _joined(pieces: list[str]) -> str:
    return "\n".join(piece.strip() for piece in pieces if piece.strip())
