"""What the chat template of a server does with thinking and tools, found out by rendering the same question twice.

Only a server's own rendering is proof: the source of a template mentions names that it never reads, servers set
variables of their own, and some hide the source. Where nothing can be rendered the source is read after all.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_llmbench.endpoints.addresses import Address
from pytest_llmbench.endpoints.message_body import plain_messages, plain_tools
from pytest_llmbench.endpoints.posting import posted
from pytest_llmbench.records import Message, Tool
from pytest_llmbench.thinking_switch import EFFORT, KEYS, KWARGS, LEVELS, NO_SWITCH, OFF

_QUESTION = [{"role": "user", "content": "Hello"}]
_SEEN_LEVELS = ("none", "low", "high")
_TOOLS = [{"type": "function", "function": {"name": "ping", "description": "Does nothing.", "parameters": {}}}]
_UNHEARD = "zzz"
"""A level that no template has a rule for."""

_TAG = re.compile(r"\{[{%].*?[}%]\}", re.DOTALL)
_TEXT = re.compile(r"'[^']*'|\"[^\"]*\"")
_OPEN_THOUGHT = re.compile(r"<think>\W*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinking:
    """What was found. `switch` is as `ServerFacts.thinking_switch` has it, `detail` what goes into its detail:

    ``thinking_has_off`` where the switch is a level, ``thinking_always`` where every prompt ends in an open thought.
    """

    switch: str = ""
    detail: Mapping[str, bool]


def thinking_of(address: Address, *, kind: str, model: str, source: str) -> Thinking:
    """Return how thinking is turned at the server, a few quick requests; `source` is its template where it tells."""
    prompts = _Prompts(address, kind, model)
    plain = prompts.with_variables({})
    if plain is None:
        return read_source(source)
    for name in KEYS:
        if name != EFFORT and prompts.differ(name, (True, False)):
            return Thinking(switch=name, detail={})
    if prompts.differ(EFFORT, _SEEN_LEVELS):
        return Thinking(switch=EFFORT, detail={"thinking_has_off": _has_off(prompts)} if prompts.are_texts else {})
    always = _OPEN_THOUGHT.search(plain) is not None
    return Thinking(switch=NO_SWITCH, detail={"thinking_always": True} if always else {})


def template_facts(address: Address, *, kind: str, model: str) -> dict[str, Any]:
    """Return what the manifest keeps of a template that vLLM uses and does not show, {} of any other server's.

    ``rendered_prompt_sha256``: hash of a short question with a tool as the model gets it, which stands in for the
    template's own, for vLLM's fingerprint says nothing of it; where a template writes the date it is another each day.
    ``chat_template_caps`` says, as llama.cpp does, that a template has no place for tools: vLLM takes them without a
    word, and the model never sees them.
    """
    if kind != "vllm":
        return {}
    prompts = _Prompts(address, kind, model)
    plain, tooled = prompts.with_variables({}), prompts.with_variables({}, tools=_TOOLS)
    if plain is None or tooled is None:
        return {}
    told: dict[str, Any] = {"rendered_prompt_sha256": hashlib.sha256(tooled.encode("utf-8", "replace")).hexdigest()}
    # an old vLLM renders without tools as it does not know them here; it lets nonsense pass as well
    if plain == tooled and prompts.with_variables({}, tools="none") is None:
        told["chat_template_caps"] = {"supports_tools": False}
    return told


def read_source(source: str) -> Thinking:
    """Return what the source of a chat template tells by the names it reads; nothing without a source."""
    if not source:
        return Thinking(detail={})
    code = " ".join(_TAG.findall(source))
    names = _TEXT.sub(" ", code)
    for name in KEYS:
        if re.search(rf"(?<![\w.]){name}(?!\w|\s*=[^=])", names):
            level = {"thinking_has_off": f"'{LEVELS[OFF]}'" in code.replace('"', "'")} if name == EFFORT else {}
            return Thinking(switch=name, detail=level)
    return Thinking(switch=NO_SWITCH, detail={})


def count_tokens(address: Address, model: str, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> int | None:
    """Return the exact length of a prompt in tokens, or None where the server does not count.

    llama.cpp counts at ``/v1/chat/completions/input_tokens`` (older builds render and tokenize), vLLM at ``/tokenize``.
    """
    ask: dict[str, Any] = {"model": model, "messages": plain_messages(messages)}
    if tools:
        ask["tools"] = plain_tools(tools)
    counted = posted(address, f"{address.api}/chat/completions/input_tokens", ask).get("input_tokens")
    if counted is None:
        counted = posted(address, f"{address.origin}/tokenize", {**ask, "add_generation_prompt": True}).get("count")
    if counted is None:
        prompt = posted(address, f"{address.origin}/apply-template", ask).get("prompt")
        counted = _length(address, prompt) if isinstance(prompt, str) else None
    return counted if isinstance(counted, int) and counted > 0 else None


def _length(address: Address, prompt: str) -> int | None:
    body = {"content": prompt, "add_special": True, "parse_special": True}
    tokens = posted(address, f"{address.origin}/tokenize", body).get("tokens")
    return len(tokens) if isinstance(tokens, list) else None


class _Prompts:
    """The prompts a server makes of one question, by the variables its template is given.

    `are_texts` is False where they came as mere numbers of tokens, as older vLLM sends them.
    """

    def __init__(self, address: Address, kind: str, model: str) -> None:
        self._address, self._kind, self._model = address, kind, model
        self.are_texts = True

    def with_variables(self, variables: Mapping[str, Any], *, tools: object = None) -> str | None:
        """Return the prompt; None where it cannot be rendered so."""
        ask: dict[str, Any] = {"messages": _QUESTION, **({KWARGS: variables} if variables else {})}
        if tools is not None:
            ask["tools"] = tools
        if self._kind == "llama.cpp":
            prompt = posted(self._address, f"{self._address.origin}/apply-template", ask).get("prompt")
            return prompt if isinstance(prompt, str) else None
        if self._kind != "vllm":
            return None
        ask |= {"model": self._model, "add_generation_prompt": True, "return_token_strs": True}
        answer = posted(self._address, f"{self._address.origin}/tokenize", ask)
        pieces, numbers = answer.get("token_strs"), answer.get("tokens")
        if not isinstance(pieces, list):
            self.are_texts = self.are_texts and not numbers
            return json.dumps(numbers) if numbers else None
        return "".join(map(str, pieces))

    def differ(self, name: str, values: Sequence[object]) -> bool:
        """Tell whether at least two of `values` make different prompts; a value that is refused makes none."""
        prompts = {self.with_variables({name: value}) for value in values}
        return len(prompts - {None}) > 1


def _has_off(prompts: _Prompts) -> bool:
    """Tell whether the template has a rule for ``none``, in place of just printing whatever it is given.

    One that only prints the level would print any other word just so.
    """
    off, unheard = (prompts.with_variables({EFFORT: level}) for level in (LEVELS[OFF], _UNHEARD))
    if off is None:
        return False
    return unheard is None or unheard.lower().replace(_UNHEARD, LEVELS[OFF]) != off.lower()
