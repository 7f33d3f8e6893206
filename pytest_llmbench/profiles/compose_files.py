"""Where the compose file of a user's ``models.conf`` is."""

from __future__ import annotations

from pathlib import Path

from pytest_llmbench.engines.compose_file import OVERRIDE_NAMES, STANDARD_NAMES


def compose_files_near(folder: Path) -> tuple[str, ...]:
    """Return the compose file in `folder`, else the one in its parent, as paths from `folder`.

    Its override file follows where there is one, as ``docker compose up`` takes it. Where there is none at all it is
    (): whoever starts it says what is missing.
    """
    for place, prefix in ((folder, ""), (folder.parent, "../")):
        for name in STANDARD_NAMES:
            if (place / name).is_file():
                return (prefix + name, *_override(place, prefix))
    return ()


def _override(place: Path, prefix: str) -> tuple[str, ...]:
    return tuple(prefix + name for name in OVERRIDE_NAMES if (place / name).is_file())[:1]
