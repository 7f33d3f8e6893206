"""Mutators: a right answer -> mutants of it, with the verdict each must have. One file per verifier, one line here.

They are the second opinion on the verifiers: they read the checks as packs/README.md documents them,
share no code with the verifiers, and leave out what does not follow with certainty.
"""

from __future__ import annotations

from pytest_llmbench.contracts import Mutator
from pytest_llmbench.mutations.data_extraction import DataExtractionMutator
from pytest_llmbench.mutations.final_answer import FinalAnswerMutator
from pytest_llmbench.mutations.instructions import InstructionsMutator
from pytest_llmbench.mutations.structured_output import StructuredOutputMutator
from pytest_llmbench.mutations.tool_calls import ToolCallsMutator

MUTATORS: dict[str, Mutator] = {
    "data_extraction": DataExtractionMutator(),
    "final_answer": FinalAnswerMutator(),
    "instructions": InstructionsMutator(),
    "structured_output": StructuredOutputMutator(),
    "tool_calls": ToolCallsMutator(),
}
"""By the verifier whose checks they read."""
