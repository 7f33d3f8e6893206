"""With pytest-xdist: the controller owns server, queue and reports; each worker runs trials and items.

Imported only in a controller: where xdist is installed and asked for workers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler import LoadScheduling

if TYPE_CHECKING:
    from pytest_llmbench.plugin.address import Address
    from pytest_llmbench.plugin.broker import Broker
    from pytest_llmbench.plugin.channel import Hello
    from pytest_llmbench.plugin.desk import Desk
    from pytest_llmbench.plugin.host import Host
    from pytest_llmbench.plugin.ready import Ready


def link_xdist(config: pytest.Config) -> None:
    """Register the controller's hooks."""
    config.pluginmanager.register(ControllerHooks(config), "llmbench_xdist")


class ControllerHooks:
    """What the controller does. Without a worker that has something to measure, next to nothing."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._address: Address | None = None
        self._nodes = 0
        self._collected: set[Any] = set()
        self._failures = 0
        self._uncollected: list[str] = []
        self.broker: Broker | None = None
        self._desk: Desk | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker where to call."""
        from pytest_llmbench.plugin.address import Address

        self._nodes += 1
        if self._address is None:
            self._address = Address()
        node.workerinput["llmbench"] = self._address.plain()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Put our scheduler in the place of xdist's default one; any other that was chosen stays."""
        return TrialScheduling(config, log, self) if config.getvalue("dist") == "load" else None

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remember what could not be collected; xdist passes on failures only, each of them once."""
        if report.failed:
            self._uncollected.append(report.nodeid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any) -> None:
        """Open the desk when a worker has called, and begin when the last one has collected."""
        self._collected.add(node)
        self._stop_if_uncollected()
        if self.broker is None and self._address is not None and self._address.called():
            self._desk, self.broker = _open_controller(self._config, self._address, self._nodes)
        self._begin_without_scheduler()

    def _begin_without_scheduler(self) -> None:
        """Wait for the server where xdist's own scheduler, which does not, hands out the items."""
        all_there = len(self._collected) >= self._nodes
        if self.broker is not None and all_there and self._config.getvalue("dist") != "load":
            self.wait_for_server()

    def _stop_if_uncollected(self) -> None:
        """End the session as pytest does without workers; xdist would run what is left of ordinary tests."""
        called = self.broker is not None or (self._address is not None and self._address.called())
        ours = called or any(nodeid.endswith(("pack.yaml", ".jsonl")) for nodeid in self._uncollected)
        if self._uncollected and ours and not self._config.option.continue_on_collection_errors:
            from pytest_llmbench.summary import plural

            raise pytest.Session.Interrupted(f"{plural(len(self._uncollected), 'error')} during collection")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Have the desk ask again what flipped: it was opened too late for its own hook."""
        done = yield
        if self._desk is not None:
            self._desk.confirm_last()
        return done

    def wait_for_server(self) -> bool:
        """Wait until the server is ready, and let the trials begin. False where it cannot be measured."""
        from pytest_llmbench.errors import LlmbenchError, TrialError

        if self.broker is None:
            return True
        while not self.broker.prepared.wait(0.1):
            pass
        problem = self.broker.problem
        if problem is None:
            self.broker.begin()
        elif isinstance(problem, LlmbenchError) and not isinstance(problem, TrialError):
            raise pytest.UsageError(str(problem))
        elif not isinstance(problem, TrialError):
            raise problem
        return problem is None

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Do not wait for a worker that died before it had collected."""
        if node not in self._collected:
            self._nodes -= 1
            self._begin_without_scheduler()

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Let go of what has been reported, and stop the workers on -x and --maxfail."""
        if self.broker is None:
            return
        if report.failed:
            self._failures += 1
            if self._failures == self._config.option.maxfail:
                self.broker.halt("stopped by -x or --maxfail")
        once = self._config.getvalue("dist") != "each"  # there every worker runs every item
        if once and (report.when == "call" or not report.passed):
            self.broker.forget(report.nodeid)


class TrialScheduling(LoadScheduling):  # type: ignore[misc]
    """xdist's default scheduling, which waits for the model server before the first item.

    Trials come from the one queue in the controller, so it does not matter which worker holds which
    item. Where the server cannot be measured, the scenarios are left out instead of failing one by one.
    """

    def __init__(self, config: pytest.Config, log: Any, controller: ControllerHooks) -> None:
        super().__init__(config, log)
        self._controller = controller

    def schedule(self) -> None:
        """Distribute the items, or what is left of them."""
        if self.collection is None and not self._controller.wait_for_server():
            self._schedule_the_rest()
        else:
            super().schedule()

    def _schedule_the_rest(self) -> None:
        self.collection = next(iter(self.node2collection.values()))
        self.maxschedchunk: int = self.config.getoption("maxschedchunk") or len(self.collection)
        scenarios = self._controller.broker.numbers if self._controller.broker else {}
        self.pending[:] = [index for index, nodeid in enumerate(self.collection) if nodeid not in scenarios]
        for node in self.nodes:
            self.check_schedule(node)


def _open_controller(config: pytest.Config, address: Address, workers: int) -> tuple[Desk, Broker]:
    from pytest_llmbench.plugin.broker import Broker
    from pytest_llmbench.plugin.collect import families_of
    from pytest_llmbench.plugin.desk import Desk
    from pytest_llmbench.plugin.fed_leg import Course
    from pytest_llmbench.plugin.host import Host
    from pytest_llmbench.plugin.legs import legs_of
    from pytest_llmbench.plugin.session import check_all, install, runs_dir

    legs, families = legs_of(config), families_of(config)
    desk = Desk(config, legs, direct=True)
    hosts = {leg.name: Host(leg, families, base=runs_dir(config), say=desk.say) for leg in legs}
    check_all(hosts.values())
    desk.hosts = hosts
    courses = [
        Course(
            name=leg.name,
            attempts=leg.settings.repeat,
            server=_Preparation(leg.name, desk, host=hosts[leg.name], workers=workers),
            judged_first=bool(leg.settings.baseline),
        )
        for leg in legs
    ]
    broker = Broker(address, courses=courses, audience=desk.progress, durations=desk.last_run.durations)
    desk.closing = partial(_close_all, broker, hosts.values())
    install(config, None, desk)
    return desk, broker


def _close_all(broker: Broker, hosts: Collection[Host]) -> None:
    for host in reversed([*hosts]):  # when an earlier one has stopped, the next must not begin
        host.halt()
    broker.close()
    for host in hosts:
        host.close()


class _Preparation:
    """Opens and closes the server of a leg once a worker has said what there is to measure."""

    def __init__(self, name: str, desk: Desk, *, host: Host, workers: int) -> None:
        self._name = name
        self._desk = desk
        self._host = host
        self._workers = workers

    async def probe(self) -> None:
        """Ask the server whether it is well."""
        await self._host.probe()

    @property
    def limit(self) -> int | None:
        """How many requests may be in flight now."""
        return self._host.limit

    def watch(self, ready: Ready, *, in_flight: Callable[[], int], resize: Callable[[int], object]) -> None:
        """Let the limit follow the server's queue."""
        self._host.watch(ready, in_flight=in_flight, resize=resize)

    def end(self) -> None:
        """Stop the server."""
        try:
            self._desk.ended(self._name)
        finally:
            self._host.close()

    def prepare(self, hello: Hello) -> Ready:
        """Return what the workers need; raises what `Host.open` raises."""
        from pytest_llmbench.errors import BadConfiguration, LlmbenchError, TrialError
        from pytest_llmbench.plugin.demand import demand_of

        self._announce(hello)
        ours = [told for told in hello.scenarios if told.profile == self._name]
        needs = next(one for one in hello.needs if one.leg == self._name)
        try:
            ready = self._host.open(demand_of(ours, needs, workers=self._workers))
        except TrialError as error:
            self._desk.problem(self._name, error)
            raise
        except LlmbenchError as error:
            if not self._name:
                raise  # a single server that cannot be asked so is a usage error of the session
            told = BadConfiguration(str(error))
            self._desk.problem(self._name, told)
            raise told from error
        self._desk.opened(ready)
        return ready

    def _announce(self, hello: Hello) -> None:
        if not self._desk.items:
            self._desk.expect(hello.scenarios, hello.tag_totals)
            for line in self._desk.announcement():
                self._desk.say(line.removeprefix("llmbench: "))
