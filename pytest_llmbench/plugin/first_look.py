"""What is found out about a server before the first item: its model, its speed, and whether it can do what is asked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from pytest_llmbench import manifest, preflight
from pytest_llmbench.assemble import token_counter
from pytest_llmbench.contracts import Endpoint, Progress
from pytest_llmbench.errors import BadConfiguration, EndpointUnreachable
from pytest_llmbench.pace import Pace
from pytest_llmbench.plugin.demand import Demand
from pytest_llmbench.plugin.ready import endpoint_plan
from pytest_llmbench.records import (
    Message,
    PackFacts,
    Purpose,
    Request,
    Response,
    Scenario,
    Server,
    ServerFacts,
    Tool,
    Trial,
)
from pytest_llmbench.sampling import CANONICAL
from pytest_llmbench.settings import START_LIMIT_S, Settings
from pytest_llmbench.thinking_switch import ThinkingSwitch, notice_of, problem_of, switch_of

FIRST_ANSWER_S = 120.0
"""Seconds for the one short request before the run: a busy server may queue it."""

FIRST_TOKENS = 16
"""Tokens of that request: enough to tell a speed, few enough for a slow machine."""

_SILENT_S = 2.0
"""Seconds of waiting for it without a word."""

_PING = Tool(name="ping", description="Does nothing.", parameters={"type": "object", "properties": {}})

EndpointFor = Callable[[str], Endpoint]
"""Makes an endpoint that asks for the model of that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstLook:
    """What was found: `start_tps` is the speed of the first answer, tokens per second, None where it told none."""

    facts: ServerFacts
    model: str
    switch: ThinkingSwitch
    start_tps: float | None = None


class FirstLooker:
    """Looks at `server` through the endpoints that `endpoint_for` makes. `say` prints a line for the user."""

    def __init__(
        self, settings: Settings, server: Server, *, endpoint_for: EndpointFor, say: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._server = server
        self._endpoint_for = endpoint_for
        self._say = say

    def facts(self, wait_s: float = START_LIMIT_S) -> ServerFacts:
        """Ask the server what it is; waits while it loads."""
        return self._endpoint_for(self._named_model()).facts(wait_s=wait_s)

    def look(self, demand: Demand, *, serves: bool) -> FirstLook:
        """Find out all there is to know; where nobody `serves`, no question is asked.

        Raises `UsageProblem` and `TrialError` for what would only be found out after hours, with one message.
        """
        facts = self.facts()
        model, switch = self._model(facts), switch_of(self._settings, facts)
        if demand.needs.tools and _drops_tools(facts):
            self._say(f"{model}: its chat template has no place for tools, so it will never see those of these packs")
        if not serves:
            return FirstLook(facts=facts, model=model, switch=switch)
        self._check_thinking(demand, facts)
        self._check_context(demand, facts, model, switch)
        first = self._first_answer(model, demand)
        pace = Pace()
        pace.note(first.timing, first.usage)
        detail = {
            **facts.detail,
            **({"system_fingerprint": first.system_fingerprint} if first.system_fingerprint else {}),
        }
        return FirstLook(facts=replace(facts, detail=detail), model=model, switch=switch, start_tps=pace.tps)

    def _first_answer(self, model: str, demand: Demand) -> Response:
        """Ask for a few tokens: a refused key, model or tool choice is told before the first item."""
        waiting = threading.Timer(_SILENT_S, self._say, ["waiting for a first short answer"])
        waiting.start()
        try:
            return asyncio.run(self._ask(_first_request(model, tools=demand.needs.tools)))
        finally:
            waiting.cancel()

    def _check_thinking(self, demand: Demand, facts: ServerFacts) -> None:
        if (problem := problem_of(self._settings, demand.needs.arms, facts)) is not None:
            raise problem
        if notice := notice_of(self._settings, demand.needs.arms, facts):
            self._say(notice)

    def _check_context(self, demand: Demand, facts: ServerFacts, model: str, switch: ThinkingSwitch) -> None:
        asked = [
            asked
            for one in demand.needs.largest
            for asked in preflight.asked_of(one.pack, [one.scenario], self._settings, switch)
        ]
        plan = endpoint_plan(self._settings, self._server.base_url, model=model)
        misfits = preflight.cannot_fit(asked, facts.context, count=token_counter(plan))
        own = replace(facts, slots=facts.slots and facts.slots // (1 + len(self._server.replicas)))
        of_all = len(misfits) < len(asked) or len(asked) == sum(demand.selected.values())
        problem = preflight.problem_with(misfits, own, of_all=of_all)  # the advice is for one server
        if problem is not None:
            raise problem

    def _named_model(self) -> str:
        """The model the user named, unless that name is the file the embedded server was started with."""
        return "" if self._server.model else self._settings.model

    def _model(self, facts: ServerFacts) -> str:
        if self._named_model():
            return self._named_model()
        if self._server.model:
            return self._server.model
        if not facts.models:
            raise BadConfiguration(
                f"{manifest.redacted(self._server.base_url)} lists no models: name yours with --llm-model NAME"
            )
        return facts.models[0]

    async def _ask(self, request: Request) -> Response:
        endpoint = self._endpoint_for(request.model)
        try:
            async with asyncio.timeout(FIRST_ANSWER_S):
                return await endpoint.ask(request, trial=_FIRST, turn=0, progress=Progress())
        except TimeoutError:
            where = manifest.redacted(self._server.base_url)
            raise EndpointUnreachable(
                f"{where} did not answer a request for {FIRST_TOKENS} tokens within {FIRST_ANSWER_S:g} s: "
                "is it stuck or overloaded?"
            ) from None
        finally:
            await endpoint.close()


def _first_request(model: str, *, tools: bool) -> Request:
    return Request(
        model=model,
        messages=(Message(role="user", content="Say the numbers from 1 to 20 in words."),),
        tools=(_PING,) if tools else (),
        tool_choice="auto" if tools else None,
        sampling=CANONICAL,
        max_tokens=FIRST_TOKENS,
        stream=not tools,
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
