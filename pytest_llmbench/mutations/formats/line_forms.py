"""TOML and INI: keys and values line by line, below headings in brackets."""

from __future__ import annotations

import configparser
import datetime as dt
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_llmbench.mutations.formats.cells import typed, untyped
from pytest_llmbench.mutations.formats.form import Check, Form, Spelling
from pytest_llmbench.mutations.rules import is_number

_PAIR = re.compile(r"^([ \t]*[\w.-]+)[ \t]*=[ \t]*(.*)$", re.MULTILINE)
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def _read_toml(text: str, check: Check) -> Any:
    del check
    return _iso(tomllib.loads(text))


def _iso(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _iso(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_iso(value) for value in data]
    return data.isoformat() if isinstance(data, (dt.date, dt.time)) else data


def _write_toml(data: Any, check: Check) -> str:
    del check
    if not isinstance(data, Mapping):
        raise ValueError("TOML is a mapping")  # noqa: TRY004 - every writer raises ValueError
    return "\n".join(_toml_rows(data, ())).strip("\n")


def _toml_rows(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """Write plain values first, then the tables, then the lists of tables."""
    yield from (f"{_key(key)} = {_toml(value)}" for key, value in table.items() if not _is_table(value))
    for key, value in table.items():
        heading = ".".join(_key(part) for part in (*path, key))
        if isinstance(value, Mapping):
            yield f"\n[{heading}]"
            yield from _toml_rows(value, (*path, key))
        elif _is_table(value):
            for item in value:
                yield f"\n[[{heading}]]"
                yield from _toml_rows(item, (*path, key))


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)
    )


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)


def _toml(value: Any) -> str:
    if value is None:
        raise ValueError("TOML has no null")
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def _respell_toml(text: str, data: Any, check: Check) -> Iterator[Spelling]:
    yield "written anew", _write_toml(data, check)
    yield "no blanks around the signs", _PAIR.sub(r"\1=\2", text)
    yield "keys in quotes", _PAIR.sub(lambda found: f'"{found[1].strip()}" = {found[2]}', text)
    yield "texts in single quotes", re.sub(r'= "([^"\\\n\']*)"[ \t]*$', r"= '\1'", text, flags=re.MULTILINE)
    yield "a comment above", f"# as asked\n{text}"
    yield "a comment behind a value", _PAIR.sub(r"\1 = \2  # so", text, count=1)
    yield "blank lines between", text.replace("\n", "\n\n")


def _spoil(text: str, data: Any) -> Iterator[Spelling]:
    del data
    yield "a key given twice", _PAIR.sub(r"\g<0>\n\g<0>", text, count=1)
    yield "a heading never closed", re.sub(r"^(\[+[^]\n]*)\]+", r"\1", text, count=1, flags=re.MULTILINE)
    yield "a line of prose inside", f"{text.rstrip()}\nand nothing else"


def _parser() -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(default_section="\x00", strict=True, empty_lines_in_values=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    return parser


def _read_ini(text: str, check: Check) -> Any:
    parser = _parser()
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ValueError(str(error)) from None
    types = check.get("types", {})
    return {
        section: {key: typed(value, types.get(f"{section}.{key}")) for key, value in parser.items(section)}
        for section in parser.sections()
    }


def _write_ini(data: Any, check: Check) -> str:
    del check
    if not isinstance(data, Mapping) or not all(isinstance(section, Mapping) for section in data.values()):
        raise ValueError("INI is sections of pairs")
    rows: list[str] = []
    for section, pairs in data.items():
        rows += [f"[{section}]", *(f"{key} = {_ini_value(value)}" for key, value in pairs.items()), ""]
    return "\n".join(rows).strip("\n")


def _ini_value(value: Any) -> str:
    if isinstance(value, (Mapping, list)) or (isinstance(value, str) and value != value.strip()):
        raise ValueError("no value of an INI file")
    if is_number(value) or isinstance(value, (str, bool)) or value is None:
        return untyped(value)
    raise ValueError("no value of an INI file")


def _respell_ini(text: str, data: Any, check: Check) -> Iterator[Spelling]:
    yield "written anew", _write_ini(data, check)
    yield "no blanks around the signs", _PAIR.sub(r"\1=\2", text)
    yield "a comment above", f"; as asked\n{text}"
    yield "blank lines between", re.sub(r"\n(?=\[)", "\n\n\n", text)


TOML = Form(tag="toml", read=_read_toml, write=_write_toml, respell=_respell_toml, spoil=_spoil)
INI = Form(tag="ini", read=_read_ini, write=_write_ini, respell=_respell_ini, spoil=_spoil)
