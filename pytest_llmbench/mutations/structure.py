"""Do data keep what the checks of `structured_output` ask? Yes, no, or not certain, by the handbook's words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from pytest_llmbench.mutations.formats import FORMS
from pytest_llmbench.mutations.formats.json_forms import as_floats
from pytest_llmbench.mutations.formats.xml_form import element
from pytest_llmbench.mutations.json_schema import breaks
from pytest_llmbench.mutations.rules import Answer, every, fits, is_number, same

Check = Mapping[str, Any]
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_NOTHING = object()


def keeps(checks: Sequence[Check], data: Any, original: Any) -> Answer:
    """Say whether `data` keeps all gating checks, which `original` is known to keep."""
    document = document_check(checks)
    gating = [check for check in checks if check.get("gating", True) and check["kind"] != "document"]
    return every(_keeps(check, data, original, document) for check in gating)


def document_check(checks: Sequence[Check]) -> Check:
    """Return the check that names the format; {} where there is none."""
    return next((check for check in checks if check["kind"] == "document"), {})


def _keeps(check: Check, data: Any, original: Any, document: Check) -> Answer:
    if check["kind"] == "keys" and check.get("ordered"):
        return _ordered_keys(check, data)
    if same(data, original):
        return True
    judge = _KINDS.get(check["kind"])
    if judge is None:
        return None
    if check["kind"] == "xpath" or ("path" not in check):
        return judge(check, data, document)
    part = at_path(data, check["path"])
    if part is _NOTHING:
        return None if at_path(original, check["path"]) is _NOTHING else False
    return judge(check, part, document)


def at_path(data: Any, path: str) -> Any:
    """Return what ``a.b[0].c`` leads to, or `_NOTHING`."""
    for place, key in _STEP.findall(path):
        if place:
            if not isinstance(data, list) or int(place) >= len(data):
                return _NOTHING
            data = data[int(place)]
        elif isinstance(data, Mapping) and key in data:
            data = data[key]
        else:
            return _NOTHING
    return data


def _equals(check: Check, part: Any, document: Check) -> Answer:
    if "document" in check:
        try:
            wanted = FORMS[document["format"]].read(check["document"].strip("\n"), document)
        except ValueError:
            return None
        return same(wanted, part)
    return fits(check["value"], part)


def _schema(check: Check, part: Any, document: Check) -> Answer:
    del document
    return False if breaks(check["schema"], part) else None


def _every(check: Check, part: Any, document: Check) -> Answer:
    del document
    if not isinstance(part, list) or not part:
        return False
    return every(fits(check["is"], item) for item in part)


def _count(check: Check, part: Any, document: Check) -> Answer:
    del document
    if not isinstance(part, (list, Mapping)):
        return False
    length = len(part)
    within = check.get("min", 0) <= length <= check.get("max", length)
    return bool(within and length == check.get("exactly", length))


def _distinct(check: Check, part: Any, document: Check) -> Answer:
    del document
    values = _values(check, part)
    if values is None:
        return None
    keys = [json.dumps(as_floats(value), sort_keys=True) for value in values]
    return len(set(keys)) == len(keys)


def _values(check: Check, part: Any) -> list[Any] | None:
    """Return the elements or their field `by`; None where there are none to compare."""
    if not isinstance(part, list):
        return None
    if "by" not in check:
        return part
    if not all(isinstance(item, Mapping) and check["by"] in item for item in part):
        return None
    return [item[check["by"]] for item in part]


def _keys(check: Check, part: Any, document: Check) -> Answer:
    del document
    owner = part[0] if isinstance(part, list) and part and "path" not in check else part
    return isinstance(owner, Mapping) and sorted(owner) == sorted(check["are"])


def _ordered_keys(check: Check, data: Any) -> Answer:
    part = at_path(data, check.get("path", ""))
    owner = part[0] if isinstance(part, list) and part else part
    return isinstance(owner, Mapping) and list(owner) == list(check["are"])


def _sorted(check: Check, part: Any, document: Check) -> Answer:
    """Certain for numbers, and for texts that no way of comparing puts in another order."""
    del document
    values = _values(check, part)
    if values is None:
        return None
    values = values[::-1] if check.get("descending") else values
    if all(map(is_number, values)):
        return all(one <= two for one, two in pairwise(values))
    if not all(isinstance(value, str) for value in values):
        return None
    found = {all(one <= two for one, two in pairwise(map(fold, values))) for fold in (str, str.casefold)}
    return found.pop() if len(found) == 1 and all(value.isascii() for value in values) else None


def _xpath(check: Check, part: Any, document: Check) -> Answer:
    del document
    attribute = check.get("attribute")
    try:
        found = element(part).findall(check["select"])
    except (ValueError, SyntaxError, KeyError):
        return None
    texts = [node.get(attribute, "") if attribute else (node.text or "").strip() for node in found]
    if not check.get("numbers"):
        return fits(list(check["are"]), texts)
    try:
        return fits(list(check["are"]), [float(text) for text in texts])
    except ValueError:
        return False


_KINDS: Mapping[str, Callable[[Check, Any, Check], Answer]] = {
    "equals": _equals,
    "schema": _schema,
    "every": _every,
    "count": _count,
    "distinct": _distinct,
    "keys": _keys,
    "sorted": _sorted,
    "xpath": _xpath,
}
