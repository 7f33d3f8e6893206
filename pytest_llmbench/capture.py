"""Runs -> a baseline, and why a run is no basis for one."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from pytest_llmbench.baselines import SPEEDS, Baseline, check_slug
from pytest_llmbench.comparable import Facts, differences, facts_of
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.flips import Key
from pytest_llmbench.plain_data import printable
from pytest_llmbench.records import Outcome, Result
from pytest_llmbench.regression import attempts_of
from pytest_llmbench.saved_run import SavedRun
from pytest_llmbench.summary import plural

LEAST_TOKENS = 16
"""Tokens an answer must have for its rate of decoding to count."""

_OF_THINKING = ("thinking ", "own thinking_max_tokens")
"""How a run's note says that thinking was asked for, which is what baselines are keyed by and no oddity."""


def aggregate(runs: Sequence[SavedRun], *, slug: str) -> Baseline:
    """Return the baseline that `runs` make together.

    Raises `UsageProblem` that names every run which is no basis for comparing, and why: half-written, interrupted,
    packs not whole, errors that are not the model's, other sampling or limits than the packs' own, recorded answers,
    a model that did not think as it was asked to; and runs that were made differently.
    """
    check_slug(slug)
    problems = [f"{run.name}: {problem}" for run in runs for problem in unfit(run)]
    if not runs:
        raise UsageProblem("no run was named: llmbench baseline capture RUN... --slug NAME")
    if len({run.folder.path.resolve() for run in runs}) < len(runs):
        problems.append("the same run is named twice: it would count as two")
    first = facts_of(runs[0].manifest)
    problems += [problem for run in runs[1:] for problem in _unlike(run, first)]
    if problems:
        raise UsageProblem(f"no baseline was captured: {'; '.join(problems)}")
    alike = [facts_of(run.manifest) for run in runs]
    return Baseline(
        slug=slug,
        thinking=str(first["thinking"]),
        model=runs[0].model,
        runs=tuple(run.name for run in runs),
        captured_at=max(str(run.manifest.get("started_at", ""))[:19] for run in runs),
        facts={name: value for name, value in first.items() if all(facts.get(name) == value for facts in alike)},
        attempts=_together(runs),
        speeds=_speeds(runs),
    )


def speeds_of(results: Iterable[Result]) -> dict[str, float]:
    """Return the medians over a run's attempts, by the names in `baselines.SPEEDS`; what nobody measured is missing.

    A rate of decoding needs some tokens: that of an answer in one word is the network's.
    """
    every = list(results)
    known = {name: [value for one in every if (value := getattr(one, name)) is not None] for name in SPEEDS}
    long = (one for one in every if (one.completion_tokens or 0) >= LEAST_TOKENS)
    known["decode_tps"] = [one.decode_tps for one in long if one.decode_tps is not None]
    return {name: statistics.median(values) for name, values in known.items() if values}


def unfit(run: SavedRun) -> list[str]:
    """Say why a run is no basis for comparing; empty where it is one."""
    problems = []
    if not run.is_whole or run.run.get("interrupted") or run.run.get("problem"):
        problems.append("it did not come to its end (add --llm-resume to its command)")
    results = run.results
    errors = sum(result.verdict.outcome is Outcome.ERROR for result in results)
    if errors:
        problems.append(f"{plural(errors, 'attempt')} met an error that is not the model's")
    judged = {
        (result.key.pack, result.key.scenario) for result in results if result.verdict.outcome is not Outcome.ERROR
    }
    partial = _partial(run, judged) if not errors else ""
    problems += [text for text in (partial, _odd_sampling(run), _wrong_arm(run)) if text]
    return problems


def _partial(run: SavedRun, judged: set[Key]) -> str:
    if not run.packs:
        return "it does not say which packs were asked"
    short = []
    for pack, said in run.packs.items():
        found, size = sum(key[0] == pack for key in judged), int(said.get("size") or 0)
        if said.get("selected", size) and found < size:
            short.append(f"{pack} {found} of {plural(size, 'scenario')}")
    return f"not all of a pack was asked ({', '.join(short)})" if short else ""


def _odd_sampling(run: SavedRun) -> str:
    """Say what was not as the packs have it; whether thinking was asked for is what a baseline is keyed by."""
    facts = facts_of(run.manifest)
    names = ("token limit", "deadline", "extra body")
    odd = [name for name in names if name in facts]
    if facts.get("sampling"):
        odd.insert(0, "sampling")
    if odd:
        return f"it is not canonical: {' and '.join(odd)} are not the packs' own"
    if run.run.get("canonical", True):
        return ""
    parts = str(run.run.get("note") or "it does not say why").split("; ")
    rest = [part for part in parts if not part.startswith(_OF_THINKING)]
    return f"it is not canonical: {printable('; '.join(rest))}" if rest else ""


def _wrong_arm(run: SavedRun) -> str:
    """Say how it shows that the model did not think as asked."""
    said = run.run.get("thinking") or {}
    word = said.get("validity", "unasked")
    if word in ("unasked", "valid"):
        return ""
    asked = "off" if word == "contaminated" else "on"
    return f"thinking was asked {asked}, and the answers show otherwise ({word})"


def _unlike(run: SavedRun, first: Facts) -> list[str]:
    """Say how a run was made otherwise than the first one; another set of packs is that too."""
    own = facts_of(run.manifest)
    texts = [one.text for one in differences(first, own) if one.refuses or one.name in ("model", "model file")]
    packs = [{name for name in facts if name.startswith("pack ")} for facts in (first, own)]
    if packs[0] != packs[1]:
        texts.append(f"other packs ({', '.join(sorted(packs[0] ^ packs[1]))})")
    return [f"{run.name} differs from the first run: {', '.join(texts)}"] if texts else []


def _together(runs: Iterable[SavedRun]) -> dict[Key, tuple[int, int]]:
    found: dict[Key, tuple[int, int]] = {}
    for run in runs:
        for key, (passed, judged) in attempts_of(run.results).items():
            before = found.get(key, (0, 0))
            found[key] = before[0] + passed, before[1] + judged
    return found


def _speeds(runs: Sequence[SavedRun]) -> dict[str, tuple[float, ...]]:
    each = [speeds_of(run.results) for run in runs]
    return {name: tuple(speeds[name] for speeds in each) for name in SPEEDS if all(name in one for one in each)}
