"""Which trial is started first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pytest_llmbench.statistics import quantile

PREFIX_CHARACTERS = 2000
"""A shared prompt prefix shorter than this is not worth keeping trials together for."""


@dataclass(frozen=True, slots=True)
class Job:
    """What the feeder must know of a scenario to order it.

    `index` is the position of its test item in the collection, `max_tokens` what stands for its
    length until a run has measured it, `prefix` a hash of a long prompt prefix it shares, or "".
    """

    index: int
    nodeid: str
    max_tokens: int
    prefix: str = ""


def order_jobs(jobs: Sequence[Job], durations: Mapping[str, float]) -> list[int]:
    """Return the job indices in the order to start them.

    Longest expected first (Graham 1969, "Bounds on multiprocessing timing anomalies", SIAM J.
    Appl. Math. 17:416-429: at most 4/3 of the best schedule). `durations` maps node ids to the
    seconds they took last time; where a job is not in it, its `max_tokens` are converted by the
    median rate of those that are. Jobs with one `prefix` stay together, at the place of their longest.
    """
    rate = _seconds_per_token(jobs, durations)
    weight = {job.index: durations.get(job.nodeid, job.max_tokens * rate) for job in jobs}
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for job in jobs:
        groups[job.prefix or job.index].append(job.index)
    for members in groups.values():
        members.sort(key=lambda index: -weight[index])
    ordered = sorted(groups.values(), key=lambda members: -weight[members[0]])
    return [index for members in ordered for index in members]


def _seconds_per_token(jobs: Iterable[Job], durations: Mapping[str, float]) -> float:
    rates = [durations[job.nodeid] / job.max_tokens for job in jobs if job.nodeid in durations and job.max_tokens]
    return quantile(rates, 0.5) or 1.0
