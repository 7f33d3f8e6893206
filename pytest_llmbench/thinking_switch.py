"""How thinking is turned on and off at one server: by exactly one field of the request, written by nobody else.

Which field it is depends on the model's chat template. Two fields that disagree leave it to the server which one
it believes, so a body of the user's own that holds another one is refused before the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.lookup import suggestion
from pytest_llmbench.records import ServerFacts
from pytest_llmbench.settings import Settings

ON, OFF = "on", "off"
KWARGS = "chat_template_kwargs"
EFFORT = "reasoning_effort"
NO_SWITCH = "none"
KEYS = ("enable_thinking", "thinking", EFFORT)
"""The names chat templates give their switch, in the order they are looked for."""

LEVELS: Mapping[str, str] = {ON: "high", OFF: "none"}
"""What stands for on and off where the switch is a level. Every template with levels knows ``high``, some
have no ``medium``; ``none`` is the OpenAI interface's word for off."""

_TOLD_BY = 'name it with "thinking_switch:" in llmbench.yaml (enable_thinking, thinking or reasoning_effort)'


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinkingSwitch:
    """The switch of one server. `key` is one of `KEYS`, ``none`` (its template has none) or "" (nobody knows).

    `in_template` says whether a level goes among the template's variables or beside the messages. Without `has_off`
    the levels only weaken thinking. `always` is True where the template opens a thought by itself.
    """

    key: str = ""
    in_template: bool = False
    has_off: bool = True
    always: bool = False

    @property
    def is_known(self) -> bool:
        """Whether there is a field to send."""
        return self.key in KEYS


UNKNOWN = ThinkingSwitch()


def switch_of(settings: Settings, facts: ServerFacts) -> ThinkingSwitch:
    """Return the switch the user named, else the one the server's template has. Raises `UsageProblem` for no name.

    A level goes to llama.cpp as a variable of the template: there that reaches it in every build and as it is,
    while ``reasoning_effort: none`` beside the messages is turned into another variable. vLLM reads the field
    beside the messages for all its models, also those it renders without a template; hosted services know no other.
    """
    key = settings.thinking_switch or facts.thinking_switch
    if key and key not in (*KEYS, NO_SWITCH):
        raise UsageProblem(f'thinking_switch: "{key}" is no switch: {suggestion(key, (*KEYS, NO_SWITCH))}')
    is_theirs = key == facts.thinking_switch
    return ThinkingSwitch(
        key=key,
        in_template=key == EFFORT and facts.kind == "llama.cpp",
        has_off=not is_theirs or facts.detail.get("thinking_has_off") is not False,
        always=facts.detail.get("thinking_always") is True,
    )


def arm_at(asked: str, switch: ThinkingSwitch, *, is_typed: bool) -> str:
    """Return ``on``, ``off`` or "" (as the server does by itself): what a trial that wants `asked` gets here.

    A pack's wish that this server cannot fulfil is none: a model without thinking answers as it is.
    """
    if is_typed or problem_with(asked, switch) is None:
        return asked
    return asked if switch.key == "" else ""


def body_for(switch: ThinkingSwitch, arm: str) -> Mapping[str, Any]:
    """Return the fields of the request that ask for `arm`: one switch, or {} where there is none to turn."""
    if not arm or not switch.is_known:
        return {}
    if switch.key != EFFORT:
        return {KWARGS: {switch.key: arm == ON}}
    if arm == OFF and not switch.has_off:
        return {}
    return {KWARGS: {EFFORT: LEVELS[arm]}} if switch.in_template else {EFFORT: LEVELS[arm]}


def merged(body: Mapping[str, Any], switch: ThinkingSwitch, arm: str) -> Mapping[str, Any]:
    """Return the user's own `body` with the switch for `arm` in it.

    A switch of the user's that already asks for `arm` stays, such as another level. Raises `UsageProblem` for
    one that asks for the opposite, and for a second one beside the server's.
    """
    if not arm:
        return body
    own = list(_switches(body))
    addition = body_for(switch, arm)
    if not own:
        return {**body, **addition, **_joined_kwargs(body, addition)}
    named = ", ".join(f"{name}: {value}" for name, value in own)
    if any(_asks(value) != arm for _, value in own):
        raise UsageProblem(f"thinking is asked {arm}, and the extra body says {named}: leave one of the two out")
    if len(own) > 1 or (switch.is_known and switch.key != own[0][0]):
        raise UsageProblem(
            f"the extra body says {named}, and thinking is turned by {switch.key or 'one field alone'} here: "
            "two switches contradict each other sooner or later, leave that of the body out"
        )
    return body


def problem_with(arm: str, switch: ThinkingSwitch) -> str | None:
    """Say why `arm` cannot be asked for, or return None."""
    if not arm or (switch.key in KEYS[:2]) or (switch.key == EFFORT and (arm == ON or switch.has_off)):
        return None
    if switch.key == "":
        return f"the server does not tell how its model is asked to think or not: {_TOLD_BY}"
    if switch.key == EFFORT:
        return "its chat template knows levels of reasoning_effort, none of which turns thinking off"
    if arm == OFF or switch.always:
        return None
    return f"its chat template has no switch for thinking; if you know better, {_TOLD_BY}"


def problem_of(settings: Settings, arms: Iterable[str], facts: ServerFacts) -> UsageProblem | None:
    """Say before the run why thinking cannot be asked for as it was typed, or return None.

    `arms` are what the scenarios say. Also found: a bad ``thinking_switch:`` and an extra body that contradicts.
    """
    typed = typed_arm(settings)
    try:
        switch = switch_of(settings, facts)
        for arm in sorted({typed} if typed else {arm_at(arm, switch, is_typed=False) for arm in arms}):
            merged(settings.connection.body, switch, arm)
    except UsageProblem as problem:
        return problem
    reason = problem_with(typed, switch)
    if reason is None or _says_itself(settings, typed):
        return None
    where, what = _source(settings, typed)
    return UsageProblem(f"{where} {typed}: {reason}; or leave {what} out")


def notice_of(settings: Settings, arms: Iterable[str], facts: ServerFacts) -> str:
    """Return the line to tell where packs ask for an arm that nothing can be sent for, else ""."""
    if typed_arm(settings):
        return ""
    switch = switch_of(settings, facts)
    for arm in sorted(filter(None, set(arms))):
        reason = problem_with(arm, switch)
        if reason is not None and not _says_itself(settings, arm):
            return f"packs here want thinking {arm}, and nothing is sent for it: {reason}"
    return ""


def typed_arm(settings: Settings) -> str:
    """Return the arm that the user wants for all scenarios, or ""."""
    return settings.thinking if settings.thinking in (ON, OFF) else ""


def _source(settings: Settings, arm: str) -> tuple[str, str]:
    """Return where `arm` was asked for, and what to leave out; a flag that was typed wins over a profile."""
    profile = settings.profile
    if profile is None or profile.thinking != arm:
        return "--llm-thinking", "--llm-thinking"
    return f"the profile {profile.name}{f' ({profile.origin})' if profile.origin else ''} says thinking:", "that key"


def _says_itself(settings: Settings, arm: str) -> bool:
    """Tell whether the user's own body asks for `arm`, so that no switch need be known."""
    return arm in {_asks(value) for _, value in _switches(settings.connection.body)}


def _switches(body: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    inner = body.get(KWARGS)
    for place in (body, inner if isinstance(inner, Mapping) else {}):
        yield from ((name, place[name]) for name in KEYS if name in place)


def _asks(value: Any) -> str:
    """Return the arm a switch's value stands for; some services write {type: enabled}."""
    if isinstance(value, Mapping):
        value = value.get("type")
    return OFF if value in (False, None, "none", "off", "disabled") else ON


def _joined_kwargs(body: Mapping[str, Any], addition: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = body.get(KWARGS)
    return {KWARGS: {**inner, **addition[KWARGS]}} if isinstance(inner, Mapping) and KWARGS in addition else {}
