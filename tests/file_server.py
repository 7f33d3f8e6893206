"""A web server that serves given pages and files, and misbehaves as told: for downloads and package indexes."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(slots=True)
class Page:
    """What one path answers. `cut_after` bytes the connection breaks, `cuts` times; `drip_s` between single bytes."""

    body: bytes = b""
    status: int = 200
    kind: str = "text/plain"
    location: str = ""
    ranges: bool = True
    cut_after: int = 0
    cuts: int = 0
    drip_s: float = 0.0
    drip_headers: bool = False


@dataclass(slots=True)
class FileServer:
    """A running server: `url` without a slash at the end, its pages by path, and what was asked."""

    url: str
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def paths(self) -> list[str]:
        """Return the paths asked for, in order."""
        return [path for path, _ in self.asked]


@contextlib.contextmanager
def file_server(host: str = "127.0.0.1") -> Iterator[FileServer]:
    """Run a server on a free port of this machine, at the loopback address `host`."""
    server = ThreadingHTTPServer((host, 0), _Handler)
    server.daemon_threads = True
    known = FileServer(url=f"http://{host}:{server.server_port}")
    server.known = known  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield known
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer as the path's page says."""
        known: FileServer = self.server.known  # type: ignore[attr-defined]
        known.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        with contextlib.suppress(OSError):
            self._answer(known.pages.get(self.path) or Page(body=b"no such page", status=404))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""

    def _answer(self, page: Page) -> None:
        if page.drip_headers:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            self._drip(b"X-Slow: yes\r\n" * 1000, 0.05)
            return
        begin = self._begin(page)
        self.send_response(206 if begin else page.status)
        self.send_header("Content-Type", page.kind)
        self.send_header("Content-Length", str(len(page.body) - begin))
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(page.body) - 1}/{len(page.body)}")
        if page.location:
            self.send_header("Location", page.location)
        self.end_headers()
        self._send(page, page.body[begin:])

    def _begin(self, page: Page) -> int:
        wanted = self.headers.get("Range", "")
        return int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and page.ranges else 0

    def _send(self, page: Page, body: bytes) -> None:
        if page.drip_s:
            self._drip(body, page.drip_s)
        elif page.cuts:
            page.cuts -= 1
            self.wfile.write(body[: page.cut_after])
        else:
            self.wfile.write(body)

    def _drip(self, data: bytes, pause_s: float) -> None:
        for byte in data:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(pause_s)
