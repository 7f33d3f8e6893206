"""metrics.txt: the run's figures as OpenMetrics text, for GitLab's merge requests and for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pytest_llmbench.reports.wording import single_line
from pytest_llmbench.summary import PackSummary, Summary

Value = float | int | None
Samples = Callable[[PackSummary], Sequence[tuple[Mapping[str, str], Value]]]
"""A pack -> labels beside its own, and the value; None is left out."""


class OpenMetrics:
    """One line per pack and figure; what is unknown has none. A score stands only where nothing of a pack is missing.

    Names and labels hold nothing that changes from run to run, so that two runs' files can be compared line by line.
    """

    name = "openmetrics"
    filename = "metrics.txt"

    def render(self, summary: Summary) -> str:
        """Return the text (OpenMetrics 1.0)."""
        lines = [line for family in _FAMILIES for line in _family(family, summary)]
        return "\n".join([*lines, "# EOF"]) + "\n"


def _gauge(figure: Callable[[PackSummary], Value]) -> Samples:
    return lambda pack: [({}, figure(pack))]


def _quantiles(figures: Callable[[PackSummary], tuple[Value, Value]]) -> Samples:
    def samples(pack: PackSummary) -> list[tuple[Mapping[str, str], Value]]:
        return [({"quantile": at}, value) for at, value in zip(("0.5", "0.95"), figures(pack), strict=True)]

    return samples


def _score(pack: PackSummary) -> float | None:
    return pack.score if pack.complete and pack.thinking.is_valid else None


_FAMILIES: tuple[tuple[str, str, str, Samples], ...] = (
    ("llmbench_pack_score", "gauge", "Right answers per scenario, 0 to 1, of packs asked in full.", _gauge(_score)),
    ("llmbench_pack_scenarios", "gauge", "Scenarios that were to be asked.", _gauge(lambda pack: pack.selected)),
    ("llmbench_pack_passed", "gauge", "Scenarios answered rightly.", _gauge(lambda pack: pack.passed)),
    ("llmbench_pack_failed", "gauge", "Scenarios answered wrongly.", _gauge(lambda pack: pack.failed)),
    ("llmbench_pack_errors", "gauge", "Scenarios without a verdict, by no fault of the model.",
     _gauge(lambda pack: pack.errors)),
    ("llmbench_e2e_latency_seconds", "summary", "Seconds from asking a scenario to its last answer.",
     _quantiles(lambda pack: (pack.latency_p50_s, pack.latency_p95_s))),
    ("llmbench_time_to_first_token_seconds", "summary", "Seconds to the first token.",
     _quantiles(lambda pack: (pack.first_token_p50_s, pack.first_token_p95_s))),
    ("llmbench_decode_tokens_per_second", "gauge", "Tokens written per second, median.",
     _gauge(lambda pack: pack.decode_tps)),
    ("llmbench_prefill_tokens_per_second", "gauge", "Tokens read per second, median.",
     _gauge(lambda pack: pack.prefill_tps)),
)  # fmt: skip


def _family(family: tuple[str, str, str, Samples], summary: Summary) -> list[str]:
    name, kind, meaning, samples = family
    lines = [
        f"{name}{_labels(_own(summary, pack), more)} {_number(value)}"
        for pack in summary.packs
        for more, value in samples(pack)
        if value is not None
    ]
    unit = [f"# UNIT {name} seconds"] if name.endswith("_seconds") else []
    return [f"# TYPE {name} {kind}", *unit, f"# HELP {name} {meaning}", *lines] if lines else []


def _own(summary: Summary, pack: PackSummary) -> dict[str, str]:
    run = summary.run
    return {"pack": pack.facts.id, "model": run.model, **({"profile": run.profile} if run.profile else {})}


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4g}"


def _labels(*labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_value(text)}"' for one in labels for name, text in one.items()) + "}"


def _value(text: str) -> str:
    # GitLab's reader takes what follows a # for a comment, within quotes too
    return single_line(text, 200).replace("#", "_").replace("\\", "\\\\").replace('"', '\\"')
