"""Waiting for what other processes do, without asserting how long it takes."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil


def wait_until(happened: Callable[[], bool]) -> None:
    """Return when `happened` says so; a minute without it is a failure."""
    end = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < end, "it did not happen within a minute"
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    """Whether a process runs; one that waits to be buried does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
