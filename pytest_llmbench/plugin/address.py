"""Where the workers of xdist find their controller. Apart from the channel, for every xdist session loads it."""

from __future__ import annotations

import secrets
import select
import socket
from typing import Any


class Address:
    """Where workers find the controller: a listening socket and a token, made before they start.

    Costs nothing in sessions that measure nothing: no thread runs until somebody has called.
    """

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.token = secrets.token_hex(16)

    def plain(self) -> dict[str, Any]:
        """Return what is put into ``workerinput``."""
        return {"port": self.listener.getsockname()[1], "token": self.token}

    def called(self) -> bool:
        """Tell whether a worker has something to measure: it connects before it reports its collection."""
        return bool(select.select([self.listener], [], [], 0)[0])
