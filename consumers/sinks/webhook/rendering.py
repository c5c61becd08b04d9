"""The head of a POST as bytes."""

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
    """Write the head of a request."""
    return f"{start}{request.head}Content-Length: {len(request.body)}\r\n\r\n".encode()
