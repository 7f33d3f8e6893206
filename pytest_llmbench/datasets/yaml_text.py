"""YAML files of packs -> builtin values, with the line of whatever is wrong.

The dialect is YAML's syntax with JSON's values, so that a pack says what it seems to say:
``no``, ``2026-05-09``, ``12:30`` and ``007`` are texts, keys are always texts, numbers are decimal.
Refused: a key given twice, tags, merge keys, NaN and infinities, a second document, more than
64 levels of nesting, aliases that unfold to more than 100,000 values.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pytest_llmbench.errors import PackError
from pytest_llmbench.nesting import count_values

if TYPE_CHECKING:
    from yaml.events import Event, ScalarEvent

DEPTH_LIMIT = 64
ALIAS_LIMIT = 100_000
DIGITS_LIMIT = 300
Keep = Callable[[dict[str, Any], int, Any], Any]
"""Told the top level read so far, an item's position and the item; returns what is kept of it."""

_WORDS = {
    **dict.fromkeys(("null", "Null", "NULL", "~"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_FIRST = frozenset("-+.0123456789nNtTfF~")
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_TEXT_TAGS = ("!", "tag:yaml.org,2002:str")


def read_yaml(path: Path, *, stream_key: str = "", keep: Keep | None = None) -> Any:
    """Return the value of the one document in the file at `path`.

    With `keep`, each item of the sequence under the top-level key `stream_key` is replaced by what
    `keep` returns as soon as it is read, so that a long file never stands in memory as a whole.
    Raises PackError with the line, also for a file that cannot be read, is empty or is not UTF-8.
    """
    with parse_events(path) as next_event:
        return _Builder(path, next_event, (stream_key, keep)).document()


def read_head(path: Path, keys: Sequence[str]) -> dict[str, Any]:
    """Return the top-level values of `keys`, reading no further than the last of them.

    Raises PackError where the file cannot be read that far.
    """
    with parse_events(path) as next_event:
        return _Builder(path, next_event, ("", None)).head(keys)


@contextmanager
def parse_events(path: Path) -> Iterator[Callable[[], Event]]:
    """Yield a function that returns the file's parse events one by one; YAML's errors become PackErrors."""
    import yaml  # noqa: PLC0415 (not needed, and not paid for, unless a pack is read)

    loader_type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        with path.open("rb") as stream:
            loader = loader_type(stream)
            try:
                yield loader.get_event
            finally:
                loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise PackError(_worded(error), path=path, line=mark.line + 1 if mark else None) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from None
    except OSError as error:
        raise PackError(f"cannot be read: {error.strerror or error}", path=path) from None


def _worded(error: Any) -> str:
    parts = [part for part in (error.context, error.problem) if part]
    return f"this is not valid YAML: {', '.join(parts)}. Check indentation, quotes and brackets there."


def _unreadable(path: Path, error: Exception) -> PackError:
    """Name the line of the first byte or character that YAML cannot hold."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data[: fault.start].count(b"\n") + 1
        return PackError("the file is not UTF-8 text: save it as UTF-8", path=path, line=line)
    found = re.search(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)
    if found is None:
        return PackError(f"this is not valid YAML: {error}", path=path)
    line = text.count("\n", 0, found.start()) + 1
    escape = f"\\x{ord(found[0]):02x}" if ord(found[0]) < 256 else f"\\u{ord(found[0]):04x}"
    message = f'the character {escape} may not stand in a YAML file: write it as "{escape}" in double quotes'
    return PackError(message, path=path, line=line)


class _Builder:
    """Turns parse events into values; one per file."""

    def __init__(self, path: Path, next_event: Callable[[], Event], stream: tuple[str, Keep | None]) -> None:
        from yaml import events  # noqa: PLC0415

        self._path = path
        self._next = next_event
        self._stream_key, self._keep = stream
        self._scalar_event = events.ScalarEvent
        self._mapping_start, self._mapping_end = events.MappingStartEvent, events.MappingEndEvent
        self._sequence_start, self._sequence_end = events.SequenceStartEvent, events.SequenceEndEvent
        self._alias_event, self._stream_end = events.AliasEvent, events.StreamEndEvent
        self._anchored: dict[str, Any] = {}
        self._unfolded = 0

    def document(self) -> Any:
        self._next()
        if isinstance(self._next(), self._stream_end):
            raise PackError("the file is empty", path=self._path)
        value = self._value(self._next(), 0)
        self._next()
        extra = self._next()
        if not isinstance(extra, self._stream_end):
            self._refuse(extra, "a second YAML document starts here: one file holds one")
        return value

    def head(self, keys: Sequence[str]) -> dict[str, Any]:
        self._next()
        if isinstance(self._next(), self._stream_end) or type(self._next()) is not self._mapping_start:
            return {}
        found: dict[str, Any] = {}
        while len(found) < len(keys) and type(key := self._next()) is self._scalar_event:
            value = self._value(self._next(), 1)
            if key.value in keys:
                found[key.value] = value
        return found

    def _value(self, event: Any, depth: int) -> Any:
        kind = type(event)
        value: Any
        if kind is self._scalar_event:
            value = self._scalar(event)
        elif kind is self._alias_event:
            return self._alias(event)
        else:
            if depth >= DEPTH_LIMIT:
                self._refuse(event, f"values are nested more than {DEPTH_LIMIT} levels deep")
            if event.tag is not None and not event.implicit:
                self._refuse(event, f"the YAML tag {event.tag} is not supported")
            value = self._mapping(depth + 1) if kind is self._mapping_start else self._sequence(depth + 1)
        if event.anchor:
            self._anchored[event.anchor] = value
        return value

    def _mapping(self, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        take, scalar, end = self._next, self._scalar_event, self._mapping_end
        while True:
            key: Any = take()
            if type(key) is not scalar:
                if type(key) is end:
                    return result
                self._refuse(key, "a key must be plain text")
            name = key.value
            if name in result:
                self._refuse(key, f'the key "{name}" stands here a second time')
            if name == "<<" and key.implicit[0]:
                self._refuse(key, 'merge keys ("<<") are not supported: write the keys out')
            if depth == 1 and name == self._stream_key and self._keep is not None:
                result[name] = self._streamed(take(), result)
            else:
                result[name] = self._value(take(), depth)

    def _sequence(self, depth: int) -> list[Any]:
        items = []
        take, end = self._next, self._sequence_end
        while type(event := take()) is not end:
            items.append(self._value(event, depth))
        return items

    def _streamed(self, event: Any, top: dict[str, Any]) -> Any:
        if type(event) is not self._sequence_start or self._keep is None:
            return self._value(event, 1)
        kept: list[Any] = []
        while type(item := self._next()) is not self._sequence_end:
            kept.append(self._keep(top, len(kept), self._value(item, 2)))
        return kept

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchored:
            self._refuse(event, f"the alias *{event.anchor} has no anchor &{event.anchor} complete before it")
        value = self._anchored[event.anchor]
        self._unfolded += count_values(value, ALIAS_LIMIT)
        if self._unfolded > ALIAS_LIMIT:
            self._refuse(event, f"aliases unfold to more than {ALIAS_LIMIT} values")
        return value

    def _scalar(self, event: ScalarEvent) -> Any:
        text: str = event.value
        if event.tag is not None:
            if event.tag not in _TEXT_TAGS:
                self._refuse(event, f"the YAML tag {event.tag} is not supported")
            return text
        if not event.implicit[0]:
            return text
        if not text or text in _WORDS:
            return _WORDS.get(text)
        if text[0] not in _FIRST:
            return text
        return self._number(event, text)

    def _number(self, event: Event, text: str) -> Any:
        if _INTEGER.match(text):
            if len(text) > DIGITS_LIMIT:
                self._refuse(event, f"an integer of {len(text)} digits: put it in quotes if it is text")
            return int(text)
        if _FLOAT.match(text) or _NOT_FINITE.match(text):
            value = float(text.replace(".", "", 1) if _NOT_FINITE.match(text) else text)
            if not math.isfinite(value):
                self._refuse(event, f"{text} is no number JSON can carry: put it in quotes if it is text")
            return value
        return text

    def _refuse(self, event: Any, message: str) -> NoReturn:
        raise PackError(message, path=self._path, line=event.start_mark.line + 1)
