"""Everything that can go wrong and is not the model's fault.

::

    LlmbenchError
    ├── UsageProblem            the command line or a settings file asks for something impossible (exit 4)
    │   └── UnknownName         a name that no member of a family has; carries the nearest match
    ├── PackError               a pack file is wrong; carries file, line and key
    ├── JournalError            answers cannot be written down any more: nothing more may be asked
    └── TrialError              one trial cannot be judged: Outcome.ERROR with the reason it carries
        ├── BadConfiguration    a wrong key, an unknown model, a refused parameter: stops the run
        ├── EndpointUnreachable no connection, or the connection broke
        ├── RateLimited         429 until the retries were used up
        ├── ServerError         5xx, a broken stream, an answer that is no chat completion
        ├── ContextOverflow     prompt and max_tokens do not fit the server's context
        ├── Cancelled           stopped by the user, by -x or because the run ended
        ├── VerifierError       the verifier raised
        ├── WorkerCrashed       the process that ran the trial died
        ├── SandboxUnavailable  no sandbox can be had here; the message says how to get one
        ├── SandboxFailed       the sandbox broke while it judged: not the program's doing
        └── DatasetUnavailable  the data behind a pack could not be had

A model's mistake is never an exception: it is a `Verdict` with `Outcome.FAIL`.
"""

from __future__ import annotations

from pathlib import Path


class LlmbenchError(Exception):
    """Base of all errors this package raises on purpose."""


class UsageProblem(LlmbenchError):
    """The run cannot start as asked: the message says what to type instead."""


class UnknownName(UsageProblem):
    """No member of a family has this name."""


class PackError(LlmbenchError):
    """A pack file that cannot be used.

    `line` is 1-based and None where the file as a whole is meant; `key` is the
    dotted path inside the file, such as ``scenarios[3].checks[0].kind``.
    """

    def __init__(self, message: str, *, path: Path, line: int | None = None, key: str = "") -> None:
        self.path = path
        self.line = line
        self.key = key
        where = f"{path}:{line}" if line is not None else str(path)
        super().__init__(f"{where}: {key}: {message}" if key else f"{where}: {message}")


class JournalError(LlmbenchError):
    """The journal cannot be written (a full disk, say); what was written before it is safe."""


class TrialError(LlmbenchError):
    """A trial that got no verdict; `reason` is the `records.Reason` it is booked under (never the model's)."""

    reason: str = "server_error"


class BadConfiguration(TrialError):
    """The server refuses what this run is configured to ask; every other trial would fail alike."""

    reason = "bad_configuration"


class EndpointUnreachable(TrialError):
    """No connection to the server, or one that broke before the answer was complete."""

    reason = "endpoint_unreachable"


class RateLimited(TrialError):
    """429 even after all retries."""

    reason = "rate_limited"


class ServerError(TrialError):
    """The server answered with an error or with something that is no chat completion."""

    reason = "server_error"


class ContextOverflow(TrialError):
    """The prompt and the tokens asked for do not fit the context one request gets."""

    reason = "context_overflow"


class Cancelled(TrialError):
    """The run was stopped before this trial had its verdict."""

    reason = "cancelled"


class VerifierError(TrialError):
    """The verifier itself failed; the model's answer stays unjudged."""

    reason = "verifier_error"


class WorkerCrashed(TrialError):
    """The process that ran this trial died."""

    reason = "worker_crashed"


class SandboxUnavailable(TrialError):
    """No sandbox can be had on this machine; the message names the command that gets one."""

    reason = "sandbox_unavailable"


class SandboxFailed(TrialError):
    """The sandbox itself broke (a killed daemon, a full host disk), so the program stays unjudged."""

    reason = "sandbox_failed"


class DatasetUnavailable(TrialError):
    """The data behind a pack is missing; the message names file and source."""

    reason = "dataset_unavailable"
