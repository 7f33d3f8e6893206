"""Logs of servers without the secrets that were handed to them."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_llmbench.redaction import HIDDEN, names_secret, redacted

SHORTEST = 4
"""Characters of a value that is hidden; a shorter one stands in half the lines by chance."""


def without_secrets(log: str, env: Mapping[str, str]) -> str:
    """Return `log` without what looks like a secret, and without the values of `env` whose names say secret."""
    for name, value in env.items():
        if len(value) >= SHORTEST and names_secret(name):
            log = log.replace(value, HIDDEN)
    return "\n".join(redacted(line) for line in log.splitlines())
