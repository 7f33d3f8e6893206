"""Before a pack's first trial its recorded answers are judged: checks that are wrong measure nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from pytest_llmbench.datasets import READERS, load_gold
from pytest_llmbench.datasets.gold import FILENAME as GOLD
from pytest_llmbench.datasets.llmbench_pack import FILENAME as PACK
from pytest_llmbench.errors import LlmbenchError, SandboxFailed, SandboxUnavailable, TrialError, VerifierError
from pytest_llmbench.records import Outcome, Purpose, Trial, Verdict
from pytest_llmbench.rehearsal import Cast, Rehearsed, rehearse
from pytest_llmbench.trial import Kit

SHOWN = 5
"""Wrongly judged answers that a refusal lists."""


class Proofs:
    """What is known of each pack of a session. To be asked on one event loop; the kit's judges do the work."""

    def __init__(self, kit: Kit) -> None:
        # no mutators: what a pack's author proves with `llmbench selftest` need not be proved at each run
        self._cast = Cast(dialogues=kit.dialogues, verifiers=kit.verifiers, mutators={})
        self._judges = kit.judges
        self._faults: dict[Path, asyncio.Future[TrialError | None]] = {}

    async def __call__(self, trial: Trial) -> TrialError | None:
        """Return why no verdict of the trial's pack could be believed, None where nothing speaks against it.

        A pack without recorded answers is taken at its word. The first trial of a pack has its answers judged,
        about half a millisecond each; those that come meanwhile wait for the same verdict.
        """
        folder = trial.pack_path
        if trial.purpose is Purpose.FIXTURE:
            return None
        if folder not in self._faults:
            loop = asyncio.get_running_loop()
            self._faults[folder] = loop.run_in_executor(self._judges, self._fault, folder, trial.pack.id)
        return await asyncio.shield(self._faults[folder])  # a cancelled trial must not cancel it for the others

    def _fault(self, folder: Path, pack: str) -> TrialError | None:
        try:
            fault = _listed(self._faults_of(folder)) if (folder / GOLD).is_file() else ""
        except (SandboxUnavailable, SandboxFailed) as error:
            return error
        except LlmbenchError as error:
            fault = str(error)
        return VerifierError(_refusal(pack, fault, folder)) if fault else None

    def _faults_of(self, folder: Path) -> list[str]:
        pack, book = READERS["llmbench"].read(folder / PACK), load_gold(folder)
        known = [scenario for scenario in pack.scenarios if scenario.id in book]
        strays = sorted(book.keys() - {scenario.id for scenario in known})
        judged = [one for scenario in known for one in rehearse(scenario, book[scenario.id], self._cast)]
        for one in judged:
            _blame_the_sandbox(one.verdict)
        wrong = [_worded(one) for one in judged if one.verdict.outcome is not one.wanted]
        return [f"{folder / GOLD} has answers for {', '.join(strays)}, which is no scenario"] * bool(strays) + wrong


def _blame_the_sandbox(verdict: Verdict) -> None:
    """Raise what kept an answer from being judged, where that is no fault of the pack."""
    for error in (SandboxUnavailable, SandboxFailed):
        if verdict.outcome is Outcome.ERROR and verdict.reason == error.reason:
            raise error(verdict.detail)


def _listed(faults: Sequence[str]) -> str:
    more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
    return "; ".join(faults[:SHOWN]) + more


def _worded(one: Rehearsed) -> str:
    verdict = one.verdict
    note = f' "{one.answer.note}"' if one.answer.note else ""
    why = f" ({verdict.reason}: {verdict.detail})" if verdict.reason else ""
    return f"the recorded answer{note} of {one.scenario} must be {one.wanted} and is judged {verdict.outcome}{why}"


def _refusal(pack: str, fault: str, folder: Path) -> str:
    return f"{pack} is not run, its verdicts could not be believed: {fault} (llmbench selftest {folder} shows all)"
