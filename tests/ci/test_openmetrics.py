"""metrics.txt: read by the parsers it is for."""

from __future__ import annotations

import dataclasses
import re
import shlex

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from pytest_llmbench.reports.openmetrics import OpenMetrics
from pytest_llmbench.summary import Summary
from tests.summaries import RUN, quick, summary, words

Sample = tuple[str, tuple[tuple[str, str], ...]]


def samples(measured: Summary) -> dict[Sample, float]:
    """Return the values by name and labels, as Prometheus reads them."""
    families = text_string_to_metric_families(OpenMetrics().render(measured))
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for found in families for one in found.samples}


def gitlab(text: str) -> dict[str, str]:
    """Return the values by name, as GitLab reads them: what follows # is a comment, then words as in a shell."""
    lines = (shlex.split(re.sub("#.*$", "", line)) for line in text.splitlines())
    return {line[0]: line[1] for line in lines if len(line) > 1}


def test_prometheus_reads_each_pack() -> None:
    """Scores as shares, times in seconds with quantiles."""
    found = samples(quick(profile="q4"))
    own = (("model", "some-model"), ("pack", "toolcall-15"), ("profile", "q4"))
    assert found["llmbench_pack_passed", own] == 14
    assert abs(found["llmbench_pack_score", own] - 14 / 15) < 1e-4
    quantile = (*own, ("quantile", "0.95"))
    assert found["llmbench_e2e_latency_seconds", quantile] == 2.0
    assert found["llmbench_decode_tokens_per_second", own] == 50


def test_gitlab_reads_the_same() -> None:
    """Its reader takes each line apart as a shell would."""
    measured = quick()
    assert len(gitlab(OpenMetrics().render(measured))) == len(samples(measured))


def test_an_unfinished_pack_has_no_score() -> None:
    """Its counts tell why."""
    names = {name for name, _ in samples(summary({"toolcall-15": words(10, 1, 4)}))}
    assert "llmbench_pack_score" not in names
    assert "llmbench_pack_errors" in names


def test_odd_names_break_no_line() -> None:
    """A model is called whatever its server says."""
    odd = dataclasses.replace(RUN, model='a "b"\\c\n# d\ud800 ::error::')
    measured = summary({"toolcall-15": words(15)}, run=odd)
    models = {dict(labels)["model"] for _, labels in samples(measured)}
    assert models == {'a "b"\\c\\n_ d\\ud800 ::error::'}
    assert len(gitlab(OpenMetrics().render(measured))) == len(samples(measured))


def test_nothing_measured_is_a_file_too() -> None:
    """GitLab wants the file that was promised."""
    assert OpenMetrics().render(summary()) == "# EOF\n"
