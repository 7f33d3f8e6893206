"""Formats: a text -> the values it holds, strictly where two readers could differ.

A new one is a file here and a line in the table.
"""

from __future__ import annotations

from pytest_llmbench.verifiers.formats.delimited import csv_format
from pytest_llmbench.verifiers.formats.ini_format import INI
from pytest_llmbench.verifiers.formats.json_format import JSON, JSON_LINES
from pytest_llmbench.verifiers.formats.markdown import MARKDOWN_LIST, MARKDOWN_TABLE
from pytest_llmbench.verifiers.formats.reading import Format, Reading
from pytest_llmbench.verifiers.formats.toml_format import TOML
from pytest_llmbench.verifiers.formats.xml_format import XML
from pytest_llmbench.verifiers.formats.yaml_format import YAML

FORMATS: dict[str, Format] = {
    "json": JSON,
    "jsonl": JSON_LINES,
    "yaml": YAML,
    "toml": TOML,
    "ini": INI,
    "xml": XML,
    "csv": csv_format(),
    "markdown_table": MARKDOWN_TABLE,
    "markdown_list": MARKDOWN_LIST,
}
TABLES = ("csv", "markdown_table")
"""Formats whose data are rows under named columns."""

__all__ = ["FORMATS", "TABLES", "Format", "Reading", "csv_format"]
