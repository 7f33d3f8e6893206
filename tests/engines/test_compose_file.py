"""Which service of a compose file is measured, and what is said of files and machines that cannot do it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_llmbench.engines.compose import Compose
from pytest_llmbench.engines.compose_file import Service, compose_files, read_service
from pytest_llmbench.engines.docker_command import DockerCommand
from pytest_llmbench.errors import BadConfiguration, UnknownName
from pytest_llmbench.settings import Profile
from tests.engines.compose_lab import require_compose

TWO = """
services:
  llama: {image: a, ports: ["127.0.0.1:8081:8080", "9000:9000"]}
  vllm: {image: b, ports: ["8000"]}
  database: {image: c}
"""


def service(folder: Path, text: str, *, env: Mapping[str, str] | None = None, **values: object) -> Service:
    """Return what is read of a compose file with `text`."""
    require_compose()
    (folder / "compose.yaml").write_text(text, encoding="utf-8")
    profile = Profile(name="A", engine="compose", folder=str(folder), **values)  # type: ignore[arg-type]
    docker = DockerCommand(environment={**os.environ, **(env or {})}, folder=str(folder))
    return read_service(docker, profile, compose_files(profile), profile.port)


def test_the_named_service(tmp_path: Path) -> None:
    """Address and ports of the service that the profile names; Docker may choose the port."""
    llama = service(tmp_path, TWO, service="llama")
    assert (llama.name, llama.image, llama.host_ip, llama.published, llama.target) == (
        "llama",
        "a",
        "127.0.0.1",
        8081,
        8080,
    )
    vllm = service(tmp_path, TWO, service="vllm")
    assert (vllm.published, vllm.target) == (0, 8000)
    assert service(tmp_path, TWO, service="llama", port=9000).target == 9000


def test_the_only_service_with_a_port(tmp_path: Path) -> None:
    """Nothing named: the only service, or the only one that publishes a port; services of profiles count too."""
    assert service(tmp_path, "services: {one: {image: a, profiles: [gpu], ports: ['1']}}").name == "one"
    assert service(tmp_path, "services: {one: {image: a}, two: {image: b, ports: ['8080']}}").name == "two"


def test_the_hosts_network(tmp_path: Path) -> None:
    """A service without ports of its own listens where the profile says."""
    text = "services: {one: {image: a, network_mode: host}}"
    assert (service(tmp_path, text, port=8080).published, service(tmp_path, text, port=8080).target) == (8080, 0)
    with pytest.raises(BadConfiguration, match="say in profile A where it listens, port: NUMBER"):
        service(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "values", "told"),
    [
        (TWO, {}, r"several services that publish a port \(llama, vllm\): say in profile A .* service: NAME"),
        (TWO, {"service": "lama"}, r'has no service "lama": did you mean "llama"\?'),
        (TWO, {"service": "database"}, r'publishes no port: add one .*"127.0.0.1:8080:8080"'),
        (TWO, {"service": "llama", "port": 7}, "publishes no port 7, only 8081, 9000"),
        ("services: {a: {image: x}, b: {image: y}}", {}, "no service with a port"),
        ("services: {a: {image: x, prots: []}}", {}, "cannot be used: .*prots"),
        ("services: [", {}, "cannot be used: yaml"),
        (
            "services: {a: {image: '${MODEL:?name a file}'}}",
            {},
            r"(?s)name a file.*What to try: a variable of the compose file has no value",
        ),
    ],
    ids=["several", "misspelt", "closed", "other port", "none open", "unknown key", "no yaml", "no value"],
)
def test_files_that_say_too_little(tmp_path: Path, text: str, values: dict[str, object], told: str) -> None:
    """What is missing or wrong, in which file, and what to write."""
    with pytest.raises(BadConfiguration, match=told) as caught:
        service(tmp_path, text, **values)
    assert str(tmp_path) in str(caught.value) or "service" in str(caught.value)


def test_variables_come_from_the_profile_and_from_env_files(tmp_path: Path) -> None:
    """The environment beats the file .env beside the compose file; a variable without a value is told."""
    (tmp_path / ".env").write_text("PORT=7001\nIMAGE=from-file\n", encoding="utf-8")
    found = service(tmp_path, "services: {a: {image: '$IMAGE$TAG', ports: ['$PORT:1']}}", env={"PORT": "7002"})
    assert (found.image, found.published) == ("from-file", 7002)
    assert found.warnings == ('The "TAG" variable is not set. Defaulting to a blank string.',)


def test_standard_names(tmp_path: Path) -> None:
    """Without a name the file is found as docker compose finds it, with its override; otherwise it is said so."""
    profile = Profile(name="A", engine="compose", folder=str(tmp_path / "sub" / ".."))
    (tmp_path / "sub").mkdir()
    (tmp_path / "my-compose.yml").touch()
    with pytest.raises(
        BadConfiguration, match=r"holds none of compose.yaml, .* \(there are my-compose.yml\); name one"
    ):
        compose_files(profile)
    (tmp_path / "docker-compose.yml").touch()
    assert compose_files(profile) == (f"{tmp_path}/docker-compose.yml",)
    (tmp_path / "compose.override.yaml").touch()
    assert compose_files(profile) == (f"{tmp_path}/docker-compose.yml", f"{tmp_path}/compose.override.yaml")
    named = Profile(name="A", engine="compose", folder=str(tmp_path), files=("gpu.yaml",))
    with pytest.raises(BadConfiguration, match=rf"there is no compose file {tmp_path}/gpu.yaml \(there are compose."):
        compose_files(named)


def engine(folder: Path, **env: str) -> Compose:
    """Return an engine for a compose file that is never started."""
    (folder / "compose.yaml").write_text("services: {a: {image: x, ports: ['1']}}", encoding="utf-8")
    return Compose(Profile(name="A", engine="compose", folder=str(folder), env=env), say=lambda _: None)


def program(folder: Path, name: str, text: str) -> None:
    """Write a shell program."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def test_no_docker(tmp_path: Path) -> None:
    """No docker command: what to install, and the way without it."""
    with pytest.raises(BadConfiguration, match=r"there is no docker command on this machine: .*--llm-url"):
        engine(tmp_path, PATH=str(tmp_path)).start()


def test_only_compose_v1(tmp_path: Path) -> None:
    """A docker without the plugin, with and without the old program beside it: what to install."""
    program(tmp_path / "bin", "docker", "echo \"docker: 'compose' is not a docker command.\" >&2; exit 1")
    with pytest.raises(BadConfiguration, match=r"docker has no compose plugin here; .*docker-compose-plugin"):
        engine(tmp_path, PATH=str(tmp_path / "bin")).start()
    program(tmp_path / "bin", "docker-compose", "echo 1.29.2")
    with pytest.raises(BadConfiguration, match=r"only docker-compose v1 is here, which ended in 2023; install it"):
        engine(tmp_path, PATH=str(tmp_path / "bin")).start()


def test_no_daemon(tmp_path: Path) -> None:
    """A daemon that does not answer: how to start it; one that may not be used: how to be allowed to."""
    require_compose()
    with pytest.raises(BadConfiguration, match=r"the Docker daemon does not answer: .*systemctl start docker"):
        engine(tmp_path, DOCKER_HOST=f"unix://{tmp_path}/none.sock").start()
    real = shutil.which("docker")
    denied = 'echo "permission denied while trying to connect to the Docker daemon socket" >&2; exit 1'
    program(tmp_path / "bin", "docker", f'[ "$1" = version ] || exec {real} "$@"\n{denied}')
    with pytest.raises(BadConfiguration, match="usermod -aG docker"):
        engine(tmp_path, PATH=f"{tmp_path}/bin:{os.environ['PATH']}").start()


def test_an_unknown_preset(tmp_path: Path) -> None:
    """The nearest preset is named before anything is started."""
    (tmp_path / "compose.yaml").touch()
    profile = Profile(name="A", engine="compose", folder=str(tmp_path), preset="performence")
    with pytest.raises(UnknownName, match='unknown preset "performence": did you mean "performance"'):
        Compose(profile).start()


def preset_problem(folder: Path, text: str, **values: object) -> str:
    """Return what is said of a compose file with `text` whose image is nowhere, with the preset ``balanced``."""
    require_compose()
    (folder / "compose.yaml").write_text(text, encoding="utf-8")
    profile = Profile(name="A", engine="compose", folder=str(folder), preset="balanced", **values)  # type: ignore[arg-type]
    with pytest.raises(BadConfiguration) as caught:
        Compose(profile, say=lambda _line: None).start()
    return str(caught.value)


@pytest.mark.needs("docker")
def test_a_preset_that_changes_nothing(tmp_path: Path) -> None:
    """It is refused before anything is started; a file whose default is the preset's own value takes it."""
    text = "services: {{one: {{image: 'llmbench-none:{tag}', pull_policy: never, ports: ['1']{more}}}}}"
    told = preset_problem(tmp_path, text.format(tag="a", more=", command: '${SLOTS:-64}'"))
    assert told.startswith(f"profile A: {tmp_path}/compose.yaml takes none of the variables of preset balanced (GPU_")
    assert "MAX_NUM_SEQS, " in told
    assert told.endswith(": use them in the file or leave preset out")
    taken = text.format(tag="a", more=", command: '${MAX_NUM_SEQS:-64}'")
    assert "could not be started" in preset_problem(tmp_path, taken)
    assert "takes none" in preset_problem(tmp_path, taken, env={"MAX_NUM_SEQS": "7"})
