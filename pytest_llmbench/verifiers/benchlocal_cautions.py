"""What is known to be wrong with the asserts of benchlocal-cli packs, found from the asserts themselves.

Each weakness is a question to one scenario: its asserts, and where that tells, how they judge a made-up answer.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pytest_llmbench.records import Scenario
from pytest_llmbench.verifiers.benchlocal_answers import AXES, PREFIX
from pytest_llmbench.verifiers.benchlocal_fields import EXPECTED
from pytest_llmbench.verifiers.benchlocal_subject import Params

Passes = Callable[[Scenario, str], bool]
Weakness = Callable[[Scenario, Passes], Iterable[str]]

NAMED = 20
"""Scenarios that one caution names."""

JUNK = (
    "x",
    "Nothing of the kind.",
    "lorem ipsum dolor sit amet\n" * 12,
    "- some\n- other\n- thing",
    "42",
    "D\u00e9j\u00e0 vu \u2013 \u201cperhaps\u201d.",
)
"""Answers to no question at all."""

EMPTY_SHELLS = ("{}", "[]", '{"zero": 0}', "a: b")
_LENGTHS = ("instruct_follow.exact_length_words", "instruct_follow.min_length_words")
_AT_MOST, _FORBIDDEN, _LANGUAGE = (
    f"instruct_follow.{name}" for name in ("max_length_words", "forbidden_phrase", "language")
)
_ASKS_FOR_CONTENT = ("instruct_follow.required_phrase", "struct_output.exact_json", "reason_math.", "answer_match.")
"""Beginnings of the kinds that a text of the right form alone does not meet."""

_WORD = re.compile(r"[A-Za-z0-9]+")
_MOST = 2000
"""Words, and a tenth of it lines, that a made-up answer has at most."""

_TRIED = ("instruct_follow.format_regex", "struct_output.format_regex", "reason_math.regex_match")
_JSON = (EXPECTED, "data_extract.", "struct_output.json", "struct_output.exact_json")
_ARGUMENTS = ("required_args_present", "forbidden_args_absent", "exact_arg_value", "arg_regex", "arg_in_enum")
_ON_ARGUMENTS = {f"tool_call.{name}" for name in (*_ARGUMENTS, "arg_numeric_range")}
_ON_CALLS = {
    f"tool_call.{name}"
    for name in ("exact_function_name", "function_name_in", "required_function_names", "multi_call_order")
}
_DIGITS = re.compile(r"\d+")


def cautions_on(scenarios: Sequence[Scenario], passes: Passes) -> tuple[str, ...]:
    """Return a line for each weakness that any of `scenarios` has, the gravest first.

    `passes` tells whether a scenario passes on a text.
    """
    found: list[str] = []
    for weakness in WEAKNESSES:
        having: dict[str, list[str]] = {}
        for scenario in scenarios:
            for text in weakness(scenario, passes):
                having.setdefault(text, []).append(scenario.id)
        found += [f"{_named(ids, len(scenarios))}: {text}" for text, ids in having.items()]
    return tuple(found)


def _named(ids: Sequence[str], of: int) -> str:
    if len(ids) == of > 1:
        return f"all {of} scenarios"
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return ", ".join(ids[:NAMED]) + more


def _kinds(scenario: Scenario) -> set[str]:
    return {check["kind"] for check in scenario.checks}


def _of(scenario: Scenario, *kinds: str) -> list[Params]:
    return [check for check in scenario.checks if check["kind"] in kinds]


def _any_text(scenario: Scenario, passes: Passes) -> Iterator[str]:
    if _takes_all(scenario, passes):
        yield f"passes on any text {_limits(scenario) or 'that is not empty'}"


def _takes_all(scenario: Scenario, passes: Passes) -> bool:
    """Whether no junk is turned down but what limits on length, language and single phrases exclude."""
    limits = tuple(_of(scenario, _AT_MOST, _FORBIDDEN, _LANGUAGE))
    limited = dataclasses.replace(scenario, checks=limits)
    tried = [text for text in JUNK if not limits or passes(limited, text)]
    return bool(tried) and all(passes(scenario, text) for text in tried)


def _limits(scenario: Scenario) -> str:
    lengths = [check["value"] for check in _of(scenario, _AT_MOST)]
    parts = [f"of at most {min(lengths)} words"] if lengths else []
    if any(check["value"] == "english" for check in _of(scenario, _LANGUAGE)):
        parts.append("in ASCII")
    if _of(scenario, _FORBIDDEN):
        parts.append("without the forbidden phrases")
    return " ".join(parts)


def _empty_shell(scenario: Scenario, passes: Passes) -> Iterator[str]:
    asks = any(kind.startswith(_ASKS_FOR_CONTENT) for kind in _kinds(scenario))
    if asks or _takes_all(scenario, passes):
        return
    shell = next((text for text in (*EMPTY_SHELLS, *_bare(scenario)) if passes(scenario, text)), None)
    if shell is not None:
        shown = shell if len(shell) <= 40 else f"{shell[:40]}..."
        yield f"passes on an empty shell such as {shown!r}"


def _bare(scenario: Scenario) -> Iterator[str]:
    """Yield the least that asserts on the form alone ask for, all of them in one text, in each case of letters."""
    lines = [line for check in scenario.checks for line in _bare_lines(check)]
    words = max((check["value"] for check in _of(scenario, *_LENGTHS)), default=0)
    missing = min(words, _MOST) - len(_WORD.findall("\n".join(lines)))
    text = "\n".join([*lines, " ".join(["x"] * missing)] if missing > 0 else lines) or "x"
    yield from (text, text.upper(), text.title())


def _bare_lines(check: Params) -> list[str]:
    kind, most = check["kind"], _MOST // 10
    if kind == "instruct_follow.required_section_headers":
        return list(check["headers"])
    if kind == "instruct_follow.bullet_count":
        return ["- x"] * min(check["value"], most)
    if kind == "instruct_follow.required_url_count":
        return ["https://x"] * min(check["min"], most)
    if kind == "struct_output.csv_columns":
        return [",".join(check["expected"])]
    return [_header(header) for header in check["headers"]] if kind == "struct_output.markdown_structure" else []


def _header(header: str) -> str:
    cells = header.strip().strip("|").count("|") + 1
    return f"{header}\n|{'-|' * cells}" if header.strip().startswith("|") else header


def _any_beginning(scenario: Scenario, _passes: Passes) -> Iterator[str]:
    if any(check.get("dependent") for check in _of(scenario, "tool_call.multi_call_order")):
        yield "any beginning of the chain of calls passes, its first call alone too"


def _unread_arguments(scenario: Scenario, _passes: Passes) -> Iterator[str]:
    kinds = _kinds(scenario)
    if kinds & _ON_CALLS and not kinds & _ON_ARGUMENTS:
        yield "the arguments of the calls are not looked at"


def _first_call_only(scenario: Scenario, _passes: Passes) -> Iterator[str]:
    counts = [check["value"] for check in _of(scenario, "tool_call.tool_call_count")]
    if _kinds(scenario) & _ON_ARGUMENTS and 1 not in counts:
        yield "only the first call's arguments are looked at, further calls pass with any"


def _word_for_act(scenario: Scenario, passes: Passes) -> Iterator[str]:
    if _of(scenario, "tool_call.content_regex") and not _takes_all(scenario, passes):
        yield "a word in the text decides, whatever the sentence around it says"


def _idle_expression(scenario: Scenario, passes: Passes) -> Iterator[str]:
    if _takes_all(scenario, passes):
        return
    patterns = [check["pattern"] for check in _of(scenario, *_TRIED, "tool_call.content_regex", "tool_call.arg_regex")]
    if any(all(re.search(pattern, text, re.MULTILINE | re.DOTALL) for text in JUNK) for pattern in patterns):
        yield "one of the expressions matches any text"


def _number_in_number(scenario: Scenario, passes: Passes) -> Iterator[str]:
    for check in _of(scenario, "reason_math.exact_string"):
        line = check.get("canonical_answer") or f"{PREFIX}{check.get('value', '')}"
        key, _, value = line.rpartition("=")
        longer = f"{key}={_DIGITS.sub(_prefixed, value)}" if key else _DIGITS.sub(_prefixed, line)
        if longer != line and passes(scenario, longer):
            yield "the number is searched for as text: 135 passes for 35"


def _prefixed(found: re.Match[str]) -> str:
    return f"1{found.group()}"


def _any_number(scenario: Scenario, _passes: Passes) -> Iterator[str]:
    if _of(scenario, "reason_math.exact_numeric", "reason_math.tolerance_numeric"):
        yield "any number anywhere in the text counts as the answer"
    if _of(scenario, "answer_match.exact_numeric", "answer_match.tolerance_numeric"):
        yield "the first ANSWER: counts, not the last; without one, any number in the text"


def _any_letter(scenario: Scenario, _passes: Passes) -> Iterator[str]:
    if _of(scenario, "answer_match.exact_letter"):
        yield 'the first free-standing letter from A to D counts, the article of "a careful look" too'


def _first_lines(scenario: Scenario, _passes: Passes) -> Iterator[str]:
    if _of(scenario, "struct_output.csv_columns"):
        yield "of a CSV only the first line is read"
    if _of(scenario, "struct_output.markdown_structure"):
        yield "of Markdown only the headers are read"
    if _of(scenario, "struct_output.yaml_parse_required"):
        yield "YAML is taken line by line for key: value; nothing nested is read"


def _no_anchor(scenario: Scenario, _passes: Passes) -> Iterator[str]:
    for check in _of(scenario, EXPECTED):
        lists = [path for path, size in _object_lists(check["value"], "") if size and path not in _anchors(check)]
        if lists:
            yield f"objects in {_named_lists(lists)} are never right: they have no anchor key"


def _empty_list(scenario: Scenario, _passes: Passes) -> Iterator[str]:
    """It is taken for one of objects: without an anchor key any list is one wrong field, anything else is no field."""
    for check in _of(scenario, EXPECTED):
        empty = [path for path, size in _object_lists(check["value"], "") if not size]
        idle = [path for path in empty if path in _anchors(check)]
        wrong = [path for path in empty if path not in idle]
        if wrong:
            yield f"the empty list wanted at {_named_lists(wrong)} counts as wrong; left out, it does not count"
        if idle:
            yield f"what stands in place of the empty list wanted at {_named_lists(idle)} is not looked at"


def _never(scenario: Scenario, passes: Passes) -> Iterator[str]:
    if any(not passes(scenario, json.dumps(check["value"])) for check in _of(scenario, EXPECTED)):
        yield "the very record that is wanted fails"


def _anchors(check: Params) -> Mapping[str, str]:
    found: Mapping[str, str] = check.get("anchors", {})
    return found


def _named_lists(paths: Sequence[str]) -> str:
    return " and ".join(path or "the top" for path in dict.fromkeys(paths))


def _object_lists(value: Any, path: str) -> Iterator[tuple[str, int]]:
    """Yield path and length of each list that is compared as one of objects."""
    if isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
        yield path, len(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _object_lists(item, f"{path}.{key}" if path else key)


def _exact_prefix(scenario: Scenario, _passes: Passes) -> Iterator[str]:
    if any(key in check for check in _of(scenario, "reason_math.exact_string") for key in AXES):
        yield f"only a line that begins exactly with {PREFIX!r} counts: no emphasis, no other case"


def _only_ascii(scenario: Scenario, _passes: Passes) -> Iterator[str]:
    values = {check["value"] for check in _of(scenario, "instruct_follow.language")}
    if "english" in values:
        yield "English is taken to be ASCII: an accent or a curly quote fails"
    if values - {"english"}:
        yield "the language is not looked at"


def _prose_around(scenario: Scenario, _passes: Passes) -> Iterator[str]:
    if any(kind.startswith(_JSON) for kind in _kinds(scenario)):
        yield "right JSON after a line of prose fails"


WEAKNESSES: tuple[Weakness, ...] = (
    _any_text,
    _empty_shell,
    _any_beginning,
    _unread_arguments,
    _first_call_only,
    _word_for_act,
    _idle_expression,
    _number_in_number,
    _any_number,
    _any_letter,
    _first_lines,
    _never,
    _no_anchor,
    _empty_list,
    _exact_prefix,
    _only_ascii,
    _prose_around,
)
"""The gravest first: what passes too much, then what fails too much."""
