"""What may be typed for --llm-url."""

from __future__ import annotations

import pytest

from pytest_llmbench.engines.external import External, base_url
from pytest_llmbench.errors import UsageProblem


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
        (" http://127.0.0.1:8080/ ", "http://127.0.0.1:8080/v1"),
        ("localhost:8080", "http://localhost:8080/v1"),
        ("127.0.0.1:8080/v1/", "http://127.0.0.1:8080/v1"),
        ("my_host", "http://my_host/v1"),
        ("[::1]:8080", "http://[::1]:8080/v1"),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1"),
        ("https://h/v1/chat/completions", "https://h/v1"),
        ("https://user:secret@h/v1", "https://user:secret@h/v1"),
    ],
)
def test_urls_are_completed(typed: str, meant: str) -> None:
    """Scheme and path are added where they are missing; a pasted request URL is shortened."""
    assert base_url(typed) == meant


@pytest.mark.parametrize(
    "typed",
    [
        *("", "  ", "a b", "see the wiki", "h{}", "8080", ":8080", "/v1"),
        *(
            "http://",
            "ftp://h/v1",
            "http://h/a b",
            "http://[::1",
            "http://h:port/v1",
            "http://h:99999",
            "http://h:0/v1",
        ),
        *("http://h/v1?key=secret", "http://h/v1#x"),
    ],
)
def test_nonsense_is_refused_with_an_example(typed: str) -> None:
    """What names no server is said to be so, with a line that works and without what may be a secret."""
    with pytest.raises(UsageProblem, match=r"--llm-url http://127\.0\.0\.1:8080/v1") as caught:
        External(typed)
    assert "secret" not in str(caught.value)
