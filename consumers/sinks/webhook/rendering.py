"""The head of a POST as bytes: pure, and unable to carry a header that nobody meant."""

import re

from consumers.sinks.sender import Request
from consumers.sinks.webhook.guard import Target

_PORTS = {"http": 80, "https": 443}
_PATH = re.compile(r"[/?].*", re.DOTALL)


def start_of(url: str, target: Target) -> str:
    """Give the request line and the Host header (RFC 9112 §3.2) for a URL that the guard passed."""
    found = _PATH.search(url, url.index("://") + 3)
    path = found[0] if found else "/"
    if path.startswith("?"):
        path = "/" + path
    host = f"[{target.host}]" if ":" in target.host else target.host
    if target.port != _PORTS[target.scheme]:
        host = f"{host}:{target.port}"
    return f"POST {path} HTTP/1.1\r\nHost: {host}\r\n"


def render(start: str, request: Request) -> bytes:
    """Write the head of a request; raises ValueError for a header that would be two."""
    headers = request.headers
    lines = [f"{name}: {value}\r\n" for name, value in headers]
    head = f"{start}{''.join(lines)}Content-Length: {len(request.body)}\r\n\r\n"
    ends = len(headers) + 4  # of request line, Host, Content-Length and the empty line, too
    if head.count("\n") != ends or head.count("\r") != ends or "\0" in head:
        raise ValueError("a header's name or value holds a line break or a null")
    return head.encode()
