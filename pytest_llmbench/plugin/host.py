"""The one process that owns the server and the run folder: choose, start, look at, stop."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pytest_llmbench import manifest
from pytest_llmbench.against import Against
from pytest_llmbench.assemble import SERVED, Choice, build_endpoint, choose, choose_launcher
from pytest_llmbench.contracts import Endpoint, Engine, Families
from pytest_llmbench.errors import (
    Cancelled,
    EndpointUnreachable,
    SandboxUnavailable,
    TrialError,
    UsageProblem,
)
from pytest_llmbench.plugin.confirming import AskedServer
from pytest_llmbench.plugin.demand import Demand
from pytest_llmbench.plugin.first_look import FirstLook, FirstLooker
from pytest_llmbench.plugin.legs import Leg
from pytest_llmbench.plugin.ready import Ready, endpoint_plan
from pytest_llmbench.plugin.run_choice import RunChoice
from pytest_llmbench.plugin.watch import Watch
from pytest_llmbench.records import (
    Server,
    ServerFacts,
)
from pytest_llmbench.runfolder import RunFolder
from pytest_llmbench.sampling import is_canonical
from pytest_llmbench.settings import CONCURRENCY_UNKNOWN, SANDBOX_IMAGE


class Host:
    """Opens and closes the server of a leg. `say` prints a line for the user."""

    def __init__(self, leg: Leg, families: Families, *, base: Path, say: Callable[[str], None]) -> None:
        self._leg = leg
        self.against: Against | None = None
        self._settings = leg.settings
        self._families = families
        self._runs = RunChoice(leg, base=base, say=say)
        self._say = say
        self._choice: Choice | None = None
        self._watch: Watch | None = None
        self._server = Server(base_url="", engine="")
        self._closed = False
        self._starting = False

    def check(self) -> None:
        """Find out, long before its turn, that its folder is taken or its baseline missing; raises `UsageProblem`."""
        self._runs.check()
        if self._settings.baseline:
            self.against = self._runs.against()

    def open(self, demand: Demand) -> Ready:
        """Start the server, look at it, make the run folder.

        Raises `UsageProblem` (nothing started) or `TrialError` (one message for the user; what was
        started is stopped).
        """
        self._check_quality(demand)
        if (before := self._runs.finished_before(demand, self.against)) is not None:
            return _left_by(self._leg, *before)
        self._choice = choose(self._settings, self._families, self._say)
        claimed = self._runs.claim()
        for notice in self._choice.notices:
            self._say(notice)
        try:
            return self._opened(self._choice, demand, claimed)
        except TrialError as error:
            self._check_open()  # what we stopped ourselves has not failed
            obituary = self._choice.engine.obituary() if self._choice.engine else ""
            self.close()
            raise type(error)(f"{error}\n{obituary}".rstrip()) from error
        except BaseException:
            self.close()
            raise

    async def probe(self) -> None:
        """Ask whether the server is still well; raises `TrialError` with what is known of its end."""
        obituary = self._choice.engine.obituary() if self._choice and self._choice.engine else ""
        if obituary:
            raise EndpointUnreachable(obituary)
        await asyncio.to_thread(self._looker().facts, 5.0)

    def watch(self, ready: Ready, *, in_flight: Callable[[], int], resize: Callable[[int], object]) -> None:
        """Let the limit follow the server's queue and keep the timeline, until `close`; not for recorded answers."""
        if self._choice is None or not self._choice.serves:
            return
        self._watch = Watch(ready, self._endpoint(ready.model), in_flight=in_flight, resize=resize)
        self._watch.start()

    def asked_server(self, ready: Ready) -> AskedServer:
        """Return the server as `confirming` asks it."""
        return AskedServer(
            leg=self._leg,
            ready=ready,
            families=self._families,
            limit=lambda: self.limit or ready.limit,
            stopped=lambda: self._closed or self._choice is None,
        )

    @property
    def limit(self) -> int | None:
        """How many requests may be in flight now; None where nobody watches."""
        return self._watch.limit if self._watch is not None else None

    def halt(self) -> None:
        """Do not start what has not been started yet, nor wait for what is just being started."""
        self._closed = True
        if self._starting and self._choice is not None and self._choice.engine is not None:
            self._choice.engine.stop()

    def close(self) -> None:
        """Stop the server if this session started it; one that is just being started is stopped when it is there."""
        self._closed = True
        if self._watch is not None and (trouble := self._watch.stop()):
            self._say(trouble)
        if self._choice is not None and self._choice.engine is not None:
            self._choice.engine.stop()

    def _opened(self, choice: Choice, demand: Demand, claimed: RunFolder | None) -> Ready:
        if choice.engine is not None:
            self._server = self._started(choice.engine)
            self._check_open()
            if self._server.notice:
                self._say(self._server.notice)
        seen = self._looker().look(demand, serves=choice.serves)
        self._check_open()
        sandbox = self._sandbox() if demand.needs.programs else {}
        known = self._manifest(choice, seen, demand=demand, sandbox=sandbox)
        if self.against is not None:
            self.against.check(known)
        folder = self._runs.folder(seen.model, self._server, claimed)
        self._runs.check_sandbox(folder, sandbox)
        ready = self._ready(choice, seen, folder)
        manifest.write(folder, known)
        return ready

    def _ready(self, choice: Choice, seen: FirstLook, folder: RunFolder) -> Ready:
        return Ready(
            leg=self._leg.name,
            base_url=self._server.base_url,
            replicas=self._server.replicas,
            endpoint=choice.endpoint,
            model=seen.model,
            limit=self._limit(seen.facts),
            folder=folder.path,
            resume=self._settings.resume and folder.is_used,
            url=manifest.redacted(self._server.base_url),
            engine=self._server.engine,
            switch=seen.switch,
            sampling_defaults=seen.facts.detail.get("sampling_defaults") or {},
            start_tps=seen.start_tps,
            slots=seen.facts.slots,
            about=_about(self._server, seen.facts),
            fixed=self._settings.concurrency is not None or not choice.serves,
        )

    def _limit(self, facts: ServerFacts) -> int:
        return self._settings.concurrency or facts.slots or CONCURRENCY_UNKNOWN

    def _started(self, engine: Engine) -> Server:
        self._starting = True
        self._check_open()
        try:
            return engine.start()
        except TrialError:
            self._check_open()  # what was stopped while it started did not fail
            raise
        finally:
            self._starting = False

    def _looker(self) -> FirstLooker:
        return FirstLooker(self._settings, self._server, endpoint_for=self._endpoint, say=self._say)

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
        plan = endpoint_plan(self._settings, self._server.base_url, replicas=self._server.replicas, model=model)
        return build_endpoint(self._choice.endpoint, self._families, plan)

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
                "leave out --llm-sampling, --llm-thinking, --llm-thinking-max-tokens, --llm-max-tokens and "
                "--llm-timeout, and an extra body in llmbench.yaml"
            )

    def _manifest(
        self, choice: Choice, seen: FirstLook, *, demand: Demand, sandbox: Mapping[str, str]
    ) -> dict[str, Any]:
        return manifest.build(
            settings=self._settings,
            server=self._server,
            facts=seen.facts,
            packs=demand.packs,
            run={
                "model": seen.model,
                "endpoint": choice.endpoint,
                "concurrency": self._limit(seen.facts),
                "about": _about(self._server, seen.facts),
                "workers": demand.workers,
                "selected": dict(demand.selected),
                "sandbox": sandbox,
                "profile": self._leg.title,
                "signature": self._runs.signature(seen.model, self._server),
                "asked": self._runs.asked(),
                "command": sys.argv,
            },
        )


def _about(server: Server, facts: ServerFacts) -> dict[str, str]:
    """Return in words what a reader compares servers by."""
    start_s = server.detail.get("start_s")
    known = {
        "Preset": server.detail.get("preset"),
        "Slots": facts.slots,
        "Context per slot": facts.context and f"{facts.context:,}",
        "Loaded in": f"{start_s:.1f} s" if isinstance(start_s, (int, float)) else None,
    }
    return {name: str(value) for name, value in known.items() if value}


def _left_by(leg: Leg, folder: RunFolder, known: Mapping[str, Any]) -> Ready:
    """Return what stands for the server of a run that is finished."""
    url = str(known.get("url", ""))
    return Ready(
        leg=leg.name,
        base_url=url,
        endpoint=str(known.get("endpoint", SERVED)),
        model=str(known.get("model", "")),
        limit=int(known.get("concurrency") or 1),
        about={str(name): str(word) for name, word in (known.get("about") or {}).items()},
        folder=folder.path,
        resume=True,
        url=url,
        engine=str((known.get("engine") or {}).get("name", "")),
    )
