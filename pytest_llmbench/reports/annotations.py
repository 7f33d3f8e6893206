"""What GitHub shows beside a run: workflow commands, made of texts that cannot be commands themselves.

A runner takes a line for a command that begins with ``::`` after any white space, or that holds ``##[`` anywhere, on
stdout as on stderr (actions/runner, src/Runner.Common/ActionCommand.cs). So an answer that is printed could hide words
of the log, raise annotations of its own or set a step's outputs. Between the lines of `stop_commands` and
`resume_commands` nothing is a command; a step that ends in between leaves the next one unharmed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from pytest_llmbench.endings import COMPLETE, INCOMPLETE
from pytest_llmbench.flips import Flip
from pytest_llmbench.reports.measured import Measured
from pytest_llmbench.reports.table import reason_text
from pytest_llmbench.reports.wording import single_line

MOST = 10
"""Annotations of one kind that GitHub shows of one step."""

_LEAST = 2
"""Annotations below which no scenario is named: the end of the run needs one, what is left out another."""

_MESSAGE_LIMIT = 600
_LEVELS = {COMPLETE: "notice", INCOMPLETE: "warning"}
_TITLES = {COMPLETE: "complete", INCOMPLETE: "incomplete, and not by the model's fault"}

LineOf = Callable[[str, str], int]
"""File and scenario -> the line, from 1, where it begins; 0 where there is no such file, or scenario in it."""


def stop_commands(token: str) -> str:
    """Return the line after which nothing is a command. `token` is one that no model can guess."""
    return f"::stop-commands::{token}"


def resume_commands(token: str) -> str:
    """Return the line after which commands are commands again."""
    return f"::{token}::"


def line_in_file(file: str, scenario: str) -> int:
    """Return the line of the pack file where the scenario's id stands, else 0; a `LineOf`."""
    path = Path(file)
    if not path.is_file():
        return 0
    here = re.compile(rf"\s*(- *)?\{{?\s*[\"']?id[\"']?:\s*[\"']?{re.escape(scenario)}[\"']?\s*([,}}#].*)?")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((number for number, line in enumerate(lines, 1) if here.fullmatch(line)), 0)


def annotations_of(measured: Measured, *, line_of: LineOf = line_in_file, most: int = MOST) -> list[str]:
    """Return up to `most` commands: how the run ended, always, then what got worse; the last counts those left out.

    A complete run is a notice, one that lacks verdicts a warning, every other end an error. Scenarios are named only
    where the comparison with a baseline failed.
    """
    exit_ = measured.exit_
    profile = measured.summary.run.profile
    title = f"llmbench{f' {profile}' if profile else ''}: {_TITLES.get(exit_.code) or _failed_title(measured)}"
    first = _command(_LEVELS.get(exit_.code, "error"), exit_.sentence, title=title)
    if exit_.code in _LEVELS or measured.comparison is None or not measured.is_worse or most < _LEAST:
        return [first]
    flips = sorted(measured.comparison.worse, key=lambda flip: (flip.now[0] / flip.now[1], flip.was_flaky))
    shown = flips if len(flips) < most else flips[: most - 2]
    told = [_worse(flip, measured, line_of) for flip in shown]
    left = len(flips) - len(shown)
    more = [_command("error", f"and {left} more: the job summary lists them", title=title)] if left else []
    return [first, *told, *more]


def warning(message: str) -> str:
    """Return the command that shows a warning of ours."""
    return _command("warning", message, title="llmbench")


def _failed_title(measured: Measured) -> str:
    if measured.is_worse:
        return "it got worse"
    return "failed" if measured.verdict.passed else f"the gate {measured.verdict.name} does not hold"


def _worse(flip: Flip, measured: Measured, line_of: LineOf) -> str:
    row, again = measured.row(flip), measured.asked_again(flip)
    parts = [f"passed {flip.before[0]} of {flip.before[1]}, now {flip.now[0]} of {flip.now[1]}"]
    if again is not None:
        parts.append(f"asked again {again.fresh[0]} of {again.fresh[1]}: {again.finding}")
    if row is not None:
        parts.append(reason_text(row))
    file = row.nodeid.partition("::")[0] if row else ""
    line = line_of(file, flip.scenario) if file else 0
    place = {"file": file, "line": str(line)} if line else {}
    return _command("error", "; ".join(parts), title=f"{flip.pack} {flip.scenario} fails now", **place)


def _command(level: str, message: str, **properties: str) -> str:
    given = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{level} {given}::{_data(single_line(message, _MESSAGE_LIMIT))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(single_line(text, 200)).replace(":", "%3A").replace(",", "%2C")
