"""The one process that owns the server and the run folder: choose, start, look at, stop."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_llmbench import manifest
from pytest_llmbench.assemble import Choice, build_endpoint, choose, choose_launcher
from pytest_llmbench.contracts import Endpoint, Families, Progress
from pytest_llmbench.errors import (
    BadConfiguration,
    Cancelled,
    EndpointUnreachable,
    SandboxUnavailable,
    TrialError,
    UsageProblem,
)
from pytest_llmbench.plugin.demand import Demand
from pytest_llmbench.records import Message, PackFacts, Purpose, Request, Scenario, Server, ServerFacts, Tool, Trial
from pytest_llmbench.runfolder import RunFolder, create, newest_matching, open_existing
from pytest_llmbench.sampling import CANONICAL, is_canonical
from pytest_llmbench.settings import CONCURRENCY_UNKNOWN, SANDBOX_IMAGE, START_LIMIT_S, Settings

FIRST_ANSWER_S = 120.0
"""Seconds for the one-token request before the run: a busy server may queue it."""

_PING = Tool(name="ping", description="Does nothing.", parameters={"type": "object", "properties": {}})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A server that answers and a folder to write to: all that a worker must be told."""

    base_url: str
    endpoint: str
    model: str
    limit: int
    folder: Path
    resume: bool = False
    url: str = ""
    engine: str = ""
    notices: tuple[str, ...] = ()


class Host:
    """Opens and closes the server of a session. `say` prints a line for the user."""

    def __init__(self, settings: Settings, families: Families, *, base: Path, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._families = families
        self._base = base
        self._say = say
        self._choice: Choice | None = None
        self._server = Server(base_url="", engine="")
        self._ready: Ready | None = None
        self._closed = False

    def open(self, demand: Demand) -> Ready:
        """Start the server, look at it, make the run folder.

        Raises `UsageProblem` (nothing started) or `TrialError` (one message for the user; what was
        started is stopped).
        """
        self._check_quality(demand)
        self._choice = choose(self._settings, self._families, self._say)
        named = self._named_folder()
        for notice in self._choice.notices:
            self._say(notice)
        try:
            self._ready = self._opened(self._choice, demand, named)
        except TrialError as error:
            obituary = self._choice.engine.obituary() if self._choice.engine else ""
            self.close()
            raise type(error)(f"{error}\n{obituary}".rstrip()) from error
        except BaseException:
            self.close()
            raise
        return self._ready

    async def probe(self) -> None:
        """Ask whether the server is still well; raises `TrialError` with what is known of its end."""
        obituary = self._choice.engine.obituary() if self._choice and self._choice.engine else ""
        if obituary:
            raise EndpointUnreachable(obituary)
        await asyncio.to_thread(self._look, 5.0)

    def close(self) -> None:
        """Stop the server if this session started it; one that is just being started is stopped when it is there."""
        self._closed = True
        if self._choice is not None and self._choice.engine is not None:
            self._choice.engine.stop()

    def finish(self, **facts: Any) -> None:
        """Add what is known at the end to the manifest."""
        if self._ready is not None:
            manifest.update(RunFolder(path=self._ready.folder), **facts)

    def _opened(self, choice: Choice, demand: Demand, named: RunFolder | None) -> Ready:
        if choice.engine is not None:
            self._server = choice.engine.start()
            self._check_open()
            if self._server.notice:
                self._say(self._server.notice)
        facts = self._look(START_LIMIT_S)
        model = self._model(facts)
        if demand.tools and _drops_tools(facts):
            self._say(f"{model}: its chat template has no place for tools, so it will never see those of these packs")
        if choice.serves:
            self._first_answer(model, tools=demand.tools)
        limit = self._settings.concurrency or facts.slots or CONCURRENCY_UNKNOWN
        self._check_open()
        sandbox = self._sandbox() if demand.programs else {}
        folder = self._folder(model, named)
        ready = Ready(
            base_url=self._server.base_url,
            endpoint=choice.endpoint,
            model=model,
            limit=limit,
            folder=folder.path,
            resume=self._settings.resume,
            url=manifest.redacted(self._server.base_url),
            engine=self._server.engine,
        )
        manifest.write(folder, {**self._manifest(ready, facts, demand), **({"sandbox": sandbox} if sandbox else {})})
        return ready

    def _sandbox(self) -> dict[str, str]:
        """Say where programs will run, or that their trials will be errors, and return it for the manifest."""
        asked, passed_over = self._settings.sandbox, list[str]()
        try:
            launcher = choose_launcher(asked, passed_over.append)
        except SandboxUnavailable as error:
            self._say(f"no sandbox, so what the model writes cannot be run: {error}")
            return {}
        network = ", WITH network, as llmbench.yaml says" if asked.network else ""
        why = f" (not in {'; '.join(passed_over)})" if passed_over and asked.image != SANDBOX_IMAGE else ""
        self._say(f"programs run in {launcher.name}{network}{why}")
        return {"kind": launcher.name, **launcher.describe()}

    def _endpoint(self, model: str) -> Endpoint:
        assert self._choice is not None  # noqa: S101 - only called between open and close
        return build_endpoint(
            self._choice.endpoint,
            self._families,
            base_url=self._server.base_url,
            model=model,
            data=self._settings.data,
        )

    def _look(self, wait_s: float) -> ServerFacts:
        return self._endpoint(self._settings_model()).facts(wait_s=wait_s)

    def _settings_model(self) -> str:
        """The model the user named, unless that name is the file the embedded server was started with."""
        return "" if self._server.model else self._settings.model

    def _model(self, facts: ServerFacts) -> str:
        if self._settings_model():
            return self._settings_model()
        if self._server.model:
            return self._server.model
        if not facts.models:
            raise BadConfiguration(
                f"{manifest.redacted(self._server.base_url)} lists no models: name yours with --llm-model NAME"
            )
        return facts.models[0]

    def _first_answer(self, model: str, *, tools: bool) -> None:
        """Ask for one token: a refused key, model or tool choice is told before the first item."""
        request = Request(
            model=model,
            messages=(Message(role="user", content="Say ok."),),
            tools=(_PING,) if tools else (),
            tool_choice="auto" if tools else None,
            sampling=CANONICAL,
            max_tokens=1,
            stream=False,
        )
        asyncio.run(self._ask_once(request))

    async def _ask_once(self, request: Request) -> None:
        endpoint = self._endpoint(request.model)
        try:
            async with asyncio.timeout(FIRST_ANSWER_S):
                await endpoint.ask(request, trial=_FIRST, turn=0, progress=Progress())
        except TimeoutError:
            where = manifest.redacted(self._server.base_url)
            raise EndpointUnreachable(
                f"{where} did not answer a one-token request within {FIRST_ANSWER_S:g} s: is it stuck or overloaded?"
            ) from None
        finally:
            await endpoint.close()

    def _check_open(self) -> None:
        """Go no further where the session ended meanwhile."""
        if self._closed:
            raise Cancelled("the run ended while the server was being made ready")

    def _check_quality(self, demand: Demand) -> None:
        """Refuse to write a Quality line that could only be refused after hours of measuring."""
        if not self._settings.write_quality:
            return
        partial = [pack.id for pack in demand.packs if demand.selected.get(pack.id, 0) < pack.size]
        if partial:
            raise UsageProblem(
                f"--llm-write-quality is for whole packs, and only a part of {', '.join(partial)} is selected: "
                "leave out -k, --lf and --llm-limit"
            )
        if foreign := [f"{pack.id} ({pack.origin})" for pack in demand.packs if pack.origin]:
            raise UsageProblem(f"--llm-write-quality is for our own packs: leave out {', '.join(foreign)}")
        if not is_canonical(self._settings):
            raise UsageProblem(
                "--llm-write-quality is for the packs' own sampling and limits: "
                "leave out --llm-sampling, --llm-max-tokens and --llm-timeout"
            )

    def _named_folder(self) -> RunFolder | None:
        """Claim the folder of ``--llm-out`` before any server is started."""
        settings = self._settings
        if not settings.out:
            return None
        path = Path(settings.out)
        return open_existing(path) if settings.resume else create(path, model="", now=datetime.now(UTC), out=path)

    def _folder(self, model: str, named: RunFolder | None) -> RunFolder:
        if named is not None:
            return self._same_run(named, model) if self._settings.resume else named
        if self._settings.resume:
            found = newest_matching(self._base, self._signature(model))
            if found is None:
                raise UsageProblem(
                    f"--llm-resume: no run of {model} with these settings below {self._base}; "
                    "name the run folder with --llm-out, or start without --llm-resume"
                )
            return found
        return create(self._base, model=model, now=datetime.now(UTC))

    def _same_run(self, folder: RunFolder, model: str) -> RunFolder:
        if manifest.read(folder).get("signature") == self._signature(model):
            return folder
        raise UsageProblem(
            f"--llm-resume: {folder.path} is a run of another model, server or sampling; name another folder, "
            "or start without --llm-resume"
        )

    def _signature(self, model: str) -> str:
        return manifest.signature(self._settings, self._server, model=model)

    def _manifest(self, ready: Ready, facts: ServerFacts, demand: Demand) -> dict[str, Any]:
        return manifest.build(
            settings=self._settings,
            server=self._server,
            facts=facts,
            packs=demand.packs,
            run={
                "model": ready.model,
                "endpoint": ready.endpoint,
                "concurrency": ready.limit,
                "workers": demand.workers,
                "selected": dict(demand.selected),
                "signature": self._signature(ready.model),
                "command": sys.argv,
            },
        )


def _drops_tools(facts: ServerFacts) -> bool:
    """Tell whether the server says so; llama.cpp then leaves the tools of a request out without a word."""
    caps = facts.detail.get("chat_template_caps")
    return isinstance(caps, dict) and caps.get("supports_tools") is False


_FIRST = Trial(
    nodeid="preflight",
    pack=PackFacts(id="preflight", title="preflight", version="0", content_hash="", size=1),
    scenario=Scenario(id="first", title="first answer", messages=(), dialogue="single_turn", verifier="none"),
    purpose=Purpose.FIXTURE,
)
