"""The HTML reports as a browser shows them: whole, and with nothing of a model's answer run as a program."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pytest_llmbench.commands.main import main
from tests.plugin.lab import Lab, scenarios
from tests.stub.client import Stub

pytestmark = pytest.mark.needs("chromium")

TAKEN = "taken over"
HOSTILE = (
    f"<script>document.title='{TAKEN}'</script><img src=x onerror=\"document.title='{TAKEN}'\">"
    f"</pre></details></template></script><svg onload=\"document.title='{TAKEN}'\">"
    f"<a href=\"javascript:document.title='{TAKEN}'\">no</a>"
)


def shown(page: Path) -> str:
    """Return the page's DOM after its scripts have run, as headless Chromium serialises it."""
    words = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000", "--dump-dom", page.as_uri()]
    browser = shutil.which("chromium")
    assert browser is not None, "the mark lets no test come here without"
    return subprocess.run([browser, *words], capture_output=True, text=True, timeout=60, check=True).stdout


def title(dom: str) -> str:
    """Return what the window is called."""
    found = re.search(r"<title[^>]*>(.*?)</title>", dom, re.DOTALL)
    return found[1] if found else ""


@pytest.fixture
def run(lab: Lab, stub: Stub) -> Lab:
    """A run of which one answer is hostile, with the page of pytest-html."""
    lab.pack(scenarios(6, wrong=[2]))
    stub.set(answers={"S-03": HOSTILE})
    lab.run("--llm-url", stub.url, "--html", "page.html", "--self-contained-html").ends(0, "2 wrong answers")
    return lab


def test_the_page_of_the_session_runs_nothing_of_an_answer(run: Lab) -> None:
    """pytest-html lays its rows out by a script of its own; the answer stays a text in them."""
    dom = shown(run.root / "page.html")
    assert TAKEN not in title(dom)
    assert "document.title" in dom, "the answer itself is to be read"
    assert "Model quality" in dom
    assert dom.count("results-table-row") >= 6


def test_the_page_of_a_saved_run_runs_nothing_at_all(run: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every trial is there, folded; no script of anybody runs."""
    monkeypatch.chdir(run.root)
    assert main(["report", "latest", "--html"]) == 0
    (path,) = (run.root / ".llmbench" / "runs").glob("*/report.html")
    dom = shown(path)
    assert TAKEN not in title(dom)
    assert "document.title" in dom
    assert "<script" not in dom
    assert all(f"S-{number:02d}" in dom for number in range(1, 7))
