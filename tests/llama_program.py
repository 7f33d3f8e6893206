"""A `llama-server` for tests: the wheel xllamacpp behind the arguments and variables of the real program.

It runs in a container that has Python and the wheel's files and nothing else, or as a process of the tests. It knows
what the examples use and refuses other arguments in llama-server's words.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

OPTIONS = {
    "--model": "LLAMA_ARG_MODEL",
    "--host": "LLAMA_ARG_HOST",
    "--port": "LLAMA_ARG_PORT",
    "--alias": "LLAMA_ARG_ALIAS",
    "--parallel": "LLAMA_ARG_N_PARALLEL",
    "--ctx-size": "LLAMA_ARG_CTX_SIZE",
    "--ubatch-size": "LLAMA_ARG_UBATCH",
    "--threads": "LLAMA_ARG_THREADS",
    "--cache-type-k": "LLAMA_ARG_CACHE_TYPE_K",
    "--cache-type-v": "LLAMA_ARG_CACHE_TYPE_V",
    "--chat-template-file": "LLAMA_ARG_CHAT_TEMPLATE_FILE",
}
SWITCHES = {"--metrics", "--jinja"}


def main(words: list[str]) -> int:
    """Serve until told to end; return an exit code where that is impossible."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    given = {name: os.environ[name] for name in OPTIONS.values() if os.environ.get(name)}
    while words:
        word, *words = words
        if word in SWITCHES:
            continue
        if word not in OPTIONS or not words:
            print(f"error: invalid argument: {word}", file=sys.stderr)
            return 1
        given[OPTIONS[word]], *words = words
    return serve(given)


def serve(given: dict[str, str]) -> int:
    """Serve as `given`, by the names of llama-server's variables."""
    import xllamacpp  # noqa: PLC0415 - a refused argument is told without it

    params = xllamacpp.CommonParams()
    params.model.path = given.get("LLAMA_ARG_MODEL", "")
    params.hostnames = [given.get("LLAMA_ARG_HOST", "127.0.0.1")]
    params.port = int(given.get("LLAMA_ARG_PORT", "8080"))
    params.n_parallel = int(given.get("LLAMA_ARG_N_PARALLEL", "1"))
    params.n_ctx = int(given.get("LLAMA_ARG_CTX_SIZE", "4096"))
    params.cpuparams.n_threads = int(given.get("LLAMA_ARG_THREADS", str(os.cpu_count() or 1)))
    params.endpoint_metrics = params.endpoint_slots = params.endpoint_props = params.use_jinja = True
    if "LLAMA_ARG_ALIAS" in given:
        params.model_alias = {given["LLAMA_ARG_ALIAS"]}
    if "LLAMA_ARG_CHAT_TEMPLATE_FILE" in given:
        params.chat_template = Path(given["LLAMA_ARG_CHAT_TEMPLATE_FILE"]).read_text(encoding="utf-8")
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"listening on {server.listening_address}", file=sys.stderr, flush=True)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
