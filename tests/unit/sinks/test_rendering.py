"""The head of a POST, as bytes."""

import pytest

from consumers.sinks.sender import Request, header_lines
from consumers.sinks.webhook.guard import Guard
from consumers.sinks.webhook.rendering import render, start_of

GUARD = Guard(allow_http=True, allow_cidrs=["::1/128"], allow_hosts=["sink.example"])


@pytest.mark.parametrize(
    ("url", "path", "host"),
    [
        ("https://sink.example", "/", "sink.example"),
        ("https://sink.example/", "/", "sink.example"),
        ("https://sink.example:443/a/b?c=d%20e", "/a/b?c=d%20e", "sink.example"),
        ("https://sink.example:8443?c=d", "/?c=d", "sink.example:8443"),
        ("https://sink.example:80/", "/", "sink.example:80"),
        ("http://SINK.example:80/A", "/A", "sink.example"),
        ("http://sink.example:443/?a=/b", "/?a=/b", "sink.example:443"),
        ("http://[::1]/", "/", "[::1]"),
        ("http://[::1]:8080/x", "/x", "[::1]:8080"),
    ],
)
def test_start(url: str, path: str, host: str) -> None:
    """The request line has path and query; Host has the port unless it is the scheme's own."""
    start = start_of(url, GUARD.check_url(url))
    assert start == f"POST {path} HTTP/1.1\r\nHost: {host}\r\n"


def test_head() -> None:
    """Start, headers in their order, length and an empty line; what is not ASCII goes as UTF-8."""
    headers = (("A", "b"), ("c", "é"))
    request = Request("https://sink.example/", header_lines(headers), b"{}", 1.0, "org")
    head = render("POST / HTTP/1.1\r\nHost: h\r\n", request)
    expected = "POST / HTTP/1.1\r\nHost: h\r\nA: b\r\nc: é\r\nContent-Length: 2\r\n\r\n"
    assert head == expected.encode()
    assert request.headers == headers


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\0", "\r\nx: y", "\n\r"])
@pytest.mark.parametrize("place", ["name", "value"])
def test_no_header_carries_another(end: str, place: str) -> None:
    """A line break or a null, in name or value, keeps a head from being written."""
    header = (f"a{end}b", "c") if place == "name" else ("a", f"b{end}c")
    with pytest.raises(ValueError, match="line break"):
        header_lines([("x", "y"), header])
