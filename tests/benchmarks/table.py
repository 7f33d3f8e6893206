"""One line per number: what, measured, compared with, target."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A measured number. `value` and `limit` decide whether the target is reached; rivals have no limit."""

    what: str
    measured: str
    compared: str
    value: float | None = None
    limit: float | None = None
    unit: str = "x"

    @property
    def target(self) -> str:
        """The limit in words."""
        if self.limit is None or self.value is None:
            return "-"
        return f"<= {self.limit:g} {self.unit}: {'reached' if self.value <= self.limit else 'MISSED'}"

    def line(self) -> str:
        """The row of a Markdown table."""
        ratio = "-" if self.value is None else f"{self.value:.2f} {self.unit}"
        return f"| {self.what} | {self.measured} | {self.compared} | {ratio} | {self.target} |"


def table(rows: Iterable[Row]) -> str:
    """Return the Markdown table."""
    head = "| what | measured | compared with | ratio | target |\n|---|---|---|---|---|"
    return "\n".join([head, *(row.line() for row in rows)])


def spread(values: Sequence[float], unit: str, digits: int = 2) -> str:
    """Return the median, and the range where there are several values."""
    middle = f"{statistics.median(values):.{digits}f} {unit}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.{digits}f} to {max(values):.{digits}f})"
