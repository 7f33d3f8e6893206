"""XML 1.0 as {tag, attributes, text, children}; entity declarations are refused.

`text` is what stands directly in an element, without that of its children, blanks at the ends off. Comments and
processing instructions are passed over. A name in a namespace is ``{uri}name``.
"""

from __future__ import annotations

from typing import Any, NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from pytest_llmbench.verifiers.extraction import TextFault
from pytest_llmbench.verifiers.extraction.documents import xml_spans
from pytest_llmbench.verifiers.formats.reading import DEPTH_LIMIT, Format, Reading

_DEPTH_LIMIT = DEPTH_LIMIT // 2 - 1
"""Elements inside each other; each is a mapping that holds a list."""


def _xml(text: str) -> Reading:
    builder = _Builder()
    try:
        builder.parser.Parse(text.encode(), True)
    except UnicodeEncodeError:
        raise TextFault("is not valid XML: it holds half of a character") from None
    except expat.ExpatError as error:
        raise TextFault(f"is not valid XML: {error}") from None
    root = builder.tree.close()
    return Reading(value=_value(root), root=root)


class _Builder:
    """Feeds what expat reports to a tree, and refuses what could explode."""

    def __init__(self) -> None:
        self.tree = TreeBuilder()
        self.parser = expat.ParserCreate("utf-8", "}")
        self._depth = 0
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self.tree.data
        self.parser.EntityDeclHandler = self._refuse_entity
        self.parser.SkippedEntityHandler = self._refuse_entity

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEPTH_LIMIT:
            raise TextFault(f"is nested more than {_DEPTH_LIMIT} elements deep")
        self.tree.start(_name(name), {_name(key): value for key, value in attributes.items()})

    def _end(self, name: str) -> None:
        self._depth -= 1
        self.tree.end(_name(name))

    def _refuse_entity(self, name: str, *_: object) -> NoReturn:
        raise TextFault(f'declares or uses the entity "{name}", which is not let in')


def _name(name: str) -> str:
    return f"{{{name}" if "}" in name else name


def own_text(element: Element) -> str:
    """Return what stands directly in `element`, without that of its children, blanks at the ends off."""
    return "".join([element.text or "", *(child.tail or "" for child in element)]).strip()


def _value(element: Element) -> dict[str, Any]:
    return {
        "tag": element.tag,
        "attributes": dict(element.attrib),
        "text": own_text(element),
        "children": [_value(child) for child in element],
    }


XML = Format(title="XML", tags=frozenset({"xml", "svg"}), parse=_xml, spans=xml_spans)
