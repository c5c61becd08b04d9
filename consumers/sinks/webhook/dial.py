"""A new connection, to an address that the guard allowed and to no other."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar, cast

from consumers.sinks.outcome import Misconfigured, Outcome, Reason, Temporary
from consumers.sinks.webhook.addresses import parse_address
from consumers.sinks.webhook.guard import Forbidden, Guard, Target

_PATIENCE = 3.0  # seconds for an address while there is another one to try

P = TypeVar("P")
"""An asyncio.Protocol, by its methods."""


class Unreachable(Exception):
    """No connection could be had; `outcome` says what that means for the delivery."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


async def dial(
    target: Target,
    *,
    guard: Guard,
    tls: ssl.SSLContext,
    deadline: float,
    patience: float,
    factory: Callable[[], P],
) -> P:
    """Look the host up, try its addresses in their order, and agree on TLS where the scheme asks.

    `deadline` is in the loop's time; it takes no more than `patience` seconds. The certificate is
    checked against the sink's name. Raises Unreachable.
    """
    enough = asyncio.get_running_loop().time() + patience
    limit = asyncio.timeout_at(min(deadline, enough))
    try:
        async with limit:
            addresses = await _addresses(target, guard)
            return await _connect(target, addresses, tls=tls, factory=factory)
    except Forbidden:
        raise Unreachable(Misconfigured(Reason.FORBIDDEN)) from None
    except ssl.SSLCertVerificationError:
        raise Unreachable(Misconfigured(Reason.CERTIFICATE)) from None
    except ssl.SSLError:
        raise Unreachable(Temporary(Reason.TLS)) from None
    except OSError:  # TimeoutError too: ours, or the system's for an address that is silent
        is_late = limit.expired() and deadline <= enough
        reason = Reason.TIMEOUT if is_late else Reason.CONNECT
        raise Unreachable(Temporary(reason)) from None


async def _addresses(target: Target, guard: Guard) -> list[str]:
    """Give what may be connected to; a host that is an address was checked with its URL."""
    with suppress(ValueError):
        parse_address(target.host)
        return [target.host]
    try:
        return await guard.resolve(target.host, scheme=target.scheme)
    except OSError:
        raise Unreachable(Temporary(Reason.DNS)) from None


async def _connect(
    target: Target, addresses: list[str], *, tls: ssl.SSLContext, factory: Callable[[], P]
) -> P:
    for address in addresses[:-1]:
        try:
            async with asyncio.timeout(_PATIENCE):
                return await _open(target, address, tls=tls, factory=factory)
        except ssl.SSLError:
            raise
        except OSError:
            continue
    return await _open(target, addresses[-1], tls=tls, factory=factory)


async def _open(
    target: Target, address: str, *, tls: ssl.SSLContext, factory: Callable[[], P]
) -> P:
    secure = target.scheme == "https"
    _, protocol = await asyncio.get_running_loop().create_connection(
        cast("Callable[[], asyncio.Protocol]", factory),
        address,
        target.port,
        ssl=tls if secure else None,
        server_hostname=target.host.rstrip(".") if secure else None,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
    return cast("P", protocol)
