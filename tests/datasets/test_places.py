"""Which line a value stands in."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pytest_llmbench.datasets.places import dotted, locate


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


LOCATED = """\
# a comment

top: 1
list:
  - name: a
    deep: {x: 1,
           y: [1, 2,
               3]}

  -
    name: b
    text: |
      many
      lines
    after: 1
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 3),
        (("top",), 3),
        (("list",), 4),
        (("list", 0), 5),
        (("list", 0, "deep", "x"), 6),
        (("list", 0, "deep", "y"), 7),
        (("list", 0, "deep", "y", 2), 8),
        (("list", 1), 11),
        (("list", 1, "after"), 15),
        (("list", 1, "missing"), 11),
        (("list", 7, "x"), 4),
        (("top", "x"), 3),
        (("list", "x"), 4),
        (("nothing",), 3),
    ],
)
def test_locate_finds_lines(file: Path, parser: str, path: tuple[str | int, ...], line: int) -> None:
    """The line of the key or item; of the last part that exists where the path leads too far."""
    file.write_text(LOCATED, encoding="utf-8")
    assert locate(file, path) == line


@pytest.mark.parametrize("content", [None, b"", b"a: [", b"\xff"])
def test_locate_has_no_answer_for_unreadable_files(file: Path, content: bytes | None) -> None:
    """No line is better than an exception in the middle of wording another."""
    if content is not None:
        file.write_bytes(content)
    assert locate(file, ("b", 0)) is None


def test_key_paths_are_worded_with_dots() -> None:
    """As a reader would write them."""
    assert dotted(("scenarios", 3, "checks", 0, "kind")) == "scenarios[3].checks[0].kind"
    assert dotted(()) == ""
