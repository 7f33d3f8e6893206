"""Lets the end of a session be reached by those who press Ctrl-C twice."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

TOLERATED = 2
"""How often more Ctrl-C may be pressed before it is obeyed."""


@contextlib.contextmanager
def unhurried(say: Callable[[str], None]) -> Iterator[None]:
    """Go on to the end of the block in spite of Ctrl-C, and `say` so; pressed ever again it is obeyed."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    pressed = 0

    def wait(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed += 1
        if pressed > TOLERATED:
            before(number, frame)
        else:
            say("stopping the servers and writing the reports; nothing is asked any more")

    signal.signal(signal.SIGINT, wait)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
