"""``llmbench VERB``: reads the command line and hands it to the verb."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pytest_llmbench import __version__
from pytest_llmbench.commands import selftest

USAGE_EXIT = 4
"""The exit code of a command line that asks for something impossible, as pytest has it."""


@dataclass(frozen=True, slots=True)
class Verb:
    """What ``llmbench`` can do: options for its own parser, then the exit code of what it did."""

    help: str
    add_options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


VERBS: Mapping[str, Verb] = {
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
    return VERBS[options.verb].run(options)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="llmbench", description="Looks at packs and runs; measuring a model is what pytest does.")
    parser.add_argument("--version", action="version", version=f"pytest-llmbench {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")
    for name, verb in VERBS.items():
        verb.add_options(verbs.add_parser(name, help=verb.help, description=verb.help))
    return parser


if __name__ == "__main__":
    sys.exit(main())
