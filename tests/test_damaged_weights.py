"""The copy that stands for a worse model: a GGUF file whose Q4_1 weights keep fewer steps."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.damaged_weights import damaged

HEADS = (b"\x01\x02\x03\x04", b"\xfe\xff\x80\x7f")
NUMBERS = bytes(range(0, 256, 16)), bytes(range(15, 256, 16))
FLOATS = struct.pack("<32f", *range(32))


def _text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def _file(path: Path, kinds: tuple[int, int] = (3, 3)) -> Path:
    """Write a GGUF file of two tensors in Q4_1 and one in F32, with facts of every shape before them."""
    blocks = [head + numbers for head, numbers in zip(HEADS, NUMBERS, strict=True)]
    facts = [
        _text("general.architecture") + struct.pack("<I", 8) + _text("llama"),
        _text("general.alignment") + struct.pack("<II", 4, 64),
        _text("tokens") + struct.pack("<IIQ", 9, 8, 2) + _text("a") + _text("bc"),
        _text("rate") + struct.pack("<If", 6, 0.5),
    ]
    tensors = [
        _text("blk.0.up") + struct.pack("<IQIQ", 1, 32, kinds[0], 0),
        _text("blk.0.down") + struct.pack("<IQQIQ", 2, 16, 2, kinds[1], 64),
        _text("norm") + struct.pack("<IQIQ", 1, 32, 0, 128),
    ]
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(facts)) + b"".join([*facts, *tensors])
    head += bytes(-len(head) % 64)
    path.write_bytes(head + blocks[0].ljust(64, b"\0") + blocks[1].ljust(64, b"\0") + FLOATS)
    return path


def test_only_the_numbers_of_the_blocks_are_rounded(tmp_path: Path) -> None:
    """Steps, minimums, other tensors and the header stay; with two levels each number is 0 or 15."""
    source = _file(tmp_path / "model.gguf")
    damaged(source, tmp_path / "worse" / "model.gguf", levels=2)
    before, after = source.read_bytes(), (tmp_path / "worse" / "model.gguf").read_bytes()
    start = len(before) - 256
    assert after[:start] == before[:start]
    assert after[start : start + 4] == HEADS[0]
    assert after[start + 4 : start + 20] == bytes([0x00] * 8 + [0xF0] * 8)
    assert after[start + 64 : start + 68] == HEADS[1]
    assert after[start + 68 : start + 84] == bytes([0x0F] * 8 + [0xFF] * 8)
    assert after[-128:] == FLOATS


def test_a_glob_says_which_tensors(tmp_path: Path) -> None:
    """Tensors with other names are left alone."""
    source, target = _file(tmp_path / "model.gguf"), tmp_path / "worse.gguf"
    damaged(source, target, levels=4, tensors="*.down")
    before, after = source.read_bytes(), target.read_bytes()
    assert after[:-192] == before[:-192]
    assert {byte >> 4 for byte in after[-188:-172]} == {0, 5, 10, 15}


def test_all_sixteen_levels_change_nothing(tmp_path: Path) -> None:
    """The copy is the same, byte for byte."""
    source, target = _file(tmp_path / "model.gguf"), tmp_path / "same.gguf"
    damaged(source, target, levels=16)
    assert target.read_bytes() == source.read_bytes()


def test_what_cannot_be_damaged_is_told(tmp_path: Path) -> None:
    """Another file, a model without such weights, and levels there are not."""
    target = tmp_path / "worse.gguf"
    with pytest.raises(ValueError, match="no GGUF file"):
        damaged(Path(__file__), target, levels=4)
    with pytest.raises(ValueError, match="no Q4_1 weights"):
        damaged(_file(tmp_path / "other.gguf", kinds=(2, 2)), target, levels=4)
    with pytest.raises(ValueError, match="levels: 1"):
        damaged(tmp_path / "other.gguf", target, levels=1)
    assert not target.exists()
