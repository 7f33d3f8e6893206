"""``llmbench reproduce``: the request of a trial as a command, and what comes when it is sent again."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_llmbench.commands.main import main
from pytest_llmbench.endpoints.curl import curl_of, variable_of
from pytest_llmbench.records import Message, Request
from tests.commands.runs import copied, manifest_of, measured
from tests.plugin.lab import scenario, scenarios, write_pack
from tests.stub.client import Stub, running_stub

KEY = "sk-very-secret-key-1234567890"


@pytest.fixture(scope="module")
def server() -> Iterator[Stub]:
    """A server that echoes."""
    with running_stub(kept=100) as stub:
        yield stub


@pytest.fixture(scope="module")
def _project(tmp_path_factory: pytest.TempPathFactory, server: Stub) -> Path:
    root = tmp_path_factory.mktemp("project")
    chatty = scenario("S-03", followups=["Is the word good?"], marks="[[tokens=9]]")
    write_pack(root, [*scenarios(2, wrong=[2]), chatty])
    text = 'server: {headers: {X-Team: "${TEAM_TOKEN}"}, body: {cache_prompt: false}}\n'
    (root / "llmbench.yaml").write_text(text, encoding="utf-8")
    os.environ["TEAM_TOKEN"] = "team-secret-value"
    try:
        measured(root, "packs", "--llm-url", server.url)
    finally:
        del os.environ["TEAM_TOKEN"]
    return root


@pytest.fixture
def project(_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a project with a run in it, to be in; the key is in the environment."""
    monkeypatch.setenv("LLMBENCH_API_KEY", KEY)
    monkeypatch.setenv("TEAM_TOKEN", "team-secret-value")
    return copied(_project, tmp_path, monkeypatch)


def last_request(server: Stub) -> dict[str, Any]:
    """Return what the server was sent last."""
    return server.requests(last=1)[0]


def test_the_command_sends_the_very_request(project: Path, server: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    """Run by a shell it gives the server the body it had in the run, with the key from the environment."""
    recorded = next(one for one in server.requests() if "S-02" in str(one["body"]["messages"]))
    assert main(["reproduce", "S-02"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith('# mini S-02: FAIL missing_field (mentions: "good" is missing)\n')
    environment = {**os.environ, "X_TEAM": "team-secret-value"}
    subprocess.run(["/bin/sh", "-c", printed], env=environment, check=True, capture_output=True, timeout=30)
    sent = last_request(server)
    assert sent["body"] == recorded["body"]
    assert sent["headers"]["authorization"] == f"Bearer {KEY}"
    assert sent["headers"]["x-team"] == "team-secret-value"


def test_no_secret_is_shown(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Key and header are variables of the shell, whatever is printed."""
    for words in ([], ["--json"], ["--send"], ["--send", "--json"]):
        main(["reproduce", "S-02", *words])
    said = capsys.readouterr()
    assert "$LLMBENCH_API_KEY" in said.out
    assert "X-Team: $X_TEAM" in said.out
    assert KEY not in said.out + said.err
    assert "team-secret-value" not in said.out + said.err


def test_a_talk_is_all_its_requests_or_one(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each with the history that the server was given."""
    assert main(["reproduce", "mini/S-03", "--json"]) == 0
    asked = json.loads(capsys.readouterr().out)["requests"]
    assert [len(one["body"]["messages"]) for one in asked] == [1, 3]
    assert main(["reproduce", "S-03", "--turn", "2"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("curl ") == 1
    assert "# request 2 of 2" in printed


def test_sent_again_the_same_answer_is_the_same(
    project: Path, server: Stub, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole dialogue is held by the same requests, headers and body included; exit 0."""
    server.set(reset=True)
    assert main(["reproduce", "S-03", "--send"]) == 0
    printed = capsys.readouterr().out
    assert "request 2 of 2: the same answer\n" in printed
    assert printed.endswith("now:  PASS\n")
    assert len(server.requests()) == 2
    assert last_request(server)["headers"]["x-team"] == "team-secret-value"
    assert last_request(server)["body"]["cache_prompt"] is False


def test_another_answer_is_shown_with_its_verdict(
    project: Path, server: Stub, capsys: pytest.CaptureFixture[str]
) -> None:
    """Text, tokens, verdict then and now; exit 1, for the verdict changed."""
    with running_stub(answers={"S-01": "Something else"}) as other:
        assert main(["reproduce", "S-01", "--send", "--url", other.url]) == 1
        printed = capsys.readouterr().out
        assert main(["reproduce", "S-01", "--send", "--url", other.url, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert "request 1 of 1: another answer\n" in printed
    assert "  -S-01: the word is good\n  +Something else\n" in printed
    assert "then: PASS\nnow:  FAIL missing_field" in printed
    (turn,) = told["turns"]
    assert (turn["same_request"], turn["same_answer"]) == (True, False)
    assert turn["now"]["content"] == "Something else"
    assert (told["verdicts"]["then"]["outcome"], told["verdicts"]["now"]["outcome"]) == ("PASS", "FAIL")


def test_todays_rules_are_told_apart_from_the_models_change(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same answer under a changed check: the verdict differs, the model does not; exit 0."""
    path = project / "packs" / "mini" / "pack.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace('["good"]', '["bad"]'), encoding="utf-8")
    assert main(["reproduce", "S-02", "--send"]) == 0
    assert "then, by today's rules: PASS\nnow:  PASS" in capsys.readouterr().out


def test_a_changed_question_is_sent_as_it_was(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The recorded request goes out; the new answer is not judged by checks of another question."""
    path = project / "packs" / "mini" / "pack.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("S-01: the word", "S-01: the one word"), encoding="utf-8")
    assert main(["reproduce", "S-01", "--send"]) == 0
    printed = capsys.readouterr().out
    assert "request 1 of 1: the same answer" in printed
    assert "now:  not judged: request 1: the messages are not those of today's pack" in printed


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["S-99"], 'has no trial of "S-99"'),
        (["S-01", "--attempt", "2"], "none is number 2"),
        (["S-01", "--turn", "2"], "the talk has 1 request,"),
        (["S-01", "--run", "nothing"], 'no run is called "nothing"'),
        (["S-01", "--send", "--url", "http://127.0.0.1:9/v1"], "start the server, or name another with --url"),
    ],
)
def test_what_cannot_be_done_is_exit_4(
    project: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    """One line with the way out."""
    assert main(["reproduce", *words]) == 4
    assert told in capsys.readouterr().err


def test_a_trial_without_an_answer_says_what_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is no request to show where the server never answered."""
    write_pack(tmp_path, scenarios(1, marks="[[seconds=20]]"))
    with running_stub() as stub:
        measured(tmp_path, "packs", "--llm-url", stub.url, "--llm-timeout", "0.5")
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", "S-01"]) == 4
    assert "has no recorded request: it ended with ERROR" in capsys.readouterr().err


def test_credentials_of_an_address_are_asked_for_again(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are kept nowhere, so that sending needs --url; the command has none."""
    run = next((project / ".llmbench" / "runs").iterdir())
    said = {**manifest_of(run), "url": "http://***@127.0.0.1:8000/v1"}
    (run / "manifest.json").write_text(json.dumps(said), encoding="utf-8")
    assert main(["reproduce", "S-01"]) == 0
    assert "curl -sS -N http://127.0.0.1:8000/v1/chat/completions" in capsys.readouterr().out
    assert main(["reproduce", "S-01", "--send"]) == 4
    assert "which are not kept: use --url" in capsys.readouterr().err


def test_any_text_arrives_whole() -> None:
    """Quotes, line breaks, what a shell would expand, and the mark that ends the body."""
    text = 'it\'s "quoted"\nEND_OF_BODY\n$HOME `id`'
    request = Request(model="m", messages=(Message(role="user", content=text),), stream=False)
    command = curl_of(request, "http://h:1/v1", ["X-A.b"])
    body = "cat <<'END_OF_BODY'" + command.partition("<<'END_OF_BODY'")[2]
    said = subprocess.run(["/bin/sh", "-c", body], capture_output=True, check=True, text=True).stdout
    assert json.loads(said)["messages"][0]["content"] == text
    assert variable_of("X-A.b") == "X_A_B"


def test_a_secret_in_the_body_is_hidden(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An extra field that is named as one gives its place to stars, and the command says so."""
    run = next((project / ".llmbench" / "runs").iterdir())
    journal = next((run / "journal").iterdir())
    text = journal.read_text(encoding="ascii").replace('"cache_prompt":false', '"user_token":"abcdef"')
    journal.write_text(text, encoding="ascii")
    assert main(["reproduce", "S-01"]) == 0
    printed = capsys.readouterr().out
    assert "abcdef" not in printed
    assert "# *** stands for a value that looks like a secret" in printed
