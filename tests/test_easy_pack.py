"""The pack that a very small model mostly passes, for comparing it with damaged copies."""

from __future__ import annotations

import pytest

from pytest_llmbench.commands.main import main
from tests.benchmarks.baselines import PACK


def test_the_easy_pack_is_judged_as_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    """All its recorded answers and their mutations come to what they must."""
    assert main(["selftest", str(PACK)]) == 0
    assert "easy-60" in capsys.readouterr().out
