"""The programs of a run in the two formats of EvalPlus, wherever they are wanted; ``code/`` of the run has them too."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from pytest_llmbench.records import Outcome, Result
from pytest_llmbench.reports.artefact_files import PROGRAM, file_name
from pytest_llmbench.reports.code_report import EVAL_RESULTS, PLUS_METRIC, SAMPLES
from pytest_llmbench.reports.evalplus_files import EvalResultsFile, SamplesFile
from pytest_llmbench.reports.files import replace_file


def write_evalplus(folder: Path, results: Sequence[Result], finished_at: float) -> list[Path]:
    """Write ``<pack>/samples.jsonl`` and ``<pack>/eval_results.json`` for each pack of programs; return the files.

    `finished_at` is when the run ended, seconds since the epoch. Attempts without a verdict are left out. Raises
    OSError.
    """
    by_pack: dict[str, list[Result]] = {}
    for result in results:
        if result.verdict.outcome is not Outcome.ERROR:
            by_pack.setdefault(result.pack.id, []).append(result)
    coded = {pack: judged for pack, judged in by_pack.items() if any(map(_has_program, judged))}
    return [path for pack, judged in coded.items() for path in _write(folder / file_name(pack), judged, finished_at)]


def _has_program(result: Result) -> bool:
    return PROGRAM in result.verdict.artefacts


def _write(place: Path, results: Sequence[Result], finished_at: float) -> list[Path]:
    place.mkdir(parents=True, exist_ok=True)
    paths = [place / SAMPLES, place / EVAL_RESULTS]
    plus = any(PLUS_METRIC in result.verdict.metrics for result in results)
    with ExitStack() as stack:
        samples_file, evals_file = (stack.enter_context(replace_file(path)) for path in paths)
        samples = SamplesFile(samples_file)
        evals = EvalResultsFile(evals_file, results[0].pack, finished_at, plus=plus)
        for result in results:
            samples.add(result)
            evals.add(result)
        evals.close()
    return paths
