"""From what is sealed of a sink to what a request needs: headers, a TLS context, a token."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol, assert_never
from uuid import UUID
from weakref import WeakValueDictionary

from pydantic import ValidationError

from bus.store.errors import StoreError
from bus.subscription import (
    AccessToken,
    ClientCredentials,
    Plain,
    RefreshToken,
    SinkSecrets,
)
from consumers.sinks.outcome import Misconfigured, Reason, Temporary
from consumers.sinks.sender import Keys, Token
from consumers.sinks.webhook.client_tls import context_of
from consumers.sinks.webhook.token_endpoint import Granted, TokenEndpoint
from consumers.sinks.webhook.tokens import EndingToken, FetchedToken, Held, NoToken

_BUSY = Temporary(Reason.TOKEN, retry_after=2.0)
"""Another worker is just then renewing the token."""


class Renewals(Protocol):
    """Lets one worker at a time renew the refresh token of a subscription, and keeps the result.

    A refresh token may be good for one use only, and workers share it. Both raise StoreError.
    """

    async def claim(self, subscription: UUID) -> SinkSecrets | None:
        """Take the turn and give the secrets as they are now; None: it is another's, or gone.

        The turn ends by itself after half a minute.
        """
        ...

    async def release(self, subscription: UUID, after: SinkSecrets | None) -> None:
        """End the turn; keep `after`, unless the subscriber has changed the secrets meanwhile."""
        ...


class Credentials:
    """What opens the sinks of one worker; what is equal is made once and shared."""

    def __init__(self, endpoint: TokenEndpoint, renewals: Renewals) -> None:
        self._endpoint = endpoint
        self._renewals = renewals
        self._keys: WeakValueDictionary[object, Keys] = WeakValueDictionary()

    def headers(self, secrets: SinkSecrets) -> dict[str, str]:
        """Give the headers that go with every delivery."""
        match secrets.credential:
            case Plain() as credential:
                return {"Authorization": credential.authorization}
            case AccessToken(accesstokenexpiresutc=None) as credential:
                return {"Authorization": credential.authorization}
            case _:
                return {}

    def keys(self, subscription: UUID, organisation: str, secrets: SinkSecrets) -> Keys | None:
        """Give what headers cannot carry, None when there is nothing."""
        alone = subscription if isinstance(secrets.credential, RefreshToken) else None
        shared = (organisation, alone, secrets)
        keys = self._keys.get(shared)
        if keys is None:
            tls = None if secrets.tls is None else context_of(secrets.tls)
            token = self._token(subscription, secrets)
            if tls is None and token is None:
                return None
            keys = self._keys[shared] = Keys(tls, token)
        return keys

    def _token(self, subscription: UUID, secrets: SinkSecrets) -> Token | None:
        match secrets.credential:
            case None | Plain() | AccessToken(accesstokenexpiresutc=None):
                return None
            case AccessToken() as credential:
                return EndingToken(_held(credential))
            case RefreshToken() as credential:
                return FetchedToken(self._renewed(subscription, credential), _held(credential))
            case ClientCredentials() as credential:
                return FetchedToken(self._fetched(credential))
            case _:
                assert_never(secrets.credential)

    def _fetched(self, credential: ClientCredentials) -> Callable[[str | None], Awaitable[Held]]:
        async def fetch(_refused: str | None) -> Held:
            return (await self._endpoint.ask(credential)).held

        return fetch

    def _renewed(
        self, subscription: UUID, known: RefreshToken
    ) -> Callable[[str | None], Awaitable[Held]]:
        async def renew(_refused: str | None) -> Held:
            nonlocal known
            try:
                known = await self._turn(subscription, known)
            except StoreError:
                raise NoToken(Temporary(Reason.TOKEN)) from None
            return _held(known)

        return renew

    async def _turn(self, subscription: UUID, known: RefreshToken) -> RefreshToken:
        """Renew a credential, unless another worker has, or its subscriber gave another one."""
        before = await self._renewals.claim(subscription)
        credential = None if before is None else before.credential
        if before is None or not isinstance(credential, RefreshToken):
            raise NoToken(_BUSY)
        after = None
        try:
            if credential == known or not _held(credential).is_good(time.time()):
                granted = await self._endpoint.ask(credential)
                credential = _renewed(credential, granted)
                after = before.model_copy(update={"credential": credential})
        finally:
            await self._renewals.release(subscription, after)
        return credential


def _renewed(credential: RefreshToken, granted: Granted) -> RefreshToken:
    """Give the credential for next time; the refresh token stays unless there is another.

    Raises NoToken for one that could not be read back: the sealed secrets would be lost for good.
    """
    end = None if granted.until is None else datetime.fromtimestamp(granted.until, UTC)
    change = {
        "accesstoken": granted.token,
        "accesstokenexpiresutc": end,
        "refreshtoken": granted.refresh or credential.refreshtoken,
    }
    try:
        return RefreshToken.model_validate({**credential.model_dump(), **change})
    except ValidationError:
        raise NoToken(Misconfigured(Reason.TOKEN)) from None  # the cause may hold a token


def _held(credential: AccessToken | RefreshToken) -> Held:
    end = credential.accesstokenexpiresutc
    return Held(f"Bearer {credential.accesstoken}", None if end is None else end.timestamp())
