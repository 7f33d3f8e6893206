"""What came of one server, as the reports of a CI job want it."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_llmbench.endings import Exit
from pytest_llmbench.flips import Checked, Flip
from pytest_llmbench.gate import GateVerdict
from pytest_llmbench.paired import Comparison
from pytest_llmbench.summary import Row, Summary


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A run's figures, the gate's word and how it ended; `comparison` is the one with the baseline, if any."""

    summary: Summary
    verdict: GateVerdict
    exit_: Exit
    comparison: Comparison | None = None

    @property
    def is_worse(self) -> bool:
        """Whether a comparison found the model worse."""
        return self.comparison is not None and self.comparison.failed

    def row(self, flip: Flip) -> Row | None:
        """Return what is known of the scenario's first attempt, None where it passed."""
        rows = (row for row in self.summary.rows if (row.pack, row.scenario) == (flip.pack, flip.scenario))
        return next(rows, None)

    def asked_again(self, flip: Flip) -> Checked | None:
        """Return what came of asking the scenario again, None where it was not."""
        again = self.comparison and self.comparison.confirmation
        checked = again.checked if again else ()
        return next((one for one in checked if (one.pack, one.scenario) == (flip.pack, flip.scenario)), None)
