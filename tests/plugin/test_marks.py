"""Marks that a conftest puts on scenarios: skip, skipif, xfail."""

from __future__ import annotations

import pytest

from tests.plugin.lab import Lab, scenarios
from tests.stub.client import Stub

CONFTEST = """
    import pytest

    MARKS = {
        "S-01": pytest.mark.skip(reason="not today"),
        "S-02": pytest.mark.skipif("1 + 1 == 2", reason="as usual"),
        "S-03": pytest.mark.skipif(False, reason="never"),
        "S-04": pytest.mark.xfail(reason="known to be hard"),
        "S-05": pytest.mark.xfail(run=False, reason="takes the server down"),
    }

    def pytest_collection_modifyitems(items):
        for item in items:
            if item.name in MARKS:
                item.add_marker(MARKS[item.name])
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])
def test_skipped_scenarios_are_never_asked(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """They are not selected, so the run is complete; an expected failure is asked and counted as what it is."""
    lab.pack(scenarios(7, wrong=[4, 7]))
    lab.file("conftest.py", CONFTEST)
    done = lab.run("--llm-url", stub.url, *workers)
    done.ends(0, "1 wrong answer" if "1 wrong" in done.last else "2 wrong answers")
    done.holds("1 failed, 2 passed, 2 skipped, 2 xfailed", "2/4 of 7 selected")
    said = {request["body"]["messages"][-1]["content"][:4] for request in stub.requests()} - {"Say "}
    assert said == {"S-03", "S-04", "S-06", "S-07"}
    assert done.verdicts == {"S-03": "PASS", "S-04": "FAIL missing_field", "S-06": "PASS", "S-07": "FAIL missing_field"}


def test_an_unexpected_pass_is_reported_as_pytest_does(lab: Lab, stub: Stub) -> None:
    """With xfail_strict it fails the session, even beside wrong answers that do not."""
    lab.pack(scenarios(3, wrong=[3]))
    lab.file("pytest.ini", "[pytest]\nxfail_strict = true\n")
    lab.file(
        "conftest.py",
        CONFTEST.replace("S-04", "S-02x").replace('"S-01": pytest.mark.skip(', '"S-01": pytest.mark.xfail('),
    )
    done = lab.run("--llm-url", stub.url)
    assert done.code == 1, done.out
    assert done.verdicts["S-01"] == "PASS"


def test_a_hook_that_raises_is_told_from_the_model(lab: Lab, stub: Stub) -> None:
    """Before the trial it leaves no verdict; after it the verdict stands and the session fails."""
    lab.pack(scenarios(4))
    lab.file(
        "conftest.py",
        """
        import pytest

        def pytest_runtest_setup(item):
            assert item.name != "S-02", "not ready"

        @pytest.hookimpl(trylast=True)
        def pytest_runtest_teardown(item):
            assert item.name != "S-03", "left a mess"
        """,
    )
    done = lab.run("--llm-url", stub.url)
    done.ends(6, "1 bad_configuration")
    assert done.verdicts == {"S-01": "PASS", "S-02": "ERROR bad_configuration", "S-03": "PASS", "S-04": "PASS"}
    done.holds("failed outside the trial, in setup")
    done = lab.run("--llm-url", stub.url, "-k", "S-03")
    done.ends(1, "1 ordinary test failed")
