"""The SSRF guard: a sink may not make the bus knock on doors of its own network (design §5)."""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_network

from consumers.sinks.webhook.addresses import Address, Network, is_public, parse_address
from consumers.sinks.webhook.names import Names

_MAX_URL = 2_048  # characters; more than any sink needs, and what old proxies take
_HTTPS_ONLY = "A sink is reached over https."
_CHECK_TIMEOUT = 5.0  # seconds for the lookup in `check_sink`: a person waits for the answer

# RFC 3986 for http(s), nothing looser: whatever two parsers could read differently is refused.
_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/(?:[a-z0-9._~!$&'()*+,;=:@/-]|%[0-9a-f]{2})*)?"
    r"(?:\?(?:[a-z0-9._~!$&'()*+,;=:@/?-]|%[0-9a-f]{2})*)?",
    re.IGNORECASE | re.ASCII,
)
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*", re.ASCII)


class Forbidden(Exception):
    """The guard refuses this sink; `fault` is a sentence for its owner that names no address."""

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Target:
    """Where a sink's URL leads: scheme and host in lower case, the port filled in."""

    scheme: str
    host: str
    port: int


class Guard:
    """Says which sinks may be reached, from settings that only an operator makes.

    By default: https only, to public addresses only. `allow_cidrs` adds networks, `allow_hosts`
    adds host names whose addresses are then not looked at (`.example.nl` means every name below
    it). `allow_http` permits plain http, but only to what those two allow.

    `lookup` gives the addresses of a host name or raises OSError. Where an egress proxy is between
    (`proxied`) `check_sink` looks no name up: often only the proxy can. Raises ValueError for an
    entry that is not a network. Owns threads until `close`.
    """

    def __init__(
        self,
        *,
        allow_http: bool = False,
        allow_cidrs: Iterable[str] = (),
        allow_hosts: Iterable[str] = (),
        lookup: Callable[[str], Awaitable[list[str]]] | None = None,
        proxied: bool = False,
    ) -> None:
        self._proxied = proxied
        self._allow_http = allow_http
        self._networks: tuple[Network, ...] = tuple(map(ip_network, allow_cidrs))
        self._hosts = frozenset(host.lower().rstrip(".") for host in allow_hosts)
        self._below = tuple(host for host in self._hosts if host.startswith("."))
        self._names = Names()
        self._lookup = lookup or self._names.lookup

    def check_url(self, url: str) -> Target:
        """Check all that can be known of a sink without asking a name server.

        Raises Forbidden. A host that is an address is checked here, as clients look up only names.
        """
        target = _parse(url)
        address = _literal(target.host)
        if target.scheme == "http" and not self._allow_http:
            raise Forbidden(_HTTPS_ONLY)
        if address is not None and not self._is_allowed_host(target.host):
            self.check_address(address, scheme=target.scheme)
        return target

    def check_address(self, address: str | Address, *, scheme: str = "https") -> None:
        """Check one address that is about to be connected to; raises Forbidden."""
        try:
            parsed = parse_address(str(address))
        except ValueError:
            raise Forbidden("The sink's address is not an address.") from None
        if any(parsed in network for network in self._networks):
            return
        if not is_public(parsed):
            raise Forbidden("The sink leads to a network that the bus does not deliver to.")
        if scheme != "https":
            raise Forbidden(_HTTPS_ONLY)

    async def resolve(self, host: str, *, scheme: str = "https") -> list[str]:
        """Look a host up and give the addresses that may be connected to, best first.

        Raises Forbidden when it has none that may, OSError when it has none at all. Connect to
        one of these and never look the name up again: the next answer may be another.
        """
        found = await self._lookup(host)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
        if self._is_allowed_host(host):
            return found
        allowed, refusal = [], None
        for address in found:
            try:
                self.check_address(address, scheme=scheme)
            except Forbidden as error:
                refusal = error
            else:
                allowed.append(address)
        if refusal is not None and not allowed:
            raise refusal
        return allowed

    async def check_sink(self, url: str) -> str | None:
        """Give the sentence that says why a subscription may not have this sink, or None.

        A name that does not resolve is a fault: a sink nobody can find is better refused while its
        owner is looking. Takes at most 5 s.
        """
        try:
            target = self.check_url(url)
            if _literal(target.host) is None and not self._proxied:
                async with asyncio.timeout(_CHECK_TIMEOUT):
                    await self.resolve(target.host, scheme=target.scheme)
        except Forbidden as error:
            return error.fault
        except OSError:  # TimeoutError too
            return "The sink's host name does not resolve to an address."
        return None

    def close(self) -> None:
        """Release the threads that look names up."""
        self._names.close()

    def _is_allowed_host(self, host: str) -> bool:
        name = host.lower().rstrip(".")
        return name in self._hosts or name.endswith(self._below)


def _parse(url: str) -> Target:
    match = _URL.fullmatch(url) if len(url) <= _MAX_URL else None
    if match is None:
        raise Forbidden(
            "A sink is an absolute https URL of at most 2048 characters,"
            " without user name, fragment or characters that need escaping."
        )
    scheme = match["scheme"].lower()
    port = int(match["port"] or (443 if scheme == "https" else 80))
    if not 0 < port < 65_536:
        raise Forbidden("A sink's port is between 1 and 65535.")
    return Target(scheme, (match["v6"] or match["name"]).lower(), port)


def _literal(host: str) -> Address | None:
    """Read a host that is an address; raise Forbidden for one written in a way of its own.

    The C library takes `2130706433`, `0x7f.1`, `0177.0.0.1` and `127.1` for 127.0.0.1. As URL
    parsers do (WHATWG), a host whose last label is a number is an address or nothing.
    """
    with suppress(ValueError):
        return parse_address(host)
    if ":" in host or _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        raise Forbidden("The sink's address is not in its usual form, such as 192.0.2.1.")
    return None
