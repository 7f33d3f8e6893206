"""What every sandbox promises of its walls: nothing of the host is seen or reached from inside."""

from __future__ import annotations

import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_llmbench.contracts import Sandbox
from tests.sandboxes.lab import KINDS, ask, pool, script, told

SECRET = "LLMBENCH_TEST_KEY"


@pytest.fixture(scope="module", params=KINDS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Make a sandbox of each kind, with a secret in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SECRET, "sesame")
        with pool(request.param) as made:
            yield made


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_listener_on_the_host_hears_nothing(sandbox: Sandbox, kind: socket.SocketKind) -> None:
    """Neither a connection nor a datagram reaches its loopback."""
    with socket.socket(socket.AF_INET, kind) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(0.3)
        if kind == socket.SOCK_STREAM:
            listener.listen()
        code = (
            "import json, socket, sys\n"
            "try:\n"
            "    caller = socket.socket(socket.AF_INET, int(sys.argv[2]))\n"
            "    caller.settimeout(2)\n"
            "    caller.connect(('127.0.0.1', int(sys.argv[1])))\n"
            "    caller.send(b'x'); caller.send(b'x')\n"
            "    print(json.dumps('sent'))\n"
            "except OSError as error: print(json.dumps('refused'))\n"
        )
        assert told(sandbox, code, str(listener.getsockname()[1]), str(int(kind))) == "refused"
        with pytest.raises(TimeoutError):
            listener.accept() if kind == socket.SOCK_STREAM else listener.recv(1)


@pytest.mark.parametrize("address", ["8.8.8.8", "169.254.169.254", "172.17.0.1", "::1"])
def test_no_address_is_reached(sandbox: Sandbox, address: str) -> None:
    """There is nothing to send by, not even to the machine itself."""
    code = (
        "import json, socket, sys\n"
        "family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET\n"
        "try:\n"
        "    caller = socket.socket(family)\n"
        "    caller.settimeout(2)\n"
        "    caller.connect((sys.argv[1], 80))\n"
        "    print(json.dumps('reached'))\n"
        "except OSError: print(json.dumps('refused'))\n"
    )
    assert told(sandbox, code, address) == "refused"


def test_sockets_of_the_host_without_a_file_are_elsewhere(sandbox: Sandbox) -> None:
    """Abstract names belong to the network that is not there."""
    name = f"\0llmbench-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(name)
        listener.listen()
        code = (
            "import json, socket, sys\n"
            "try: socket.socket(socket.AF_UNIX).connect('\\0' + sys.argv[1]); print(json.dumps('reached'))\n"
            "except OSError: print(json.dumps('refused'))\n"
        )
        assert told(sandbox, code, name[1:]) == "refused"


def test_the_only_interface_is_its_own_loopback(sandbox: Sandbox) -> None:
    """Or none."""
    assert set(told(sandbox, "import json, socket; print(json.dumps([n for _, n in socket.if_nameindex()]))")) <= {"lo"}


def test_files_of_the_host_are_not_there(sandbox: Sandbox) -> None:
    """Neither this project nor the user's home nor the host's temporary files nor its accounts."""
    with tempfile.NamedTemporaryFile(prefix="llmbench-") as private:
        paths = [
            private.name,
            __file__,
            str(Path.cwd()),
            str(Path.home() / ".bashrc"),
            "/etc/shadow-",
            "/etc/hostname-",
        ]
        paths += [str(path) for path in Path("/etc/ssh").glob("*")]
        code = "import json, os, sys; print(json.dumps([path for path in sys.argv[1:] if os.path.exists(path)]))"
        assert told(sandbox, code, *paths) == []


def test_passwords_cannot_be_read(sandbox: Sandbox) -> None:
    """Whatever there is in /etc."""
    assert script(sandbox, "open('/etc/shadow').read()").exit_code == 1


def test_nothing_mounts_the_hosts_disk_for_writing(sandbox: Sandbox) -> None:
    """Every file system that can be written is made for the sandbox."""
    code = (
        "import json\n"
        "lines = [line.split() for line in open('/proc/self/mounts')]\n"
        "print(json.dumps([words[:3] for words in lines if 'rw' in words[3].split(',')]))\n"
    )
    harmless = {"tmpfs", "proc", "devtmpfs", "devpts", "mqueue", "sysfs", "cgroup", "cgroup2", "shm"}
    assert [words for words in told(sandbox, code) if words[2] not in harmless] == []


@pytest.mark.parametrize(
    "path", ["/x", "/usr/x", "/usr/bin/python3", "/etc/x", "/dev/x", "/var/x", "/root/x", "/proc/sys/kernel/hostname"]
)
def test_the_root_is_read_only(sandbox: Sandbox, path: str) -> None:
    """Nothing but the scratch folders can be written."""
    code = "import json, sys\ntry: open(sys.argv[1], 'a'); print(1)\nexcept OSError: print(0)"
    assert told(sandbox, code, path) == 0


def test_the_environment_holds_no_secrets(sandbox: Sandbox) -> None:
    """Only what Python needs, for commands and for drivers; nor is any in what PID 1 was started with."""
    allowed = {
        "PATH",
        "HOME",
        "LANG",
        "TMPDIR",
        "PWD",
        "HOSTNAME",
        "PYTHONDONTWRITEBYTECODE",
        "LC_CTYPE",
        "LD_LIBRARY_PATH",
    }
    for about in (
        told(sandbox, "import json, os; print(json.dumps(dict(os.environ)))"),
        ask(sandbox, "import os; answer = dict(os.environ)"),
    ):
        assert set(about) <= allowed
        assert SECRET not in about
        assert about["HOME"] == "/work"


def test_nobody_is_root(sandbox: Sandbox) -> None:
    """No user, no group and no capability of his, and none to be had."""
    code = (
        "import json, os\n"
        "status = dict(line.split(':', 1) for line in open('/proc/self/status'))\n"
        "ids = [os.getresuid(), os.getresgid(), os.getgroups()]\n"
        "print(json.dumps([*ids, {name: value.strip() for name, value in status.items()}]))\n"
    )
    users, groups, more, status = told(sandbox, code)
    assert all(number > 0 for number in [*users, *groups, *more])
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0, name
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"


def test_no_file_lends_rights(sandbox: Sandbox) -> None:
    """A program that is marked to run as another user runs as this one."""
    code = (
        "import json, os, shutil, subprocess\n"
        "shutil.copy('/usr/bin/id', 'id')\n"
        "os.chmod('id', 0o6755)\n"
        "marked = [os.path.join('/usr/bin', n) for n in os.listdir('/usr/bin')]\n"
        "marked = [p for p in marked if os.path.exists(p) and os.stat(p).st_mode & 0o4000]\n"
        "for tool in marked: subprocess.run([tool], stdin=subprocess.DEVNULL, capture_output=True, timeout=20)\n"
        "print(json.dumps([os.getuid(), int(subprocess.check_output(['./id', '-u']))]))\n"
    )
    before, after = told(sandbox, code)
    assert before == after > 0


def test_processes_of_the_host_are_not_seen(sandbox: Sandbox) -> None:
    """Only PID 1, its keeper and the program are."""
    found = told(
        sandbox, "import json, os; print(json.dumps([name for name in os.listdir('/proc') if name.isdigit()]))"
    )
    assert "1" in found
    assert len(found) <= 3


def test_no_signal_reaches_the_host(sandbox: Sandbox) -> None:
    """Nor is there a process by the number of this one."""
    assert ask(sandbox, "import os\ntry: os.kill(pid, 0); answer = 1\nexcept OSError: answer = 0", pid=os.getpid()) == 0


def test_the_host_has_another_name(sandbox: Sandbox) -> None:
    """And it cannot be changed."""
    assert told(sandbox, "import json, socket; print(json.dumps(socket.gethostname()))") != socket.gethostname()
    assert script(sandbox, "import socket; socket.sethostname('x')").exit_code == 1


@pytest.mark.parametrize(
    ("number", "words"),
    [
        pytest.param(165, ["none", "/dev", "tmpfs", 0, 0], id="mount"),
        pytest.param(272, [0x10000000], id="unshare user"),
        pytest.param(272, [0x00020000], id="unshare mounts"),
        pytest.param(101, [16, 1, 0, 0], id="ptrace"),
        pytest.param(250, [0, -3, 0], id="keyctl"),
        pytest.param(161, ["/dev"], id="chroot"),
        pytest.param(321, [0, 0, 0], id="bpf"),
        pytest.param(425, [8, 0], id="io_uring"),
        pytest.param(298, [0, 0, -1, -1, 0], id="perf"),
        pytest.param(56, [0x10000011, 0, 0, 0, 0], id="clone user"),
        pytest.param(310, [1, 0, 0, 0, 0, 0], id="read memory"),
        pytest.param(435, [0, 0], id="clone3"),
    ],
)
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers are those of x86_64")
def test_system_calls_that_no_program_needs_are_refused(sandbox: Sandbox, number: int, words: list[object]) -> None:
    """Whatever else would stop them."""
    code = (
        "import ctypes, errno\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "words = [w.encode() if isinstance(w, str) else ctypes.c_long(w) for w in words]\n"
        "answer = [libc.syscall(ctypes.c_long(number), *words), errno.errorcode.get(ctypes.get_errno())]\n"
    )
    result, error = ask(sandbox, code, number=number, words=words)
    assert result == -1
    assert error in ("EPERM", "ENOSYS")


def test_the_program_sees_the_same_python_each_time(sandbox: Sandbox) -> None:
    """A driver and a command have one version and one library."""
    code = "import json, os, sys; print(json.dumps([list(sys.version_info[:3]), os.__file__]))"
    assert told(sandbox, code) == ask(sandbox, "import os, sys; answer = [list(sys.version_info[:3]), os.__file__]")


def test_our_own_package_is_not_there(sandbox: Sandbox) -> None:
    """Nor anything else of the virtual environment that tests run in."""
    assert script(sandbox, "import pytest_llmbench.settings").exit_code == 1
