"""Finding the document in an answer: fences, prose around, several of them, hostile texts."""

from __future__ import annotations

import json

import pytest

from pytest_llmbench.verifiers.extraction import Document, find_document, json_spans, parse_json
from pytest_llmbench.verifiers.extraction.documents import xml_spans

LONG = 10_000_000


def reads_json(text: str) -> bool:
    """Whether `text` is JSON."""
    try:
        parse_json(text)
    except ValueError:
        return False
    return True


def found(text: str) -> Document:
    """Return the JSON document in `text`."""
    return find_document(text, tags={"json"}, reads=reads_json, spans=json_spans)


def value(text: str) -> object:
    """Return the value of the JSON document in `text`."""
    return parse_json(found(text).body)


@pytest.mark.parametrize(
    ("text", "wanted", "alone", "fenced"),
    [
        ('{"a": 1}', {"a": 1}, True, False),
        ('\n\n{"a": 1}\n\n', {"a": 1}, True, False),
        ('```json\n{"a": 1}\n```', {"a": 1}, True, True),
        ('```JSON title="x"\n{"a": 1}\n```\n', {"a": 1}, True, True),
        ('```{.json}\n{"a": 1}\n```', {"a": 1}, True, True),
        ('~~~\n{"a": 1}\n~~~', {"a": 1}, True, True),
        ('Here:\n```json\n{"a": 1}\n```', {"a": 1}, False, True),
        ('```json\n{"a": 1}\n```\nThat is all.', {"a": 1}, False, True),
        ('Sure! {"a": 1} is it.', {"a": 1}, False, False),
        ('- item:\n\n  ```json\n  {"a": 1}\n  ```', {"a": 1}, False, True),
    ],
)
def test_a_document_is_found_whole_fenced_and_amid_prose(text: str, wanted: object, alone: bool, fenced: bool) -> None:  # noqa: FBT001
    """What stands around is seen, and its own fence is nothing that stands around."""
    document = found(text)
    assert parse_json(document.body) == wanted
    assert (document.alone, document.fenced) == (alone, fenced)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("```json\n1\n```\nno, better:\n```json\n2\n```", 2),
        ("```json\n1\n```\nfor example\n```\n2\n```", 1),
        ("```\n2\n```\n```json\n1\n```", 1),
        ("```python\nx = 1\n```\n```\n2\n```\n```text\nnot it\n```", 2),
        ('A draft {"a": 1}, and in the end {"a": 2}.', {"a": 2}),
        ('Draft: {"a": 1}\n```json\n{"a": 2}\n```\nnot {"a": 3}', {"a": 2}),
        ('{"outer": {"a": 1}} is one object', {"outer": {"a": 1}}),
        ("[1, 2] then [3]", [3]),
    ],
    ids=["last", "tag-before", "tag-behind", "readable", "draft", "fence-over-prose", "outermost", "lists"],
)
def test_of_several_documents_the_last_that_is_meant_counts(text: str, wanted: object) -> None:
    """A tagged fence wins over an untagged one, a fence over prose, the last over an early draft."""
    assert value(text) == wanted


def test_a_tagged_fence_is_meant_even_where_it_cannot_be_read() -> None:
    """A broken document is not replaced by a readable draft elsewhere."""
    assert found('{"a": 1}\n```json\n{"a": 2,}\n```').body == '{"a": 2,}'


def test_an_unclosed_fence_runs_to_the_end_and_says_so() -> None:
    """The document is there, its fence is not closed."""
    document = found('Here:\n```json\n{"a": 1}\n')
    assert parse_json(document.body) == {"a": 1}
    assert document.fenced
    assert not document.closed
    assert document.after == ""


@pytest.mark.parametrize("text", ['{"a": 1}\n```', '{"a": 1}\n```\n\n', '```json\n{"a": 1}\n```\n```'])
def test_a_stray_closing_fence_opens_nothing(text: str) -> None:
    """A fence line behind the document is neither a block nor text around it."""
    assert value(text) == {"a": 1}
    assert found(text).alone


def test_a_longer_fence_holds_shorter_ones() -> None:
    """Four marks are not closed by three."""
    document = find_document("````md\n# x\n```json\n1\n```\n````\n", tags={"md"}, reads=lambda _: False)
    assert document.body == "# x\n```json\n1\n```"
    assert document.alone


def test_a_fence_inside_a_string_is_text() -> None:
    """JSON writes line ends as escapes, so that an inner fence never begins a line."""
    text = json.dumps({"code": "```python\nprint()\n```"})
    assert value(text) == json.loads(text)
    assert value(f"```json\n{text}\n```") == json.loads(text)
    assert value(f"Here it is: {text}") == json.loads(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Here: <a>1</a>, bye", ["<a>1</a>"]),
        ('<?xml version="1.0"?>\n<a>1</a>\nbye', ['<?xml version="1.0"?>\n<a>1</a>']),
        ("so:\n<!DOCTYPE a>\n<a/>\nbye", ["<!DOCTYPE a>\n<a/>"]),
        ('<!DOCTYPE a [<!ENTITY b "c">]>\n<a/>\nbye', ['<!DOCTYPE a [<!ENTITY b "c">]>\n<a/>']),
        ("<a><a><b/></a></a> and <c/>", ["<a><a><b/></a></a>", "<c/>"]),
        ('<a b="x > y">1</a>', ['<a b="x > y">1</a>']),
        ('<a b="/">1</a>', ['<a b="/">1</a>']),
        ("<a>\n<ab>1</ab></a>", ["<a>\n<ab>1</ab></a>"]),
        ("The <tag> goes here:\n<a>1</a>", ["<a>1</a>"]),
        ("it is\n<a>\n<b>1</b>\n", []),
        ("1 < 2 and 3 > 2", []),
        ("<a", []),
    ],
)
def test_xml_elements_are_found_from_their_tag_to_its_end(text: str, wanted: list[str]) -> None:
    """Inner elements of the same name are counted; what is not closed is no element."""
    assert [text[start:end] for start, end in xml_spans(text)] == wanted


@pytest.mark.parametrize(
    "text",
    [
        "x" * LONG,
        "[" * 100_000,
        '{"a":' * 200_000,
        "{" * 200_000 + "}" * 200_000,
        "```\n" * 100_000,
        "```json\n" * 200_000,
        "`" * LONG,
        "\n" * 1_000_000,
        "\ud800\x00" * 100_000,
        "<a>" * 300_000,
        "<a " * 300_000,
        "<a b='" * 300_000,
        "x <a> " * 50_000,
        "<!DOCTYPE" * 200_000 + "<a/>",
        "<?xml " * 200_000 + "<a/>",
    ],
    ids=lambda text: f"{text[:8]!r}x{len(text)}",
)
def test_hostile_texts_end(text: str) -> None:
    """No text makes the search raise or take more than about linear time, which would show as a hang."""
    assert isinstance(found(text).body, str)
    assert isinstance(xml_spans(text), list)
