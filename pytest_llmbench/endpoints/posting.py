"""POSTs a small JSON body to a page that a server may or may not have, outside the SDK and its event loop."""

from __future__ import annotations

import http.client
import json
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pytest_llmbench.endpoints.addresses import Address

POST_LIMIT_S = 4.0
"""Seconds the server may keep silent."""

_BODY_LIMIT = 16 << 20


def posted(address: Address, url: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the JSON object that the server at `address` answers with status 200, else {}.

    Never raises for what the server does; redirects are not followed, for the key must not go elsewhere.
    """
    headers = {"Content-Type": "application/json", "User-Agent": "pytest-llmbench", **address.headers}
    request = urllib.request.Request(  # noqa: S310 - the opener knows only http and https
        url, data=json.dumps(body).encode(), headers=headers, method="POST"
    )
    try:
        with _opener(address).open(request, timeout=POST_LIMIT_S) as reply:
            text = reply.read(_BODY_LIMIT) if reply.status == HTTPStatus.OK else b""
            answer = json.loads(text or b"{}")
    except (OSError, http.client.HTTPException, ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _opener(address: Address) -> urllib.request.OpenerDirector:
    """Return an opener that hands every status through; no proxy is asked for this machine itself."""
    opener = urllib.request.OpenerDirector()
    opener.add_handler(urllib.request.ProxyHandler({} if address.is_local else None))
    opener.add_handler(urllib.request.HTTPHandler())
    if address.api.startswith("https:"):
        opener.add_handler(urllib.request.HTTPSHandler(context=address.trust()))
    return opener
