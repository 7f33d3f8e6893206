"""Nvidia's GPUs through a module shaped like pynvml 13.615, whose real one was looked at and says the same here."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_llmbench.telemetry.gpus import Gpus


class NVMLError(Exception):
    """As pynvml's: the text is the driver's."""


def nvml(*names: str | bytes, refused: tuple[str, ...] = (), absent: str = "") -> SimpleNamespace:
    """Return a driver with GPUs by name. What is in `refused` none tells; `absent` is why there is no driver."""
    inits: list[str] = []

    def init() -> None:
        inits.append("init")
        if absent:
            raise NVMLError(absent)

    def told(what: str, value: Any) -> Any:
        def ask(_handle: int) -> Any:
            if what in refused:
                raise NVMLError("Not Supported")
            return value

        return ask

    return SimpleNamespace(
        NVMLError=NVMLError,
        inits=inits,
        nvmlInit=init,
        nvmlDeviceGetCount=lambda: len(names),
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetName=lambda handle: names[handle],
        nvmlDeviceGetMemoryInfo=told("memory", SimpleNamespace(total=80 << 30, free=66 << 30, used=14 << 30)),
        nvmlDeviceGetUtilizationRates=told("rates", SimpleNamespace(gpu=86, memory=40)),
        nvmlDeviceGetPowerUsage=told("power", 412_500),
    )


def gpus_with(monkeypatch: pytest.MonkeyPatch, library: Any) -> Gpus:
    """Return a reader that finds `library` where it imports pynvml; None: it is not installed."""
    monkeypatch.setitem(sys.modules, "pynvml", library)
    return Gpus()


def test_each_gpu_tells_memory_use_and_power(monkeypatch: pytest.MonkeyPatch) -> None:
    """In bytes, shares and watts; names are bytes in old versions."""
    driver = nvml("NVIDIA H100 80GB HBM3", b"NVIDIA L4")
    reader = gpus_with(monkeypatch, driver)
    reader.read()
    found = reader.read()["gpus"]
    figures = {"memory_used": 14 << 30, "memory_total": 80 << 30, "utilisation": 0.86, "power_w": 412.5}
    assert found == [
        {"index": 0, "name": "NVIDIA H100 80GB HBM3", **figures},
        {"index": 1, "name": "NVIDIA L4", **figures},
    ]
    assert driver.inits == ["init"]


def test_what_a_gpu_does_not_tell_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some have no power sensor, some no memory of their own."""
    found = gpus_with(monkeypatch, nvml("A", refused=("memory", "rates", "power"))).read()
    assert found == {"gpus": [{"index": 0, "name": "A"}]}


@pytest.mark.parametrize(
    ("library", "said"),
    [
        (None, "pip install 'pytest-llmbench"),
        (nvml(absent="NVML Shared Library Not Found"), "driver says: NVML Shared Library Not Found"),
        (nvml(), "knows of none"),
    ],
)
def test_without_library_driver_or_gpu_there_is_one_note(
    monkeypatch: pytest.MonkeyPatch, library: Any, said: str
) -> None:
    """Nothing is raised, and nothing is said twice."""
    reader = gpus_with(monkeypatch, library)
    note = reader.read()["notes"][0]
    assert note.startswith("no GPU figures: ")
    assert said in note
    assert reader.read() == {}
