"""A leg's run held against its baseline: asked again while its server is there, judged when all is over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping

from pytest_llmbench import manifest
from pytest_llmbench.against import Against, Held, heard_again
from pytest_llmbench.errors import LlmbenchError
from pytest_llmbench.journal import JournalReader
from pytest_llmbench.plugin.confirming import AskedServer, Placed, confirm
from pytest_llmbench.plugin.legs import Leg
from pytest_llmbench.plugin.ready import Ready
from pytest_llmbench.plugin.unrun import trial_keys
from pytest_llmbench.records import Outcome, Result
from pytest_llmbench.runfolder import RunFolder

_LOOK_S = 0.2
_SOON_S = 5.0
"""Seconds within which a leg ends whose last item is over."""


class Holding:
    """`expected` are the leg's scenarios by node id, filled by and by; without `against` nothing happens here."""

    def __init__(self, leg: Leg, against: Against | None, expected: Mapping[str, Placed]) -> None:
        self._leg = leg
        self._against = against
        self._expected = expected
        self._booked: set[str] = set()
        self._skipped: set[str] = set()
        self._confirming = False
        self._over = threading.Event()
        self._trouble = ""

    def check(self) -> None:
        """Raise `UsageProblem` where the baseline knows nothing of what was selected."""
        if self._against is not None and self._expected:
            self._against.check_known((one.facts.id, one.scenario_id) for one in self._expected.values())

    def book(self, result: Result) -> None:
        """Take note of a result that counts."""
        if self._against is not None:
            self._booked.add(result.nodeid)

    def withdraw(self, one: Placed) -> None:
        """Take note that a scenario was skipped: what it was answered, if it was asked ahead, counts nowhere."""
        if one.nodeid not in self._booked:
            self._skipped.add(one.nodeid)

    def confirm(self, ready: Ready, asked: Callable[[Ready], AskedServer], say: Callable[[str], None]) -> None:
        """Ask again what flipped; of a run that lacks verdicts there is nothing to confirm."""
        if self._against is None:
            return
        self._confirming = True
        results = self._results(RunFolder(path=ready.folder))
        if len(results) < len([*self._counted()]) * self._leg.settings.repeat:
            return
        known = {(one.facts.id, one.scenario_id): one for one in self._counted()}
        wanted = [known[key] for key in self._against.to_ask_again(results) if key in known]
        try:
            confirm(wanted, asked(ready), say=say)
        except (LlmbenchError, OSError) as error:  # the run itself is whole: its papers are to be written
            self._trouble = str(error)
            say(f"what flipped could not be asked again: {error}")

    def ended(self) -> None:
        """Take note that the server is not needed any more."""
        self._over.set()

    def wait_for_end(self) -> None:
        """Wait until all was asked again that is to be; that begins as soon as the last verdict is there."""
        if self._against is None or not self._expected:
            return
        soon = time.monotonic() + _SOON_S
        while not self._over.wait(_LOOK_S) and (self._confirming or time.monotonic() < soon):
            pass

    def held(self, folder: RunFolder) -> Held | None:
        """Return what came of it, None without a baseline."""
        if self._against is None:
            return None
        hashes = {one.facts.content_hash for one in self._expected.values()}
        fresh = [result for result in heard_again(folder) if result.key.pack_hash in hashes]
        errors = {str(one.verdict.reason) for one in fresh if one.verdict.outcome is Outcome.ERROR}
        self._trouble = self._trouble or ", ".join(sorted(errors))
        return self._against.held(manifest.read(folder), self._results(folder), fresh)

    def problem(self, held: Held | None) -> str:
        """Say why an alarm is no verdict yet, "" where there is one, or where nothing was asked again on purpose."""
        if held is None or not held.undecided or not self._confirming:
            return ""
        return f"{held.undecided} ({self._trouble})" if self._trouble else held.undecided

    def _counted(self) -> Iterator[Placed]:
        return (one for one in self._expected.values() if one.nodeid not in self._skipped)

    def _results(self, folder: RunFolder) -> list[Result]:
        """Return the verdicts there are, of all attempts."""
        reader = JournalReader(folder.journal_dir)
        found = map(reader.result, trial_keys(self._counted(), self._leg.settings.repeat))
        return [result for result in found if result is not None and result.verdict.outcome is not Outcome.ERROR]
