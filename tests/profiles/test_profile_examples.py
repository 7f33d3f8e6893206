"""The example files of profiles are read, and mean what their README says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pytest_llmbench.config_file import SCHEMA
from pytest_llmbench.datasets import select_packs
from pytest_llmbench.profiles import load_profiles
from pytest_llmbench.profiles.problems import context_of

EXAMPLE = Path(__file__).parents[2] / "examples" / "profiles"
SIX = [
    "bench-glm-flash-q4",
    "bench-glm-flash",
    "bench-gpt-oss-120b",
    "bench-qwen3-coder-q5",
    "bench-qwen3-coder",
    "bench-qwen3-coder-q6k",
]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's own variables change the examples."""
    monkeypatch.delenv("MODELS_DIR", raising=False)
    monkeypatch.delenv("QWEN_CPU_MOE", raising=False)


def test_the_six_profiles() -> None:
    """One compose file, six models, less context than in production."""
    profiles = load_profiles(["all"], folders=(EXAMPLE,))
    assert [profile.name for profile in profiles] == SIX
    assert {(profile.engine, profile.files, profile.service) for profile in profiles} == {
        ("compose", ("docker-compose.yml",), "llama-server")
    }
    assert {context_of(profile) for profile in profiles} == {16384}
    assert len({profile.env["MODEL"] for profile in profiles}) == 6
    assert all(profile.vram_gb for profile in profiles)


def test_every_variable_of_a_profile_is_in_the_compose_file() -> None:
    """One with a spelling mistake would change nothing, unseen."""
    known = set(re.findall(r"\$\{(\w+)", (EXAMPLE / "docker-compose.yml").read_text(encoding="utf-8")))
    names = [["all"], ["models.conf", "models.conf:qwen3-coder"]]
    profiles = [profile for asked in names for profile in load_profiles(asked, folders=(EXAMPLE,))]
    assert {name for profile in profiles for name in profile.env} - {"NAME"} <= known


def test_the_launchers_file() -> None:
    """Its bench- sections are the same models."""
    profiles = load_profiles(["models.conf"], folders=(EXAMPLE,))
    assert [profile.name for profile in profiles] == ["bench-glm-flash-q4", "bench-qwen3-coder"]
    own = {profile.name: profile for profile in load_profiles(["all"], folders=(EXAMPLE,))}
    assert all(profile.env["MODEL"] == own[profile.name].env["MODEL"] for profile in profiles)
    assert profiles[1].env["N_CPU_MOE"] == "36"


def test_the_tasks() -> None:
    """Their folders are packs of this repository."""
    profiles = load_profiles(["rollouts.toml"], folders=(EXAMPLE,))
    assert [(profile.model, profile.repeat, profile.timeout_s) for profile in profiles] == [
        ("glm-4.7-flash-q4", 3, None),
        ("glm-4.7-flash-q8", 3, 300.0),
        ("glm-4.7-flash-q8", None, None),
    ]
    assert all(len(select_packs(profile.packs)) == 1 for profile in profiles)


def test_the_readmes_blocks_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Together they are one llmbench.yaml with the four kinds of servers."""
    monkeypatch.setenv("MY_KEY", "k")
    text = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    (tmp_path / "llmbench.yaml").write_text(
        "".join(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)), encoding="utf-8"
    )
    profiles = load_profiles(["all"], folders=(tmp_path,))
    assert [profile.engine for profile in profiles] == ["external", "process", "compose", "embedded"]
    assert {profile.connection.headers["Authorization"] for profile in profiles} == {"Bearer k"}


def test_the_readme_names_every_key() -> None:
    """And what is on no GPU says so where it stands."""
    text = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    keys = json.loads(SCHEMA.read_text(encoding="utf-8"))["$defs"]["profile"]["properties"]
    assert {key for key in keys if f"`{key}`" not in text} == set()
    for name in ("llmbench.yaml", "docker-compose.yml", "models.conf"):
        assert "# Not run: no GPU" in (EXAMPLE / name).read_text(encoding="utf-8")
