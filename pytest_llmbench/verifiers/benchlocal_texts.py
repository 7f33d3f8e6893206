"""The asserts of benchlocal-cli's verifier type ``instruct_follow``, on the text without blanks around it."""

from __future__ import annotations

import re
from collections.abc import Callable

from pytest_llmbench.records import Reason
from pytest_llmbench.verifiers.benchlocal_subject import (
    EXPRESSION,
    HOLDS,
    WORD_LIST,
    WORDS,
    Assert,
    Finding,
    Kind,
    Params,
    Subject,
    unmatched,
)
from pytest_llmbench.verifiers.check_kinds import COUNT, short

_WORD = re.compile(r"[A-Za-z0-9]+")
_LETTERS = re.compile(r"[A-Za-z]+")
_URL = re.compile(r"https?://\S+")
_BULLET = re.compile(r"[-*]\s+")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def _judge(fault_in: Callable[[str, Params], str], reason: Reason = Reason.INVALID_FORMAT) -> Assert:
    """Make an assert of a function that says what is wrong with the text, or returns ""."""

    def check(subject: Subject, params: Params) -> Finding:
        text = subject.text.strip()
        fault = fault_in(text, params)
        return Finding(reason=reason, detail=fault, got=short(text, 300)) if fault else HOLDS

    return check


def _words(text: str) -> int:
    return sum(1 for _ in _WORD.finditer(text))


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.replace("\r\n", "\n").split("\n") if line.strip()]


def _exact_length(text: str, params: Params) -> str:
    return "" if _words(text) == params["value"] else f"{_words(text)} words, wanted {params['value']}"


def _max_length(text: str, params: Params) -> str:
    return f"{_words(text)} words, wanted at most {params['value']}" if _words(text) > params["value"] else ""


def _min_length(text: str, params: Params) -> str:
    return f"{_words(text)} words, wanted at least {params['value']}" if _words(text) < params["value"] else ""


def _case(text: str, params: Params) -> str:
    """Lower and upper case are those of the letters a to z; any other value asks for nothing."""
    letters = "".join(_LETTERS.findall(text))
    kept = {
        "lowercase": letters == letters.lower(),
        "uppercase": letters == letters.upper(),
        "titlecase": text == text.title(),
    }
    return "" if kept.get(params["value"], True) else f"the text is not {params['value']}"


def _format(text: str, params: Params) -> str:
    return unmatched(params["pattern"], text, re.MULTILINE | re.DOTALL)


def _required(text: str, params: Params) -> str:
    return "" if params["value"] in text else f"the phrase {short(params['value'])} is missing"


def _required_any(text: str, params: Params) -> str:
    values = params["values"]
    return "" if any(value in text for value in values) else f"none of the phrases {', '.join(map(short, values))}"


def _forbidden(text: str, params: Params) -> str:
    return f"the phrase {short(params['value'])} must not stand there" if params["value"] in text else ""


def _urls(text: str, params: Params) -> str:
    count = sum(1 for _ in _URL.finditer(text))
    return f"{count} web addresses, wanted at least {params['min']}" if count < params["min"] else ""


def _headers(text: str, params: Params) -> str:
    lines = set(_lines(text))
    missing = [short(header) for header in params["headers"] if header not in lines]
    return f"no line {', '.join(missing)}" if missing else ""


def _bullets(text: str, params: Params) -> str:
    count = sum(1 for line in _lines(text) if _BULLET.match(line))
    return "" if count == params["value"] else f"{count} bullets, wanted {params['value']}"


def _language(text: str, params: Params) -> str:
    """English is taken to be ASCII; other languages are not looked at."""
    found = _NOT_ASCII.search(text) if params["value"] == "english" else None
    return f"{found.group()!a} is not ASCII" if found else ""


INSTRUCTIONS: dict[str, Kind] = {
    "instruct_follow.exact_length_words": Kind(check=_judge(_exact_length), needs={"value": COUNT}),
    "instruct_follow.max_length_words": Kind(check=_judge(_max_length), needs={"value": COUNT}),
    "instruct_follow.min_length_words": Kind(check=_judge(_min_length), needs={"value": COUNT}),
    "instruct_follow.case_only": Kind(check=_judge(_case), needs={"value": WORDS}),
    "instruct_follow.format_regex": Kind(check=_judge(_format), needs={"pattern": EXPRESSION}),
    "instruct_follow.required_phrase": Kind(check=_judge(_required, Reason.MISSING_FIELD), needs={"value": WORDS}),
    "instruct_follow.required_phrase_any": Kind(
        check=_judge(_required_any, Reason.MISSING_FIELD), needs={"values": WORD_LIST}
    ),
    "instruct_follow.forbidden_phrase": Kind(check=_judge(_forbidden, Reason.WRONG_ANSWER), needs={"value": WORDS}),
    "instruct_follow.required_url_count": Kind(check=_judge(_urls, Reason.MISSING_FIELD), needs={"min": COUNT}),
    "instruct_follow.required_section_headers": Kind(
        check=_judge(_headers, Reason.MISSING_FIELD), needs={"headers": WORD_LIST}
    ),
    "instruct_follow.bullet_count": Kind(check=_judge(_bullets), needs={"value": COUNT}),
    "instruct_follow.language": Kind(check=_judge(_language), needs={"value": WORDS}),
}
