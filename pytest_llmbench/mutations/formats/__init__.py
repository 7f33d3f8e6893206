"""What the mutators know of formats: reading, writing, and other legal ways to write the same."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_llmbench.mutations.formats.form import Form
from pytest_llmbench.mutations.formats.json_forms import JSON, JSONL
from pytest_llmbench.mutations.formats.line_forms import INI, TOML
from pytest_llmbench.mutations.formats.list_form import MARKDOWN_LIST
from pytest_llmbench.mutations.formats.table_forms import CSV, MARKDOWN_TABLE
from pytest_llmbench.mutations.formats.xml_form import XML
from pytest_llmbench.mutations.formats.yaml_form import YAML

FORMS: Mapping[str, Form] = {
    "json": JSON,
    "jsonl": JSONL,
    "yaml": YAML,
    "toml": TOML,
    "ini": INI,
    "xml": XML,
    "csv": CSV,
    "markdown_table": MARKDOWN_TABLE,
    "markdown_list": MARKDOWN_LIST,
}
"""By the name a `document` check gives."""

__all__ = ["FORMS", "JSON", "Form"]
