"""gold.yaml: recorded answers and what is said about mistakes in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_llmbench.datasets import load_gold
from pytest_llmbench.errors import PackError
from pytest_llmbench.records import Message, ToolCall
from tests.datasets.sample import write

GOLD = """\
A-1:
  pass:
    - note: plain
      turns:
        - text: one moment
          calls:
            - {name: look, arguments: {at: sky, über: [1, null]}}
            - {name: listen}
        - text: a cloud
    - text: a cloud
  fail:
    - {note: raw, reason: wrong_argument, check: calls, turns: [{calls: [{name: look, arguments: '{"at":'}]}]}
    - {reason: no_answer, text: ""}
    - {truncated: true, text: a cl}
"""


def load(folder: Path, text: str = GOLD) -> object:
    """Write and load a gold.yaml."""
    write(folder, text, "gold.yaml")
    return load_gold(folder)


def test_answers_become_messages(tmp_path: Path) -> None:
    """Mappings are written as JSON, raw text stays as it is, ids are made up and differ."""
    write(tmp_path, GOLD, "gold.yaml")
    gold = load_gold(tmp_path)["A-1"]
    first = Message(
        role="assistant",
        content="one moment",
        tool_calls=(
            ToolCall(id="gold01001", name="look", arguments='{"at": "sky", "über": [1, null]}'),
            ToolCall(id="gold01002", name="listen", arguments="{}"),
        ),
    )
    assert gold.passing[0].turns == (first, Message(role="assistant", content="a cloud"))
    assert gold.passing[0].note == "plain"
    assert gold.passing[1].turns == (Message(role="assistant", content="a cloud"),)
    assert gold.failing[0].turns[0].tool_calls[0].arguments == '{"at":'
    assert (gold.failing[0].reason, gold.failing[0].check) == ("wrong_argument", "calls")
    assert gold.failing[1].turns == (Message(role="assistant"),)


def test_truncated_answers_fail_for_the_token_limit(tmp_path: Path) -> None:
    """The endpoint that recites them knows them by this reason."""
    write(tmp_path, GOLD, "gold.yaml")
    assert load_gold(tmp_path)["A-1"].failing[2].reason == "token_limit"


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("reason: no_answer", "reason: no_answr", 13, 'did you mean "no_answer"?'),
        ("{reason: no_answer, text", "{text", 13, "say why this answer must fail"),
        ("reason: no_answer", "reason: server_error", 13, "must be one of"),
        ("reason: no_answer", "reason: token_limit", 13, "truncated: true"),
        ("{truncated: true", "{reason: wrong_answer, truncated: true", 14, "token_limit"),
        ('text: ""', 'txt: ""', 13, 'did you mean "text"?'),
        ("  pass:", "  passes:", 2, 'did you mean "pass"?'),
        (GOLD[GOLD.index("  fail:") :], "", 1, 'the key "fail" is missing'),
        ("arguments: '{\"at\":'", "arguments: [1]", 12, "must be a mapping (key: value) or text"),
        (
            "\n    - text: a cloud\n",
            "\n    - {text: a, turns: [{}]}\n",
            10,
            'exactly one of the keys "text" and "turns"',
        ),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path: Path, old: str, new: str, line: int, words: str) -> None:
    """As in pack.yaml."""
    assert old in GOLD
    with pytest.raises(PackError) as caught:
        load(tmp_path, GOLD.replace(old, new, 1))
    assert words in str(caught.value)
    assert caught.value.line == line


def test_a_pack_without_answers_says_what_is_missing(tmp_path: Path) -> None:
    """The path of the file that is not there."""
    with pytest.raises(PackError, match=r"gold\.yaml: the pack has no recorded answers"):
        load_gold(tmp_path)
