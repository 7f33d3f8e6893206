"""An event loop in a thread of its own, for work that goes on while pytest runs items."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._thread.start()

    def call(self, function: Callable[..., object], *args: Any) -> None:
        """Run `function` soon on the loop, from any thread; does nothing once the loop is closed."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *args)

    def spawn(self, work: Coroutine[Any, Any, object]) -> None:
        """Run `work` as a task; to be called on the loop."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run `work` on the loop from another thread and return its future."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def in_daemon(self, function: Callable[..., T], *args: Any) -> T:
        """Run `function` in a thread that does not keep the process alive, and return what it returns."""
        outcome: asyncio.Future[T] = self._loop.create_future()

        def work() -> None:
            try:
                value = function(*args)
            except BaseException as error:  # noqa: BLE001 - raised again by whoever awaits
                self.call(_settle, outcome.set_exception, outcome, error)
            else:
                self.call(_settle, outcome.set_result, outcome, value)

        threading.Thread(target=work, name="llmbench-daemon", daemon=True).start()
        return await outcome

    def cancel_all(self) -> None:
        """Cancel all tasks; to be called on the loop."""
        for task in self._tasks:
            task.cancel()

    def stop(self, farewell: Coroutine[Any, Any, object] | None = None, *, within_s: float = 1.0) -> None:
        """Cancel all tasks, run `farewell`, end the thread; gives up waiting after `within_s` seconds."""
        if self._loop.is_closed():
            return
        with contextlib.suppress(TimeoutError, RuntimeError):
            self.submit(self._end(farewell)).result(within_s)
        self.call(self._loop.stop)
        self._thread.join(within_s)

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    async def _end(self, farewell: Coroutine[Any, Any, object] | None) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if farewell is not None:
            await farewell
        rest = asyncio.all_tasks() - {asyncio.current_task()}  # those that servers start for their connections
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)


def _settle(settle: Callable[[Any], None], outcome: asyncio.Future[Any], value: Any) -> None:
    if not outcome.done():
        settle(value)
