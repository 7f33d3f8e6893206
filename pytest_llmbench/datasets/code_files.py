"""The files that code data sets are published in: where from, and how each is recognised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One published file with one record per task.

    `place` is where it lies in a folder of benchmark data; it may lie in that folder itself too, and packed or
    not. `size` and `sha256` are of the file at `url`, `unpacked_sha256` and `md5` ("" where copies differ) of its
    text; `aliases` are names it goes by elsewhere, `fields` what every record has. `ids_sha256` (its first 16
    hex digits) is of the task ids in their order with blanks between. With `asserts`, a file of another hash is
    taken if these are its ids and each record has that many asserts (0: one or more). `evalplus_variable` is the
    environment variable that tells EvalPlus to read another file.
    """

    title: str
    edition: str
    place: str
    url: str
    size: int
    sha256: str
    unpacked_sha256: str
    records: int
    fields: tuple[str, ...]
    ids_sha256: str
    md5: str = ""
    asserts: int | None = None
    aliases: tuple[str, ...] = ()
    evalplus_variable: str = ""

    @property
    def name(self) -> str:
        """What the file is called where it is published."""
        return PurePosixPath(self.place).name

    @property
    def label(self) -> str:
        """What a person calls it."""
        return f"{self.title} {self.edition}"

    def names(self) -> tuple[str, ...]:
        """Return what the file may be called, packed or not, the likeliest first."""
        plain = [name.removesuffix(".gz") for name in (self.name, *self.aliases)]
        return tuple(dict.fromkeys((self.name, *(name + end for name in plain for end in ("", ".gz")))))


_EVALPLUS = "https://github.com/evalplus"
_GOOGLE = "https://github.com/google-research/google-research/raw/master/mbpp"
_PLUS = ("task_id", "prompt", "entry_point", "canonical_solution", "base_input", "plus_input", "atol")

HUMANEVAL = DataFile(
    title="HumanEval",
    edition="6d43fb9",
    place="humaneval/HumanEval.jsonl.gz",
    url="https://github.com/openai/human-eval/raw/master/data/HumanEval.jsonl.gz",
    size=44_877,
    sha256="b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef",
    unpacked_sha256="1d49078ba3e2b196b9344535bef34a43021f038fad9561d6ee7c53450609a6a2",
    md5="88771747746422b8669027625578460c",
    records=164,
    fields=("task_id", "prompt", "entry_point", "canonical_solution", "test"),
    ids_sha256="369fd4a787cf4c81",
)
"""MIT, openai/human-eval; the edition is its commit."""

HUMANEVAL_PLUS = DataFile(
    title="HumanEval+",
    edition="v0.1.10",
    place="humanevalplus/HumanEvalPlus.jsonl.gz",
    url=f"{_EVALPLUS}/humanevalplus_release/releases/download/v0.1.10/HumanEvalPlus.jsonl.gz",
    size=925_932,
    sha256="272720b90ac375502c8ed23cd791c2a93dfb22a911641a494da74a426c09f101",
    unpacked_sha256="42526ec0e7d5f3ee0b06d6ced98f8c8bae3d76519151bfb3d36f79010645bd7f",
    md5="fe585eb4df8c88d844eeb463ea4d0302",
    records=164,
    fields=_PLUS,
    ids_sha256="369fd4a787cf4c81",
    aliases=("HumanEvalPlus-v0.1.10.jsonl",),
    evalplus_variable="HUMANEVAL_OVERRIDE_PATH",
)
"""Apache-2.0, evalplus/humanevalplus_release at 200defc."""

MBPP = DataFile(
    title="MBPP",
    edition="974 tasks",
    place="mbpp/mbpp.jsonl",
    url=f"{_GOOGLE}/mbpp.jsonl",
    size=563_743,
    sha256="ccf64ceae9c5403bf50a044cb6d505bfd2a2963ee58338ba268fd65beab92a9f",
    unpacked_sha256="ccf64ceae9c5403bf50a044cb6d505bfd2a2963ee58338ba268fd65beab92a9f",
    records=974,
    fields=("task_id", "text", "code", "test_setup_code", "test_list"),
    ids_sha256="d4cb7749e28500b5",
    asserts=3,
)
"""CC BY 4.0, google-research/google-research. Another copy, 206 bytes shorter, is in the wild with the same records."""

MBPP_SANITIZED = DataFile(
    title="MBPP sanitized",
    edition="427 tasks",
    place="mbpp/sanitized-mbpp.json",
    url=f"{_GOOGLE}/sanitized-mbpp.json",
    size=255_053,
    sha256="ca95deaa9a01ef0a6f439f88bcf0dd3db3563d22f22aad6cae04ebb9a8d8c8e9",
    unpacked_sha256="ca95deaa9a01ef0a6f439f88bcf0dd3db3563d22f22aad6cae04ebb9a8d8c8e9",
    records=427,
    fields=("task_id", "prompt", "code", "test_imports", "test_list"),
    ids_sha256="c7fe59b2d16a10df",
    asserts=0,
)
"""CC BY 4.0, google-research/google-research. Copies differ in how their JSON is laid out."""

MBPP_PLUS = DataFile(
    title="MBPP+",
    edition="v0.2.0",
    place="mbppplus/MbppPlus.jsonl.gz",
    url=f"{_EVALPLUS}/mbppplus_release/releases/download/v0.2.0/MbppPlus.jsonl.gz",
    size=336_032,
    sha256="af43697e8791c4c149bdfd6b489d8b5412507551ac20e28a439f650b8225db63",
    unpacked_sha256="b54e762755248ca411b523c917fa9f93c07b5ff2966bf60b3917b853926a3dad",
    md5="ee43ecabebf20deef4bb776a405ac5b1",
    records=378,
    fields=_PLUS,
    ids_sha256="38ec1452a042594f",
    aliases=("MbppPlus-v0.2.0.jsonl",),
    evalplus_variable="MBPP_OVERRIDE_PATH",
)
"""Apache-2.0, evalplus/mbppplus_release at dadf43d."""

_RELATIVES = {
    "3c5aa88735e442f327030f7097f9443ee173419e0db2a75b1c12730415398e88": "HumanEvalPlus-NoExtreme.jsonl.gz",
    "78fbba8865b20c5a979cda6e02fd72538e1762e65980af7d1a6e93c3e87e93af": "HumanEvalPlus-Mini.jsonl.gz",
    "2682a29850fb17185106b2f40e72d1ebe7091b7393c576cff71b60e83c42ed33": "MbppPlus-NoExtreme.jsonl.gz",
}
"""Unpacked SHA-256 -> the selection of inputs it is, of the same edition."""

_OLD_MBPP_PLUS = 399


def task_id_of(record: Mapping[str, Any]) -> str:
    """Return what the task of `record` is called; MBPP numbers its own."""
    name = record["task_id"]
    return name if isinstance(name, str) else f"Mbpp/{name}"


def accepts(file: DataFile, records: Sequence[Mapping[str, Any]], ids_sha256: str) -> bool:
    """Whether `records`, of a file with another hash, are those of `file` all the same."""
    return (
        file.asserts is not None
        and ids_sha256 == file.ids_sha256
        and all(set(file.fields) <= record.keys() for record in records)
        and all(_asserts_fit(record["test_list"], file.asserts) for record in records)
    )


def described(file: DataFile, records: Sequence[Mapping[str, Any]], unpacked_sha256: str) -> str:
    """Say what a file is that was taken for `file` and is not: in words for whoever put it there."""
    if unpacked_sha256 in _RELATIVES:
        return f"it is {_RELATIVES[unpacked_sha256]}, with other inputs: {file.name} is wanted"
    first = records[0] if records else {}
    if "test" in first and "base_input" in file.fields and "base_input" not in first:
        origin = file.name.replace(".jsonl", "-OriginFmt.jsonl")
        return f"its records have a test field and no inputs, as {origin} has: {file.name} is wanted"
    if file is MBPP_PLUS and len(records) == _OLD_MBPP_PLUS:
        return f"it has {_OLD_MBPP_PLUS} tasks, so it is MBPP+ v0.1.0, whose scores do not compare: v0.2.0 has 378"
    missing = [name for name in file.fields if name not in first]
    if missing:
        return f"its records have no {' and no '.join(missing)}"
    if len(records) != file.records:
        return f"it has {len(records)} tasks, {file.label} has {file.records}"
    return "its records have the form, its contents are other ones"


def _asserts_fit(tests: Any, wanted: int) -> bool:
    is_list = isinstance(tests, list) and all(isinstance(test, str) and "assert" in test for test in tests)
    return is_list and (len(tests) == wanted if wanted else len(tests) > 0)
