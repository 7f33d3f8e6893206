"""Makes the crew of a process, and owns what its trials work with."""

from __future__ import annotations

import dataclasses
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from pytest_llmbench.assemble import Bench, build_endpoint, build_kit, build_sandbox
from pytest_llmbench.contracts import Endpoint, Families
from pytest_llmbench.errors import TrialError
from pytest_llmbench.journal import Journal, JournalReader
from pytest_llmbench.plugin.asking import DIALOGUE, VERIFIER, AskedDialogue, Unjudged
from pytest_llmbench.plugin.collect import ScenarioItem
from pytest_llmbench.plugin.crew import Crew
from pytest_llmbench.plugin.legs import Leg
from pytest_llmbench.plugin.proofs import Proofs
from pytest_llmbench.plugin.ready import Ready, plan_of
from pytest_llmbench.records import Result
from pytest_llmbench.runfolder import RunFolder
from pytest_llmbench.trial import Kit


class CrewMaker(ABC):
    """Makes the crew of a process and owns what it works with: kits and journals, one for each leg."""

    def __init__(self, legs: Sequence[Leg], families: Families) -> None:
        self.legs = {leg.name: leg for leg in legs}
        self.asked = AskedDialogue()
        self._families = _with_asking(families, self.asked)
        self._journals: dict[str, Journal] = {}
        self._sandbox = build_sandbox(legs[0].settings.sandbox)
        self._judging = ThreadPoolExecutor(max_workers=_judges(), thread_name_prefix="llmbench-judge")

    @abstractmethod
    def __call__(self) -> Crew:
        """Return the crew, ready to run trials; raises what `Host.open` raises."""

    @abstractmethod
    def failed(self, error: TrialError) -> None:
        """Take note that there will be no crew."""

    @abstractmethod
    def start(self, ahead: Sequence[ScenarioItem], late: Mapping[int, str]) -> None:
        """Let the trials of these items run; `late` are the numbers and legs of those that ask when they start."""

    @abstractmethod
    def passed(self, number: int) -> None:
        """Take note that a late item is over."""

    @abstractmethod
    def ending(self) -> None:
        """Take note that the crew is about to be stopped."""

    def attempts(self, name: str) -> int:
        """Return how often each scenario of a leg is asked."""
        return self.legs[name].settings.repeat

    def kit(self, ready: Ready, *, worker: str, say: Callable[[str], None]) -> Kit:
        """Return the kit of this process for a leg, writing to a journal of its own in the run folder.

        `say` gets lines for the user while data are fetched.
        """
        folder, settings = RunFolder(path=ready.folder), self.legs[ready.leg].settings
        journal = self._journals[ready.leg] = Journal(folder.journal_dir, worker=worker)
        recall = JournalReader(folder.journal_dir) if ready.resume else None
        bench = Bench(
            families=self._families,
            settings=settings,
            sandbox=self._sandbox,
            judges=self._judging,
            switch=ready.switch,
            start_tps=ready.start_tps,
            say=say,
        )
        kit = build_kit(self._endpoint(ready, say), bench, model=ready.model, recorder=journal)
        return dataclasses.replace(kit, recall=recall, proof=Proofs(kit))

    def _endpoint(self, ready: Ready, say: Callable[[str], None]) -> Endpoint:
        plan = dataclasses.replace(plan_of(ready, self.legs[ready.leg].settings), say=say)
        return build_endpoint(ready.endpoint, self._families, plan)

    def record(self, row: Result) -> None:
        """Journal the row of a hand-written test."""
        if row.key.profile in self._journals:
            self._journals[row.key.profile].result(row)

    def closed(self) -> None:
        """Close the journals and the sandboxes."""
        self._judging.shutdown(wait=False, cancel_futures=True)
        self._sandbox.close()
        for journal in self._journals.values():
            journal.close()


def _judges() -> int:
    """Return how many verdicts this process gives at once: its share of the cores."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return max(1, (os.cpu_count() or 1) // workers)


def _with_asking(families: Families, asked: AskedDialogue) -> Families:
    return dataclasses.replace(
        families,
        dialogues={**families.dialogues, DIALOGUE: asked},
        verifiers={**families.verifiers, VERIFIER: Unjudged()},
    )
