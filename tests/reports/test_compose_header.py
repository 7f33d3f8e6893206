"""The header comment of a compose file: one line changes, no other byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmbench.reports.compose_header import with_quality

HEADER = """\
# Profile (at-a-glance):
#   Model:     Qwen3.6-27B
#   Topology:  Dual 3090
#   Status:    in use
#   Best for:  coding
services:
  # Quality: of service, not ours
  llm:
    image: x
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            HEADER,
            HEADER.replace("in use\n", "in use\n#   Quality:   NEW\n"),
            id="no old line: after Status, in the column of its neighbours",
        ),
        pytest.param(
            HEADER.replace("Best", "Quality:   a 1/1 · b (x, 2020)\n#   Best"),
            HEADER.replace("Best", "Quality:   NEW\n#   Best"),
            id="old line replaced in its place",
        ),
        pytest.param("#Quality:old\nservices: {}\n", "#   Quality:   NEW\nservices: {}\n", id="bare old line"),
        pytest.param(
            "# Model: m\n#\tQuality :   old   \n# Use: u\nservices: {}\n",
            "# Model: m\n# Quality: NEW\n# Use: u\nservices: {}\n",
            id="odd old line takes its neighbours' style",
        ),
        pytest.param(
            "#\tModel:\tm\n#\tQuality:\told\na: 1\n", "#\tModel:\tm\n#\tQuality:\tNEW\na: 1\n", id="tabs as around it"
        ),
        pytest.param("services: {}\n", "#   Quality:   NEW\nservices: {}\n", id="no header: on top"),
        pytest.param(
            "services:\n  a: |\n    # Quality: text\n",
            "#   Quality:   NEW\nservices:\n  a: |\n    # Quality: text\n",
            id="content is not touched",
        ),
        pytest.param(
            "services: {}\n# Quality: later\n",
            "#   Quality:   NEW\nservices: {}\n# Quality: later\n",
            id="a later comment is not touched",
        ),
        pytest.param(
            "# My stack.\n\n# About web:\nservices: {}\n",
            "# My stack.\n#   Quality:   NEW\n\n# About web:\nservices: {}\n",
            id="header without fields: after its first block",
        ),
        pytest.param(
            "# Status: long\n#   and longer\n# Use: u\nx: 1\n",
            "# Status: long\n#   and longer\n# Quality: NEW\n# Use: u\nx: 1\n",
            id="a value's second line stays with it",
        ),
        pytest.param(
            "# Model: m\n# Licence: l\n#\n# Words.\nx: 1\n",
            "# Model: m\n# Licence: l\n# Quality: NEW\n#\n# Words.\nx: 1\n",
            id="no Status: after the last field",
        ),
        pytest.param(
            "---\n# Quality: old\nx: 1\n", "---\n#   Quality:   NEW\nx: 1\n", id="a document marker ends no header"
        ),
        pytest.param("", "#   Quality:   NEW\n", id="empty file"),
        pytest.param("# lonely", "# lonely\n#   Quality:   NEW", id="no line break at the end, none after"),
        pytest.param("# Quality: old", "#   Quality:   NEW", id="old line is the whole file"),
        pytest.param("x: 1", "#   Quality:   NEW\nx: 1", id="content without line break"),
        pytest.param(
            "# A: b\r\n# Quality: old\r\nx: 1\r\n", "# A: b\r\n# Quality: NEW\r\nx: 1\r\n", id="CRLF replaced"
        ),
        pytest.param("# A: b\r\nx: 1\r\n", "# A: b\r\n# Quality: NEW\r\nx: 1\r\n", id="CRLF inserted"),
        pytest.param("x: 1\r\n", "#   Quality:   NEW\r\nx: 1\r\n", id="CRLF on top"),
        pytest.param("# A: b\n# Quality: x\r\ny: 1", "# A: b\n# Quality: NEW\r\ny: 1", id="mixed line ends stay mixed"),
        pytest.param("\ufeff# Quality: x\ny: 1\n", "\ufeff#   Quality:   NEW\ny: 1\n", id="BOM stays first"),
        pytest.param("\ufeffy: 1\n", "\ufeff#   Quality:   NEW\ny: 1\n", id="BOM without header"),
        pytest.param(
            "# Quality: one\n# Quality: two\nx: 1\n",
            "#   Quality:   NEW\n# Quality: two\nx: 1\n",
            id="only the first of two",
        ),
        pytest.param(
            "# The Quality: of this\nx: 1\n",
            "# The Quality: of this\n# Quality:     NEW\nx: 1\n",
            id="a sentence with the word is no Quality line",
        ),
    ],
)
def test_one_line_changes(before: str, after: str) -> None:
    """Byte for byte."""
    assert with_quality(before.encode(), "NEW") == after.encode()


LINES = st.sampled_from(
    [
        "# Profile:",
        "#   Model:     m",
        "#   Status: s",
        "#     more",
        "",
        "# Quality: old",
        "#\tQuality:x",
        "---",
        "#",
        "services:",
        "  # Quality: inner",
        "  a: '# Quality: text'",
        "# Quality: late",
        "é: 世",
        "%YAML 1.2",
    ]
)


@given(st.lists(st.tuples(LINES, st.sampled_from(["\n", "\r\n"])), max_size=12), st.booleans(), st.booleans())
def test_nothing_else_changes(pairs: list[tuple[str, str]], bom: bool, cut: bool) -> None:  # noqa: FBT001
    """Whatever the file: one line is replaced or added, all others keep their bytes; twice is once."""
    text = "".join(line + end for line, end in pairs)
    data = (b"\xef\xbb\xbf" if bom else b"") + (text.rstrip("\r\n") if cut else text).encode()
    new = with_quality(data, "NEW · 1/1")
    old_lines, new_lines = data.splitlines(keepends=True), new.splitlines(keepends=True)
    added = len(new_lines) - len(old_lines)
    assert added in (0, 1)
    at = next(number for number, line in enumerate(new_lines) if "NEW · 1/1".encode() in line)
    assert b"".join(new_lines[:at]).rstrip(b"\r\n") == b"".join(old_lines[:at]).rstrip(b"\r\n") or at == 0
    assert b"".join(new_lines[at + 1 :]) == b"".join(old_lines[at + 1 - added :]).removeprefix(
        b"\xef\xbb\xbf" if at == 0 and added else b""
    )
    assert new.startswith(b"\xef\xbb\xbf") == bom
    assert with_quality(new, "NEW · 1/1") == new


@given(st.binary(max_size=200))
def test_any_bytes_are_survived(data: bytes) -> None:
    """Files in other encodings keep their bytes too."""
    if not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        new = with_quality(data, "NEW")
        assert b"Quality:" in new
