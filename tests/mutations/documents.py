"""One right document in each format, with checks that pin all of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ORDER: Any = {"id": 5, "paid": True, "note": None, "lines": [{"sku": "a-1", "qty": 2}, {"sku": "b-2", "qty": 7}]}
ROWS: Any = [{"sku": "a-1", "qty": 2, "price": 0.5}, {"sku": "b-2", "qty": 7, "price": 12.25}]
COLUMNS = ["sku", "qty", "price"]
TYPES = {"sku": "text", "qty": "integer", "price": "number"}


def pinned(data: Any) -> Any:
    """Return the rule that `data` fits and nothing else does."""
    if isinstance(data, dict):
        return {"object": {key: pinned(value) for key, value in data.items()}}
    return [pinned(value) for value in data] if isinstance(data, list) else data


def whole(data: Any) -> Mapping[str, Any]:
    """Return the check that the whole is `data`."""
    return {"kind": "equals", "value": pinned(data)}


TREE: Any = [{"text": "Hall", "items": [{"text": "lamp 3", "items": []}]}, {"text": "Attic", "items": []}]
JSON_TEXT = """\
{"id": 5, "paid": true, "note": null,
 "lines": [{"sku": "a-1", "qty": 2}, {"sku": "b-2", "qty": 7}]}"""
YAML_TEXT = """\
id: 5
paid: true
note: null
lines:
  - sku: a-1
    qty: 2
  - sku: b-2
    qty: 7"""
TOML_TEXT = """\
id = 5
paid = true

[[lines]]
sku = "a-1"
qty = 2

[[lines]]
sku = "b-2"
qty = 7"""
INI_TEXT = "[shop]\nid = 5\npaid = true\n\n[mail]\nto = ops"
XML_TEXT = '<order id="5"><line qty="2">a-1</line><line qty="7">b-2</line></order>'
TABLE_TEXT = "| sku | qty | price |\n|---|---|---|\n| a-1 | 2 | 0.50 |\n| b-2 | 7 | 12.25 |"
LIST_TEXT = "- Hall\n  - lamp 3\n- Attic"

DOCUMENTS: Mapping[str, tuple[list[Mapping[str, Any]], str]] = {
    "json": ([{"kind": "document", "format": "json"}, whole(ORDER)], JSON_TEXT),
    "jsonl": (
        [{"kind": "document", "format": "jsonl"}, whole(ORDER["lines"])],
        '{"sku": "a-1", "qty": 2}\n{"sku": "b-2", "qty": 7}',
    ),
    "yaml": ([{"kind": "document", "format": "yaml"}, whole(ORDER)], YAML_TEXT),
    "toml": (
        [{"kind": "document", "format": "toml"}, whole({key: ORDER[key] for key in ("id", "paid", "lines")})],
        TOML_TEXT,
    ),
    "ini": (
        [
            {"kind": "document", "format": "ini", "types": {"shop.id": "integer", "shop.paid": "boolean"}},
            whole({"shop": {"id": 5, "paid": True}, "mail": {"to": "ops"}}),
        ],
        INI_TEXT,
    ),
    "xml": (
        [
            {"kind": "document", "format": "xml"},
            {"kind": "xpath", "name": "id", "select": ".", "attribute": "id", "numbers": True, "are": [5]},
            {"kind": "xpath", "name": "lines", "select": "./line", "are": ["a-1", "b-2"]},
            {"kind": "xpath", "name": "qty", "select": "./line", "attribute": "qty", "numbers": True, "are": [2, 7]},
        ],
        XML_TEXT,
    ),
    "csv": (
        [
            {"kind": "document", "format": "csv", "types": TYPES},
            {"kind": "keys", "are": COLUMNS, "ordered": True},
            whole(ROWS),
        ],
        "sku,qty,price\na-1,2,0.50\nb-2,7,12.25",
    ),
    "markdown_table": (
        [
            {"kind": "document", "format": "markdown_table", "types": TYPES},
            {"kind": "keys", "are": COLUMNS},
            whole(ROWS),
        ],
        TABLE_TEXT,
    ),
    "markdown_list": ([{"kind": "document", "format": "markdown_list"}, whole(TREE)], LIST_TEXT),
}
"""Format -> checks and a right answer."""
