"""Runs the trials a controller hands out, in a worker of xdist."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import signal
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import FrameType
from typing import Any

import pytest

from pytest_llmbench.assemble import preload
from pytest_llmbench.errors import Cancelled, JournalError, TrialError
from pytest_llmbench.journal import JournalReader
from pytest_llmbench.loop import Loop
from pytest_llmbench.plain_data import from_plain, to_plain
from pytest_llmbench.plugin.channel import Hello, Link, Message, Told
from pytest_llmbench.plugin.collect import ScenarioItem, families_of, tag_totals
from pytest_llmbench.plugin.crew import Batch, Crew, Posed, as_trial_error, job_of, trial_of
from pytest_llmbench.plugin.crew_maker import CrewMaker
from pytest_llmbench.plugin.demand import needs_of
from pytest_llmbench.plugin.legs import legs_of, profile_of
from pytest_llmbench.plugin.ready import Ready
from pytest_llmbench.plugin.session import BenchSession, install, runs_ahead
from pytest_llmbench.pump import Key, Pump, Shelf
from pytest_llmbench.records import Purpose, Result
from pytest_llmbench.runfolder import RunFolder
from pytest_llmbench.trial import Kit, error_result, run_trial


class RemoteCrewMaker(CrewMaker):
    """Makes a worker's crew, connected to the controller from the end of collection on."""

    def __init__(self, session: pytest.Session, *, address: Mapping[str, Any], worker: str) -> None:
        super().__init__(legs_of(session.config), families_of(session.config))
        self._config = session.config
        self._address = address
        self._worker = worker
        self._crew = RemoteCrew(kit_for=self._kit_for, halted=lambda why: setattr(session, "shouldstop", why))

    def call_controller(self, items: Sequence[ScenarioItem], late: Mapping[str, str]) -> None:
        """Connect, and say what this worker holds; `late` are node ids and legs of items that ask when they start."""
        settings = next(iter(self.legs.values())).settings
        threading.Thread(target=preload, args=(settings,), name="llmbench-preload", daemon=True).start()
        hello = Hello(
            token=self._address["token"],
            worker=self._worker,
            needs=tuple(needs_of(items, self._families, leg) for leg in self.legs.values()),
            tag_totals=tag_totals(self._config),
            scenarios=tuple(_told(item) for item in items),
            late=late,
        )
        self._crew.connect(self._address, items, hello)

    def __call__(self) -> Crew:
        """Return the crew; the controller tells it when the server is ready."""
        return self._crew

    def start(self, ahead: Sequence[ScenarioItem], late: Mapping[int, str]) -> None:
        """The controller was told of them, and says when."""

    def passed(self, number: int) -> None:
        """The controller learns it from the item's report."""

    def ending(self) -> None:
        """The controller is told by the crew."""

    def failed(self, error: TrialError) -> None:
        """The controller says what has to be said."""

    def _kit_for(self, ready: Ready) -> Kit:
        return self.kit(ready, worker=self._worker, say=self._crew.say)


class RemoteCrew:
    """A pump fed by the controller. Results come from there too, whoever ran the trial."""

    def __init__(self, *, kit_for: Callable[[Ready], Kit], halted: Callable[[str], None]) -> None:
        self._kit_for = kit_for
        self._halted = halted
        self._kits: dict[str, Kit] = {}
        self._ready: dict[str, Ready] = {}
        self._posed: dict[int, Posed] = {}
        self._shelf: Shelf[Result] = Shelf()
        self._guests: dict[Key, asyncio.Future[None]] = {}
        self._stopped: TrialError | None = None
        self._running: set[Key] = set()
        self._dismissed = False
        self._idle = threading.Event()
        self._loop = Loop("llmbench-worker")
        self._pump = Pump(self._loop, run=self._run, talked=self._talked, done=self._done, fallen=self._fallen)
        self._link: Link | None = None

    def connect(self, address: Mapping[str, Any], items: Sequence[Posed], hello: Hello) -> None:
        """Call the controller and introduce this worker."""
        self._posed.update((item.number, item) for item in items)
        self._link = Link(address, self._loop, self._heard)
        self._link.hello(hello)

    def expect(self, posed: Sequence[Posed]) -> Batch:
        """Have the controller run the trials of these items; see `Crew`."""
        del posed  # the controller was told of them all
        return Batch(fetch=self._fetch)

    def run_trials(self, posed: Sequence[Posed], *, attempts: int, purpose: Purpose = Purpose.ITEM) -> Batch:
        """Ask the controller for further trials, or for slots for questions; see `Crew`."""
        self._posed.update((one.number, one) for one in posed)
        if purpose is Purpose.ITEM:
            return Batch(fetch=self._fetch_again)
        for one, attempt in itertools.product(posed, range(1, attempts + 1)):
            self._loop.submit(self._guest((one.number, attempt), purpose))
        return Batch(fetch=self._shelf.take)

    def say(self, line: str) -> None:
        """Have the controller print a line for the user."""
        self._send({"type": "say", "text": line})

    def stop(self) -> None:
        """Finish what items of other workers wait for, unless the run is being stopped; cancel the rest."""
        if self._ready:
            self._send({"type": "bye"})
            self._loop.call(self._settle)
            self._idle.wait()
        self._give_up(Cancelled("the run ended before this trial was finished"))
        self._loop.stop(self._farewell())

    def _fetch(self, key: Key) -> Result:
        self._send({"type": "want", "key": key})
        return self._shelf.take(key)

    def _fetch_again(self, key: Key) -> Result:
        """Have a trial run that was not planned, or that was run before."""
        self._send({"type": "again", "key": key})
        return self._shelf.take(key)

    def _send(self, message: Message) -> None:
        if self._link is not None:
            self._link.send(message)

    def _heard(self, message: Message | None) -> None:
        match message:
            case None:
                self._give_up(Cancelled("the controller process is gone"))
            case {"ready": plain}:
                self._get_ready(from_plain(Ready, plain))
            case {"over": name} if name in self._kits:
                self._loop.spawn(self._kits[name].endpoint.close())
            case {"run": key, "again": again}:
                self._remember(self._posed[key[0]].profile, again=again)
                self._running.add(tuple(key))
                self._pump.launch(tuple(key))
            case {"result": plain, "key": key}:
                self._shelf.put(tuple(key), from_plain(Result, plain))
            case {"slot": key}:
                self._guests.pop(tuple(key)).set_result(None)
            case {"refuse": key, "stop": stop}:
                self._guests.pop(tuple(key)).set_exception(_Told(stop["text"], stop["reason"]))
            case {"bye": _}:
                self._dismissed = True
                self._settle()
            case {"stop": stop}:
                self._told_to_stop(stop)

    def _get_ready(self, ready: Ready) -> None:
        self._ready[ready.leg] = ready
        try:
            self._kits[ready.leg] = self._kit_for(ready)
        except Exception as error:  # noqa: BLE001 - the items of this worker show what went wrong, whatever it was
            self._give_up(as_trial_error(error))

    def _remember(self, leg: str, *, again: bool) -> None:
        """Let trials that a dead worker began go on from the last answer it wrote down."""
        if again and leg in self._kits:
            recall = JournalReader(RunFolder(path=self._ready[leg].folder).journal_dir)
            self._kits[leg] = dataclasses.replace(self._kits[leg], recall=recall)

    def _told_to_stop(self, stop: Message) -> None:
        self._give_up(_Told(stop["text"], stop["reason"]))
        if stop["halt"]:
            self._halted(stop["text"])
            self._loop.cancel_all()

    def _give_up(self, error: TrialError) -> None:
        self._stopped = self._stopped or error
        self._shelf.close(lambda key: error_result(trial_of(self._posed[key[0]], key[1], Purpose.ITEM), error))
        self._settle()

    def _settle(self) -> None:
        """Let `stop` go on once no trial runs here and none will come."""
        if self._stopped is not None or (self._dismissed and not self._running):
            self._idle.set()

    async def _run(self, key: Key, told: Callable[[], None]) -> Result:
        posed = self._posed[key[0]]
        return await run_trial(trial_of(posed, key[1], Purpose.ITEM), self._kit(posed.profile), talked=told)

    def _kit(self, leg: str) -> Kit:
        if leg not in self._kits:
            raise self._stopped or Cancelled("this worker was not ready")
        return self._kits[leg]

    def _fallen(self, key: Key, error: BaseException) -> Result:
        if isinstance(error, JournalError):
            self._send({"type": "broken", "text": str(error), "key": key})
        return error_result(trial_of(self._posed[key[0]], key[1], Purpose.ITEM), as_trial_error(error))

    async def _guest(self, key: Key, purpose: Purpose) -> None:
        slot = self._guests[key] = asyncio.get_running_loop().create_future()
        leg = self._posed[key[0]].profile
        self._send({"type": "slot", "key": key, "profile": leg})
        trial = trial_of(self._posed[key[0]], key[1], purpose)
        try:
            await slot
        except TrialError as error:
            self._shelf.put(key, error_result(trial, error))
            return
        try:
            result = await run_trial(trial, self._kit(leg), talked=lambda: None)
        except Exception as error:  # noqa: BLE001 - a test waits for this key
            result = self._fallen(key, error)
        finally:
            self._send({"type": "leave", "key": key, "profile": leg})
        self._shelf.put(key, result)

    def _talked(self, key: Key) -> None:
        if self._link is not None:  # at once: should the verifier kill this process, it must be known to have begun
            self._link.send_now({"type": "talked", "key": key})

    def _done(self, key: Key, result: Result) -> None:
        self._send({"type": "done", "key": key, "result": to_plain(result)})
        self._running.discard(key)
        self._settle()

    async def _farewell(self) -> None:
        for kit in self._kits.values():
            await kit.endpoint.close()
        if self._link is not None:
            await self._link.close()


class _Told(TrialError):
    """What the controller said, under the reason it named."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text)
        self.reason = reason


def _told(item: ScenarioItem) -> Told:
    job = job_of(item)
    return Told(
        number=item.number,
        nodeid=item.nodeid,
        scenario_id=item.scenario_id,
        facts=item.facts,
        pack_path=item.pack_path,
        own_tags=item.own_tags,
        max_tokens=job.max_tokens,
        prefix=job.prefix,
        ahead=runs_ahead(item),
        profile=item.profile,
    )


def open_worker_bench(session: pytest.Session) -> None:
    """Make the bench of a worker: call the controller before xdist reports the collection."""
    config = session.config
    workerinput: dict[str, Any] = config.workerinput  # type: ignore[attr-defined]
    if "llmbench" not in workerinput:
        raise pytest.UsageError("this worker was started by a controller without pytest-llmbench: install it there")
    address = workerinput["llmbench"]
    try:
        maker = RemoteCrewMaker(session, address=address, worker=str(workerinput["workerid"]))
    except pytest.UsageError:
        socket.create_connection(("127.0.0.1", address["port"])).close()  # the controller will read them, and say it
        return
    bench = BenchSession(session.items, crew_for=maker)
    maker.call_controller(bench.items, {item.nodeid: profile_of(item) for item in bench.late})
    install(config, bench, None)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler and _in_main_thread():
        signal.signal(signal.SIGINT, partial(_on_interrupt, bench))


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _on_interrupt(bench: BenchSession, number: int, frame: FrameType | None) -> None:
    """Let Ctrl-C end an ordinary test; from scenarios the controller calls this worker off, for it hears it too."""
    if bench.at is not None and not isinstance(bench.at, ScenarioItem):
        signal.default_int_handler(number, frame)
