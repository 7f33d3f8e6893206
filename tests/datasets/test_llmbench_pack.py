"""pack.yaml from the outside: what is read from it, and what is said about its mistakes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_llmbench.datasets import READERS, is_pack_file
from pytest_llmbench.errors import PackError
from pytest_llmbench.records import Pack
from tests.datasets.sample import PACK, write


def read(folder: Path, text: str = PACK) -> Pack:
    """Read a pack file with this text."""
    return READERS["llmbench"].read(write(folder, text))


def test_facts_are_what_the_file_says(tmp_path: Path) -> None:
    """The top level becomes the pack's facts; size and hash are ours."""
    extra = "licence: CC0-1.0\nsource: hand\nfloor: 0.5\ndimension: >\n  what it\n  measures\n"
    facts = read(tmp_path, PACK + extra).facts
    assert (facts.id, facts.title, facts.version, facts.size) == ("demo", "Demo", "1.0.0", 2)
    assert (facts.tags, facts.floor, facts.dimension) == (("quick", "full"), 0.5, "what it measures")
    assert (facts.licence, facts.source) == ("CC0-1.0", "hand")
    assert len(facts.content_hash) == 64


def test_a_folder_is_as_good_as_its_file(tmp_path: Path) -> None:
    """The pack's path is the folder, either way."""
    file = write(tmp_path)
    assert READERS["llmbench"].read(tmp_path).path == READERS["llmbench"].read(file).path == tmp_path


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("llmbench: 1\n", "# a comment\n\nllmbench:   1   # and another\n"),
        ("title: Demo", "title: 'Demo'"),
        ("\n", "\r\n"),
        ("llmbench: 1\n", "\ufeffllmbench: 1\n"),
        ("id: demo\ntitle: Demo\n", "title: Demo\nid: demo\n"),
        ("    title: The sky\n    tags: [hard]\n", "    tags:\n    - hard\n    title: The sky\n"),
        ("checks: [{kind: none}]", "checks:\n      - kind: none"),
    ],
)
def test_layout_does_not_change_the_hash(tmp_path: Path, old: str, new: str) -> None:
    """Comments, quoting, line ends, a byte order mark and the order of the format's keys are nobody's business."""
    assert old in PACK
    assert read(tmp_path / "a").facts.content_hash == read(tmp_path / "b", PACK.replace(old, new)).facts.content_hash


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("What is up there?", "What is up there ?"),
        ("id: A-1", "id: A-9"),
        ("tags: [hard]", "tags: [easy]"),
        ("system: Be brief.", "system: Be short."),
        ("{seen: [cloud, 3]}", "{seen: [3, cloud]}"),
        ("{type: object, properties: {at: {type: string}}}", "{properties: {at: {type: string}}, type: object}"),
        ("at: sky\n  - id", "at: Sky\n  - id"),
    ],
)
def test_whatever_the_model_or_its_judge_sees_changes_the_hash(tmp_path: Path, old: str, new: str) -> None:
    """Results under another hash are not compared."""
    assert old in PACK
    assert read(tmp_path / "a").facts.content_hash != read(tmp_path / "b", PACK.replace(old, new)).facts.content_hash


FAULTS = [
    ("title: Demo", "titel: Demo", 3, "titel", 'did you mean "title"?'),
    ("version: 1.0.0", "version: 1.0", 4, "version", 'put it in quotes, "1.0"'),
    ("version: 1.0.0", "version: one", 4, "version", "three numbers"),
    ("id: demo", "id: Demo Pack", 2, "id", "a-z"),
    ("[quick, full]", "[quick, no go]", 5, "tags[1]", "pytest marker"),
    ("[quick, full]", "[skip]", 5, "tags[0]", "pytest marker"),
    ("[quick, full]", "quick", 5, "tags", "must be a list"),
    ("[hard]", "[_x]", 16, "scenarios[0].tags[0]", "pytest marker"),
    ("llmbench: 1", "llmbench: 2", 1, "llmbench", "update pytest-llmbench"),
    ("llmbench: 1", "llmbench: one", 1, "llmbench", "must be 1"),
    ("  system: Be brief.", "  sistem: Be brief.", 9, "defaults.sistem", 'did you mean "system"?'),
    ("  system: Be brief.", "  sampling: {temprature: 1}", 9, "defaults.sampling.temprature", 'mean "temperature"?'),
    ("  system: Be brief.", "  max_tokens: 0", 9, "defaults.max_tokens", "at least 1"),
    ("  system: Be brief.", "  timeout_s: 0", 9, "defaults.timeout_s", "above 0"),
    ("  system: Be brief.", "  tool_choice: requird", 9, "defaults.tool_choice", 'did you mean "required"?'),
    ("name: listen", "name: look", 12, "tools[1].name", 'another tool called "look"'),
    ("name: listen", "name: to listen", 12, "tools[1].name", "64 letters"),
    ("parameters: {type: object}", "parameters: {type: string}", 12, "tools[1].parameters.type", "must be object"),
    ("    title: The sea\n", "", 25, "scenarios[1]", 'the key "title" is missing'),
    ("id: A-2", "id: A-1", 25, "scenarios[1].id", "taken by another scenario in line 14"),
    ("id: A-2", "id: A 2", 25, "scenarios[1].id", "letters, digits"),
    ("tools: [look]", "tools: [look, lok]", 18, "scenarios[0].tools[1]", 'did you mean "look"?'),
    ("tools: [look]", "tools: [look, look]", 18, "scenarios[0].tools[1]", "listed twice"),
    ("{tool: look, when", "{tool: lock, when", 20, "scenarios[0].results[0].tool", 'did you mean "look"?'),
    ("times: 1}", "times: 0}", 20, "scenarios[0].results[0].times", "at least 1"),
    ("times: 1}", "time: 1}", 20, "scenarios[0].results[0].time", 'did you mean "times"?'),
    ("      - kind: calls\n", "      - knd: calls\n", 22, "scenarios[0].checks[0]", 'the key "kind" is missing'),
    ("    checks: [{kind: none}]\n", "", 25, "scenarios[1]", 'the key "checks" is missing'),
    ("  verifier: tool_calls\n", "", 13, "scenarios[0]", "no verifier"),
    ("    prompt: What is down there?\n", "", 25, "scenarios[1]", '"prompt" and "messages"'),
    ("    prompt: What is down there?", "    prompt: ''", 27, "scenarios[1].prompt", "must not be empty"),
    ("    title: The sea", "    title: x\n    followups: [y]", 27, "scenarios[1].followups", "single_turn"),
    (
        "    title: The sea",
        "    title: x\n    dialogue: single_turn\n    max_turns: 1\n    followups: [y]",
        29,
        "scenarios[1].followups",
        "need 2 requests, max_turns allows 1",
    ),
    (
        "    prompt: What is down there?",
        "    messages:\n      - {role: user, content: x}\n      - {role: assistant, content: y}",
        29,
        "scenarios[1].messages[1].role",
        "must be the user's",
    ),
    (
        "    prompt: What is down there?",
        "    messages: [{role: user, content: x}, {role: system, content: y}, {role: user, content: z}]",
        27,
        "scenarios[1].messages[1].role",
        "can only be the first",
    ),
    (
        "    prompt: What is down there?",
        "    system: x\n    messages: [{role: system, content: y}, {role: user, content: z}]",
        28,
        "scenarios[1].messages[0].role",
        "keep one of the two",
    ),
    ("    title: The sea\n", "    title: a\n    title: b\n", 27, "", "a second time"),
    ("scenarios:\n", "scenarios: {}\nx:\n", 13, "scenarios", "must be a list"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault[1].strip()[:30] for fault in FAULTS])
def test_mistakes_are_named_with_line_and_key(tmp_path: Path, fault: tuple[str, str, int, str, str]) -> None:
    """Whatever an author may get wrong is said with file, line, key and the way out."""
    old, new, line, key, words = fault
    assert old in PACK
    with pytest.raises(PackError) as caught:
        read(tmp_path, PACK.replace(old, new))
    assert words in str(caught.value)
    assert (caught.value.line, caught.value.key) == (line, key)
    assert str(caught.value).startswith(f"{tmp_path / 'pack.yaml'}:{line}: ")


def test_a_newer_format_is_named_before_its_unknown_keys(tmp_path: Path) -> None:
    """Who has an old version is told to update, not that the file is wrong."""
    text = PACK.replace("llmbench: 1", "llmbench: 2").replace("prompt:", "prompts:")
    with pytest.raises(PackError, match="format 2"):
        read(tmp_path, text)


@pytest.mark.parametrize("text", ["", "- llmbench: 1\n", "llmbench: 1\n", "null\n"])
def test_files_without_a_pack_in_them_are_errors(tmp_path: Path, text: str) -> None:
    """Empty, a list, a single key: each is refused in words."""
    with pytest.raises(PackError, match=r"empty|must be a mapping|is missing"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("content", "ours"),
    [
        (PACK.encode(), True),
        (b"\xef\xbb\xbfllmbench: 1\n", True),
        (b"# " + b"x" * 2000 + b"\nllmbench: 1\n", True),
        (b'"llmbench": 1\n', True),
        (b"llmbench : 1\r\n", True),
        (b"llmbench:\n", True),
        (b"name: my-package\nversion: 1\n", False),
        (b"  llmbench: 1\n", False),
        (b"llmbenchmark: 1\n", False),
        (b"# llmbench: 1\n", False),
        (b"# " + b"x" * 5000 + b"\nllmbench: 1\n", False),
        (b"\xff\xfe\x00", False),
        (b"", False),
    ],
)
def test_only_files_with_our_key_are_ours(tmp_path: Path, content: bytes, ours: bool) -> None:  # noqa: FBT001
    """Somebody else's pack.yaml is left alone."""
    assert is_pack_file(write(tmp_path, content)) is ours


def test_other_names_and_odd_files_are_not_ours(tmp_path: Path) -> None:
    """Another name, no file, a folder, a pipe, a name no system takes: never an exception, never a wait."""
    assert not is_pack_file(write(tmp_path, name="other.yaml"))
    assert not is_pack_file(tmp_path / "nowhere" / "pack.yaml")
    (tmp_path / "folder" / "pack.yaml").mkdir(parents=True)
    assert not is_pack_file(tmp_path / "folder" / "pack.yaml")
    assert not is_pack_file(Path("nul\0byte") / "pack.yaml")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pack.yaml")
        assert not is_pack_file(tmp_path / "pack.yaml")
