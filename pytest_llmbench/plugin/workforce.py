"""The workers that have called the controller and are still there."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_llmbench.plugin.channel import Message
from pytest_llmbench.plugin.parties import Worker
from pytest_llmbench.pump import Key


class Workforce:
    """To be used on the broker's loop."""

    def __init__(self) -> None:
        self._workers: dict[str, Worker] = {}

    def __iter__(self) -> Iterator[Worker]:
        return iter([*self._workers.values()])

    def __contains__(self, worker: Worker) -> bool:
        return self._workers.get(worker.name) is worker

    def add(self, worker: Worker) -> None:
        """Take note of a worker; one of the same name before it is forgotten."""
        self._workers[worker.name] = worker

    def lose(self, worker: Worker) -> None:
        """Take note that the worker of this name is gone."""
        self._workers.pop(worker.name, None)

    def send(self, name: str, message: Message) -> None:
        """Send a message to one of them; one that is gone gets none."""
        if name in self._workers:
            self._workers[name].send(message)

    def tell_all(self, message: Message) -> None:
        """Send a message to each of them."""
        for worker in self:
            worker.send(message)

    def is_running(self, key: Key) -> bool:
        """Tell whether one of them runs this trial."""
        return any(key in worker.running for worker in self)

    def least_busy(self) -> Worker | None:
        """Return the one with the fewest trials of those that are not leaving; None where there is none."""
        staying = (worker for worker in self if not worker.leaving)
        return min(staying, key=lambda worker: len(worker.running), default=None)
