"""TLS as a subscription wants it: with a certificate of the bus, and with its own authorities."""

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from bus.subscription import SinkTls


def context_of(tls: SinkTls) -> ssl.SSLContext:
    """Give the context for the connections to one sink; raises ssl.SSLError for a weak key."""
    context = ssl.create_default_context(cadata=tls.authorities)
    if tls.certificate is not None and tls.key is not None:
        with _file_of(f"{tls.key}\n{tls.certificate}") as path:
            context.load_cert_chain(path)
    return context


def tls_refusal(tls: SinkTls) -> str | None:
    """Give the sentence that says why no connection can be made with these, or None."""
    try:
        context_of(tls)
    except ssl.SSLError:
        return "the certificate or its key is too weak, or of a kind that TLS does not have"
    return None


@contextmanager
def _file_of(text: str) -> Iterator[str]:
    """Give a file, as OpenSSL's loader wants one; on Linux it never is on a disk."""
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("key"), "w") as file:
            file.write(text)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
        return
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(text)
        file.flush()
        yield file.name
