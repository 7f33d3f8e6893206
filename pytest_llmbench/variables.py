"""``${NAME}`` in settings files: found, and replaced by what the environment says."""

from __future__ import annotations

import re
from collections.abc import Mapping

HOW = "write ${NAME} or ${NAME:-default}, and $$ for a dollar sign"

_REFERENCE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<inside>[^{}]*)\}|(?P<open>\{))")
_INSIDE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-.*)?", re.DOTALL)


def mentions_variables(text: str) -> bool:
    """Tell whether `substituted` would change or refuse `text`."""
    return _REFERENCE.search(text) is not None


def variable_names(text: str) -> list[str]:
    """Return the names of the variables that `text` refers to, in order."""
    found = (_INSIDE.fullmatch(match["inside"] or "") for match in _REFERENCE.finditer(text))
    return [match["name"] for match in found if match]


def substituted(text: str, values: Mapping[str, str]) -> str:
    """Return `text` with each ``${NAME}`` replaced by its value and each ``$$`` by a dollar sign.

    ``${NAME:-default}`` is the default where NAME is not set or empty. Any other ``$`` stays. Raises ValueError with
    the name of a variable that is not set; no value ever stands in a message.
    """
    return _REFERENCE.sub(lambda match: _value(match, values), text)


def _value(match: re.Match[str], values: Mapping[str, str]) -> str:
    if match["dollar"]:
        return "$"
    inside = _INSIDE.fullmatch(match["inside"] or "")
    if inside is None:
        raise ValueError(f"a reference to a variable cannot be read: {HOW}")
    name, default = inside["name"], inside["default"]
    if default is not None:
        return values.get(name) or default[2:]
    if name not in values:
        raise ValueError(
            f"the environment has no variable {name}: set it (export {name}=...), "
            f"or write ${{{name}:-something}} for what holds without it"
        )
    return values[name]
