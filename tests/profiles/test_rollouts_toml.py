"""TOML files with [[tasks]]: each becomes a profile."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.profiles import find_candidates, load_profiles
from pytest_llmbench.settings import Profile

TEXT = """\
name = "comparison"
parallel = 4

[[tasks]]
prepared_dir = "tasks/one"
model = "gpt-4"
rollouts = 3

[[tasks]]
prepared_dir = "tasks/one"
model = "org/other model"
apply_overrides = false
overrides = "tasks/one/overrides.json"

[[tasks]]
prepared_dir = "tasks/two"
model = "gpt-4"
url = "host:9000"
environment_variables = { "TIMEOUT_SEC" = "1800", B = 1, A = true }

[[tasks]]
prepared_dir = "tasks/two"
model = "gpt-4"
[tasks.environment_variables]
OPENAI_BASE_URL = "http://elsewhere:1/v1"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two packs."""
    for name in ("one", "two"):
        (tmp_path / "tasks" / name).mkdir(parents=True)
        (tmp_path / "tasks" / name / "pack.yaml").write_text("", encoding="utf-8")
    return tmp_path


def load(folder: Path, text: str, *names: str) -> tuple[Profile, ...]:
    """Return what `names` (default: the file alone) ask for in a bench.toml with this text."""
    (folder / "bench.toml").write_text(text, encoding="utf-8")
    return load_profiles(names or ("bench.toml",), folders=(folder,))


def test_each_task_is_a_profile(folder: Path) -> None:
    """Its model names it, its folder is the one pack it is asked."""
    first, other, third, fourth = load(folder, TEXT)
    assert first == Profile(
        name="gpt-4.one",
        engine="external",
        origin="bench.toml:4",
        folder=str(folder),
        model="gpt-4",
        packs=(str(folder / "tasks" / "one"),),
        repeat=3,
        concurrency=4,
    )
    assert (other.name, other.model, other.repeat) == ("org-other-model", "org/other model", None)
    assert (third.name, third.urls, third.timeout_s) == ("gpt-4.two", ("http://host:9000/v1",), 1800.0)
    assert third.env == {"B": "1", "A": "true"}
    assert (fourth.name, fourth.urls, fourth.env) == ("gpt-4.two-2", ("http://elsewhere:1/v1",), {})


def test_names_are_models_where_that_tells_them_apart(folder: Path) -> None:
    """And numbered where only other settings differ."""
    task = '[[tasks]]\nprepared_dir = "tasks/{}"\nmodel = "{}"\n'
    text = "".join(task.format("one", model) for model in ("a", "b", "a"))
    assert [profile.name for profile in load(folder, text)] == ["a", "b", "a-2"]


def test_what_is_not_done_is_told(folder: Path) -> None:
    """Nothing of a user's file is dropped in silence."""
    told: list[str] = []
    load(folder, TEXT)
    load_profiles(["bench.toml"], folders=(folder,), say=told.append)
    assert told == [
        "bench.toml:9: overrides are left out, as apply_overrides is not true",
        "bench.toml:15: nothing is started for a task, so nobody reads its variables A, B",
    ]
    about = [candidate.description for candidate in find_candidates(["bench.toml"], folders=(folder,))]
    assert about[0] == "comparison: gpt-4 on tasks/one"


def test_folders_may_start_where_the_run_does(folder: Path) -> None:
    """Files in configs/ often name folders from the top."""
    (folder / "configs").mkdir()
    (folder / "configs" / "bench.toml").write_text(TEXT, encoding="utf-8")
    profiles = load_profiles(["configs/bench.toml:org*"], folders=(folder,))
    assert profiles[0].packs == (str(folder / "tasks" / "one"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = ", r"bench\.toml:1: this is not valid TOML"),
        ("name = 'x'", r'bench\.toml: the key "tasks" is missing'),
        ("tasks = []", r"bench\.toml:1: tasks: needs at least 1 entry"),
        ("paralel = 1\n[[tasks]]", r'bench\.toml:1: paralel: there is no key "paralel" here: did you mean "parallel"'),
        ("[[tasks]]\nmodel = 'x'", r'bench\.toml:1: tasks\[0\]: the key "prepared_dir" is missing'),
        (
            "[[tasks]]\nprepared_dir='tasks/one'\nmodel='x'\n[[tasks]]\nprepared_dir='y'\nmodel='x'\nrolouts=2",
            r'bench\.toml:7: tasks\[1\]\.rolouts: there is no key "rolouts" here: did you mean "rollouts"',
        ),
        ("[[tasks]]\nprepared_dir='tasks/one'\nmodel='x'\nrollouts=0", r":4: tasks\[0\]\.rollouts: must be at least 1"),
        (
            "parallel=2\n[[tasks]]\n\nprepared_dir='tasks/none'\nmodel='x'",
            r"bench\.toml:4: tasks\[0\]\.prepared_dir: there is no pack\.yaml in .*tasks/none\. A task is a pack here",
        ),
        (
            "[[tasks]]\nprepared_dir='tasks/one'\nmodel='x'\napply_overrides=true",
            r":4: tasks\[0\]\.apply_overrides: overrides cannot be applied to a pack",
        ),
        (
            "[[tasks]]\nprepared_dir='tasks/one'\nmodel='x'\nurl='ftp://x'",
            r":4: tasks\[0\]\.url: 'ftp://x' is no server",
        ),
        (
            "[[tasks]]\nprepared_dir='tasks/one'\nmodel='x'\nenvironment_variables={TIMEOUT_SEC='soon'}",
            r":4: tasks\[0\]\.environment_variables: TIMEOUT_SEC must be a time above 0",
        ),
        ("[[tasks]]\nprepared_dir='tasks/one'\nmodel='///'", r':3: tasks\[0\]\.model: "" is no name for a profile'),
        ("[[tasks]]\nprepared_dir='tasks/one'\nmodel='all'", r':3: tasks\[0\]\.model: "all" has a meaning of its own'),
    ],
)
def test_faults_have_a_line_and_the_nearest_name(folder: Path, text: str, message: str) -> None:
    """And say what is expected instead."""
    with pytest.raises(UsageProblem, match=message):
        load(folder, text)
