"""Nvidia's GPUs of this machine, through the library pynvml (the extra ``[gpu]``). The only file that imports it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

INSTALL = "pip install 'pytest-llmbench[gpu]'"


class Gpus:
    """Reads all GPUs. Without library, driver or GPU it says so once and then nothing.

    The library is loaded at the first reading: a driver that has to wake up takes a second for it.
    """

    def __init__(self) -> None:
        self._library: Any = None
        self._handles: list[tuple[str, Any]] | None = None

    def read(self) -> Mapping[str, Any]:
        """Return ``gpus``, a list of objects with ``index``, ``name`` and what each tells.

        That is ``memory_used`` and ``memory_total`` in bytes, ``utilisation`` (0 to 1, share of the driver's last
        sampling period in which a kernel ran) and ``power_w``.
        """
        if self._handles is None:
            self._handles = []
            note = self._open(self._handles)
            if note:
                return {"notes": [f"no GPU figures: {note}"]}
        if not self._handles:
            return {}
        return {"gpus": [self._one(number, name, handle) for number, (name, handle) in enumerate(self._handles)]}

    def _open(self, handles: list[tuple[str, Any]]) -> str:
        """Fill `handles` with a name and a handle for each GPU, or return why there is none."""
        try:
            import pynvml as nvml
        except ImportError:
            return f"pynvml is not installed ({INSTALL})"
        self._library = nvml
        try:
            nvml.nvmlInit()
            for number in range(nvml.nvmlDeviceGetCount()):
                handle = nvml.nvmlDeviceGetHandleByIndex(number)
                name = nvml.nvmlDeviceGetName(handle)
                handles.append((name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name), handle))
        except nvml.NVMLError as error:
            handles.clear()
            return f"Nvidia's driver says: {error}"
        return "" if handles else "Nvidia's driver knows of none"

    def _one(self, number: int, name: str, handle: Any) -> dict[str, Any]:
        nvml = self._library
        memory = self._told(nvml.nvmlDeviceGetMemoryInfo, handle)
        rates = self._told(nvml.nvmlDeviceGetUtilizationRates, handle)
        power_mw = self._told(nvml.nvmlDeviceGetPowerUsage, handle)
        return {
            "index": number,
            "name": name,
            **({} if memory is None else {"memory_used": int(memory.used), "memory_total": int(memory.total)}),
            **({} if rates is None else {"utilisation": rates.gpu / 100}),
            **({} if power_mw is None else {"power_w": power_mw / 1000}),
        }

    def _told(self, ask: Callable[[Any], Any], handle: Any) -> Any:
        """Return an answer of the library, None where this GPU does not tell that."""
        try:
            return ask(handle)
        except self._library.NVMLError:
            return None
