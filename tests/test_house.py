"""The import table of the house: who may import whom, and who may import which package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "pytest_llmbench"
FAMILIES = (
    "datasets",
    "engines",
    "endpoints",
    "dialogues",
    "verifiers",
    "mutations",
    "sandboxes",
    "telemetry",
    "reports",
)

LEVELS: dict[str, int] = {
    "plain_data": -1,
    **dict.fromkeys(("__init__", "records", "errors"), 0),
    **dict.fromkeys(("contracts", "settings", "lookup", "statistics"), 1),
    **dict.fromkeys(FAMILIES, 3),
    **dict.fromkeys(("trial", "pump", "adapting", "rehearsal", "config_file"), 4),
    **dict.fromkeys(("assemble", "profiles"), 5),
    "rescoring": 5,
    **dict.fromkeys(("commands", "plugin"), 6),
}
LEVEL_TWO = (
    "variables",
    "pytest_ini",
    "user_cache",
    "containers",
    "plain_values",
    "nesting",
    "json_text",
    "thinking",
    "verdicts",
    "own_members",
    "pack_rules",
    "talk_figures",
    "web",
    "downloads",
    "redaction",
    "toolcalls",
    "loop",
    "ordering",
    "thinking_switch",
    "sampling",
    "pace",
    "preflight",
    "thinking_validity",
    "resources",
    "summary",
    "tally",
    "endings",
    "gate_verdict",
    "gate_terms",
    "gate_judging",
    "gate_named",
    "gate",
    "runfolder",
    "journal_reader",
    "journal",
    "model_file",
    "manifest",
    "results_file",
    "run_heads",
    "saved_run",
    "saved_summary",
    "comparable",
    "flips",
    "detectable",
    "paired",
    "speeds",
    "regression",
    "baselines",
    "capture",
    "against",
)
"""Level 2 from bottom to top: each may import those before it."""

ONLY_IN = {
    "pytest": ("plugin/",),
    "_pytest": (),
    "xdist": ("plugin/xdist_link.py",),
    "pytest_html": ("plugin/html_link.py",),
    "openai": ("endpoints/openai_chat.py",),
    "xllamacpp": ("engines/llamacpp_child.py",),
    "docker": ("containers.py",),
    "pynvml": ("telemetry/gpus.py",),
    "yaml": ("datasets/", "verifiers/formats/", "mutations/"),
    "jsonschema": ("datasets/", "verifiers/"),
}
"""Third-party package -> the only places that may import it."""


def _files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            module = node.module or ""
            yield from (f"{module}.{alias.name}" for alias in node.names) if module == "pytest_llmbench" else [module]


def _may(importer: str, imported: str) -> bool:
    if imported in (importer, "__version__"):
        return True
    if importer in LEVEL_TWO and imported in LEVEL_TWO:
        return LEVEL_TWO.index(imported) < LEVEL_TWO.index(importer)
    return LEVELS.get(imported, 2) < LEVELS.get(importer, 2)


def test_every_room_stands_in_the_table() -> None:
    """A new file of the top folder gets its level before it is written."""
    rooms = {_room(path) for path in _files()}
    assert rooms <= {*LEVELS, *LEVEL_TWO}


@pytest.mark.parametrize("path", _files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_from_levels_above_it(path: Path) -> None:
    """Never downward, never sideways, never another family."""
    own = {name.split(".")[1] for name in _imports(path) if name.startswith("pytest_llmbench.")}
    if path.name == "contracts.py":
        own.discard("summary")  # named for the type checker alone: what a report renders
    wrong = sorted(name for name in own if not _may(_room(path), name))
    assert not wrong, f"{path.name} (room {_room(path)}) must not import {wrong}: see the table in this test"


@pytest.mark.parametrize("path", _files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_package_is_imported_in_its_one_place(path: Path) -> None:
    """Each SDK sits in one file, pytest in plugin/ alone, a parser where its format is read."""
    where = path.relative_to(PACKAGE).as_posix()
    used = {name.split(".")[0] for name in _imports(path)} & set(ONLY_IN)
    wrong = sorted(name for name in used if not where.startswith(ONLY_IN[name]))
    assert not wrong, f"{where} must not import {wrong}: they belong in {[ONLY_IN[name] for name in wrong]}"


def test_code_never_names_a_pack() -> None:
    """The pack names its dialogue and verifier; no code branches on a pack."""
    packs = [path.name for path in (PACKAGE.parent / "packs").iterdir() if path.is_dir()]
    texts = {path.name: path.read_text(encoding="utf-8") for path in _files()}
    named = [(name, pack) for name, text in texts.items() for pack in packs if f'"{pack}"' in text]
    assert not named


def test_hooks_stay_short() -> None:
    """A hook is one delegating line or a few."""
    tree = ast.parse((PACKAGE / "plugin" / "hooks.py").read_text(encoding="utf-8"))
    hooks = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("pytest_")]
    long = [node.name for node in hooks if len(node.body) > 6]
    assert hooks
    assert not long
