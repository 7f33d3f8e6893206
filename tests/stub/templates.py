"""The chat templates a stub can have: how each is written, and what it renders.

Modelled on real ones: Qwen3 thinks unless ``enable_thinking`` is false, Granite and DeepSeek-V3.1 think only if
``thinking`` is true, gpt-oss prints the level of ``reasoning_effort`` and knows no off, Mistral Small 4 takes only
``none`` and ``high``, DeepSeek-R1 always opens a thought, most models have no switch at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MESSAGES = "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}{% endfor %}"
_PROMPT = "{% if add_generation_prompt %}<|assistant|>"
_OPEN, _SHUT = "<think>\n", "<think>\n\n</think>\n\n"

SOURCES: Mapping[str, str] = {
    "none": "{% for message in messages %}{{ message.content }}{% endfor %}",
    "enable_thinking": _MESSAGES
    + _PROMPT
    + "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}",
    "thinking": _MESSAGES
    + _PROMPT
    + "{% if not thinking is defined %}{% set thinking = false %}{% endif %}"
    + "{% if thinking %}<think>{% else %}</think>{% endif %}{% endif %}",
    "reasoning_effort": "{{ 'Reasoning: ' + (reasoning_effort or 'medium') }}" + _MESSAGES + _PROMPT + "{% endif %}",
    "effort_with_none": "{% set reasoning_effort = reasoning_effort or 'none' %}"
    "{% if reasoning_effort not in ['none', 'high'] %}{{ raise_exception('no such level') }}{% endif %}"
    "[{{ reasoning_effort }}]" + _MESSAGES,
    "always": _MESSAGES + _PROMPT + "<think>\n{% endif %}",
}


class Refused(Exception):
    """The template raises an exception."""


def rendered(style: str, messages: list[Any], variables: Mapping[str, Any]) -> str:
    """Return the prompt of a template of this `style`."""
    told = "".join(f"<|{message.get('role')}|>{message.get('content')}" for message in messages) + "<|assistant|>"
    level = variables.get("reasoning_effort")
    if style == "enable_thinking":
        return told + (_SHUT if variables.get("enable_thinking") is False else "")
    if style == "thinking":
        return told + ("<think>" if variables.get("thinking") else "</think>")
    if style == "reasoning_effort":
        return f"Reasoning: {level or 'medium'}{told}"
    if style == "effort_with_none":
        if level not in (None, "none", "high"):
            raise Refused("no such level")
        return f"[{level or 'none'}]{told}"
    return told + (_OPEN if style == "always" else "")


def thinks(style: str, variables: Mapping[str, Any]) -> bool:
    """Tell whether a model that obeys its template thinks first."""
    level = variables.get("reasoning_effort")
    wishes: dict[str, bool] = {
        "enable_thinking": variables.get("enable_thinking") is not False,
        "thinking": bool(variables.get("thinking")),
        "reasoning_effort": True,
        "effort_with_none": level not in (None, "none"),
        "always": True,
    }
    return wishes.get(style, False)


def variables_of(body: Mapping[str, Any], flavour: str) -> dict[str, Any]:
    """Return what a request sets in the template, the way a server of this flavour reads it.

    Both turn a level beside the messages into ``enable_thinking`` too; llama.cpp does not hand ``none`` on.
    """
    level, found = body.get("reasoning_effort"), {}
    if level is not None:
        found["enable_thinking"] = level != "none"
        if flavour == "vllm" or level != "none":
            found["reasoning_effort"] = level
        if flavour == "llama.cpp" and level != "none":
            del found["enable_thinking"]
    return {**found, **(body.get("chat_template_kwargs") or {})}


def pieces(text: str) -> list[str]:
    """Cut a prompt into what stands for tokens: four characters each."""
    return [text[at : at + 4] for at in range(0, len(text), 4)]
