"""Node ids and pytest's own ways to select: paths, -k, -m, --lf, --deselect, --collect-only."""

from __future__ import annotations

import pytest

from tests.plugin.lab import CHECKOUT, Lab, scenario, scenarios
from tests.stub.client import Stub

NO_CACHE = ("-p", "no:cacheprovider")


def ids(lab: Lab, *words: str, **env: str) -> list[str]:
    """Return the node ids that pytest lists."""
    listed = lab.run("--collect-only", "-q", *NO_CACHE, *words, **env)
    return [line for line in listed.lines if "::" in line]


def test_a_checkout_has_the_ids_people_type(lab: Lab) -> None:
    """A scenario of the repository is packs/<pack>/pack.yaml::<id>, and that id selects it."""
    wanted = "packs/toolcall-15/pack.yaml::TC-07"
    assert ids(lab, "--rootdir", str(CHECKOUT), "-c", str(CHECKOUT / "pyproject.toml"), str(CHECKOUT / wanted)) == [
        wanted
    ]


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_an_installed_wheel_has_the_same_ids(lab: Lab, workers: tuple[str, ...]) -> None:
    """Away from the checkout --llm-packs finds the packs in the package, under the ids of the checkout."""
    words = ("--llm-packs", "quick", "--llm-endpoint", "gold", "-k", "TC-07 or IF-03", "-v", *workers)
    done = lab.run(*words, PYTHONPATH=lab.site())
    done.holds(
        "packs/toolcall-15/pack.yaml::TC-07 PASSED" if not workers else "packs/toolcall-15/pack.yaml::TC-07",
        "1/1 of 15 selected",
    )
    assert sorted(done.verdicts) == ["IF-03", "TC-07"]
    done.ends(0, "no wrong answer in 2 scenarios")


def test_tags_are_marks(lab: Lab) -> None:
    """Tags of a pack and of a scenario are registered markers, so -m takes them under --strict-markers too."""
    lab.pack([scenario("S-01", tags=["hard_one"]), scenario("S-02")])
    strict = ("--strict-markers", "-W", "error")
    assert ids(lab, "-m", "small", *strict) == ["packs/mini/pack.yaml::S-01", "packs/mini/pack.yaml::S-02"]
    assert ids(lab, "-m", "hard_one", *strict) == ["packs/mini/pack.yaml::S-01"]
    lab.run("--markers", "-m", "small", *NO_CACHE)


def test_words_of_k_match_ids_and_packs(lab: Lab) -> None:
    """-k sees the scenario's id and the pack's folder; --deselect and a typed id do what they always do."""
    lab.pack(scenarios(3))
    lab.pack(scenarios(2), name="other")
    assert ids(lab, "-k", "S-02 and mini") == ["packs/mini/pack.yaml::S-02"]
    assert len(ids(lab, "-k", "other")) == 2
    assert len(ids(lab, "--deselect", "packs/mini/pack.yaml::S-01")) == 4
    assert ids(lab, "packs/other/pack.yaml::S-02") == ["packs/other/pack.yaml::S-02"]


def test_collecting_touches_nothing(lab: Lab, stub: Stub) -> None:
    """--collect-only asks no server, not even a dead one, and leaves no folder."""
    lab.pack(scenarios(2))
    for url in (stub.url, "http://127.0.0.1:9"):
        done = lab.run("--collect-only", "--llm-url", url, *NO_CACHE)
        assert done.code == 0
        done.holds("<PackFile packs/mini/pack.yaml>" if "<PackFile packs" in done.out else "pack.yaml", "S-02")
    assert stub.stats()["connections"] <= 1
    assert stub.stats()["requests"] == 0
    assert not (lab.root / ".llmbench").exists()


def test_last_failed_asks_only_what_failed(lab: Lab, stub: Stub) -> None:
    """--lf selects wrong answers and errors of the last run, and the table says it is a part."""
    lab.pack([*scenarios(3, wrong=[2]), scenario("S-04", marks="[[fault=broken]]")])
    lab.run("--llm-url", stub.url).ends(6, "1 server_error")
    stub.set(reset=True)
    again = lab.run("--llm-url", stub.url, "--lf")
    assert sorted(again.verdicts) == ["S-02", "S-04"]
    again.holds("rerun previous 2 failures", "0/1 of 4 selected, 1 error")


def test_a_pack_yaml_of_somebody_else_is_left_alone(lab: Lab) -> None:
    """Without the key llmbench a pack.yaml is not ours, whatever is in it."""
    lab.file("pack.yaml", "name: chart\n")
    lab.file("broken/pack.yaml", "{ not: [yaml\n")
    lab.file("test_one.py", "def test_one(): pass\n")
    done = lab.run(*NO_CACHE)
    assert done.code == 0
    done.holds("1 passed")
    assert "llmbench:" not in done.out
