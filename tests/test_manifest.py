"""The manifest: what was measured, written whole, without a secret in it."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench import manifest, model_file, redaction
from pytest_llmbench.errors import LlmbenchError
from pytest_llmbench.manifest import build, read, signature, update, write
from pytest_llmbench.records import PackFacts, Server, ServerFacts
from pytest_llmbench.redaction import redacted, redacted_command
from pytest_llmbench.runfolder import RunFolder
from pytest_llmbench.settings import Settings

PACKS = [
    PackFacts(id="a", title="A", version="1.0", content_hash="h1", size=15),
    PackFacts(id="b", title="B", version="1.1", content_hash="h2", size=3),
]
FACTS = ServerFacts(
    base_url="http://127.0.0.1:8080/v1",
    models=("m",),
    slots=4,
    context=2048,
    kind="llama.cpp",
    detail={"build": "b42", "chat_template": "{{ messages }}"},
)
SERVER = Server(base_url="http://user:hunter2@127.0.0.1:8080/v1", engine="external")
RUN = {"model": "m", "endpoint": "openai_chat", "concurrency": 4, "workers": 2, "signature": "sig"}


@pytest.fixture(autouse=True)
def fresh_answers() -> Iterator[None]:
    """Forget the GPUs that an earlier test looked for."""
    manifest._gpus.cache_clear()
    yield
    manifest._gpus.cache_clear()


def made(server: Server = SERVER, facts: ServerFacts = FACTS, **run: Any) -> dict[str, Any]:
    """Build a manifest of the usual run with these changes."""
    return build(settings=Settings(), server=server, facts=facts, packs=PACKS, run={**RUN, **run})


def test_it_says_what_was_measured(tmp_path: Path) -> None:
    """Server, packs, concurrency, versions and machine are in it, as plain JSON."""
    data = made(selected={"a": 7}, command=["pytest", "-m", "quick"])
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert {name: data[name] for name in RUN} == RUN
    template = hashlib.sha256(b"{{ messages }}").hexdigest()
    assert data["server"] == {
        "kind": "llama.cpp",
        "slots": 4,
        "context": 2048,
        "models": ["m"],
        "build": "b42",
        "chat_template_sha256": template,
    }
    assert data["packs"] == [
        {"id": "a", "title": "A", "version": "1.0", "content_hash": "h1", "size": 15, "selected": 7},
        {"id": "b", "title": "B", "version": "1.1", "content_hash": "h2", "size": 3, "selected": 0},
    ]
    assert data["sampling"] == {"canonical": True, "from_server": False}
    assert data["packages"]["pytest"] == pytest.__version__
    assert data["command"] == ["pytest", "-m", "quick"]
    assert data["started_at"].endswith("+00:00")
    assert {"python", "platform", "cpu_count"} <= set(data["machine"])
    assert data["url"] == "http://***@127.0.0.1:8080/v1"


def test_all_of_a_pack_is_selected_where_nothing_is_said() -> None:
    """No selection means the whole."""
    assert [pack["selected"] for pack in made()["packs"]] == [15, 3]


def test_the_model_file_is_hashed_where_it_is_at_hand(tmp_path: Path) -> None:
    """A local server's file has size, time and hash; a remote server's path means nothing here."""
    path = tmp_path / "tiny.gguf"
    path.write_bytes(b"weights")
    facts = ServerFacts(detail={"model_path": str(path)})
    data = made(facts=facts)["model_file"]
    assert (data["path"], data["size"]) == (str(path), 7)
    assert data["sha256"] == hashlib.sha256(b"weights").hexdigest()
    path.write_bytes(b"others!")
    os.utime(path, (1, 1))
    assert made(facts=facts)["model_file"]["sha256"] == hashlib.sha256(b"others!").hexdigest()
    assert "model_file" not in made(Server(base_url="http://example.com/v1", engine="external"), facts)
    assert "model_file" not in made(facts=ServerFacts(detail={"model_path": str(tmp_path / "missing")}))
    assert "model_file" not in made(facts=ServerFacts(detail={"model_path": str(tmp_path)}))
    assert "model_file" not in made(facts=ServerFacts(detail={"model_path": "a\x00b"}))


def test_a_big_model_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is known by size and time, and the manifest says so; a hash known already is taken."""
    monkeypatch.setattr(model_file, "HASH_LIMIT", 3)
    path = tmp_path / "big.gguf"
    path.write_bytes(b"weights")
    found = made(facts=ServerFacts(detail={"model_path": str(path)}))["model_file"]
    assert "sha256" not in found
    assert "not hashed" in found["note"]
    known = made(facts=ServerFacts(detail={"model_path": str(path), "model_sha256": "beef"}))["model_file"]
    assert known["sha256"] == "beef"


def test_a_file_of_the_hugging_face_cache_is_known_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blobs are named by their SHA-256, snapshots link to them."""
    monkeypatch.setattr(model_file, "HASH_LIMIT", 3)
    blob = tmp_path / "blobs" / ("ab" * 32)
    blob.parent.mkdir()
    blob.write_bytes(b"weights")
    link = tmp_path / "model.gguf"
    link.symlink_to(blob)
    assert made(facts=ServerFacts(detail={"model_path": str(link)}))["model_file"]["sha256"] == "ab" * 32


@pytest.mark.skipif(sys.platform == "win32", reason="stands in for a program by a shell script")
@pytest.mark.parametrize(
    ("script", "gpus"),
    [("echo NVIDIA H200; echo NVIDIA L4", ["NVIDIA H200", "NVIDIA L4"]), ("exit 9", None), ("exec sleep 60", None)],
    ids=["two", "fails", "hangs"],
)
def test_gpus_are_named_if_the_driver_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, gpus: list[str] | None
) -> None:
    """A driver that fails or hangs costs little and leaves them out."""
    monkeypatch.setattr(manifest, "_GPU_WAIT_S", 0.2 if "sleep" in script else 30)
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert made()["machine"].get("gpus") == gpus


def test_no_secret_gets_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither from the command line nor from URL, settings, server facts or environment."""
    monkeypatch.setenv("SOME_API_KEY", "correct-horse-battery")
    settings = Settings(
        urls=("http://u:hunter2@h/v1?api_key=hunter2",), sampling={"api_key": "hunter2", "x": ["--token=hunter2"]}
    )
    facts = ServerFacts(detail={"password": "hunter2", "note": "see correct-horse-battery"})
    command = ["pytest", "--api-key", "hunter2", "--llm-url=http://u:hunter2@h/v1", "-o", "llm_token=hunter2"]
    run = {**RUN, "command": command, "engine_arguments": ["--api-key=hunter2"]}
    text = json.dumps(build(settings=settings, server=SERVER, facts=facts, packs=PACKS, run=run))
    assert "hunter2" not in text
    assert "correct-horse" not in text


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abcdefghijkl1234",
        "hf_abcdefghijklmnop",
        "ghp_abcdefghijklmnop",
        "Authorization: Bearer abc.def-ghi",
        "https://user:p@ss@host/v1",
        "https://host/v1?x=1&token=abc123",
        '{"apiKey": "abc123"}',
        "OPENAI_API_KEY=abc123",
        "--hf-token=abc123",
        "Zx9" * 12,
    ],
)
def test_what_looks_like_a_secret_is_hidden(secret: str) -> None:
    """Known prefixes, telling names, URL credentials and long random words."""
    assert "***" in redacted(secret)
    assert not any(part in redacted(secret) for part in ("abc", "p@ss", "ss@", "Zx9"))


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:8080/v1",
        "--llm-max-tokens=512",
        "--llm-sampling=temperature=0.8,seed=1",
        "packs/toolcall-15/pack.yaml::TC-07",
        "tests/test_key.py::test_token",
        "Meta-Llama-3-1-8B-Instruct-GPTQ-INT4-awq-2",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        "C:\\models\\x.gguf",
        "not key and token",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    """A manifest that hides the model's name says nothing."""
    assert redacted(text) == text
    assert redacted_command(["-k", text, "--keep", text]) == ["-k", text, "--keep", text]


def test_a_flag_does_not_swallow_the_next_flag() -> None:
    """A secret's option without a value hides nothing."""
    assert redacted_command(["--token", "-x", "--key", "abc", "d"]) == ["--token", "-x", "--key", "***", "d"]
    assert redaction.names_secret("LLMBENCH_API_KEY")
    assert not redaction.names_secret("max_tokens")


def sign(settings: Settings | None = None, server: Server = SERVER, model: str = "m") -> str:
    """Return the signature of the usual run with these changes."""
    return signature(settings or Settings(), server, model=model)


def test_the_signature_tells_runs_apart_that_must_not_be_mixed() -> None:
    """Model, server, endpoint, sampling, token limit and deadline."""
    others = [
        sign(model="n"),
        sign(server=Server(base_url="http://127.0.0.1:8081/v1", engine="external")),
        sign(Settings(endpoint="gold")),
        sign(Settings(sampling={"seed": 2})),
        sign(Settings(sampling_from_server=True)),
        sign(Settings(max_tokens=5)),
        sign(Settings(timeout_s=5.0)),
    ]
    assert len({sign(), *others}) == len(others) + 1


def test_the_signature_lets_a_run_go_on_in_another_way() -> None:
    """With other packs, concurrency, repeats or credentials, and a slash more in the URL."""
    assert sign(Settings(packs=("x",), concurrency=9, repeat=3, limit=2, resume=True, out="o")) == sign()
    assert sign(server=Server(base_url="http://127.0.0.1:8080/v1/", engine="external")) == sign()


def test_a_server_of_ours_is_known_by_its_model_file(tmp_path: Path) -> None:
    """Its port is another one each time; its file is what counts."""
    path = tmp_path / "m.gguf"
    path.write_bytes(b"weights")

    def started(port: int, **detail: str) -> str:
        return sign(server=Server(base_url=f"http://127.0.0.1:{port}/v1", engine="embedded", detail=detail))

    assert started(1, model_sha256="a") == started(2, model_sha256="a") != started(1, model_sha256="b")
    before = started(1, model_path=str(path))
    assert before == started(2, model_path=str(path))
    path.write_bytes(b"retrained")
    assert started(1, model_path=str(path)) != before


def test_it_is_written_read_and_updated(tmp_path: Path) -> None:
    """And nothing else is left in the folder."""
    folder = RunFolder(tmp_path)
    data = made()
    write(folder, data)
    assert read(folder) == data
    assert update(folder, finished_at="now", exit_code=0, hint="--api-key=hunter2") == read(folder)
    assert (read(folder)["exit_code"], read(folder)["hint"]) == (0, "--api-key=***")
    assert list(tmp_path.iterdir()) == [folder.manifest_path]


def test_a_resumed_run_keeps_what_its_earlier_sessions_were(tmp_path: Path) -> None:
    """Concurrency may change an answer, so each session's is kept."""
    folder = RunFolder(tmp_path)
    for concurrency in (1, 2, 3):
        write(folder, made(concurrency=concurrency))
        update(folder, exit_code=concurrency)
    write(folder, made(concurrency=4))
    data = read(folder)
    assert "exit_code" not in data
    assert data["concurrency"] == 4
    assert [(one["concurrency"], one["exit_code"]) for one in data["earlier"]] == [(1, 1), (2, 2), (3, 3)]


def test_where_programs_ran_is_kept_for_every_session(tmp_path: Path) -> None:
    """A session that ran none says nothing of it, and forgets nothing of those before."""
    folder = RunFolder(tmp_path)
    docker = {"kind": "docker", "image_id": f"sha256:{'ab' * 32}"}
    write(folder, made(sandbox=docker))
    assert read(folder)["sandbox"] == docker
    write(folder, made(sandbox={}))
    assert "sandbox" not in read(folder)
    assert manifest.sandbox_kinds(read(folder)) == ["docker"]
    write(folder, made(sandbox={"kind": "bubblewrap"}))
    assert manifest.sandbox_kinds(read(folder)) == ["bubblewrap", "docker"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "does not exist"),
        ("", "half-written"),
        ('{"format": 1, "mod', "half-written"),
        ("[" * 100_000, "half-written"),
        ("[]", "no manifest of format 1"),
        ("{}", "no manifest of format 1"),
        ('{"format": 0}', "no manifest of format 1"),
        ('{"format": 2, "version": "9.9"}', r"newer version \(9.9.*upgrade"),
    ],
    ids=range(8),
)
def test_a_manifest_that_cannot_be_used_is_told(tmp_path: Path, text: str | None, message: str) -> None:
    """Each message names the file."""
    folder = RunFolder(tmp_path)
    if text is not None:
        folder.manifest_path.write_text(text)
    with pytest.raises(LlmbenchError, match=message) as caught:
        read(folder)
    assert str(folder.manifest_path) in str(caught.value)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """The old manifest stays whole."""
    (tmp_path / "file").touch()
    with pytest.raises(LlmbenchError, match="cannot be written"):
        write(RunFolder(tmp_path / "missing"), made())


def test_a_failed_write_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole or not at all, and no temporary file is left."""
    folder = RunFolder(tmp_path)
    write(folder, made())

    def refuse(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(LlmbenchError, match="No space left"):
        update(folder, exit_code=1)
    assert "exit_code" not in read(folder)
    assert list(tmp_path.iterdir()) == [folder.manifest_path]


def test_a_rescoring_ran_the_programs_anew() -> None:
    """Its sandbox counts in place of those of the sessions before it, beside those after it."""
    docker, bubblewrap = {"kind": "docker"}, {"kind": "bubblewrap"}
    first = {"started_at": "2026-05-09T08:00:00.000+00:00", "sandbox": docker}
    second = {"started_at": "2026-05-10T08:00:00.000+00:00", "sandbox": docker}
    anew = {"at": "2026-05-09T20:00:00.123456+00:00", "sandbox": bubblewrap}
    nowhere = {"at": "2026-05-11T20:00:00.123456+00:00", "sandbox": None}
    assert manifest.sandbox_kinds({**first, "rescored": [anew]}) == ["bubblewrap"]
    assert manifest.sandbox_kinds({**first, "rescored": [nowhere]}) == ["docker"]
    assert manifest.sandbox_kinds({**second, "earlier": [first], "rescored": [anew]}) == ["bubblewrap", "docker"]


def test_a_resumed_run_keeps_what_was_rescored(tmp_path: Path) -> None:
    """What changed, when and why stays on record."""
    folder = RunFolder(tmp_path)
    manifest.write(folder, made())
    manifest.update(folder, rescored=[{"at": "2026-05-09T20:00:00+00:00"}])
    manifest.write(folder, made())
    assert manifest.read(folder)["rescored"] == [{"at": "2026-05-09T20:00:00+00:00"}]
