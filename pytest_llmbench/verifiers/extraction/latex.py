"""LaTeX taken off a short text: what is left reads as plain text would."""

from __future__ import annotations

import re

_PASSES = 12
"""How deep commands may be nested; what is deeper stays as it is written."""

_DOLLAR, _OPEN, _CLOSE = "\ue000", "\ue001", "\ue002"
_ESCAPED = re.compile(r"\\([^\w\s]| )")
_MEANS = {"\\": " ", ",": " ", ";": " ", ":": " ", " ": " ", ">": " ", "!": ""}
_MEANS |= {**dict.fromkeys("()[]", " "), "$": _DOLLAR, "{": _OPEN, "}": _CLOSE}
_WRAPPERS = (
    "boxed|fbox|text|textbf|textit|textrm|texttt|textsf|textnormal|mbox|hbox|emph|underline|boldsymbol|bm|unit|num|"
    "mathrm|mathbf|mathit|mathsf|mathtt|mathbb|mathnormal|operatorname|ensuremath"
)
_WRAPPED = re.compile(rf"\\(?:{_WRAPPERS})\*?\s*\{{([^{{}}]*)\}}")
_QUANTITY = re.compile(r"\\(?:SI|qty)\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_FRACTION = re.compile(r"\\[dtc]?frac\s*(?:\{([^{}]*)\}|([0-9]))\s*(?:\{([^{}]*)\}|([0-9]))")
_ROOT = re.compile(r"\\sqrt\s*\{([^{}]*)\}")
_RAISED = re.compile(r"\^\s*\{([^{}]*)\}")
_GROUP = re.compile(r"(?<![\\\w^}])\{([^{}]*)\}")
_GROUPED_MARK = re.compile(r"(?<![A-Za-z])\{([,:.-])\}")
_TIED = re.compile(r"(?<=[0-9}])~(?=[\\A-Za-z])")
"""A ``~`` between a number and its unit is a blank that does not break."""
_SIMPLE = re.compile(r"\s*[+-]?[0-9][0-9,. ]*")
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_MATHS = re.compile(r"\$(?=\S)([^$]*\S)\$(?![0-9])")
_SYMBOLS = {
    **dict.fromkeys(("times", "cdot"), "\u00d7"),
    **dict.fromkeys(("approx", "simeq", "approxeq", "cong"), "\u2248"),
    **dict.fromkeys(("le", "leq", "leqslant"), "\u2264"),
    **dict.fromkeys(("ge", "geq", "geqslant"), "\u2265"),
    **dict.fromkeys(("circ", "degree"), "\u00b0"),
    **dict.fromkeys(("left", "right", "displaystyle", "quad", "qquad", "bigl", "bigr", "big", "Big"), " "),
    **dict.fromkeys(("checkmark", "square", "blacksquare", "qed"), " "),
    "div": "\u00f7",
    "pm": "\u00b1",
    "sim": "~",
    "pi": "\u03c0",
    "infty": "\u221e",
    "sqrt": "\u221a",
    "lt": "<",
    "gt": ">",
    "neq": "\u2260",
    "ne": "\u2260",
    "euro": "\u20ac",
    "pounds": "\u00a3",
    "percent": "%",
    "dots": "...",
    "ldots": "...",
    "to": "\u2192",
    "rightarrow": "\u2192",
    "Rightarrow": "\u21d2",
}


def without_latex(text: str) -> str:
    r"""Return `text` without LaTeX delimiters, boxes and fonts; ``\frac{7}{12}`` reads ``7/12``, ``\times`` a sign.

    Meant for a line of a few thousand characters. A single ``$`` is money and stays; so does a
    command that is not known, for nobody can say what it stands for.
    """
    text = _TIED.sub(" ", _GROUPED_MARK.sub(r"\1", text))
    if "\\" not in text and "$" not in text:
        return text
    text = _ESCAPED.sub(lambda found: _MEANS.get(found[1], found[1]), text)
    text = _MATHS.sub(r"\1", text.replace("$$", " "))
    for _ in range(_PASSES):
        reduced = _reduced(text)
        if reduced == text:
            break
        text = reduced
    text = _COMMAND.sub(lambda found: _SYMBOLS.get(found[1], found[0]), text).replace("^\u00b0", "\u00b0")
    return text.replace(_DOLLAR, "$").replace(_OPEN, "{").replace(_CLOSE, "}")


def _reduced(text: str) -> str:
    """Return `text` with the innermost braces resolved."""
    text = _ROOT.sub("\u221a(\\1)", _QUANTITY.sub(r"\1 \2", _WRAPPED.sub(r"\1", text)))
    text = _RAISED.sub(lambda found: "^" + found[1].strip(), _FRACTION.sub(_fraction, text))
    return _GROUP.sub(r"\1", text)


def _fraction(found: re.Match[str]) -> str:
    above, below = found[1] or found[2] or "", found[3] or found[4] or ""
    parts = (part.strip() if _SIMPLE.fullmatch(part) else f"({part.strip()})" for part in (above, below))
    return f" {'/'.join(parts)} "
