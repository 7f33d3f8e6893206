"""Starts pytest sessions by forking a process that has imported what they need.

Imports are most of the time of a short session, and this folder starts more than a hundred of them.
Reads requests as JSON lines ({"words", "root", "env", "out", "code"}) and answers each with the
session's process id; its exit code is written into the file ``code`` when it has ended.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

_NEEDED = (
    "jsonschema",
    "openai.resources.chat",
    "pytest_html.plugin",
    "pytest_llmbench.endpoints.openai_chat",
    "pytest_llmbench.engines.external",
    "pytest_llmbench.plugin.broker",
    "pytest_llmbench.plugin.fixtures",
    "pytest_llmbench.plugin.html_link",
    "pytest_llmbench.plugin.session",
    "xdist.dsession",
    "xdist.plugin",
    "yaml",
)


def main() -> int:
    """Serve until stdin ends; in a session's process, be the session."""
    for name in _NEEDED:
        importlib.import_module(name)
    for module in list(sys.modules.values()):
        module.__doc__ = f"{module.__doc__} PYTEST_DONT_REWRITE"  # or pytest warns that it came too late for these
    gc.freeze()
    for line in sys.stdin:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        asked = json.loads(line)
        if os.fork() == 0:
            session = os.fork()
            if session == 0:
                _become(asked)
                return int(pytest.main())
            print(session, flush=True)
            _write_code(session, Path(asked["code"]))
            os._exit(0)
    return 0


def _become(asked: dict[str, Any]) -> None:
    """Turn into what ``python -m pytest`` would be in that folder and environment."""
    os.setsid()
    os.chdir(asked["root"])
    os.environ.clear()
    os.environ.update(asked["env"])
    for number, path, flags in ((0, os.devnull, os.O_RDONLY), (1, asked["out"], os.O_WRONLY | os.O_APPEND)):
        os.dup2(os.open(path, flags), number)
    os.dup2(1, 2)
    sys.stdin, sys.stdout = open(0, encoding="utf-8"), open(1, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", buffering=1)  # noqa: SIM115
    sys.argv = ["pytest", *asked["words"]]
    sys.path[0] = asked["root"]


def _write_code(session: int, path: Path) -> None:
    _, status = os.waitpid(session, 0)
    fresh = path.with_suffix(".new")
    fresh.write_text(str(os.waitstatus_to_exitcode(status)), encoding="ascii")
    fresh.rename(path)


if __name__ == "__main__":
    sys.exit(main())
