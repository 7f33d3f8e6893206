"""Find a wheel on the configured package index without pip, which an environment made by uv lacks.

An index is read in its JSON or its HTML form (the "simple repository API" of packaging.python.org,
PEP 691 and PEP 503), over http, https or from a folder (``file://``).
"""

from __future__ import annotations

import configparser
import contextlib
import os
import re
import sys
import urllib.parse
import urllib.request
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_llmbench.errors import EndpointUnreachable
from pytest_llmbench.web import get_json, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

PUBLIC_INDEX = "https://pypi.org/simple"
ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
PAGE_S = 15.0
"""Seconds one index page may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundWheel:
    """Where a wheel is. `url` may hold credentials: show it through `web.shown` only."""

    url: str
    sha256: str = ""


def index_urls() -> tuple[str, ...]:
    """Return the indexes to ask, best first: uv's and pip's variables, pip's files, the public one."""
    config = _pip_config()
    asked = [
        os.environ.get("UV_DEFAULT_INDEX", ""),
        os.environ.get("UV_INDEX_URL", ""),
        os.environ.get("PIP_INDEX_URL", ""),
        config.get("index-url", ""),
        PUBLIC_INDEX,
        *os.environ.get("UV_INDEX", "").split(),
        *os.environ.get("UV_EXTRA_INDEX_URL", "").split(),
        *os.environ.get("PIP_EXTRA_INDEX_URL", "").split(),
        *config.get("extra-index-url", "").split(),
    ]
    named = re.compile(r"^[A-Za-z0-9_.-]+=(?=\w+://)")  # uv allows name=url
    return tuple(dict.fromkeys(named.sub("", url).rstrip("/") for url in asked if "://" in url))


def find_wheel(project: str, filename: str) -> FoundWheel:
    """Return where `filename` of `project` lies. Raises `EndpointUnreachable` with what each index said."""
    said = []
    for index in index_urls():
        try:
            for link, found in _files(f"{index}/{project}/"):
                if link == filename:
                    return found
            said.append(f"{shown(index)} does not list {filename}")
        except EndpointUnreachable as error:
            said.append(str(error))
    raise EndpointUnreachable("; ".join(said))


def _files(page: str) -> Iterator[tuple[str, FoundWheel]]:
    """Yield file name and place of all that a project's page lists."""
    if page.startswith("file:"):
        body, text = None, _local_page(page)
    else:
        reply = get_json(page, headers={"Accept": ACCEPT}, timeout_s=PAGE_S)
        if reply.status != 200:
            raise EndpointUnreachable(f"{shown(page)} answered {reply.status}")
        body, text = reply.body, reply.text
    links = _json_links(body) if isinstance(body, dict) else _html_links(text)
    for name, address, sha256 in links:
        yield name, FoundWheel(url=_with_credentials(urllib.parse.urljoin(page, address), page), sha256=sha256)


def _local_page(page: str) -> str:
    folder = local_path(page)
    try:
        return (folder / "index.html").read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise EndpointUnreachable(f"{folder} holds no readable index.html") from error


def local_path(url: str) -> Path:
    """Return the path a ``file://`` URL means."""
    return Path(urllib.request.url2pathname(urllib.parse.urlsplit(url).path))


def _json_links(body: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    files = body.get("files")
    for entry in files if isinstance(files, list) else []:
        if isinstance(entry, dict) and isinstance(entry.get("url"), str):
            hashes = entry.get("hashes")
            sha256 = hashes.get("sha256") if isinstance(hashes, dict) else None
            yield str(entry.get("filename")), entry["url"], sha256 if isinstance(sha256, str) else ""


def _html_links(text: str) -> Iterator[tuple[str, str, str]]:
    page = _Anchors()
    page.feed(text)
    for address in page.addresses:
        plain, _, fragment = address.partition("#")
        name = urllib.parse.unquote(urllib.parse.urlsplit(plain).path.rpartition("/")[2])
        yield name, plain, urllib.parse.parse_qs(fragment).get("sha256", [""])[0]


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.addresses.extend(value for name, value in attrs if name == "href" and value)


def _with_credentials(url: str, page: str) -> str:
    """Give a link to the index's own host the credentials of the index."""
    link, index = urllib.parse.urlsplit(url), urllib.parse.urlsplit(page)
    secret, at, host = index.netloc.rpartition("@")
    if at and link.netloc == host and link.scheme == index.scheme:
        return urllib.parse.urlunsplit(link._replace(netloc=f"{secret}@{host}"))
    return url


def _pip_config() -> dict[str, str]:
    """Return what pip's files say in ``[global]`` and then ``[download]``, later files winning."""
    said: dict[str, str] = {}
    for path in _pip_files():
        parser = configparser.RawConfigParser()
        with contextlib.suppress(OSError, ValueError, configparser.Error):
            parser.read_string(path.read_text(encoding="utf-8"))
        for section in ("global", "download"):
            if parser.has_section(section):
                said |= dict(parser.items(section))
    return said


def _pip_files() -> list[Path]:
    """Return pip's files, weakest first (pip.pypa.io, "Configuration: location")."""
    named = os.environ.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return []
    home, name = Path.home(), "pip.ini" if sys.platform == "win32" else "pip.conf"
    if sys.platform == "win32":
        site, legacy = Path(os.environ.get("PROGRAMDATA", "C:/ProgramData")), home / "pip"
        user = Path(os.environ.get("APPDATA", home))
        folders = [site / "pip", legacy, user / "pip"]
    elif sys.platform == "darwin":
        support = Path("Library/Application Support/pip")
        folders = [Path("/") / support, home / ".pip", home / ".config/pip", home / support]
    else:
        shared = os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")
        user = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
        folders = [*(Path(one) / "pip" for one in reversed(shared) if one), Path("/etc"), home / ".pip", user / "pip"]
    folders.append(Path(sys.prefix))
    return [folder / name for folder in folders] + ([Path(named)] if named else [])
