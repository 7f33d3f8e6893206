"""Settings -> the members that work together. The only room that picks members of families."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from pytest_llmbench import manifest
from pytest_llmbench.contracts import (
    Endpoint,
    EndpointPlan,
    Engine,
    Families,
    Sandbox,
    SandboxedVerifier,
    Verifier,
)
from pytest_llmbench.datasets import fill, load_gold
from pytest_llmbench.dialogues import DIALOGUES
from pytest_llmbench.endpoints import Broken, Gold, Replay
from pytest_llmbench.errors import SandboxUnavailable, UsageProblem
from pytest_llmbench.journal import JournalReader
from pytest_llmbench.lookup import find
from pytest_llmbench.pace import Pace
from pytest_llmbench.preflight import Count
from pytest_llmbench.records import Response, Scenario, Trial, TrialKey
from pytest_llmbench.runfolder import DEFAULT_BASE, RunFolder, open_existing
from pytest_llmbench.sandboxes import LAUNCHERS
from pytest_llmbench.sandboxes.deferred import DeferredSandbox
from pytest_llmbench.sandboxes.launcher import Launcher
from pytest_llmbench.sandboxes.pool import Pool
from pytest_llmbench.saved_run import find_folder
from pytest_llmbench.settings import CANDIDATE_PORTS, RECORDED, Profile, SandboxSettings, Settings
from pytest_llmbench.thinking_switch import ThinkingSwitch
from pytest_llmbench.trial import Kit, Recorder
from pytest_llmbench.verifiers import VERIFIERS

_REPLAY = "replay:"
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


def choose_launcher(settings: SandboxSettings, passed_over: Callable[[str], None] = lambda _: None) -> Launcher:
    """Return the way to start sandboxes that the settings ask for.

    ``auto`` is docker where the daemon answers and the image is there, else bubblewrap; `passed_over` is told
    why not the first. Raises `SandboxUnavailable` with the reason and the command for each that was looked at,
    `UnknownName`.
    """
    find("sandbox", settings.kind, {"auto": None, **LAUNCHERS})
    problems: list[str] = []
    for name in LAUNCHERS if settings.kind == "auto" else [settings.kind]:
        launcher = LAUNCHERS[name](settings)
        problem = launcher.problem()
        if not problem:
            for reason in problems:
                passed_over(reason)
            return launcher
        problems.append(f"{name}: {problem}")
    raise SandboxUnavailable("; ".join(problems))


def build_sandbox(settings: SandboxSettings) -> DeferredSandbox:
    """Return the sandbox of this process; nothing is looked at before the first program wants to run."""
    return DeferredSandbox(lambda: Pool(choose_launcher(settings), settings))


def builtin_families() -> Families:
    """Return our own members; ``pytest_llmbench_families`` adds to them."""
    return Families(
        endpoints={
            SERVED: _openai_chat,
            "gold": lambda plan: Gold(partial(load_gold, data=plan.data)),
            "broken": lambda plan: Broken(partial(load_gold, data=plan.data)),
        },
        dialogues=dict(DIALOGUES),
        verifiers=dict(VERIFIERS),
    )


def choose(settings: Settings, families: Families, say: Callable[[str], None]) -> Choice:
    """Decide which server is measured; `say` gets lines for the user while it is made ready.

    Raises `UsageProblem` where it must not or cannot be guessed.
    """
    endpoint = settings.endpoint or SERVED
    if endpoint.startswith(_REPLAY):
        # found before this session has a run folder, which would be the latest
        return Choice(endpoint=f"{_REPLAY}{_run_called(endpoint.removeprefix(_REPLAY))}")
    find("--llm-endpoint", endpoint, {**families.endpoints, f"{_REPLAY}RUN": None})
    if endpoint in RECORDED:
        return Choice(endpoint=endpoint)
    if settings.urls:
        return Choice(endpoint=endpoint, engine=_external(settings.urls))
    if endpoint != SERVED:
        return Choice(endpoint=endpoint)
    return _choose_engine(settings, say)


def build_endpoint(name: str, families: Families, plan: EndpointPlan) -> Endpoint:
    """Return a new endpoint for this process; its key comes from the environment.

    ``replay:FOLDER`` reads the journal of that run folder.
    """
    if name.startswith(_REPLAY):
        return _replay(RunFolder(Path(name.removeprefix(_REPLAY))))
    factory = find("endpoint", name, families.endpoints)
    return factory(replace(plan, api_key=_api_key(plan.base_url)))


def token_counter(plan: EndpointPlan) -> Count:
    """Return what counts the tokens of a prompt as the server of `plan` would read it; None where it cannot."""
    from pytest_llmbench.endpoints.addresses import address_of
    from pytest_llmbench.endpoints.templates import count_tokens

    address = address_of(plan.base_url, _api_key(plan.base_url), plan.connection)
    return lambda messages, tools: count_tokens(address, plan.model, messages, tools)


def preload(settings: Settings) -> None:
    """Import what the chosen endpoint will need; safe in a thread, for a process that has to wait anyway."""
    if settings.endpoint in ("", SERVED):
        from pytest_llmbench.endpoints.openai_chat import preload as import_sdk

        import_sdk()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What the trials of one process share, beside the endpoint: who judges, where programs run, where data are.

    `judges` are the threads that give verdicts, `switch` and `start_tps` what is known of the leg's server.
    """

    families: Families
    settings: Settings
    sandbox: DeferredSandbox
    judges: Executor
    switch: ThinkingSwitch
    start_tps: float | None
    say: Callable[[str], None]


def build_kit(endpoint: Endpoint, bench: Bench, *, model: str, recorder: Recorder) -> Kit:
    """Return what the trials of this process work with."""
    return Kit(
        endpoint=endpoint,
        dialogues=bench.families.dialogues,
        verifiers=with_sandbox(bench.families.verifiers, bench.sandbox),
        settings=bench.settings,
        model=model,
        recorder=recorder,
        judges=bench.judges,
        fill=partial(_filled, bench),
        pace=Pace(bench.start_tps),
        switch=bench.switch,
    )


def with_sandbox(verifiers: Mapping[str, Verifier], sandbox: Sandbox) -> dict[str, Verifier]:
    """Return the verifiers, those that run programs with the sandbox they run them in."""
    return {
        name: verifier.with_sandbox(sandbox) if isinstance(verifier, SandboxedVerifier) else verifier
        for name, verifier in verifiers.items()
    }


async def _filled(bench: Bench, trial: Trial) -> Trial:
    """Ask nothing that could not be judged: the data and the sandbox must be there first."""
    if trial.scenario.task is None and not _runs_programs(bench, trial.scenario):
        return trial
    loop = asyncio.get_running_loop()
    return replace(trial, scenario=await loop.run_in_executor(bench.judges, _made_ready, bench, trial.scenario))


def _made_ready(bench: Bench, scenario: Scenario) -> Scenario:
    if _runs_programs(bench, scenario):
        bench.sandbox.chosen()
    return fill(scenario, data=bench.settings.data, say=bench.say)


def _runs_programs(bench: Bench, scenario: Scenario) -> bool:
    return isinstance(bench.families.verifiers.get(scenario.verifier), SandboxedVerifier)


def _choose_engine(settings: Settings, say: Callable[[str], None]) -> Choice:
    if settings.profile is not None:
        return Choice(endpoint=SERVED, engine=_engine_of(settings.profile, settings, say))
    if (weights := _named_weights(settings)) is not None:
        return Choice(endpoint=SERVED, engine=_embedded(weights, settings, say))
    if not settings.guessing:
        raise UsageProblem(
            f"nothing is guessed under CI, --llm-gate, --llm-baseline or --llm-write-quality: {_NAME_ONE}"
        )
    return _guess(settings, say)


def _guess(settings: Settings, say: Callable[[str], None]) -> Choice:
    from pytest_llmbench.engines.discovery import find_local_servers

    found = find_local_servers(CANDIDATE_PORTS)
    if len(found) > 1:
        listed = ", ".join(f"{one.url} ({one.model})" for one in found)
        raise UsageProblem(f"several servers answer here: {listed}; {_NAME_ONE}")
    if found:
        notice = f"measuring {found[0].model} at {found[0].url}, found there; name another with --llm-url"
        return Choice(endpoint=SERVED, engine=_external((found[0].url,)), notices=(notice,))
    return Choice(endpoint=SERVED, engine=_embedded(None, settings, say))


def _engine_of(profile: Profile, settings: Settings, say: Callable[[str], None]) -> Engine:
    match profile.engine:
        case "embedded":
            own = Path(profile.folder, profile.model) if profile.model else None
            return _embedded(_named_weights(settings) or own, settings, say)
        case "process":
            from pytest_llmbench.engines.process import Process

            return Process(profile, say=say)
        case "compose":
            from pytest_llmbench.engines.compose import Compose

            return Compose(profile, say=say)
        case _:
            return _external(profile.urls)


def _named_weights(settings: Settings) -> Path | None:
    """Return the model file that the settings name, None where they name another kind of model or none."""
    if not settings.model.endswith(".gguf"):
        return None
    if not Path(settings.model).expanduser().is_file():
        raise UsageProblem(f"--llm-model {settings.model}: there is no such file")
    return Path(settings.model)


def _external(urls: Sequence[str]) -> Engine:
    from pytest_llmbench.engines.external import External

    return External(*urls)


def _embedded(weights: Path | None, settings: Settings, say: Callable[[str], None]) -> Engine:
    from pytest_llmbench.engines.embedded import Embedded

    # a prompt read from the cache may give another answer: one at a time is asked for to compare runs
    return Embedded(weights, say=say, reuse_prompts=settings.concurrency != 1)


def _openai_chat(plan: EndpointPlan) -> Endpoint:
    from pytest_llmbench.endpoints.balanced import Balanced
    from pytest_llmbench.endpoints.openai_chat import OpenAIChat

    keys = {url: _api_key(url) for url in plan.replicas} | {plan.base_url: plan.api_key}
    urls = dict.fromkeys((plan.base_url, *plan.replicas))  # one typed twice is one server
    members = [
        OpenAIChat(base_url=url, model=plan.model, api_key=keys[url], connection=plan.connection) for url in urls
    ]
    return members[0] if len(members) == 1 else Balanced(members, say=plan.say)


def _replay(folder: RunFolder) -> Endpoint:
    reader = JournalReader(folder.journal_dir)
    # a pack whose checks were changed since has another hash: that is what a replay is for
    keys = {(key.pack, key.scenario, key.attempt): key for key in reader.keys()}  # noqa: SIM118 - a journal is no dict

    def look_up(key: TrialKey, turn: int) -> tuple[str, Response] | None:
        heard = keys.get((key.pack, key.scenario, key.attempt))
        return None if heard is None else reader.turn(heard, turn)

    return Replay(look_up, model=str(manifest.read(folder).get("model", "")))


def _run_called(text: str) -> Path:
    """Return the folder of the run that `text` means, as every verb takes it; raises `UsageProblem`."""
    try:
        path = find_folder(text, DEFAULT_BASE)
        return open_existing(path.parent if path.is_file() else path).path
    except UsageProblem as problem:
        raise UsageProblem(f"--llm-endpoint replay:{text}: {problem}") from problem


def _api_key(base_url: str) -> str:
    """LLMBENCH_API_KEY for any server; OPENAI_API_KEY only for its own, so that it never leaks to another."""
    host = urlsplit(base_url).hostname or ""
    if key := os.environ.get("LLMBENCH_API_KEY", ""):
        return key
    return os.environ.get("OPENAI_API_KEY", "") if host == "api.openai.com" else ""
