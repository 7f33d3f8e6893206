"""A pack file to take apart."""

from __future__ import annotations

from pathlib import Path

PACK = """\
llmbench: 1
id: demo
title: Demo
version: 1.0.0
tags: [quick, full]
defaults:
  dialogue: tool_loop
  verifier: tool_calls
  system: Be brief.
tools:
  - {name: look, description: looks, parameters: {type: object, properties: {at: {type: string}}}}
  - {name: listen, description: listens, parameters: {type: object}}
scenarios:
  - id: A-1
    title: The sky
    tags: [hard]
    prompt: What is up there?
    tools: [look]
    results:
      - {tool: look, when: {at: sky}, result: {seen: [cloud, 3]}, times: 1}
    checks:
      - kind: calls
        arguments:
          at: sky
  - id: A-2
    title: The sea
    prompt: What is down there?
    checks: [{kind: none}]
"""


def write(folder: Path, text: str | bytes = PACK, name: str = "pack.yaml") -> Path:
    """Write a pack file into `folder` and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path
