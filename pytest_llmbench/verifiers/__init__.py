"""Verifiers: Exchange -> Verdict. A new one is a file here, a line in the table and its gold answers."""

from __future__ import annotations

from pytest_llmbench.contracts import Verifier
from pytest_llmbench.verifiers.instructions import Instructions
from pytest_llmbench.verifiers.tool_calls import ToolCalls

VERIFIERS: dict[str, Verifier] = {
    "instructions": Instructions(),
    "tool_calls": ToolCalls(),
}
