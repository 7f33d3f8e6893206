"""The compose engine against the real daemon: up, watched, and down again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_llmbench.engines.compose import Compose
from pytest_llmbench.engines.host_address import Surroundings, accepts
from pytest_llmbench.engines.ports import free_port
from pytest_llmbench.errors import BadConfiguration, EndpointUnreachable
from pytest_llmbench.settings import Profile
from pytest_llmbench.web import get_json
from tests import sandbox_image
from tests.compose_image import llama_image, weights, write_compose
from tests.engines.compose_lab import Lab, docker, lab, left, tiny
from tests.patience import wait_until

pytestmark = pytest.mark.needs("docker")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Lab]:
    """Make engines for a compose file in a folder of their own."""
    yield from lab(tmp_path)


@pytest.mark.needs("embedded")
def test_a_real_server_in_a_container(here: Lab) -> None:
    """Up, ready, asked, described and down: slots and model are as the profile says, and nothing is left."""
    write_compose(here.folder)
    engine = here.engine(env={"SLOTS": "3", "CTX": "3072", "ALIAS": "little"}, preset="balanced")
    server = engine.start()
    root = server.base_url.removesuffix("/v1")
    assert get_json(f"{server.base_url}/models", timeout_s=30).body["data"][0]["id"] == "little"
    props = get_json(f"{root}/props", timeout_s=30).body
    assert (props["total_slots"], props["default_generation_settings"]["n_ctx"]) == (3, 1024)
    assert engine.obituary() == ""
    assert server.notice == f"measuring A: service llama of {here.folder}/compose.yaml"
    facts = server.detail
    assert (facts["service"], facts["preset"], facts["image"]) == ("llama", "balanced", llama_image())
    assert facts["image_id"].startswith("sha256:")
    assert facts["compose_files"] == [f"{here.folder}/compose.yaml"]
    assert facts["model_path"] == str(weights())
    assert left(facts["project"])
    engine.stop()
    assert left(facts["project"]) == []


@pytest.mark.needs("embedded")
def test_a_missing_model_is_told_with_log_and_advice(here: Lab) -> None:
    """The container's end is seen while it is waited for; the message has exit code, log and next step."""
    write_compose(here.folder)
    engine = here.engine(env={"MODEL": "nope.gguf"})
    with pytest.raises(BadConfiguration) as caught:
        engine.start()
    told = str(caught.value)
    assert told.startswith("A (compose service llama) ended with exit code 1; its last log lines:\n")
    assert "failed to open GGUF file '/models/nope.gguf'" in told
    assert "What to try: the model could not be read: check the path" in told
    assert engine.obituary() == ""


def test_what_died_later_has_an_obituary(here: Lab) -> None:
    """A container that is killed while it serves: exit code and log; one that is removed: that it was."""
    tiny(here.folder, more="restart: unless-stopped\n")
    engine = here.engine()
    server = engine.start()
    docker("kill", server.detail["container"])
    wait_until(lambda: engine.obituary() != "")
    told = engine.obituary()
    assert "A (compose service web) ended with exit code 137" in told
    assert "tiny server listens" in told
    assert "What to try: it was killed" in told
    docker("rm", "-f", server.detail["container"])
    assert "was removed by somebody" in engine.obituary()
    engine.stop()
    assert (engine.obituary(), left(server.detail["project"])) == ("", [])


@pytest.mark.parametrize("is_open", [True, False], ids=["on all addresses", "on the host's loopback"])
def test_from_inside_a_container_the_port_is_on_the_host(here: Lab, *, is_open: bool) -> None:
    """What this container's loopback lacks is found on its host, or it is told at once how to publish the port."""
    path = tiny(here.folder)
    gateway = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}").strip()
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("127.0.0.1:${PORT:-}:8000", "8000") if is_open else text, encoding="utf-8")

    def from_inside(host: str, port: int) -> bool:
        return host != "127.0.0.1" and accepts(host, port)

    engine = here.engine(around=Surroundings(hosts=(gateway,), accepts=from_inside))
    server = engine.start()
    said = "\n".join(here.said)
    assert server.base_url.startswith(f"http://{gateway}:") is is_open
    assert (f"and {server.base_url} is used: this runs inside a container" in said) is is_open
    assert ('publish its port on all addresses, as in "8080:8080"' in said) is not is_open
    assert get_json(f"{server.base_url}/models", timeout_s=30).body["data"][0]["id"] == "tiny"


def test_memory_that_ran_out_is_named(here: Lab) -> None:
    """A container over its memory limit: the daemon's flag is told, with what to change."""
    tiny(
        here.folder, "block = [bytearray(1 << 24) for _ in range(1000)]\n", more="mem_limit: 64m\nmemswap_limit: 64m\n"
    )
    with pytest.raises(BadConfiguration, match=r"(?s)exit code 137, killed because its memory was used up.*mem_limit"):
        here.engine().start()


def test_a_server_that_never_becomes_ready(here: Lab) -> None:
    """Time over: what it did last, its log, and nothing is left."""
    tiny(here.folder, "import time\nprint('thinking about it', flush=True)\ntime.sleep(600)\n")
    engine = here.engine(start_limit_s=2.0)
    with pytest.raises(EndpointUnreachable, match=r"(?s)not ready within 2 s \(not listening yet\).*thinking about it"):
        engine.start()
    project = docker(
        "ps", "-a", "--filter", f"label=com.docker.compose.project.config_files={here.folder}/compose.yaml"
    )
    assert len(project.splitlines()) == 1


def test_a_crash_again_and_again_is_seen(here: Lab) -> None:
    """A restart policy does not hide that the server ends each time."""
    tiny(here.folder, "raise SystemExit(3)\n", more="restart: always\n")
    with pytest.raises(BadConfiguration, match=r"exit code(?: is)? 3"):
        here.engine().start()


def test_volumes_outlive_the_run(here: Lab) -> None:
    """What a named volume holds is there for the next start."""
    path = tiny(here.folder, more='command: sh -c "echo once >> /kept/log && python3 /program.py"\n')
    text = path.read_text(encoding="utf-8").replace("    command: python3 /program.py\n", "")
    text = text.replace('ro"]', 'ro", "kept:/kept"]') + "volumes:\n  kept: {}\n"
    path.write_text(text, encoding="utf-8")
    engine = here.engine()
    engine.start()
    engine.stop()
    server = engine.start()
    assert docker("exec", server.detail["container"], "cat", "/kept/log") == "once\nonce\n"
    engine.stop()
    assert left(server.detail["project"]) == []
    docker("volume", "rm", f"{server.detail['project']}_kept")


def test_the_port_of_the_profile(here: Lab) -> None:
    """A free port takes the place of {port} in the environment; the server is found there."""
    tiny(here.folder)
    server = here.engine(env={"PORT": "{port}"}, path="/api").start()
    port = docker("port", server.detail["container"], "8000").strip().rpartition(":")[2]
    assert server.base_url == f"http://127.0.0.1:{port}/api"


def test_secrets_do_not_show(here: Lab) -> None:
    """What a server logs of a secret in the profile's environment is not in the message."""
    program = "import os\nprint('key is', os.environ['MY_TOKEN'], flush=True)\nraise SystemExit(1)\n"
    tiny(here.folder, program, more="environment: {MY_TOKEN: $MY_TOKEN}\n")
    with pytest.raises(BadConfiguration, match=r"key is \*\*\*") as caught:
        here.engine(env={"MY_TOKEN": "correct-horse"}).start()
    assert "correct-horse" not in str(caught.value)


OWNER = """
    import sys, time
    from pytest_llmbench.engines.compose import Compose
    from pytest_llmbench.settings import Profile
    engine = Compose(Profile(name="A", engine="compose", folder=sys.argv[1]), say=lambda line: None)
    print(engine.start().detail["project"], flush=True)
    time.sleep(600)
"""


@pytest.fixture
def owner(here: Lab) -> Iterator[subprocess.Popen[str]]:
    """Run a process that has a service up, prints its project and waits."""
    tiny(here.folder)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(OWNER), str(here.folder)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    ) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_however_the_owner_ends(owner: subprocess.Popen[str], number: signal.Signals) -> None:
    """Killed, ended or interrupted with its whole group: container and network go."""
    assert owner.stdout is not None
    project = owner.stdout.readline().strip()
    assert left(project)
    os.killpg(owner.pid, number)
    owner.wait()
    wait_until(lambda: left(project) == [])


def test_an_owner_killed_while_the_service_starts(here: Lab) -> None:
    """Also what is only half up goes."""
    tiny(here.folder, "import time\ntime.sleep(600)\n")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", textwrap.dedent(OWNER), str(here.folder)]
    mine = ("ps", "-aq", "--filter", f"label=com.docker.compose.project.config_files={here.folder}/compose.yaml")
    with subprocess.Popen(command, env=environment, start_new_session=True) as process:
        wait_until(lambda: docker(*mine) != "")
        process.kill()
    wait_until(lambda: docker(*mine) == "")


def test_a_running_service_is_explained(here: Lab, owner: subprocess.Popen[str]) -> None:
    """The same service in another session: said so, and that session's server goes on."""
    assert owner.stdout is not None
    project = owner.stdout.readline().strip()
    with pytest.raises(BadConfiguration, match="is being measured by another session"):
        here.engine().start()
    assert left(project)


def test_a_service_the_user_started_is_explained(here: Lab) -> None:
    """The same service up by hand: the container, how long, and the command that stops it, which works."""
    path = tiny(here.folder)
    docker("compose", "--file", str(path), "--project-name", "llmbench-by-hand", "up", "--detach")
    try:
        with pytest.raises(BadConfiguration) as caught:
            here.engine().start()
        told = str(caught.value)
        assert f"service web of {path} is already running: container llmbench-by-hand-web-1 (up " in told
        command = told.rpartition("Stop it first: ")[2].split()
        assert command == ["docker", "compose", "--project-name", "llmbench-by-hand", "down"]
        docker(*command[1:])
        assert here.engine().start()
    finally:
        docker("compose", "--project-name", "llmbench-by-hand", "down")


def test_a_taken_name_is_explained(here: Lab) -> None:
    """A container, also an ended one, that has the service's container_name."""
    tiny(here.folder, more="container_name: llmbench-taken-name\n")
    docker("create", "--name", "llmbench-taken-name", sandbox_image.BASE, "true")
    try:
        with pytest.raises(BadConfiguration, match=r"Remove that first: docker rm -f llmbench-taken-name$"):
            here.engine().start()
    finally:
        docker("rm", "-f", "llmbench-taken-name")


def test_a_taken_port_is_explained(here: Lab, tmp_path: Path) -> None:
    """Another container on the port, and a process of this machine: who it is."""
    port = free_port()
    tiny(here.folder)
    other = Compose(
        Profile(name="B", engine="compose", folder=str(tiny(tmp_path / "other").parent), env={"PORT": str(port)}),
        say=here.said.append,
    )
    here.made.append(other)
    project = other.start().detail["project"]
    with pytest.raises(BadConfiguration, match=f"wants port {port} of this machine, which container {project}-web-1"):
        here.engine(env={"PORT": str(port)}).start()
    other.stop()
    with subprocess.Popen([sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]) as process:
        try:
            wait_until(lambda: get_ok(port))
            with pytest.raises(BadConfiguration, match=rf"port {port} of .* taken by python\S* \(pid {process.pid}\)"):
                here.engine(env={"PORT": str(port)}).start()
        finally:
            process.kill()


def get_ok(port: int) -> bool:
    """Whether a web server answers on `port`."""
    try:
        return get_json(f"http://127.0.0.1:{port}/", timeout_s=5).status == 200
    except EndpointUnreachable:
        return False


def test_what_a_dead_run_left_is_replaced(here: Lab) -> None:
    """A container of our own project that nobody holds, as after a power cut, does not stand in the way."""
    port = str(free_port())
    path = tiny(here.folder)
    engine = here.engine(env={"PORT": port})
    project = engine.start().detail["project"]
    engine.stop()
    environment = {**os.environ, "PORT": port}
    subprocess.run(
        ["docker", "compose", "-f", str(path), "-p", project, "up", "-d"],  # noqa: S607
        env=environment,
        check=True,
        capture_output=True,
    )
    assert engine.start().detail["project"] == project
    engine.stop()
    assert left(project) == []


def test_an_image_that_is_nowhere(here: Lab) -> None:
    """Compose's own words, and what to try."""
    path = tiny(here.folder)
    path.write_text(path.read_text(encoding="utf-8").replace(sandbox_image.BASE, "127.0.0.1:9/nope:1"))
    with pytest.raises(BadConfiguration, match=r"(?s)could not be started, docker compose ended.*What to try: "):
        here.engine().start()
