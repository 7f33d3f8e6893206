"""Prints the table of attacks: program, verdict in each sandbox, seconds. ``python -m tests.sandboxes.attack_table``.

Arguments choose: names of sandboxes, numbers of attacks or their beginnings (``23``, ``23a``).
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pytest_llmbench.errors import TrialError
from pytest_llmbench.records import Outcome
from pytest_llmbench.sandboxes import LAUNCHERS
from pytest_llmbench.sandboxes.pool import Pool
from pytest_llmbench.settings import SandboxSettings
from tests.sandbox_image import sandbox_image
from tests.sandboxes.attack_arena import Arena, arena, disagreement, judged
from tests.sandboxes.attack_programs import ATTACKS
from tests.sandboxes.attack_record import Attack


def _row(attack: Attack, host: Arena, pools: Sequence[Pool]) -> bool:
    cells, agreed = [], True
    for pool in pools:
        try:
            verdict, seconds = judged(pool, attack.task, host.program(attack))
        except TrialError as error:
            cells.append(f"ERROR {error.reason} {str(error)[:150]}")
            agreed = False
            continue
        after, after_s = judged(pool, attack.task, attack.task.reference)
        faults = [disagreement(attack, verdict), *host.harm()]
        allowed_s = attack.limit_s * verdict.metrics.get("programs", 1) + 1
        faults += [f"took more than {allowed_s:g} s"] if seconds > allowed_s else []
        faults += [f"the next one: {after.detail}"] if after.outcome is not Outcome.PASS else []
        faults = [fault for fault in faults if fault]
        agreed = agreed and not faults
        word = "PASS" if verdict.outcome is Outcome.PASS else f"{verdict.outcome.value} {verdict.reason}"
        wrong = f" **{'; '.join(faults)}**" if faults else ""
        cells.append(f"{word} ({verdict.detail[:90]}) {seconds:.2f} s, next {after_s:.2f} s{wrong}".replace("|", "/"))
    print(f"| {attack.number} | {attack.name} | {' | '.join(cells)} |", flush=True)
    return agreed


def main(arguments: Sequence[str]) -> int:
    """Print the table; returns how many rows are not as they must be."""
    kinds = [kind for kind in LAUNCHERS if kind in arguments] or list(LAUNCHERS)
    numbers = tuple(argument for argument in arguments if argument not in LAUNCHERS)
    settings = SandboxSettings(image=sandbox_image() if "docker" in kinds else "")
    with tempfile.TemporaryDirectory() as folder, arena(Path(folder)) as host:
        os.environ["LLMBENCH_CACHE_DIR"] = folder
        pools = [Pool(LAUNCHERS[kind](settings), settings) for kind in kinds]
        print(f"| # | program | {' | '.join(kinds)} |\n|---|---|{'---|' * len(kinds)}")
        try:
            chosen = [attack for attack in ATTACKS if attack.number.startswith(numbers or "")]
            return sum(not _row(attack, host, pools) for attack in chosen)
        finally:
            for pool in pools:
                pool.close()


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 99))
