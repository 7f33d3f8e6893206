"""Which folder a leg's run is kept in: a new one, the one the user named, or that of the run it goes on with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_llmbench import manifest
from pytest_llmbench.against import Against, find_against
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.journal import JournalReader
from pytest_llmbench.plugin.confirming import all_heard
from pytest_llmbench.plugin.demand import Demand
from pytest_llmbench.plugin.legs import Leg
from pytest_llmbench.plugin.unrun import trial_keys
from pytest_llmbench.records import Server
from pytest_llmbench.runfolder import RunFolder, check_free, create, newest_matching, open_existing, project_of
from pytest_llmbench.saved_run import LATEST


class RunChoice:
    """Finds or makes the folder. `base` is where new ones go, `say` prints a line for the user."""

    def __init__(self, leg: Leg, *, base: Path, say: Callable[[str], None]) -> None:
        self._leg = leg
        self._settings = leg.settings
        self._base = base
        self._say = say

    def finished_before(self, demand: Demand, against: Against | None) -> tuple[RunFolder, Mapping[str, Any]] | None:
        """Return the run that has every verdict already, and its manifest, so that no server need be started.

        What flipped against a baseline needs further verdicts. Raises `UsageProblem` where the two do not compare.
        """
        if not (self._settings.resume and self._settings.profile):
            return None
        folder = self._earlier()
        if folder is None or not _has_all(JournalReader(folder.journal_dir), demand, self._settings.repeat):
            return None
        known = manifest.read(folder)
        if against is not None:
            against.check(known)
            if not self._is_confirmed(folder, demand, against):
                return None
        self._say(f"{self._leg.title}: every trial has its verdict already, so its server is not started")
        return folder, known

    def _is_confirmed(self, folder: RunFolder, demand: Demand, against: Against) -> bool:
        """Tell whether all was asked again that is to be before the verdict."""
        reader, repeat = JournalReader(folder.journal_dir), self._settings.repeat
        results = filter(None, map(reader.result, trial_keys(demand.scenarios, repeat)))
        wanted = set(against.to_ask_again(results))
        return all_heard(
            folder, (one for one in demand.scenarios if (one.facts.id, one.scenario_id) in wanted), after=repeat
        )

    def check(self) -> None:
        """Raise `UsageProblem` where `claim` would."""
        if self._settings.out and not self._settings.resume and self._out.exists():
            check_free(self._out)

    def against(self) -> Against:
        """Return what ``--llm-baseline`` names; raises `UsageProblem`."""
        settings, profile, here = self._settings, self._leg.title, project_of(self._base)
        if settings.resume and settings.baseline.strip() == LATEST:
            raise UsageProblem(
                "--llm-baseline latest with --llm-resume would be the run itself that is gone on with: name the "
                "earlier run (a part of its folder's name will do)"
            )
        return find_against(settings.baseline, thinking=settings.thinking, profile=profile, here=here, runs=self._base)

    def claim(self) -> RunFolder | None:
        """Claim the folder of ``--llm-out`` before any server is started; None where none is named."""
        if not self._settings.out:
            return None
        is_begun = RunFolder(self._out).is_used or not (self._leg.name or _is_empty(self._out))
        if self._settings.resume and is_begun:
            return open_existing(self._out)
        return create(self._out, model="", now=datetime.now(UTC), out=self._out)

    def folder(self, model: str, server: Server, claimed: RunFolder | None) -> RunFolder:
        """Return where the run of `model` goes; raises `UsageProblem` where there is none to go on with."""
        resume = self._settings.resume
        if claimed is not None:
            return self._same_run(claimed, model, server) if resume and claimed.is_used else claimed
        if resume:
            found = newest_matching(self._base, self.signature(model, server))
            if found is not None:
                return found
            if not self._leg.name:  # of several servers those that were not begun are begun now
                raise UsageProblem(
                    f"--llm-resume: no run of {model} with these settings below {self._base}; "
                    "name the run folder with --llm-out, or start without --llm-resume"
                )
        return create(self._base, model=self._leg.name or model, now=datetime.now(UTC))

    def signature(self, model: str, server: Server) -> str:
        """Return what tells this run apart from runs of another model, server or way of asking."""
        return manifest.signature(self._settings, server, model=model)

    def asked(self) -> str:
        """Return what tells runs apart before their servers are known: the profile, and how it is asked."""
        return manifest.signature(self._settings, Server(base_url="", engine=""), model=self._leg.title)

    def check_sandbox(self, folder: RunFolder, sandbox: Mapping[str, str]) -> None:
        """Refuse to judge some programs of a run in one kind of sandbox and the others in another."""
        earlier = manifest.sandbox_kinds(manifest.read(folder)) if sandbox and folder.is_used else []
        if earlier and sandbox["kind"] not in earlier:
            raise UsageProblem(
                f"--llm-resume: {folder.path} ran its programs in {earlier[0]}, now they would run in "
                f"{sandbox['kind']}: add --llm-sandbox {earlier[0]}, or start without --llm-resume"
            )

    def _earlier(self) -> RunFolder | None:
        """Return the run of this profile, asked the same way, that ``--llm-resume`` would go on with."""
        if not self._settings.out:
            return newest_matching(self._base, self.asked(), key="asked")
        folder = RunFolder(self._out)
        return folder if folder.is_used and manifest.read(folder).get("asked") == self.asked() else None

    @property
    def _out(self) -> Path:
        """The folder of ``--llm-out``: with several servers each has one of its own in it."""
        return Path(self._settings.out, self._leg.name) if self._leg.name else Path(self._settings.out)

    def _same_run(self, folder: RunFolder, model: str, server: Server) -> RunFolder:
        if manifest.read(folder).get("signature") == self.signature(model, server):
            return folder
        raise UsageProblem(
            f"--llm-resume: {folder.path} is a run of another model, server or sampling; name another folder, "
            "or start without --llm-resume"
        )


def _is_empty(folder: Path) -> bool:
    """Tell whether it is what a server leaves that never answered."""
    return folder.is_dir() and not any(folder.iterdir())


def _has_all(reader: JournalReader, demand: Demand, attempts: int) -> bool:
    return bool(demand.scenarios) and all(map(reader.finished, trial_keys(demand.scenarios, attempts)))
