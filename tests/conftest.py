"""For all of our own tests."""

from __future__ import annotations

import signal

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Let processes that tests start be interrupted.

    A shell that runs this suite in the background makes it, and so its children, deaf to SIGINT; tests
    that press Ctrl-C would wait for ever.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
