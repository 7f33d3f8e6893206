"""What a YAML file means here, and which line is to blame."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmbench.datasets.places import locate
from pytest_llmbench.datasets.yaml_text import read_head, read_yaml
from pytest_llmbench.errors import PackError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a test writes its YAML."""
    return tmp_path / "some.yaml"


@pytest.fixture(params=["libyaml", "pure python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both parsers that PyYAML may come with."""
    if request.param == "pure python":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    elif not hasattr(yaml, "CSafeLoader"):
        pytest.skip("PyYAML was built without libyaml")
    return str(request.param)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("2026-05-09", "2026-05-09"),
        ("12:30", "12:30"),
        ("007", "007"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("1.0.0", "1.0.0"),
        ("+4512345678", 4512345678),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("Nullable", "Nullable"),
        ("12", 12),
        ("-3", -3),
        ("0", 0),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("'-'", "-"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("!!str 12", "12"),
        ("{1: a, true: b, null: c}", {"1": "a", "true": "b", "null": "c"}),
        ("|\n  12\n", "12\n"),
        ('"\\0"', "\0"),
        ("[&b x, *b]", ["x", "x"]),
        ('{"<<": 1}', {"<<": 1}),
    ],
)
def test_values_are_what_they_seem(file: Path, parser: str, text: str, value: Any) -> None:
    """JSON's values in YAML's syntax: text is text unless it is a JSON word or a decimal number."""
    file.write_text(f"key: {text}\n", encoding="utf-8")
    read = read_yaml(file)["key"]
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("", None, "empty"),
        ("# nothing\n", None, "empty"),
        ("a: 1\nb: [1\nc: 2\n", 3, "not valid YAML"),
        ("a: 1\n\tb: 2\n", 2, "not valid YAML"),
        ("a: 1\nb: {c: 1,\n  c: 2}\n", 3, 'the key "c" stands here a second time'),
        ("a: 1\n---\nb: 2\n", 2, "second YAML document"),
        ("a: 1\nb: !!python/object:os.system x\n", 2, "is not supported"),
        ("a: 1\nb: !!set {x}\n", 2, "is not supported"),
        ("a: 1\nb: .nan\n", 2, "no number JSON can carry"),
        ("a: 1\nb: -.inf\n", 2, "no number JSON can carry"),
        ("a: 1\nb: 1e999\n", 2, "no number JSON can carry"),
        ("a: 1\nb: " + "9" * 5000, 2, "5000 digits"),
        ("a: 1\n? [b]\n: 2\n", 2, "key must be plain text"),
        ("a: 1\nb: {<<: {c: 1}}\n", 2, "merge keys"),
        ("a: 1\nb: *c\n", 2, "no anchor"),
        ("a: 1\nb: &b [*b]\n", 2, "no anchor"),
        ("a: 1\nb: " + "[" * 70 + "]" * 70, 2, "nested more than 64"),
        ("a: 1\nb: " + "[" * 90_000, 2, "nested more than 64"),
        (b"a: 1\nb: caf\xe9\n", 2, "not UTF-8"),
        (b"a: 1\nb: \xed\xa0\x80\n", 2, "not UTF-8"),
        (b"a: 1\nb: x\x00y\n", 2, "\\x00"),
        (b"a: 1\nb: x\x07y\n", 2, "\\x07"),
    ],
)
def test_faults_have_a_line(file: Path, parser: str, text: str | bytes, line: int | None, word: str) -> None:
    """Every way of writing an unusable file is an error that names the line and what is wrong."""
    if parser == "pure python" and len(text) > 10_000:
        pytest.skip("the pure Python parser takes minutes to read 90,000 brackets")
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(PackError) as caught:
        read_yaml(file)
    assert word in str(caught.value)
    assert caught.value.line == line
    assert len(str(caught.value)) < 600


def test_an_alias_bomb_is_refused(file: Path, parser: str) -> None:
    """Ten to the power of twelve values in 500 characters are refused before they are unfolded."""
    names = "abcdefghijkl"
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]" for old, new in pairwise(names)]
    file.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(PackError, match="aliases unfold to more than"):
        read_yaml(file)


def test_a_missing_file_is_an_error_of_the_pack(file: Path) -> None:
    """The system's words for it, with the path."""
    with pytest.raises(PackError, match=r"some\.yaml: cannot be read: No such file"):
        read_yaml(file)


def test_items_are_kept_as_they_come(file: Path) -> None:
    """`keep` sees each item of the named list, and what was read before it; the rest is as ever."""
    file.write_text("first: 1\nitems: [a, [b], {c: d}]\nmore: {items: [x]}\n", encoding="utf-8")
    seen = []

    def keep(top: dict[str, Any], index: int, item: Any) -> str:
        seen.append((dict(top), index, item))
        return f"kept {index}"

    read = read_yaml(file, stream_key="items", keep=keep)
    assert read == {"first": 1, "items": ["kept 0", "kept 1", "kept 2"], "more": {"items": ["x"]}}
    assert seen == [({"first": 1}, 0, "a"), ({"first": 1}, 1, ["b"]), ({"first": 1}, 2, {"c": "d"})]


def test_the_head_is_read_no_further_than_needed(file: Path) -> None:
    """What is wrong further down does not matter to who only wants the tags."""
    file.write_text("id: demo\ntitle: x\ntags: [a, b]\n" + "rest: [\n" * 20_000, encoding="utf-8")
    assert read_head(file, ("id", "tags")) == {"id": "demo", "tags": ["a", "b"]}


@pytest.mark.parametrize("text", ["", "- a\n", "word\n", "id: x\n"])
def test_a_head_may_lack_what_is_asked(file: Path, text: str) -> None:
    """Absent keys are absent."""
    file.write_text(text, encoding="utf-8")
    assert "tags" not in read_head(file, ("id", "tags"))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x85")),  # PyYAML reads its own as a blank
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc<é\n", max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_what_yaml_writes_is_read_back(value: Any) -> None:
    """Any JSON value survives being dumped by PyYAML, whose quoting assumes a greedier dialect."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "x.yaml"
        file.write_text(yaml.safe_dump({"v": value}, allow_unicode=True), encoding="utf-8", newline="")
        assert read_yaml(file) == {"v": value}


@given(st.binary() | st.text("ab:-[]{}&*!|>'\"#%@,? \n\t0.\x00é").map(str.encode))
def test_any_bytes_are_a_value_or_a_pack_error(content: bytes) -> None:
    """Nothing else ever comes out."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "x.yaml"
        file.write_bytes(content)
        try:
            read_yaml(file)
        except PackError:
            locate(file, ("a", 0))
