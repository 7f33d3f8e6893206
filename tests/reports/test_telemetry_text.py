"""What a run took, in words."""

from __future__ import annotations

from dataclasses import replace

from pytest_llmbench.reports.telemetry_text import (
    CELL_HEADERS,
    asking_s,
    resource_cells,
    resource_lines,
    resource_notes,
)
from pytest_llmbench.resources import GIB, Processor, Resources
from pytest_llmbench.summary import RunFacts

GPU = Processor(
    name="NVIDIA H100 80GB\n\x1b[31m",
    memory_peak_bytes=int(14.25 * GIB),
    memory_total_bytes=80 * GIB,
    utilisation=0.86,
    power_w=412.4,
    worked=True,
)
WHOLE = Resources(
    span_s=220.0,
    samples=220,
    generated_tokens=26_184,
    tokens_per_s=119.02,
    prompt_tokens_per_s=1204.0,
    tokens_from="answers",
    slots=8,
    busy=7.76,
    busy_share=0.97,
    waiting=0.12,
    waiting_peak=3,
    preemptions=2,
    in_flight=7.9,
    limit_min=2,
    limit_mean=7.5,
    limit_max=8,
    host_cpu=0.34,
    host_memory_peak_bytes=5 * GIB,
    host_memory_total_bytes=62 * GIB,
    processors=(GPU, Processor(name="idle one", memory_peak_bytes=1)),
    gpu_memory_bytes=int(14.25 * GIB),
    energy_wh=25.2,
    right_per_min=12.14,
    points_per_gpu_gib=3.93,
    notes=("no GPU figures: x",),
)
SERVER = (
    "Server: 7.8 of 8 slots at work on average (97%), 0.1 waiting, 3 at most, "
    "2 requests thrown out of a full cache, 2 to 8 asked at once."
)
MEMORY = (
    "Memory: NVIDIA H100 80GB\\n\\x1b[31m 14.2 GiB of 80.0 GiB at most, 86% busy, 412 W; "
    "this machine 5.0 GiB of 62.0 GiB at most, its processors 34% busy."
)


def test_everything_known_is_told_in_four_sentences() -> None:
    """Foreign names cannot drive the terminal; a GPU that did not work is not named."""
    assert resource_lines(WHOLE) == [
        "Throughput: 119 tokens/s generated, 1,204 read (26,184 tokens in 3 min 40 s).",
        SERVER,
        MEMORY,
        "Efficiency: 12.1 right answers a minute, 3.9 points of score per GiB of GPU memory, 25.2 Wh on the GPUs.",
    ]
    assert resource_notes(WHOLE) == ["no GPU figures: x."]


def test_nothing_is_said_of_what_is_unknown() -> None:
    """A hosted server tells nothing but what its answers show."""
    assert resource_lines(Resources()) == []
    some = Resources(span_s=10.0, generated_tokens=1, tokens_per_s=0.1, tokens_from="server", limit_min=8, limit_max=8)
    assert resource_lines(some) == [
        "Throughput: 0.1 tokens/s generated (1 token by the server's count in 10 s).",
        "Server: 8 asked at once.",
    ]
    quiet = Resources(busy=4.0, busy_share=1.0, waiting=0.0, waiting_peak=0)
    assert resource_lines(quiet) == [
        "Server: 4.0 requests at work on average (100% of those asked at once), nothing waiting."
    ]


def test_cells_for_a_table_of_several_runs() -> None:
    """One for each header, a dash where nothing is known."""
    assert resource_cells(WHOLE) == ("119", "14.2 GiB", "86%", "12.1")
    assert resource_cells(Resources()) == ("-",) * len(CELL_HEADERS)


def test_how_long_was_asked() -> None:
    """As the answers tell, else as long as the run lasted."""
    run = RunFacts(started_at=5.0, finished_at=105.0)
    assert asking_s(run) == 100.0
    assert asking_s(replace(run, resources=Resources())) == 100.0
    assert asking_s(replace(run, resources=Resources(span_s=30.0))) == 30.0
