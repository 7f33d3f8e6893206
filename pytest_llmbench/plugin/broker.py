"""The controller's end of the channel: the one queue, the results, the workers."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Mapping, Sequence

from pytest_llmbench.errors import JournalError, TrialError, WorkerCrashed
from pytest_llmbench.loop import Loop
from pytest_llmbench.ordering import Job, order_jobs
from pytest_llmbench.plain_data import from_plain, to_plain
from pytest_llmbench.plugin.address import Address
from pytest_llmbench.plugin.channel import Hello, Message, Told
from pytest_llmbench.plugin.counter import ResultCounter
from pytest_llmbench.plugin.crew import as_trial_error, compact
from pytest_llmbench.plugin.fed_leg import Course, FedLeg
from pytest_llmbench.plugin.parties import NOBODY, Audience, Worker
from pytest_llmbench.plugin.suspects import CRASH_LIMIT, Suspects
from pytest_llmbench.plugin.switchboard import Switchboard
from pytest_llmbench.plugin.unrun import never_ran
from pytest_llmbench.plugin.workforce import Workforce
from pytest_llmbench.pump import Key
from pytest_llmbench.records import Result


class Broker:
    """The controller's end: the queue, the results, the workers.

    The server of the first of `courses` is started (in a thread of its own) once the first worker has said what
    there is; `audience` is told of each finished trial; `durations` are last time's seconds by node id.
    """

    def __init__(
        self, address: Address, *, courses: Sequence[Course], audience: Audience, durations: Mapping[str, float]
    ) -> None:
        self._address = address
        self._audience = audience
        self._durations = durations
        self._workers = Workforce()
        self._counter = ResultCounter(self._workers.send)
        self._ahead: set[int] = set()
        self._suspects = Suspects()
        self._told: dict[int, Told] = {}
        self.numbers: dict[str, int] = {}
        self._stop: Message | None = None
        self._begun = False
        self.problem: Exception | None = None
        self.prepared = threading.Event()
        self._loop = Loop("llmbench-broker")
        self._legs = {one.name: FedLeg(one, launch=self._launch, broken=self._broken_leg) for one in courses}
        self._board = Switchboard(address, self)
        self._loop.submit(self._board.listen())

    def begin(self) -> None:
        """Let the trials start: every worker that was expected has called."""
        self._loop.call(self._begin)

    def forget(self, nodeid: str) -> None:
        """Let go of an item's results: its report has arrived. Asked for again, it is run again."""
        self._loop.call(self._forget, nodeid)

    def halt(self, why: str) -> None:
        """Stop all trials and let the workers run no further item."""
        self._loop.call(self._say_stop, {"reason": "cancelled", "text": why, "halt": True})

    def close(self) -> None:
        """Cancel what is in flight and end the channel."""
        self.halt("the run ended before this trial was finished")
        self._loop.stop(self._board.hang_up(self._workers))
        self._address.listener.close()

    def greet(self, worker: Worker, hello: Hello) -> None:
        """Tell a worker how things stand; the first one tells what there is to measure."""
        self._workers.add(worker)
        if not self._told:
            self._learn(hello)
        if self._stop is not None:
            worker.send({"stop": self._stop})
        for leg in self._legs.values():
            if self._stop is None and leg.ready is not None:
                worker.send({"ready": to_plain(leg.ready)})
                leg.resize()  # it was 0 if the last worker had died

    def _learn(self, hello: Hello) -> None:
        self._told = {told.number: told for told in hello.scenarios} or {-1: NOBODY}
        self.numbers = {told.nodeid: told.number for told in hello.scenarios}
        for nodeid, name in hello.late.items():
            self._legs[name].late.add(nodeid)
        self._loop.spawn(self._tour(hello))

    async def _tour(self, hello: Hello) -> None:
        """Measure one server after the other; a single one is kept to the end of the session."""
        wanted = {told.profile for told in hello.scenarios} | set(hello.late.values())
        for leg in self._legs.values():
            if self._is_tour and leg.name not in wanted:
                continue
            if self._is_tour:
                self.prepared.set()  # items may begin: they wait for their results
            if self._stop is None and await self._open(leg, hello) and self._is_tour:
                await leg.needless(lambda: not self._suspects.is_open)
            if self._is_tour:
                await self._end(leg)
        self.prepared.set()

    @property
    def _is_tour(self) -> bool:
        return len(self._legs) > 1

    async def _open(self, leg: FedLeg, hello: Hello) -> bool:
        try:
            ready = await self._loop.in_daemon(leg.server.prepare, hello)
        except Exception as error:  # noqa: BLE001 - the main thread raises it again; it must not wait for ever
            reason = error.reason if isinstance(error, TrialError) else "bad_configuration"
            stop = {"reason": reason, "text": str(error), "halt": False}
            if self._is_tour:
                self._stop_leg(leg, stop)
            else:
                self.problem = error
                self._say_stop(stop)
            return False
        self._workers.tell_all({"ready": to_plain(ready)})
        leg.open(ready)
        leg.server.watch(ready, in_flight=lambda: leg.feeder.busy, resize=lambda _: self._loop.call(leg.resize))
        self._plan(leg)
        return True

    async def _end(self, leg: FedLeg) -> None:
        text = f"the server of profile {leg.name} has been stopped: run it alone to ask again"
        self._stop_leg(leg, {"reason": "cancelled", "text": text, "halt": False})
        self._workers.tell_all({"over": leg.name})
        try:
            await self._loop.in_daemon(leg.server.end)
        except Exception as error:  # noqa: BLE001 - the items of the next leg wait for its server
            self._audience.tell(f"{leg.name}: {type(error).__name__}: {error}")

    def _begin(self) -> None:
        if self._begun or not self._told:
            return
        self._begun = True
        self._ahead = {told.number for told in self._told.values() if told.ahead and told.number >= 0}
        for leg in self._legs.values():
            self._plan(leg)

    def _plan(self, leg: FedLeg) -> None:
        """Start the leg's trials where both its server is ready and the workers are there."""
        if not self._begun or leg.ready is None:
            return
        ours = [told for told in self._told.values() if told.profile == leg.name and told.number in self._ahead]
        jobs = [Job(told.number, told.nodeid, told.max_tokens, told.prefix) for told in ours]
        leg.plan(order_jobs(jobs, self._durations))

    def _leg(self, key: Key) -> FedLeg:
        return self._legs[self._told[key[0]].profile]

    def hear(self, worker: Worker, message: Message) -> None:
        """Do as a worker's message says; see `channel`."""
        key: Key = tuple(message.get("key", ()))
        match message["type"]:
            case "want":
                self._want(worker, key)
            case "again":
                self._counter.forget(key)
                self._ahead.discard(key[0])
                self._want(worker, key)
            case "talked":
                worker.judging.add(key)
                self._leg(key).feeder.talked(key)
            case "done":
                self._done(worker, key, message["result"])
            case "slot":
                self._loop.spawn(self._slot(worker, key, self._legs[message["profile"]]))
            case "leave":
                worker.guests[message["profile"]] -= 1
                self._legs[message["profile"]].feeder.leave()
            case "say":
                self._audience.tell(message["text"])
            case "broken":
                self.broken(JournalError(message["text"]))
            case "bye":
                worker.leaving = True
                worker.send({"bye": True})

    def _launch(self, key: Key) -> None:
        worker = self._workers.least_busy()
        if worker is None:
            self._leg(key).feeder.limit = 0
            self._leg(key).feeder.lost([key])
            return
        worker.running.add(key)
        worker.send({"run": key, "again": key in self._suspects.orphans})

    def _want(self, worker: Worker, key: Key) -> None:
        if self._counter.serve(worker.name, key):
            return
        running, leg = self._workers.is_running(key), self._leg(key)
        if (self._stop or leg.stopped) is not None and not running:
            worker.send({"result": self._never(key), "key": key})
            return
        if not self._counter.wait(worker.name, key) and not running and key[0] not in self._ahead:
            leg.feeder.again(key)

    def _never(self, key: Key) -> Message:
        return self._leg(key).never(self._told[key[0]], key[1], self._stop)

    def _done(self, worker: Worker, key: Key, plain: Message) -> None:
        worker.running.discard(key)
        worker.judging.discard(key)
        self._book(key, from_plain(Result, plain))
        self._try_next_suspect()

    def _book(self, key: Key, result: Result) -> None:
        self._suspects.done(key)
        self._audience.finished(result)
        self._leg(key).feeder.done(key, result)
        self._counter.put(key, to_plain(compact(result)))

    def _try_next_suspect(self) -> None:
        key = self._suspects.take_next()
        if key is not None:
            self._leg(key).feeder.again(key)
        for leg in self._legs.values() if self._is_tour else ():
            leg.look_again()

    async def _slot(self, worker: Worker, key: Key, leg: FedLeg) -> None:
        if (self._stop or leg.stopped) is None:
            with contextlib.suppress(asyncio.CancelledError):
                await leg.feeder.slot()
        stop = self._stop or leg.stopped
        if stop is not None:
            worker.send({"refuse": key, "stop": stop})
        elif worker not in self._workers:
            leg.feeder.leave()  # it died while it waited
        else:
            worker.guests[leg.name] += 1
            worker.send({"slot": key})

    def gone(self, worker: Worker) -> None:
        """Run a lost worker's trials again elsewhere, but for one that keeps killing its workers."""
        self._workers.lose(worker)
        for name, guests in worker.guests.items():
            for _ in range(guests):
                self._legs[name].feeder.leave()
        crash = self._suspects.crashed(worker.running, worker.judging)
        worker.running = set()
        for key in crash.deadly:
            text = f"{CRASH_LIMIT} worker processes died while running this trial"
            told = self._told[key[0]]
            self._book(key, never_ran(told, WorkerCrashed.reason, text, attempt=key[1]))
        for leg in self._legs.values():
            leg.feeder.drop(key for key in crash.parked if self._leg(key) is leg)
            leg.feeder.lost(key for key in crash.free if self._leg(key) is leg)
        self._try_next_suspect()
        self._answer_waiting()

    def _forget(self, nodeid: str) -> None:
        """Take note that an item is over."""
        for leg in self._legs.values():
            if nodeid in leg.late:
                leg.late.discard(nodeid)
                leg.look_again()
        number = self.numbers.get(nodeid)
        if number is None:
            return
        self._ahead.discard(number)
        for attempt in range(1, self._leg((number, 1)).attempts + 1):
            self._counter.forget((number, attempt))

    def broken(self, error: Exception) -> None:
        """End the run: what is asked from now on would be lost."""
        found = as_trial_error(error)
        self._say_stop({"reason": found.reason, "text": str(found), "halt": False})

    def _broken_leg(self, leg: FedLeg, error: Exception) -> None:
        """End the leg whose server is no good any more, or the run where it has no other."""
        if not self._is_tour:
            self.broken(error)
            return
        found = as_trial_error(error)
        self._stop_leg(leg, {"reason": found.reason, "text": str(found), "halt": False})

    def _stop_leg(self, leg: FedLeg, stop: Message) -> None:
        leg.stop(stop)
        leg.look_again()
        self._answer_waiting()

    def _say_stop(self, stop: Message) -> None:
        self._stop = self._stop or stop
        for leg in self._legs.values():
            leg.stop(stop)
            leg.look_again()
        if stop["halt"] or not any(leg.ready for leg in self._legs.values()):
            self._workers.tell_all({"stop": stop})
        else:
            self._answer_waiting()

    def _answer_waiting(self) -> None:
        """Let nobody wait for a trial that will not be started; those that run still have their say."""
        for key in self._counter.waited_for():
            if (self._stop or self._leg(key).stopped) and not self._workers.is_running(key):
                self._counter.answer(key, self._never(key))
