"""What to try when a server did not start: sentences that its last words call for."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Hint:
    advice: str
    signs: re.Pattern[str]


def _hint(advice: str, *signs: str) -> _Hint:
    return _Hint(advice, re.compile("|".join(signs), re.IGNORECASE))


_HINTS = (
    _hint(
        "Docker cannot hand out a GPU: install the NVIDIA Container Toolkit, then `sudo nvidia-ctk runtime configure "
        "--runtime=docker` and restart Docker; without a GPU take the CPU compose file",
        "could not select device driver",
        "nvidia-container-cli",
        "unknown or invalid runtime name: nvidia",
        "no known GPU vendor",
        "unresolvable CDI devices",
    ),
    _hint(
        "the server found no usable GPU: `nvidia-smi` must work where it runs, and the driver must not be older than "
        "the image's CUDA; without a GPU take the CPU build or the CPU compose file",
        "failed to infer device type",
        "no CUDA-capable device",
        "CUDA driver version is insufficient",
        "no CUDA GPUs",
        "ggml_cuda_init: failed",
    ),
    _hint(
        "the GPU's memory does not suffice: `nvidia-smi` shows who else uses it; else preset: memory_optimized, fewer "
        "slots or sequences, less context, or a smaller quant",
        "cudaMalloc failed",
        "CUDA (error: )?out of memory",
        "OutOfMemoryError",
        "ErrorOutOfDeviceMemory",
        "no available memory for the cache blocks",
        "less than desired GPU memory utilization",
        "larger than the (maximum number of tokens that can be stored|available KV cache memory)",
    ),
    _hint(
        "the model was trained for less context: lower --max-model-len to what the log names",
        "max_model_len .* is greater than the derived max_model_len",
    ),
    _hint(
        "this build of the server does not know the model's architecture: take a newer image or release",
        "unknown (model )?architecture",
        "model architectures? .* (is|are) not supported",
        "does not recognize this architecture",
    ),
    _hint(
        "the model is gated: accept its licence where it is published and put HF_TOKEN into the profile's env",
        "gated repo",
        "access to model .* is restricted",
        "401 Client Error",
    ),
    _hint(
        "the model could not be read: check the path in the profile's env or command. In a container it is the path "
        "inside, so its folder must be a volume; a file that is there may be cut short or no GGUF",
        "failed to open GGUF",
        r"failed to open .*\.gguf",
        r"\.gguf.{0,40}no such file",
        r"no such file.{0,80}\.gguf",
        "not a valid model identifier",
        "repository not found",
        "invalid repository id",
        "does not appear to have a file named",
        "failed to load model",
        "error loading model",
    ),
    _hint(
        "the server does not know an argument: compare with its --help; names change between releases, so the image's "
        "tag may be newer or older than the compose file",
        "invalid argument:",
        "unrecognized arguments",
        "unknown argument",
        "error while handling argument",
    ),
    _hint(
        "the port is taken: stop who listens there, or have a free one chosen with {port} in the profile",
        "address already in use",
        "port is already allocated",
        "ports are not available",
        "couldn't bind",
    ),
    _hint(
        "the image does not exist under this name for this machine: check name and tag, `docker pull` it by hand; "
        "a private one needs `docker login`",
        "pull access denied",
        "manifest (unknown|for .* not found)",
        "repository does not exist",
        "no such image",
        "no matching manifest",
        "failed to resolve reference",
    ),
    _hint(
        "a download failed: check the network, or fetch image and weights beforehand",
        "no such host",
        "dial tcp",
        "tls handshake timeout",
        "context deadline exceeded",
        "name resolution",
    ),
    _hint(
        "the command cannot be executed in this image: check command: and entrypoint: in the compose file",
        'exec: ".*": (permission denied|no such file|stat )',
        "executable file not found",
        "exec format error",
    ),
    _hint("the disk is full: `docker system df` shows what Docker keeps", "no space left on device"),
    _hint("a variable of the compose file has no value: set it in the profile's env", "required variable"),
    _hint(
        "a file may not be read: check the rights of the model's folder, and the user that the server runs as",
        "permission denied",
    ),
    _hint(
        "a file or program is missing: check the paths in the profile and in the compose file",
        "no such file or directory",
    ),
)
"""Most telling first: the first whose signs are in the log is given."""

_ENDED = {
    126: "the program in the command cannot be executed: check its rights and that it is built for this machine",
    127: "the program in the command is not there: check its name, and the image's tag",
    132: "the processor lacks an instruction that this build uses (AVX, say): take a build for this processor",
    137: "it was killed: by somebody, or by the system when memory ran out (less context, a smaller quant)",
    139: "it crashed (segmentation fault): try another release, and with fewer options",
}
"""Exit code -> advice, where the log says nothing."""

_OUT_OF_MEMORY = (
    "main memory did not suffice: give the container more (mem_limit), or take less context, fewer slots or a "
    "smaller quant"
)


def advice(log: str, *, exit_code: int | None = None, out_of_memory: bool = False) -> str:
    """Return what to try, or "" where nothing is known. `exit_code` is as a shell counts it: 128 + signal."""
    if out_of_memory:
        return _OUT_OF_MEMORY
    found = (hint.advice for hint in _HINTS if hint.signs.search(log))
    return next(found, _ENDED.get(exit_code or 0, ""))


def with_advice(told: str, sentence: str) -> str:
    """Return `told` with the advice below it, where there is any."""
    return f"{told}\nWhat to try: {sentence}" if sentence else told
