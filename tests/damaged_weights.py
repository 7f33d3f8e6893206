"""A worse copy of a GGUF file: its Q4_1 weights keep fewer of their sixteen steps, all else stays as it was.

Stands for a harsher quantisation of the same model: the same size and layout, so that any llama.cpp reads it, and
another SHA-256. After the GGUF specification (ggml, docs/gguf.md) and ggml's ``block_q4_1``: of 32 weights each a half
precision step and minimum (4 bytes) and 16 bytes of two 4-bit numbers.
"""

from __future__ import annotations

import fnmatch
import math
import struct
from dataclasses import dataclass
from pathlib import Path

STEPS = 16
Q4_1 = 3
BLOCK_WEIGHTS, BLOCK_BYTES, BLOCK_HEAD = 32, 20, 4
ALIGNMENT = 32

_STRING, _ARRAY = 8, 9
_WIDTHS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of a value, by the number of its type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One tensor: the number of its type, its number of weights, and where it begins behind the header."""

    name: str
    kind: int
    weights: int
    offset: int


def damaged(source: Path, target: Path, *, levels: int, tensors: str = "*") -> None:
    """Write `source` to `target`, its Q4_1 weights rounded to `levels` (2 to 16) evenly spaced ones of sixteen.

    `tensors` is a glob over the names of those that are rounded. Raises `ValueError` where `source` is no GGUF file,
    or has no such weights.
    """
    if not 2 <= levels <= STEPS:
        raise ValueError(f"levels: {levels} is not from 2 to {STEPS}")
    data = bytearray(source.read_bytes())
    start, found = _read_header(data, source)
    chosen = [tensor for tensor in found if tensor.kind == Q4_1 and fnmatch.fnmatchcase(tensor.name, tensors)]
    if not chosen:
        raise ValueError(f"{source} has no Q4_1 weights called {tensors}")
    table = _rounding(levels)
    for tensor in chosen:
        begin = start + tensor.offset
        end = begin + tensor.weights // BLOCK_WEIGHTS * BLOCK_BYTES
        data[begin:end] = _rounded(data[begin:end], table)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)


def _rounding(levels: int) -> bytes:
    nearest = [round(round(step * (levels - 1) / (STEPS - 1)) * (STEPS - 1) / (levels - 1)) for step in range(STEPS)]
    return bytes(nearest[byte >> 4] << 4 | nearest[byte & 15] for byte in range(256))


def _rounded(blocks: bytearray, table: bytes) -> bytearray:
    """Return the blocks with all numbers rounded, their steps and minimums as they were."""
    found = blocks.translate(table)
    for place in range(BLOCK_HEAD):
        found[place::BLOCK_BYTES] = blocks[place::BLOCK_BYTES]
    return found


def _read_header(data: bytearray, source: Path) -> tuple[int, list[Tensor]]:
    """Return where the weights begin, and what they are."""
    reader = _Reader(data)
    if data[:4] != b"GGUF":
        raise ValueError(f"{source} is no GGUF file")
    reader.place = 8
    tensors, facts = reader.number("Q"), reader.number("Q")
    alignment = ALIGNMENT
    for _ in range(facts):
        name, kind = reader.text(), reader.number("I")
        if name == "general.alignment":
            alignment = reader.number("I")
        else:
            reader.skip(kind)
    found = [reader.tensor() for _ in range(tensors)]
    return math.ceil(reader.place / alignment) * alignment, found


class _Reader:
    """Walks through the header, little-endian."""

    def __init__(self, data: bytearray) -> None:
        self._data = data
        self.place = 0

    def number(self, form: str) -> int:
        (value,) = struct.unpack_from(f"<{form}", self._data, self.place)
        self.place += struct.calcsize(f"<{form}")
        return int(value)

    def text(self) -> str:
        length = self.number("Q")
        self.place += length
        return self._data[self.place - length : self.place].decode()

    def skip(self, kind: int) -> None:
        if kind == _STRING:
            self.text()
        elif kind == _ARRAY:
            of, count = self.number("I"), self.number("Q")
            for _ in range(count):
                self.skip(of)
        else:
            self.place += _WIDTHS[kind]

    def tensor(self) -> Tensor:
        name = self.text()
        weights = math.prod(self.number("Q") for _ in range(self.number("I")))
        return Tensor(name=name, kind=self.number("I"), weights=weights, offset=self.number("Q"))
