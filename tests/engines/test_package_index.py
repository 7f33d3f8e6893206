"""A wheel is found on whatever index this machine uses, without pip."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_llmbench.engines import package_index
from pytest_llmbench.engines.package_index import PUBLIC_INDEX, FoundWheel, find_wheel, index_urls
from pytest_llmbench.errors import EndpointUnreachable
from tests.file_server import FileServer, Page, file_server

WHEEL = "tiny_model-1.0-py3-none-any.whl"
HTML = f'<a data-x="1" HREF="../../files/{WHEEL}#sha256=abc">{WHEEL}</a><a>none</a>'.encode()
VARIABLES = (
    *("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL"),
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONFIG_FILE"),
)


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take this machine's own configuration away."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(package_index, "_pip_files", list)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """Serve as the only index."""
    with file_server() as running:
        monkeypatch.setattr(package_index, "PUBLIC_INDEX", f"{running.url}/simple")
        yield running


def test_the_html_form(server: FileServer) -> None:
    """Links are taken relative to the page, with the hash from the fragment."""
    server.pages["/simple/tiny-model/"] = Page(body=HTML, kind="text/html")
    assert find_wheel("tiny-model", WHEEL) == FoundWheel(url=f"{server.url}/files/{WHEEL}", sha256="abc")
    assert "v1+json" in server.asked[0][1]["accept"]


def test_the_json_form(server: FileServer) -> None:
    """Files are taken from the list; entries without a hash, or without sense, do no harm."""
    files = [7, {"filename": "x"}, {"filename": WHEEL, "url": f"/f/{WHEEL}", "hashes": {}}]
    server.pages["/simple/tiny-model/"] = Page(body=json.dumps({"files": files}).encode())
    assert find_wheel("tiny-model", WHEEL) == FoundWheel(url=f"{server.url}/f/{WHEEL}", sha256="")


def test_an_index_in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index may be a folder of pages."""
    (tmp_path / "simple" / "tiny-model").mkdir(parents=True)
    (tmp_path / "simple" / "tiny-model" / "index.html").write_bytes(HTML)
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "simple").as_uri())
    found = find_wheel("tiny-model", WHEEL)
    assert package_index.local_path(found.url) == tmp_path / "files" / WHEEL


def test_credentials_reach_the_index_and_its_files(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index's name and password go to links on its own host, and to no other."""
    page = HTML + f'<a href="https://elsewhere.invalid/{WHEEL}2">'.encode()
    server.pages["/simple/tiny-model/"] = Page(body=page)
    secret = server.url.replace("//", "//me:pass@")
    monkeypatch.setenv("UV_INDEX_URL", f"{secret}/simple/")
    assert find_wheel("tiny-model", WHEEL).url == f"{secret}/files/{WHEEL}"
    assert find_wheel("tiny-model", f"{WHEEL}2").url == f"https://elsewhere.invalid/{WHEEL}2"
    assert server.asked[0][1]["authorization"].startswith("Basic ")


def test_what_every_index_said_is_told(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing found: each index with its answer, and no password."""
    server.pages["/simple/tiny-model/"] = Page(body=b"<a href='other.whl'>")
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url.replace('//', '//me:pass@')}/mine")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "file:///no/such/index")
    with pytest.raises(EndpointUnreachable) as caught:
        find_wheel("tiny-model", WHEEL)
    said = str(caught.value)
    assert f"{server.url}/mine/tiny-model/ answered 404" in said
    assert f"/simple does not list {WHEEL}" in said
    assert "holds no readable index.html" in said
    assert "pass" not in said


def test_the_order_of_indexes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables of uv, those of pip, pip's files, the public one, then the additional ones; each once."""
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://file/simple/\nextra-index-url =\n  https://more/simple\n  https://file/simple\n"
    )
    (tmp_path / "broken.conf").write_text("index-url without a section")
    monkeypatch.setattr(package_index, "_pip_files", lambda: [tmp_path / "pip.conf", tmp_path / "broken.conf"])
    monkeypatch.setenv("UV_DEFAULT_INDEX", "corp=https://uv-default/simple")
    monkeypatch.setenv("UV_INDEX_URL", "https://uv/simple")
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip/simple/")
    assert index_urls() == (
        "https://uv-default/simple",
        "https://uv/simple",
        "https://pip/simple",
        "https://file/simple",
        PUBLIC_INDEX,
        "https://more/simple",
    )


def test_pip_files_named_and_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """PIP_CONFIG_FILE names the strongest file; the null device switches all of them off."""
    monkeypatch.undo()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/some/pip.conf")
    assert package_index._pip_files()[-1] == Path("/some/pip.conf")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert package_index._pip_files() == []
