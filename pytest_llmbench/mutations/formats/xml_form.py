"""XML: elements as mappings of tag, attributes, text and children."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

from pytest_llmbench.mutations.formats.form import Check, Form, Spelling

_PARTS = {"tag", "attributes", "text", "children"}
_EMPTY = re.compile(r"<([\w.-]+)((?:\s[^<>]*)?)></\1>")


def _read(text: str, check: Check) -> Any:
    del check
    if "<!" in text:
        raise ValueError("declarations, comments and sections of raw text are not taken apart")
    try:
        return plain(ET.fromstring(text.strip()))  # noqa: S314 - a pack's own recorded answer, without declarations
    except ET.ParseError as error:
        raise ValueError(str(error)) from None


def plain(element: ET.Element) -> dict[str, Any]:
    """Return an element as data; raises ValueError for text between children, which that has no place for."""
    if any((child.tail or "").strip() for child in element) or (len(element) and (element.text or "").strip()):
        raise ValueError("text between elements")
    return {
        "tag": element.tag,
        "attributes": dict(element.attrib),
        "text": (element.text or "").strip(),
        "children": [plain(child) for child in element],
    }


def element(data: Any) -> ET.Element:
    """Return data as an element; raises ValueError where it is none."""
    if not isinstance(data, Mapping) or set(data) != _PARTS or not re.fullmatch(r"[A-Za-z_][\w.-]*", str(data["tag"])):
        raise ValueError("no element")
    if not all(isinstance(value, str) for value in (data["text"], *data["attributes"].values())):
        raise ValueError("XML holds texts")
    made = ET.Element(data["tag"], dict(data["attributes"]))
    made.text = data["text"] or None
    made.extend([element(child) for child in data["children"]])
    return made


def _write(data: Any, check: Check) -> str:
    del check
    return "\n".join(_rows(element(data), ""))


def _rows(node: ET.Element, before: str) -> Iterator[str]:
    opening = node.tag + "".join(f" {name}={quoteattr(value)}" for name, value in node.items())
    if not len(node):
        yield f"{before}<{opening}>{escape(node.text or '')}</{node.tag}>"
        return
    yield f"{before}<{opening}>"
    for child in node:
        yield from _rows(child, before + "  ")
    yield f"{before}</{node.tag}>"


def _respell(text: str, data: Any, check: Check) -> Iterator[Spelling]:
    rows = _write(data, check)
    yield "written anew", rows
    yield "on one line", "".join(row.strip() for row in rows.split("\n"))
    if not text.lstrip().startswith("<?"):
        yield "with its declaration", f'<?xml version="1.0" encoding="UTF-8"?>\n{text.lstrip()}'
    yield "empty elements closed at once", _EMPTY.sub(r"<\1\2/>", rows)
    if "'" not in rows:
        yield "attributes in single quotes", re.sub(r'="([^"]*)"', r"='\1'", rows)
    yield "beyond ASCII by numbers", rows.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _spoil(text: str, data: Any) -> Iterator[Spelling]:
    yield "an attribute given twice", _twice(text)
    yield "the last end tag lost", re.sub(r"</[^<>]*>\s*$", "", text)
    yield "a second root", f"{text.rstrip()}\n<more/>"
    yield "a bare ampersand", re.sub(r"</", " & </", text, count=1)
    yield "an end tag of another name", re.sub(r"</[^<>]*>\s*$", "</other>", text)
    name = data["tag"]
    yield "an entity of its own", f'<!DOCTYPE {name} [<!ENTITY me "me">]>\n{text.lstrip()}'


def _twice(text: str) -> str:
    """Give the first attribute there is once more."""
    attribute = re.compile(r"""(<[A-Za-z][\w.-]*)(\s+[\w.-]+=("[^"]*"|'[^']*'))""")
    doubled, count = attribute.subn(r"\1\2\2", text, count=1)
    return doubled if count else ""


XML = Form(tag="xml", read=_read, write=_write, respell=_respell, spoil=_spoil, bare=True, keyed=False)
