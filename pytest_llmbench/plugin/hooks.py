"""Every pytest hook of this plugin, a few lines each.

The functions are loaded into every pytest session, so they import nothing heavy. `BenchHooks` and
`DeskHooks` are registered only where something is measured: the first in each process that holds
items, the second in the one process that reports (they are the same without xdist).
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmbench.plugin.options import add_options, names_profile, wanted_packs

if TYPE_CHECKING:
    from pytest_llmbench.plugin.desk import Desk
    from pytest_llmbench.plugin.session import BenchSession


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ``--llm-`` flags and their ini keys."""
    add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Offer ``pytest_llmbench_families``."""
    from pytest_llmbench.plugin import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Register the fixtures, and the links to plugins that are there."""
    from pytest_llmbench.plugin import fixtures

    config.pluginmanager.register(fixtures, "llmbench_fixtures")
    if config.getoption("dist", "no") != "no" and not hasattr(config, "workerinput"):
        from pytest_llmbench.plugin.xdist_link import link_xdist

        link_xdist(config)
    if config.getoption("htmlpath", None):
        config.pluginmanager.register(HtmlPage(), "llmbench_html_page")
    _read_command_line(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks the server once for each server that is measured."""
    if "llm" in metafunc.fixturenames and names_profile(metafunc.config):
        from pytest_llmbench.plugin.legs import leg_names

        names = leg_names(metafunc.config)
        if names != ("",):
            metafunc.parametrize("llm", names, indirect=True, ids=names)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a pack; a foreign one only where somebody asked for it or for a folder above it."""
    if file_path.name != "pack.yaml" and not _is_asked_for(file_path, parent.config):
        return None
    from pytest_llmbench.plugin.select import pack_file

    return pack_file(file_path, parent)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Honour ``--llm-limit``, and put the items of one server together."""
    if any(hasattr(item, "pack_path") for item in items):
        from pytest_llmbench.plugin.select import keep_limit

        keep_limit(config, items)
    if names_profile(config):
        from pytest_llmbench.plugin.legs import in_order

        in_order(config, items)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Open the bench where something is to be measured."""
    if not session.config.option.collectonly and any(_measures(item) for item in session.items):
        from pytest_llmbench.plugin.session import open_bench

        open_bench(session)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, exitstatus: int, config: pytest.Config) -> None:
    """Say how packs are chosen where none was."""
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and not config.pluginmanager.has_plugin("llmbench_desk"):
        from pytest_llmbench.plugin.typed import hint_without_packs

        if hint := hint_without_packs(config):
            terminalreporter.write_line(hint)


def _check_words(config: pytest.Config) -> None:
    if any(word.startswith("--llm-") for word in config.invocation_params.args) and not hasattr(config, "workerinput"):
        from pytest_llmbench.plugin.typed import check_paths

        check_paths(config)


def _read_command_line(config: pytest.Config) -> None:
    """Refuse what does not mean what it looks like, and find out which packs and servers are meant."""
    _check_words(config)
    names = wanted_packs(config)
    if names_profile(config):
        from pytest_llmbench.plugin.legs import packs_of_profiles, settle_legs

        settle_legs(config)
        names = names or packs_of_profiles(config)
    if names:
        from pytest_llmbench.plugin.select import use_packs

        use_packs(config, names)


def _is_asked_for(path: Path, config: pytest.Config) -> bool:
    is_typed = config.args_source is pytest.Config.ArgsSource.ARGS
    return path.suffix == ".jsonl" and (is_typed or str(path) in config.args)


def _measures(item: pytest.Item) -> bool:
    return hasattr(item, "pack_path") or "llm" in getattr(item, "fixturenames", ())


class HtmlPage:
    """Remembers pytest-html's page: its columns are fixed before it is known whether anything is measured."""

    page: Any = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: Any) -> None:
        """Keep the page."""
        self.page = report


class BenchHooks:
    """What the process that holds the items does."""

    def __init__(self, bench: BenchSession) -> None:
        self._bench = bench

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Start the trials; True where nothing is left for pytest's own loop."""
        return self._bench.begin(session)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Remember which item is run."""
        self._bench.at = item
        done = yield
        self._bench.at = None
        self._bench.passed(item)
        return done

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the results on the report, as plain data."""
        report = yield
        self._bench.attach(item, report)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Cancel what is in flight."""
        self._bench.stop()

    def pytest_unconfigure(self) -> None:
        """Leave nothing running, however the session ended."""
        self._bench.close()


class DeskHooks:
    """What the process that reports does."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Ask the server again what flipped against the baseline, when all items are over and none was stopped."""
        done = yield
        self._desk.confirm_last()
        return done

    def pytest_report_collectionfinish(self) -> list[str]:
        """Say how many trials this is and how long the last run of them took."""
        return self._desk.announcement()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> Generator[None, None, None]:
        """Keep pytest's file names out of the progress lines."""
        self._desk.starting(nodeid)
        with self._desk.writing:
            yield

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None, None, None]:
        """Count the results a report carries, then let go of them."""
        self._desk.count(report)
        with self._desk.writing:
            yield
        self._desk.release(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Leave the dot to the progress line where there is one."""
        return self._desk.status(report)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Remember whether the user stopped the run, or ``-x`` did."""
        self._desk.interrupted(excinfo)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Write the reports, settle the exit code, and say it on the last line."""
        from pytest_llmbench.plugin.unhurried import unhurried

        with unhurried(self._desk.say):
            self._desk.finish(session)
            yield
            self._desk.last_line(session)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the table, the failure breakdown and the Quality line."""
        self._desk.show(terminalreporter)

    def pytest_unconfigure(self) -> None:
        """Stop the server, however the session ended."""
        self._desk.close()
