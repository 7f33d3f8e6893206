"""``llmbench doctor``: what works on this machine, and the command that mends the rest."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from pytest_llmbench.commands import saved
from pytest_llmbench.commands.doctor_checks import Finding, Patient, State, examine
from pytest_llmbench.redaction import redacted
from pytest_llmbench.reports.wording import single_line

HELP = "say what works on this machine, and the command that mends the rest"

_FINE, _WRONG = 0, 1
_WORDS = {State.OK: "ok", State.BROKEN: "NO", State.ABSENT: "-"}
_NAME = 22
_LIMIT = 400


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the verb understands."""
    parser.add_argument("--url", default="", metavar="URL", help="look at this server (default: LLMBENCH_URL)")
    parser.add_argument("--model", default="", metavar="NAME", help="the model that the server must serve")
    parser.add_argument("--data", default="", metavar="DIR", help="a folder with benchmark data")
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def run(options: argparse.Namespace) -> int:
    """Return 0 where a run finds what it needs, 1 where it does not. What is merely not here is no fault."""
    url = options.url or os.environ.get("LLMBENCH_URL", "")
    patient = Patient(here=Path.cwd(), url=url, model=options.model, data=options.data)
    findings = []
    for finding in examine(patient):
        findings.append(finding)
        if not options.json:
            print(_line(finding), flush=True)
    broken = [finding for finding in findings if finding.state is State.BROKEN]
    if options.json:
        saved.print_json({"ok": not broken, "findings": [_plain(finding) for finding in findings]})
    else:
        print("", _ending(broken), sep="\n")
    return _WRONG if broken else _FINE


def _line(finding: Finding) -> str:
    line = f"{_WORDS[finding.state]:3} {finding.name:{_NAME}} {single_line(redacted(finding.found), _LIMIT)}"
    return f"{line}\n{'':{_NAME + 4}} -> {finding.fix}" if finding.fix else line


def _plain(finding: Finding) -> dict[str, str]:
    return {
        "name": finding.name,
        "state": finding.state.value,
        "found": redacted(finding.found),
        "fix": finding.fix,
    }


def _ending(broken: Sequence[Finding]) -> str:
    if not broken:
        return "All that a run needs is here. What is marked - is not, and only some runs want it."
    return f"To be mended before a run: {', '.join(finding.name for finding in broken)}"
