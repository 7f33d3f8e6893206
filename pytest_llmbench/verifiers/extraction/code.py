"""The program in an answer: which of its code was meant, and the text that has to stand in front of it."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from pytest_llmbench.records import Reason
from pytest_llmbench.thinking import split_thinking
from pytest_llmbench.verifiers.extraction.code_blocks import FENCE_LINES, Block, Blocks
from pytest_llmbench.verifiers.extraction.code_prose import (
    amid_prose,
    continued,
    is_words,
    looks_like_code,
    without_end_marks,
    without_tags_around,
    without_words,
)
from pytest_llmbench.verifiers.extraction.code_syntax import (
    Binding,
    Code,
    SyntaxFault,
    binding,
    bindings,
    free_names,
    read,
    without_futures,
    without_main,
)
from pytest_llmbench.verifiers.text import newlines

LENGTH = 256 << 10
"""Characters of an answer that are looked at, the last ones."""
_NAMES, _NAME_LENGTH = 200, 80
_ANSI = re.compile(r"\x1b(?:\[[0-?]*+[ -/]*+[@-~]|\][^\x07\x1b]*+(?:\x07|\x1b\\))")
_LEADING = re.compile(r"(?:\s*+<think>(?s:.)*?(?<!`)</think>(?!`))*+")
_TAG = re.compile(r"</?think>")
_BEFORE_FENCE = re.compile(r"(?<=</think>)(?=```)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractedCode:
    """A whole program. `flags` tell how it was come by where that was not the plain way:

    ``tail only``, ``joined blocks``, ``amid prose``, ``body only``, ``stub only``, ``value only``.
    """

    program: str
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeFault:
    """Why an answer holds no program that can be judged; `program` is the piece that came nearest, or ""."""

    reason: Reason
    detail: str
    program: str = ""


def extract_code(answer: str, *, entry_point: str, prompt: str = "") -> ExtractedCode | CodeFault:
    """Return the program that `answer` gives for the function `entry_point`, or what is wrong with the answer.

    `prompt` is code that ends with the function's head: what stands before that goes in front of the answer,
    and an answer that is but the function's body goes behind the whole. In this order:

    1. the last fenced block that is Python and binds `entry_point` at module level, one that defines it before
       one that imports it; with it come the blocks that bind names it needs;
    2. all blocks joined;
    3. the text outside of fences: as it is, or from its first to its last line of code;
    4. a block, or that text, as the body of the function;
    5. a stub, or data of that name, unless broken code defines it.

    Code is kept whole but for what stands under ``if __name__ == "__main__":``. Nothing is repaired, and of code
    that breaks off no part is taken. Takes about linear time, and no answer makes it raise.
    """
    answer = without_end_marks(_ANSI.sub("", answer))
    text = _without_leading_thought(newlines(answer).removeprefix("\ufeff"))
    tail = _tail(text)
    spoken = _without_tags(tail)
    if not spoken.strip():
        beside = " but for its thinking" if answer.strip() else ""
        empty = CodeFault(reason=Reason.NO_ANSWER, detail=f"the answer is empty{beside}")
        return _marked(empty, f"{len(tail)} of {len(text)} characters") if len(tail) < len(text) else empty
    search = _Search(spoken, entry_point, prompt)
    found = search.result()
    if len(tail) < len(text):
        return _marked(found, f"{len(tail)} of {len(text)} characters")
    return _marked(found, f"{FENCE_LINES} lines with a fence") if search.is_tail else found


def _marked(found: ExtractedCode | CodeFault, part: str) -> ExtractedCode | CodeFault:
    """Return `found` with a word that only the last `part` of the answer was read."""
    if isinstance(found, ExtractedCode):
        return replace(found, flags=("tail only", *found.flags))
    return replace(found, detail=f"{found.detail} (of the answer, only the last {part} were read)")


def _without_leading_thought(text: str) -> str:
    """Return what stands behind the thinking that `text` opens with; "" where that is never closed."""
    text = _BEFORE_FENCE.sub("\n", text)
    leading = _LEADING.match(text)
    text = text[leading.end() :] if leading else text
    return "" if text.lstrip().startswith("<think>") else text


def _tail(text: str) -> str:
    if len(text) <= LENGTH:
        return text
    tail = text[-LENGTH:]
    return tail[tail.find("\n") + 1 :]


def _without_tags(text: str) -> str:
    """Return `text` without thinking between tags; those within the code of the answer are no such tags."""
    if not _TAG.search(text) or isinstance(read(text), Code):
        return text
    rows = text.split("\n")
    for block in Blocks(text).all:
        if isinstance(block.content, Code) and not block.is_foreign:
            code = slice(block.first, block.last + 1)
            rows[code] = [_TAG.sub(lambda tag: f"{tag.group()[:-1]}\0>", row) for row in rows[code]]
    return split_thinking("\n".join(rows))[0].replace("think\0>", "think>")


class _Search:
    """The search for one function in one answer, from the surest place to the least sure."""

    def __init__(self, spoken: str, entry_point: str, prompt: str) -> None:
        self._spoken, self._entry, self._prompt = spoken, entry_point, prompt
        whole = read(spoken)
        blocks = Blocks("" if isinstance(whole, Code) else spoken)
        self.is_tail = blocks.is_tail
        self._blocks = blocks.all
        self._text = without_tags_around("\n".join(spoken.split("\n")[: blocks.start]))
        self._outside = without_words(whole) if isinstance(whole, Code) else amid_prose(self._text)
        if isinstance(self._outside, SyntaxFault) and self._outside.is_open_string and self._blocks:
            self._outside = amid_prose(spoken)  # the fences stand in a docstring

    def result(self) -> ExtractedCode | CodeFault:
        """Return the program, or why there is none."""
        return self._block() or self._joined() or self._amid_prose() or self._body() or self._poor() or self._fault()

    def _block(self) -> ExtractedCode | None:
        codes = [(block.content, block.is_foreign) for block in self._blocks if isinstance(block.content, Code)]
        ranks = [(self._binding(code), is_foreign) for code, is_foreign in codes]
        keys = [(rank >= Binding.STARRED, not is_foreign, rank) for rank, is_foreign in ranks]
        best = max(keys, default=(False, False, Binding.NONE))
        if not best[0]:
            return None
        chosen = codes[len(keys) - 1 - keys[::-1].index(best)][0]
        pieces = _with_needed(chosen, [code for code, is_foreign in codes if code is chosen or not is_foreign])
        return self._program(pieces, *(["joined blocks"] if len(pieces) > 1 else []))

    def _joined(self) -> ExtractedCode | None:
        contents = [(block, block.content) for block in self._own()]
        own = [
            block for block, code in contents if not (isinstance(code, Code) and self._binding(code) == Binding.VALUE)
        ]
        whole = read("\n".join(block.raw for block in own)) if len(own) > 1 else None
        if isinstance(whole, Code) and self._binding(whole) >= Binding.STARRED:
            return self._program([whole], "joined blocks")
        return None

    def _amid_prose(self) -> ExtractedCode | None:
        code = self._outside
        if isinstance(code, SyntaxFault) or self._binding(code) < Binding.STARRED:
            return None
        is_whole = not self._blocks and code.text == self._spoken
        return self._program([code], *(() if is_whole else ("amid prose",)))

    def _body(self) -> ExtractedCode | None:
        bodies = [*(block.raw for block in reversed(self._own())), self._text] if self._prompt else []
        found = (continued(self._prompt, body, self._entry) for body in bodies)
        code = next((one for one in found if one), None)
        return ExtractedCode(program=_assembled("", [code]), flags=("body only",)) if code else None

    def _poor(self) -> ExtractedCode | None:
        """Return a stub, or else data with the name of the function, unless broken code defines it."""
        ranked = [] if self._defining() else [(code, self._binding(code)) for code in self._codes()]
        for rank, flag in ((Binding.STUB, "stub only"), (Binding.VALUE, "value only")):
            found = [code for code, its in ranked if its is rank]
            if found:
                return self._program(found[-1:], flag)
        return None

    def _fault(self) -> CodeFault:
        codes = self._codes()
        blamed = self._defining() or ([] if codes else self._broken())
        if blamed:
            return CodeFault(reason=Reason.INVALID_FORMAT, detail=str(blamed[-1][1]), program=blamed[-1][0])
        if codes:
            return CodeFault(reason=Reason.TESTS_FAILED, detail=self._missing(codes), program=codes[-1].text)
        if self._blocks:
            detail = f"no Python: the code is marked {self._blocks[-1].info!r}"
            return CodeFault(reason=Reason.INVALID_FORMAT, detail=detail, program=self._blocks[-1].raw)
        return CodeFault(reason=Reason.NO_ANSWER, detail="there is no code in the answer")

    def _broken(self) -> list[tuple[str, SyntaxFault]]:
        """Return the pieces that look like code and are no Python, each with what is wrong with it."""
        broken = [(block.raw, block.content) for block in self._own() if isinstance(block.content, SyntaxFault)]
        if isinstance(self._outside, SyntaxFault) and looks_like_code(self._text):
            broken.insert(0, (self._text, self._continuation_fault() or self._outside))
        return broken

    def _defining(self) -> list[tuple[str, SyntaxFault]]:
        """Return the broken pieces that define the function."""
        head = rf"^[ \t\f]*+(?:(?:async[ \t]++)?def|class)[ \t]++{re.escape(self._entry)}\b"
        naming = re.compile(head, re.MULTILINE)
        return [one for one in self._broken() if naming.search(one[0])]

    def _continuation_fault(self) -> SyntaxFault | None:
        """Say what is wrong with a text that begins as the body of a function does."""
        body = self._text.lstrip("\n")
        fault = read(f"{self._prompt.rstrip()}\n{body}") if self._prompt and body[:1] in {" ", "\t"} else None
        return fault if isinstance(fault, SyntaxFault) else None

    def _missing(self, codes: Sequence[Code]) -> str:
        near = _nearest_function((code.tree for code in codes), self._entry)
        instead = f"the nearest is {near}" if near else "it defines no function"
        return f"the code binds no {self._entry} at module level; {instead}"

    def _own(self) -> list[Block]:
        return [block for block in self._blocks if not block.is_foreign]

    def _codes(self) -> list[Code]:
        """Return all Python there is, but for words that are Python by chance."""
        contents = [*(block.content for block in self._own()), self._outside]
        codes = [content for content in contents if isinstance(content, Code)]
        return [code for code in codes if not all(is_words(statement) for statement in code.tree.body)]

    def _binding(self, code: Code) -> Binding:
        return binding(code.tree, self._entry)

    def _program(self, codes: Sequence[Code], *flags: str) -> ExtractedCode:
        return ExtractedCode(program=_assembled(_preamble(self._prompt, self._entry), codes), flags=flags)


def _nearest_function(trees: Iterable[ast.Module], name: str) -> str:
    """Return the function or method whose name is most like `name`, as it is reached from its module, or ""."""
    places: dict[str, str] = {}
    for tree in trees:
        for path, node in _functions(tree):
            if len(places) < _NAMES:
                places.setdefault(node.name[:_NAME_LENGTH], ".".join((*path, node.name))[:_NAME_LENGTH])
    near = difflib.get_close_matches(name[:_NAME_LENGTH], list(places), n=1, cutoff=0)
    return places[near[0]] if near else ""


def _functions(tree: ast.Module) -> Iterator[tuple[tuple[str, ...], ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (), node
        elif isinstance(node, ast.ClassDef):
            yield from (
                ((node.name,), one) for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
            )


def _with_needed(chosen: Code, codes: Sequence[Code]) -> list[Code]:
    """Return `chosen` with those of `codes` that bind names it needs, in order; of several the last one before it."""
    at = next(number for number, code in enumerate(codes) if code is chosen)
    makers: dict[str, list[int]] = {}
    for number, code in enumerate(codes):
        for name in bindings(code.tree):
            makers.setdefault(name, []).append(number)
    taken, wanted = {at}, free_names(chosen)
    while wanted:
        made_by = makers.get(wanted.pop(), [])
        if made_by and not taken.intersection(made_by):
            maker = max((number for number in made_by if number < at), default=made_by[0])
            taken.add(maker)
            wanted |= free_names(codes[maker])
    return [codes[number] for number in sorted(taken)]


def _preamble(prompt: str, entry_point: str) -> str:
    """Return what stands in `prompt` before the head of its function: imports and helpers."""
    head = re.search(rf"^(?:@[^\n]*\n)*(?:async[ \t]+)?def[ \t]+{re.escape(entry_point)}\b", prompt, re.MULTILINE)
    return prompt[: head.start()].strip("\n") if head else ""


def _assembled(preamble: str, codes: Sequence[Code]) -> str:
    """Return one program; imports from ``__future__`` move to its top, for Python wants them there."""
    parts = [preamble] if preamble.strip() else []
    futures: dict[str, None] = {}
    for code in codes:
        text = without_main(code.text, code.tree)
        if parts:
            text, names = without_futures(text, code.tree)
            futures |= dict.fromkeys(names)
        parts.append(text.strip("\n"))
    first = [f"from __future__ import {', '.join(futures)}"] if futures else []
    return "\n".join([*first, "\n\n\n".join(parts), ""])
