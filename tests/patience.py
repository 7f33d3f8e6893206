"""Waiting for what other processes do, and weighing work, without asserting how long anything takes."""

from __future__ import annotations

import gc
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


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds of `work` in this thread, the least of three goes.

    Other threads and the collection of everybody else's garbage are not its cost.
    """
    costs = []
    for _ in range(3):
        gc.disable()
        started = time.thread_time()
        try:
            work()
        finally:
            costs.append(time.thread_time() - started)
            gc.enable()
    return min(costs)
