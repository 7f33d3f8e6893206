"""Checks of form: headings, outlines, tables, quotes, JSON, and nothing outside them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from pytest_llmbench.records import Reason
from pytest_llmbench.verifiers.check_kinds import (
    ANYTHING,
    COUNT,
    COUNTS,
    FLAG,
    ROWS,
    TEXT,
    TEXTS,
    TREE,
    Kind,
    Params,
    Subject,
    choice,
    short,
)
from pytest_llmbench.verifiers.text import (
    ListItem,
    fences,
    item_mark,
    list_items,
    newlines,
    normal,
    plain,
    plain_line,
    tidy,
    unfence,
)

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(\S.*)")
_QUOTE = re.compile(r" {0,3}>")
_DELIMITER = re.compile(r":?-+:?")
_PIPE = re.compile(r"(?<!\\)\|")


def headings(subject: Subject, params: Params) -> str:
    """Sees the ``#`` headings, which must be those of `are` in that order, all of `level` if given.

    Does not see underlined headings or bold lines.
    """
    found = [match for row in subject.text.split("\n") if (match := _HEADING.match(row))]
    got = [normal(match.group(2).rstrip("# ")) for match in found]
    wanted = [normal(heading) for heading in params["are"]]
    if got != wanted:
        return f"headings {short(', '.join(got[:8]))}, wanted {short(', '.join(wanted), 200)}"
    level = params.get("level")
    wrong = next((match for match in found if level is not None and len(match.group(1)) != level), None)
    return f"{short(wrong.group())} is not a level {level} heading" if wrong else ""


def outline(subject: Subject, params: Params) -> str:
    """Sees a list of two levels: how many items stand below each outer one (`shape`), their marks (`top`, `sub`).

    Marks are ``bullet`` or ``numbered``. Does not see what the items say, nor text outside the list.
    """
    items = list_items(subject.text)
    for item in items:
        mark = params.get("top" if item.level == 1 else "sub")
        if mark is not None and item.numbered != (mark == "numbered"):
            return f"{short(item.text)} is not marked {mark}"
        if item.level > 2:
            return f"{short(item.text)} stands on level {item.level}"
    got = [len(subs) for _, subs in _tree(items)]
    return "" if got == list(params["shape"]) else f"items below each outer item {got}, wanted {list(params['shape'])}"


def outline_entries(subject: Subject, params: Params) -> str:
    """Sees what a list of two levels says: the outer items in the order of `are`, below each its items in any order.

    Case, accents, quotes and closing punctuation do not count. Does not see the marks.
    """
    got = [(normal(top), sorted(map(normal, subs))) for top, subs in _tree(list_items(subject.text))]
    wanted = [(normal(top), sorted(map(normal, subs))) for top, subs in params["are"].items()]
    return "" if got == wanted else f"outline {short(str(got[:8]), 200)}, wanted {short(str(wanted), 200)}"


def _tree(items: Sequence[ListItem]) -> list[tuple[str, list[str]]]:
    tree: list[tuple[str, list[str]]] = []
    for item in items:
        if item.level == 1 or not tree:
            tree.append((item.text, []))
        else:
            tree[-1][1].append(item.text)
    return tree


def table(subject: Subject, params: Params) -> str:
    """Sees that there is a pipe table, and that the header of the first one is `columns`. Does not see its rows."""
    found = _table(subject.text)
    if found is None:
        return "there is no Markdown table"
    header, columns = [normal(cell) for cell in found[0]], [normal(column) for column in params["columns"]]
    return "" if header == columns else f"columns {short(', '.join(header))}, wanted {short(', '.join(columns), 200)}"


def table_rows(subject: Subject, params: Params) -> str:
    """Sees that the rows of the first pipe table are `are`, in that order or (`any_order`) in any.

    Case, emphasis, quotes and outer punctuation of a cell do not count. Does not see the header.
    """
    rows = [[normal(cell) for cell in cells] for cells in (_table(subject.text) or [])[1:]]
    wanted = [[normal(cell) for cell in row] for row in params["are"]]
    if rows == wanted or (params.get("any_order") and sorted(rows) == sorted(wanted)):
        return ""
    return f"rows {short(str(rows[:8]), 200)}, wanted {short(str(wanted), 200)}"


def _table(text: str) -> list[list[str]] | None:
    """Return header and rows of the first table, or None. The delimiter row decides that it is one."""
    rows = text.split("\n")
    for place in range(1, len(rows)):
        header, marks = _cells(rows[place - 1]), _cells(rows[place])
        if header and len(header) == len(marks) and all(_DELIMITER.fullmatch(mark) for mark in marks):
            return [header, *_while_cells(rows[place + 1 :])]
    return None


def _while_cells(rows: list[str]) -> Iterator[list[str]]:
    for row in rows:
        if not (cells := _cells(row)):
            return
        yield cells


def _cells(row: str) -> list[str]:
    if "|" not in row:
        return []
    return [cell.strip() for cell in _PIPE.split(row.strip().removeprefix("|").removesuffix("|"))]


def quote(subject: Subject, params: Params) -> str:
    """Sees the lines that begin with ``>``, which together must say `says`, spacing and quotes aside.

    Does not see where the quote stands.
    """
    rows = [plain_line(row) for row in subject.text.split("\n") if _QUOTE.match(row)]
    if not rows:
        return "there is no block quote"
    got, wanted = normal(" ".join(rows)), normal(params["says"])
    return "" if got == wanted else f"quotes {short(got)}, wanted {short(wanted, 200)}"


def json_object(subject: Subject, params: Params) -> str:
    """Sees a JSON object with the outer `keys` and no others, in that order if `ordered`.

    It is the one fenced block (`fenced`), else the whole answer with or without a fence. NaN and
    repeated keys are no JSON. Does not see the values, nor text outside (`outside` does).
    """
    got, complaint = _read_json(subject, params)
    if complaint:
        return complaint
    if not isinstance(got, dict):
        return "the JSON is no object"
    keys, wanted = list(got), list(params["keys"])
    if keys == wanted or (not params.get("ordered") and sorted(keys) == sorted(wanted)):
        return ""
    return f"keys {short(', '.join(keys[:12]), 200)}, wanted {short(', '.join(wanted), 200)}"


def json_equals(subject: Subject, params: Params) -> str:
    """Sees whether the JSON, found as by `json_object`, is `value`: 1 and 1.0 are the same, 1 and true or "1" not.

    Does not see the order of keys.
    """
    got, complaint = _read_json(subject, params)
    if complaint or _same(got, params["value"]):
        return complaint
    return f"JSON differs{_where(got, params['value'])}, wanted {short(json.dumps(params['value']), 200)}"


def _where(got: Any, wanted: Any) -> str:
    """Name the first outer key that differs, if both are objects."""
    if not isinstance(got, dict) or not isinstance(wanted, Mapping):
        return ""
    keys = [*wanted, *(key for key in got if key not in wanted)]
    wrong = next((key for key in keys if key not in got or key not in wanted or not _same(got[key], wanted[key])), "")
    return f" at {short(wrong)}"


def _read_json(subject: Subject, params: Params) -> tuple[Any, str]:
    """Return the value and "", or None and what is wrong."""
    text = newlines(subject.raw).strip()
    blocks = fences(text)
    if params.get("fenced") and (len(blocks) != 1 or not blocks[0].closed):
        return None, f"{len(blocks)} code blocks, wanted exactly 1, closed"
    body = blocks[0].body if params.get("fenced") else unfence(text)
    try:
        return _parse(body), ""
    except (ValueError, RecursionError):
        return None, f"{short(body)} is not JSON"


def _parse(body: str) -> Any:
    try:
        return json.loads(body, parse_constant=_no_constant, object_pairs_hook=_no_repeats)
    except json.JSONDecodeError:
        return json.loads(tidy(body), parse_constant=_no_constant, object_pairs_hook=_no_repeats)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key comes twice")
    return dict(pairs)


def _same(got: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        if not isinstance(got, dict) or got.keys() != wanted.keys():
            return False
        return all(_same(got[key], wanted[key]) for key in wanted)
    if isinstance(wanted, (list, tuple)):
        return isinstance(got, list) and len(got) == len(wanted) and all(map(_same, got, wanted))
    if isinstance(wanted, bool) or isinstance(got, bool):
        return got is wanted
    return bool(got == wanted)


def outside(subject: Subject, params: Params) -> str:
    """Sees how many lines that are not blank stand outside the list, table, quote or fence `of` (`lines`, else none).

    Does not see on which side they stand.
    """
    kind = params["of"]
    rows = tidy(subject.raw).split("\n") if kind == "fence" else subject.text.split("\n")
    inside = _INSIDE[kind](rows)
    if not inside:
        return f"there is no {kind}"
    left = [row for place, row in enumerate(rows) if place not in inside and plain(row)]
    if len(left) == params.get("lines", 0):
        return ""
    return f"{len(left)} lines outside the {kind}, wanted {params.get('lines', 0)}: {short(' / '.join(left[:3]))}"


def _in_list(rows: list[str]) -> set[int]:
    found: set[int] = set()
    for place, row in enumerate(rows):
        if item_mark(row) or (found and row[:1] in {" ", "\t"}):
            found.add(place)
    return found


def _in_table(rows: list[str]) -> set[int]:
    return {place for place, row in enumerate(rows) if _cells(row)} if _table("\n".join(rows)) else set()


def _in_quote(rows: list[str]) -> set[int]:
    return {place for place, row in enumerate(rows) if _QUOTE.match(row)}


def _in_fence(rows: list[str]) -> set[int]:
    return {place for block in fences("\n".join(rows)) for place in range(block.first, block.last + 1)}


_INSIDE: dict[str, Callable[[list[str]], set[int]]] = {
    "list": _in_list,
    "table": _in_table,
    "quote": _in_quote,
    "fence": _in_fence,
}
_FORM, _WRONG = Reason.INVALID_FORMAT, Reason.WRONG_ANSWER
_MARK = choice("bullet", "numbered")
LAYOUT: dict[str, Kind] = {
    "headings": Kind(check=headings, reason=_FORM, needs={"are": TEXTS}, may={"level": COUNT}),
    "outline": Kind(check=outline, reason=_FORM, needs={"shape": COUNTS}, may={"top": _MARK, "sub": _MARK}),
    "outline_entries": Kind(check=outline_entries, reason=_WRONG, needs={"are": TREE}),
    "table": Kind(check=table, reason=_FORM, needs={"columns": TEXTS}),
    "rows": Kind(check=table_rows, reason=_WRONG, needs={"are": ROWS}, may={"any_order": FLAG}),
    "quote": Kind(check=quote, reason=_FORM, needs={"says": TEXT}),
    "json_object": Kind(check=json_object, reason=_FORM, needs={"keys": TEXTS}, may={"ordered": FLAG, "fenced": FLAG}),
    "json_equals": Kind(check=json_equals, reason=_WRONG, needs={"value": ANYTHING}, may={"fenced": FLAG}),
    "outside": Kind(check=outside, reason=_FORM, needs={"of": choice(*_INSIDE)}, may={"lines": COUNT}),
}
