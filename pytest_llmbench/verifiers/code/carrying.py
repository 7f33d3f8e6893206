"""What the tester carries to a program and back: arguments as what they are, their changes, and exceptions.

Runs inside the sandbox, as `driver` does, in the process of the tests.
"""

from __future__ import annotations

import builtins
import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Unsendable(BaseException):
    """Arguments that cannot leave the process. No Exception: tests that catch those must not swallow it.

    `mark` is that of the line that says so.
    """

    def __init__(self, mark: str, why: str) -> None:
        super().__init__(why)
        self.mark = mark


_EXACT = frozenset((type(None), bool, int, float, complex, str, bytes, type(iter([]))))
"""Types without containers that arrive as what they are; iterators over lists are what a program's iterators became."""
_HOLDERS = frozenset((list, tuple, set, frozenset, dict))


def check_exact(value: Any, levels: int) -> None:
    """Raise `Unsendable` where a value would arrive as another type; what is too deep is left to `encode`."""
    kind = type(value)
    if kind in _EXACT or (kind in _HOLDERS and levels < 0):
        return
    if kind not in _HOLDERS:
        raise Unsendable("A", f"an object of type {kind.__name__}")
    held = [*value, *value.values()] if kind is dict else value
    if not _EXACT.issuperset(map(type, held)):
        for item in held:
            check_exact(item, levels - 1)


def rewritten(old: Any, new: Any) -> Any:
    """Return what a call left of the argument `old`, of which `new` tells: `old` itself, changed, where it can be."""
    kind = type(old)
    if kind is not type(new):
        return new
    if kind is list:
        old[:] = [*map(rewritten, old, new), *new[len(old) :]]
    elif kind is dict:
        items = {key: rewritten(old[key], item) if key in old else item for key, item in new.items()}
        old.clear()
        old.update(items)
    elif kind is set:
        old.clear()
        old.update(new)
    elif kind is tuple and len(old) == len(new):
        return tuple(map(rewritten, old, new))
    else:
        return new
    return old


def revived(line: bytes) -> Any:
    """Return an exception like the one the program raised: the builtin one, else one of a new type that has its base.

    A group of exceptions comes back as a plain one: it cannot be made of a message.
    """
    kind, message, base = json.loads(line)
    known: Any = getattr(builtins, base, None)
    if not (isinstance(known, type) and issubclass(known, Exception)) or issubclass(known, _GROUPS):
        known = Exception
    wanted = known if known.__name__ == kind else type(kind, (known,), {})
    try:
        return wanted(message)
    except TypeError:  # UnicodeDecodeError and its like want more than a message
        return type(kind, (known,), {"__init__": lambda *_: None, "__str__": lambda _: message})(message)


_GROUPS: Any = getattr(builtins, "BaseExceptionGroup", ())
