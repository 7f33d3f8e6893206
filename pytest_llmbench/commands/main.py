"""``llmbench VERB``: reads the command line and hands it to the verb."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pytest_llmbench import __version__
from pytest_llmbench.commands import (
    baseline,
    compare_runs,
    doctor,
    export_run,
    import_run,
    inspect_run,
    packs_command,
    profiles,
    report_run,
    reproduce,
    rescore,
    run_history,
    sandbox,
    selftest,
    tracker_file,
)
from pytest_llmbench.errors import LlmbenchError
from pytest_llmbench.plain_data import printable

USAGE_EXIT = 4
"""The exit code of a command line that asks for something impossible, as pytest has it."""
INTERRUPT_EXIT, PIPE_EXIT = 130, 141
"""Exit codes of what SIGINT and SIGPIPE ended, as a shell has them."""


@dataclass(frozen=True, slots=True)
class Verb:
    """What ``llmbench`` can do: options for its own parser, then the exit code of what it did."""

    help: str
    add_options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


VERBS: Mapping[str, Verb] = {
    "baseline": Verb(baseline.HELP, baseline.add_options, baseline.run),
    "compare": Verb(compare_runs.HELP, compare_runs.add_options, compare_runs.run),
    "doctor": Verb(doctor.HELP, doctor.add_options, doctor.run),
    "export": Verb(export_run.HELP, export_run.add_options, export_run.run),
    "history": Verb(run_history.HELP, run_history.add_options, run_history.run),
    "import": Verb(import_run.HELP, import_run.add_options, import_run.run),
    "inspect": Verb(inspect_run.HELP, inspect_run.add_options, inspect_run.run),
    "packs": Verb(packs_command.HELP, packs_command.add_options, packs_command.run),
    "profiles": Verb(profiles.HELP, profiles.add_options, profiles.run),
    "report": Verb(report_run.HELP, report_run.add_options, report_run.run),
    "reproduce": Verb(reproduce.HELP, reproduce.add_options, reproduce.run),
    "rescore": Verb(rescore.HELP, rescore.add_options, rescore.run),
    "sandbox": Verb(sandbox.HELP, sandbox.add_options, sandbox.run),
    "selftest": Verb(selftest.HELP, selftest.add_options, selftest.run),
    "tracker": Verb(tracker_file.HELP, tracker_file.add_options, tracker_file.run),
}


class _Parser(argparse.ArgumentParser):
    """Ends with our exit code for bad usage."""

    def exit(self, status: int = 0, message: str | None = None) -> None:  # type: ignore[override]
        super().exit(USAGE_EXIT if status else 0, message)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code; without a verb, print those there are."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.verb is None:
        parser.print_help()
        return 0
    _print_anything()
    try:
        code = VERBS[options.verb].run(options)
        sys.stdout.flush()
    except LlmbenchError as error:
        print(printable(str(error)), file=sys.stderr)
        return USAGE_EXIT
    except BrokenPipeError:  # whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_EXIT
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPT_EXIT
    return code


def _print_anything() -> None:
    """Let a terminal that cannot show a character get its escape: what a model wrote must not end a verb."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="llmbench", description="Looks at packs and runs; measuring a model is what pytest does.")
    parser.add_argument("--version", action="version", version=f"pytest-llmbench {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")
    for name, verb in VERBS.items():
        verb.add_options(verbs.add_parser(name, help=verb.help, description=verb.help))
    return parser


if __name__ == "__main__":
    sys.exit(main())
