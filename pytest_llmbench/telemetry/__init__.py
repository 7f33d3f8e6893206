"""Telemetry: server, machine and GPUs on one timeline while a run goes on, and what it comes to.

`timeline` samples into ``telemetry.jsonl``, `host`, `gpus` and `served` are what is sampled, `figures` gathers the
run's own answers, `summing_up` reads all of it. To sample something else write a function that returns what it adds to
a line and give it to the `Timeline`.
"""

from __future__ import annotations

FILENAME = "telemetry.jsonl"
"""In the run folder: one JSON object a second."""
