"""One question, one answer; and further questions after it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pytest_llmbench.dialogues.single_turn import SingleTurn
from pytest_llmbench.records import Ending, Message, Response, Scenario


class Scripted:
    """A talk whose answers are known beforehand; keeps what it was sent."""

    def __init__(self, *responses: Response) -> None:
        self.responses = list(responses)
        self.sent: list[Sequence[Message]] = []

    async def say(self, messages: Sequence[Message]) -> Response:
        """Answer as scripted."""
        self.sent.append(messages)
        return self.responses[len(self.sent) - 1]


def hold(talk: Scripted, *followups: str) -> Ending:
    """Hold a scenario of one question and `followups`."""
    scenario = Scenario(
        id="A",
        title="A",
        messages=(Message(role="system", content="be brief"), Message(role="user", content="one?")),
        dialogue="single_turn",
        verifier="instructions",
        followups=followups,
    )
    return asyncio.run(SingleTurn().hold(scenario, talk))


def test_one_question_is_one_request() -> None:
    """Without followups the opening messages are sent once, as they are."""
    talk = Scripted(Response(content="1"))
    assert hold(talk) is Ending.ANSWERED
    assert [[message.content for message in sent] for sent in talk.sent] == [["be brief", "one?"]]


def test_followups_come_after_the_models_own_answers() -> None:
    """Each further turn carries all that was said before, by both."""
    talk = Scripted(Response(content="1"), Response(content="2"), Response(content="3"))
    assert hold(talk, "two?", "three?") is Ending.ANSWERED
    assert [(message.role, message.content) for message in talk.sent[2]] == [
        ("system", "be brief"),
        ("user", "one?"),
        ("assistant", "1"),
        ("user", "two?"),
        ("assistant", "2"),
        ("user", "three?"),
    ]


def test_earlier_requests_are_not_changed_by_later_turns() -> None:
    """What was sent stays as it was sent: the journal holds on to it."""
    talk = Scripted(Response(content="1"), Response(content="2"))
    hold(talk, "two?")
    assert len(talk.sent[0]) == 2


def test_thinking_is_not_sent_back() -> None:
    """The history has the answer, not the thought behind it."""
    talk = Scripted(Response(content="1", reasoning="hmm, one or two"), Response(content="2"))
    hold(talk, "two?")
    assert "hmm" not in str(talk.sent[1])


def test_a_truncated_answer_ends_the_talk() -> None:
    """Nothing can follow an answer that has no end; the trial books it as such."""
    talk = Scripted(Response(content="1 and", finish_reason="length"))
    assert hold(talk, "two?") is Ending.ANSWERED
    assert len(talk.sent) == 1
