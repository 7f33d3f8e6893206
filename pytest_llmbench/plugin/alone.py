"""The crew of a session without xdist: one server is opened at once, several are toured."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from pytest_llmbench.contracts import Families
from pytest_llmbench.errors import TrialError
from pytest_llmbench.plugin.collect import ScenarioItem
from pytest_llmbench.plugin.crew import Crew, LocalCrew
from pytest_llmbench.plugin.crew_maker import CrewMaker
from pytest_llmbench.plugin.demand import demand_of, needs_of
from pytest_llmbench.plugin.desk import Desk
from pytest_llmbench.plugin.host import Host
from pytest_llmbench.plugin.legs import Leg
from pytest_llmbench.plugin.tour import Stage, Tour

_LOOK_S = 0.5
_TOUR_S = 30.0
"""Seconds a server that is being stopped may take at the end of the session."""


class Alone(CrewMaker):
    """Makes the one crew there is."""

    def __init__(self, legs: Sequence[Leg], families: Families, *, desk: Desk, hosts: Mapping[str, Host]) -> None:
        super().__init__(legs, families)
        self._desk = desk
        self._hosts = hosts
        self._crew: LocalCrew | None = None
        self._tour: Tour | None = None

    def __call__(self) -> Crew:
        """Return the crew; a single server is opened first, which raises what `Host.open` raises."""
        crew = LocalCrew(durations=self._desk.last_run.durations, progress=self._desk.progress)
        self._desk.flush()
        try:
            if len(self.legs) == 1:
                self._open("", crew)
        except BaseException:
            crew.stop()
            raise
        self._crew = crew
        return crew

    def start(self, ahead: Sequence[ScenarioItem], late: Mapping[int, str]) -> None:
        """Plan the trials of the one server, or set out on the tour."""
        crew = self._crew
        assert crew is not None  # noqa: S101 - the crew is made first
        if len(self.legs) == 1:
            crew.plan("", ahead, self.attempts(""))
            return
        wanted = {item.profile for item in self._desk.items} | set(late.values())
        stages = [self._stage(name, crew, ahead) for name in self.legs if name in wanted]
        for stage in stages:
            stage.late.update(number for number, name in late.items() if name == stage.name)
        self._tour = Tour(stages)
        self._tour.start()

    def passed(self, number: int) -> None:
        """Let the tour go on where it waited for this item."""
        if self._tour is not None:
            self._tour.passed(number)

    def failed(self, error: TrialError) -> None:
        """Book the one server's failure."""
        self._desk.problem("", error)

    def ending(self) -> None:
        """Begin no further leg."""
        if self._tour is not None:
            self._tour.stop()

    def closed(self) -> None:
        """Wait for the present leg's server to be gone, then close the rest."""
        limit = time.monotonic() + _TOUR_S
        while self._tour is not None and self._tour.is_under_way and time.monotonic() < limit:
            for host in self._hosts.values():
                host.halt()  # an engine can only be stopped once it has begun to start something
            self._tour.join(_LOOK_S)
        super().closed()

    def _stage(self, name: str, crew: LocalCrew, ahead: Sequence[ScenarioItem]) -> Stage:
        host, ours = self._hosts[name], [item for item in ahead if item.profile == name]

        def begin() -> None:
            self._open(name, crew, idle=lambda: self._idle(stage, crew))
            crew.plan(name, ours, self.attempts(name))

        def failed(error: TrialError) -> None:
            self._desk.problem(name, error)
            crew.refuse(name, error)

        def end() -> None:
            try:
                self._desk.ended(name)
            finally:
                crew.leave(name)
                host.close()

        def trouble(error: Exception) -> None:
            self._desk.say(f"{name}: {type(error).__name__}: {error}", red=True)

        stage = Stage(name=name, begin=begin, failed=failed, end=end, trouble=trouble)
        return stage

    def _idle(self, stage: Stage, crew: LocalCrew) -> None:
        """Go on, but where flipped scenarios will be asked again only once all is judged."""
        judged_first = bool(self.legs[stage.name].settings.baseline)
        if self._tour is not None and not (judged_first and crew.is_judging(stage.name)):
            self._tour.idle(stage)

    def _open(self, name: str, crew: LocalCrew, idle: Callable[[], None] = lambda: None) -> None:
        items = [item for item in self._desk.items if item.profile == name]
        host = self._hosts[name]
        ready = host.open(demand_of(items, needs_of(items, self._families, self.legs[name])))
        self._desk.opened(ready)
        kit = self.kit(ready, worker="main", say=self._desk.progress.tell)
        feeder = crew.serve(name, kit, limit=ready.limit, probe=host.probe, idle=idle)
        host.watch(ready, in_flight=lambda: feeder.busy, resize=lambda limit: crew.resize(name, limit))
