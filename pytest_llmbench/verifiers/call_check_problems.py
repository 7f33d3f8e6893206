"""What is wrong with the tool_calls checks of a scenario, found before the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_llmbench.contracts import Problem
from pytest_llmbench.lookup import suggestion
from pytest_llmbench.records import Scenario, Tool
from pytest_llmbench.verifiers.value_rules import field_problems, needs_phrases

Check = Mapping[str, Any]
Path = tuple[str | int, ...]
Fault = Callable[[Any], str]


def call_id(check: Check) -> str:
    """Return the id by which other checks name an expected call; its tool's name unless given."""
    return str(check.get("id", check["tool"]))


def check_name(check: Check) -> str:
    """Return the name of a check's outcome: its own ``name``, else ``call ID``, ``line LABEL`` or its kind."""
    if "name" in check:
        return str(check["name"])
    own = {"call": lambda: f"call {call_id(check)}", "answer_line": lambda: f"line {check['label']}"}
    return own[check["kind"]]() if check["kind"] in own else str(check["kind"])


def _text(value: Any) -> str:
    return "" if isinstance(value, str) and value.strip() else "needs a text"


def _mapping(value: Any) -> str:
    return "" if isinstance(value, Mapping) else "needs a mapping of argument names to rules"


def _allow(value: Any) -> str:
    return "" if value == "allow" else "needs allow"


def _truth(value: Any) -> str:
    return "" if isinstance(value, bool) else "needs true or false"


def _number(value: Any) -> str:
    return "" if isinstance(value, (int, float)) and not isinstance(value, bool) else "needs a number"


def _count(value: Any) -> str:
    return "" if isinstance(value, int) and not isinstance(value, bool) and value > 0 else "needs a number above 0"


def _numbers(value: Any) -> str:
    good = isinstance(value, list) and value and not any(_number(item) for item in value)
    return "" if good else "needs a list of numbers"


def _ids(value: Any) -> str:
    good = isinstance(value, list) and len(value) > 1 and all(isinstance(item, str) for item in value)
    return "" if good else "needs a list of two or more call ids"


def _steps(value: Any) -> str:
    steps = value if isinstance(value, list) and len(value) > 1 else [0]
    good = all(
        isinstance(step, str) or (isinstance(step, list) and step and all(map(_is_text, step))) for step in steps
    )
    return "" if good else "needs a list of two or more steps, each a call id or a list of them"


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _entries(value: Any) -> str:
    good = isinstance(value, list) and all(isinstance(entry, Mapping) for entry in value)
    return "" if good else "needs a list of mappings, each with a tool"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The keys of one kind of check, each with what it needs; `one_of` are keys of which at least one must stand."""

    needed: Mapping[str, Fault]
    may: Mapping[str, Fault]
    one_of: tuple[str, ...] = ()
    common: Mapping[str, Fault] = field(default_factory=lambda: {"name": _text, "gating": _truth})


_ARGUMENTS: Mapping[str, Fault] = {"arguments": _mapping, "other_arguments": _allow}
ENTRY = Form(needed={"tool": _text}, may={**_ARGUMENTS, "at_most": _count}, common={})
FORMS: Mapping[str, Form] = {
    "call": Form(needed={"tool": _text, "arguments": _mapping}, may={"id": _text, "other_arguments": _allow}),
    "no_other_calls": Form(needed={}, may={"allowed": _entries}),
    "order": Form(needed={"calls": _steps}, may={"same_turn": _allow}),
    "together": Form(needed={"calls": _ids}, may={}),
    "answer_has": Form(
        needed={},
        may={"words": needs_phrases, "numbers": _numbers, "tolerance": _number},
        one_of=("words", "numbers"),
    ),
    "answer_line": Form(
        needed={"label": _text},
        may={"text": _text, "number": _number, "tolerance": _number, "words": needs_phrases},
    ),
}


def check_problems(scenario: Scenario) -> Iterator[Problem]:
    """Yield every problem of the scenario's checks; the checks of a scenario without any may be judged."""
    if not scenario.checks:
        yield Problem(path=("checks",), message="there is no check")
        return
    own = [problem for k, check in enumerate(scenario.checks) for problem in _check_problems(check, ("checks", k))]
    yield from own
    if not own:
        yield from _whole(scenario)


def _check_problems(check: Any, path: Path) -> Iterator[Problem]:
    kind = check.get("kind") if isinstance(check, Mapping) else None
    if kind is None:
        yield Problem(path=path, message="a check is a mapping with a kind")
    elif not isinstance(kind, str) or kind not in FORMS:
        known = suggestion(str(kind), FORMS)
        yield Problem(path=(*path, "kind"), message=f'unknown kind of check "{kind}": {known}')
    else:
        bare = {key: value for key, value in check.items() if key != "kind"}
        yield from _form_problems(bare, FORMS[kind], path)
        if not _entries(check.get("allowed", ())):
            for k, entry in enumerate(check["allowed"]):
                yield from _form_problems(entry, ENTRY, (*path, "allowed", k))


def _form_problems(given: Check, form: Form, path: Path) -> Iterator[Problem]:
    faults = {**form.needed, **form.may, **form.common}
    for key, value in given.items():
        if key not in faults:
            yield Problem(path=(*path, str(key)), message=f'unknown key "{key}": {suggestion(str(key), faults)}')
        elif fault := faults[key](value):
            yield Problem(path=(*path, key), message=fault)
    for key in form.needed:
        if key not in given:
            yield Problem(path=path, message=f'the key "{key}" is missing')
    if form.one_of and not any(key in given for key in form.one_of):
        yield Problem(path=path, message=f"one of these keys is missing: {', '.join(form.one_of)}")
    if isinstance(given.get("arguments"), Mapping):
        yield from field_problems(given["arguments"], (*path, "arguments"))


def _whole(scenario: Scenario) -> Iterator[Problem]:
    """Find what only shows with all checks in view: tools, ids and names."""
    yield from _tool_problems(scenario)
    ids = [call_id(check) for check in scenario.checks if check["kind"] == "call"]
    for k, check in enumerate(scenario.checks):
        for name in _named_calls(check):
            if name not in ids:
                message = f'no check of kind call has the id "{name}": {suggestion(name, ids)}'
                yield Problem(path=("checks", k, "calls"), message=message)
    yield from _repeated("id", [call_id(check) if check["kind"] == "call" else "" for check in scenario.checks])
    yield from _repeated("name", [check_name(check) for check in scenario.checks])
    if not any(check.get("gating", True) for check in scenario.checks):
        yield Problem(path=("checks",), message="no check gates, so nothing decides")
    closing = sum(check["kind"] == "no_other_calls" for check in scenario.checks)
    if closing != 1:
        yield Problem(path=("checks",), message=f"needs one check of kind no_other_calls, has {closing}")


def _named_calls(check: Check) -> list[str]:
    steps = check.get("calls", [])
    return [name for step in steps for name in ([step] if isinstance(step, str) else step)]


def _repeated(key: str, names: list[str]) -> Iterator[Problem]:
    for k, name in enumerate(names):
        if name and name in names[:k]:
            yield Problem(path=("checks", k, key), message=f'the {key} "{name}" stands twice')


def _tool_problems(scenario: Scenario) -> Iterator[Problem]:
    tools = {tool.name: tool for tool in scenario.tools}
    for k, check in enumerate(scenario.checks):
        if check["kind"] == "call":
            yield from _use_problems(check, tools, ("checks", k))
        for j, entry in enumerate(check.get("allowed", ())):
            yield from _use_problems(entry, tools, ("checks", k, "allowed", j))


def _use_problems(use: Check, tools: Mapping[str, Tool], path: Path) -> Iterator[Problem]:
    tool = tools.get(use["tool"])
    if tool is None:
        message = f'the scenario offers no tool "{use["tool"]}": {suggestion(use["tool"], tools)}'
        yield Problem(path=(*path, "tool"), message=message)
    elif "arguments" in use:
        yield from _schema_problems(use, tool, path)


def _schema_problems(use: Check, tool: Tool, path: Path) -> Iterator[Problem]:
    """Find rules for arguments the tool lacks, and arguments it requires without a rule: never met."""
    known = tool.parameters.get("properties", {})
    for name in use["arguments"]:
        if name not in known:
            message = f'{tool.name} has no argument "{name}": {suggestion(str(name), known)}'
            yield Problem(path=(*path, "arguments", str(name)), message=message)
    for name in tool.parameters.get("required", ()):
        if name not in use["arguments"] and "other_arguments" not in use:
            yield Problem(path=(*path, "arguments"), message=f'{tool.name} requires "{name}"; give it a rule')
