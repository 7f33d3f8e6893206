"""What a gate says of a run, and what several say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GateVerdict:
    """Whether the gate called `name` holds ("" is no gate and holds).

    `lines` explain it pack by pack, `sentence` in one go, `brief` in the fewest words. A gate that cannot be
    decided does not hold. `words` take the place of ``the gate NAME holds: SENTENCE`` where the run's last line
    tells of it; `missed` names those of several gates that do not hold.
    """

    name: str
    passed: bool
    lines: tuple[str, ...] = ()
    sentence: str = ""
    brief: str = ""
    words: str = ""
    missed: str = ""

    @property
    def clause(self) -> str:
        """What the run's last line says of it."""
        return self.words or f"{self._holding}: {self.sentence}"

    @property
    def short_clause(self) -> str:
        """The same where others are more important."""
        return self.words or self._holding

    @property
    def _holding(self) -> str:
        return f"the gate {self.name} {'holds' if self.passed else 'does not hold'}"


def refused(name: str, why: str) -> GateVerdict:
    """Return the verdict of a gate that cannot be decided."""
    return GateVerdict(name=name, passed=False, sentence=why)


def together(verdicts: Sequence[GateVerdict]) -> GateVerdict:
    """Return what several gates say: they hold if all do, and those that do not are told first.

    One alone stays as it is; no gate ("") disappears beside another.
    """
    gates = [one for one in verdicts if one.name]
    if not gates:
        return GateVerdict(name="", passed=True)
    if len(gates) == 1:
        return gates[0]
    missed, held = ([one for one in gates if one.passed is wanted] for wanted in (False, True))
    told = [one.clause for one in missed or held] + [one.short_clause for one in held if missed]
    return GateVerdict(
        name=" and ".join(one.name for one in gates),
        passed=not missed,
        lines=tuple(f"{one.name}: {line}" for one in (*missed, *held) for line in one.lines),
        sentence="; ".join(told),
        brief="; ".join(one.brief or one.sentence for one in missed),
        words="; ".join(told),
        missed=" and ".join(one.name for one in missed),
    )
