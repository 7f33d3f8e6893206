"""A saved run as one HTML page that needs nothing beside itself: no script, no font, no picture, no network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pytest_llmbench import __version__
from pytest_llmbench.records import Outcome, Result, TrialKey, Turn
from pytest_llmbench.reports.html_block import html_block
from pytest_llmbench.reports.html_trial import safe, trial_html
from pytest_llmbench.reports.table import pack_name
from pytest_llmbench.reports.wording import day, moment
from pytest_llmbench.summary import PackSummary, Summary, count_text

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --good: #1a7f37; --bad: #cf222e; --odd: #9a6700; }
@media (prefers-color-scheme: dark) { :root { --good: #3fb950; --bad: #f85149; --odd: #d29922; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 0 auto; padding: 1rem; }
.llmbench table { display: block; max-width: 100%; overflow-x: auto; white-space: nowrap; }
.llmbench tr:last-child th { border-bottom: 0; }
pre { background: var(--soft); padding: .6rem .8rem; border-radius: 6px; white-space: pre-wrap;
  overflow-wrap: anywhere; max-height: 40rem; overflow-y: auto; font-size: 13px; margin: .2rem 0 .8rem; }
h2:first-child { margin-top: 0; } h2, h3 { margin: 1.4rem 0 .4rem; } h4 { margin: .6rem 0 0; font-size: 13px; }
.trial { border-bottom: 1px solid var(--line); padding: .25rem 0; }
.trial > :not(summary) { margin-left: 1.2rem; }
summary { cursor: pointer; overflow-wrap: anywhere; }
.mark { font-weight: 600; display: inline-block; min-width: 3.4em; }
.pass .mark, .ok::marker { color: var(--good); } .fail .mark, .not::marker { color: var(--bad); }
.error .mark { color: var(--odd); }
.name { font-weight: 600; } .reason { font-family: monospace; } .figures, .hint { opacity: .7; font-size: 13px; }
.checks { margin: .2rem 0; padding-left: 1.2rem; }
.ok { list-style-type: "\\2713  "; } .not { list-style-type: "\\2717  "; }
#only:checked ~ .packs .pass { display: none; }
label { margin-right: 1rem; }
@media print { pre { max-height: none; } }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Says to the browser what holds anyway: whatever a model wrote, nothing of it is run or fetched."""

Talk = Callable[[TrialKey], Sequence[Turn]]


def html_page(summary: Summary, results: Sequence[Result], talk: Talk, *, run: str) -> Iterator[str]:
    """Yield the page line by line: the table of packs, then each trial folded.

    `results` are all attempts, `talk` gives the turns of one, `run` is the run's name for ``llmbench reproduce``.
    """
    yield from ("<!doctype html>", '<html lang="en">', "<head>", '<meta charset="utf-8">')
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield f"<title>{safe(_title(summary), 200)}</title>"
    yield f"<style>{_STYLE}</style>"
    yield from ("</head>", "<body>", html_block(summary), f'<p class="hint">{safe(_origin(summary, run))}</p>')
    yield from _trials(summary, results, talk, run)
    yield from ("</body>", "</html>")


def _title(summary: Summary) -> str:
    name = summary.run.profile or summary.run.model or "Model quality"
    return f"{name}, {summary.label}, {day(summary.run.started_at)}"


def _origin(summary: Summary, run: str) -> str:
    """Say when and where this was measured, and what is missing of it."""
    ended = "not finished" if summary.run.interrupted else ""
    made = f"pytest-llmbench {__version__}"
    return ", ".join(filter(None, [f"Measured {moment(summary.run.started_at)}", ended, run, made]))


def _trials(summary: Summary, results: Sequence[Result], talk: Talk, run: str) -> Iterator[str]:
    bad = sum(result.verdict.outcome is not Outcome.PASS for result in results)
    yield "<h2>Trials</h2>"
    yield from _choice("every", f"all {len(results):,}", checked=not bad)
    yield from _choice("only", f"not passed {bad:,}", checked=bool(bad))
    yield '<div class="packs">'
    for pack in summary.packs:
        yield f"<h3>{safe(pack_name(pack))}: {safe(count_text(pack))}</h3>"
        for result in (one for one in results if _is_of(one, pack)):
            yield from trial_html(result, talk(result.key), run=run)
        if pack.missing:
            names = ", ".join(nodeid.rpartition("::")[2] for nodeid in pack.missing)
            yield f"<p>Not run: {safe(names)}</p>"
    yield "</div>"


def _choice(name: str, label: str, *, checked: bool) -> Iterator[str]:
    yield f'<input type="radio" name="shown" id="{name}"{" checked" if checked else ""}>'
    yield f'<label for="{name}">{label}</label>'


def _is_of(result: Result, pack: PackSummary) -> bool:
    return (result.pack.id, result.pack.content_hash) == (pack.facts.id, pack.facts.content_hash)
