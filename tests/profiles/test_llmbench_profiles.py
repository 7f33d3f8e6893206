"""The profiles: block of llmbench.yaml: every key, extends, variables, and what is said of faults."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.config_file import SCHEMA
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.profiles import find_candidates, load_profiles, server_connection
from pytest_llmbench.records import Connection
from pytest_llmbench.sampling import parse_sampling
from pytest_llmbench.settings import Profile


def write(folder: Path, text: str) -> Path:
    """Write the folder's llmbench.yaml."""
    path = folder / "llmbench.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def load(folder: Path, text: str, *names: str) -> tuple[Profile, ...]:
    """Return what `names` (default: all) ask for in a file with this text."""
    write(folder, text)
    return load_profiles(names or ("all",), folders=(folder,))


def one(folder: Path, keys: str) -> Profile:
    """Return the profile with these keys, each on a line of its own from line 3."""
    lines = "".join(f"    {line}\n" for line in keys.splitlines())
    return load(folder, f"profiles:\n  a:\n{lines}")[0]


EVERY_KEY = """\
server:
  headers: {X-All: everyone, X-Both: server}
profiles:
  base:
    url: [one:8080, "https://two/api"]
    model: org/model
    preset: memory_optimized
    vram_gb: 22.5
    packs: [quick, mine]
    repeat: 3
    concurrency: 6
    sampling: {temperature: 0.8, top_p: 0.95}
    thinking: on
    thinking_max_tokens: 2048
    thinking_switch: reasoning_effort
    max_tokens: 512
    timeout: 2m
    headers: {X-Both: profile, X-Number: 7}
    body: {cache_prompt: false, nested: {a: [1, "${MY_TEXT}"]}}
    tls: {ca: certificates/own.pem, verify: false}
    description: replicas of one model
  composed:
    file: [compose.yaml, gpu.yaml]
    service: llama
    env: {CTX: 16384, FLASH: true, NAME: "${MY_TEXT}"}
    port: 8011
    path: ""
    start_limit: 20m
  run:
    command: llama-server -m "my model.gguf" --port {port}
    env: {A: "{port}"}
    path: /api/v1
    start_limit: 90
  listed:
    command: [vllm, serve, a b]
    sampling: server
    timeout: 30
  small:
    engine: embedded
    model: weights/q4.gguf
  asked:
    engine: external
    thinking: off
"""


def test_every_key_reaches_its_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file's words become those of the records; where the profile stands is told by line."""
    monkeypatch.setenv("MY_TEXT", "42")
    (tmp_path / "mine").mkdir()
    folder = str(tmp_path)
    everyone = Connection(headers={"X-All": "everyone", "X-Both": "server"})
    base, composed, run, listed, small, asked = load(tmp_path, EVERY_KEY)
    assert base == Profile(
        name="base",
        engine="external",
        origin="llmbench.yaml:4",
        folder=folder,
        urls=("http://one:8080/v1", "https://two/api"),
        model="org/model",
        preset="memory_optimized",
        vram_gb=22.5,
        packs=("quick", str(tmp_path / "mine")),
        repeat=3,
        concurrency=6,
        sampling="temperature=0.8,top_p=0.95",
        thinking="on",
        thinking_max_tokens=2048,
        thinking_switch="reasoning_effort",
        max_tokens=512,
        timeout_s=120.0,
        connection=Connection(
            headers={"X-All": "everyone", "X-Both": "profile", "X-Number": "7"},
            body={"cache_prompt": False, "nested": {"a": [1, "42"]}},
            ca_file=str(tmp_path / "certificates" / "own.pem"),
            verify=False,
        ),
    )
    assert composed == Profile(
        name="composed",
        engine="compose",
        origin="llmbench.yaml:22",
        folder=folder,
        files=("compose.yaml", "gpu.yaml"),
        service="llama",
        env={"CTX": "16384", "FLASH": "true", "NAME": "42"},
        port=8011,
        path="",
        start_limit_s=1200.0,
        connection=everyone,
    )
    assert (run.engine, run.command) == ("process", ("llama-server", "-m", "my model.gguf", "--port", "{port}"))
    assert (run.env, run.path, run.start_limit_s) == ({"A": "{port}"}, "/api/v1", 90.0)
    assert (listed.command, listed.sampling, listed.timeout_s) == (("vllm", "serve", "a b"), "server", 30.0)
    assert (small.engine, small.model) == ("embedded", str(tmp_path / "weights" / "q4.gguf"))
    assert (asked.engine, asked.urls, asked.thinking) == ("external", (), "off")


def test_the_example_above_has_every_key() -> None:
    """A new key is tested, or this fails."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    used = set(re.findall(r"^    (\w+):", EVERY_KEY, re.MULTILINE))
    assert used | {"extends"} == set(schema["$defs"]["profile"]["properties"])


@pytest.mark.parametrize(
    ("length", "wanted"), [("90s", 90), ("1.5h", 5400), ("10 min", 600), ('"45"', 45), ("0.5", 0.5)]
)
def test_times_may_have_a_unit(tmp_path: Path, length: str, wanted: float) -> None:
    """Seconds where there is none."""
    assert one(tmp_path, f"url: x:1\ntimeout: {length}").timeout_s == wanted


@pytest.mark.parametrize(
    ("keys", "engine"),
    [("url: x:1", "external"), ("command: x", "process"), ("file: x", "compose"), ("service: x", "compose")],
)
def test_the_engine_is_told_by_its_keys(tmp_path: Path, keys: str, engine: str) -> None:
    """Naming it is allowed, and needed only where no key tells."""
    assert one(tmp_path, keys).engine == engine
    assert one(tmp_path, f"{keys}\nengine: {engine}").engine == engine


EXTENDING = """\
profiles:
  _base:
    file: docker-compose.yml
    env: {CTX: 16384, GPU: 0, GONE: x}
    start_limit: 5m
    description: not passed on
  q4:
    extends: _base
    env: {MODEL: q4.gguf, GONE: null}
  q4-long:
    extends: q4
    env: {CTX: 65536}
    start_limit: 20m
"""


def test_extended_keys_hold_where_nothing_is_said(tmp_path: Path) -> None:
    """Along a whole chain; mappings are joined, null takes an entry away, anything else is replaced."""
    short, long = load(tmp_path, EXTENDING)
    assert (short.name, short.files, short.start_limit_s) == ("q4", ("docker-compose.yml",), 300.0)
    assert short.env == {"CTX": "16384", "GPU": "0", "MODEL": "q4.gguf"}
    assert long.env == {"CTX": "65536", "GPU": "0", "MODEL": "q4.gguf"}
    assert long.start_limit_s == 1200.0
    assert [candidate.description for candidate in find_candidates(["all"], folders=(tmp_path,))] == ["", ""]


def test_a_template_is_not_measured(tmp_path: Path) -> None:
    """Neither by all nor by a glob; by name it says why."""
    names = [profile.name for profile in load(tmp_path, EXTENDING, "*q4*", "all")]
    assert names == ["q4", "q4-long"]
    with pytest.raises(UsageProblem, match=r'llmbench\.yaml:2: profiles\._base: "_base" is a template'):
        load(tmp_path, EXTENDING, "_base")


def test_a_header_of_all_servers_can_be_taken_away(tmp_path: Path) -> None:
    """A key for one server is nothing for another."""
    text = (
        "server: {headers: {Authorization: Bearer k}}\nprofiles:\n  a: {url: 'x:1', headers: {Authorization: null}}\n"
    )
    assert load(tmp_path, text)[0].connection == Connection()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "profiles:\n  a: {extends: b}\n  c: {url: x}",
            r':2: profiles\.a\.extends: there is no profile "b" in this file',
        ),
        ("profiles:\n  aa: {url: x}\n  c:\n    extends: a", r':4: .*did you mean "aa"\?'),
        ("profiles:\n  a:\n    extends: a", r":3: .*go round in a circle: a extends a$"),
        (
            "profiles:\n  x: {extends: a}\n  a: {extends: b}\n  b: {extends: c}\n  c: {extends: a}",
            r":5: profiles\.c\.extends: .*circle: a extends b extends c extends a$",
        ),
        ("profiles:\n  a b: {url: x}", r':2: profiles\.a b: "a b" is no name for a profile'),
        ("profiles:\n  -a: {url: x}", "is no name for a profile"),
        ("profiles:\n  all: {url: x}", '"all" has a meaning of its own'),
        ("profiles:\n  embedded: {url: x}", '"embedded" has a meaning of its own'),
        ("profiles: [a]", r":1: profiles: must be a mapping"),
        ("profiles:\n  a: url", r":2: profiles\.a: must be a mapping"),
        ("profiles:\n  a:\n    env: ${X}", r":3: profiles\.a\.env: must be a mapping"),
        ("profiles:\n  a:\n    url: x\n  a:\n    url: y", r':4: the key "a" stands here a second time'),
    ],
)
def test_faults_of_names_and_chains(tmp_path: Path, text: str, message: str) -> None:
    """File, line and the nearest name; a circle is written out."""
    with pytest.raises(UsageProblem, match=message):
        load(tmp_path, text)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            "description: x",
            r":2: profiles\.a: this does not say which server it is: give a url .*a command .*a compose",
        ),
        ("url: x:1\ncommand: y", r":2: profiles\.a: url and command name different servers"),
        (
            "engine: external\n\ncommand: y",
            r":5: profiles\.a\.command: command means nothing to the engine external, only",
        ),
        (
            "url: x:1\nport: 80",
            r":4: profiles\.a\.port: port means nothing to the engine external, only to process, comp",
        ),
        ("engine: process", r":2: profiles\.a: the engine process needs a command"),
        ("engine: docker", "must be one of external, embedded, process, compose"),
        ("engine: extern", r':3: profiles\.a\.engine: .*did you mean "external"\?'),
        ("preset: balance", r':3: profiles\.a\.preset: .*did you mean "balanced"\?'),
        ("thinking: yes", r":3: profiles\.a\.thinking: must be one of on, off, pack"),
        ("thinking_switch: think", r'did you mean "thinking"\?'),
        ("modle: x", r':3: profiles\.a\.modle: there is no key "modle" here: did you mean "model"\?'),
        ("url: 5", r":3: profiles\.a\.url: must be text or a list"),
        ("url: ftp://x", r":3: profiles\.a\.url: 'ftp://x' is no server URL"),
        ("url: []", r"needs at least 1 entry"),
        ("url: x:1\nrepeat: 0", r":4: profiles\.a\.repeat: must be at least 1"),
        ("url: x:1\nconcurrency: 1.5", r":4: profiles\.a\.concurrency: must be a whole number"),
        ("url: x:1\ntimeout: soon", r':4: profiles\.a\.timeout: "soon" cannot stand here: the time of each trial'),
        ("url: x:1\ntimeout: 0s", r":4: profiles\.a\.timeout: must be a time above 0"),
        ("url: x:1\ntimeout: 0", r":4: profiles\.a\.timeout: must be above 0"),
        ("command: x\npath: v1", r'"v1" cannot stand here: the path leads'),
        ("command: x\nport: 70000", "must be at most 65535"),
        ("command: 'x \"y'", r":3: profiles\.a\.command: this command line cannot be taken apart"),
        ("command: '\"\" x'", r":3: profiles\.a\.command: the command names no program"),
        (
            "url: x:1\nsampling: temprature=1",
            r':4: profiles\.a\.sampling: "temprature=1" .*did you mean "temperature"\?',
        ),
        ("url: x:1\nsampling: {temperature: hot}", r":4: profiles\.a\.sampling\.temperature: must be a number"),
        ("url: x:1\nsampling: {seed: 1.5}", r":4: profiles\.a\.sampling: seed=\"1.5\" is not a number"),
        ("command: x\nenv: {A: [1]}", r":4: profiles\.a\.env\.A: must be text"),
        ("command: x\nenv: {A=B: c}", r":4: profiles\.a\.env\.A=B: this is no variable"),
        ("url: x:1\nheaders: {A B: c}", r":4: profiles\.a\.headers\.A B: name and value of a header"),
        ('url: x:1\nheaders:\n  A: "c\\n"', r":5: profiles\.a\.headers\.A: name and value of a header"),
        (
            "url: x:1\nbody: {model: x}",
            r":4: profiles\.a\.body\.model: this cannot be said here: it is said by the key mod",
        ),
        ("url: x:1\nbody: {top_k: 5}", r":4: profiles\.a\.body\.top_k: .*the key sampling"),
        ("url: x:1\nbody: {stream: true}", r"body\.stream: this cannot be said here"),
        (
            "url: x:1\nbody:\n  chat_template_kwargs: {enable_thinking: true}",
            r":5: profiles\.a\.body\.chat_template_kwargs\.enable_thinking: .*the key thinking turns it",
        ),
        ("url: x:1\ntls: {cert: x}", r':4: profiles\.a\.tls\.cert: there is no key "cert" here'),
        ("url: x:1\ntls: {verify: maybe}", r":4: profiles\.a\.tls\.verify: must be true or false"),
    ],
)
def test_faults_of_keys(tmp_path: Path, keys: str, message: str) -> None:
    """Each with its line, the rule and the nearest name."""
    with pytest.raises(UsageProblem, match=message) as caught:
        one(tmp_path, keys)
    assert f"{tmp_path / 'llmbench.yaml'}:" in str(caught.value)


def test_a_fault_of_an_extended_key_is_where_it_stands(tmp_path: Path) -> None:
    """Not where the profile is that was asked for."""
    text = "server:\n  body: {stream: 1}\nprofiles:\n  _b:\n    url: x:1\n    timeout: 0s\n  a:\n    extends: _b\n"
    with pytest.raises(UsageProblem, match=r":6: profiles\._b\.timeout: must be a time above 0"):
        load(tmp_path, text)
    with pytest.raises(UsageProblem, match=r":2: server\.body\.stream: this cannot be said"):
        load(tmp_path, text.replace("0s", "1s"))


def test_variables_are_read_with_the_profile_that_needs_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of another profile need not be set, nor those of a key that is said anew."""
    text = (
        "profiles:\n  _b:\n    command: ${MY_SERVER} --port {port}\n    model: ${MY_NONE}\n    port: ${MY_PORT:-81}\n"
        "  a:\n    extends: _b\n    model: a\n  b:\n    extends: _b\n"
    )
    monkeypatch.setenv("MY_SERVER", "/opt/my server")
    monkeypatch.delenv("MY_NONE", raising=False)
    (profile,) = load(tmp_path, text, "a")
    assert (profile.command, profile.port) == (("/opt/my", "server", "--port", "{port}"), 81)
    with pytest.raises(
        UsageProblem, match=r"llmbench\.yaml:4: profiles\._b\.model: the environment has no variable MY_NON"
    ):
        load(tmp_path, text, "b")


@pytest.mark.parametrize(
    ("keys", "where"),
    [
        ("url: x:1\nport: ${MY_KEY}", r":4: profiles\.a\.port: what MY_KEY stands for .*Wanted: the port, 1 to 65535"),
        ("url: x:1\nthinking: ${MY_KEY}", r":4: profiles\.a\.thinking: what MY_KEY stands for .*Wanted: on, off, pack"),
        ("url: x:1\ntls: {verify: '${MY_KEY}'}", r":4: profiles\.a\.tls\.verify: what MY_KEY stands for"),
        ("url: x:1\nheaders: {X: '${MY_KEY}\\n${MY_NONE}'}", r"headers\.X: the environment has no variable MY_NONE"),
        ('url: x:1\nheaders: {X: "${MY_KEY}\\n"}', r"headers\.X: name and value of a header"),
        ("url: http://u:${MY_KEY}@x:0", r":3: profiles\.a\.url: what MY_KEY stands for does not fit"),
        ("url: x:1\nsampling: temperature=${MY_KEY}", r":4: profiles\.a\.sampling: what MY_KEY stands for"),
        ("url: [a:1, '${MY_KEY}:0']", r":3: profiles\.a\.url: what MY_KEY stands for"),
        (
            "url: x:1\nsampling: {temperature: '${MY_KEY}'}",
            r":4: profiles\.a\.sampling\.temperature: what MY_KEY stands",
        ),
        ('command: "x \'${MY_KEY}"', r":3: profiles\.a\.command: this command line cannot be taken apart"),
        ("url: x:1\ntimeout: ${MY_KEY}", r":4: profiles\.a\.timeout: what MY_KEY stands for"),
    ],
)
def test_what_a_variable_holds_stands_in_no_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: str, where: str
) -> None:
    """It may be a secret that was meant for another key."""
    monkeypatch.setenv("MY_KEY", "hunter22")
    monkeypatch.delenv("MY_NONE", raising=False)
    with pytest.raises(UsageProblem, match=where) as caught:
        one(tmp_path, keys)
    assert "hunter22" not in str(caught.value)


def test_dollar_signs_and_yaml_anchors(tmp_path: Path) -> None:
    """$$ is one dollar sign; an alias stands for what its anchor holds."""
    text = "profiles:\n  b:\n    command: run $$HOME\n    env: &e {A: 1}\n  c:\n    command: run\n    env: *e\n"
    dollar, alias = load(tmp_path, text)
    assert dollar.command == ("run", "$HOME")
    assert alias.env == {"A": "1"}


def test_the_server_block_holds_without_a_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For --llm-url; the first file of the folders counts."""
    monkeypatch.setenv("MY_KEY", "k")
    assert server_connection(tmp_path) == Connection()
    write(
        tmp_path,
        "server:\n  headers: {Authorization: 'Bearer ${MY_KEY}'}\n  body: {seed_free: 1}\n  tls: {ca: a.pem}\n",
    )
    wanted = Connection(
        headers={"Authorization": "Bearer k"}, body={"seed_free": 1}, ca_file=str(tmp_path / "a.pem"), verify=True
    )
    assert server_connection(tmp_path / "none", tmp_path) == wanted
    assert "Bearer" not in repr(wanted)
    monkeypatch.delenv("MY_KEY")
    with pytest.raises(
        UsageProblem, match=r":2: server\.headers\.Authorization: the environment has no variable MY_KEY"
    ):
        server_connection(tmp_path)


def test_all_that_sampling_says_is_refused_in_a_body(tmp_path: Path) -> None:
    """A new sampling parameter must not become a way around the gate."""
    names: list[Any] = ["temperature", "top_p", "seed", "top_k", "min_p", "repeat_penalty", "presence_penalty"]
    for name in [*names, "frequency_penalty"]:
        parse_sampling(f"{name}=1")
        with pytest.raises(UsageProblem, match="the key sampling"):
            one(tmp_path, f"url: x:1\nbody: {{{name}: 1}}")
