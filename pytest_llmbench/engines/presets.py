"""Presets: how much of the machine a server takes, as variables for compose files and arguments for commands.

==================  ============================  ===================  ===============  =========================
preset              vLLM: share of GPU memory     sequences at once    prefix caching   llama.cpp: slots, KV cache
==================  ============================  ===================  ===============  =========================
performance         0.90                          128                  on               16, f16
balanced            0.85                          64                   on               8, f16
memory_optimized    0.70                          32                   off              4, q8_0
==================  ============================  ===================  ===============  =========================

vLLM's figures are those that teams use on cards of 24 to 80 GB. llama.cpp reserves its KV cache when it starts, so
its slots are what a preset is about; a slot has `SLOT_CONTEXT` tokens in each preset, so that a preset changes what
a model costs and not what fits. A KV cache of q8_0 takes half the memory and may change answers a little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from pytest_llmbench.lookup import find

SLOT_CONTEXT = 8192
"""Tokens of one llama.cpp slot: a document of 4,000 and an answer of as many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """The settings of one preset: `sequences` and `gpu_share` are vLLM's, `slots` and `cache_type` llama.cpp's."""

    gpu_share: float
    sequences: int
    prefix_caching: bool
    slots: int
    cache_type: str
    batch: int


PRESETS: dict[str, Preset] = {
    "performance": Preset(gpu_share=0.90, sequences=128, prefix_caching=True, slots=16, cache_type="f16", batch=1024),
    "balanced": Preset(gpu_share=0.85, sequences=64, prefix_caching=True, slots=8, cache_type="f16", batch=512),
    "memory_optimized": Preset(
        gpu_share=0.70, sequences=32, prefix_caching=False, slots=4, cache_type="q8_0", batch=256
    ),
}

Setting = tuple[tuple[str, ...], tuple[str, ...]]
"""The spellings of a setting on the command line, the first being the one that is used, and the words added."""


def preset_environment(name: str) -> dict[str, str]:
    """Return the variables that compose files take a preset from; {} for "". Raises `UnknownName`.

    The names that begin with ``LLAMA_ARG_`` are those that llama-server itself reads
    (llama.cpp, tools/server/README.md, 2026).
    """
    if not name:
        return {}
    preset = find("preset", name, PRESETS)
    return {
        "GPU_MEMORY_UTILIZATION": f"{preset.gpu_share:.2f}",
        "MAX_NUM_SEQS": str(preset.sequences),
        "PREFIX_CACHING": _prefix_caching(preset),
        "LLAMA_ARG_N_PARALLEL": str(preset.slots),
        "LLAMA_ARG_CTX_SIZE": str(preset.slots * SLOT_CONTEXT),
        "LLAMA_ARG_CACHE_TYPE_K": preset.cache_type,
        "LLAMA_ARG_CACHE_TYPE_V": preset.cache_type,
        "LLAMA_ARG_UBATCH": str(preset.batch),
    }


def preset_arguments(name: str, command: Sequence[str], environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return what a preset adds to `command`: settings that stand there or in `environment` already are left alone.

    () for "" and for a program that is neither llama-server nor vllm. Raises `UnknownName`.
    """
    if not name:
        return ()
    settings = _SETTINGS[program_of(command)](find("preset", name, PRESETS))
    given = {word.partition("=")[0] for word in command}
    return tuple(
        word
        for spellings, words in settings
        if not given & set(spellings) and not any(spelling in environment for spelling in spellings)
        for word in words
    )


def program_of(command: Sequence[str]) -> str:
    """Return ``llama-server``, ``vllm`` or "": which known server a command starts, also behind a wrapper."""
    names = {PurePath(word).name.removesuffix(".exe") for word in command}
    if "llama-server" in names:
        return "llama-server"
    return "vllm" if "vllm" in names or any("vllm.entrypoints" in word for word in command) else ""


def _of_llama(preset: Preset) -> tuple[Setting, ...]:
    slots, context = str(preset.slots), str(preset.slots * SLOT_CONTEXT)
    return (
        (("--parallel", "-np", "LLAMA_ARG_N_PARALLEL"), ("--parallel", slots)),
        (("--ctx-size", "-c", "LLAMA_ARG_CTX_SIZE"), ("--ctx-size", context)),
        (("--cache-type-k", "-ctk", "LLAMA_ARG_CACHE_TYPE_K"), ("--cache-type-k", preset.cache_type)),
        (("--cache-type-v", "-ctv", "LLAMA_ARG_CACHE_TYPE_V"), ("--cache-type-v", preset.cache_type)),
        (("--ubatch-size", "-ub", "LLAMA_ARG_UBATCH"), ("--ubatch-size", str(preset.batch))),
    )


def _of_vllm(preset: Preset) -> tuple[Setting, ...]:
    share = ("--gpu-memory-utilization", f"{preset.gpu_share:.2f}")
    return (
        (("--gpu-memory-utilization", "--gpu_memory_utilization"), share),
        (("--max-num-seqs", "--max_num_seqs"), ("--max-num-seqs", str(preset.sequences))),
        (("--enable-prefix-caching", "--no-enable-prefix-caching"), (_prefix_caching(preset),)),
    )


def _of_others(_preset: Preset) -> tuple[Setting, ...]:
    return ()


_SETTINGS = {"llama-server": _of_llama, "vllm": _of_vllm, "": _of_others}


def _prefix_caching(preset: Preset) -> str:
    return "--enable-prefix-caching" if preset.prefix_caching else "--no-enable-prefix-caching"
