"""Who is at work: many together, or one alone."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class Turns:
    """A shared and exclusive lock; whoever wants to be alone goes before those who come after."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._together = 0
        self._alone = False
        self._wanting_alone = 0

    @contextlib.contextmanager
    def together(self) -> Iterator[bool]:
        """Work beside others; the value tells whether there were any."""
        with self._changed:
            self._changed.wait_for(lambda: not self._alone and not self._wanting_alone)
            crowded = self._together > 0
            self._together += 1
        try:
            yield crowded
        finally:
            with self._changed:
                self._together -= 1
                self._changed.notify_all()

    @contextlib.contextmanager
    def alone(self) -> Iterator[bool]:
        """Work while nobody else does."""
        with self._changed:
            self._wanting_alone += 1
            try:
                self._changed.wait_for(lambda: not self._alone and not self._together)
            finally:
                self._wanting_alone -= 1
            self._alone = True
        try:
            yield False
        finally:
            with self._changed:
                self._alone = False
                self._changed.notify_all()
