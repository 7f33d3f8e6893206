"""For each kind of check: parameters, answers that keep to it, answers that do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Check = Mapping[str, Any]
TABLE = "| A | B |\n|---|:-:|\n| x | 1 |\n| y | 2 |"
CASES: list[tuple[Check, list[str], list[str]]] = [
    ({"kind": "words", "exactly": 3}, ["one two three", "**one** two-fold \u201cthree\u201d."], ["one two", "a b c d"]),
    (
        {"kind": "words", "each": "sentence", "min": 2, "max": 3},
        ["Go on. Do it now."],
        ["Go on. Do it right now.", "!"],
    ),
    ({"kind": "sentences", "exactly": 2}, ["One. Two.", "Mr. A left. He ran."], ["One.", "One. Two. Three."]),
    ({"kind": "lines", "exactly": 2}, ["a\nb", "a\n\nb\n", "```\na\nb\n```"], ["a", "a\nb\nc"]),
    ({"kind": "paragraphs", "min": 2}, ["a\nb\n\nc"], ["a\nb\nc"]),
    ({"kind": "items", "exactly": 2, "mark": "bullet"}, ["- a\n- b", "* a\n\n+ b"], ["- a", "1. a\n2. b", "- a\n1. b"]),
    ({"kind": "items", "exactly": 2, "mark": "numbered"}, ["1. a\n2) b"], ["- a\n- b"]),
    (
        {"kind": "numbers", "are": [1843, 2.5]},
        ["2.5 in 1,843", "1843 and **2.50**"],
        ["1843", "1843, 2.5, 7", "18432.5", "A-1843 2"],
    ),
    ({"kind": "chosen", "options": ["a", "b", "c"], "by": "comma", "exactly": 2}, ["A, **c**."], ["a", "a, a", "a, d"]),
    ({"kind": "mentions", "words": ["cat", ["dog", "hound"]]}, ["Cat, HOUND!"], ["cat", "concat dog", "cat hounds"]),
    ({"kind": "mentions", "words": ["cat"], "times": 2}, ["cat and cat's"], ["cat", "cat cat cat"]),
    ({"kind": "mentions", "words": ["35"]}, ["maria = 35.", "(35)"], ["maria=135", "35.5", "350"]),
    ({"kind": "forbids", "words": ["rain"]}, ["raining trains"], ["Rain.", "**rain**-proof", "rain\u2019s"]),
    ({"kind": "forbids", "words": ["rain"], "within": True}, ["sun"], ["a train", "RAINY"]),
    ({"kind": "without", "characters": "e,"}, ["1. a cat"], ["the", "THE", "caf\u00e9", "a, b"]),
    ({"kind": "initials", "letter": "s"}, ["Seven silly seals.", "**s**o"], ["seven of", "seven 7", ". ."]),
    ({"kind": "initials", "rising": True}, ["A big cat, dozing."], ["a cat bites", "a big bear"]),
    (
        {"kind": "acrostic", "spells": "AB", "by": "line"},
        ["**a**n\n\u201cbe\u201d", "- a\n- b"],
        ["ab", "a\nb\nc", "b\na"],
    ),
    ({"kind": "distinct", "by": "word"}, ["a b c"], ["a b A.", ""]),
    ({"kind": "order", "words": ["cat", "dog"]}, ["Cat, then dog, then cat"], ["dog cat", "cat"]),
    ({"kind": "sorted", "by": "line"}, ["- \u00e1\n- B\n- c"], ["b\na", "a"]),
    ({"kind": "sorted", "by": "comma", "descending": True}, ["c, b, a"], ["a, b"]),
    ({"kind": "sorted", "by": "line", "numeric": True}, ["at 9:30\nat 10:15"], ["10:15\n9:30"]),
    ({"kind": "entries", "by": "item", "are": ["x", "y"]}, ["1. X.\n2. *y*"], ["- y\n- x", "- x\n- y\n- z", "x y"]),
    ({"kind": "entries", "by": "comma", "are": ["x", "y"], "any_order": True}, ["Y, x."], ["x, x", "y"]),
    ({"kind": "casing", "is": "lower"}, ["all 3 \u00e9", "*low*"], ["Not", "123"]),
    ({"kind": "casing", "is": "upper"}, ["ALL 3 \u00c9"], ["Not", "123"]),
    ({"kind": "casing", "is": "mixed"}, ["Usual."], ["LOUD", "quiet"]),
    ({"kind": "casing", "is": "title"}, ["Every Word 2"], ["Every word"]),
    ({"kind": "language", "is": "German"}, ["Die Biene wohnt in einem Stock."], ["The bee lives in a hive.", "Honig"]),
    (
        {"kind": "starts_with", "text": "Dear Sir"},
        ["**dear  sir**,", "\u201cDear Sir\u201d"],
        ["Dear Sirius", "Oh dear sir"],
    ),
    ({"kind": "ends_with", "text": "night"}, ["good *night*\u2026", "\u201cNight!\u201d"], ["midnight", "night-time"]),
    ({"kind": "ends_with", "text": "?"}, ["so **what?**", "\u201cWhat?\u201d"], ["what", "what?!"]),
    (
        {"kind": "equals", "any_of": ["6 towns", "six towns"]},
        ["**6 towns**.", "six  towns"],
        ["6 Towns", "16 towns", "6"],
    ),
    (
        {"kind": "headings", "are": ["One", "Two"], "level": 2},
        ["## One\nx\n## **Two** ##"],
        ["# One\n## Two", "## One"],
    ),
    (
        {"kind": "outline", "shape": [2, 1], "top": "numbered", "sub": "bullet"},
        ["1. a\n   - b\n   - c\n2. **d**:\n   - e", "1. a\n\t* b\n\t* c\n\n2. d\n\t* e"],
        [
            "- a\n   - b\n   - c\n- d\n   - e",
            "1. a\n- b\n- c\n2. d\n- e",
            "1. a\n   - b\n     - c\n2. d\n   - e",
            "1. a\n   - b\n2. c\n   - d\n   - e",
            "a",
        ],
    ),
    (
        {"kind": "outline_entries", "are": {"Big": ["a", "b"], "Small": ["c"]}},
        ["1. Big\n   - b\n   - a\n2. **Small**:\n   - c", "- big\n  1. a\n  2. b\n- small\n  1. c"],
        ["1. Big\n   - a\n2. Small\n   - b\n   - c", "1. Small\n   - c\n2. Big\n   - a\n   - b", "Big: a, b"],
    ),
    (
        {"kind": "table", "columns": ["a", "b"]},
        [TABLE, f"Look:\n\n{TABLE}\n\nend", "a|b\n-|-\n*x*|1"],
        ["A | B\nx | 1", "| B | A |\n|-|-|", "| A |\n|-|", "| A | B |\n|-|"],
    ),
    (
        {"kind": "rows", "are": [["x", "1"], ["y", "2"]]},
        [TABLE, "a|b\n-|-\n*x*|1\nY|2\n\nend"],
        [TABLE.replace("| y | 2 |", ""), TABLE.replace("x", "z"), f"{TABLE}\n| z | 3 |", "x | 1\ny | 2"],
    ),
    ({"kind": "rows", "are": [["y", "2"], ["x", "1"]], "any_order": True}, [TABLE], ["a|b\n-|-\ny|2"]),
    (
        {"kind": "quote", "says": "So it is."},
        ["> \u201cSo it is.\u201d\n\nx", "> So\n> it is"],
        ["So it is.", "> So it was."],
    ),
    (
        {"kind": "json_object", "keys": ["a", "b"], "ordered": True},
        ['{"a": 1, "b": 2}', '```json\n{"a":1,"b":{}}\n```', '{\u00a0"a": 1, "b": [true]}'],
        ['{"b": 1, "a": 2}', '{"a": 1}', "{}", '["a", "b"]', '{"a": 1, "b": NaN}', '{"a": 1, "b": 2, "b": 2}', "a: b"],
    ),
    ({"kind": "json_object", "keys": ["a", "b"]}, ['{"b": 1, "a": 2}'], ['{"a": 1, "b": 2, "c": 3}']),
    (
        {"kind": "json_object", "keys": ["a"], "fenced": True},
        ['Here:\n```json\n{"a": 1}\n```'],
        ['{"a": 1}', '```\n{"a": 1}', '```\n{"a": 1}\n```\n```\n2\n```', "```\n" + "[" * 99_999 + "\n```"],
    ),
    (
        {"kind": "json_equals", "value": {"a": 1, "b": [True, "x"]}},
        ['{"a": 1.0, "b": [true, "x"]}', '```\n{"b": [true, "x"], "a": 1}\n```'],
        [
            '{"a": true, "b": [true, "x"]}',
            '{"a": 1, "b": [1, "x"]}',
            '{"a": "1", "b": [true, "x"]}',
            "{}",
            "[]",
            "1",
            "x",
        ],
    ),
    ({"kind": "outside", "of": "list"}, ["- a\n  more\n- b", "```\n- a\n```"], ["So:\n- a", "- a\nend", "a"]),
    ({"kind": "outside", "of": "table", "lines": 1}, [f"Look:\n\n{TABLE}"], [TABLE, f"a\n{TABLE}\nb"]),
    ({"kind": "outside", "of": "quote", "lines": 1}, ["> a\n> b\n\nc"], ["> a", "a\nb"]),
    ({"kind": "outside", "of": "fence"}, ["```\na\n```"], ["a\n```\nb\n```", "a"]),
]
TWO_TURNS: list[tuple[Check, list[tuple[str, str]], list[tuple[str, str]]]] = [
    ({"kind": "ratio", "to_turn": 0, "max": 0.5}, [("a b c d", "a b")], [("a b c d", "a b c")]),
    (
        {"kind": "rest", "by": "comma", "options": ["a", "b", "c"], "of_turn": 0, "of_by": "item"},
        [("- A\n- b", "c"), ("- a", "C, b.")],
        [("- a\n- b", "b"), ("- a", "b"), ("- a", "b, c, a")],
    ),
    (
        {"kind": "same_entries", "by": "comma", "of_turn": 0, "of_by": "item", "reversed": True},
        [("- a\n- b", "B, a")],
        [("- a\n- b", "a, b"), ("- a\n- b", "b"), ("a b", "a b")],
    ),
    ({"kind": "same_entries", "by": "line", "of_turn": 0, "of_by": "line"}, [("a\nb", "A.\nb")], [("a\nb", "b\na")]),
    (
        {"kind": "repeats", "of_turn": 0, "which": -1, "at": "start"},
        [("One. It is so.", "**It is so.** Yes."), ("One. It is so!", "\u201cIt is so!\u201d Yes.")],
        [("One. It is so.", "Yes. It is so."), ("One. It is so.", "It is sold. Yes."), ("One. It is so.", "it is so.")],
    ),
    (
        {"kind": "repeats", "of_turn": 0, "which": 1, "at": "end"},
        [("One. Two.", "Yes. One.")],
        [("One. Two.", "One. Yes.")],
    ),
    (
        {"kind": "repeats", "of_turn": 0, "which": 2},
        [("One. Two.", "So: Two. Yes.")],
        [("One. Two.", "One."), ("One.", "One.")],
    ),
]
CHECKS: list[Check] = [check for check, *_ in CASES] + [check for check, *_ in TWO_TURNS]
