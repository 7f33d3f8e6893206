"""Runs a stub as a process of its own and speaks to its control plane."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]


class Stub:
    """A running stub. `url` is the base URL a client is given, `origin` the same without /v1."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port
        self.origin = f"http://127.0.0.1:{port}"
        self.url = f"{self.origin}/v1"

    def stats(self) -> dict[str, Any]:
        """Counts since the start or the last reset."""
        found = self._call("GET", "/stub/stats")
        assert isinstance(found, dict)
        return found

    def requests(self, last: int = 0) -> list[dict[str, Any]]:
        """The `last` chat requests seen ({"body", "headers"}), oldest first; 0: all it still has."""
        found = self._call("GET", f"/stub/requests?last={last}")
        assert isinstance(found, list)
        return found

    def set(self, **values: Any) -> None:
        """Change options; ``reset=True`` forgets all counts."""
        self._call("POST", "/stub/set", values)

    def wait_until(self, condition: str, value: int, *, limit_s: float = 10.0) -> dict[str, Any]:
        """Poll until the count named `condition` is at least `value`; return the stats."""
        end = time.monotonic() + limit_s
        while True:
            found = self.stats()
            if found[condition] >= value:
                return found
            if time.monotonic() > end:
                raise AssertionError(f"{condition} is {found[condition]}, not {value}, after {limit_s} s")
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill -9: every connection breaks at once."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End the process; harmless when it has ended."""
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _call(self, method: str, path: str, values: dict[str, Any] | None = None) -> Any:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            line.request(method, path, None if values is None else json.dumps(values))
            answer = line.getresponse()
            data = json.loads(answer.read())
        finally:
            line.close()
        if answer.status != 200:
            raise ValueError(data)
        return data


@contextlib.contextmanager
def running_stub(*, port: int = 0, **options: Any) -> Iterator[Stub]:
    """Run a stub with these `options.Options` and stop it at the end."""
    command = [sys.executable, "-m", "tests.stub.server", "--port", str(port), "--options", json.dumps(options)]
    paths = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": paths}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=_ROOT)
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"the stub ended at once with exit code {process.wait()}")
    stub = Stub(process, json.loads(line)["port"])
    if not options.get("refuse_s"):
        _await_listening(stub)
    try:
        yield stub
    finally:
        stub.stop()


def _await_listening(stub: Stub) -> None:
    for _ in range(200):
        with contextlib.suppress(ConnectionRefusedError):
            stub.stats()
            return
        time.sleep(0.02)
    raise RuntimeError("the stub does not listen")
