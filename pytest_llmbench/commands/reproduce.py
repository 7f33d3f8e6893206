"""``llmbench reproduce SCENARIO``: the exact request of a trial as curl, and sent once more to compare."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pytest_llmbench.commands import saved
from pytest_llmbench.commands.reproduce_sent import sent, words_of
from pytest_llmbench.endpoints.addresses import address_of
from pytest_llmbench.endpoints.curl import curl_of, variable_of
from pytest_llmbench.endpoints.message_body import body_of
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.lookup import suggestion
from pytest_llmbench.records import Connection, Result, Turn
from pytest_llmbench.redaction import HIDDEN, redacted_data
from pytest_llmbench.reports.inspection import trial_title
from pytest_llmbench.reports.wording import single_line
from pytest_llmbench.saved_run import LATEST, SavedRun
from pytest_llmbench.summary import plural

HELP = "print the exact request of a trial as curl, or send it again and show what differs"
URL_VARIABLE = "LLMBENCH_URL"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the verb understands."""
    parser.add_argument("scenario", metavar="SCENARIO", help="a scenario's id, or pack/id")
    parser.add_argument("--run", default=LATEST, metavar="RUN", help=f"{saved.RUN_HELP} (default: {LATEST})")
    parser.add_argument("--attempt", type=int, default=1, metavar="N", help="which attempt (default: 1)")
    parser.add_argument("--turn", type=int, metavar="N", help="only the N-th request of a longer talk")
    parser.add_argument("--url", default="", metavar="URL", help="ask here (default: where the run did)")
    parser.add_argument("--model", default="", metavar="NAME", help="ask for this model (default: the run's)")
    parser.add_argument("--send", action="store_true", help="ask again, judge the answer and show the differences")
    parser.add_argument("--timeout", type=float, default=600.0, metavar="S", help="seconds to wait (default: 600)")
    parser.add_argument("--packs", action="append", default=[], metavar="PACK", help="where the pack is now")
    parser.add_argument("--data", metavar="DIR", default="", help="a folder with benchmark data, for packs made of it")
    saved.add_base(parser)


def run(options: argparse.Namespace) -> int:
    """Return 0, and 1 where a new answer gets another verdict; raises `LlmbenchError`."""
    found = saved.opened(options.run, options)
    result = _meant(found, options.scenario, options.attempt)
    turns = found.turns(result.key)
    if not turns:
        why = f"{result.verdict.outcome} {result.verdict.reason or ''}: {result.verdict.detail}"
        raise UsageProblem(f"{trial_title(result.key)} has no recorded request: it ended with {single_line(why)}")
    place = _Place.of(found, options)
    told = {"run": found.folder.path, "trial": trial_title(result.key), "verdict": result.verdict}
    if not options.send:
        asked = _requests(turns, place, options)
        if options.json:
            saved.print_json({**told, "requests": asked})
        else:
            print(*_shown(result, asked, place), sep="\n")
        return 0
    return sent(found, result, options=options, url=place.url)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where the request goes: the address as it was given, `api` without credentials, the names of further headers."""

    url: str
    api: str
    headers: tuple[str, ...]

    @classmethod
    def of(cls, found: SavedRun, options: argparse.Namespace) -> _Place:
        said = found.manifest
        url = options.url or str(said.get("url") or "") or os.environ.get(URL_VARIABLE, "")
        if not url:
            raise UsageProblem("the run does not say which server it asked: name one with --url http://host:port/v1")
        connection = (said.get("settings") or {}).get("connection") or {}
        api = address_of(url, "", Connection()).api
        return cls(url=url, api=api, headers=tuple(connection.get("headers") or ()))


def _meant(found: SavedRun, name: str, attempt: int) -> Result:
    trials = [one for one in found.results if name in (one.key.scenario, f"{one.key.pack}/{one.key.scenario}")]
    packs = sorted({one.key.pack for one in trials})
    if len(packs) > 1:
        raise UsageProblem(f"{name} is a scenario of {' and '.join(packs)}: name one, as in {packs[0]}/{name}")
    if not trials:
        known = {one.key.scenario for one in found.results}
        raise UsageProblem(f'{found.name} has no trial of "{name}": {suggestion(name, known)}')
    chosen = next((one for one in trials if one.key.attempt == attempt), None)
    if chosen is None:
        raise UsageProblem(f"{name} has {plural(len(trials), 'attempt')} in this run, and none is number {attempt}")
    return chosen


def _requests(turns: Sequence[Turn], place: _Place, options: argparse.Namespace) -> list[dict[str, Any]]:
    numbers = [options.turn] if options.turn is not None else range(1, len(turns) + 1)
    if options.turn is not None and not 1 <= options.turn <= len(turns):
        raise UsageProblem(f"--turn {options.turn}: the talk has {plural(len(turns), 'request')}, numbered from 1")
    asked = []
    for number in numbers:
        request = turns[number - 1].request
        request = replace(request, model=options.model or request.model)
        shown = replace(request, extra=redacted_data(dict(request.extra)))
        asked.append(
            {
                "number": number,
                "of": len(turns),
                "curl": curl_of(shown, place.api, place.headers),
                "body": body_of(shown, stream_usage=True),
                "hidden": shown.extra != request.extra,
            }
        )
    return asked


def _shown(result: Result, asked: Sequence[Mapping[str, Any]], place: _Place) -> Iterator[str]:
    yield f"# {trial_title(result.key)}: {words_of(result.verdict)}"
    for name in place.headers:
        yield f"# the run also sent the header {name}; its value is not kept: {variable_of(name)}=..."
    for request in asked:
        yield f"# request {request['number']} of {request['of']}"
        if request["hidden"]:
            yield f"# {HIDDEN} stands for a value that looks like a secret"
        yield request["curl"]
