"""Verifiers: Exchange -> Verdict. A new one is a file here, a line in the table and its gold answers."""

from __future__ import annotations

from pytest_llmbench.contracts import Verifier
from pytest_llmbench.verifiers.benchlocal import Benchlocal
from pytest_llmbench.verifiers.data_extraction import DataExtraction
from pytest_llmbench.verifiers.final_answer import FinalAnswer
from pytest_llmbench.verifiers.instructions import Instructions
from pytest_llmbench.verifiers.python_code import PythonCode
from pytest_llmbench.verifiers.structured_output import StructuredOutput
from pytest_llmbench.verifiers.tool_calls import ToolCalls

VERIFIERS: dict[str, Verifier] = {
    "benchlocal": Benchlocal(),
    "data_extraction": DataExtraction(),
    "final_answer": FinalAnswer(),
    "instructions": Instructions(),
    "python_code": PythonCode(),
    "structured_output": StructuredOutput(),
    "tool_calls": ToolCalls(),
}
