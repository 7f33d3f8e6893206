"""The compose files in examples/ that this machine can run, run; the others are at least understood."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_llmbench.engines.compose import Compose
from pytest_llmbench.engines.compose_file import compose_files
from pytest_llmbench.engines.presets import PRESETS, preset_environment
from pytest_llmbench.profiles import load_profiles
from pytest_llmbench.settings import Profile
from pytest_llmbench.web import get_json
from tests.compose_image import llama_image, weights
from tests.engines.compose_lab import left, require_compose

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = ("llamacpp/compose.cpu.yaml", "llamacpp/compose.gpu.yaml", "vllm/compose.cpu.yaml", "vllm/compose.gpu.yaml")


@pytest.mark.parametrize("preset", ["", *PRESETS])
@pytest.mark.parametrize("file", FILES)
def test_compose_understands_them(file: str, preset: str) -> None:
    """Each file with each preset: valid, on the loopback interface alone, without a variable that has no value."""
    require_compose()
    said = subprocess.run(
        ["docker", "compose", "--file", file, "config"],  # noqa: S607
        cwd=EXAMPLES,
        env={**os.environ, **preset_environment(preset), "MODEL": "some-model"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stderr == ""
    assert said.stdout.count("published:") == said.stdout.count("host_ip: 127.0.0.1") == 1
    assert "some-model" in said.stdout


def test_files_for_a_gpu_say_that_they_were_not_run() -> None:
    """What could not be run says so where it stands."""
    unrun = [file for file in FILES if "NOT RUN HERE" in (EXAMPLES / file).read_text(encoding="utf-8")]
    assert unrun == [file for file in FILES if file != "llamacpp/compose.cpu.yaml"]


@pytest.fixture
def engine() -> Iterator[Compose]:
    """The engine for llama.cpp's example on the processor, with an image and a model that are here."""
    require_compose()
    env = {
        "LLAMA_IMAGE": llama_image(),
        "MODELS": str(weights().parent),
        "MODEL": weights().name,
        "LLAMA_PORT": "{port}",
    }
    profile = Profile(
        name="cpu",
        engine="compose",
        folder=str(EXAMPLES / "llamacpp"),
        files=("compose.cpu.yaml",),
        service="llama",
        preset="memory_optimized",
        env=env,
    )
    engine = Compose(profile, say=print)
    yield engine
    engine.stop()


@pytest.mark.needs("docker")
@pytest.mark.needs("embedded")
def test_the_example_for_the_processor_runs(engine: Compose) -> None:
    """Up with the preset's slots and context, and down."""
    server = engine.start()
    props = get_json(server.base_url.replace("/v1", "/props"), timeout_s=30).body
    assert (props["total_slots"], props["default_generation_settings"]["n_ctx"]) == (4, 8192)
    assert get_json(f"{server.base_url}/models", timeout_s=30).body["data"][0]["id"] == weights().name
    engine.stop()
    assert left(server.detail["project"]) == []


@pytest.mark.parametrize("server", ["llamacpp", "vllm"])
def test_their_profiles_can_be_read(server: str) -> None:
    """Each profile of the examples is valid, names a file that is there and a preset that exists."""
    profiles = load_profiles(("all",), folders=(EXAMPLES / server,))
    assert [profile.name for profile in profiles if profile.engine == "process"] == ["local"]
    composed = [profile for profile in profiles if profile.engine == "compose"]
    assert {profile.preset for profile in composed} == {"", *PRESETS}
    for profile in composed:
        assert compose_files(profile)
        assert "{port}" in profile.env.values()
