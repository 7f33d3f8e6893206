"""Secrets taken out of what is written or shown: command lines, URLs, settings."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

HIDDEN = "***"
"""What stands in place of a secret."""

_WORDS = re.compile(
    r"(?<![a-z0-9])(api)?(key|token|secret|password|passwd|passphrase|pwd|auth|authorization|bearer|credentials?)"
    r"(?![a-z0-9])"
)
_ENVIRONMENT = re.compile(r"(^|_)(API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE)$", re.IGNORECASE)
_SHORTEST_SECRET = 12

_USER_INFO = re.compile(r"(?<=://)[^/?#\s]*@")
_NAMED = re.compile(r"""(?P<name>[A-Za-z][\w.-]*)(?P<between>["']?\s*[=:]\s*["']?)(?P<value>(?!//|:)[^\s&;,"'}]+)""")
_BEARER = re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE)
_PREFIXED = re.compile(
    r"\b(sk-|sk_|pk_|hf_|gsk_|r8_|ghp_|gho_|ghs_|github_pat_|glpat-|xox[abps]-|nvapi-|AIza|AKIA|eyJ)[\w.-]{8,}"
)
_RANDOM = re.compile(r"\b(?=\w*\d)(?=\w*[a-z])(?=\w*[A-Z])[A-Za-z0-9]{32,}\b")


def redacted(text: str) -> str:
    """Return `text` without what looks like a secret.

    That is: credentials in a URL, the value after a name such as ``api_key=``, tokens known by
    their prefix, long random words, and the value of every environment variable named as a key.
    """
    for secret in _environment_secrets():
        text = text.replace(secret, HIDDEN)
    text = _USER_INFO.sub(f"{HIDDEN}@", text)
    text = _BEARER.sub(rf"\1 {HIDDEN}", text)
    text = _NAMED.sub(_hide_named, text)
    return _RANDOM.sub(HIDDEN, _PREFIXED.sub(HIDDEN, text))


def redacted_command(arguments: Sequence[str]) -> list[str]:
    """Return a command line without secrets, also those in an argument of their own after ``--api-key``."""
    kept: list[str] = []
    hide = False
    for argument in arguments:
        kept.append(HIDDEN if hide and not argument.startswith("-") else redacted(argument))
        hide = argument.startswith("--") and "=" not in argument and names_secret(argument)
    return kept


def redacted_data(value: Any, *, name: str = "") -> Any:
    """Return plain data with every text `redacted`, and hidden whole where `name` is that of a secret."""
    if isinstance(value, str):
        return HIDDEN if value and names_secret(name) else redacted(value)
    if isinstance(value, Mapping):
        return {key: redacted_data(item, name=str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [redacted_data(item, name=name) for item in value]
    return value


def names_secret(name: str) -> bool:
    """Tell whether an option, field or variable of this name holds a secret (``max_tokens`` does not)."""
    words = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
    return _WORDS.search(words) is not None


def _hide_named(match: re.Match[str]) -> str:
    if not names_secret(match["name"]):
        return match[0]
    return f"{match['name']}{match['between']}{HIDDEN}"


def _environment_secrets() -> list[str]:
    values = {value for name, value in os.environ.items() if _ENVIRONMENT.search(name)}
    return sorted((value for value in values if len(value) >= _SHORTEST_SECRET), key=len, reverse=True)
