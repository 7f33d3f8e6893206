"""A pack to begin with: one scenario of each common kind, with its recorded answers, valid as it stands."""

from __future__ import annotations

import re

_TAKEN = (
    *("skip", "skipif", "xfail", "usefixtures", "parametrize", "filterwarnings"),
    *("quick", "medium", "full", "code", "reasoning", "and", "or", "not", "none", "true", "false"),
)
"""Marks that mean something else: to pytest, of the packs that come with us, or in the language of ``-m``."""

ID_FORM = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
"""What the id of a pack looks like."""

_PACK = """\
# packs/README.md says what may stand here. After each change: llmbench selftest {folder}
llmbench: 1
id: {quoted_id}
title: {title}
version: 0.1.0
licence: CC0-1.0
source: Written by hand.
tags: [{tag}]
dimension: >
  Say in a sentence or two what this measures, and why it matters to whoever reads the score.
floor: 0.8
defaults:
  dialogue: single_turn
  verifier: instructions
  max_tokens: 256
  timeout_s: 60

tools:
  - name: set_reminder
    description: Sets a reminder. The time is on the 24-hour clock.
    parameters:
      type: object
      properties:
        text: {{type: string}}
        time: {{type: string, description: "HH:MM"}}
      required: [text, time]

scenarios:
  - id: {prefix}-01
    title: One word, and the right one
    tools: []
    prompt: What is the capital of Norway? Answer with one word.
    checks:
      - {{kind: words, exactly: 1}}
      - {{kind: mentions, words: [Oslo]}}

  - id: {prefix}-02
    title: A number on a declared line
    tools: []
    verifier: final_answer
    prompt: |-
      A shelf holds 7 rows of 8 jars, and 5 jars are taken away. How many are left?

      End with a line `ANSWER: N`.
    checks:
      - {{kind: number, value: 51}}

  - id: {prefix}-03
    title: The right tool with the right time
    dialogue: tool_loop
    verifier: tool_calls
    prompt: Remind me at half past six in the evening to water the plants. Use the text "water the plants".
    results:
      - {{tool: set_reminder, result: {{ok: true}}}}
    checks:
      - {{kind: call, tool: set_reminder, arguments: {{text: {{text: water the plants}}, time: "18:30"}}}}
      - {{kind: no_other_calls}}
"""

_GOLD = """\
# Answers that must pass and answers that must fail, by scenario. A pack without them is taken at its word.
{prefix}-01:
  pass:
    - {{note: plain, text: Oslo}}
    - {{note: dressed, text: "**Oslo.**"}}
  fail:
    - {{note: junk, reason: wrong_answer, text: lorem ipsum}}
    - {{note: empty, reason: no_answer, text: ""}}
    - {{note: a sentence, reason: wrong_answer, text: The capital is Oslo.}}
    - {{note: another town, reason: missing_field, check: mentions, text: Bergen}}
    - {{note: cut off, truncated: true, text: Oslo}}

{prefix}-02:
  pass:
    - {{note: plain, text: "7 * 8 = 56, 56 - 5 = 51\\n\\nANSWER: 51"}}
    - {{note: dressed, text: "**Answer:** 51."}}
  fail:
    - {{note: junk, reason: no_answer, text: Jars.}}
    - {{note: empty, reason: no_answer, text: ""}}
    - {{note: nothing taken away, reason: wrong_answer, check: number, text: "ANSWER: 56"}}
    - {{note: not declared, reason: no_answer, text: There are 51 left.}}
    - {{note: cut off, truncated: true, text: "ANSWER: 51"}}

{prefix}-03:
  pass:
    - note: plain
      turns:
        - calls: [{{name: set_reminder, arguments: {{text: water the plants, time: "18:30"}}}}]
        - text: I will remind you.
    - note: talks while working
      turns:
        - text: One moment.
          calls: [{{name: set_reminder, arguments: '{{ "time": "18:30", "text": "Water the plants" }}'}}]
        - text: "**Done.**"
  fail:
    - {{note: no call, reason: wrong_tool, text: I will remind you.}}
    - note: in the morning
      reason: wrong_argument
      check: call set_reminder
      turns:
        - calls: [{{name: set_reminder, arguments: {{text: water the plants, time: "06:30"}}}}]
        - text: Done.
    - note: empty arguments
      reason: missing_field
      turns:
        - calls: [{{name: set_reminder, arguments: {{}}}}]
        - text: Done.
    - note: two reminders
      reason: wrong_tool
      check: no_other_calls
      turns:
        - calls:
            - {{name: set_reminder, arguments: {{text: water the plants, time: "18:30"}}}}
            - {{name: set_reminder, arguments: {{text: water the plants, time: "19:30"}}}}
        - text: Done.
    - {{note: cut off, truncated: true, text: I will}}
"""


def skeleton(pack_id: str, *, title: str = "", folder: str = "") -> dict[str, str]:
    """Return the files of a new pack, name -> text; `pack_id` must have `ID_FORM`."""
    name = title or " ".join(word.capitalize() for word in pack_id.split("-"))
    letters = re.sub(r"[^A-Z]", "", pack_id.upper())
    tag = re.sub(r"^[^a-z]+", "", pack_id.replace("-", "_")) or "mine"
    tag = f"my_{tag}" if tag in _TAKEN else tag
    given = {
        "id": pack_id,
        "title": _quoted(name),
        "quoted_id": f'"{pack_id}"' if pack_id.replace("-", "").isdigit() else pack_id,
        "tag": tag,
        "prefix": letters[:2] or "SC",
        "folder": folder or pack_id,
    }
    return {"pack.yaml": _PACK.format(**given), "gold.yaml": _GOLD.format(**given)}


def _quoted(title: str) -> str:
    """Return a title as a YAML text on one line, whatever it holds."""
    return "'" + " ".join(title.split()).replace("'", "''") + "'"
