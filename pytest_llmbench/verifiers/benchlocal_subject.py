"""What an assert of a benchlocal-cli pack looks at, and what it returns.

The rules are those of benchlocal-cli 0.9.9 (https://github.com/noonghunna/benchlocal-cli,
``benchlocal_cli/scoring``), written anew. Where they are known to be wrong, `benchlocal_cautions` says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_llmbench.nesting import is_deeper
from pytest_llmbench.records import Exchange, Response, ToolCall
from pytest_llmbench.verifiers import findings
from pytest_llmbench.verifiers.check_kinds import Shape

Params = Mapping[str, Any]

EXPRESSION_LIMIT = 1 << 16
"""Characters of an answer that a pack's own expressions and schemas are tried on: they may take quadratic time."""

_DEPTH_LIMIT = 100
_FENCE = "```"
_TAG = re.compile(r"[A-Za-z0-9_-]*")


class JsonFault(ValueError):
    """A text is not JSON; the message completes the sentence "it ..."."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The last response of a talk.

    `text` is what is judged: the content, or where there is none the reasoning field. `channels` are both, as
    far as they hold anything. `arguments` are those of the first call, empty where they cannot be read.
    """

    text: str
    channels: tuple[str, ...]
    calls: tuple[ToolCall, ...]
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(findings.Finding):
    """What an assert found; `score` is its partial credit, 0 to 1."""

    score: float | None = None

    @property
    def credit(self) -> float:
        """The partial credit, by default all or nothing."""
        return self.score if self.score is not None else float(self.reason is None)


HOLDS = Finding()
Assert = Callable[[Subject, Params], Finding]
Before = Callable[[Subject, Sequence[Params]], Finding]
"""What is looked at before the asserts of a verifier type, with all of them at hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of assert: its function, the parameters it must have, and those that it may have.

    At least one of `one_of`, where there are any, must be there. Other parameters are let pass, as everywhere
    in these packs.
    """

    check: Assert
    needs: Mapping[str, Shape] = field(default_factory=dict)
    may: Mapping[str, Shape] = field(default_factory=dict)
    one_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explained(Shape):
    """A shape that can tell what is wrong with a value: `why` returns a whole sentence without subject, or ""."""

    why: Callable[[Any], str]


def explained(words: str, why: Callable[[Any], str]) -> Explained:
    """Return the shape of the values that nothing is wrong with."""
    return Explained(words, lambda value: not why(value), why)


def _no_expression(value: Any) -> str:
    if not isinstance(value, str):
        return f"must be a regular expression of Python, not {str(value)[:80]!r}"
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        return f"{value[:80]!r} is no regular expression of Python: {error}"
    return ""


def _reads_as_number(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and as_number(value) is not None
    except (TypeError, ValueError, OverflowError):
        return False


def as_number(value: Any) -> float:
    """Return a pack's number, which may be written as text with thousands commas."""
    return float(str(value).replace(",", ""))


WORDS = Shape("a text", lambda value: isinstance(value, str))
LIST = Shape("a list", lambda value: isinstance(value, list))
WORD_LIST = Shape(
    "a list of texts", lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value)
)
EXPRESSION = explained("a regular expression of Python", _no_expression)
NUMERIC = Shape("a number", _reads_as_number)


def subject_of(exchange: Exchange) -> Subject:
    """Return what the asserts look at; an empty response where nothing was said."""
    response = exchange.turns[-1].response if exchange.turns else Response()
    return Subject(
        text=_judged_text(response),
        channels=tuple(text for text in (response.content, response.reasoning) if text),
        calls=response.tool_calls,
        arguments=_first_arguments(response.tool_calls),
    )


def _judged_text(response: Response) -> str:
    """Thoughts between tags in the content are stripped for good; only a field of their own stands in for it."""
    if response.content or response.reasoning_field == "think_tags":
        return response.content
    return response.reasoning


def _first_arguments(calls: Sequence[ToolCall]) -> Mapping[str, Any]:
    try:
        return arguments_of(calls[0]) if calls else {}
    except JsonFault:
        return {}


def arguments_of(call: ToolCall) -> dict[str, Any]:
    """Return a call's arguments; raises JsonFault for what is no JSON object. No text at all is an empty one."""
    found = load_json(call.arguments or "{}")
    if not isinstance(found, dict):
        raise JsonFault("is no JSON object")
    return found


def load_json(text: str) -> Any:
    """Return the JSON value of `text`; raises JsonFault, also for nesting of more than 100 levels."""
    try:
        found = json.loads(text)
    except RecursionError:
        raise JsonFault("is nested too deep") from None
    except ValueError as error:
        raise JsonFault(f"is not JSON: {error}") from None
    if text.count("[") + text.count("{") > _DEPTH_LIMIT and is_deeper(found, _DEPTH_LIMIT):
        raise JsonFault("is nested too deep")
    return found


def unfenced(text: str) -> str:
    """Return `text` without blanks and without a code fence around the whole of it."""
    text = text.strip()
    if len(text) < 2 * len(_FENCE) or not (text.startswith(_FENCE) and text.endswith(_FENCE)):
        return text
    inner = text[len(_FENCE) : -len(_FENCE)]
    tag = _TAG.match(inner)
    return inner[tag.end() if tag else 0 :].strip()


def unmatched(pattern: str, text: str, flags: int = 0) -> str:
    """Say why `pattern` is not found in `text`, or return ""."""
    if len(text) > EXPRESSION_LIMIT:
        return f"the text of {len(text)} characters is too long for the pack's expressions"
    return "" if re.search(pattern, text, flags) else f"nothing matches {pattern!r}"


def one_space(text: str) -> str:
    """Return `text` in lower case with single spaces, as benchlocal-cli compares answers."""
    return re.sub(r"\s+", " ", text).strip().lower()
