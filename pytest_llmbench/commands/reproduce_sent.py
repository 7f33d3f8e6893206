"""``llmbench reproduce --send``: a trial's requests sent once more, and what came then and now."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_llmbench.assemble import SERVED, build_endpoint, build_sandbox, builtin_families, with_sandbox
from pytest_llmbench.commands import saved
from pytest_llmbench.config_file import sandbox_settings_in
from pytest_llmbench.contracts import EndpointPlan, Sandbox
from pytest_llmbench.datasets import fill
from pytest_llmbench.errors import EndpointUnreachable, TrialError, UsageProblem
from pytest_llmbench.profiles import load_profiles, server_connection
from pytest_llmbench.records import Connection, Outcome, Response, Result, Turn, Verdict
from pytest_llmbench.redaction import HIDDEN
from pytest_llmbench.reports.inspection import answer_text, trial_title
from pytest_llmbench.reports.wording import seconds, single_line
from pytest_llmbench.rescoring.asking_again import Heard, Question, ask_again
from pytest_llmbench.rescoring.rejudging import as_trial
from pytest_llmbench.rescoring.retelling import QuestionChanged, Unfinished, verdict_on
from pytest_llmbench.rescoring.todays_packs import find_todays_packs
from pytest_llmbench.runfolder import project_of
from pytest_llmbench.saved_run import SavedRun

DETAIL = 300
"""Characters of a verdict's detail that are shown."""

_SAME, _DIFFERENT = 0, 1


def sent(found: SavedRun, result: Result, *, options: argparse.Namespace, url: str) -> int:
    """Send, print what differs; return 0 where the verdict is the same, 1 where it is not. Raises `LlmbenchError`."""
    turns = found.turns(result.key)
    sandbox = build_sandbox(sandbox_settings_in(Path.cwd()))
    try:
        question, today, note = _question(found, result, turns, options=options, sandbox=sandbox)
        heard = _heard(question, found, options=options, url=url)
    finally:
        sandbox.close()
    told = {
        "run": found.folder.path,
        "trial": trial_title(result.key),
        "verdicts": {"then": result.verdict, "then_by_today": today, "now": heard.verdict},
        "note": note,
        "turns": [_compared(turns, heard.turns, at) for at in range(max(len(turns), len(heard.turns)))],
    }
    if options.json:
        saved.print_json(told)
    else:
        print(*_lines(told), sep="\n")
    same = heard.verdict is None or _key(heard.verdict) == _key(today or result.verdict)
    return _SAME if same else _DIFFERENT


def words_of(verdict: Verdict) -> str:
    """Return ``FAIL wrong_answer (what was wrong)``."""
    if verdict.outcome is Outcome.PASS:
        return "PASS"
    detail = f" ({single_line(verdict.detail, DETAIL)})" if verdict.detail else ""
    return f"{verdict.outcome} {verdict.reason}{detail}"


def _question(
    found: SavedRun, result: Result, turns: Sequence[Turn], *, options: argparse.Namespace, sandbox: Sandbox
) -> tuple[Question, Verdict | None, str]:
    """Return what is asked, today's verdict on the recorded answer, and why there is none."""
    bare = Question(trial=as_trial(result.key, result, None), turns=turns)
    families = builtin_families()
    book = find_todays_packs([result], found.folder.path, options.packs, families)
    pack = book.packs.get(result.key.pack)
    scenario = pack.scenario(result.key.scenario) if pack is not None else None
    if scenario is None:
        return bare, None, book.problems.get(result.key.pack) or f"today's {result.key.pack} has no such scenario"
    dialogue = families.dialogues[scenario.dialogue]
    verifier = with_sandbox(families.verifiers, sandbox)[scenario.verifier]
    try:
        scenario = fill(scenario, data=options.data, say=lambda line: print(line, file=sys.stderr))
        question = replace(bare, scenario=scenario, dialogue=dialogue, verifier=verifier)
        return question, verdict_on(scenario, turns, dialogue, verifier), ""
    except Unfinished:
        return question, None, ""
    except (QuestionChanged, TrialError) as error:
        return bare, None, str(error)


def _heard(question: Question, found: SavedRun, *, options: argparse.Namespace, url: str) -> Heard:
    if HIDDEN in url:
        raise UsageProblem("the run's server was asked with credentials in its URL, which are not kept: use --url")
    recorded = question.turns[0].request.model
    plan = EndpointPlan(base_url=url, model=options.model or recorded, connection=_connection(found))
    endpoint = build_endpoint(SERVED, builtin_families(), plan)
    try:
        return ask_again(question, endpoint, limit_s=options.timeout, model=options.model)
    except EndpointUnreachable as error:
        raise EndpointUnreachable(f"{error}; start the server, or name another with --url") from error


def _connection(found: SavedRun) -> Connection:
    """Return what the run's requests carried beside the question, as the settings files have it today."""
    here = tuple(dict.fromkeys((Path.cwd(), project_of(found.folder.path))))
    if found.profile:
        profiles = load_profiles([found.profile], folders=here, say=lambda _line: None)
        return profiles[0].connection
    return server_connection(*here)


def _compared(then: Sequence[Turn], now: Sequence[Turn], at: int) -> dict[str, Any]:
    old, new = (turns[at : at + 1] for turns in (then, now))
    before, after = (answer_text(one).splitlines() for one in (old, new))
    same_request = bool(old and new) and old[0].request.fingerprint() == new[0].request.fingerprint()
    return {
        "number": at + 1,
        "same_request": same_request,
        "same_answer": bool(old and new) and before == after,
        "diff": list(difflib.unified_diff(before, after, "then", "now", lineterm="", n=3)),
        "then": _figures(old[0].response) if old else None,
        "now": _figures(new[0].response) if new else None,
    }


def _figures(response: Response) -> dict[str, Any]:
    return {
        "finish_reason": response.finish_reason,
        "prompt_tokens": response.usage.prompt_tokens,
        "completion_tokens": response.usage.completion_tokens,
        "seconds": response.timing.total_s,
        "model": response.model,
        "thought": bool(response.reasoning.strip()),
        "content": response.content,
        "tool_calls": response.tool_calls,
    }


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    verdicts = told["verdicts"]
    yield f"{told['trial']}"
    for turn in told["turns"]:
        yield from _turn_lines(turn, len(told["turns"]))
    yield f"then: {words_of(verdicts['then'])}"
    today = verdicts["then_by_today"]
    if today is not None and _key(today) != _key(verdicts["then"]):
        yield f"then, by today's rules: {words_of(today)}"
    now = verdicts["now"]
    why = f"not judged: {single_line(told['note'], DETAIL)}"
    yield f"now:  {words_of(now) if now is not None else why}"


def _turn_lines(turn: Mapping[str, Any], count: int) -> Iterator[str]:
    then, now = turn["then"], turn["now"]
    place = f"request {turn['number']} of {count}"
    if then is None or now is None:
        yield f"{place}: {'made only now' if then is None else 'not made now: the talk ended before it'}"
    else:
        request = "" if turn["same_request"] else ", to a request that differs"
        yield f"{place}: {'the same answer' if turn['same_answer'] else 'another answer'}{request}"
        yield f"  then {_figure_words(then)}"
        yield f"  now  {_figure_words(now)}"
    yield from (f"  {single_line(line)}" for line in turn["diff"])


def _figure_words(figures: Mapping[str, Any]) -> str:
    tokens = figures["completion_tokens"]
    count = f"{tokens:,} tokens" if tokens is not None else "tokens not told"
    thought = ", with thinking" if figures["thought"] else ""
    return f"{count}, {seconds(figures['seconds'])}, ends with {figures['finish_reason'] or 'nothing'}{thought}"


def _key(verdict: Verdict) -> tuple[str, str]:
    return str(verdict.outcome), str(verdict.reason)
