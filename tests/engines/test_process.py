"""The process engine: a command of the user's, watched, and ended with all its children."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from pytest_llmbench.engines.ports import free_port
from pytest_llmbench.engines.process import Process
from pytest_llmbench.errors import BadConfiguration, EndpointUnreachable, UnknownName
from pytest_llmbench.settings import Profile
from pytest_llmbench.web import get_json
from tests.compose_image import PROGRAM, weights
from tests.patience import is_running, wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="process groups")

SERVER = """
    import http.server, os, sys
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"data": [{"id": "tiny"}]}')
        def log_message(self, *words):
            pass
    print("tiny server", sys.argv[1:], "in", os.getcwd(), flush=True)
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Page).serve_forever()
"""

Make = Callable[..., Process]


@pytest.fixture
def said() -> list[str]:
    """Lines that engines told the user."""
    return []


@pytest.fixture
def make(tmp_path: Path, said: list[str]) -> Iterator[Make]:
    """Make engines for a command; all are stopped at the end."""
    made: list[Process] = []
    (tmp_path / "server.py").write_text(textwrap.dedent(SERVER), encoding="utf-8")

    def one(*command: str, **values: object) -> Process:
        profile = {"name": "A", "engine": "process", "folder": str(tmp_path), "start_limit_s": 60.0, **values}
        made.append(Process(Profile(command=command, **profile), say=said.append))  # type: ignore[arg-type]
        return made[-1]

    yield one
    for engine in made:
        engine.stop()


def script(folder: Path, name: str, text: str) -> str:
    """Write a shell program and return its path from `folder`."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return f"./{name}"


@pytest.mark.needs("embedded")
def test_a_real_llama_server(make: Make, tmp_path: Path) -> None:
    """llama-server with a preset: its slots and context, told apart from what the command sets itself."""
    program = script(tmp_path, "llama-server", f'exec {shlex.quote(sys.executable)} {shlex.quote(str(PROGRAM))} "$@"')
    engine = make(program, "--model", str(weights()), "--ctx-size", "8192", "--api-key", "k", preset="memory_optimized")
    with pytest.raises(BadConfiguration, match=r"(?s)invalid argument: --api-key.*does not know an argument"):
        engine.start()
    engine = make(program, "--model", str(weights()), "--ctx-size", "8192", preset="memory_optimized")
    server = engine.start()
    props = get_json(server.base_url.replace("/v1", "/props"), timeout_s=30).body
    assert (props["total_slots"], props["default_generation_settings"]["n_ctx"]) == (4, 2048)
    assert server.notice.startswith("measuring A: llama-server on port ")
    assert server.detail["model_path"] == str(weights())
    assert server.detail["preset"] == "memory_optimized"
    assert "--cache-type-k" in server.detail["command"]
    assert "listening on" in _log(engine)


@pytest.mark.needs("embedded")
def test_a_missing_model(make: Make, tmp_path: Path) -> None:
    """llama-server's own words, exit code, and what to try."""
    program = script(tmp_path, "llama-server", f'exec {shlex.quote(sys.executable)} {shlex.quote(str(PROGRAM))} "$@"')
    with pytest.raises(BadConfiguration) as caught:
        make(program, "-m", "x").start()
    assert "invalid argument: -m" in str(caught.value)
    with pytest.raises(BadConfiguration) as caught:
        make(program, "--model", "/nope.gguf").start()
    assert str(caught.value).startswith("A (llama-server) ended with exit code 1; its last log lines:\n")
    assert "failed to open GGUF file '/nope.gguf'" in str(caught.value)
    assert "What to try: the model could not be read" in str(caught.value)


def _log(engine: Process) -> str:
    assert engine._running is not None
    return engine._running.last_words()


def test_port_folder_and_environment(make: Make, tmp_path: Path, said: list[str]) -> None:
    """{port} is a free port, the folder is the profile's, and a given port is used."""
    server = make(sys.executable, "server.py", "{port}", "${HOME}", path="").start()
    port = server.base_url.rpartition(":")[2]
    assert server.base_url == f"http://127.0.0.1:{port}"
    assert said == [f"A ({Path(sys.executable).name}) starts on port {port}"]
    other = str(free_port())
    engine = make("sh", "-c", f"exec {sys.executable} server.py $WHERE", env={"WHERE": "{port}"}, port=int(other))
    assert engine.start().base_url == f"http://127.0.0.1:{other}/v1"
    assert f"tiny server ['{other}'] in {tmp_path}" in _log(engine)


def test_where_the_port_stands(make: Make) -> None:
    """A --port of the command is believed; an unknown program without one is asked for it."""
    port = free_port()
    command = (sys.executable, "-c", "import sys; sys.argv = ['', sys.argv[2]]; exec(open('server.py').read())")
    assert make(*command, "--port", str(port)).start().base_url == f"http://127.0.0.1:{port}/v1"
    with pytest.raises(
        BadConfiguration, match=r"profile A \(llmbench.yaml:3\): on which port .* port: NUMBER, or {port}"
    ):
        make(sys.executable, "server.py", origin="llmbench.yaml:3").start()


def test_a_taken_port(make: Make) -> None:
    """Who has it, and two ways out."""
    port = free_port()
    make(sys.executable, "server.py", "{port}", port=port).start()
    with pytest.raises(
        BadConfiguration, match=rf"port {port} is taken by python.*--llm-url http://127.0.0.1:{port}/v1"
    ):
        make(sys.executable, "server.py", "{port}", port=port).start()


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("llama-server-that-is-nowhere", "is not on this machine"),
        ("./server.py", "server.py is there, but cannot be executed"),
        ("vllm", r"is not on this machine\nWhat to try: install it into an environment of its own"),
        ("llama-server", r"What to try: install llama.cpp \(`brew install llama.cpp`"),
    ],
)
def test_a_program_that_cannot_be_run(make: Make, tmp_path: Path, program: str, told: str) -> None:
    """Not there or not a program, and how to install the known ones."""
    with pytest.raises(BadConfiguration, match=told):
        make(program, "{port}", env={"PATH": str(tmp_path)}).start()


def test_no_command_and_no_preset(make: Make) -> None:
    """A profile without a command, and one with an unknown preset."""
    with pytest.raises(BadConfiguration, match="profile A has no command"):
        make().start()
    with pytest.raises(UnknownName, match='did you mean "balanced"'):
        make("vllm", "serve", preset="balancd").start()


def test_a_crash_is_seen_at_once(make: Make, tmp_path: Path) -> None:
    """Exit code, log and advice; a signal is named; secrets do not show."""
    crash = script(tmp_path, "crash", "echo 'CUDA out of memory' $MY_TOKEN; exit 7")
    engine = make(crash, "{port}", env={"MY_TOKEN": "correct-horse"})
    with pytest.raises(BadConfiguration) as caught:
        engine.start()
    assert str(caught.value).startswith(
        "A (crash) ended with exit code 7; its last log lines:\nCUDA out of memory ***\n"
    )
    assert "What to try: the GPU's memory" in str(caught.value)
    assert engine.obituary() == ""
    segfault = script(tmp_path, "segfault", "kill -SEGV $$")
    with pytest.raises(BadConfiguration, match=r"(?s)was killed by SIGSEGV.*another release"):
        make(segfault, "{port}").start()
    no_program = script(tmp_path, "no-program", "")
    (tmp_path / "no-program").write_text("#!/nope/interpreter\n", encoding="utf-8")
    with pytest.raises(BadConfiguration, match="ended with exit code 127"):
        make(no_program, "{port}").start()


def test_a_server_that_never_answers(make: Make, tmp_path: Path) -> None:
    """Time over: its log, and it is gone with its children, one of them deaf to SIGTERM."""
    deaf = "sh -c \"trap '' TERM; echo thinking; sleep 600\""
    quiet = script(tmp_path, "quiet", f"echo $$ > pids; {deaf} & echo $! >> pids; wait")
    with pytest.raises(EndpointUnreachable, match=r"(?s)not ready within 1 s \(not listening yet\).*thinking"):
        make(quiet, "{port}", start_limit_s=1.0).start()
    assert not any(is_running(int(pid)) for pid in (tmp_path / "pids").read_text().split())


def test_a_dead_server_gets_an_obituary(make: Make) -> None:
    """Killed while it serves: by what, and its last lines; after a stop there is none."""
    engine = make(sys.executable, "server.py", "{port}")
    engine.start()
    assert engine.obituary() == ""
    (child,) = psutil.Process(_guard(engine)).children()
    child.kill()
    wait_until(lambda: engine.obituary() != "")
    assert "was killed by SIGKILL" in engine.obituary()
    assert "tiny server" in engine.obituary()
    engine.stop()
    assert engine.obituary() == ""


def _guard(engine: Process) -> int:
    assert engine._running is not None
    return engine._running.child.pid


def test_children_that_left_the_group_end_too(make: Make, tmp_path: Path) -> None:
    """A worker with a session of its own, as a crashed server leaves it, is found."""
    program = "import os, time; os.setsid(); open('pid', 'w').write(str(os.getpid())); time.sleep(600)"
    worker = f"{sys.executable} -c {shlex.quote(program)}"
    engine = make("sh", "-c", f"({worker} &) ; exec {sys.executable} server.py {{port}}")
    engine.start()
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
    engine.stop()
    assert not is_running(int((tmp_path / "pid").read_text()))


OWNER = """
    import sys, time
    from pytest_llmbench.engines.process import Process
    from pytest_llmbench.settings import Profile
    command = ("sh", "-c", f"{sys.executable} server.py {{port}} & echo $! > pid; wait")
    engine = Process(Profile(name="A", engine="process", folder=sys.argv[1], command=command), say=lambda line: None)
    engine.start()
    try:
        print(open(f"{sys.argv[1]}/pid").read().strip(), flush=True)
        time.sleep(600)
    except KeyboardInterrupt:
        print("alive" if engine.obituary() == "" else "dead", flush=True)
"""


@pytest.fixture
def owner(make: Make, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process that has a server with a child, prints the child's process id and waits."""
    command = [sys.executable, "-c", textwrap.dedent(OWNER), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
    ) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_when_the_owner_is_killed(owner: subprocess.Popen[str], number: signal.Signals) -> None:
    """However the process that started it ends, the server and its children end too."""
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    os.kill(owner.pid, number)
    owner.wait()
    wait_until(lambda: not is_running(pid))


def test_ctrl_c_leaves_the_server_to_its_owner(owner: subprocess.Popen[str]) -> None:
    """Ctrl-C goes to the whole group; the server lives until its owner is done with it, then ends."""
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    os.killpg(owner.pid, signal.SIGINT)
    assert owner.stdout.readline().strip() == "alive"
    owner.wait()
    wait_until(lambda: not is_running(pid))


def test_a_killed_guard_takes_the_server_along(make: Make) -> None:
    """Even where somebody kills the guard, the command goes with it."""
    if not sys.platform.startswith("linux"):
        pytest.skip("a parent's death is a signal on Linux alone")
    engine = make(sys.executable, "server.py", "{port}")
    engine.start()
    (child,) = psutil.Process(_guard(engine)).children()
    os.kill(_guard(engine), signal.SIGKILL)
    wait_until(lambda: not is_running(child.pid))
    assert "was killed by SIGKILL" in engine.obituary()
