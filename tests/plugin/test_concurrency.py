"""As many requests in flight as the server has slots: never more, and no fewer while there is work."""

from __future__ import annotations

import pytest

from tests.plugin.lab import Lab, scenarios
from tests.stub.client import Stub

WORKERS = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])


@WORKERS
def test_the_slots_are_full_and_never_overfull(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """Eight slots, sixteen requests: eight at once, shared by all workers."""
    lab.pack(scenarios(16, marks="[[seconds=0.3]]"))
    done = lab.run("--llm-url", stub.url, *workers)
    done.ends(0, "16 scenarios")
    assert stub.stats()["peak_in_flight"] == 8
    assert done.results["manifest"]["concurrency"] == 8


@WORKERS
def test_the_option_wins_over_what_the_server_says(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """--llm-concurrency 3 means three."""
    lab.pack(scenarios(9, marks="[[seconds=0.1]]"))
    lab.run("--llm-url", stub.url, "--llm-concurrency", "3", *workers).ends(0, "9 scenarios")
    assert stub.stats()["peak_in_flight"] == 3


@WORKERS
def test_questions_of_hand_written_tests_share_the_limit(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """A test that asks waits for a slot like any trial, and does not wait behind the whole queue."""
    lab.pack(scenarios(20, marks="[[seconds=0.15]]"))
    lab.file(
        "a_first/test_asks.py",
        """
        import pytest

        @pytest.mark.parametrize("n", range(4))
        def test_asks(llm, n):
            assert "word" in llm(f"word {n} [[seconds=0.15]]").text
        """,
    )
    done = lab.run("--llm-url", stub.url, "--llm-concurrency", "2", *workers)
    done.ends(0, "24 scenarios" if "24 scenarios" in done.last else "complete")
    assert stub.stats()["peak_in_flight"] == 2
    assert stub.stats()["answers"] == 25
