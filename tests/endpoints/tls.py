"""Certificates made on the spot, and a door that speaks TLS in front of a server that does not."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_llmbench.loop import Loop


def certificate(folder: Path, names: str = "IP:127.0.0.1,DNS:localhost") -> tuple[Path, Path]:
    """Make a certificate signed by itself for `names`, and its key; both PEM files."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not on this machine")
    made, key = folder / "server.pem", folder / "server.key"
    subject = ["-subj", "/CN=llmbench", "-addext", f"subjectAltName={names}", "-days", "2"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command = ["openssl", "req", "-x509", *curve, "-keyout", str(key), "-out", str(made), *subject]
    subprocess.run(command, check=True, capture_output=True)
    return made, key


@contextlib.contextmanager
def tls_door(port: int, made: tuple[Path, Path]) -> Iterator[str]:
    """Yield an https URL behind which the server at `port` answers."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*made)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))

    async def listen() -> asyncio.Server:
        return await asyncio.start_server(relay, "127.0.0.1", 0, ssl=context)

    loop = Loop("tls-door")
    try:
        server = loop.submit(listen()).result(10)
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        loop.stop()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, ssl.SSLError):
        while block := await source.read(1 << 16):
            target.write(block)
            await target.drain()
    target.close()
