"""Measures one server after the other, in a thread, while the items wait for their results."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pytest_llmbench.errors import BadConfiguration, Cancelled, LlmbenchError, TrialError


@dataclass(kw_only=True)
class Stage:
    """One leg of a tour.

    `begin` starts its server and its trials and raises `LlmbenchError` where it cannot be measured; `failed` is
    told why; `end` stops the server, whether it was started or not, and `trouble` is told what went wrong in that. It
    ends once `drained` says that nothing
    needs the server any more and `late` is empty: the numbers of items that ask when they start.
    """

    name: str
    begin: Callable[[], None]
    failed: Callable[[TrialError], None]
    end: Callable[[], None]
    trouble: Callable[[Exception], None]
    late: set[int] = field(default_factory=set)
    drained: threading.Event = field(default_factory=threading.Event)


class Tour:
    """Leads through the stages; one that fails does not stop the others."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._stages = stages
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="llmbench-tour", daemon=True)

    def start(self) -> None:
        """Begin with the first stage."""
        self._thread.start()

    def passed(self, number: int) -> None:
        """Take note that an item is over, run or not."""
        with self._changed:
            for stage in self._stages:
                stage.late.discard(number)
            self._changed.notify_all()

    def stop(self) -> None:
        """Begin no further stage and wait for no other; whoever stops the session ends the present one."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    @property
    def is_under_way(self) -> bool:
        """Whether a stage is begun, awaited or ended just now."""
        return self._thread.is_alive()

    def join(self, within_s: float) -> None:
        """Wait for the present stage to end, at most `within_s` seconds."""
        if self._thread.ident is not None:
            self._thread.join(within_s)

    def idle(self, stage: Stage) -> None:
        """Take note that nothing of `stage` needs its server just now."""
        stage.drained.set()
        with self._changed:
            self._changed.notify_all()

    def _run(self) -> None:
        for stage in self._stages:
            if self._stopped:
                return
            self._one(stage)

    def _one(self, stage: Stage) -> None:
        try:
            stage.begin()
            self._wait(stage)
        except TrialError as error:
            stage.failed(error)
        except LlmbenchError as error:
            stage.failed(BadConfiguration(str(error)))
        except BaseException as error:  # noqa: BLE001 - items wait for what this thread would have brought
            stage.failed(Cancelled(f"{type(error).__name__}: {error}"))
        finally:
            self._end(stage)

    def _end(self, stage: Stage) -> None:
        try:
            stage.end()
        except Exception as error:  # noqa: BLE001 - the items of the next stage wait for its server
            stage.trouble(error)

    def _wait(self, stage: Stage) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or (stage.drained.is_set() and not stage.late))
