"""--llm-packs: by id, by tag, by glob, by path; --llm-limit."""

from __future__ import annotations

from tests.plugin.lab import Lab, scenarios
from tests.plugin.test_selection import ids


def test_packs_are_found_by_any_of_their_names(lab: Lab) -> None:
    """An id, a tag, a glob over ids, a folder; several with commas or given again; beside a typed path."""
    mine = lab.pack(scenarios(2))
    path = lab.site()
    assert len(ids(lab, "--llm-packs", "toolcall-15", PYTHONPATH=path)) == 15
    assert len(ids(lab, "--llm-packs", "quick", PYTHONPATH=path)) == 30
    assert len(ids(lab, "--llm-packs", "tool*,instructfollow-15", PYTHONPATH=path)) == 30
    assert ids(lab, "--llm-packs", str(mine.parent), PYTHONPATH=path) == [
        "packs/mini/pack.yaml::S-01",
        "packs/mini/pack.yaml::S-02",
    ]
    assert len(ids(lab, "packs/mini/pack.yaml::S-01", "--llm-packs", "toolcall-15", PYTHONPATH=path)) == 16
    assert len(ids(lab, "--llm-packs", "quick", "--llm-limit", "2", PYTHONPATH=path)) == 4
