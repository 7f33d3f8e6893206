"""What the text of a program says without running it: whether it is Python, which names it binds and needs.

Nothing here runs the text, and no text makes it raise.
"""

from __future__ import annotations

import ast
import builtins
import enum
import re
import symtable
import sys
import types
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeGuard

_FILENAME = "<answer of a model>"
_QUIET = ("ignore", None, Warning, re.compile(re.escape(_FILENAME)), 0)
_SPOILED = re.compile("invalid .*(?:escape|literal)")
_DOTTED = re.compile(r"(?:\.[\s\\]*+\w++[\s\\]*+)++")
_DOTS = 1000
_ODD = re.compile("[\0\ud800-\udfff]")
_BRACE_WORK = 1 << 31
_EXCERPT = 120
_TRIES = 3
_OWN_SCOPE = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
_CLOSED = _OWN_SCOPE | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_COLLECTED = ast.List | ast.Tuple
_PLAIN = (
    ast.Constant | _COLLECTED | ast.Dict | ast.Set | ast.JoinedStr | ast.Compare | ast.UnaryOp | ast.BinOp
    | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntaxFault:
    """Why a text is no Python: `line` is 1-based, 0 where the parser names none; `row` is that line of the text."""

    message: str
    line: int = 0
    row: str = ""

    @property
    def is_open_string(self) -> bool:
        """Whether the text ends within a string of several lines."""
        return "triple-quoted" in self.message

    def __str__(self) -> str:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        where = f"line {self.line}: " if self.line else ""
        shown = f": {self.row.strip()[:_EXCERPT]}" if self.row.strip() else ""
        return f"not valid Python {version}: {where}{self.message}{shown}"


class Binding(enum.IntEnum):
    """How surely a program binds a name at module level, from not at all to by a definition of its own.

    A ``VALUE`` is data, as in the output of a demo, or what a loop goes through; a ``STUB`` is a function
    without a body of its own; ``STARRED`` may come from a star import.
    """

    NONE = 0
    VALUE = 1
    STUB = 2
    STARRED = 3
    IMPORTED = 4
    DEFINED = 5


@dataclass(frozen=True, slots=True)
class Code:
    """A text that is Python, with its syntax tree."""

    text: str
    tree: ast.Module


def read(text: str) -> Code | SyntaxFault:
    """Return `text` as code, or why it is none; takes about linear time."""
    refused = _refusal(text)
    if refused:
        return refused
    for _ in range(_TRIES):
        _be_quiet()
        try:
            return Code(text, ast.parse(text, _FILENAME))
        except SyntaxError as error:
            fault = _fault(text, error.msg, error.lineno or 0)
        except (RecursionError, MemoryError, SystemError, ValueError, OverflowError):
            return SyntaxFault(message="nested too deeply, or too large a number, to be read")
        if not _SPOILED.match(fault.message):
            break
    return fault


def bindings(tree: ast.Module) -> dict[str, Binding]:
    """Return the names that `tree` binds at module level; ``*`` stands for a star import.

    What is bound under ``if __name__ == "__main__":`` does not count, nor does a rebinding such as
    ``f = cached(f)``, which needs the name itself.
    """
    found: dict[str, Binding] = {}
    for node in _module_level(tree):
        for name, kind in _bound_by(node):
            found[name] = max(kind, found.get(name, Binding.NONE))
    return found


def binding(tree: ast.Module, name: str) -> Binding:
    """Return how `tree` binds `name`; a star import counts only where nothing is defined beside it."""
    found = bindings(tree)
    defines = any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for node in tree.body)
    return found.get(name) or (Binding.STARRED if "*" in found and not defines else Binding.NONE)


def free_names(code: Code) -> set[str]:
    """Return the names that the program looks up at module level and neither it nor Python binds."""
    _be_quiet()
    try:
        tables = [symtable.symtable(code.text, _FILENAME, "exec")]
    except (SyntaxError, ValueError, RecursionError, MemoryError, SystemError):
        return set()
    found: set[str] = set()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        found.update(one.get_name() for one in table.get_symbols() if one.is_referenced() and one.is_global())
    return found - bindings(code.tree).keys() - set(dir(builtins))


def without_main(text: str, tree: ast.Module) -> str:
    """Return `text` with ``pass`` for each body of ``if __name__ == "__main__":``; every line keeps its number."""
    rows = text.split("\n")
    for node in _module_level(tree):
        if _is_main_guard(node):
            _blank(rows, node.body)
    return "\n".join(rows)


def without_futures(text: str, tree: ast.Module) -> tuple[str, list[str]]:
    """Return `text` with ``pass`` for each import from ``__future__``, and the names that were imported."""
    rows = text.split("\n")
    names: list[str] = []
    for node, following in zip_longest(tree.body, tree.body[1:]):
        stands_alone = following is None or following.lineno > (node.end_lineno or 0)
        if isinstance(node, ast.ImportFrom) and node.module == "__future__" and stands_alone:
            _blank(rows, [node])
            names += [alias.name for alias in node.names]
    return "\n".join(rows), names


def answers(tree: ast.Module, name: str) -> bool:
    """Whether the function `name` itself returns, yields or raises, not merely one inside of it."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    own = [node for node in functions if node.name == name]
    ends = ast.Return | ast.Yield | ast.YieldFrom | ast.Raise
    return bool(own) and any(isinstance(node, ends) for node in _within(own[-1].body, _OWN_SCOPE))


def _refusal(text: str) -> SyntaxFault | None:
    """Return why the parser is not asked at all, or None.

    CPython joins dotted names of an import piece by piece, and before 3.12 looks each expression of an
    f-string up from the string's start: both take the square of the length.
    """
    odd = _ODD.search(text)
    if odd:
        line = text.count("\n", 0, odd.start()) + 1
        return _fault(text, "a NUL character" if odd.group() == "\0" else "a lone surrogate", line)
    if any(chain.group().count(".") > _DOTS for chain in _DOTTED.finditer(text)):
        return SyntaxFault(message=f"more than {_DOTS} dots in one name")
    return SyntaxFault(message="too many braces") if text.count("{") * len(text) > _BRACE_WORK else None


def _be_quiet() -> None:
    """Have what the parser warns of in a model's text ignored, and nothing else.

    ``catch_warnings`` would not do: it swaps the filters of the whole process, and judges run in threads.
    Somebody else may do just that meanwhile, and make errors of warnings; then `read` tries again.
    """
    if warnings.filters[:1] != [_QUIET]:
        warnings.filterwarnings(_QUIET[0], category=Warning, module=re.escape(_FILENAME))  # type: ignore[arg-type]


def _fault(text: str, message: str, line: int) -> SyntaxFault:
    rows = text.split("\n")
    return SyntaxFault(message=message, line=line, row=rows[line - 1] if 0 < line <= len(rows) else "")


def _module_level(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the nodes that work at module level: nothing inside of functions, classes and main blocks."""
    stack: list[ast.AST] = list(reversed(tree.body))
    while stack:
        node = stack.pop()
        yield node
        if _is_main_guard(node):
            stack += reversed(node.orelse)
        elif not isinstance(node, _CLOSED | ast.Assign | ast.AnnAssign | ast.AugAssign):
            stack += reversed(list(ast.iter_child_nodes(node)))


def _within(nodes: Iterable[ast.AST], closed: types.UnionType) -> Iterator[ast.AST]:
    """Yield `nodes` and what is in them, but not what is in nodes of the types `closed`."""
    stack = list(nodes)
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, closed):
            stack += ast.iter_child_nodes(node)


def _bound_by(node: ast.AST) -> Iterator[tuple[str, Binding]]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield node.name, Binding.STUB if _is_stub(node) else Binding.DEFINED
        case ast.ClassDef():
            yield node.name, Binding.DEFINED
        case ast.Import() | ast.ImportFrom():
            for alias in node.names:
                yield alias.asname or alias.name.partition(".")[0], Binding.IMPORTED
        case ast.Assign() | ast.AnnAssign():
            yield from _assigned(node)
        case ast.NamedExpr():
            yield node.target.id, _kind(node.value)
        case ast.Name(ctx=ast.Store()):
            yield node.id, Binding.VALUE
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name, Binding.VALUE


def _assigned(node: ast.Assign | ast.AnnAssign) -> Iterator[tuple[str, Binding]]:
    if node.value is None:
        return
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    names = [part for part in _within([*targets, node.value], _CLOSED) if isinstance(part, ast.Name)]
    stored = {part.id for part in names if isinstance(part.ctx, ast.Store)}
    loaded = {part.id for part in names if isinstance(part.ctx, ast.Load)}
    is_unpacked = any(isinstance(target, _COLLECTED) for target in targets)
    kind = _unpacked_kind(node.value) if is_unpacked else _kind(node.value)
    yield from ((name, kind) for name in stored - loaded)


def _kind(value: ast.expr) -> Binding:
    return Binding.VALUE if isinstance(value, _PLAIN) else Binding.DEFINED


def _unpacked_kind(value: ast.expr) -> Binding:
    """Return how surely names are bound to the parts of `value`: any of them may be a function."""
    parts = value.elts if isinstance(value, _COLLECTED) else []
    return max(map(_kind, parts), default=Binding.DEFINED)


def _is_stub(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return all(
        isinstance(node, ast.Pass)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.Raise) and "NotImplementedError" in _raised(node))
        for node in function.body
    )


def _raised(node: ast.Raise) -> set[str]:
    named = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    return {named.id} if isinstance(named, ast.Name) else set()


def _is_main_guard(node: ast.AST) -> TypeGuard[ast.If]:
    match node:
        case ast.If(test=ast.Compare(left=left, ops=[ast.Eq()], comparators=[right])):
            return {_word(left), _word(right)} == {"name __name__", "'__main__'"}
    return False


def _word(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return f"name {node.id}"
    return repr(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _blank(rows: list[str], body: Sequence[ast.stmt]) -> None:
    """Put ``pass`` where `body` begins, and nothing into its other lines."""
    first = min([body[0], *getattr(body[0], "decorator_list", ())], key=lambda node: node.lineno)
    at, last = first.lineno - 1, body[-1].end_lineno or body[-1].lineno
    front = rows[at].encode()[: first.col_offset].decode()
    if first is not body[0]:  # the place of a decorator is that of its name; its mark may stand lines before it
        while at and not rows[at].lstrip().startswith("@"):
            at -= 1
        front = rows[at].partition("@")[0]
    rows[at] = f"{front}pass"
    rows[at + 1 : last] = [""] * (last - at - 1)
