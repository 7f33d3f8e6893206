"""Sandboxes in Docker containers: what they are confined to, how they end, what is said where there are none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_llmbench.containers import Cause, Docker, DockerTrouble, Image
from pytest_llmbench.errors import SandboxFailed, SandboxUnavailable
from pytest_llmbench.sandboxes import leftovers
from pytest_llmbench.sandboxes.confinement import LABEL, SCRATCH, container_config
from pytest_llmbench.sandboxes.container_stream import TAIL_BYTES, Frames
from pytest_llmbench.sandboxes.docker import DockerLauncher
from pytest_llmbench.sandboxes.launcher import OUT_OF_MEMORY, Stream
from pytest_llmbench.settings import SANDBOX_IMAGE, SandboxSettings
from tests.daemon_proxy import daemon_proxy
from tests.sandbox_image import sandbox_image

needs_docker = pytest.mark.needs("docker")
ECHO = "import os\nwhile True:\n data = os.read(0, 65536)\n if not data: break\n os.write(1, data)\n"
HELLO = "import os, sys; os.write(1, b'hello\\n'); sys.stdin.read()"

Launch = Callable[..., Stream]


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Return a function that launches a source with settings; what it made is destroyed in the end."""
    streams: list[Stream] = []

    def start(source: str, **settings: object) -> Stream:
        made = SandboxSettings(image=sandbox_image(), memory_bytes=128 << 20)
        streams.append(DockerLauncher(replace(made, **settings)).launch(source))  # type: ignore[arg-type]
        return streams[-1]

    yield start
    for stream in streams:
        stream.destroy()


def _read(stream: Stream, size: int) -> bytes:
    data = b""
    while len(data) < size and (piece := stream.read(30)):
        data += piece
    return data


def _answer(stream: Stream) -> object:
    data = b""
    while piece := stream.read(30):
        data += piece
    return json.loads(data)


def _frame(kind: int, payload: bytes) -> bytes:
    return bytes([kind, 0, 0, 0]) + len(payload).to_bytes(4, "big") + payload


@pytest.mark.parametrize("step", [1, 2, 3, 7, 8, 9, 11, 1000])
def test_frames_are_put_together_however_they_were_cut(step: int) -> None:
    """The daemon's frames do not end where our reads do."""
    data = _frame(1, b"one") + _frame(2, b"ERR") + _frame(1, b"") + _frame(1, b"two" * 9) + _frame(2, b"!")
    frames = Frames()
    output = b"".join(frames.stdout(data[at : at + step]) for at in range(0, len(data), step))
    assert output == b"one" + b"two" * 9
    assert bytes(frames.tail) == b"ERR!"


def test_only_the_end_of_stderr_is_kept() -> None:
    """A program that fills it must not fill our memory."""
    frames = Frames()
    for _ in range(100):
        assert frames.stdout(_frame(2, b"x" * 10_000)) == b""
    frames.stdout(_frame(2, b"last"))
    assert len(frames.tail) == TAIL_BYTES
    assert frames.tail.endswith(b"last")


def test_a_container_is_confined_in_every_way() -> None:
    """What protects us stands in the request, whatever the daemon's defaults are."""
    image = Image(id="sha256:1", volumes=("/data",), variables=("PATH", "HOME", "TOKEN"))
    settings = SandboxSettings(memory_bytes=1 << 30, cpus=8, pids=20, open_files=99, disk_bytes=5 << 20)
    config = container_config(image, ("python3",), settings, cores=2)
    host = config["HostConfig"]
    assert config["Image"] == "sha256:1"
    user, _, group = config["User"].partition(":")
    assert user == group
    assert 20000 <= int(user) < 60000
    assert config["StdinOnce"]
    assert config["Healthcheck"] == {"Test": ["NONE"]}
    assert config["Env"] == ["HOME=/work", "LANG=C.UTF-8", "TOKEN"], "a name alone is taken out"
    assert (host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (1 << 30, 1 << 30, 22)
    assert host["NanoCpus"] == 2 * 10**9, "the daemon refuses more cores than there are"
    assert {"Name": "nofile", "Soft": 99, "Hard": 99} in host["Ulimits"]
    assert (host["NetworkMode"], host["IpcMode"], host["CgroupnsMode"]) == ("none", "private", "private")
    assert (host["ReadonlyRootfs"], host["AutoRemove"], host["Init"]) == (True, True, False)
    assert (host["CapDrop"], host["SecurityOpt"]) == (["ALL"], ["no-new-privileges:true"])
    assert host["LogConfig"] == {"Type": "none"}
    assert set(host["Tmpfs"]) == {"/data", *SCRATCH}
    assert host["Tmpfs"]["/data"].startswith("ro,")
    assert "Privileged" not in host
    assert "Binds" not in host


def test_half_a_core_and_a_network_can_be_asked_for() -> None:
    """As llmbench.yaml says them."""
    host = container_config(Image(id="i"), ("x",), SandboxSettings(cpus=0.5, network=True), cores=2)["HostConfig"]
    assert host["NanoCpus"] == 5 * 10**8
    assert host["NetworkMode"] == "bridge"
    assert "Dns" not in host


def test_a_daemon_that_cannot_limit_cores_is_not_asked_to() -> None:
    """It would refuse the container; inside, programs are held to their cores anyway."""
    assert container_config(Image(id="i"), ("x",), SandboxSettings(), cores=0)["HostConfig"]["NanoCpus"] == 0


def test_two_sandboxes_are_two_users() -> None:
    """The kernel counts some things by user: what one takes is not missing to another."""
    users = {container_config(Image(id="i"), ("x",), SandboxSettings(), cores=1)["User"] for _ in range(20)}
    assert len(users) > 15


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_process_is_known_to_be_gone_only_when_it_is() -> None:
    """Names of other machines, of other namespaces and of no process at all are left alone."""
    own = leftovers.own_name()
    boot, namespace, pid, start = own.split(" ")
    assert not leftovers.is_gone(own)
    assert leftovers.is_gone(f"{boot} {namespace} {pid} 1")
    assert leftovers.is_gone(f"{boot} {namespace} 4194305 {start}")
    for stranger in ("", "x", f"other {namespace} {pid} 1", f"{boot} pid:[1] {pid} 1", f"{boot} {namespace} -1 1"):
        assert not leftovers.is_gone(stranger)


@pytest.mark.parametrize(
    ("cause", "step"),
    [
        (Cause.NO_DAEMON, "sudo systemctl start docker"),
        (Cause.NOT_ALLOWED, "sudo usermod -aG docker $USER"),
        (Cause.NO_IMAGE, "llmbench sandbox build"),
    ],
)
def test_a_problem_names_the_command_that_mends_it(monkeypatch: pytest.MonkeyPatch, cause: Cause, step: str) -> None:
    """What was seen, then what to type."""

    def fail() -> Docker:
        raise DockerTrouble("seen this", cause=cause)

    monkeypatch.setattr(Docker, "connect", fail)
    launcher = DockerLauncher(SandboxSettings())
    assert launcher.problem().startswith("seen this; ")
    assert step in launcher.problem()
    with pytest.raises(SandboxUnavailable, match="seen this"):
        launcher.launch(HELLO)
    with pytest.raises(SandboxUnavailable, match="seen this"):
        launcher.describe()


def test_windows_is_told_where_sandboxes_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker Desktop's pipe is no socket that can be waited for."""
    monkeypatch.setattr(sys, "platform", "win32")
    assert "WSL" in DockerLauncher(SandboxSettings()).problem()


@needs_docker
def test_a_missing_image_is_told_with_both_remedies() -> None:
    """An image of the user's may be pulled or made, ours is made."""
    assert "`docker pull nowhere:1`" in DockerLauncher(SandboxSettings(image="nowhere:1")).problem()
    problem = DockerLauncher(SandboxSettings(image=SANDBOX_IMAGE + "-not-built")).problem()
    assert f"there is no image {SANDBOX_IMAGE}-not-built" in problem


@needs_docker
def test_the_launcher_says_what_programs_run_on() -> None:
    """For the manifest."""
    launcher = DockerLauncher(SandboxSettings(image=sandbox_image()))
    facts = launcher.describe()
    assert launcher.problem() == ""
    assert facts["image"] == sandbox_image()
    assert facts["image_id"].startswith("sha256:")
    assert facts["docker"]


@needs_docker
def test_bytes_go_in_and_come_out_unchanged(launch: Launch) -> None:
    """All 256 of them, and many: several megabytes through both directions at once."""
    stream = launch(ECHO)
    data = bytes(range(256)) * (1 << 14)
    writer = threading.Thread(target=stream.write, args=(data,))
    writer.start()
    assert _read(stream, len(data)) == data
    writer.join()


@needs_docker
def test_silence_is_a_timeout_and_an_end_is_empty(launch: Launch) -> None:
    """A reader can tell one from the other."""
    stream = launch("import sys; sys.stdin.readline()")
    with pytest.raises(TimeoutError):
        stream.read(0.05)
    stream.write(b"\n")
    assert stream.read(30) == b""
    assert "exit code 0" in stream.obituary()


@needs_docker
def test_an_obituary_has_the_last_words(launch: Launch) -> None:
    """Exit code and the end of stderr."""
    stream = launch("import sys; sys.stderr.write('y' * 9999 + 'why'); sys.exit(5)")
    assert stream.read(30) == b""
    assert stream.obituary().startswith("the container ended with exit code 5; it said: yyy")
    assert stream.obituary().endswith("why")


@needs_docker
def test_an_obituary_tells_death_by_memory(launch: Launch) -> None:
    """The word that the owner looks for comes first."""
    stream = launch("x = bytearray(1 << 29)")
    assert stream.read(30) == b""
    assert stream.obituary().startswith(OUT_OF_MEMORY)


@needs_docker
def test_a_destroyed_sandbox_is_gone_and_says_so(launch: Launch) -> None:
    """Nothing is written to nobody, a second time is harmless, and the daemon knows it no more."""
    stream = launch(HELLO)
    assert _read(stream, 6) == b"hello\n"
    stream.destroy()
    stream.destroy()
    with pytest.raises(BrokenPipeError):
        stream.write(b"x")
    assert stream.read(1) == b""
    assert Docker.connect().remove_containers(LABEL, lambda owner: owner == leftovers.own_name()) == 0


@needs_docker
def test_destroying_frees_who_waits(launch: Launch) -> None:
    """A watchdog ends a sandbox that does not answer, whatever another thread does with it."""
    stream = launch("import time; time.sleep(600)")
    heard: list[object] = []

    def write() -> None:
        try:
            stream.write(bytes(1 << 24))
        except BrokenPipeError as error:
            heard.append(error)

    threads = [threading.Thread(target=write), threading.Thread(target=lambda: heard.append(stream.read(60)))]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    stream.destroy()
    for thread in threads:
        thread.join(30)
    assert len(heard) == 2
    assert b"" in heard


@needs_docker
def test_pid_1_is_nobody_and_sees_nothing(launch: Launch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No root, no rights, no secrets: not those of the environment, nor the proxies in Docker's own settings."""
    proxies = {"default": {"httpProxy": "http://user:secret@proxy:1"}}
    (tmp_path / "config.json").write_text(json.dumps({"proxies": proxies}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    source = (
        "import os, json; status = dict(l.split(':\\t') for l in open('/proc/self/status').read().splitlines())\n"
        "print(json.dumps([os.getpid(), os.getuid(), status, dict(os.environ), os.getcwd(), os.listdir('/work')]))"
    )
    pid, user, status, environment, folder, files = _answer(launch(source))  # type: ignore[misc]
    assert (pid, folder, files) == (1, "/work", [])
    assert user >= 20000
    assert int(status["CapBnd"], 16) == int(status["CapEff"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert "secret" not in json.dumps(environment)


@needs_docker
def test_scratch_folders_have_their_size_and_the_rest_is_read_only(launch: Launch) -> None:
    """Bytes and number of files are bounded; what is written may be run."""
    source = """
import json, os, subprocess
report = {}
for folder in ("/work", "/tmp", "/dev/shm"):
    size, count = 0, 0
    try:
        with open(folder + "/big", "wb", buffering=0) as stream:
            while size < 1 << 26: size += stream.write(bytes(1 << 16))
    except OSError as error: report[folder] = [size, error.strerror]
    os.unlink(folder + "/big")
    try:
        while count < 20000: open(folder + "/%d" % count, "w").close(); count += 1
    except OSError: pass
    report[folder].append(count)
    for name in os.listdir(folder): os.unlink(os.path.join(folder, name))
    with open(folder + "/run", "w") as stream: stream.write("#!/bin/sh\\nexit 3\\n")
    os.chmod(folder + "/run", 0o700)
    report[folder].append(subprocess.call([folder + "/run"]))
for folder in ("/", "/etc", "/usr", "/var/tmp", "/run", "/home", "/dev", "/sys", "/proc/sys/kernel"):
    try: open(folder + "/x", "w"); report[folder] = "written"
    except OSError: pass
print(json.dumps(report))
"""
    report = _answer(launch(source, disk_bytes=4 << 20))
    assert isinstance(report, dict)
    assert set(report) == set(SCRATCH)
    for size, error, count, code in report.values():
        assert (size, error) == (4 << 20, "No space left on device")
        assert 1000 < count < 10_000
        assert code == 3


@needs_docker
def test_processes_and_open_files_are_bounded(launch: Launch) -> None:
    """By the container, whoever counts inside."""
    source = """
import json, os, time
count = opened = 0
try:
    while count < 100:
        if not os.fork(): time.sleep(60)
        count += 1
except OSError: pass
try:
    while opened < 1000: os.open("/dev/null", os.O_RDONLY); opened += 1
except OSError: pass
print(json.dumps([count, opened]), flush=True)
os._exit(0)
"""
    count, opened = _answer(launch(source, pids=12, open_files=50))  # type: ignore[misc]
    assert count == 13, "PID 1, whom we are here, and a keeper are ours"
    assert 30 < opened < 50


@needs_docker
def test_there_is_no_network(launch: Launch) -> None:
    """No route, no device but loopback, no name server of the host."""
    source = """
import json, socket
def reach(address):
    try: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect((address, 53)); return "reached"
    except OSError as error: return error.strerror
resolv = open("/etc/resolv.conf").read()
print(json.dumps([reach("192.0.2.1"), [n for n in resolv.splitlines() if n.startswith("nameserver")]]))
"""
    assert _answer(launch(source)) == ["Network is unreachable", ["nameserver 127.0.0.1"]]


@needs_docker
def test_two_are_started_at_once(launch: Launch) -> None:
    """From two threads, by one launcher."""
    launcher = DockerLauncher(SandboxSettings(image=sandbox_image(), memory_bytes=128 << 20))
    streams: list[Stream] = []
    threads = [threading.Thread(target=lambda: streams.append(launcher.launch(HELLO))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    try:
        assert [_read(stream, 6) for stream in streams] == [b"hello\n"] * 4
    finally:
        for stream in streams:
            stream.destroy()


@needs_docker
def test_what_a_killed_run_left_is_removed_at_the_next_start() -> None:
    """Even a container that does not end with its stdin."""
    source = "import time; print('up', flush=True); time.sleep(600)"
    script = (
        "import os, sys\nfrom pytest_llmbench.sandboxes.docker import DockerLauncher\n"
        "from pytest_llmbench.settings import SandboxSettings\n"
        f"stream = DockerLauncher(SandboxSettings(image={sandbox_image()!r})).launch({source!r})\n"
        "stream.read(30); os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=False)
    docker = Docker.connect()
    owners: list[str] = []
    docker.remove_containers(LABEL, lambda owner: owners.append(owner) or False)  # type: ignore[func-returns-value]
    assert any(leftovers.is_gone(owner) for owner in owners)
    assert DockerLauncher(SandboxSettings(image=sandbox_image())).problem() == ""
    assert docker.remove_containers(LABEL, leftovers.is_gone) == 0


@needs_docker
def test_an_image_without_python_is_unavailable() -> None:
    """It is the user's to mend: not a sandbox that broke."""
    docker = Docker.connect()
    dockerfile = f"FROM {sandbox_image()}\nENV PATH=/nowhere\n".encode()
    list(docker.build(dockerfile, tag="llmbench-test-bare", arguments={}))
    try:
        with pytest.raises(SandboxUnavailable, match=r"must have python3, 3\.8 or newer"):
            DockerLauncher(SandboxSettings(image="llmbench-test-bare")).launch(HELLO)
    finally:
        docker.remove_image("llmbench-test-bare")


@needs_docker
def test_a_daemon_that_dies_is_a_sandbox_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads hears the end, the obituary says why, and the next start fails with what was seen."""
    image = sandbox_image()
    with daemon_proxy() as proxy:
        monkeypatch.setenv("DOCKER_HOST", proxy.url)
        launcher = DockerLauncher(SandboxSettings(image=image, memory_bytes=128 << 20))
        stream = launcher.launch(HELLO)
        assert _read(stream, 6) == b"hello\n"
        proxy.cut()
        assert stream.read(30) == b""
        assert "the Docker daemon cannot be reached" in stream.obituary()
        stream.destroy()
        with pytest.raises(SandboxFailed, match="the Docker daemon cannot be reached"):
            launcher.launch(HELLO)
    monkeypatch.delenv("DOCKER_HOST")
    assert os.environ.get("DOCKER_HOST") is None
