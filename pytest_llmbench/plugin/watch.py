"""What goes on beside the trials of a leg: the limit that follows the server's queue, and the timeline."""

from __future__ import annotations

from collections.abc import Callable

from pytest_llmbench.adapting import CEILING, Adaptive, Governor
from pytest_llmbench.contracts import Endpoint, LoadSignal
from pytest_llmbench.plugin.ready import Ready
from pytest_llmbench.telemetry.recording import recording


class Watch:
    """Watches one server. `in_flight` counts our requests, `resize` gets each new limit; both from other threads."""

    def __init__(
        self, ready: Ready, endpoint: Endpoint, *, in_flight: Callable[[], int], resize: Callable[[int], object]
    ) -> None:
        adaptive = Adaptive(ready.limit, ceiling=ready.slots or CEILING, fixed=ready.fixed)
        load = endpoint.load if isinstance(endpoint, LoadSignal) else lambda: None
        self._governor = Governor(adaptive, load=load, in_flight=in_flight, resize=resize)
        self._timeline = recording(
            ready.folder,
            load=lambda: self._governor.latest,  # one poller is enough
            in_flight=in_flight,
            limit=lambda: self._governor.limit,
        )

    @property
    def limit(self) -> int:
        """How many requests may be in flight now."""
        return self._governor.limit

    def start(self) -> None:
        """Begin to watch."""
        self._governor.start()
        self._timeline.start()

    def stop(self) -> str:
        """Watch no more; return what kept the timeline from being written, or "". Harmless when called twice."""
        self._governor.stop()
        self._timeline.stop()
        return self._timeline.trouble
