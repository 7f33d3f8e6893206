"""What is advised for the last words of real servers."""

from __future__ import annotations

import pytest

from pytest_llmbench.engines.advice import advice, with_advice


@pytest.mark.parametrize(
    ("log", "word"),
    [
        ("gguf_init_from_file: failed to open GGUF file '/models/x.gguf' (No such file or directory)", "path"),
        ("OSError: nope/nope is not a local folder and is not a valid model identifier listed on", "path"),
        ("ggml_backend_cuda_buffer_type_alloc_buffer: cudaMalloc failed: out of memory", "GPU's memory"),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", "GPU's memory"),
        (
            "ValueError: Free memory on device (3/24 GiB) on startup is less than desired GPU memory utilization",
            "GPU's",
        ),
        ("ValueError: No available memory for the cache blocks.", "GPU's memory"),
        ('could not select device driver "nvidia" with capabilities: [[gpu]]', "NVIDIA Container Toolkit"),
        ("RuntimeError: Failed to infer device type", "no usable GPU"),
        ("error: invalid argument: --paralel", "does not know an argument"),
        ("vllm: error: unrecognized arguments: --max-num-seq 3", "does not know an argument"),
        ("OSError: [Errno 98] Address already in use", "port is taken"),
        ("Bind for 127.0.0.1:8080 failed: port is already allocated", "port is taken"),
        ("manifest for ghcr.io/x/y:z not found: manifest unknown", "image does not exist"),
        ("pull access denied for nope, repository does not exist or may require 'docker login'", "docker login"),
        ('Get "https://ghcr.io/v2/": dial tcp: lookup ghcr.io: no such host', "check the network"),
        ("llama_model_load: error loading model: unknown model architecture: 'new'", "newer image"),
        ("Cannot access gated repo for url https://", "HF_TOKEN"),
        ("write /var/lib/docker/x: no space left on device", "disk is full"),
        ("open /models/x.bin: permission denied", "rights"),
        ('OCI runtime create failed: exec: "/x": permission denied: unknown', "cannot be executed in this image"),
        ("all is well", ""),
    ],
)
def test_words_that_call_for_advice(log: str, word: str) -> None:
    """The sentence that fits the log, in whatever case it is written; none where nothing is known."""
    assert word in advice(f"starting\n{log}\nbye")
    assert word in advice(log.upper())
    assert bool(advice(log)) is bool(word)


def test_exit_codes_and_memory() -> None:
    """Where the log says nothing the exit code may; that memory ran out is said before all."""
    assert "killed" in advice("", exit_code=137)
    assert "AVX" in advice("", exit_code=132)
    assert advice("", exit_code=1) == ""
    assert "main memory" in advice("cudaMalloc failed", exit_code=137, out_of_memory=True)


def test_advice_stands_below() -> None:
    """One line more, or none."""
    assert with_advice("it ended", "do this") == "it ended\nWhat to try: do this"
    assert with_advice("it ended", "") == "it ended"
