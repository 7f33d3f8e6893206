"""One trial for a browser, folded: the verdict in a line; below it what was asked, answered and expected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import islice

from pytest_llmbench.records import CheckOutcome, Result, Turn
from pytest_llmbench.reports.inspection import answer_text, transcript
from pytest_llmbench.reports.wording import MISSING, seconds, single_line
from pytest_llmbench.summary import plural

PROMPT_END = 1500
"""Characters of a prompt that are shown, its last ones: there stands what is asked."""

ANSWER_LIMIT = 8000
"""Characters of an answer, and of what was expected and got."""

TALK_LINES = 2000
"""Lines of a whole talk."""

_DETAIL = 300


def trial_html(result: Result, turns: Sequence[Turn], *, run: str) -> Iterator[str]:
    """Yield the lines of a folded block; `run` is what ``llmbench reproduce --run`` takes."""
    verdict = result.verdict
    yield f'<details class="trial {str(verdict.outcome).lower()}">'
    yield f"<summary>{_head(result)}</summary>"
    yield f"<p>{safe(verdict.detail)}</p>" if verdict.detail else ""
    yield from _checks(verdict.checks)
    yield from _block(*_prompt(result, turns))
    yield from _block("Answer", _cut(answer_text(turns) if turns else result.answer) or "(empty)")
    yield from _block("Expected", _cut(verdict.expected))
    yield from _block("Got", _cut(verdict.got))
    yield from _talk(result, turns)
    name, attempt = f"{result.key.pack}/{result.key.scenario}", result.key.attempt
    further = f" --attempt {attempt}" if attempt > 1 else ""
    if turns:
        yield f'<p class="hint"><code>{safe(f"llmbench reproduce {name} --run {run}{further}")}</code></p>'
    yield "</details>"


def safe(text: str, limit: int = 2000) -> str:
    """Return `text` as HTML on one line: nothing a model wrote is ever markup, nor invisible."""
    return escape(single_line(text, limit))


def _head(result: Result) -> str:
    verdict, key = result.verdict, result.key
    attempt = f" attempt {key.attempt}" if key.attempt > 1 else ""
    known = result.completion_tokens
    tokens = f"{MISSING} tokens" if known is None else plural(known, "token")
    cells = [
        ("mark", str(verdict.outcome)),
        ("name", f"{key.scenario}{attempt}"),
        ("title", result.title),
        ("reason", str(verdict.reason or "")),
        ("figures", f"{seconds(result.latency_s)}, {tokens}"),
    ]
    return " ".join(f'<span class="{name}">{safe(text, _DETAIL)}</span>' for name, text in cells if text)


def _checks(checks: Iterable[CheckOutcome]) -> Iterator[str]:
    items = [
        f'<li class="{"ok" if check.passed else "not"}">{safe(check.name, _DETAIL)}'
        f"{'' if check.gating else ' (diagnostic)'}{f': {safe(check.detail)}' if check.detail else ''}</li>"
        for check in checks
    ]
    if items:
        yield from ('<ul class="checks">', *items, "</ul>")


def _prompt(result: Result, turns: Sequence[Turn]) -> tuple[str, str]:
    """Return a heading and the last question, or the end of it."""
    messages = turns[-1].request.messages if turns else ()
    text = next((message.content for message in reversed(messages) if message.role == "user"), result.prompt)
    if len(text) <= PROMPT_END:
        return "Prompt", text
    return f"Prompt, its last {PROMPT_END:,} of {len(text):,} characters", text[-PROMPT_END:]


def _talk(result: Result, turns: Sequence[Turn]) -> Iterator[str]:
    """Yield all that was said, folded once more: earlier messages, tools, thinking."""
    if not turns:
        return
    lines = list(islice(transcript(result, turns), TALK_LINES + 1))
    more = ["(cut here: llmbench inspect --full has the rest)"] if len(lines) > TALK_LINES else []
    count = "1 request" if len(turns) == 1 else f"{len(turns):,} requests"
    yield f"<details><summary>The whole talk: {count}</summary>"
    yield f"<pre>{escape(chr(10).join([*lines[:TALK_LINES], *more]))}</pre>"
    yield "</details>"


def _cut(text: str) -> str:
    dropped = len(text) - ANSWER_LIMIT
    return f"{text[:ANSWER_LIMIT]}\n... [{dropped:,} more characters]" if dropped > 0 else text


def _block(name: str, text: str) -> Iterator[str]:
    if text:
        lines = (single_line(line, len(line)) for line in text.splitlines())
        yield f"<h4>{safe(name)}</h4>"
        yield f"<pre>{escape(chr(10).join(lines))}</pre>"
