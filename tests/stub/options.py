"""How a stub behaves: set when it starts, changed at run time through ``/stub/set``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, kw_only=True)
class Options:
    """The stub's behaviour.

    A request holds a slot for ``[[seconds=...]]`` of its last user message, else for
    max_tokens / `tokens_per_s` where that is set, else for `service_s` seconds.
    `answers` maps a text that a user message contains to a reply (see `replies.Script`), or to a
    list of them: the k-th for a conversation that holds k assistant messages, the last one for all later.
    `fault` is a fault of `faults` that meets every request without one of its own.
    `loading_s` and `refuse_s` count from the start, or from the moment they are set.
    `template` is a style of `templates.SOURCES`; a model that obeys it thinks `thought_words` words, `thinks` says
    ``always`` or ``never`` where it does not obey. Without `renders` there is no page that renders a prompt.
    Without `metrics` and `shows_slots` a llama.cpp refuses those pages, as one started without ``--metrics`` and with
    ``--no-slots``, and its /props does not tell how many slots it has. `preemptions` is the counter of a vLLM.
    `flavour` is ``llama.cpp`` or ``vllm``; `reasoning_field` is ``reasoning_content``, ``reasoning`` or ``think_tags``.
    """

    flavour: str = "llama.cpp"
    host: str = "127.0.0.1"
    """The address it listens on from its start; 0.0.0.0 lets containers in."""
    most: int = 0
    """How many requests a vLLM holds at once, running and waiting; more get a 503, as with --max-num-queued-reqs."""
    slots: int = 8
    service_s: float = 0.05
    tokens_per_s: float = 0.0
    model: str = "stub-model"
    key: str = ""
    n_ctx: int = 32768
    slot_ctx: int = 0
    """What /slots says of a slot's context where it is not `n_ctx`."""
    loading_s: float = 0.0
    refuse_s: float = 0.0
    answers: dict[str, Any] = field(default_factory=dict)
    once: dict[str, list[Any]] = field(default_factory=dict)
    """Replies that are used up: the k-th conversation whose user messages contain the text begins with the k-th one."""
    fault: str = ""
    reasoning_field: str = "reasoning_content"
    template: str = "none"
    thinks: str = ""
    thought_words: int = 6
    renders: bool = True
    spells: bool = True
    """Whether /tokenize of vLLM gives the texts of tokens and reads tools, which older ones do not."""
    shows_tools: bool = True
    """Whether the template has a place for tools."""
    sampling: dict[str, Any] = field(default_factory=lambda: {"temperature": 0.8, "top_k": 40, "top_p": 0.95})
    metrics: bool = True
    shows_slots: bool = True
    preemptions: int = 0
    auto_tools: bool = True
    ping: bool = False
    kept: int = 200
    """How many requests ``/stub/requests`` remembers."""

    def change(self, values: dict[str, Any]) -> None:
        """Take over `values`; an unknown name raises AttributeError."""
        for name, value in values.items():
            if name not in self.__slots__:
                raise AttributeError(name)
            setattr(self, name, value)
