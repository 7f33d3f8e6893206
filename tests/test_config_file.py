"""llmbench.yaml: what it may say, and what is said of its faults."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from pytest_llmbench.config_file import SCHEMA, Config, find_config, read_config
from pytest_llmbench.errors import UsageProblem
from pytest_llmbench.settings import SandboxSettings


def _file(folder: Path, text: str) -> Path:
    path = folder / "llmbench.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_file_is_found_in_its_folder_alone(tmp_path: Path) -> None:
    """Folders above are not searched: another project's file must not count."""
    below = tmp_path / "below"
    below.mkdir()
    assert find_config(tmp_path) is None
    path = _file(tmp_path, "sandbox: {}\n")
    assert find_config(tmp_path) == path
    assert find_config(below) is None


def test_a_folder_of_that_name_is_no_file(tmp_path: Path) -> None:
    """Only a file is read."""
    (tmp_path / "llmbench.yaml").mkdir()
    assert find_config(tmp_path) is None


@pytest.mark.parametrize("text", ["sandbox: {}", "{}"])
def test_what_is_left_out_has_its_default(tmp_path: Path, text: str) -> None:
    """An empty block changes nothing."""
    assert read_config(_file(tmp_path, text)) == Config(sandbox=SandboxSettings())


def test_every_key_reaches_the_settings(tmp_path: Path) -> None:
    """The file's words become those of the settings, amounts become bytes."""
    path = _file(
        tmp_path,
        "sandbox:\n  kind: bubblewrap\n  image: mine/py:3\n  memory: 512m\n  cpus: 0.5\n  time: 12\n  pids: 32\n"
        "  open_files: 100\n  disk: 16M\n  output: 4096\n  network: true\n  python: python3.12\n",
    )
    assert read_config(path).sandbox == SandboxSettings(
        kind="bubblewrap",
        image="mine/py:3",
        memory_bytes=512 << 20,
        cpus=0.5,
        time_s=12.0,
        pids=32,
        open_files=100,
        disk_bytes=16 << 20,
        output_bytes=4096,
        network=True,
        python="python3.12",
    )


@pytest.mark.parametrize(
    ("amount", "size"),
    [("4g", 4 << 30), ("1.5G", 3 << 29), ("65536k", 64 << 20), ("100 m", 100 << 20), ("134217728", 128 << 20)],
)
def test_amounts_are_read_as_docker_reads_them(tmp_path: Path, amount: str, size: int) -> None:
    """K, m and g are powers of 1024; a bare number is bytes, in quotes or not."""
    assert read_config(_file(tmp_path, f"sandbox: {{memory: {amount}}}")).sandbox.memory_bytes == size
    assert read_config(_file(tmp_path, f'sandbox: {{memory: "{amount}"}}')).sandbox.memory_bytes == size


def test_an_interpreter_is_looked_for_from_the_files_folder(tmp_path: Path) -> None:
    """A repository can name the environment beside the file."""
    path = _file(tmp_path, "sandbox: {python: .venv/bin/python}")
    assert read_config(path).sandbox.python == str(tmp_path / ".venv/bin/python")
    assert read_config(_file(tmp_path, "sandbox: {python: /usr/bin/python3}")).sandbox.python == "/usr/bin/python3"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sandboxes: {}", 'llmbench.yaml:1: sandboxes: there is no key "sandboxes" here: did you mean "sandbox"?'),
        ("\nsandbox:\n  memry: 4g", 'llmbench.yaml:3: sandbox.memry: there is no key "memry" here: did you mean "mem'),
        ("sandbox:\n  kind: dokcer", "llmbench.yaml:2: sandbox.kind: must be one of auto, docker, bubblewrap, is"),
        ("sandbox:\n  kind: dokcer", 'did you mean "docker"?'),
        ("sandbox:\n  cpus: 0", "llmbench.yaml:2: sandbox.cpus: must be at least 0.1, is 0"),
        ("sandbox:\n  cpus: two", "sandbox.cpus: must be a number"),
        ("sandbox:\n  pids: 1", "sandbox.pids: must be at least 8, is 1"),
        ("sandbox:\n  time: -1", "sandbox.time: must be at least 0.1"),
        (
            "sandbox:\n  memory: 4gb",
            'sandbox.memory: "4gb" cannot stand here: an amount of memory is a number of bytes',
        ),
        ("sandbox:\n  memory: -1", "sandbox.memory: must be from 64m to 16384g, is -1"),
        (
            "sandbox:\n  memory: 63m",
            "llmbench.yaml:2: sandbox.memory: must be from 64m to 16384g, is 63m (66060288 bytes)",
        ),
        ("sandbox:\n  disk: 1k", "sandbox.disk: must be from 1m"),
        ("sandbox:\n  output: 1g", "sandbox.output: must be from 1k to 64m, is 1g"),
        ("sandbox:\n  memory: 999999999999999g", "sandbox.memory: must be from"),
        ("sandbox:\n  memory: 9999999999999999999999g", 'sandbox.memory: "9999999999999999999999g" cannot stand'),
        ("sandbox:\n  memory: true", "sandbox.memory: must be"),
        ("sandbox:\n  network: no", "sandbox.network: must be true or false, is"),
        ("sandbox:\n  image: ''", "sandbox.image: must not be empty"),
        ("sandbox:\n  image: a b", 'sandbox.image: "a b" cannot stand here'),
        ("sandbox:\n  image: --privileged", "cannot stand here"),
        ("sandbox: docker", "sandbox: must be a mapping"),
        ("- sandbox", "must be a mapping"),
        ("sandbox:\n  kind: auto\n  kind: auto", "llmbench.yaml:3"),
        ("sandbox: [", "llmbench.yaml:"),
        ("", "llmbench.yaml"),
    ],
)
def test_a_fault_is_told_with_file_line_and_key(tmp_path: Path, text: str, said: str) -> None:
    """What is wrong, where, and what was probably meant."""
    with pytest.raises(UsageProblem) as caught:
        read_config(_file(tmp_path, text))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_a_usage_problem(tmp_path: Path) -> None:
    """Bytes that are no text, or no file any more."""
    path = tmp_path / "llmbench.yaml"
    path.write_bytes(b"sandbox: {image: \xff\xfe}\n")
    with pytest.raises(UsageProblem, match=r"llmbench\.yaml"):
        read_config(path)
    path.unlink()
    with pytest.raises(UsageProblem, match=r"llmbench\.yaml"):
        read_config(path)


def test_the_schema_is_json_schema_and_agrees_with_the_settings() -> None:
    """Editors use the same file; its defaults are those of the settings."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    defaults = {
        key: each["default"] for key, each in schema["properties"]["sandbox"]["properties"].items() if "default" in each
    }
    jsonschema.validate({"sandbox": defaults}, schema)
    assert len(defaults) == 9


def test_the_schemas_defaults_change_nothing(tmp_path: Path) -> None:
    """Writing every default out gives the default settings."""
    properties = json.loads(SCHEMA.read_text(encoding="utf-8"))["properties"]["sandbox"]["properties"]
    defaults = {key: each["default"] for key, each in properties.items() if "default" in each}
    assert read_config(_file(tmp_path, json.dumps({"sandbox": defaults}))).sandbox == SandboxSettings()
