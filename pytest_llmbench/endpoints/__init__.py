"""Endpoints: a request in, the model's answer out.

`Gold`, `Broken` and `Replay` answer from files. What asks a server is
`pytest_llmbench.endpoints.openai_chat.OpenAIChat`, imported by whoever needs it, for its SDK takes its time.
"""

from __future__ import annotations

from pytest_llmbench.endpoints.recorded import Broken, Gold
from pytest_llmbench.endpoints.replay import Replay

__all__ = ["Broken", "Gold", "Replay"]
