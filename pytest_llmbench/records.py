"""The nouns, frozen, in order of flow.

``Pack -> Scenario -> Trial -> Request -> Response -> Exchange -> Verdict -> Result``

All are plain data: `plain_data` makes them fit for leaving a process, and reads them back.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_llmbench.plain_data import to_plain


class Outcome(enum.StrEnum):
    """What became of a trial: PASS, FAIL (the model's fault) or ERROR (anybody else's)."""

    PASS = "PASS"
    FAIL = "FAIL"
    ERROR = "ERROR"


class Reason(enum.StrEnum):
    """Why a trial did not pass. The closed set; the first block is FAIL, the second ERROR."""

    WRONG_ANSWER = "wrong_answer"
    NO_ANSWER = "no_answer"
    INVALID_FORMAT = "invalid_format"
    MISSING_FIELD = "missing_field"
    WRONG_TOOL = "wrong_tool"
    WRONG_ARGUMENT = "wrong_argument"
    TESTS_FAILED = "tests_failed"
    TOKEN_LIMIT = "token_limit"
    THINKING_RUNAWAY = "thinking_runaway"
    TIMEOUT = "timeout"
    AGENT_LOOP_EXHAUSTED = "agent_loop_exhausted"

    BAD_CONFIGURATION = "bad_configuration"
    ENDPOINT_UNREACHABLE = "endpoint_unreachable"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    CONTEXT_OVERFLOW = "context_overflow"
    CANCELLED = "cancelled"
    SANDBOX_UNAVAILABLE = "sandbox_unavailable"
    SANDBOX_FAILED = "sandbox_failed"
    VERIFIER_ERROR = "verifier_error"
    WORKER_CRASHED = "worker_crashed"
    DATASET_UNAVAILABLE = "dataset_unavailable"


class Purpose(enum.StrEnum):
    """Why a trial is run; only ITEM trials enter a score. CONFIRM trials ask again what flipped, before a verdict."""

    ITEM = "item"
    FIXTURE = "fixture"
    CONFIRM = "confirm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function the model may call; `parameters` is a JSON Schema object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call the model made. `arguments` is the text it wrote, parsed by nobody yet."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One chat message; `tool_call_id` only for role ``tool``, `tool_calls` only for ``assistant``."""

    role: str
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Sampling parameters as sent. None is not sent at all, so that the server's default rules.

    `extra` holds what the OpenAI interface has no field for (``top_k``, ``min_p``, ...).
    """

    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MockedResult:
    """What a mocked tool answers: the first entry of a tool whose `when` fits the call is used.

    `when` maps argument names to the values they must equal ({} fits always);
    `result` is sent as JSON text, or as it is where it is a string; `times` limits how often
    the entry may be used (None: always), so that a tool can fail first and work later.
    """

    tool: str
    result: Any
    when: Mapping[str, Any] = field(default_factory=dict)
    times: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSource:
    """Which task of which data set a scenario is made from; its contents are read when its trial begins.

    `reader` is a name in ``datasets.CODE_SETS``, `options` what the pack's ``dataset:`` block says beside it.
    """

    reader: str
    task_id: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One question with all that is needed to ask and to judge it.

    `messages` opens the dialogue, `followups` are further user turns sent after each answer.
    `timeout_s` are seconds for the whole dialogue, from the moment a slot is taken.
    `max_turns` bounds the requests of one dialogue. `thinking` is ``on``, ``off`` or "" (as the server does by
    itself). With a `task` the messages and checks are not
    there yet: they are filled in from the data set when the trial begins.
    """

    id: str
    title: str
    messages: tuple[Message, ...]
    dialogue: str
    verifier: str
    category: str = ""
    tags: tuple[str, ...] = ()
    followups: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: str | None = None
    tool_results: tuple[MockedResult, ...] = ()
    checks: tuple[Mapping[str, Any], ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    max_tokens: int = 1024
    timeout_s: float = 120.0
    max_turns: int = 8
    stream: bool = True
    thinking: str = ""
    task: TaskSource | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PackFacts:
    """What a report needs to know of a pack; travels with the results.

    `floor` is the suggested minimum score, 0 to 1; `size` the number of its scenarios;
    `content_hash` covers pack.yaml and the rules of the verifiers it names. `cautions` are
    sentences on what a reader must know of the pack's scores, such as checks known to be wrong.
    `origin` is the tool whose pack it is, such as ``benchlocal-cli``, and empty for packs in our own format.
    `benchmark` names the public benchmark whose whole task set the pack asks (``humaneval_plus``), so that its
    score may stand beside published ones, and `data_md5` the unpacked data file it is made from.
    """

    id: str
    title: str
    version: str
    content_hash: str
    size: int
    tags: tuple[str, ...] = ()
    floor: float | None = None
    dimension: str = ""
    licence: str = ""
    source: str = ""
    cautions: tuple[str, ...] = ()
    origin: str = ""
    benchmark: str = ""
    data_md5: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """Scenarios from one `path`: our own packs' folder, or a foreign file. `scenarios` may build members on demand."""

    facts: PackFacts
    path: Path
    scenarios: Sequence[Scenario]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One scenario, one attempt (1-based). `nodeid` names the test item that waits for it.

    `profile` is the server that is asked where a session measures several, else "".
    """

    nodeid: str
    pack: PackFacts
    scenario: Scenario
    attempt: int = 1
    purpose: Purpose = Purpose.ITEM
    pack_path: Path = Path()
    profile: str = ""

    @property
    def key(self) -> TrialKey:
        """What the journal and the baselines know this trial by."""
        return TrialKey(
            pack=self.pack.id,
            pack_hash=self.pack.content_hash,
            scenario=self.scenario.id,
            attempt=self.attempt,
            profile=self.profile,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialKey:
    """The identity of a trial across processes, runs and worker numbers."""

    pack: str
    pack_hash: str
    scenario: str
    attempt: int
    profile: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is sent to a chat endpoint; the deadline is the trial's own affair.

    `extra` holds fields of the body that the OpenAI interface does not know, such as ``chat_template_kwargs``.
    """

    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: str | None = None
    sampling: Sampling = field(default_factory=Sampling)
    max_tokens: int = 1024
    stream: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict)

    def fingerprint(self) -> str:
        """Sha256 (first 32 hex digits) of all that shapes the answer; how it is transported does not."""
        plain = to_plain(self, text_limit=None)
        del plain["stream"]
        text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens as the server counted them; None is unknown, never zero."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds at the client from sending a request; tokens per second while decoding.

    `first_token_s` is None where the answer was not streamed. `decode_tps` is the client's
    measure of the stream, else the server's own (llama.cpp's ``timings``), else None.
    """

    total_s: float = 0.0
    first_token_s: float | None = None
    decode_tps: float | None = None
    prefill_tps: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What came back. `content` is the answer alone; thinking is in `reasoning`.

    `reasoning_field` names the field it came in (``reasoning``, ``reasoning_content``,
    ``think_tags`` inside the content) or is empty. `finish_reason` is the server's word.
    """

    content: str = ""
    reasoning: str = ""
    reasoning_field: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str = ""
    model: str = ""
    system_fingerprint: str = ""
    usage: Usage = field(default_factory=Usage)
    timing: Timing = field(default_factory=Timing)
    retries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One request and its answer."""

    request: Request
    response: Response


class Ending(enum.StrEnum):
    """How a dialogue ended."""

    ANSWERED = "answered"
    LOOP_EXHAUSTED = "loop_exhausted"
    TIMED_OUT = "timed_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The whole talk: at least one turn unless it timed out before the first answer."""

    turns: tuple[Turn, ...]
    ending: Ending = Ending.ANSWERED

    @property
    def answer(self) -> str:
        """The content of the last response; empty where there is none."""
        return self.turns[-1].response.content if self.turns else ""

    @property
    def finish_reason(self) -> str:
        """The finish reason of the last response."""
        return self.turns[-1].response.finish_reason if self.turns else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOutcome:
    """One check of a scenario; `gating` ones decide the verdict, the others are diagnostic."""

    name: str
    passed: bool
    detail: str = ""
    gating: bool = True


class Ended(enum.StrEnum):
    """How a program in a sandbox came to its end.

    ``exited`` by itself, ``signalled`` (a crash, or killed from within the sandbox), ``timed_out``,
    ``out_of_memory`` (killed for it), ``closed`` (a conversation that was over before its program was).
    """

    EXITED = "exited"
    SIGNALLED = "signalled"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecResult:
    """What became of a program in a sandbox. Never crosses a process: outputs are bytes as they came.

    `exit_code` is None unless it exited, `signal` 0 unless it was signalled. `truncated` tells that more
    was written than the output limit keeps. `wall_s` and `cpu_s` are seconds, `memory_bytes` the peak
    resident size of its largest process (0: unknown).
    """

    ended: Ended
    exit_code: int | None = None
    signal: int = 0
    stdout: bytes = b""
    stderr: bytes = b""
    truncated: bool = False
    wall_s: float = 0.0
    cpu_s: float = 0.0
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The judgement. `score` is partial credit from 0 to 1, beside the outcome, never instead of it.

    `artefacts` are texts worth keeping by file name (``program.py``, ``stdout.txt``); the journal keeps them,
    they do not travel with the result.
    """

    outcome: Outcome
    reason: Reason | None = None
    detail: str = ""
    expected: str = ""
    got: str = ""
    score: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    checks: tuple[CheckOutcome, ...] = ()
    artefacts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What is kept of a trial in memory and sent between processes: the verdict and its figures.

    The exchange itself is in the journal. `latency_s` are seconds from taking a slot to the last
    answer, `decode_tps` generated and `prefill_tps` read tokens per second, token counts are sums over all turns.
    `prompt` and `answer` are excerpts for a failed test's text. `task_id` is what the data set calls the
    task (``HumanEval/7``), empty for scenarios that stand in a pack. `thinking` is what was asked for (``on``,
    ``off`` or ""), `thought` what was seen.
    """

    key: TrialKey
    nodeid: str
    title: str
    purpose: Purpose
    verdict: Verdict
    pack: PackFacts
    started_at: float = 0.0
    latency_s: float | None = None
    first_token_s: float | None = None
    decode_tps: float | None = None
    prefill_tps: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    turns: int = 0
    retries: int = 0
    finish_reason: str = ""
    thinking: str = ""
    thought: bool = False
    resumed: bool = False
    prompt: str = ""
    answer: str = ""
    task_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What every request to a server carries beside the question, and how the server is trusted.

    `headers` may hold secrets, `body` are extra fields of the JSON. `ca_file` is a PEM file of the authorities
    trusted in place of the system's; without `verify` any certificate is taken.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] = field(default_factory=dict)
    ca_file: str = ""
    verify: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """What a server says of itself; None or empty where it does not say.

    `slots` is how many requests it works on at once, `context` the tokens one request gets. `thinking_switch`
    is the field by which its chat template turns thinking on and off (``enable_thinking``, ``thinking``,
    ``reasoning_effort``), ``none`` where it is known to have none. `detail` holds what the manifest keeps
    beside it (build, template hash, model path, ...).
    """

    base_url: str = ""
    models: tuple[str, ...] = ()
    slots: int | None = None
    context: int | None = None
    kind: str = ""
    thinking_switch: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLoad:
    """What a server says of its work at one moment; None where it does not say.

    `busy` requests are worked on, `waiting` ones stand in its queue. `preemptions`, `refusals`,
    `prompt_tokens` and `generated_tokens` are counters since its start; `kv_usage` is the share of its cache, 0 to 1.
    """

    busy: int | None = None
    waiting: int | None = None
    preemptions: int | None = None
    refusals: int | None = None
    prompt_tokens: int | None = None
    generated_tokens: int | None = None
    kv_usage: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A model server that an engine has made ready. `notice` is the line told to the user.

    `replicas` are further base URLs that serve the same model.
    """

    base_url: str
    engine: str
    replicas: tuple[str, ...] = ()
    model: str = ""
    notice: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
