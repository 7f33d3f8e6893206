"""What is seen of a profile without starting it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pytest_llmbench.profiles.problems import context_of, problems, what_starts
from pytest_llmbench.records import Connection
from pytest_llmbench.settings import Profile


def profile(engine: str, **values: object) -> Profile:
    """Return a profile with these values."""
    return Profile(name="a", engine=engine, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (profile("external", urls=("http://me:secret@h:1/v1", "http://i/v1")), "http://***@h:1/v1, http://i/v1"),
        (profile("external"), "the server of --llm-url"),
        (profile("embedded"), "llama.cpp here with SmolLM2 135M"),
        (profile("embedded", model="/m/q4.gguf"), "llama.cpp here with /m/q4.gguf"),
        (profile("process", command=("s", "a b", "{port}"), env={"KEY": "hunter22"}), "s 'a b' {port}, env KEY"),
        (profile("process", command=("s", "--api-key", "hunter22")), "s --api-key ***"),
        (profile("compose"), "its compose file"),
        (
            profile("compose", files=("a.yml", "b.yml"), service="llama", env={"CTX": "hunter22", "B": ""}),
            "a.yml + b.yml, service llama, env CTX B",
        ),
    ],
)
def test_what_would_be_started(given: Profile, wanted: str) -> None:
    """In a line, without a secret."""
    assert what_starts(given) == wanted


def test_a_command_is_shown_as_it_was_typed() -> None:
    """What stands in a variable stays there."""
    shown = what_starts(profile("process", command=("s", "hunter22")), "s ${MY_TOKEN} --api-key literal")
    assert shown == "s '${MY_TOKEN}' --api-key ***"


@pytest.mark.parametrize(
    ("given", "tokens"),
    [
        (profile("process", command=("llama-server", "-c", "16384")), 16384),
        (profile("process", command=("llama-server", "--ctx-size=8192")), 8192),
        (profile("process", command=("vllm", "serve", "m", "--max-model-len", "32k")), 32768),
        (profile("compose", env={"LLAMA_ARG_CTX_SIZE": "4096"}), 4096),
        (profile("compose", env={"CTX": "16k"}), 16384),
        (profile("compose", env={"MAX_MODEL_LEN": "100"}), 100),
        (profile("compose", env={"CONTEXT": "hunter22"}), None),
        (profile("compose", env={"CTX_KEY": "5"}), None),
        (profile("process", command=("s", "-c")), None),
        (profile("external", urls=("u",)), None),
    ],
)
def test_the_context_is_read_where_it_can_be_seen(given: Profile, tokens: int | None) -> None:
    """Only a number is ever shown of a value."""
    assert context_of(given) == tokens


def test_a_program_and_weights_that_are_missing(tmp_path: Path) -> None:
    """And a server whose port nobody knows."""
    found = list(
        problems(profile("process", folder=str(tmp_path), command=("no-such-program", "-m", "a.gguf", "-x=b.gguf")))
    )
    assert found == [
        "no program no-such-program on PATH",
        "no port: write {port} into the command, or the key port",
        "no file a.gguf",
        "no file b.gguf",
    ]
    (tmp_path / "a.gguf").write_bytes(b"")
    assert not list(problems(profile("process", folder=str(tmp_path), command=(sys.executable, "a.gguf"), port=1)))
    local = profile("process", folder=str(tmp_path), command=("./serve", "{port}"))
    assert list(problems(local)) == ["no program ./serve"]
    (tmp_path / "serve").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "serve").chmod(0o755)
    assert not list(problems(local))


def test_files_and_packs_that_are_missing(tmp_path: Path) -> None:
    """Whatever the engine."""
    connection = Connection(ca_file=str(tmp_path / "none.pem"))
    found = list(problems(profile("external", urls=("u",), packs=("quick", "qick"), connection=connection)))
    assert found[0] == f"no file {tmp_path / 'none.pem'} (tls: ca)"
    assert 'did you mean "quick"?' in found[1]
    assert len(found) == 2
    (weights,) = [each for each in problems(profile("embedded", model="/no/such.gguf")) if "file" in each]
    assert weights == "no file /no/such.gguf"


def test_a_compose_file_that_is_missing(tmp_path: Path) -> None:
    """No Docker is needed to see that."""
    (found,) = problems(profile("compose", folder=str(tmp_path), files=("docker-compose.yml",)))
    assert found == f"there is no compose file {tmp_path / 'docker-compose.yml'}"
    (found,) = problems(profile("compose", folder=str(tmp_path)))
    assert "holds none of compose.yaml, compose.yml" in found


COMPOSE = """\
services:
  llama:
    image: llmbench-none
    ports: ["127.0.0.1:${PORT:-8080}:8080"]
    volumes: ["./models:/models:ro"]
    environment: {LLAMA_ARG_MODEL: "/models/${MODEL:?which}"}
    command: ["--mmproj=/models/eyes.gguf", "-m", "/elsewhere/x.gguf"]
"""


@pytest.mark.needs("docker")
def test_what_compose_makes_of_it(tmp_path: Path) -> None:
    """A service that is not there, a variable that is not set, weights that are not where they are mounted from."""
    (tmp_path / "compose.yaml").write_text(COMPOSE, encoding="utf-8")
    (tmp_path / "models").mkdir()

    def found(**values: object) -> list[str]:
        return list(problems(profile("compose", folder=str(tmp_path), **values)))

    assert "which" in found()[0]
    assert 'did you mean "llama"?' in found(service="lama", env={"MODEL": "a.gguf"})[0]
    models = tmp_path / "models"
    assert found(env={"MODEL": "a.gguf", "PORT": "{port}"}) == [
        f"no file {models / 'a.gguf'}, which the container sees as /models/a.gguf",
        f"no file {models / 'eyes.gguf'}, which the container sees as /models/eyes.gguf",
    ]
    for name in ("a.gguf", "eyes.gguf"):
        (models / name).write_bytes(b"")
    assert found(env={"MODEL": "a.gguf"}, preset="balanced") == []
