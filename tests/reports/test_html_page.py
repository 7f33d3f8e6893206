"""The page of a saved run: every trial is on it, and nothing that a model wrote is markup."""

from __future__ import annotations

from html.parser import HTMLParser

from pytest_llmbench.records import (
    CheckOutcome,
    Message,
    Request,
    Response,
    Sampling,
    Timing,
    ToolCall,
    TrialKey,
    Turn,
    Usage,
)
from pytest_llmbench.reports.html_page import html_page
from pytest_llmbench.reports.html_trial import ANSWER_LIMIT, PROMPT_END, TALK_LINES
from pytest_llmbench.tally import Tally
from tests.summaries import RUN, facts, result

EVIL = "<script>alert(1)</script></pre></details><img src=x onerror=a()> & \ud800 \u202e \x1b[31m \" ' end"
TAGS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "div",
        "h2",
        "h3",
        "h4",
        "p",
        "pre",
        "code",
        "span",
        "ul",
        "li",
    ),
    *("table", "tr", "th", "td", "details", "summary", "input", "label"),
}
ATTRIBUTES = {"lang", "charset", "name", "content", "http-equiv", "class", "style", "type", "id", "for", "checked"}


class Seen(HTMLParser):
    """Reads a page: its tags with their attributes, its texts, what is open."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember the tag."""
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Whatever ends was the last to begin."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Remember the text."""
        self.texts.append(data)


def turn(question: str, answer: str, *, calls: tuple[ToolCall, ...] = ()) -> Turn:
    """Return a request with its answer."""
    asked = Request(
        model="m",
        messages=(Message(role="system", content="be short"), Message(role="user", content=question)),
        sampling=Sampling(),
        max_tokens=64,
    )
    said = Response(
        content=answer,
        reasoning=EVIL,
        tool_calls=calls,
        finish_reason="stop",
        usage=Usage(completion_tokens=7),
        timing=Timing(total_s=0.5),
    )
    return Turn(request=asked, response=said)


def page_of(question: str = "how?", answer: str = "so") -> tuple[str, Seen]:
    """Return the page of a run with a pass, two wrong attempts, an error and a scenario that was not asked."""
    pack = facts(size=4, title=EVIL)
    checks = (CheckOutcome(name="one", passed=True), CheckOutcome(name=EVIL, passed=False, detail=EVIL))
    wrong = {"detail": EVIL, "expected": EVIL, "got": EVIL, "checks": checks, "title": EVIL}
    results = [
        result(pack, "TC-01"),
        result(pack, "TC-02", "wrong_argument", **wrong),
        result(pack, "TC-02", "wrong_argument", attempt=2, **wrong),
        result(pack, "TC-03", "server_error", detail="it fell over", prompt="the prompt of it"),
    ]
    tally = Tally()
    tally.expect(pack, "TC-04", "packs/toolcall-15/pack.yaml::TC-04")
    for one in results:
        tally.add(one)
    turns = (turn(question, answer, calls=(ToolCall(id="c", name="f", arguments=EVIL),)),)

    def talk(key: TrialKey) -> tuple[Turn, ...]:
        return () if key.scenario == "TC-03" else turns

    text = "\n".join(html_page(tally.summary(RUN), results, talk, run="runs/some-run"))
    seen = Seen()
    seen.feed(text)
    return text, seen


def test_every_trial_is_folded_into_a_line() -> None:
    """With its verdict, what was asked, answered and expected, and how to ask again."""
    _, seen = page_of("which colour?", "green")
    kinds = [one["class"] for tag, one in seen.tags if tag == "details" and "class" in one]
    assert kinds == ["trial pass", "trial fail", "trial fail", "trial error"]
    said = " ".join(seen.texts)
    for text in ("which colour?", "green", "TC-02 attempt 2", "it fell over", "the prompt of it", "Not run: TC-04"):
        assert text in said
    assert "llmbench reproduce toolcall-15/TC-02 --run runs/some-run --attempt 2" in said
    assert "all 4" in said
    assert "not passed 3" in said
    assert not seen.open


def test_nothing_a_model_wrote_is_markup() -> None:
    """Only our own tags are there, no script, nothing from elsewhere, nothing invisible."""
    text, seen = page_of(EVIL, EVIL)
    assert {tag for tag, _ in seen.tags} <= TAGS
    given = {name for _, attributes in seen.tags for name in attributes}
    assert given <= {
        "lang",
        "charset",
        "name",
        "content",
        "http-equiv",
        "class",
        "style",
        "type",
        "id",
        "for",
        "checked",
    }
    assert all(char.isprintable() or char == "\n" for char in text)
    assert "<script>alert(1)</script>" in "".join(seen.texts)
    assert text.encode()


def test_long_texts_are_cut_and_say_so() -> None:
    """Of a prompt the end is kept, for there stands what is asked; of an answer the beginning."""
    question, answer = f"first {'x' * 9000} last", f"begin {'y' * 90_000}\n" + "line\n" * (TALK_LINES + 5)
    text, seen = page_of(question, answer)
    said = "\n".join(seen.texts)
    assert f"Prompt, its last {PROMPT_END:,} of {len(question):,} characters" in said
    assert f"[{len(answer) + len(f'{chr(10)}f({EVIL})') - ANSWER_LIMIT:,} more characters]" in said
    assert "cut here: llmbench inspect --full has the rest" in said
    assert len(text) < 600_000


def test_a_run_without_trials_has_a_page() -> None:
    """Nothing fails, and all that there is is shown."""
    seen = Seen()
    seen.feed("\n".join(html_page(Tally().summary(RUN), (), lambda _: (), run="some-run")))
    assert "all 0" in " ".join(seen.texts)
    assert not seen.open
