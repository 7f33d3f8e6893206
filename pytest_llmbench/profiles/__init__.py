"""Profiles: the servers that ``--llm-profile`` measures, read from the file in which a user already has them.

==================  ===============================================================
llmbench_yaml       the ``profiles:`` block of ``llmbench.yaml``
models_conf         ``[section]`` and ``KEY=VALUE``, the environment of one compose file
rollouts_toml       ``[[tasks]]`` with a model, a pack and a number of rollouts
==================  ===============================================================

`selection` finds what names, globs and files mean, `overlay` puts a profile over the session's settings,
`problems` sees without starting anything what would not start.
"""

from __future__ import annotations

from pytest_llmbench.profiles.candidate import Candidate
from pytest_llmbench.profiles.connection import server_connection
from pytest_llmbench.profiles.overlay import leg_settings
from pytest_llmbench.profiles.selection import find_candidates, load_profiles

__all__ = ["Candidate", "find_candidates", "leg_settings", "load_profiles", "server_connection"]
