"""Docker through its SDK: what is found, what is said when it is not, containers from their start to their end."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest
from docker.errors import APIError

from pytest_llmbench import containers
from pytest_llmbench.containers import Cause, Container, Docker, DockerTrouble
from tests.daemon_proxy import daemon_proxy
from tests.sandbox_image import sandbox_image

LABEL = "pytest-llmbench-test"
needs_docker = pytest.mark.needs("docker")


@pytest.fixture
def no_context(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return a Docker settings folder that is empty."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    return tmp_path


def _start(*command: str, image: str = "") -> Container:
    config = {
        "Image": image or sandbox_image(),
        "Entrypoint": list(command),
        "OpenStdin": True,
        "StdinOnce": True,
        "Labels": {LABEL: "1"},
        "HostConfig": {"AutoRemove": True, "NetworkMode": "none", "Memory": 64 << 20, "MemorySwap": 64 << 20},
    }
    return Docker.connect().start(config)


def _all(container: Container) -> bytes:
    container.socket.settimeout(30)
    return b"".join(iter(lambda: container.socket.recv(1 << 16), b""))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("unix:///nowhere/docker.sock", "No such file or directory"),
        ("tcp://127.0.0.1:1", "refused"),
        ("nonsense", "Invalid bind address"),
    ],
)
def test_no_daemon_is_told_with_what_was_seen(
    no_context: Path, monkeypatch: pytest.MonkeyPatch, address: str, said: str
) -> None:
    """The root of the trouble, not the names of three libraries' exceptions."""
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(DockerTrouble) as caught:
        Docker.connect()
    assert caught.value.cause is Cause.NO_DAEMON
    assert said in str(caught.value)
    assert "Error(" not in str(caught.value)


def test_a_socket_nobody_listens_on_is_no_daemon(no_context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a daemon that was killed leaves it."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(no_context / "d.sock"))
        monkeypatch.setenv("DOCKER_HOST", f"unix://{no_context}/d.sock")
        with pytest.raises(DockerTrouble, match="refused") as caught:
            Docker.connect()
    assert caught.value.cause is Cause.NO_DAEMON


def test_a_socket_that_may_not_be_opened_is_told_apart(no_context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The remedy is another one: the user's groups, not the daemon."""

    def refuse(self: socket.socket, address: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(DockerTrouble, match="Permission denied") as caught:
        Docker.connect()
    assert caught.value.cause is Cause.NOT_ALLOWED


def test_the_current_docker_context_counts(no_context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for the docker command: a rootless daemon or Docker Desktop is found where it was set."""
    monkeypatch.setattr(containers.ContextAPI, "get_current_context", _Context)
    assert containers._address()["base_url"] == "unix:///mine/docker.sock"
    monkeypatch.setenv("DOCKER_HOST", "unix:///other.sock")
    assert containers._address()["base_url"] == "unix:///other.sock"


class _Context:
    Name = "mine"
    Host = "unix:///mine/docker.sock"
    TLSConfig = None


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ('exec: "python3": executable file not found in $PATH: unknown', Cause.NO_PROGRAM),
        ('exec: "/x/python3": stat /x/python3: no such file or directory: unknown', Cause.NO_PROGRAM),
        ("no space left on device", Cause.REFUSED),
    ],
)
def test_a_refusal_is_sorted_by_what_helps(words: str, cause: Cause) -> None:
    """An image without Python is the image's fault, a full disk is not."""
    with pytest.raises(DockerTrouble, match=r"device|exec") as caught, containers._reported():
        raise APIError("500", explanation=words)
    assert caught.value.cause is cause


@needs_docker
def test_the_daemon_says_what_it_is() -> None:
    """Version, cores and the identity of an image."""
    docker = Docker.connect()
    image = docker.image(sandbox_image())
    assert docker.version
    assert docker.cores() >= 1
    assert image.id.startswith("sha256:")
    assert image.volumes == ()


@needs_docker
@pytest.mark.parametrize("name", ["llmbench-nowhere:1", "llmbench-nowhere@sha256:" + "0" * 64])
def test_an_image_that_is_not_there(name: str) -> None:
    """It is told by its name."""
    with pytest.raises(DockerTrouble, match=name) as caught:
        Docker.connect().image(name)
    assert caught.value.cause is Cause.NO_IMAGE


@needs_docker
def test_an_impossible_image_name_is_refused() -> None:
    """Never an exception of the SDK."""
    with pytest.raises(DockerTrouble, match="lowercase"):
        Docker.connect().image("Bad Name")


@needs_docker
def test_output_that_comes_at_once_is_not_lost() -> None:
    """The streams are attached before the program runs."""
    container = _start("/bin/echo", "hello")
    try:
        assert _all(container) == b"\x01\0\0\0\0\0\0\x06hello\n"
    finally:
        container.remove()


@needs_docker
def test_the_end_is_told_after_the_container_is_gone() -> None:
    """Exit codes come from the daemon's events, since the container removes itself."""
    container = _start("/bin/sh", "-c", "exit 7")
    try:
        _all(container)
        assert container.post_mortem().text == "the container ended with exit code 7"
        assert not container.post_mortem().out_of_memory
    finally:
        container.remove()
    assert "exit code 7" in container.post_mortem().text


@needs_docker
def test_death_by_memory_is_told() -> None:
    """The kernel's kill is not mistaken for ours."""
    container = _start("python3", "-c", "x = bytearray(1 << 28)")
    try:
        _all(container)
        seen = container.post_mortem()
        assert seen.out_of_memory
        assert "137" in seen.text
    finally:
        container.remove()


@needs_docker
def test_a_container_ends_with_its_stdin() -> None:
    """A run that is killed takes its sandboxes with it."""
    container = _start("/bin/cat")
    container.socket.shutdown(socket.SHUT_RDWR)
    container._response.close()
    assert "exit code 0" in _told_at_last(container)
    container.remove()


def _told_at_last(container: Container) -> str:
    for _ in range(50):
        text = container.post_mortem().text
        if "exit code" in text:
            return text
    return ""


@needs_docker
def test_removing_wakes_a_reader_and_can_be_repeated() -> None:
    """A watchdog may remove what another thread waits for."""
    container = _start("/bin/cat")
    heard: list[bytes] = []
    reader = threading.Thread(target=lambda: heard.append(_all(container)))
    reader.start()
    container.remove()
    container.remove()
    reader.join(20)
    assert heard == [b""]


@needs_docker
def test_what_cannot_be_started_is_not_left_behind() -> None:
    """The daemon removes by itself only what has run."""
    with pytest.raises(DockerTrouble, match="nothing-of-that-name") as caught:
        _start("nothing-of-that-name")
    assert caught.value.cause is Cause.NO_PROGRAM
    assert Docker.connect().remove_containers(LABEL, lambda value: value == "1") == 0


@needs_docker
def test_only_doomed_containers_are_removed() -> None:
    """Another run's containers have another value."""
    container = _start("/bin/cat")
    docker = Docker.connect()
    try:
        assert docker.remove_containers(LABEL, lambda value: value == "2") == 0
        assert docker.remove_containers(LABEL, lambda value: value == "1") == 1
        assert _all(container) == b""
    finally:
        container.remove()


@needs_docker
def test_a_build_tells_what_it_does_and_why_it_failed() -> None:
    """The interface without BuildKit; nothing is copied into the image."""
    docker = Docker.connect()
    dockerfile = f"FROM {sandbox_image()}\nARG WORD=none\nUSER 0\nRUN echo said $WORD\nVOLUME /data\n".encode()
    lines = list(docker.build(dockerfile, tag="llmbench-test-build", arguments={"WORD": "this"}))
    try:
        assert any(line == "said this" for line in lines) or any("Using cache" in line for line in lines)
        assert docker.image("llmbench-test-build").volumes == ("/data",)
    finally:
        docker.remove_image("llmbench-test-build")
    with pytest.raises(DockerTrouble, match="exit code 3"):
        list(docker.build(dockerfile + b"RUN exit 3\n", tag="llmbench-test-build", arguments={}))


@needs_docker
def test_a_daemon_that_dies_is_told_by_every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """No call hangs, none raises an exception of the SDK, and removal is silent."""
    image = sandbox_image()
    with daemon_proxy() as proxy:
        monkeypatch.setenv("DOCKER_HOST", proxy.url)
        docker = Docker.connect()
        container = _start("/bin/cat", image=image)
        proxy.cut()
        assert _all(container) == b""
        assert "cannot be reached" in container.post_mortem().text
        container.remove()
        for call in (lambda: docker.image(image), docker.cores, lambda: docker.start({"Image": image})):
            with pytest.raises(DockerTrouble, match="cannot be reached") as caught:
                call()
            assert caught.value.cause is Cause.NO_DAEMON
