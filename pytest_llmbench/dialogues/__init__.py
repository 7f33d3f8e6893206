"""How a scenario is talked through: Scenario -> Exchange. One file per member, one line in the table."""

from __future__ import annotations

from pytest_llmbench.contracts import Dialogue
from pytest_llmbench.dialogues.single_turn import SingleTurn
from pytest_llmbench.dialogues.tool_loop import ToolLoop

DIALOGUES: dict[str, Dialogue] = {
    "single_turn": SingleTurn(),
    "tool_loop": ToolLoop(),
}
"""What a pack's `dialogue:` may name."""
