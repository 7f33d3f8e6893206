"""Settings -> the members that work together. The only room that picks members of families."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pytest_llmbench import manifest
from pytest_llmbench.contracts import Endpoint, EndpointPlan, Engine, Families
from pytest_llmbench.datasets.gold import load_gold
from pytest_llmbench.dialogues import DIALOGUES
from pytest_llmbench.endpoints import Broken, Gold, Replay
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.journal import JournalReader
from pytest_llmbench.lookup import find
from pytest_llmbench.records import Response, TrialKey
from pytest_llmbench.runfolder import open_existing
from pytest_llmbench.settings import CANDIDATE_PORTS, Settings
from pytest_llmbench.trial import Kit, Recorder
from pytest_llmbench.verifiers import VERIFIERS

SERVED = "openai_chat"
"""The endpoint that asks a server; the others answer by themselves."""

_NAME_ONE = (
    "name the server to measure: --llm-url http://host:port/v1 (or LLMBENCH_URL), "
    "or --llm-profile embedded for the small built-in model"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Who will be measured: an engine to start (or none), the endpoint's name, what the user is told."""

    endpoint: str
    engine: Engine | None = None
    notices: tuple[str, ...] = ()

    @property
    def serves(self) -> bool:
        """Whether there is a server behind it that wants a first request."""
        return self.endpoint == SERVED


def builtin_families() -> Families:
    """Return our own members; ``pytest_llmbench_families`` adds to them."""
    return Families(
        endpoints={SERVED: _openai_chat, "gold": lambda _: Gold(load_gold), "broken": lambda _: Broken(load_gold)},
        dialogues=dict(DIALOGUES),
        verifiers=dict(VERIFIERS),
    )


def choose(settings: Settings, families: Families, say: Callable[[str], None]) -> Choice:
    """Decide which server is measured; `say` gets lines for the user while it is made ready.

    Raises `UsageProblem` where it must not or cannot be guessed.
    """
    endpoint = settings.endpoint or SERVED
    if endpoint.startswith("replay:"):
        return Choice(endpoint=endpoint)
    find("endpoint", endpoint, {**families.endpoints, "replay:RUN": None})
    if endpoint in ("gold", "broken"):
        return Choice(endpoint=endpoint)
    if settings.url:
        return Choice(endpoint=endpoint, engine=_external(settings.url))
    if endpoint != SERVED:
        return Choice(endpoint=endpoint)
    return _choose_engine(settings, say)


def build_endpoint(name: str, families: Families, *, base_url: str, model: str) -> Endpoint:
    """Return a new endpoint for this process. ``replay:RUN`` reads the journal of that run folder."""
    if name.startswith("replay:"):
        return _replay(name.removeprefix("replay:"))
    factory = find("endpoint", name, families.endpoints)
    return factory(EndpointPlan(base_url=base_url, model=model, api_key=_api_key(base_url)))


def preload(settings: Settings) -> None:
    """Import what the chosen endpoint will need; safe in a thread, for a process that has to wait anyway."""
    if settings.endpoint in ("", SERVED):
        from pytest_llmbench.endpoints.openai_chat import preload as import_sdk

        import_sdk()


def build_kit(endpoint: Endpoint, families: Families, settings: Settings, *, model: str, recorder: Recorder) -> Kit:
    """Return what the trials of this process work with."""
    return Kit(
        endpoint=endpoint,
        dialogues=families.dialogues,
        verifiers=families.verifiers,
        settings=settings,
        model=model,
        recorder=recorder,
        judges=ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="llmbench-judge"),
    )


def _choose_engine(settings: Settings, say: Callable[[str], None]) -> Choice:
    weights = Path(settings.model) if settings.model.endswith(".gguf") else None
    if settings.profile:
        find("profile", settings.profile, {"embedded": None})
    if settings.profile or weights is not None:
        return Choice(endpoint=SERVED, engine=_embedded(weights, settings, say))
    if not settings.guessing:
        raise UsageProblem(f"nothing is guessed under CI, --llm-gate or --llm-write-quality: {_NAME_ONE}")
    return _guess(settings, say)


def _guess(settings: Settings, say: Callable[[str], None]) -> Choice:
    from pytest_llmbench.engines.discovery import find_local_servers

    found = find_local_servers(CANDIDATE_PORTS)
    if len(found) > 1:
        listed = ", ".join(f"{one.url} ({one.model})" for one in found)
        raise UsageProblem(f"several servers answer here: {listed}; {_NAME_ONE}")
    if found:
        notice = f"measuring {found[0].model} at {found[0].url}, found there; name another with --llm-url"
        return Choice(endpoint=SERVED, engine=_external(found[0].url), notices=(notice,))
    return Choice(endpoint=SERVED, engine=_embedded(None, settings, say))


def _external(url: str) -> Engine:
    from pytest_llmbench.engines.external import External

    return External(url)


def _embedded(weights: Path | None, settings: Settings, say: Callable[[str], None]) -> Engine:
    from pytest_llmbench.engines.embedded import Embedded

    # a prompt read from the cache may give another answer: one at a time is asked for to compare runs
    return Embedded(weights, say=say, reuse_prompts=settings.concurrency != 1)


def _openai_chat(plan: EndpointPlan) -> Endpoint:
    from pytest_llmbench.endpoints.openai_chat import OpenAIChat

    return OpenAIChat(base_url=plan.base_url, model=plan.model, api_key=plan.api_key)


def _replay(run: str) -> Endpoint:
    folder = open_existing(Path(run))
    reader = JournalReader(folder.journal_dir)
    # a pack whose checks were changed since has another hash: that is what a replay is for
    keys = {(key.pack, key.scenario, key.attempt): key for key in reader.keys()}  # noqa: SIM118 - a journal is no dict

    def look_up(key: TrialKey, turn: int) -> tuple[str, Response] | None:
        heard = keys.get((key.pack, key.scenario, key.attempt))
        return None if heard is None else reader.turn(heard, turn)

    return Replay(look_up, model=str(manifest.read(folder).get("model", "")))


def _api_key(base_url: str) -> str:
    """LLMBENCH_API_KEY for any server; OPENAI_API_KEY only for its own, so that it never leaks to another."""
    host = urlsplit(base_url).hostname or ""
    if key := os.environ.get("LLMBENCH_API_KEY", ""):
        return key
    return os.environ.get("OPENAI_API_KEY", "") if host == "api.openai.com" else ""
