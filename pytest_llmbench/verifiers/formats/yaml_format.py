"""YAML 1.1 as PyYAML's SafeLoader reads it, without what makes it a bomb or a riddle.

``no`` and ``on`` are false and true, ``012`` is octal, ``12:30`` counts in sixties, unquoted dates are dates
and become ISO text. Keys are the texts that stand there. Refused: a key given twice, merge keys (``<<``, which
YAML 1.2 does not know), tags other than ``!!str``, a second document, aliases that unfold to many values,
aliases inside their own anchor, NaN and infinities, a document that is one bare value (as any prose is).
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from pytest_llmbench.json_text import DIGITS_LIMIT
from pytest_llmbench.nesting import count_values
from pytest_llmbench.verifiers.extraction import TextFault
from pytest_llmbench.verifiers.formats.moments import finite, iso_text
from pytest_llmbench.verifiers.formats.reading import DEPTH_LIMIT, Format, Reading, spans_from

UNFOLDED_LIMIT = 100_000
_TAG = "tag:yaml.org,2002:"
_FIRST_LINE = re.compile(r"^(?:---(?=\s)|- |(?!\S+[ ]\S+[ ][^\n:]*:[ \t]*$)[\w\"'][^\n]*?:(?=\s|$))", re.MULTILINE)
_LEAD_IN = re.compile(r"(?=\S+ \S+ \S)[^:\n]*+:[ \t]*+\n(?:(?:[ \t]*+\n)++(?=\S)|(?=[^\s#-]))")


def _yaml(text: str) -> Reading:
    import yaml  # noqa: PLC0415 (not paid for unless YAML is judged)

    loader_type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        loader = loader_type(text)
        try:
            value = _Builder(loader).document()
        finally:
            loader.dispose()
    except TextFault:
        raise
    except yaml.MarkedYAMLError as error:
        where = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise TextFault(f"is not valid YAML{where}: {what}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise TextFault(f"is not valid YAML: {error}") from None
    except RecursionError:
        raise TextFault("is nested too deep") from None
    if not isinstance(value, (dict, list)):
        raise TextFault("is no YAML mapping or list")
    return Reading(value=value)


class _Builder:
    """Turns the parse events of one document into values."""

    def __init__(self, loader: Any) -> None:
        import yaml  # noqa: PLC0415

        self._loader = loader
        self._yaml: Any = yaml
        self._anchored: dict[str, Any] = {}
        self._unfolded = 0

    def document(self) -> Any:
        take = self._loader.get_event
        take()
        if isinstance(take(), self._yaml.StreamEndEvent):
            raise TextFault("is empty")
        value = self._value(take(), 0)
        take()
        if not isinstance(take(), self._yaml.StreamEndEvent):
            raise TextFault("holds a second YAML document")
        return value

    def _value(self, event: Any, depth: int) -> Any:
        if isinstance(event, self._yaml.AliasEvent):
            return self._alias(event)
        if depth > DEPTH_LIMIT:
            raise TextFault(f"is nested more than {DEPTH_LIMIT} levels deep")
        if isinstance(event, self._yaml.ScalarEvent):
            value = self._scalar(event)
        elif not event.implicit:
            raise TextFault(f"holds the tag {event.tag}, which not every reader knows")
        elif isinstance(event, self._yaml.MappingStartEvent):
            value = self._mapping(depth + 1)
        else:
            value = self._sequence(depth + 1)
        if event.anchor:
            self._anchored[event.anchor] = value
        return value

    def _mapping(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(key := self._loader.get_event(), self._yaml.MappingEndEvent):
            name = self._key(key)
            if name in found:
                raise TextFault(f'gives the key "{name}" twice')
            found[name] = self._value(self._loader.get_event(), depth)
        return found

    def _key(self, event: Any) -> str:
        if isinstance(event, self._yaml.AliasEvent) and isinstance(name := self._alias(event), str):
            return name
        if not isinstance(event, self._yaml.ScalarEvent):
            raise TextFault("has a key that is no text")
        if event.value == "<<" and event.implicit[0]:
            raise TextFault('has a merge key ("<<"), which not every reader knows')
        name = str(event.value)
        if event.anchor:
            self._anchored[event.anchor] = name
        return name

    def _sequence(self, depth: int) -> list[Any]:
        found = []
        while not isinstance(event := self._loader.get_event(), self._yaml.SequenceEndEvent):
            found.append(self._value(event, depth))
        return found

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchored:
            raise TextFault(f"uses the alias *{event.anchor} without an anchor complete before it")
        value = self._anchored[event.anchor]
        self._unfolded += count_values(value, UNFOLDED_LIMIT)
        if self._unfolded > UNFOLDED_LIMIT:
            raise TextFault(f"has aliases that unfold to more than {UNFOLDED_LIMIT} values")
        return value

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        if event.tag not in {None, "!", f"{_TAG}str"}:
            raise TextFault(f"holds the tag {event.tag}, which not every reader knows")
        if event.tag is not None or not event.implicit[0]:
            return text
        tag = self._loader.resolve(self._yaml.ScalarNode, text, (True, False)).removeprefix(_TAG)
        if tag in {"int", "float"} and len(text) > DIGITS_LIMIT:
            raise TextFault(f"holds a number of {len(text)} digits")
        return self._plain(tag, self._yaml.ScalarNode(tag, text))

    def _plain(self, tag: str, node: Any) -> Any:
        if tag == "null":
            return None
        if tag == "bool":
            return self._loader.construct_yaml_bool(node)
        if tag == "int":
            return self._loader.construct_yaml_int(node)
        if tag == "float":
            return finite(self._loader.construct_yaml_float(node))
        if tag == "timestamp":
            moment: dt.date = self._loader.construct_yaml_timestamp(node)
            return iso_text(moment)
        return node.value


def _spans(text: str) -> list[tuple[int, int]]:
    return spans_from(text, _FIRST_LINE, YAML.reads)


YAML = Format(
    title="YAML",
    tags=frozenset({"yaml", "yml"}),
    parse=_yaml,
    spans=_spans,
    is_prose=lambda text: _LEAD_IN.match(text) is not None,
)
