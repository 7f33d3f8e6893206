"""A llama.cpp server of our own, for a machine where none runs: the wheel xllamacpp, in a child process."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_llmbench.engines.child_process import ChildProcess
from pytest_llmbench.engines.weights import SMOLLM2, embedded_weights
from pytest_llmbench.errors import BadConfiguration, EndpointUnreachable
from pytest_llmbench.records import Server
from pytest_llmbench.settings import START_LIMIT_S
from pytest_llmbench.web import get_json

if TYPE_CHECKING:
    from collections.abc import Callable

SLOTS = 4
"""Requests served at once. On 2 cores 4 slots give 200 tokens/s together, 2 give 170; 8 cost twice the memory."""

CONTEXT = 8192
"""Tokens of one slot: a document of 4,000 and an answer of as many fit; SmolLM2 was trained for no more. With 4 slots
that is 720 MiB of its memory. Each slot has its own: of a shared pool one long request could take what the others
need, and llama.cpp then breaks off all of them."""

PROMPT_CACHE_MIB = 512
"""Memory for prompts that have left their slot; llama.cpp's own default is 8 GiB."""

SPIN_COUNT = "10000"
"""How long llama.cpp's threads spin for each other (GOMP_SPINCOUNT). Measured on 2 cores with 4 slots: as fast as
the default on a quiet machine (200 tokens/s), and 70 to 200 beside one busy process, where the default falls to 5."""

TEMPLATE = Path(__file__).with_name("smollm2_chat.jinja")
CHILD = Path(__file__).with_name("llamacpp_child.py")


class Embedded:
    """Fits `contracts.Engine`: serves `model_path`, or the pinned SmolLM2 where it is None.

    `say` gets lines for the user while weights are fetched. Without `reuse_prompts` each prompt is read
    anew: slower, but one request at a time then gets the same answer whatever was asked before it.
    """

    name = "embedded"

    def __init__(
        self,
        model_path: Path | None = None,
        *,
        say: Callable[[str], None] | None = None,
        reuse_prompts: bool = True,
        start_limit_s: float = START_LIMIT_S,
    ) -> None:
        self._reuse_prompts = reuse_prompts
        self._model_path = model_path
        self._say = say or _to_stderr
        self._start_limit_s = start_limit_s
        self._child: ChildProcess | None = None

    def start(self) -> Server:
        """Fetch the weights where they are missing, start llama.cpp and wait until it answers.

        Raises `BadConfiguration` (xllamacpp missing, weights missing or unusable) or
        `EndpointUnreachable` (it died or was not ready in time), both with its last log lines.
        """
        if importlib.util.find_spec("xllamacpp") is None:
            raise BadConfiguration(_NOT_INSTALLED)
        self.stop()
        path = _usable(self._model_path) if self._model_path else embedded_weights(self._say)
        self._child = child = ChildProcess(
            _command(path, _options(path, reuse_prompts=self._reuse_prompts)), environment=_environment()
        )
        try:
            url = _wait_until_ready(child, path, time.monotonic() + self._start_limit_s)
        except BaseException:
            self.stop()
            raise
        return Server(
            base_url=f"{url}/v1",
            engine=self.name,
            model=path.stem,
            notice=_notice(path, pinned=self._model_path is None),
            detail=_detail(path, child.pid),
        )

    def stop(self) -> None:
        """Stop the server, requests in flight or not."""
        child, self._child = self._child, None
        if child is not None:
            child.stop()

    def obituary(self) -> str:
        """Say how the server died; "" while it runs and after `stop`."""
        ending = self._child.ending() if self._child is not None else ""
        return f"the embedded llama.cpp server {ending}" if ending else ""


_NOT_INSTALLED = (
    "the embedded llama.cpp server is not installed: pip install 'pytest-llmbench[local]', "
    "or measure a running server with --llm-url http://host:port/v1"
)


def _usable(path: Path) -> Path:
    """Return the resolved path of a GGUF file. Raises `BadConfiguration` where it is none."""
    path = path.expanduser()
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise BadConfiguration(f"the model file {path} cannot be read: {error.strerror or error}") from error
    if magic != b"GGUF":
        raise BadConfiguration(f"{path} is no GGUF file (it begins with {magic!r}); --llm-model takes a .gguf here")
    return path.resolve()


def _command(path: Path, options: dict[str, Any]) -> list[str]:
    return [sys.executable, "-P", str(CHILD), str(path), json.dumps(options), str(os.getpid())]


def _options(path: Path, *, reuse_prompts: bool) -> dict[str, Any]:
    options: dict[str, Any] = {
        "hostnames": ["127.0.0.1"],
        "port": 0,
        "model_alias": [path.stem],
        "n_parallel": SLOTS,
        "n_ctx": SLOTS * CONTEXT,
        "cpuparams.n_threads": os.cpu_count() or 1,
        "cache_prompt": reuse_prompts,
        "cache_ram_mib": PROMPT_CACHE_MIB if reuse_prompts else 0,
        "endpoint_metrics": True,
        "endpoint_slots": True,
        "endpoint_props": True,
        "use_jinja": True,
        "ui": False,
    }
    if path.name == SMOLLM2.name:
        options["chat_template"] = TEMPLATE.read_text(encoding="utf-8")
    return options


def _environment() -> dict[str, str]:
    return {"GOMP_SPINCOUNT": SPIN_COUNT, **os.environ}


def _wait_until_ready(child: ChildProcess, path: Path, deadline: float) -> str:
    url = ""
    while time.monotonic() < deadline:
        if child.exit_code is not None:
            raise _refused(child, path)
        if not url:
            line = child.announcement(0.2)
            url = json.loads(line)["base_url"] if line else ""
        elif _is_healthy(url):
            return url
        else:
            time.sleep(0.1)
    raise EndpointUnreachable(f"llama.cpp was not ready with {path} in time; its last log lines:\n{child.log_tail()}")


def _is_healthy(url: str) -> bool:
    try:
        return get_json(f"{url}/health", timeout_s=5.0).status == 200
    except EndpointUnreachable:
        return False


def _refused(child: ChildProcess, path: Path) -> BadConfiguration:
    return BadConfiguration(f"llama.cpp cannot serve {path}: it {child.ending()}")


def _notice(path: Path, *, pinned: bool) -> str:
    what = f"the embedded model {SMOLLM2.title} (llama.cpp, CPU)" if pinned else f"{path.name} (embedded llama.cpp)"
    return f"measuring {what}; point at your own with --llm-url http://host:port/v1"


def _detail(path: Path, pid: int) -> dict[str, Any]:
    return {
        "program": f"xllamacpp {importlib.metadata.version('xllamacpp')}",
        "model_path": str(path),
        "chat_template": TEMPLATE.name if path.name == SMOLLM2.name else "the model's own",
        "slots": SLOTS,
        "context": CONTEXT,
        "pid": pid,
    }


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
