"""A profile over the session's settings: what one server is measured with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.sampling import parse_sampling
from pytest_llmbench.settings import Profile, Settings

_SAME_NAME = (
    *("model", "packs", "repeat", "concurrency", "thinking", "thinking_max_tokens", "thinking_switch"),
    *("max_tokens", "timeout_s"),
)
"""Fields that mean the same in both records; None, "" and () in a profile leave the session's alone."""


def leg_settings(settings: Settings, profile: Profile, *, typed: frozenset[str] = frozenset()) -> Settings:
    """Return the session's settings with what `profile` says on top.

    `typed` are the fields of `Settings` that stood on the command line: there the session's value stays. An external
    profile without a URL is asked at the session's. Raises `UsageProblem` where there is none, and where both name a
    server.
    """
    given: dict[str, Any] = {name: getattr(profile, name) for name in _SAME_NAME}
    kept = {name: value for name, value in given.items() if value not in (None, "", ())}
    if profile.sampling:
        kept["sampling"], kept["sampling_from_server"] = parse_sampling(profile.sampling)
    fixed = typed | ({"sampling_from_server"} if "sampling" in typed else set())
    return replace(
        settings,
        **_without(kept, fixed),
        profile=profile,
        urls=_urls(settings, profile, is_typed="urls" in typed),
        connection=profile.connection,
    )


def _without(values: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


def _urls(settings: Settings, profile: Profile, *, is_typed: bool) -> tuple[str, ...]:
    takes_any = profile.engine == "external" and not profile.urls
    if takes_any and not settings.urls:
        raise UsageProblem(
            f'{profile.origin}: the profile "{profile.name}" names no server: add --llm-url, such as '
            "--llm-url http://127.0.0.1:8080/v1, or give the profile a url"
        )
    if takes_any:
        return settings.urls
    if is_typed:
        raise UsageProblem(
            f'--llm-url and the profile "{profile.name}" ({profile.origin}) both name a server: keep one'
        )
    return profile.urls
