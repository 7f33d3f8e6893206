"""Python values as one line of ASCII text, and back: what a sandboxed program returns travels as data.

The text is JSON. None, bool, int of at most 1024 bits, finite float, str and list stand for themselves;
everything else is an object with one key, its tag:

===================  ==============================================================================
``{"t": [..]}``      tuple
``{"s": [..]}``      set, elements in the order of their texts; ``{"z": [..]}`` frozenset
``{"d": [[k, v]]}``  dict, in its own order
``{"b": "hex"}``     bytes
``{"i": "-0x.."}``   int of more than 1024 bits
``{"f": "nan"}``     float that is not finite: ``nan``, ``inf``, ``-inf``
``{"c": [re, im]}``  complex
``{"g": [..]}``      what an iterator, a range or a view of a dict yields
``{"o": "name"}``    opaque: an object of a type that is none of these, equal to nothing
===================  ==============================================================================

Standard library of Python 3.8 alone: this room is also loaded inside sandboxes (`sources`), beside programs that
replace builtins and patch modules. So each of its files keeps the builtins it found when it was imported, binds what
it calls, and reads a value by the methods of its base type: those of a subclass never run.
"""

from __future__ import annotations

from pathlib import Path

from pytest_llmbench.plain_values.digests import digest
from pytest_llmbench.plain_values.equality import normal_text
from pytest_llmbench.plain_values.reading import decode, has_opaque, parse
from pytest_llmbench.plain_values.shapes import DEPTH, LIMIT, MAX_YIELDED, NotPlain, Opaque, TooLarge
from pytest_llmbench.plain_values.writing import encode, write

__all__ = [
    "DEPTH",
    "LIMIT",
    "MAX_YIELDED",
    "NotPlain",
    "Opaque",
    "TooLarge",
    "decode",
    "digest",
    "encode",
    "has_opaque",
    "normal_text",
    "parse",
    "sources",
    "write",
]


def sources() -> list[tuple[str, str]]:
    """Return name and text of each module of this room, each after those it imports, this one last."""
    folder = Path(__file__).parent
    names = ["shapes", "writing", "equality", "reading", "digests", "__init__"]
    texts = [(folder / f"{name}.py").read_text(encoding="utf-8") for name in names]
    return [(f"{__name__}.{name}".replace(".__init__", ""), text) for name, text in zip(names, texts, strict=True)]
