"""What was measured, and with what: ``manifest.json`` in the run folder, plain JSON, no secrets."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pytest_llmbench import __version__
from pytest_llmbench.errors import LlmbenchError
from pytest_llmbench.model_file import file_facts
from pytest_llmbench.plain_data import to_plain
from pytest_llmbench.records import PackFacts, Server, ServerFacts
from pytest_llmbench.redaction import HIDDEN, names_secret, redacted, redacted_command, redacted_data
from pytest_llmbench.runfolder import RunFolder
from pytest_llmbench.sampling import deviations, is_canonical
from pytest_llmbench.settings import Profile, Settings
from pytest_llmbench.thinking_switch import switch_of
from pytest_llmbench.web import is_loopback

__all__ = ["FORMAT", "build", "read", "redacted", "sandbox_kinds", "signature", "update", "write"]

FORMAT = 1
"""Version of the manifest's layout; another one is refused."""

_GPU_WAIT_S = 2.0
_CREDENTIALS = re.compile(r"(?<=://)[^/?#@]*@")
_PACKAGES = ("pytest", "pytest-xdist", "openai")
_OF_A_SESSION = ("started_at", "finished_at", "exit_code", "version", "command", "concurrency", "workers", "sandbox")
_OF_THE_RUN = ("rescored",)
"""What every later session keeps: what became of verdicts after they were given."""


def build(
    *, settings: Settings, server: Server, facts: ServerFacts, packs: Sequence[PackFacts], run: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the manifest of a run that starts now.

    `run` is what only the session knows: ``model``, ``endpoint``, ``concurrency`` (trials in flight),
    ``workers``, ``signature``, ``command`` (sys.argv), ``selected`` (pack id -> scenarios that will
    run, {} or missing: all) and ``sandbox`` (where programs run: its ``kind`` and what that says of itself, {} or
    missing: nowhere). Its other keys are taken as they are.

    `Server.detail` and `ServerFacts.detail` go in too; of their keys ``chat_template`` (the text) is
    replaced by its hash, ``model_path`` and ``model_sha256`` describe the model file.
    """
    rest = {name: value for name, value in run.items() if name not in ("selected", "command", "sandbox")}
    data = {
        **rest,
        "format": FORMAT,
        "version": __version__,
        "started_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "command": redacted_command([str(word) for word in run.get("command", ())]),
        "url": server.base_url,
        "engine": {"name": server.engine, **_hashed(server.detail)},
        "server": _server(facts),
        "model_file": _model_file(server, facts),
        "packs": [_pack(pack, run.get("selected") or {}) for pack in packs],
        "sandbox": run.get("sandbox") or None,
        "sampling": _sampling(settings, facts),
        "thinking": _thinking(settings, facts),
        "settings": _without_secrets(settings),
        "machine": _machine(),
        "packages": {name: found for name in _PACKAGES if (found := _installed(name))},
    }
    plain: dict[str, Any] = redacted_data(to_plain({name: value for name, value in data.items() if value is not None}))
    return plain


def signature(settings: Settings, server: Server, *, model: str) -> str:
    """Return a hash (32 hex digits) of what must be equal for ``--llm-resume`` to go on with a run.

    Model, server, endpoint, sampling, thinking, extra body, token limit and deadline; neither packs nor
    concurrency. A server is known by its URL; one that we start by its model file and profile, whatever its port.
    """
    parts = {
        "model": model,
        "server": _identity(settings.profile, server),
        "endpoint": settings.endpoint or "openai_chat",
        "sampling": settings.sampling,
        "sampling_from_server": settings.sampling_from_server,
        "max_tokens": settings.max_tokens,
        "timeout_s": settings.timeout_s,
        **_shaping(settings),
    }
    return hashlib.sha256(json.dumps(to_plain(parts), sort_keys=True).encode()).hexdigest()[:32]


def write(folder: RunFolder, data: Mapping[str, Any]) -> None:
    """Put `data` into the folder, whole or not at all; sessions of the same run before it are kept as ``earlier``.

    Raises `LlmbenchError` where the folder cannot be written.
    """
    earlier = read(folder) if folder.manifest_path.exists() else None
    kept = {name: value for name, value in data.items() if name != "earlier"}
    if earlier is not None:
        session = {name: earlier[name] for name in _OF_A_SESSION if name in earlier}
        kept["earlier"] = [*earlier.get("earlier", []), session]
        kept |= {name: earlier[name] for name in _OF_THE_RUN if name in earlier}
    _replace(folder.manifest_path, kept)


def update(folder: RunFolder, **changes: Any) -> dict[str, Any]:
    """Set the given keys (``finished_at``, ``exit_code``, ...) and return the whole manifest."""
    data = {**read(folder), **redacted_data(to_plain(changes))}
    _replace(folder.manifest_path, data)
    return data


def read(folder: RunFolder) -> dict[str, Any]:
    """Return the manifest of a run; raises `LlmbenchError` where it is missing, cut off or of another format."""
    path = folder.manifest_path
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise LlmbenchError(f"{path} does not exist: is {folder.path} the folder of a run?") from None
    except OSError as error:
        raise LlmbenchError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError):
        raise LlmbenchError(
            f"{path} is no whole JSON file (half-written or edited), so this run cannot be read"
        ) from None
    found = data.get("format") if isinstance(data, dict) else None
    if found == FORMAT and isinstance(data, dict):
        return data
    if isinstance(found, int) and found > FORMAT:
        raise LlmbenchError(
            f"{path} was written by a newer version ({data.get('version')}; this is {__version__}): "
            "upgrade with pip install -U pytest-llmbench"
        )
    raise LlmbenchError(
        f"{path} is no manifest of format {FORMAT}, which is all that this version ({__version__}) reads: "
        "take the version that wrote it, or start a new run"
    )


def sandbox_kinds(data: Mapping[str, Any]) -> list[str]:
    """Return the kinds of sandboxes in which the programs behind this run's verdicts were run.

    A rescoring ran them anew, so that of the sessions only those after it count.
    """
    parts = [(str(session.get("started_at", "")), session) for session in (*data.get("earlier", ()), data)]
    anew = [(str(record["at"]), record) for record in data.get("rescored", ()) if record.get("sandbox")]
    since = max((at for at, _ in anew), default="")
    used = [part.get("sandbox") or {} for at, part in (*parts, *anew) if at >= since]
    return sorted({str(sandbox["kind"]) for sandbox in used if "kind" in sandbox})


def _replace(path: Path, data: Mapping[str, Any]) -> None:
    text = json.dumps(to_plain(data), indent=2, allow_nan=False)
    fresh = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        with fresh.open("w", encoding="utf-8") as stream:
            stream.write(text + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise LlmbenchError(f"{path} cannot be written: {error.strerror or error}") from error


def _server(facts: ServerFacts) -> dict[str, Any]:
    said = {"kind": facts.kind, "slots": facts.slots, "context": facts.context, "models": facts.models}
    said["thinking_switch"] = facts.thinking_switch
    return {name: value for name, value in {**said, **_hashed(facts.detail)}.items() if value not in (None, "", ())}


def _hashed(detail: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in detail.items() if name != "chat_template"}
    template = detail.get("chat_template")
    if isinstance(template, str) and template:
        kept["chat_template_sha256"] = hashlib.sha256(template.encode("utf-8", "surrogatepass")).hexdigest()
    return kept


def _pack(pack: PackFacts, selected: Mapping[str, int]) -> dict[str, Any]:
    facts = {
        "id": pack.id,
        "title": pack.title,
        "version": pack.version,
        "content_hash": pack.content_hash,
        "size": pack.size,
    }
    return {**facts, "selected": selected.get(pack.id, 0) if selected else pack.size}


def _sampling(settings: Settings, facts: ServerFacts) -> dict[str, Any]:
    """Say what was sent, and where the server's defaults ruled, which those are (only llama.cpp tells)."""
    given: dict[str, Any] = {"overrides": dict(settings.sampling)} if settings.sampling else {}
    if settings.sampling_from_server:
        given["server_defaults"] = facts.detail.get("sampling_defaults") or "not told by the server"
    if deviations(settings):
        given["deviations"] = deviations(settings)
    return {"canonical": is_canonical(settings), "from_server": settings.sampling_from_server, **given}


def _thinking(settings: Settings, facts: ServerFacts) -> dict[str, Any]:
    """Say what was asked and by which field; what was seen is in the results."""
    limit = settings.thinking_max_tokens
    asked = {"asked": settings.thinking, "switch": switch_of(settings, facts).key or "unknown"}
    return {**asked, "max_tokens": limit} if limit is not None else asked


def _shaping(settings: Settings) -> dict[str, Any]:
    """Return what else shapes the answers, as far as it was asked for: runs without any of it keep their signature."""
    given = {
        "thinking": settings.thinking if settings.thinking != "pack" else None,
        "thinking_max_tokens": settings.thinking_max_tokens,
        "thinking_switch": settings.thinking_switch or None,
        "body": dict(settings.connection.body) or None,
        "profile": _definition(settings.profile) if settings.profile else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _definition(profile: Profile) -> dict[str, Any]:
    """Return what tells a profile's server from others; a secret may be another one tomorrow."""
    plain = {name: getattr(profile, name) for name in ("name", "engine", "urls", "model", "files", "service", "preset")}
    env = {name: value for name, value in profile.env.items() if not names_secret(name)}
    return {**plain, "command": redacted_command(profile.command), "env": env}


def _without_secrets(settings: Settings) -> dict[str, Any]:
    """Return the settings as plain data; of headers and environments only the names are kept."""
    plain: dict[str, Any] = to_plain(settings)
    profile = plain["profile"] or {"connection": {"headers": {}}, "env": {}, "command": []}
    for values in (plain["connection"]["headers"], profile["connection"]["headers"], profile["env"]):
        values.update(dict.fromkeys(values, HIDDEN))
    profile["command"] = redacted_command(profile["command"])
    return plain


def _machine() -> dict[str, Any]:
    facts = {"python": platform.python_version(), "platform": platform.platform(), "cpu_count": os.cpu_count()}
    gpus = _gpus()
    return {**facts, "gpus": gpus} if gpus else facts


@functools.cache
def _gpus() -> tuple[str, ...]:
    """Return the names the driver's tool gives; empty where there is none or it does not answer in time."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    try:
        said = subprocess.run(
            [tool, "--query-gpu=name", "--format=csv,noheader"], capture_output=True, timeout=_GPU_WAIT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(name.strip() for name in said.stdout.decode("utf-8", "replace").splitlines() if name.strip())


def _installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _identity(profile: Profile | None, server: Server) -> str:
    if sha256 := server.detail.get("model_sha256"):
        return f"sha256:{sha256}"
    if path := server.detail.get("model_path"):
        file = file_facts(Path(str(path)), "")
        return json.dumps(to_plain({"path": str(path), **(file or {})}), sort_keys=True)
    started = profile is not None and profile.engine in ("process", "compose")
    return "" if started else _CREDENTIALS.sub("", server.base_url).rstrip("/")


def _model_file(server: Server, facts: ServerFacts) -> dict[str, Any] | None:
    """Describe the model's file where the server runs on this machine and says which one it is."""
    detail = {**facts.detail, **server.detail}
    host = urlsplit(_CREDENTIALS.sub("", server.base_url)).hostname or ""
    if not detail.get("model_path") or not is_loopback(host):
        return None
    return file_facts(Path(str(detail["model_path"])), str(detail.get("model_sha256") or ""))
