"""Flags, environment and ini keys -> `Settings`. A flag wins over the environment, that over the ini file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_llmbench.settings import SandboxSettings, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One flag ``--llm-NAME``, ini key ``llmbench_NAME`` and variable ``LLMBENCH_NAME`` (or `env`)."""

    name: str
    help: str
    metavar: str = ""
    read: Callable[[str], Any] = str
    many: bool = False
    env: str = ""

    @property
    def flag(self) -> str:
        """The name on the command line."""
        return f"--llm-{self.name}"

    @property
    def key(self) -> str:
        """The name in the ini file; the attribute in `Settings` is the same less the prefix."""
        return f"llmbench_{self.name.replace('-', '_')}"

    @property
    def variable(self) -> str:
        """The name in the environment."""
        return self.env or self.key.upper()


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise ValueError(text)
    return number


def _truth(text: str) -> bool:
    word = text.strip().lower()
    if word not in ("1", "true", "yes", "on", "0", "false", "no", "off", ""):
        raise ValueError(text)
    return word in ("1", "true", "yes", "on")


def _arm(text: str) -> str:
    if text not in ("on", "off", "pack"):
        raise ValueError(text)
    return text


_WANTED: dict[Callable[[str], Any], str] = {
    _count: "a whole number from 1",
    _seconds: "a number of seconds above 0",
    _truth: "true or false",
    _arm: "on, off or pack",
}

OPTIONS = (
    Option(
        name="packs",
        metavar="NAME",
        many=True,
        help="run these packs: an id, a tag (quick), a glob over ids or a folder; may be given again, or with commas",
    ),
    Option(
        name="url",
        metavar="URL",
        many=True,
        help="the server to measure, such as http://127.0.0.1:8080/v1; given again, a replica of the same model",
    ),
    Option(
        name="model",
        metavar="NAME",
        help="the model to ask for (default: what the server lists), or a GGUF file for the embedded server",
    ),
    Option(
        name="profile",
        metavar="NAME",
        many=True,
        help="the servers to start, one after the other: names or globs of llmbench.yaml, all, embedded, "
        "or a models.conf or TOML file",
    ),
    Option(
        name="endpoint",
        metavar="NAME",
        help="who answers: openai_chat (default), gold and broken (recorded answers), replay:RUN (an earlier run)",
    ),
    Option(
        name="concurrency", metavar="N", read=_count, help="trials in flight (default: the slots the server reports)"
    ),
    Option(
        name="sampling",
        metavar="SPEC",
        help="pack (default), server (send nothing) or overrides such as temperature=0.8,top_p=0.95",
    ),
    Option(name="thinking", metavar="ARM", read=_arm, help="on or off for all scenarios, or pack (default)"),
    Option(
        name="thinking-max-tokens",
        metavar="N",
        read=_count,
        help="tokens for thoughts where thinking is on, beside those of the answer (default: 16384)",
    ),
    Option(name="max-tokens", metavar="N", read=_count, help="token limit of each answer, in place of the pack's"),
    Option(name="timeout", metavar="S", read=_seconds, help="seconds for each trial, in place of the pack's"),
    Option(name="repeat", metavar="N", read=_count, help="attempts for each scenario; the first one scores"),
    Option(name="limit", metavar="N", read=_count, help="run only the first N scenarios of each pack"),
    Option(
        name="data",
        metavar="DIR",
        env="LLMBENCH_DATA_DIR",
        help="a folder with benchmark data, looked into before anything is downloaded",
    ),
    Option(name="sandbox", metavar="KIND", help="where programs run: auto (default), docker or bubblewrap"),
    Option(
        name="gate",
        metavar="GATE",
        help="what fails the run: strict (any wrong answer), floors (the packs'), terms such as "
        "toolcall-15>=80%%,p95<20s, or a file of them",
    ),
    Option(
        name="baseline",
        metavar="BASELINE",
        help="fail the run where it is worse than this: the slug or file of a baseline, or an earlier run ({profile} "
        "stands for the profile's name)",
    ),
    Option(name="write-quality", metavar="FILE", help="put the Quality line into the header of this compose file"),
    Option(name="resume", read=_truth, help="continue the newest matching run, or the one in --llm-out"),
    Option(name="out", metavar="DIR", help="the run folder (default: a new one below .llmbench/runs)"),
)


_FIELDS = {"url": "urls", "profile": "profiles", "timeout": "timeout_s"}
"""Fields of `Settings` that are not called as their flags."""


_SERVERS = {"url": "server", "profile": "profile"}
"""Flags that say what is measured, and what they name."""


_GATES = ("gate", "baseline")
"""Flags without which a run fails for less."""


def add_options(parser: pytest.Parser) -> None:
    """Register all flags and ini keys."""
    group = parser.getgroup("llmbench", "measuring a model server (pytest-llmbench)")
    for option in OPTIONS:
        if option.read is _truth:
            group.addoption(option.flag, action="store_true", default=None, dest=option.key, help=option.help)
        else:
            action = "append" if option.many else "store"
            group.addoption(
                option.flag, action=action, default=None, dest=option.key, metavar=option.metavar, help=option.help
            )
        parser.addini(option.key, f"same as {option.flag}", default="")


def read_settings(config: pytest.Config) -> Settings:
    """Return the settings of this session; raises `pytest.UsageError` with the flag and the bad value."""
    from pytest_llmbench.errors import UsageProblem
    from pytest_llmbench.sampling import parse_sampling
    from pytest_llmbench.settings import Settings

    given = {option.name: _value(config, option) for option in OPTIONS}
    _settle_server(config, given)
    try:
        overrides, from_server = parse_sampling(given["sampling"] or "")
    except UsageProblem as problem:
        raise pytest.UsageError(str(problem)) from None
    gate, baseline, quality = (_from_home(given[name] or "") for name in ("gate", "baseline", "write-quality"))
    return Settings(
        packs=tuple(given["packs"] or ()),
        urls=tuple(given["url"] or ()),
        model=given["model"] or "",
        profiles=tuple(given["profile"] or ()),
        endpoint=given["endpoint"] or "",
        concurrency=given["concurrency"],
        sampling=overrides,
        sampling_from_server=from_server,
        thinking=given["thinking"] or "pack",
        thinking_max_tokens=given["thinking-max-tokens"],
        max_tokens=given["max-tokens"],
        timeout_s=given["timeout"],
        repeat=given["repeat"] or 1,
        limit=given["limit"],
        gate=gate,
        baseline=baseline,
        write_quality=_from_invocation_dir(config, quality),
        resume=bool(given["resume"]),
        out=_from_invocation_dir(config, given["out"] or ""),
        data=_from_invocation_dir(config, given["data"] or ""),
        sandbox=_sandbox(config),
        guessing=not (gate or baseline or quality or os.environ.get("CI")),
    )


def typed_settings(config: pytest.Config) -> frozenset[str]:
    """Return the fields of `Settings` whose flags stand on the command line."""
    typed = {option.name for option in OPTIONS if config.getoption(option.key) is not None}
    return frozenset(_FIELDS.get(name, name.replace("-", "_")) for name in typed)


def names_profile(config: pytest.Config) -> bool:
    """Tell whether a profile is asked for; cheap, for it is asked in every session."""
    return bool(_value(config, next(option for option in OPTIONS if option.name == "profile")))


def wanted_packs(config: pytest.Config) -> list[str]:
    """Return the names given to ``--llm-packs``; cheap, for it is asked in every session."""
    value = _value(config, OPTIONS[0])
    return list(value or ())


def _value(config: pytest.Config, option: Option) -> Any:
    flag = config.getoption(option.key)
    if flag is not None:
        if option.read is _truth:
            return flag
        return _typed_names(option, flag) if option.many else _read(option, _typed(option, str(flag)), option.flag)
    variable = os.environ.get(option.variable, "")
    if variable:
        return _names([variable]) if option.many else _read(option, variable, option.variable)
    ini = str(config.getini(option.key) or "")
    if not ini:
        return None
    return _names([ini]) if option.many else _read(option, ini, f"{option.key} in the ini file")


def _typed_names(option: Option, texts: list[str]) -> list[str]:
    """Return the names given to a flag; a server that is left blank by an unset variable must not become another."""
    for text in texts:
        if option.name in _SERVERS and not _names([text]):
            raise pytest.UsageError(
                f'{option.flag} "{text}" names no {_SERVERS[option.name]}: is a variable of the shell unset?'
            )
    return _names(texts)


def _typed(option: Option, text: str) -> str:
    """Return the word that was typed; a gate left blank by an unset variable must not be no gate."""
    if option.name in _GATES and not text.strip():
        raise pytest.UsageError(f'{option.flag} "{text}" names nothing: is a variable of the shell unset?')
    return text


def _names(texts: Iterable[str]) -> list[str]:
    return [name.strip() for text in texts for name in text.split(",") if name.strip()]


def _read(option: Option, text: str, source: str) -> Any:
    try:
        return option.read(text)
    except ValueError:
        raise pytest.UsageError(f'{source}: "{text}" is not {_WANTED[option.read]}') from None


def _sandbox(config: pytest.Config) -> SandboxSettings:
    from pytest_llmbench.config_file import SANDBOX_KEY, sandbox_settings
    from pytest_llmbench.errors import UsageProblem

    typed, ini = config.getoption(SANDBOX_KEY), str(config.getini(SANDBOX_KEY) or "")
    try:
        return sandbox_settings(config.invocation_params.dir, config.rootpath, typed=typed, ini=ini)
    except UsageProblem as problem:
        raise pytest.UsageError(str(problem)) from None


def _settle_server(config: pytest.Config, given: dict[str, Any]) -> None:
    """A URL on the command line wins over a profile named elsewhere; what both together mean the profile decides."""
    typed = {name for name in ("url", "profile") if config.getoption(f"llmbench_{name}") is not None}
    if typed == {"url"}:
        given["profile"] = None


def _from_invocation_dir(config: pytest.Config, path: str) -> str:
    return str(Path(config.invocation_params.dir, _from_home(path))) if path else ""


def _from_home(text: str) -> str:
    """Return a path for ``~/...``, which no shell expands after ``=``, and anything else as it is."""
    return str(Path(text).expanduser()) if text.startswith("~") else text
