"""What the manifest says of how a model was asked: sampling, thinking, and none of the secrets on the way there."""

from __future__ import annotations

import json
from typing import Any

from pytest_llmbench.manifest import build, signature
from pytest_llmbench.records import Connection, Server, ServerFacts
from pytest_llmbench.settings import Profile, Settings

SERVER = Server(base_url="http://127.0.0.1:8080/v1", engine="external")
FACTS = ServerFacts(
    kind="llama.cpp",
    thinking_switch="enable_thinking",
    detail={"sampling_defaults": {"temperature": 0.6, "top_k": 20}},
)


def made(settings: Settings, facts: ServerFacts = FACTS) -> dict[str, Any]:
    """Build the manifest of a run with these settings."""
    return build(settings=settings, server=SERVER, facts=facts, packs=[], run={"model": "m"})


def signed(**settings: Any) -> str:
    """Return the signature of a run with these settings."""
    return signature(Settings(**settings), SERVER, model="m")


def test_the_servers_own_sampling_is_kept_as_it_said() -> None:
    """Where nothing was sent, what ruled is in the manifest; or that nobody knows."""
    settings = Settings(sampling_from_server=True)
    assert made(settings)["sampling"] == {
        "canonical": False,
        "from_server": True,
        "server_defaults": {"temperature": 0.6, "top_k": 20},
        "deviations": "sampling: the server's defaults",
    }
    assert made(settings, ServerFacts())["sampling"]["server_defaults"] == "not told by the server"


def test_thinking_is_told_with_its_switch() -> None:
    """What was asked, by which field, and the tokens for it where they are not the usual ones."""
    assert made(Settings())["thinking"] == {"asked": "pack", "switch": "enable_thinking"}
    assert made(Settings())["server"]["thinking_switch"] == "enable_thinking"
    assert made(Settings(thinking="on", thinking_max_tokens=512), ServerFacts())["thinking"] == {
        "asked": "on",
        "switch": "unknown",
        "max_tokens": 512,
    }


def test_a_run_that_is_asked_otherwise_is_another_run() -> None:
    """Resuming it would mix two arms; headers do not shape an answer."""
    body = Connection(body={"top_k": 1})
    different = [
        signed(),
        signed(thinking="on"),
        signed(thinking="off"),
        signed(thinking_max_tokens=512),
        signed(thinking_switch="thinking"),
        signed(connection=body),
    ]
    assert len(set(different)) == len(different)
    assert signed(connection=Connection(headers={"X-Team": "a"})) == signed()


def test_profiles_that_serve_one_model_file_are_kept_apart() -> None:
    """Else a resume would take one profile's answers for another's; ports and secrets may change."""

    def kept(port: int = 1, **values: Any) -> str:
        profile = Profile(**{"name": "A", "engine": "compose", "files": ("compose.yaml",), **values})
        server = Server(base_url=f"http://127.0.0.1:{port}/v1", engine="compose")
        return signature(Settings(profile=profile), server, model="m")

    different = [
        kept(),
        kept(name="B"),
        kept(preset="balanced"),
        kept(env={"CTX": "4096"}),
        kept(env={"CTX": "8192"}),
        kept(command=("llama-server", "-c", "4096")),
        kept(files=("other.yaml",)),
    ]
    assert len(set(different)) == len(different)
    assert kept() == kept(port=2)
    assert kept(env={"HF_TOKEN": "correct-horse"}) == kept(env={"HF_TOKEN": "battery-staple"})


def test_headers_and_environments_are_kept_by_name_alone() -> None:
    """Whatever they are called, and in a profile's command too."""
    connection = Connection(headers={"X-Team": "correct-horse"}, body={"cache_prompt": False})
    profile = Profile(
        name="A",
        engine="process",
        env={"MODE": "correct-horse"},
        command=("serve", "--api-key", "correct-horse"),
        connection=connection,
    )
    plain = made(Settings(connection=connection, profile=profile))["settings"]
    assert "correct-horse" not in json.dumps(plain)
    assert plain["connection"] == {"headers": {"X-Team": "***"}, "body": {"cache_prompt": False}} | {
        "ca_file": "",
        "verify": True,
    }
    assert (plain["profile"]["env"], plain["profile"]["command"][0]) == ({"MODE": "***"}, "serve")
