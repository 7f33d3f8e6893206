"""A unix socket that passes everything on to the Docker daemon until it is cut: a daemon that can die in a test."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from docker.constants import DEFAULT_UNIX_SOCKET

REAL = os.environ.get("DOCKER_HOST", DEFAULT_UNIX_SOCKET).rpartition("unix://")[2].removeprefix("http+unix://")


@dataclass(slots=True)
class DaemonProxy:
    """A running proxy; `url` is what DOCKER_HOST has to say."""

    url: str
    _listener: socket.socket
    _open: list[socket.socket] = field(default_factory=list)

    def cut(self) -> None:
        """Die: break every connection, answer no new one."""
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        Path(self.url.removeprefix("unix://")).unlink(missing_ok=True)

    def serve(self) -> None:
        """Take calls until cut."""
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            far.connect(REAL)
            self._open += [near, far]
            for pair in ((near, far), (far, near)):
                threading.Thread(target=_pass_on, args=pair, daemon=True).start()


@contextlib.contextmanager
def daemon_proxy() -> Iterator[DaemonProxy]:
    """Run a proxy; it is cut at the end if not before."""
    with tempfile.TemporaryDirectory(prefix="llmbench-") as folder:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(f"{folder}/docker.sock")
        listener.listen()
        proxy = DaemonProxy(f"unix://{folder}/docker.sock", listener)
        threading.Thread(target=proxy.serve, daemon=True).start()
        try:
            yield proxy
        finally:
            proxy.cut()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
