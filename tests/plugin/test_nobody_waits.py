"""Whatever a verifier, an endpoint or a server does, every item gets its result and the session ends."""

from __future__ import annotations

import pytest

from tests.plugin.lab import Lab, scenarios
from tests.stub.client import Stub

WORKERS = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])

VERIFIER = """
    import pytest
    from pytest_llmbench.records import Outcome, Verdict

    def judged(kind):
        if kind == "none":
            return None
        if kind == "fail":
            pytest.fail("not an Exception")
        if kind == "stop":
            next(iter(()))
        if kind == "exit":
            raise SystemExit(3)
        if kind == "words":
            return Verdict(outcome=Outcome.PASS, metrics={"language": "en"})
        return Verdict(outcome=Outcome.PASS)

    class Odd:
        name, rules_version = "odd", "1"

        def problems(self, scenario):
            return ()

        def judge(self, scenario, exchange):
            return judged(exchange.answer.strip().split()[-1])

    def pytest_llmbench_families(families):
        families.verifiers["odd"] = Odd()
"""

ENDPOINT = """
    import asyncio
    from pytest_llmbench.records import Response, ServerFacts

    class Odd:
        name = "odd"

        def facts(self, *, wait_s):
            if {facts}:
                raise ValueError("facts fell over")
            return ServerFacts(models=("odd",), slots=2)

        async def ask(self, request, *, trial, turn, progress):
            await asyncio.sleep(0)
            return None

        async def close(self):
            pass

    def pytest_llmbench_families(families):
        families.endpoints["odd"] = lambda plan: Odd()
"""


@WORKERS
def test_a_verifier_may_do_what_it_likes(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """Returning nothing, exits, pytest.fail and metrics that are no numbers are errors of their one scenario."""
    kinds = ["none", "fail", "stop", "exit", "words", "fine"]
    cases = [{**case, "prompt": f"say {kind}"} for case, kind in zip(scenarios(len(kinds)), kinds, strict=True)]
    lab.pack(cases, defaults={"dialogue": "single_turn", "verifier": "odd", "max_tokens": 64})
    lab.file("conftest.py", VERIFIER)
    done = lab.run("--llm-url", stub.url, *workers)
    assert done.code == 6, done.out
    assert sorted(done.verdicts.values()) == ["ERROR verifier_error"] * 5 + ["PASS"]


@WORKERS
def test_an_endpoint_that_returns_nothing_is_an_error(lab: Lab, workers: tuple[str, ...]) -> None:
    """And not a wait for ever."""
    lab.pack(scenarios(3))
    lab.file("conftest.py", ENDPOINT.format(facts=False))
    done = lab.run("--llm-endpoint", "odd", *workers)
    assert done.code == 6, done.out
    assert set(done.verdicts.values()) == {"ERROR server_error"}


@WORKERS
def test_an_endpoint_that_cannot_be_looked_at_ends_the_session(lab: Lab, workers: tuple[str, ...]) -> None:
    """A bug in it is an internal error, with workers too."""
    lab.pack(scenarios(3))
    lab.file("conftest.py", ENDPOINT.format(facts=True))
    done = lab.run("--llm-endpoint", "odd", *workers)
    assert done.code == 3, done.out
    assert "facts fell over" in done.out


def test_a_long_hello_is_read(lab: Lab) -> None:
    """More scenarios than a socket's buffer holds can be introduced by each worker."""
    lab.pack(scenarios(3000))
    lab.file("conftest.py", ENDPOINT.format(facts=False))
    done = lab.run("--llm-endpoint", "odd", "-n", "2", "-k", "S-01 or S-02")
    assert done.code == 6, done.out
    everything = lab.run("--llm-endpoint", "odd", "-n", "2", "-x")
    assert everything.code in (1, 6), everything.out[-2000:]


def test_two_packs_of_one_name_are_refused(lab: Lab) -> None:
    """Their results would be mixed up."""
    lab.pack(scenarios(2))
    text = (lab.root / "packs" / "mini" / "pack.yaml").read_text(encoding="utf-8")
    other = lab.root / "packs" / "other"
    other.mkdir()
    (other / "pack.yaml").write_text(text, encoding="utf-8")
    done = lab.run("--llm-endpoint", "gold")
    assert done.code == 2, done.out
    done.holds('the id "mini" is that of')


def test_hand_written_tests_can_be_resumed(lab: Lab, stub: Stub) -> None:
    """They get the answers they got before, without asking again."""
    lab.file("test_mine.py", 'def test_one(llm): assert "ping" in llm("ping").text')
    lab.run("--llm-url", stub.url).ends(0, "1 scenario")
    asked = stub.stats()["answers"]
    again = lab.run("--llm-url", stub.url, "--llm-resume")
    again.ends(0, "1 scenario")
    assert stub.stats()["answers"] == asked + 1  # the first question of the session


def test_a_test_that_skips_after_asking_says_nothing_of_the_model(lab: Lab, stub: Stub) -> None:
    """Nor does one that is expected to fail; two tests of one name are two rows."""
    lab.file(
        "test_mine.py",
        """
        import pytest

        def test_skips(llm):
            llm("ping")
            pytest.skip("not today")

        @pytest.mark.xfail(strict=True)
        def test_expected(llm):
            assert "pong" in llm("ping").text

        class TestA:
            def test_q(self, llm): assert "ping" in llm("ping").text

        class TestB:
            def test_q(self, llm): assert "ping" in llm("ping").text
        """,
    )
    done = lab.run("--llm-url", stub.url)
    done.ends(0, "2 scenarios")
    done.holds("2/2")
