"""Which switch a chat template has, found by rendering; and how long a prompt is."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pytest_llmbench.endpoints.addresses import Address, address_of
from pytest_llmbench.endpoints.openai_chat import OpenAIChat
from pytest_llmbench.endpoints.templates import count_tokens, read_source, template_facts
from pytest_llmbench.engines.child_process import ChildProcess
from pytest_llmbench.engines.embedded import CHILD, TEMPLATE
from pytest_llmbench.engines.weights import embedded_weights
from pytest_llmbench.errors import BadConfiguration
from pytest_llmbench.records import Connection, Message, Tool
from pytest_llmbench.settings import Settings
from pytest_llmbench.thinking_switch import problem_of
from tests.patience import wait_until
from tests.stub import Stub
from tests.stub.templates import SOURCES

FOUND = {
    "none": ("none", {}),
    "enable_thinking": ("enable_thinking", {}),
    "thinking": ("thinking", {}),
    "reasoning_effort": ("reasoning_effort", {"thinking_has_off": False}),
    "effort_with_none": ("reasoning_effort", {"thinking_has_off": True}),
    "always": ("none", {"thinking_always": True}),
}
PING = Tool(name="ping", description="Does nothing.", parameters={"type": "object", "properties": {}})


def learnt(url: str) -> tuple[str, dict[str, bool]]:
    """Return what a server's facts say of thinking."""
    facts = OpenAIChat(base_url=url).facts(wait_s=30)
    return facts.thinking_switch, {name: value for name, value in facts.detail.items() if name.startswith("thinking_")}


def address(url: str) -> Address:
    """Return the address of a server without secrets."""
    return address_of(url, "", Connection())


@pytest.mark.parametrize("flavour", ["llama.cpp", "vllm"])
@pytest.mark.parametrize("style", list(SOURCES))
def test_the_switch_is_the_first_whose_values_render_differently(stub: Stub, flavour: str, style: str) -> None:
    """The same for both kinds of servers."""
    stub.set(flavour=flavour, template=style)
    assert learnt(stub.url) == FOUND[style]


@pytest.mark.parametrize("style", list(SOURCES))
def test_numbers_of_tokens_prove_the_switch_too(stub: Stub, style: str) -> None:
    """But not whether a level is only printed, nor what a prompt ends in."""
    stub.set(flavour="vllm", template=style, spells=False)
    assert learnt(stub.url) == (FOUND[style][0], {})


@pytest.mark.parametrize("style", list(SOURCES))
def test_without_rendering_the_source_is_read(stub: Stub, style: str) -> None:
    """It does not show what every prompt ends in; vLLM shows no source either, so nothing is known there."""
    stub.set(template=style, renders=False)
    switch, detail = FOUND[style]
    detail = {name: value for name, value in detail.items() if name != "thinking_always"}
    assert learnt(stub.url) == (switch, detail)
    stub.set(flavour="vllm")
    assert learnt(stub.url) == ("", {})


@pytest.mark.parametrize(
    ("source", "switch"),
    [
        ("", ""),
        ("{{ message.thinking }}{{ 'thinking' }} thinking", "none"),
        ("{% set thinking = true %}{{ messages }}", "none"),
        ("{% if thinking == true %}a{% endif %}", "thinking"),
        ('{%- if not thinking is defined -%}{{ "enable_thinking" }}{%- endif -%}', "thinking"),
        ("{% if enable_thinking is defined and thinking %}a{% endif %}", "enable_thinking"),
        ("{{ message['reasoning_effort'] }}", "none"),
    ],
)
def test_only_names_that_a_template_reads_count(source: str, switch: str) -> None:
    """Attributes, texts and names it only sets do not."""
    assert read_source(source).switch == switch


def test_vllm_without_a_place_for_tools_is_found_out(stub: Stub) -> None:
    """It takes them without a word; one too old to render tools here proves nothing."""
    caps = "chat_template_caps"
    stub.set(flavour="vllm")
    assert caps not in OpenAIChat(base_url=stub.url).facts(wait_s=30).detail
    stub.set(shows_tools=False)
    assert OpenAIChat(base_url=stub.url).facts(wait_s=30).detail[caps] == {"supports_tools": False}
    stub.set(spells=False)
    assert caps not in OpenAIChat(base_url=stub.url).facts(wait_s=30).detail


def test_another_template_of_vllm_has_another_hash(stub: Stub) -> None:
    """The same one has the same; without rendering there is none."""
    stub.set(flavour="vllm", template="enable_thinking")
    one, again = (template_facts(address(stub.url), kind="vllm", model="stub-model") for _ in range(2))
    stub.set(template="thinking")
    other = template_facts(address(stub.url), kind="vllm", model="stub-model")
    assert one == again != other
    stub.set(renders=False)
    assert template_facts(address(stub.url), kind="vllm", model="stub-model") == {}


@pytest.mark.parametrize("flavour", ["llama.cpp", "vllm"])
def test_a_prompt_is_counted_by_the_server(stub: Stub, flavour: str) -> None:
    """As many tokens as the answer's usage will say; None where nobody counts."""
    stub.set(flavour=flavour)
    text = "How long is this prompt, all in all?"
    messages = (Message(role="user", content=text),)
    counted = count_tokens(address(stub.url), "stub-model", messages)
    assert counted == len(json.dumps([{"role": "user", "content": text}])) // 4
    stub.set(renders=False)
    assert count_tokens(address(stub.url), "stub-model", messages) is None


def test_a_dead_server_counts_nothing() -> None:
    """It is the run that will tell."""
    assert count_tokens(address("http://127.0.0.1:9/v1"), "m", ()) is None


@contextmanager
def real_server(template: str) -> Iterator[str]:
    """Run llama.cpp with the embedded weights and this chat template; yield its base URL."""
    try:
        weights = embedded_weights(lambda _line: None)
    except BadConfiguration as error:
        pytest.skip(str(error).splitlines()[0])
    options = {"hostnames": ["127.0.0.1"], "port": 0, "n_ctx": 1024, "n_parallel": 2, "chat_template": template}
    options |= {"endpoint_props": True, "endpoint_slots": True, "use_jinja": True, "model_alias": ["m"]}
    child = ChildProcess(
        [sys.executable, "-P", str(CHILD), str(weights), json.dumps(options), str(os.getpid())],
        environment=dict(os.environ),
    )
    try:
        found = {"line": ""}
        wait_until(lambda: bool(found.update(line=child.announcement(0.2)) or found["line"]))
        yield json.loads(found["line"])["base_url"]
    finally:
        child.stop()


@pytest.mark.needs("embedded")
@pytest.mark.parametrize("style", list(SOURCES))
def test_llama_cpp_itself_renders_these_templates_so(style: str) -> None:
    """The stub stands for a real server: the switch, slots and their context, and what a prompt counts."""
    with real_server(SOURCES[style]) as url:
        endpoint = OpenAIChat(base_url=url)
        facts = endpoint.facts(wait_s=30)
        assert learnt(url) == FOUND[style]
        assert (facts.kind, facts.slots, facts.context) == ("llama.cpp", 2, 512)
        assert facts.detail["sampling_defaults"]["temperature"] == pytest.approx(0.8)
        messages = (Message(role="user", content="Say hello to the world."),)
        plain, with_tool = (count_tokens(address(url), "m", messages, tools) for tools in ((), (PING,)))
        assert plain is not None
        assert with_tool is not None
        assert 4 < plain <= with_tool < 200


@pytest.mark.needs("embedded")
def test_the_embedded_model_has_no_switch() -> None:
    """So that it cannot be asked to think, and is told so before the run."""
    with real_server(TEMPLATE.read_text(encoding="utf-8")) as url:
        facts = OpenAIChat(base_url=url).facts(wait_s=30)
    assert (facts.thinking_switch, facts.kind) == ("none", "llama.cpp")
    assert "has no switch for thinking" in str(problem_of(Settings(thinking="on"), [], facts))
    assert problem_of(Settings(thinking="off"), [], facts) is None
