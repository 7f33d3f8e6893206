"""The fixtures llm and verify: hand-written tests of the measured model."""

from __future__ import annotations

import pytest

from tests.plugin.lab import Lab, scenarios
from tests.stub.client import Stub

WORKERS = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])

TESTS = """
    import pytest
    from pytest_llmbench.errors import TrialError

    def test_right(llm):
        answer = llm("say good", system="Be brief.", max_tokens=20, temperature=0.5)
        assert answer.text == "say good" == str(answer)
        assert not answer.truncated
        llm.metric("letters", len(answer.text))

    def test_wrong(llm):
        assert "good" in llm("say bad").text

    def test_twice(llm):
        assert llm("one").text == "one"
        assert llm("[[tokens=40]]", max_tokens=5).truncated

    def test_verified(llm, verify):
        assert verify(llm("a b c"), "instructions", checks=[{"kind": "words", "exactly": 3}]).outcome == "PASS"
        verdict = verify("a b", "instructions", checks=[{"kind": "words", "exactly": 3}])
        assert (verdict.outcome, verdict.reason) == ("FAIL", "wrong_answer")

    def test_asks_nothing(llm):
        assert llm

    def test_plain(): pass
"""


@WORKERS
def test_they_are_a_row_beside_the_packs(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """Outcome, metric, journal and the Quality line know of each test that asked; pytest's exit code stands."""
    lab.pack(scenarios(2))
    lab.file("test_mine.py", TESTS)
    done = lab.run("--llm-url", stub.url, *workers)
    done.ends(1, "1 ordinary test failed")
    done.holds("1 failed, 7 passed", "test_mine 3/4 (75%)", "Mini 2/2 (100%)", "letters", "say bad")
    rows = {trial["scenario"]: trial for trial in done.results["trials"]}
    assert rows["test_right"]["metrics"] == {"letters": 8.0}
    assert rows["test_wrong"]["outcome"] == "FAIL"
    assert rows["test_twice"]["turns"] == 2
    assert "test_asks_nothing" not in rows
    sent = [request["body"] for request in stub.requests() if request["body"]["messages"][-1]["content"] == "say good"]
    assert [(body["temperature"], body["max_tokens"]) for body in sent] == [(0.5, 20)]


@WORKERS
def test_a_server_error_is_no_failure_of_the_model(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """The test fails with the server's message, its row is an error, the run is incomplete."""
    lab.file("test_mine.py", "def test_asks(llm):\n    llm('hello [[fault=broken]]')\n")
    done = lab.run("--llm-url", stub.url, *workers)
    assert done.code == 6, done.out
    done.holds("server_error", "test_mine 0/0, 1 error")
    assert "Traceback" not in done.out


def test_a_model_that_is_too_slow_is_a_timeout(lab: Lab, stub: Stub) -> None:
    """Tokens still flowing at the deadline are the model's fault, silence is the server's."""
    lab.file(
        "test_mine.py",
        """
        def test_slow(llm): llm("x [[fault=drip]]", timeout_s=0.5)
        def test_silent(llm): llm("x [[fault=hang]]", timeout_s=0.5)
        """,
    )
    done = lab.run("--llm-url", stub.url)
    done.holds("TimeoutError", "still answering after 0.5 s", "nothing of answer 1 came")
    assert done.verdicts["test_slow"] == "FAIL timeout" or done.code == 6
    done.ends(6, "1 server_error")


def test_verify_alone_needs_no_server(lab: Lab) -> None:
    """Judging a text starts nothing and prints nothing; a check that does not exist is named."""
    lab.file(
        "test_mine.py",
        """
        import pytest

        def test_text(verify):
            assert verify("a b c", "instructions", checks=[{"kind": "words", "exactly": 3}]).outcome == "PASS"

        def test_unknown(verify):
            with pytest.raises(Exception, match="words"):
                verify("a", "instructions", checks=[{"kind": "word", "exactly": 3}])
            with pytest.raises(Exception, match="instructions"):
                verify("a", "instruction", checks=[])
        """,
    )
    done = lab.run("--llm-url", "http://127.0.0.1:9")
    assert done.code == 0, done.out
    done.holds("2 passed")
    assert "llmbench:" not in done.out
    assert not (lab.root / ".llmbench").exists()


def test_a_fixture_may_ask(lab: Lab, stub: Stub) -> None:
    """A fixture built on llm counts as asking; a test that is skipped asks nothing."""
    lab.file(
        "test_mine.py",
        """
        import pytest

        @pytest.fixture
        def capital(llm): return llm("Lisbon").text

        def test_capital(capital): assert capital == "Lisbon"

        @pytest.mark.skip(reason="not now")
        def test_skipped(llm): llm("never")
        """,
    )
    done = lab.run("--llm-url", stub.url)
    done.ends(0, "complete")
    done.holds("test_mine 1/1 (100%)", "1 passed, 1 skipped")
    assert stub.stats()["requests"] == 2
