"""Who calls: bearer tokens to an organisation and its roles, remembered for some seconds."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection

from bus.api.problem import Problem
from bus.store.credentials import Credential, Expired, Role

_REMEMBER_SECONDS = 5.0
"""How long a token that was revoked or has expired may still work."""

_REMEMBERED = 10_000
_LONGEST_TOKEN = 4_096

Found = Credential | Expired | None
Lookup = Callable[[str], Awaitable[Found]]


class Gate:
    """Knows a caller by the token; asks the store once in so many seconds per token.

    `lookup` says what a token allows; its errors come through. Tokens are remembered by their
    digest, at most 10,000 of them, the unknown ones too.
    """

    def __init__(self, lookup: Lookup, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._lookup = lookup
        self._clock = clock
        self._seen: OrderedDict[bytes, tuple[float, Found]] = OrderedDict()

    async def caller(self, authorization: str | None) -> Credential:
        """Give who is behind an Authorization header.

        Raises Problem 401 when it is missing, malformed, unknown or expired; the detail says which.
        """
        token = _token(authorization)
        digest = hashlib.sha256(token.encode()).digest()
        until, found = self._seen.get(digest, (0.0, None))
        if until <= self._clock():
            found = await self._lookup(token)
            self._remember(digest, found)
        match found:
            case Credential():
                return found
            case Expired():
                raise _unauthorized("expired-token", "The token has expired.")
            case None:
                raise _unauthorized("unknown-token", "The token is not known here.")

    def _remember(self, digest: bytes, found: Found) -> None:
        self._seen[digest] = (self._clock() + _REMEMBER_SECONDS, found)
        self._seen.move_to_end(digest)
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)


def require(caller: Credential, roles: Collection[Role]) -> None:
    """Raise Problem 403 when the caller has none of these roles."""
    if caller.roles.isdisjoint(roles):
        wanted = " or ".join(sorted(roles))
        raise Problem(403, "missing-role", f"This asks for a token with the role {wanted}.")


def _token(authorization: str | None) -> str:
    if not authorization:
        raise _unauthorized("no-token", "Give a token: Authorization: Bearer <token>.")
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > _LONGEST_TOKEN:
        detail = "The Authorization header is to be: Bearer <token>."
        raise _unauthorized("malformed-token", detail)
    return token


def _unauthorized(code: str, detail: str) -> Problem:
    """Give the 401 with its challenge (RFC 6750 §3: no error code when there was no token)."""
    challenge = 'Bearer realm="gemeentebus"'
    if code != "no-token":
        error = "invalid_request" if code == "malformed-token" else "invalid_token"
        challenge += f', error="{error}", error_description="{detail}"'
    return Problem(401, code, detail, headers={"WWW-Authenticate": challenge})
