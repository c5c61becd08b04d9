"""Asks an OAuth2 token endpoint for an access token (RFC 6749 §§4.4, 5, 6)."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Final
from urllib.parse import urlencode

import msgspec

from bus.subscription import ClientCredentials, RefreshToken, client_authorization
from consumers.sinks.outcome import Misconfigured, Outcome, Reason, Temporary
from consumers.sinks.webhook.client import Client
from consumers.sinks.webhook.dial import Unreachable
from consumers.sinks.webhook.tokens import Held, NoToken

_TIMEOUT = 10.0
_LONGEST = 3_153_600_000.0
"""Seconds, a hundred years: an end beyond that is no moment of the calendar."""

_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
_NONE: Final = Temporary(Reason.TOKEN)
_NEVER: Final = Misconfigured(Reason.TOKEN)


class _Answer(msgspec.Struct):
    """What the endpoint says; all else in it is not ours to read."""

    access_token: str
    token_type: str
    expires_in: Annotated[float, msgspec.Meta(ge=0, le=_LONGEST)] | None = None
    refresh_token: str | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """An access token; `refresh` is the next refresh token where the endpoint gave one."""

    token: str = field(repr=False)
    until: float | None
    refresh: str | None = field(repr=False)

    @property
    def held(self) -> Held:
        """Give it as a delivery needs it."""
        return Held(f"Bearer {self.token}", self.until)


class TokenEndpoint:
    """Asks token endpoints, wherever `client` may go."""

    def __init__(self, client: Client, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock

    async def ask(self, credential: RefreshToken | ClientCredentials) -> Granted:
        """Fetch a token. Raises NoToken: misconfigured if the endpoint refuses, else temporary."""
        form = credential.grant()
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        authorization = client_authorization(credential)
        if authorization is not None:
            headers["Authorization"] = authorization
        elif credential.clientid is not None:
            form["client_id"] = credential.clientid
        now = self._clock()
        try:
            reply = await self._client.ask(
                "POST",
                credential.endpoint,
                headers=headers,
                body=urlencode(form).encode(),
                timeout=_TIMEOUT,
            )
        except Unreachable as error:
            raise NoToken(_of(error.outcome)) from None
        if reply.status != 200:
            raise NoToken(_NONE if reply.status in {408, 429} or reply.status >= 500 else _NEVER)
        return _granted(reply.body, now)


def _of(outcome: Outcome) -> Outcome:
    """Keep whether trying again may help; the reason is that there is no token."""
    return _NEVER if isinstance(outcome, Misconfigured) else _NONE


def _granted(body: bytes, now: float) -> Granted:
    try:
        answer = msgspec.json.decode(body, type=_Answer, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NoToken(_NEVER) from None  # the cause may hold a token
    if answer.token_type.lower() != "bearer" or not _TOKEN.fullmatch(answer.access_token):
        raise NoToken(_NEVER)
    until = None if answer.expires_in is None else now + answer.expires_in
    return Granted(answer.access_token, until, answer.refresh_token)
