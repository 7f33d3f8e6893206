"""All that a new verdict depends on, and why it may differ from the old one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pytest_llmbench import __version__
from pytest_llmbench.contracts import Verifier
from pytest_llmbench.rescoring.todays_packs import Judges, PackBook
from pytest_llmbench.saved_run import SavedRun

_OURS = Path(__file__).parents[1] / "verifiers"


def conditions_of(run: SavedRun, book: PackBook, judges: Judges) -> dict[str, Any]:
    """Return, as plain data, what must be the same for a verdict to be given again: answers, packs and rules."""
    used = {name for pack in book.packs.values() for name in pack.used}
    return {
        "version": __version__,
        "answers": {path.name: path.stat().st_size for path in sorted(run.folder.journal_dir.glob("*.jsonl"))},
        "packs": {name: pack.facts.content_hash for name, pack in sorted(book.packs.items())},
        "judges": {name: _fingerprint(judges.verifiers[name]) for name in sorted(used)},
    }


def reasons(run: SavedRun, book: PackBook) -> list[dict[str, Any]]:
    """Return of each pack that is judged anew what it was, what it is, and the rules that hold now."""
    said = run.packs
    told = []
    for name, pack in sorted(book.packs.items()):
        old = said.get(name, {})
        same = old.get("content_hash") == pack.facts.content_hash
        told.append(
            {
                "id": name,
                "why": _why(run) if same else "the pack or the rules of its verifiers have changed",
                "version": {"before": old.get("version"), "after": pack.facts.version},
                "content_hash": {"before": old.get("content_hash"), "after": pack.facts.content_hash},
                "rules": dict(pack.rules),
            }
        )
    return told


def _why(run: SavedRun) -> str:
    before = run.manifest.get("version")
    if before == __version__:
        return "pack and rules are the same as before"
    return f"pack and rules are the same as before, pytest-llmbench is {__version__} and was {before}"


def _fingerprint(verifier: Verifier) -> str:
    """Hash the code that judges: of ours all verifiers, for they share much; of another one its own file."""
    code = getattr(type(verifier).judge, "__code__", None)
    path = Path(code.co_filename) if code is not None else Path()
    return _hash(sorted(_OURS.rglob("*.py")) if path.is_relative_to(_OURS) else filter(Path.is_file, [path]))


def _hash(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def record_of(
    changes: Mapping[str, Any], told: list[dict[str, Any]], *, sandbox: Mapping[str, str], at: str, stamp: str
) -> dict[str, Any]:
    """Return what the manifest keeps of a rescoring; `sandbox` is where programs were run again, {} for nowhere."""
    return {
        "at": at,
        "version": __version__,
        "sandbox": dict(sandbox) or None,
        "packs": told,
        "counts": changes["packs"],
        "changed": changes["changed"],
        "reworded": changes["reworded"],
        "trials": changes["trials"],
        "not_judged": changes["not_judged"],
        "kept": {"results": f"results-{stamp}.json", "journal": f"journal-{stamp}"},
    }
