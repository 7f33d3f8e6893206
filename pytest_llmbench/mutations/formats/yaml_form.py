"""YAML, by PyYAML's safe loader: YAML 1.1, dates as text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from pytest_llmbench.mutations.formats.form import Check, Form, Spelling

_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """Leaves dates as they are written."""


_Loader.yaml_implicit_resolvers = {
    first: [entry for entry in entries if entry[0] != _TIMESTAMP]
    for first, entries in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Plain(yaml.SafeDumper):
    """Quotes what needs it, and writes out what occurs twice."""

    def ignore_aliases(self, _: Any) -> bool:
        """Never use anchors."""
        return True


class _DoubleQuoting(_Plain):
    """Puts every text between double quotes."""


class _SingleQuoting(_Plain):
    """Puts every text between single quotes."""


_STR = "tag:yaml.org,2002:str"
_DoubleQuoting.add_representer(str, lambda dumper, text: dumper.represent_scalar(_STR, text, '"'))
_SingleQuoting.add_representer(str, lambda dumper, text: dumper.represent_scalar(_STR, text, "'"))


def _read(text: str, check: Check) -> Any:
    del check
    try:
        data = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader without dates
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None
    if not isinstance(data, (Mapping, list)):
        raise ValueError("neither a mapping nor a list")  # noqa: TRY004 - every reader raises ValueError
    return data


def _dump(data: Any, dumper: type[yaml.SafeDumper] = _Plain, **layout: Any) -> str:
    try:
        text = yaml.dump(data, Dumper=dumper, sort_keys=False, allow_unicode=True, width=10_000, **layout)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None
    return str(text).rstrip("\n")


def _write(data: Any, check: Check) -> str:
    del check
    return _dump(data)


def _respell(text: str, data: Any, check: Check) -> Iterator[Spelling]:
    del check
    yield "texts in double quotes", _dump(data, _DoubleQuoting)
    yield "texts in single quotes", _dump(data, _SingleQuoting)
    yield "indented by four", _dump(data, indent=4)
    yield "lists and mappings in brackets", _dump(data, default_flow_style=True)
    yield "inner lists and mappings in brackets", _dump(data, default_flow_style=None)
    yield "a document's start marked", f"---\n{text}"
    yield "a comment below", f"{text.rstrip()}\n# that is all"


def _spoil(text: str, data: Any) -> Iterator[Spelling]:
    yield "a key given twice", _twice(text, data)
    yield "indented by tabs", re.sub(r"^ +", "\t", text, flags=re.MULTILINE)
    yield "a bracket never closed", f"{text.rstrip()}\nmore: [1, 2"


def _twice(text: str, data: Any) -> str:
    if not isinstance(data, Mapping) or not data or text.lstrip().startswith("{"):
        return ""
    key, value = next(iter(data.items()))
    return f"{text.rstrip()}\n{_dump({key: value})}"


YAML = Form(tag="yaml", read=_read, write=_write, respell=_respell, spoil=_spoil)
