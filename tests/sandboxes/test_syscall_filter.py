"""The system call filters, run by an interpreter of the few instructions they use."""

from __future__ import annotations

import errno
import struct

import pytest

from pytest_llmbench.sandboxes import syscall_filter

ALLOW, KILL, REFUSE, MISSING = 0x7FFF0000, 0x80000000, 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
NEW_USER, THREAD = 0x10000000, 0x3D0F00


def verdict(machine: str, number: int, *words: int, which: int = 0, audit: int | None = None) -> int:
    """Return what a filter says of a call."""
    code = bytes.fromhex(syscall_filter.filters()[machine][which])
    lines = list(struct.iter_unpack("<HBBI", code))
    called = struct.pack(
        "<IIQ6Q", number, AUDIT[machine] if audit is None else audit, 0, *words, *[0] * (6 - len(words))
    )
    at = held = 0
    while True:
        operation, then, otherwise, operand = lines[at]
        at += 1
        if operation == 0x06:
            return int(operand)
        if operation == 0x20:
            held = struct.unpack_from("<I", called, operand)[0]
        else:
            holds = {0x15: held == operand, 0x35: held >= operand, 0x45: bool(held & operand)}[operation]
            at += then if holds else otherwise


@pytest.mark.parametrize(
    ("machine", "number", "words", "wanted"),
    [
        ("x86_64", 0, (), ALLOW),
        ("x86_64", 257, (), ALLOW),
        ("x86_64", 59, (), ALLOW),
        ("x86_64", 165, (), REFUSE),
        ("x86_64", 29, (), REFUSE),
        ("x86_64", 319, (), REFUSE),
        ("x86_64", 272, (), REFUSE),
        ("x86_64", 56, (17,), ALLOW),
        ("x86_64", 56, (THREAD,), ALLOW),
        ("x86_64", 56, (NEW_USER | 17,), REFUSE),
        ("x86_64", 435, (), MISSING),
        ("x86_64", 302, (0, 7), ALLOW),
        ("x86_64", 302, (1, 7), REFUSE),
        ("x86_64", 141, (0, 0, 5), ALLOW),
        ("x86_64", 141, (0, 1, 5), REFUSE),
        ("x86_64", 141, (2, 0, 5), REFUSE),
        ("x86_64", 0x40000000, (), KILL),
        ("x86_64", 203, (), ALLOW),
        ("aarch64", 63, (), ALLOW),
        ("aarch64", 40, (), REFUSE),
        ("aarch64", 194, (), REFUSE),
        ("aarch64", 220, (17,), ALLOW),
        ("aarch64", 220, (NEW_USER,), REFUSE),
        ("aarch64", 261, (1,), REFUSE),
        ("aarch64", 140, (2,), REFUSE),
        ("aarch64", 435, (), MISSING),
    ],
)
def test_calls_are_let_through_or_refused(machine: str, number: int, words: tuple[int, ...], wanted: int) -> None:
    """By their number, and where it matters by what they ask for."""
    assert verdict(machine, number, *words) == wanted


@pytest.mark.parametrize("machine", AUDIT)
def test_numbers_of_another_machine_are_fatal(machine: str) -> None:
    """They would mean other calls."""
    assert verdict(machine, 1, audit=0x40000003) == KILL


def test_a_program_gives_up_its_choice_of_cores() -> None:
    """By a filter of its own, once it has chosen."""
    assert verdict("x86_64", 203, which=1) == REFUSE
    assert verdict("aarch64", 122, which=1) == REFUSE
    assert verdict("x86_64", 165, which=1) == ALLOW
