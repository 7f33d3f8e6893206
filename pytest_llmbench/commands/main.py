"""``llmbench VERB``: reads the command line and hands it to the verb."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pytest_llmbench import __version__
from pytest_llmbench.commands import profiles, sandbox, selftest

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
    "profiles": Verb(profiles.HELP, profiles.add_options, profiles.run),
    "sandbox": Verb(sandbox.HELP, sandbox.add_options, sandbox.run),
    "selftest": Verb(selftest.HELP, selftest.add_options, selftest.run),
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
    try:
        code = VERBS[options.verb].run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_EXIT
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPT_EXIT
    return code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="llmbench", description="Looks at packs and runs; measuring a model is what pytest does.")
    parser.add_argument("--version", action="version", version=f"pytest-llmbench {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")
    for name, verb in VERBS.items():
        verb.add_options(verbs.add_parser(name, help=verb.help, description=verb.help))
    return parser


if __name__ == "__main__":
    sys.exit(main())
