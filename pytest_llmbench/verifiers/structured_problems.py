"""What a pack's author got wrong in the checks of structured output."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from xml.etree.ElementTree import Element

from pytest_llmbench.contracts import Problem
from pytest_llmbench.lookup import suggestion
from pytest_llmbench.records import Scenario
from pytest_llmbench.verifiers.check_kinds import BOUNDS, FLAG, TEXT, Params, Shape
from pytest_llmbench.verifiers.extraction import TextFault
from pytest_llmbench.verifiers.formats import TABLES
from pytest_llmbench.verifiers.structured_document import DOCUMENT, read_typed
from pytest_llmbench.verifiers.structured_kinds import KINDS
from pytest_llmbench.verifiers.structured_paths import PathFault, steps
from pytest_llmbench.verifiers.structured_schema import schema_problems
from pytest_llmbench.verifiers.value_rules import rule_problems

Place = tuple[str | int, ...]
_COMMON: dict[str, Shape] = {"kind": TEXT, "name": TEXT, "gating": FLAG}
_TYPED = (*TABLES, "ini")


def check_name(check: Params) -> str:
    """Return what reports call the check: its `name`, else its kind and where it looks."""
    where = check.get("path", check.get("select"))
    return str(check.get("name") or " ".join(str(part) for part in (check.get("kind"), where) if part))


def check_problems(scenario: Scenario) -> Iterator[Problem]:
    """Yield the faults of a scenario's checks, each with its path."""
    checks = scenario.checks
    documents = [place for place, check in enumerate(checks) if check.get("kind") == "document"]
    if documents != [0]:
        yield Problem(path=("checks",), message='exactly one "document" check is needed, as the first')
    if not any(check.get("gating", True) for check in checks if check.get("kind") != "document"):
        message = "a gating check besides document is needed, or an empty document would pass"
        yield Problem(path=("checks",), message=message)
    yield from _name_problems(checks)
    document: Params | None = None
    for place, check in enumerate(checks):
        faults = [Problem(path=("checks", place, key), message=message) for key, message in _bad_keys(check)]
        yield from faults
        if check.get("kind") == "document" and not faults:
            document = check
            yield from _document_problems(check, ("checks", place))
        elif not faults:
            yield from _content_problems(check, ("checks", place), document)


def _name_problems(checks: tuple[Params, ...]) -> Iterator[Problem]:
    taken: set[str] = set()
    for place, check in enumerate(checks):
        if (name := check_name(check)) in taken:
            yield Problem(path=("checks", place), message=f'a second check called "{name}": give it its own "name"')
        taken.add(name)


def _bad_keys(check: Params) -> Iterator[tuple[str, str]]:
    name = check.get("kind")
    kinds = ("document", *KINDS)
    if name not in kinds:
        yield "kind", f'unknown kind of check "{name}": {suggestion(str(name), kinds)}'
        return
    needs: Mapping[str, Shape] = {"format": DOCUMENT["format"]} if name == "document" else KINDS[name].needs
    may = DOCUMENT if name == "document" else KINDS[name].may
    allowed = {**_COMMON, **may, **needs}
    yield from (("kind", f'"{name}" needs "{key}", {needs[key].words}') for key in needs if key not in check)
    for key, value in check.items():
        if key not in allowed:
            yield key, f'unknown key "{key}": {suggestion(str(key), allowed)}'
        elif not allowed[key].fits(value):
            yield key, f'"{key}" must be {allowed[key].words}, not {value!r}'


def _document_problems(check: Params, place: Place) -> Iterator[Problem]:
    wanted = check["format"]
    if "types" in check and wanted not in _TYPED:
        yield Problem(
            path=(*place, "types"), message=f"{wanted} has types of its own; only {', '.join(_TYPED)} need them"
        )
    if "types" in check and wanted == "ini" and not all("." in name for name in check["types"]):
        yield Problem(path=(*place, "types"), message='types of ini are written "section.key"')
    if "delimiter" in check and wanted != "csv":
        yield Problem(path=(*place, "delimiter"), message=f"only csv has a delimiter, not {wanted}")
    if check.get("gating") is False:
        yield Problem(path=(*place, "gating"), message="document always decides: the other checks read what it finds")


def _content_problems(check: Params, place: Place, document: Params | None) -> Iterator[Problem]:
    kind = check["kind"]
    if document is not None and document["format"] not in KINDS[kind].formats:
        message = f'"{kind}" looks only into {", ".join(KINDS[kind].formats)}, not {document["format"]}'
        yield Problem(path=(*place, "kind"), message=message)
    for key in ("path", "by"):
        if key in check:
            yield from _path_problems(check[key], (*place, key))
    if kind in _CONTENT:
        yield from _CONTENT[kind](check, place, document)


def _path_problems(path: str, place: Place) -> Iterator[Problem]:
    try:
        steps(path)
    except PathFault as fault:
        yield Problem(path=place, message=str(fault))


def _equals_problems(check: Params, place: Place, document: Params | None) -> Iterator[Problem]:
    if ("value" in check) == ("document" in check):
        yield Problem(path=place, message='"equals" needs either "value" or "document"')
    if "value" in check:
        yield from rule_problems(check["value"], (*place, "value"))
    if "document" not in check:
        return
    if "path" in check:
        yield Problem(path=(*place, "path"), message='"document" is compared with the whole: leave "path" out')
    try:
        if document is not None:
            read_typed(check["document"], document)
    except TextFault as fault:
        yield Problem(path=(*place, "document"), message=f"the document {fault}")


def _schema_problems(check: Params, place: Place, _document: Params | None) -> Iterator[Problem]:
    for message in schema_problems(check["schema"]):
        yield Problem(path=(*place, "schema"), message=message)


def _every_problems(check: Params, place: Place, _document: Params | None) -> Iterator[Problem]:
    return rule_problems(check["is"], (*place, "is"))


def _count_problems(check: Params, place: Place, _document: Params | None) -> Iterator[Problem]:
    if not any(bound in check for bound in BOUNDS):
        yield Problem(path=place, message=f'"count" needs at least one of {", ".join(BOUNDS)}')
    if check.get("min", 0) > check.get("max", check.get("min", 0)):
        yield Problem(path=(*place, "min"), message='"min" is greater than "max"')


def _keys_problems(check: Params, place: Place, _document: Params | None) -> Iterator[Problem]:
    if len(set(check["are"])) != len(check["are"]):
        yield Problem(path=(*place, "are"), message="a key is listed twice")


def _xpath_problems(check: Params, place: Place, _document: Params | None) -> Iterator[Problem]:
    try:
        Element("probe").findall(check["select"])
    except (SyntaxError, KeyError, IndexError, TypeError, ValueError) as error:
        yield Problem(path=(*place, "select"), message=f'"{check["select"]}" is no ElementTree path: {error}')
    if check["select"].startswith("/"):
        message = 'a path begins at the outermost element: write "a/b" or ".//b", not "/..."'
        yield Problem(path=(*place, "select"), message=message)
    for number, rule in enumerate(check["are"]):
        yield from rule_problems(rule, (*place, "are", number))


_CONTENT: Mapping[str, Callable[[Params, Place, Any], Iterator[Problem]]] = {
    "equals": _equals_problems,
    "schema": _schema_problems,
    "every": _every_problems,
    "count": _count_problems,
    "keys": _keys_problems,
    "xpath": _xpath_problems,
}
