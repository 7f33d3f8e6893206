"""Several servers of one model as one, and what every request carries beside the question."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugin.lab import Lab, Session, scenario, scenarios
from tests.stub.client import Stub, running_stub

WORKERS = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])
HIDDEN = "team-secret-4711"


@pytest.fixture
def twin() -> Iterator[Stub]:
    """A second server of the same model."""
    with running_stub(slots=4) as found:
        yield found


def unseen(done: Session, *values: str) -> None:
    """Assert that none of the values is on the screen or in any file of the run."""
    files = [path for path in (done.root / ".llmbench").rglob("*") if path.is_file()]
    assert len(files) > 3
    for value in values:
        assert value not in done.out
        holding = [path.name for path in files if value.encode() in path.read_bytes()]
        assert holding == []


@WORKERS
def test_both_are_used(lab: Lab, stub: Stub, twin: Stub, workers: tuple[str, ...]) -> None:
    """Their slots add up, requests are spread, and each scenario is asked once."""
    stub.set(slots=4)
    lab.pack(scenarios(32, marks="[[seconds=0.3]]"))
    done = lab.run("--llm-url", stub.url, "--llm-url", twin.url, *workers)
    done.ends(0, "no wrong answer")
    first, second = stub.stats(), twin.stats()
    assert first["answers"] + second["answers"] == 32 + 1
    assert min(first["answers"], second["answers"]) >= 10
    assert max(first["peak_busy"], second["peak_busy"]) <= 4
    assert done.results["manifest"]["concurrency"] == 8
    assert done.results["run"]["resources"]["slots"] == 8


@WORKERS
def test_one_dies_under_way(lab: Lab, stub: Stub, workers: tuple[str, ...]) -> None:
    """What it was asked is asked of the other one, and every scenario has its verdict."""
    lab.pack(scenarios(30, marks="[[seconds=0.3]]"))
    with running_stub(slots=4) as dying:
        going = lab.start("--llm-url", stub.url, "--llm-url", dying.url, *workers)
        dying.wait_until("answers", 3, limit_s=30)
        dying.kill()
        done = going.end()
    done.ends(0, "no wrong answer in 30 scenarios")
    assert stub.stats()["answers"] >= 20


def test_one_is_dead_from_the_start(lab: Lab, stub: Stub) -> None:
    """All that are named must answer before the run: a typing error is told, not borne with."""
    lab.pack(scenarios(4))
    done = lab.run("--llm-url", stub.url, "--llm-url", "http://127.0.0.1:9/v1")
    done.ends(6, "incomplete; the server could not be measured")
    done.holds("http://127.0.0.1:9")
    assert stub.stats()["requests"] == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [({"model": "other-model"}, "model: "), ({"template": "thinking"}, "thinking switch: ")],
    ids=["model", "template"],
)
def test_different_models_are_refused(lab: Lab, stub: Stub, options: dict[str, str], words: str) -> None:
    """What differs is told with both servers, before anything is asked."""
    lab.pack(scenarios(4))
    with running_stub(**options) as other:
        done = lab.run("--llm-url", stub.url, "--llm-url", other.url)
        assert other.stats()["requests"] == 0
    done.ends(6, "incomplete; the server could not be measured (bad_configuration)")
    done.holds("one and the same model", words, stub.url, other.url)
    assert stub.stats()["requests"] == 0


def test_a_profile_of_replicas(lab: Lab, stub: Stub, twin: Stub) -> None:
    """A profile with a list of URLs is one server."""
    lab.file("llmbench.yaml", f"profiles: {{pair: {{url: ['{stub.url}', '{twin.url}']}}}}\n")
    lab.pack(scenarios(24, marks="[[seconds=0.2]]"))
    lab.run("--llm-profile", "pair").ends(0, "no wrong answer")
    assert min(stub.stats()["answers"], twin.stats()["answers"]) >= 5


@pytest.mark.parametrize(("where", "workers"), [("server", ("-n", "2")), ("profile", ())])
def test_headers_arrive_and_are_written_nowhere(lab: Lab, stub: Stub, where: str, workers: tuple[str, ...]) -> None:
    """From the file and from the environment; also where the server repeats them in an error."""
    stub.set(key="key-from-env")
    block = f"headers: {{X-Team: {HIDDEN}, Authorization: 'Bearer ${{MY_TOKEN}}'}}"
    profile = f"profiles: {{a: {{url: {stub.url}, {block}}}}}\n"
    lab.file("llmbench.yaml", profile if where == "profile" else f"server:\n  {block}\n")
    lab.pack([*scenarios(3), scenario("REFUSED", marks="[[fault=broken]]")])
    server = ("--llm-profile", "a") if where == "profile" else ("--llm-url", stub.url)
    done = lab.run(*server, *workers, MY_TOKEN="key-from-env")
    done.ends(6, "incomplete")
    assert done.results["total"]["passed"] == 3
    for request in stub.requests():
        assert request["headers"]["x-team"] == HIDDEN
        assert request["headers"]["authorization"] == "Bearer key-from-env"
    unseen(done, HIDDEN, "key-from-env")


def test_a_server_that_repeats_a_secret(lab: Lab, stub: Stub) -> None:
    """A refusal, and an answer, that quote header and key are shown and kept without them."""
    lab.file("llmbench.yaml", f"server: {{headers: {{X-Team: {HIDDEN}, Authorization: Bearer my-own-key}}}}\n")
    lab.pack([*scenarios(2), scenario("KEY", marks="[[fault=key]]")])
    done = lab.run("--llm-url", stub.url)
    done.ends(6, "incomplete")
    unseen(done, HIDDEN, "my-own-key")


def test_a_body_of_the_users_own(lab: Lab, stub: Stub) -> None:
    """Its fields leave with every request, and its scores are tagged and not gated."""
    lab.file("llmbench.yaml", "server: {body: {cache_prompt: false, mirostat: 2}}\n")
    lab.pack(scenarios(3))
    done = lab.run("--llm-url", stub.url, "--llm-gate", "floors")
    done.ends(1, "this run is not canonical: extra body: cache_prompt, mirostat")
    asked = [one["body"] for one in stub.requests() if "the word is" in str(one["body"]["messages"])]
    assert [(body["cache_prompt"], body["mirostat"]) for body in asked] == [(False, 2)] * 3
    assert "not canonical: extra body: cache_prompt, mirostat" in done.results["quality"]


def test_credentials_of_a_url(lab: Lab, stub: Stub) -> None:
    """Name and password in a URL are used and not shown."""
    lab.pack(scenarios(2))
    done = lab.run("--llm-url", stub.url.replace("http://", "http://me:pass-4711@"))
    done.ends(0, "no wrong answer")
    assert all(request["headers"]["authorization"].startswith("Basic ") for request in stub.requests())
    unseen(done, "pass-4711")


def test_unset_variables_are_told(lab: Lab, stub: Stub) -> None:
    """Before anything is asked, with file and line."""
    lab.file("llmbench.yaml", "server:\n  headers:\n    Authorization: 'Bearer ${NOT_SET_ANYWHERE}'\n")
    lab.pack(scenarios(2))
    done = lab.run("--llm-url", stub.url)
    assert done.code == 4
    done.holds("llmbench.yaml:3", "NOT_SET_ANYWHERE")
    assert Path(lab.root, ".llmbench").exists() is False


def test_a_replica_that_is_left_out_is_told(lab: Lab, stub: Stub) -> None:
    """Half of the servers gone in the night shows on the screen, not only in slow answers."""
    lab.pack(scenarios(16, marks="[[seconds=0.3]]"))
    with running_stub(slots=4) as dying:
        going = lab.start("--llm-url", stub.url, "--llm-url", dying.url)
        dying.wait_until("answers", 2, limit_s=30)
        dying.kill()
        done = going.end()
    assert done.results["total"]["passed"] == 16
    done.holds("a server is left out")
