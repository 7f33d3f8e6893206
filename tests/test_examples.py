"""Every example runs, as its README says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest

from pytest_llmbench.commands.main import main
from pytest_llmbench.config_file import sandbox_settings
from pytest_llmbench.settings import SandboxSettings
from tests.stub.client import running_stub

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(tmp_path: Path, *words: str, extra: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run pytest on an example, with its run folder in `tmp_path`."""
    ours = ("LLMBENCH", "PYTEST")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--llm-out", str(tmp_path / "run"), *words]
    return subprocess.run(
        [*command, *extra],
        cwd=EXAMPLES.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def results(tmp_path: Path) -> dict[str, object]:
    """Return the run's results.json."""
    found = json.loads((tmp_path / "run" / "results.json").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def test_hand_written_tests_ask_the_server(tmp_path: Path) -> None:
    """They are a row of the table, with their metric."""
    with running_stub() as stub:
        stub.set(answers={"Portugal": "Lisbon", "Norway": "Oslo", "Count": "1, 2, 3, 4, 5"})
        done = run(tmp_path, "examples/hand_written", "--llm-url", stub.url)
    assert done.returncode == 0, done.stdout
    assert "test_capitals" in done.stdout
    assert "4/4" in done.stdout
    assert "characters" in done.stdout


@pytest.mark.parametrize(("endpoint", "passed"), [("gold", 1), ("broken", 0)])
def test_a_verifier_of_ones_own_judges_its_pack(tmp_path: Path, endpoint: str, passed: int) -> None:
    """Its metric reaches the table and the JSON."""
    done = run(tmp_path, "examples/own_verifier", "--llm-endpoint", endpoint)
    assert done.returncode == 0, done.stdout
    total = results(tmp_path)["total"]
    assert isinstance(total, dict)
    assert total["passed"] == passed
    if passed:
        assert "syllables_off" in done.stdout


def test_an_endpoint_of_ones_own_is_measured(tmp_path: Path) -> None:
    """No server is looked for."""
    done = run(tmp_path, "examples/own_endpoint", "--llm-endpoint", "parrot")
    assert done.returncode == 0, done.stdout
    assert "parrot-1" in done.stdout


def readme_block(start: str) -> str:
    """Return the one YAML block of the README that begins so."""
    readme = (EXAMPLES.parent / "README.md").read_text(encoding="utf-8")
    blocks = map(textwrap.dedent, re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL))
    (block,) = [block for block in blocks if block.startswith(start)]
    return block


def test_the_readmes_sandbox_settings_are_read(tmp_path: Path) -> None:
    """They say what is the case without them."""
    (tmp_path / "llmbench.yaml").write_text(readme_block("sandbox: "), encoding="utf-8")
    assert sandbox_settings(tmp_path) == SandboxSettings()


def test_the_readmes_tutorial_pack_passes_and_fails_as_it_says(tmp_path: Path) -> None:
    """Two of its YAML blocks are a pack; --llm-repeat takes it through every recorded answer."""
    pack, gold = readme_block("llmbench: 1\n"), readme_block("GEO-1:\n")
    folder = tmp_path / "geography"
    folder.mkdir()
    (folder / "pack.yaml").write_text(pack, encoding="utf-8")
    (folder / "gold.yaml").write_text(gold, encoding="utf-8")
    assert main(["selftest", str(folder)]) == 0
    for endpoint, passed in (("gold", 1.0), ("broken", 0.0)):
        place = tmp_path / endpoint
        place.mkdir()
        done = run(place, str(folder), "--llm-endpoint", endpoint, "--llm-repeat", "4")
        assert done.returncode == 0, done.stdout
        trials = results(place)["trials"]
        assert isinstance(trials, list)
        assert {trial["outcome"] for trial in trials} == {"PASS" if passed else "FAIL"}
        assert len(trials) == 4
