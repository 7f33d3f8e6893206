"""``python -m tests.benchmarks.references PACK SANDBOX``: judge the references of a code pack, two at a time."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from pytest_llmbench.assemble import build_sandbox, with_sandbox
from pytest_llmbench.contracts import Verifier
from pytest_llmbench.datasets import builtin_packs_dir, fill, read_pack
from pytest_llmbench.records import Exchange, Outcome, Request, Response, Scenario, Turn
from pytest_llmbench.settings import SandboxSettings
from pytest_llmbench.verifiers import VERIFIERS


def main(pack_name: str, kind: str, image: str = "") -> int:
    """Return 0 where all references pass; the others are printed."""
    settings = replace(SandboxSettings(kind=kind), **({"image": image} if image else {}))
    sandbox = build_sandbox(settings)
    verifier = with_sandbox(VERIFIERS, sandbox)["python_code"]
    scenarios = read_pack(Path(builtin_packs_dir()) / pack_name).scenarios
    with ThreadPoolExecutor(2) as pool:
        wrong = list(filter(None, pool.map(lambda scenario: _judged(verifier, scenario), scenarios)))
    sandbox.close()
    print(*wrong, f"{len(scenarios) - len(wrong)} of {len(scenarios)} pass", sep="\n")
    return 1 if wrong else 0


def _judged(verifier: Verifier, scenario: Scenario) -> str:
    full = fill(scenario)
    answer = f"```python\n{full.checks[0]['reference']}\n```"
    turn = Turn(request=Request(model="", messages=full.messages), response=Response(content=answer))
    verdict = verifier.judge(full, Exchange(turns=(turn,)))
    return "" if verdict.outcome is Outcome.PASS else f"{scenario.id}: {verdict.reason}: {verdict.detail}"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
