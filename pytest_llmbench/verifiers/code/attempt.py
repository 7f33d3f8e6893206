"""One run of one program, judged."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_llmbench.records import ExecResult
from pytest_llmbench.verifiers.code.replaying import Transcript
from pytest_llmbench.verifiers.code.wording import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What became of a program. `failure` is None where it is right.

    `passed` counts the inputs or tests that were right before the first that was not. `load_s` and `call_s` are
    the seconds its import and its slowest call took. `unsendable` says why tests could not be kept apart from
    the program, "" where they could. `programs` is how many were run, in `judge_s` seconds
    together; `mode` says where tests ran, `transcript` what they and the program said where it passed them apart.
    """

    failure: Failure | None
    end: ExecResult
    passed: int = 0
    load_s: float = 0.0
    call_s: float = 0.0
    unsendable: str = ""
    programs: int = 1
    judge_s: float = 0.0
    mode: str = ""
    transcript: Transcript = ()
