"""What a run took, in a few sentences for the terminal and REPORT.md, and as cells beside other runs."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_llmbench.reports.wording import MISSING, duration, rate, single_line
from pytest_llmbench.resources import GIB, Processor, Resources
from pytest_llmbench.summary import RunFacts, percent, plural

CELL_HEADERS = ("tokens/s together", "GPU memory", "GPU busy", "Right/min")
"""What `resource_cells` has a cell for."""


def resource_lines(resources: Resources | None) -> list[str]:
    """Return a sentence for each side of it that something is known of; [] where nothing is.

    Not yet made safe for Markdown: names of GPUs stand in it.
    """
    if resources is None:
        return []
    lines = (_throughput(resources), _slots(resources), _machine(resources), _cost(resources))
    return list(filter(None, lines))


def asking_s(run: RunFacts) -> float:
    """Return for how many seconds was asked; where nobody knows, for how many the run lasted.

    A run that was gone on with lasted as long as from its first session to its last, nights between them included.
    """
    asked_s = run.resources.span_s if run.resources is not None else None
    return run.finished_at - run.started_at if asked_s is None else asked_s


def resource_notes(resources: Resources | None) -> list[str]:
    """Return why some of it is unknown, a sentence each: for a report that is read at leisure."""
    if resources is None:
        return []
    return [f"{single_line(note, 300).removesuffix('.')}." for note in resources.notes]


def resource_cells(resources: Resources | None) -> tuple[str, ...]:
    """Return the cells for `CELL_HEADERS`."""
    if resources is None:
        return (MISSING,) * len(CELL_HEADERS)
    rates = [one.utilisation for one in resources.processors if one.worked and one.utilisation is not None]
    return (
        rate(resources.tokens_per_s),
        MISSING if resources.gpu_memory_bytes is None else _gib(resources.gpu_memory_bytes),
        percent(sum(rates) / len(rates)) if rates else MISSING,
        rate(resources.right_per_min),
    )


def _throughput(found: Resources) -> str:
    if found.tokens_per_s is None or found.span_s is None:
        return ""
    read = "" if found.prompt_tokens_per_s is None else f", {rate(found.prompt_tokens_per_s)} read"
    counted = " by the server's count" if found.tokens_from == "server" else ""
    total = "" if found.generated_tokens is None else f" ({plural(found.generated_tokens, 'token')}{counted}"
    total += f" in {duration(found.span_s)})" if total else ""
    return f"Throughput: {rate(found.tokens_per_s)} tokens/s generated{read}{total}."


def _slots(found: Resources) -> str:
    parts = list(_slot_parts(found))
    return f"Server: {', '.join(parts)}." if parts else ""


def _slot_parts(found: Resources) -> Iterator[str]:
    if found.busy is not None and found.busy_share is not None:
        share = percent(found.busy_share)
        of = f" of {found.slots} slots at work on average ({share})"
        asked = f" requests at work on average ({share} of those asked at once)"
        yield f"{found.busy:.1f}{of if found.slots else asked}"
    if found.waiting is not None and found.waiting_peak is not None:
        mostly = (
            f"{found.waiting:.1f} waiting, {found.waiting_peak} at most" if found.waiting_peak else "nothing waiting"
        )
        yield mostly
    if found.preemptions:
        yield f"{plural(found.preemptions, 'request')} thrown out of a full cache"
    if found.limit_min is not None and found.limit_max is not None:
        steady = found.limit_min == found.limit_max
        yield f"{found.limit_max if steady else f'{found.limit_min} to {found.limit_max}'} asked at once"


def _machine(found: Resources) -> str:
    parts = [_processor(one) for one in found.processors if one.worked]
    if found.host_memory_peak_bytes is not None and found.host_memory_total_bytes is not None:
        used, total = found.host_memory_peak_bytes, found.host_memory_total_bytes
        cpu = "" if found.host_cpu is None else f", its processors {percent(found.host_cpu)} busy"
        parts.append(f"this machine {_gib(used)} of {_gib(total)} at most{cpu}")
    return f"Memory: {'; '.join(parts)}." if parts else ""


def _processor(one: Processor) -> str:
    name = single_line(one.name, 60)
    parts = []
    if one.memory_peak_bytes is not None:
        of = f" of {_gib(one.memory_total_bytes)}" if one.memory_total_bytes else ""
        parts.append(f"{_gib(one.memory_peak_bytes)}{of} at most")
    parts += [] if one.utilisation is None else [f"{percent(one.utilisation)} busy"]
    parts += [] if one.power_w is None else [f"{one.power_w:.0f} W"]
    return f"{name} {', '.join(parts)}"


def _cost(found: Resources) -> str:
    parts = []
    if found.right_per_min is not None:
        parts.append(f"{rate(found.right_per_min)} right answers a minute")
    if found.points_per_gpu_gib is not None:
        parts.append(f"{rate(found.points_per_gpu_gib)} points of score per GiB of GPU memory")
    if found.energy_wh is not None:
        parts.append(f"{rate(found.energy_wh)} Wh on the GPUs")
    return f"Efficiency: {', '.join(parts)}." if parts else ""


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"
