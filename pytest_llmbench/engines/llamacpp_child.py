"""The child process that serves a GGUF file with llama.cpp: ``llamacpp_child.py MODEL OPTIONS PARENT_PID``.

`OPTIONS` is a JSON object of `xllamacpp.CommonParams` attributes; dots lead into nested ones. Once it
listens it prints one JSON line, ``{"base_url": "http://127.0.0.1:PORT"}``; the server's log goes to
standard error. It ends when its standard input does, that is with its parent, however that one ends.

It runs as a script and imports nothing of this package, so that it needs no more than xllamacpp.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from typing import Any

NOT_INSTALLED = 3
CANNOT_SERVE = 4
"""Exit codes: xllamacpp is missing; it refused the model or the options (the log says why)."""


def main(arguments: list[str]) -> int:
    """Serve until the parent is gone; return an exit code only where serving was impossible."""
    model, options, parent = arguments
    _die_with_parent()
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        import xllamacpp  # noqa: PLC0415 - its absence is an exit code, not a traceback
    except ImportError as error:
        print(error, file=sys.stderr)
        return NOT_INSTALLED
    params = xllamacpp.CommonParams()
    for name, value in {**json.loads(options), "model.path": model}.items():
        _assign(params, name, value)
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return CANNOT_SERVE
    print(json.dumps({"base_url": server.listening_address}), file=answer, flush=True)
    while os.getppid() == int(parent):
        time.sleep(1.0)
    os._exit(0)


def _die_with_parent() -> None:
    """End at once when standard input ends; also while llama.cpp loads, when no Python thread gets to run."""
    threading.Thread(target=_exit_at_end_of_input, daemon=True).start()
    with contextlib.suppress(ImportError, AttributeError, OSError):  # not on every platform
        import fcntl  # noqa: PLC0415

        fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)  # SIGIO, which kills


def _exit_at_end_of_input() -> None:
    while os.read(0, 1024):
        pass
    os._exit(0)


def _assign(params: Any, name: str, value: Any) -> None:
    *path, last = name.split(".")
    for part in path:
        params = getattr(params, part)
    is_set = isinstance(getattr(params, last), set)
    setattr(params, last, set(value) if is_set else value)  # JSON has no sets


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
