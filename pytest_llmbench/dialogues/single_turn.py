"""Ask once, then each further user turn after the model's own answer."""

from __future__ import annotations

from pytest_llmbench.contracts import Talk
from pytest_llmbench.records import Ending, Message, Scenario


class SingleTurn:
    """The opening messages, one answer; with `followups` one more question and answer for each."""

    name = "single_turn"

    async def hold(self, scenario: Scenario, talk: Talk) -> Ending:
        """Hold ``1 + len(scenario.followups)`` turns; a truncated answer is the last one.

        The history carries what the model answered, never what it thought: chat templates drop
        earlier thinking, and so does every client.
        """
        messages = list(scenario.messages)
        response = await talk.say(tuple(messages))
        for followup in scenario.followups:
            if response.finish_reason == "length":
                break
            messages.append(Message(role="assistant", content=response.content))
            messages.append(Message(role="user", content=followup))
            response = await talk.say(tuple(messages))
        return Ending.ANSWERED
