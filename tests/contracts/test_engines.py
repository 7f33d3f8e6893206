"""What every engine promises."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_llmbench.contracts import Engine
from pytest_llmbench.engines.compose import Compose
from pytest_llmbench.engines.embedded import Embedded
from pytest_llmbench.engines.external import External
from pytest_llmbench.engines.process import Process
from pytest_llmbench.errors import BadConfiguration, EndpointUnreachable
from pytest_llmbench.records import Server
from pytest_llmbench.settings import Profile
from pytest_llmbench.web import get_json
from tests.engines.compose_lab import HEALTHY, require_compose, tiny
from tests.file_server import Page, file_server
from tests.patience import is_running, wait_until

Make = Callable[[], Engine]
"""Makes a new engine."""

CHAT = {"messages": [{"role": "user", "content": "Tell a long story."}], "max_tokens": 3000, "ignore_eos": True}


@pytest.fixture(
    params=[
        "external",
        pytest.param("embedded", marks=pytest.mark.needs("embedded")),
        "process",
        pytest.param("compose", marks=pytest.mark.needs("docker")),
    ]
)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Make engines of one kind; all are stopped at the end."""
    if request.param == "compose":
        require_compose()
        tiny(tmp_path)
    (tmp_path / "program.py").write_text(textwrap.dedent(HEALTHY), encoding="utf-8")
    made: list[Engine] = []
    with file_server() as elsewhere:
        elsewhere.pages["/v1/models"] = Page(body=b'{"data": [{"id": "m"}]}')

        def one() -> Engine:
            made.append(_engine(request.param, elsewhere.url, tmp_path))
            return made[-1]

        yield one
        for engine in made:
            engine.stop()


def _engine(kind: str, url: str, folder: Path) -> Engine:
    profile = Profile(name="A", engine=kind, folder=str(folder), command=(sys.executable, "program.py", "{port}"))
    members: dict[str, Make] = {
        "external": lambda: External(url),
        "embedded": Embedded,
        "process": lambda: Process(profile, say=print),
        "compose": lambda: Compose(profile, say=print),
    }
    return members[kind]()


@pytest.fixture
def embedded() -> Iterator[Embedded]:
    """Make an embedded engine and stop it at the end."""
    engine = Embedded()
    yield engine
    engine.stop()


def start(engine: Engine) -> Server:
    """Start `engine`, or skip where its weights cannot be had here."""
    try:
        return engine.start()
    except BadConfiguration as error:
        if "could not be fetched" in str(error):
            pytest.skip(str(error).splitlines()[0])
        raise


def test_start_makes_ready_and_stop_is_idempotent(make: Make) -> None:
    """A started server answers at once under its base URL; stopping twice and before starting is harmless."""
    engine = make()
    engine.stop()
    server = start(engine)
    assert (server.engine, server.base_url[-3:]) == (engine.name, "/v1")
    assert get_json(f"{server.base_url}/models", timeout_s=30).body["data"][0]["id"]
    assert engine.obituary() == ""
    engine.stop()
    engine.stop()
    assert engine.obituary() == ""


def test_an_engine_starts_again(make: Make) -> None:
    """After a stop, the same engine can be started again."""
    engine = make()
    start(engine)
    engine.stop()
    server = start(engine)
    assert get_json(f"{server.base_url}/models", timeout_s=30).status == 200


@pytest.mark.needs("embedded")
def test_the_embedded_server_is_what_it_says(embedded: Embedded) -> None:
    """Slots, context per slot, metrics and a chat template with a place for tools are there; the notice names it."""
    server = start(embedded)
    root = server.base_url.removesuffix("/v1")
    props = get_json(f"{root}/props", timeout_s=30).body
    assert (props["total_slots"], props["default_generation_settings"]["n_ctx"]) == (4, 8192)
    assert props["chat_template_caps"]["supports_tools"] is True
    assert "llamacpp:requests_deferred" in get_json(f"{root}/metrics", timeout_s=30).text
    assert len(get_json(f"{root}/slots", timeout_s=30).body) == 4
    assert get_json(f"{root}/v1/models", timeout_s=30).body["data"][0]["id"] == server.model
    assert server.notice == (
        "measuring the embedded model SmolLM2-135M-Instruct Q4_1 (llama.cpp, CPU); "
        "point at your own with --llm-url http://host:port/v1"
    )


@pytest.mark.needs("embedded")
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_dead_server_gets_an_obituary(embedded: Embedded) -> None:
    """A server killed by somebody is noticed: how it ended, and its last log lines."""
    server = start(embedded)
    os.kill(server.detail["pid"], signal.SIGKILL)
    wait_until(lambda: embedded.obituary() != "")
    assert "was killed by SIGKILL" in embedded.obituary()
    assert "listening on http://127.0.0.1:" in embedded.obituary()
    embedded.stop()
    assert embedded.obituary() == ""


@pytest.mark.needs("embedded")
def test_a_busy_server_is_stopped(embedded: Embedded) -> None:
    """Requests in flight do not hold the end up; their connections break."""
    server = start(embedded)
    asking = [threading.Thread(target=_ask, args=(server.base_url,)) for _ in range(6)]
    for thread in asking:
        thread.start()
    slots = server.base_url.removesuffix("/v1") + "/slots"
    wait_until(lambda: any(slot["is_processing"] for slot in get_json(slots, timeout_s=30).body))
    embedded.stop()
    for thread in asking:
        thread.join()
    assert not is_running(server.detail["pid"])


def _ask(base_url: str) -> None:
    request = urllib.request.Request(f"{base_url}/chat/completions", json.dumps(CHAT).encode())  # noqa: S310
    with contextlib.suppress(OSError):
        urllib.request.urlopen(request).read()  # noqa: S310


OWNER = """
    import sys, time
    from pytest_llmbench.engines.embedded import Embedded
    engine = Embedded()
    server = engine.start()
    try:
        print(server.detail["pid"], flush=True)
        time.sleep(600)
    except KeyboardInterrupt:
        print("alive" if engine.obituary() == "" else "dead", flush=True)
"""


@pytest.fixture
def owner(embedded: Embedded) -> Iterator[subprocess.Popen[str]]:
    """Run a process that starts an embedded server, prints its process id and waits."""
    start(embedded)  # so that the weights are there, or the test is skipped
    embedded.stop()
    program = textwrap.dedent(OWNER)
    folder = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
    ) as process:
        yield process
        process.kill()


@pytest.mark.needs("embedded")
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_orphan_when_the_owner_is_killed(owner: subprocess.Popen[str], number: signal.Signals) -> None:
    """However the process that started it ends, the server ends too."""
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    os.kill(owner.pid, number)
    owner.wait()
    wait_until(lambda: not is_running(pid))


@pytest.mark.needs("embedded")
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_leaves_the_server_to_its_owner(owner: subprocess.Popen[str]) -> None:
    """Ctrl-C goes to the whole group; the server lives until its owner is done with it, then ends."""
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    os.killpg(owner.pid, signal.SIGINT)
    assert owner.stdout.readline().strip() == "alive"
    owner.wait()
    wait_until(lambda: not is_running(pid))


@pytest.mark.needs("embedded")
def test_one_request_at_a_time_gets_the_same_answer_again() -> None:
    """Without reused prompts the answer depends on the request alone, whatever was asked before."""
    engine = Embedded(reuse_prompts=False)
    try:
        server = start(engine)
        answers = [_answer(server.base_url, town) for town in ("Rome", "Oslo", "Rome", "Rome", "Oslo")]
    finally:
        engine.stop()
    assert answers[0] == answers[2] == answers[3]
    assert answers[1] == answers[4]


def _answer(base_url: str, town: str) -> str:
    system = "Answer in one sentence, and keep to what was asked. " * 20
    messages = [{"role": "system", "content": system}, {"role": "user", "content": f"What is {town} known for?"}]
    body = {"messages": messages, "temperature": 0, "seed": 1, "max_tokens": 24}
    request = urllib.request.Request(f"{base_url}/chat/completions", json.dumps(body).encode())  # noqa: S310
    with urllib.request.urlopen(request) as response:  # noqa: S310
        return str(json.load(response)["choices"][0]["message"]["content"])


@pytest.mark.needs("embedded")
@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "cannot be read"), (b"hello", "is no GGUF file"), (b"GGUF" + b"\0" * 999, "cannot serve")],
    ids=["missing", "other", "damaged"],
)
def test_weights_that_cannot_be_served(tmp_path: Path, content: bytes | None, why: str) -> None:
    """A missing, foreign or damaged file is said to be so, and nothing is left running."""
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    engine = Embedded(path)
    with pytest.raises(BadConfiguration, match=why):
        engine.start()
    assert engine.obituary() == ""


@pytest.mark.needs("embedded")
def test_a_server_that_is_not_ready_in_time(embedded: Embedded) -> None:
    """Time over: nothing is left running, and the message says what it waited for."""
    start(embedded)
    with pytest.raises(EndpointUnreachable, match="not ready with"):
        Embedded(start_limit_s=0.0).start()


def test_without_llama_cpp_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is missing: the command that installs it, and the way without it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(BadConfiguration, match=r"pip install 'pytest-llmbench\[local\]'.*--llm-url"):
        Embedded().start()
