"""Nested Markdown lists: items of text, each with items below it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_llmbench.mutations.formats.form import Check, Form, Spelling

_ROW = re.compile(r"([ ]*)([-*+]|[0-9]+[.)])(?:[ ]+(\S.*))?")
_BULLET = re.compile(r"^([ ]*)[-*+](?=[ ])", re.MULTILINE)


def _read(text: str, check: Check) -> Any:
    """Read lists whose items are a line each; raises ValueError for anything else."""
    del check
    top: list[Any] = []
    open_lists: list[tuple[int, list[Any]]] = [(-1, top)]
    for row in text.strip("\n").split("\n"):
        if not row.strip():
            continue
        found = _ROW.fullmatch(row.rstrip())
        if found is None:
            raise ValueError("a line that is no item")
        indent = len(found[1])
        while indent <= open_lists[-1][0]:
            open_lists.pop()
        item: dict[str, Any] = {"text": found[3] or "", "items": []}
        open_lists[-1][1].append(item)
        open_lists.append((indent, item["items"]))
    if not top:
        raise ValueError("no items")
    return top


def _write(data: Any, check: Check, indent: str = "  ", mark: str = "-") -> str:
    del check
    return "\n".join(_rows(data, "", indent, mark))


def _rows(items: Any, before: str, indent: str, mark: str) -> Iterator[str]:
    if not isinstance(items, list):
        raise ValueError("no items")  # noqa: TRY004 - every writer raises ValueError
    for item in items:
        if not isinstance(item, Mapping) or set(item) != {"text", "items"} or not str(item["text"]).strip():
            raise ValueError("no item")
        yield f"{before}{mark} {item['text']}"
        yield from _rows(item["items"], before + indent, indent, mark)


def _respell(text: str, data: Any, check: Check) -> Iterator[Spelling]:
    if _BULLET.search(text):
        yield "stars for bullets", _BULLET.sub(r"\1*", text)
        yield "plus signs for bullets", _BULLET.sub(r"\1+", text)
    if re.search(r"^ *[0-9]+[.)]", text, re.MULTILINE) is None:
        yield "indented by four", _write(data, check, "    ")
        yield "indented by two", _write(data, check, "  ")
    yield "blank lines between", text.replace("\n", "\n\n")


def _spoil(text: str, data: Any) -> Iterator[Spelling]:
    del data
    yield "no marks", re.sub(r"^([ ]*)([-*+]|[0-9]+[.)])[ ]+", r"\1", text, flags=re.MULTILINE)


MARKDOWN_LIST = Form(tag="markdown", read=_read, write=_write, respell=_respell, spoil=_spoil, bare=True, keyed=False)
