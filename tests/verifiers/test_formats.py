"""Each format: what it reads, what it refuses, where it finds a document amid prose, and that it never raises."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_llmbench.records import Reason
from pytest_llmbench.verifiers.extraction import TextFault
from pytest_llmbench.verifiers.formats import FORMATS, Format, csv_format
from pytest_llmbench.verifiers.formats.cells import typed_rows, typed_sections
from pytest_llmbench.verifiers.structured_document import Flaw, read_answer
from tests.verifiers.format_cases import AMID_PROSE, HOSTILE, READ, REFUSED, TABLE


def document(name: str, **keys: Any) -> dict[str, Any]:
    """Return a `document` check."""
    return {"kind": "document", "format": name, **keys}


def flaw_of(text: str, **keys: Any) -> str:
    """Return what breaks the `document` check with these keys, or ""."""
    read = read_answer(text, {"kind": "document", **keys})
    return read.detail if isinstance(read, Flaw) else ""


@pytest.mark.parametrize(("name", "text", "wanted"), READ)
def test_it_reads_values(name: str, text: str, wanted: Any) -> None:
    """Each format gives JSON's values, of the right types."""
    value = FORMATS[name].read(text).value
    assert value == wanted
    assert repr(value) == repr(wanted)


@pytest.mark.parametrize(("name", "text", "says"), REFUSED)
def test_it_refuses_what_two_readers_could_differ_on(name: str, text: str, says: str) -> None:
    """The fault is named, and an answer that is nothing else fails for its form."""
    with pytest.raises(TextFault, match=says):
        FORMATS[name].read(text)


@pytest.mark.parametrize(("name", "text", "wanted"), AMID_PROSE)
def test_it_finds_a_document_amid_prose_but_not_alone(name: str, text: str, wanted: Any) -> None:
    """Prose is let pass unless the pack says `alone`."""
    read = read_answer(text, document(name))
    assert not isinstance(read, Flaw), read.detail
    assert wanted is None or read.value == wanted
    assert "stands around" in flaw_of(text, format=name, alone=True)


@pytest.mark.parametrize(("name", "text", "wanted"), READ)
def test_a_fence_around_the_whole_changes_nothing(name: str, text: str, wanted: Any) -> None:
    """With the right tag, with none, with prose around; also where the document must stand alone."""
    mark = "````"
    for tag in (min(FORMATS[name].tags), ""):
        fenced = f"{mark}{tag}\n{text}\n{mark}"
        for answer in (fenced, f"Here you are.\n\n{fenced}\n\nDone."):
            read = read_answer(answer, document(name))
            assert not isinstance(read, Flaw), read.detail
            assert read.value == wanted
        assert flaw_of(fenced, format=name, alone=True) == ""
        assert flaw_of(f"\ufeff{fenced}", format=name, alone=True) == ""


def test_markdown_inside_a_markdown_fence_may_have_prose_around() -> None:
    """Models fence whole Markdown texts; what stands inside beside the table still stands around it."""
    answer = f"```markdown\n# Title\n\n{TABLE}```"
    read = read_answer(answer, document("markdown_table"))
    assert not isinstance(read, Flaw)
    assert read.columns == ("name", "n")
    assert "stands around" in flaw_of(answer, format="markdown_table", alone=True)


@pytest.mark.parametrize(
    ("fence", "answer", "says"),
    [
        ("required", "{}", "does not stand in a code fence"),
        ("required", "```json\n{}", "closed"),
        ("required", "```json\n{}\n```", ""),
        ("forbidden", "```json\n{}\n```", "stands in a code fence"),
        ("forbidden", "{}", ""),
    ],
)
def test_a_fence_may_be_required_or_forbidden(fence: str, answer: str, says: str) -> None:
    """Where the prompt says so; else both are let pass."""
    assert (
        (says in flaw_of(answer, format="json", fence=fence))
        if says
        else not flaw_of(answer, format="json", fence=fence)
    )
    assert flaw_of(answer, format="json") == ""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("json", '{{"a": 1}'),
        ("json", '{{"a": 1}}'),
        ("json", '{"a": {"b": 1}, oops'),
        ("json", '{a: 1, b: {"c": 1}'),
        ("json", '```json\n// so\n{"a": 1}\n```'),
        ("jsonl", '{\n"a": 1,\n"b": {"c": 2}}\n{"a": 2}'),
        ("jsonl", '```jsonl\n{\n"a": 1}\n{"a": 2}\n```'),
        ("jsonl", 'Here:\n```\n{\n  "a": 1\n}\n{"a": 2}\n```'),
        ("csv", "```csv\nHere, it is:\n\na,b\n1,2\n```"),
        ("markdown_table", f"{TABLE}\n| Bob | 2 |"),
        ("markdown_table", f"```markdown\n{TABLE}\n\n| Bob | 2 |\n```"),
    ],
)
def test_a_part_of_something_broken_is_no_document(name: str, text: str) -> None:
    """What a program would choke on is not mended by taking the piece of it that can be read."""
    assert flaw_of(text, format=name)


def test_a_broken_line_among_json_lines_is_a_fault_of_form() -> None:
    """The lines below it are not taken for the document."""
    assert "line 2" in flaw_of('{"a": 1}\n{"a": 2,}\n{"a": 3}', format="jsonl")


def test_a_broken_element_is_not_replaced_by_one_inside_it() -> None:
    """A document whose outermost element is never closed has no valid part."""
    assert "not valid XML" in flaw_of("Here:\n<a>\n<b>1</b>\n<b>2</b>\n", format="xml")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("csv", "a,b\n1,2\n3,4,5"),
        ("csv", "a\n1,2\n3,4"),
        ("toml", "[a]\nx = 1\n\n[b]\ny = no"),
        ("toml", "x = 1\n\ny = no"),
        ("ini", "[a]\nx = 1\n\n[b]\ny"),
        ("ini", "[a]\nx = 1\n\ny = 2\nz"),
        ("yaml", "a: 1\n\nb: [1"),
        ("yaml", "a:\n  b: 1\n\n   c: 2"),
        ("markdown_table", "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 |"),
    ],
)
def test_a_broken_last_part_is_not_taken_for_prose(name: str, text: str) -> None:
    """What looks like the document belongs to it, or the right part of a wrong answer would pass."""
    assert flaw_of(text, format=name)


def test_a_delimiter_of_its_own() -> None:
    """Semicolons and tabs separate where the pack says so, and commas are text then."""
    assert csv_format(";").read("a;b\n1,5;2").value == [{"a": "1,5", "b": "2"}]
    assert csv_format("\t").read("a\tb\n1\t\n").value == [{"a": "1", "b": ""}]
    assert csv_format("|").read('a|b\n"x|y"|2').value == [{"a": "x|y", "b": "2"}]


def test_typed_cells() -> None:
    """Cells are read as their column's type, an empty one as null, others stay texts."""
    rows = [
        {"n": "-12.50", "i": "7", "b": "true", "t": "", "u": ""},
        {"n": "3", "i": " 8 ", "b": "", "t": "x", "u": "9"},
    ]
    assert typed_rows(rows, {"n": "number", "i": "integer", "b": "boolean", "t": "text"}) == [
        {"n": -12.5, "i": 7, "b": True, "t": None, "u": ""},
        {"n": 3, "i": 8, "b": None, "t": "x", "u": "9"},
    ]
    assert typed_sections({"a": {"n": "1", "x": "1"}}, {"a.n": "number"}) == {"a": {"n": 1, "x": "1"}}


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("1,200", "number"),
        ("$5", "number"),
        ("5 kg", "number"),
        ("1e3", "number"),
        (".5", "number"),
        ("+5", "number"),
        ("nan", "number"),
        ("\u0665", "number"),
        ("9" * 5000, "number"),
        ("9" * 5000, "integer"),
        ("5.0", "integer"),
        ("True", "boolean"),
        ("yes", "boolean"),
    ],
)
def test_a_cell_of_another_type_is_a_fault(cell: str, kind: str) -> None:
    """Types are strict, so that one writing is right."""
    with pytest.raises(TextFault, match="row 1, c"):
        typed_rows([{"c": cell}], {"c": kind})


MARKS = st.sampled_from(
    [
        *"[]{}<>:=,;|-\"'\\/&*!?#%@~^$ \t\n\r",
        "```",
        "```json\n",
        "<a>",
        "</a>",
        "- ",
        "a: ",
        "[[",
        "\ud800",
        "\x00",
        "\ufeff",
        "&x",
        "*x",
        "<<: ",
        "!!",
        "0x",
        "1e9",
        "2026-01-01",
        "x = ",
        "<!DOCTYPE",
        "<![CDATA[",
        "é",
    ]
)
NASTY = st.lists(MARKS | st.text(max_size=3), max_size=40).map("".join)


@pytest.mark.parametrize("name", sorted(FORMATS))
@given(text=NASTY)
@example(text="")
@settings(max_examples=150, deadline=None)
def test_no_text_makes_it_raise(name: str, text: str) -> None:
    """Whatever a model wrote is read or has a named flaw."""
    read = read_answer(text, document(name, alone=True))
    assert not isinstance(read, Flaw) or read.detail


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: f"{text[:6]!r}x{len(text)}")
def test_hostile_texts_are_read_or_refused(name: str, text: str) -> None:
    """Deep nesting, long runs and huge numbers neither raise nor hang."""
    read = read_answer(text, document(name))
    assert not isinstance(read, Flaw) or (read.detail and len(read.detail) < 2000)


@given(
    rows=st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=5), min_size=2, max_size=2),
        max_size=4,
    )
)
@settings(max_examples=150, deadline=None)
def test_csv_reads_what_was_quoted(rows: list[list[str]]) -> None:
    """Any cell survives quoting as RFC 4180 has it."""
    quoted = "\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in [["a", "b"], *rows])
    assert FORMATS["csv"].read(quoted).value == [{"a": row[0], "b": row[1]} for row in rows]


def test_every_format_is_a_format() -> None:
    """The table holds formats that name themselves, and a flaw of form has no other reason."""
    assert all(isinstance(one, Format) and one.title and one.tags for one in FORMATS.values())
    read = read_answer("nothing", document("json"))
    assert isinstance(read, Flaw)
    assert read.reason in {None, Reason.INVALID_FORMAT}
