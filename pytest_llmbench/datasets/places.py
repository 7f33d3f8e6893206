"""Places in a YAML file: from the path of keys that leads to a value to its line, for error messages.

Lines are looked up only once something is wrong, so that reading what is right costs nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pytest_llmbench.datasets.yaml_text import parse_events
from pytest_llmbench.errors import PackError

KeyPath = tuple[str | int, ...]
"""Keys and 0-based positions from the top of a file, such as ``("scenarios", 3, "checks", 0, "kind")``."""


def locate(path: Path, key_path: Sequence[str | int]) -> int | None:
    """Return the 1-based line of the value at `key_path`: that of its key, or of the list item.

    Where the path leads past what the file holds, the line of its last part that is there.
    None where the file cannot be read that far.
    """
    try:
        with parse_events(path) as next_event:
            return _line_of(next_event, tuple(key_path))
    except PackError:
        return None


def dotted(key_path: Sequence[str | int]) -> str:
    """Word a key path as ``scenarios[3].checks[0].kind``."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in key_path]
    return "".join(parts).removeprefix(".")


def fault_at(path: Path, key_path: Sequence[str | int], message: str) -> PackError:
    """Return the error that `message` is true of the value at `key_path`, with its line."""
    return PackError(message, path=path, line=locate(path, key_path), key=dotted(key_path))


def _line_of(next_event: Callable[[], Any], key_path: KeyPath) -> int | None:
    next_event()
    if type(next_event()).__name__ == "StreamEndEvent":
        return None
    event = next_event()
    line: int = event.start_mark.line + 1
    for part in key_path:
        found = _entry(next_event, event, part)
        if found is None:
            return line
        line, event = found
    return line


def _entry(next_event: Callable[[], Any], event: Any, part: str | int) -> tuple[int, Any] | None:
    """Move on to the entry called (or numbered) `part`; return its line and its first event."""
    kind = type(event).__name__
    if kind == "MappingStartEvent":
        while type(key := next_event()).__name__ == "ScalarEvent":
            value = next_event()
            if key.value == part:
                return key.start_mark.line + 1, value
            _skip(next_event, value)
    elif kind == "SequenceStartEvent" and isinstance(part, int):
        position = 0
        while type(item := next_event()).__name__ != "SequenceEndEvent":
            if position == part:
                return item.start_mark.line + 1, item
            _skip(next_event, item)
            position += 1
    return None


def _skip(next_event: Callable[[], Any], event: Any) -> None:
    depth = 0
    while True:
        name = type(event).__name__
        depth += name.endswith("StartEvent")
        depth -= name.endswith("EndEvent")
        if depth == 0:
            return
        event = next_event()
