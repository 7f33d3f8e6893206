"""What a preset sets, for compose files and for commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_llmbench.engines.presets import PRESETS, preset_arguments, preset_environment, program_of
from pytest_llmbench.errors import UnknownName

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_variables_for_compose_files() -> None:
    """Each preset has vLLM's share, sequences and prefix caching, and llama.cpp's slots, context and cache."""
    assert preset_environment("performance") == {
        "GPU_MEMORY_UTILIZATION": "0.90",
        "MAX_NUM_SEQS": "128",
        "PREFIX_CACHING": "--enable-prefix-caching",
        "LLAMA_ARG_N_PARALLEL": "16",
        "LLAMA_ARG_CTX_SIZE": "131072",
        "LLAMA_ARG_CACHE_TYPE_K": "f16",
        "LLAMA_ARG_CACHE_TYPE_V": "f16",
        "LLAMA_ARG_UBATCH": "1024",
    }
    assert preset_environment("memory_optimized")["PREFIX_CACHING"] == "--no-enable-prefix-caching"
    assert preset_environment("") == {}


@pytest.mark.parametrize("name", PRESETS)
def test_a_slot_has_the_same_context_in_each_preset(name: str) -> None:
    """A preset changes what a model costs, never what fits."""
    env = preset_environment(name)
    assert int(env["LLAMA_ARG_CTX_SIZE"]) / int(env["LLAMA_ARG_N_PARALLEL"]) == 8192


def test_arguments_for_vllm() -> None:
    """Share of the GPU, sequences and prefix caching are added; what the command has stays."""
    assert preset_arguments("balanced", ["vllm", "serve", "m"], {}) == (
        *("--gpu-memory-utilization", "0.85", "--max-num-seqs", "64", "--enable-prefix-caching"),
    )
    command = ["uv", "run", "vllm", "serve", "m", "--max-num-seqs=7", "--no-enable-prefix-caching"]
    assert preset_arguments("performance", command, {}) == ("--gpu-memory-utilization", "0.90")


def test_arguments_for_llama_server() -> None:
    """Slots, context, cache and batch are added; what the command or its variables have stays."""
    assert preset_arguments("memory_optimized", ["/opt/llama-server", "-m", "x"], {}) == (
        *("--parallel", "4", "--ctx-size", "32768", "--cache-type-k", "q8_0", "--cache-type-v", "q8_0"),
        *("--ubatch-size", "256"),
    )
    command = ["llama-server", "-np", "2", "-c", "4096", "-ctk", "f16"]
    assert preset_arguments("balanced", command, {"LLAMA_ARG_UBATCH": "64"}) == ("--cache-type-v", "f16")


def test_other_programs_get_nothing() -> None:
    """Whose arguments nobody knows, none are added."""
    assert preset_arguments("balanced", ["my-server"], {}) == ()
    assert preset_arguments("", ["vllm", "serve"], {}) == ()
    assert program_of(["python", "-m", "vllm.entrypoints.openai.api_server"]) == "vllm"


def test_the_nearest_preset_is_named() -> None:
    """A misspelt one is an error with the right name."""
    with pytest.raises(UnknownName, match='did you mean "memory_optimized"'):
        preset_environment("memory-optimised")
    with pytest.raises(UnknownName, match='did you mean "balanced"'):
        preset_arguments("balance", ["vllm"], {})


@pytest.mark.parametrize(
    ("file", "unused"),
    [
        ("llamacpp/compose.cpu.yaml", {"GPU_MEMORY_UTILIZATION", "MAX_NUM_SEQS", "PREFIX_CACHING"}),
        ("llamacpp/compose.gpu.yaml", {"GPU_MEMORY_UTILIZATION", "MAX_NUM_SEQS", "PREFIX_CACHING"}),
        ("vllm/compose.gpu.yaml", {name for name in preset_environment("balanced") if name.startswith("LLAMA")}),
    ],
)
def test_the_examples_use_what_presets_set(file: str, unused: set[str]) -> None:
    """Each variable of a preset is substituted in the example of its server."""
    used = set(re.findall(r"\$\{(\w+)", (EXAMPLES / file).read_text(encoding="utf-8")))
    assert set(preset_environment("balanced")) - used == unused
