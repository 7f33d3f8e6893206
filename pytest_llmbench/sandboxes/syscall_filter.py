"""Which system calls no untrusted program needs, as filters the kernel applies (classic BPF, seccomp mode 2).

What is refused is what would get around a limit or outlive a program: new namespaces and mounts, memory that belongs
to no process (memfd, System V, message queues), keyrings, looking into other processes, changing the limits and the
priority of PID 1, moving to other cores.
Numbers: linux/arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Sequence

Line = tuple[int, int, str, str]
"""Operation, operand, and the labels to go on at where it holds and where not ("": the next line)."""

_REFUSED = {  # by number on x86_64 and on aarch64
    "acct": (163, 89),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioprio_set": (251, 30),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "request_key": (249, 218),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "semget": (64, 190),
    "setns": (308, 268),
    "shmget": (29, 194),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
}
_CLONE, _CLONE3, _PRLIMIT, _SETPRIORITY, _SETAFFINITY = (56, 220), (435, 435), (302, 261), (141, 140), (203, 122)

_NEW_NAMESPACES = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET."""

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Machine, as uname has it -> column of numbers, AUDIT_ARCH (linux/audit.h)."""

_X32 = 0x40000000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER_AT, _MACHINE_AT, _FIRST_AT, _SECOND_AT = 0, 4, 16, 24
_INSTRUCTION = struct.Struct("<HBBI")


def filters() -> dict[str, tuple[str, str]]:
    """Return for each machine type two filters, their instructions in hexadecimal: a keeper's and a program's own."""
    return {
        machine: (_assembled(_keeper_lines(column, audit)), _assembled(_program_lines(column)))
        for machine, (column, audit) in _MACHINES.items()
    }


def _keeper_lines(column: int, audit: int) -> dict[str, list[Line]]:
    """Return the filter a keeper puts on itself, and so on each program, in blocks by label."""
    refused = sorted(numbers[column] for numbers in _REFUSED.values())
    return {
        "": [
            (_LOAD, _MACHINE_AT, "", ""),
            (_EQUAL, audit, "", "kill"),
            (_LOAD, _NUMBER_AT, "", ""),
            (_AT_LEAST, _X32, "kill", ""),
            *((_EQUAL, number, "refuse", "") for number in refused),
            (_EQUAL, _CLONE3[column], "missing", ""),
            (_EQUAL, _CLONE[column], "clone", ""),
            (_EQUAL, _PRLIMIT[column], "about itself", ""),
            (_EQUAL, _SETPRIORITY[column], "priority", "allow"),
        ],
        "clone": [(_LOAD, _FIRST_AT, "", ""), (_ANY_BIT, _NEW_NAMESPACES, "refuse", "allow")],
        "priority": [(_LOAD, _SECOND_AT, "", ""), (_EQUAL, 0, "", "refuse")],
        "about itself": [(_LOAD, _FIRST_AT, "", ""), (_EQUAL, 0, "allow", "refuse")],
        "missing": [(_RETURN, _ERRNO | errno.ENOSYS, "", "")],  # the C library then takes clone, which can be read
        **_ENDS,
    }


def _program_lines(column: int) -> dict[str, list[Line]]:
    """Return the filter a program puts on itself beside it, once it has taken its place."""
    return {"": [(_LOAD, _NUMBER_AT, "", ""), (_EQUAL, _SETAFFINITY[column], "refuse", "allow")], **_ENDS}


_ENDS: dict[str, list[Line]] = {
    "refuse": [(_RETURN, _ERRNO | errno.EPERM, "", "")],
    "kill": [(_RETURN, _KILL, "", "")],
    "allow": [(_RETURN, _ALLOW, "", "")],
}


def _assembled(blocks: dict[str, list[Line]]) -> str:
    starts: dict[str, int] = {}
    lines: list[Line] = []
    for label, block in blocks.items():
        starts[label] = len(lines)
        lines += block
    return b"".join(_INSTRUCTION.pack(*_encoded(line, at, starts)) for at, line in enumerate(lines)).hex()


def _encoded(line: Line, at: int, starts: dict[str, int]) -> Sequence[int]:
    """Return one instruction: a jump is counted from the line after it."""
    operation, operand, *labels = line
    then, otherwise = (starts[label] - at - 1 if label else 0 for label in labels)
    return operation, then, otherwise, operand
