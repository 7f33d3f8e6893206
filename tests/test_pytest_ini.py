"""pytest's ini file, read without pytest: the same file and the same values as pytest itself takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.pytest_ini import read_ini

LAYOUTS = {
    "none": {},
    "pytest.ini": {"pytest.ini": "[pytest]\nllmbench_sandbox = docker\n"},
    "hidden": {".pytest.ini": "[pytest]\nllmbench_sandbox: docker\n"},
    "empty pytest.ini": {"pytest.ini": "", "tox.ini": "[pytest]\nllmbench_sandbox = docker\n"},
    "pyproject": {"pyproject.toml": "[tool.pytest.ini_options]\nllmbench_sandbox = 'docker'\n"},
    "pyproject of another": {"pyproject.toml": "[project]\nname = 'x'\n", "setup.py": ""},
    "pyproject passed over": {
        "pyproject.toml": "[tool.ruff]\nline-length = 9\n",
        "setup.cfg": "[tool:pytest]\nllmbench_sandbox = docker\n",
    },
    "tox": {"tox.ini": "[testenv]\ncommands = x %(y)s\n[pytest]\nllmbench_sandbox = docker\n"},
    "setup.py": {"setup.py": ""},
    "above": {"../pytest.ini": "[pytest]\nllmbench_sandbox = docker\n", "tox.ini": "[tox]\n"},
    "percent": {"pytest.ini": "[pytest]\nlog_format = %(message)s\nllmbench_sandbox = docker\n"},
    "several lines": {"pytest.ini": "[pytest]\naddopts =\n  -q\n  # -x\nllmbench_sandbox = docker\n"},
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_the_file_is_the_one_that_pytest_takes(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, layout: dict[str, str]
) -> None:
    """Its folder is pytest's rootdir, its value what pytest reads."""
    here = pytester.mkdir("below")
    for name, text in layout.items():
        (here / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(here)
    config = pytester.parseconfig()
    found = read_ini(here)
    assert found.folder == config.rootpath
    assert found.text("llmbench_sandbox") == config.getini("llmbench_sandbox")


@pytest.mark.parametrize(
    ("name", "text"), [("pytest.ini", "llmbench_sandbox = docker\n"), ("pyproject.toml", "[tool.pytest\n")]
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, text: str) -> None:
    """As pytest itself would refuse to go on."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UsageProblem, match=name.replace(".", r"\.")):
        read_ini(tmp_path)
