"""Where events go: the sink's address and its HTTP headers."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from bus.document import Model

_URI = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]{1,2048}")
"""RFC 3986 §2. urlsplit drops tabs and newlines unseen, and clients differ over backslashes:
neither gets that far."""

_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
"""A name or an address; no percent-encoding and no zone, over which clients differ too."""

_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}")
_HEADER_VALUE = re.compile(r"[!-~]([ -~]{0,1022}[!-~])?")
_RESERVED_HEADER = re.compile(
    r"(ce|content|proxy|webhook)-.*|authorization|connection|expect|host|keep-alive"
    r"|signature(-input)?|te|trace(parent|state)|trailer|transfer-encoding|upgrade",
    re.IGNORECASE,
)
"""Headers that frame, sign or trace the message, and the one that `sinkcredential` sets."""


def _sink(url: str) -> str:
    if not _URI.fullmatch(url):
        raise PydanticCustomError(
            "not-a-url", "give an absolute URL of at most 2048 characters of RFC 3986"
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise PydanticCustomError("not-a-url", "the host or the port cannot be read") from None
    if parts.scheme not in ("https", "http"):
        raise PydanticCustomError("unknown-scheme", "give a URL that begins with https://")
    if "@" in parts.netloc:
        raise PydanticCustomError(
            "userinfo", "no user or password in the URL: they belong in sinkcredential"
        )
    if not host or not _HOST.fullmatch(host) or port == 0:
        raise PydanticCustomError("no-host", "give a URL with a host name or an address")
    if parts.fragment:
        raise PydanticCustomError("fragment", "a fragment (#…) is never sent: leave it out")
    return url


Sink = Annotated[str, AfterValidator(_sink)]
"""An absolute http(s) URL that every client reads alike. Whether it may be called is for the guard
of the sinks."""


def _header_name(name: str) -> str:
    if not _HEADER_NAME.fullmatch(name):
        raise PydanticCustomError("not-a-header", "this is not the name of an HTTP header")
    if _RESERVED_HEADER.fullmatch(name):
        raise PydanticCustomError(
            "reserved-header", "the bus sets this header (Authorization: by sinkcredential)"
        )
    return name


def _header_value(value: str) -> str:
    if not _HEADER_VALUE.fullmatch(value):
        raise PydanticCustomError("not-a-header", "give 1 to 1024 visible ASCII characters")
    return value


_HeaderName = Annotated[str, AfterValidator(_header_name)]
_HeaderValue = Annotated[str, AfterValidator(_header_value)]


def _distinct(headers: dict[str, str]) -> dict[str, str]:
    if len({name.lower() for name in headers}) < len(headers):
        raise PydanticCustomError("duplicate", "header names differ in more than case")
    return headers


class HttpSettings(Model):
    """`protocolsettings` of HTTP.

    The headers go with every delivery, and GET shows them: no place for secrets.
    """

    headers: Annotated[dict[_HeaderName, _HeaderValue], AfterValidator(_distinct)] = Field(
        default_factory=dict, max_length=32
    )
    method: Literal["POST"] = "POST"


class KafkaSettings(Model):
    """`protocolsettings` of KAFKA: the component's own topic, on the cluster of the bus."""

    topicname: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$", max_length=249)]
