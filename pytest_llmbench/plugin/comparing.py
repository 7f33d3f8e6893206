"""The servers of a session side by side: on the screen, and in two files beside their runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_llmbench.reports.comparison import comparison_json, comparison_lines, comparison_markdown
from pytest_llmbench.runfolder import DEFAULT_BASE, make_home
from pytest_llmbench.summary import Summary


class SideBySide:
    """Empty until `write` was called. `base` is the directory the command runs in, `out` that of ``--llm-out``."""

    def __init__(self, out: str, *, base: Path) -> None:
        self._out = out
        self._base = base
        self._lines: list[str] = []

    def write(self, summaries: Mapping[str, Summary], short: Callable[[Path], str]) -> None:
        """Write the figures of these servers, by name; where they cannot be written they are shown all the same."""
        self._lines = comparison_lines(summaries)
        try:
            paths = self._written(summaries)
        except OSError as error:
            self._lines += ["", f"The comparison could not be written: {error}"]
        else:
            self._lines += ["", "Written:", *(f"  {short(path)}" for path in paths)]

    def show(self, terminal: Any) -> None:
        """Print what there is."""
        if not self._lines:
            return
        terminal.write_sep("=", "llmbench: side by side")
        for line in [*self._lines, ""]:
            terminal.write_line(line)

    def _written(self, summaries: Mapping[str, Summary]) -> list[Path]:
        folder = Path(self._out) if self._out else self._base / DEFAULT_BASE
        stem = "comparison" if self._out else f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}-comparison"
        make_home(folder)
        folder.mkdir(parents=True, exist_ok=True)
        texts = {".md": comparison_markdown(summaries), ".json": comparison_json(summaries)}
        paths = [folder / f"{stem}{suffix}" for suffix in texts]
        for path, text in zip(paths, texts.values(), strict=True):
            path.write_text(text, encoding="utf-8")
        return paths
