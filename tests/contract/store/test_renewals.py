"""Refresh tokens that workers renew: one at a time, and nothing that was given is lost."""

import uuid

from bus.store.renewals import Renewals
from bus.subscription import SinkSecrets
from tests.contract.store.stores import Store, nowhere


def secrets(token: str) -> SinkSecrets:
    """Give a refresh token beside authorities of one's own."""
    credential = {
        "credentialtype": "REFRESHTOKEN",
        "accesstoken": "a",
        "refreshtoken": token,
        "refreshtokenendpoint": "https://tokens.example/",
    }
    return SinkSecrets.model_validate({"credential": credential, "tls": {}})


async def subscribed(store: Store) -> uuid.UUID:
    """Make a subscription with a refresh token."""
    made = await store.subscriptions.create(
        store.wanted(), secret=b"s", credential=secrets("first").to_bytes(), start=nowhere
    )
    return made.id


def workers(store: Store) -> tuple[Renewals, Renewals]:
    """Give the renewals of two workers."""
    return Renewals(store.database, store.sealer), Renewals(store.database, store.sealer)


async def test_a_turn_is_one_workers(store: Store) -> None:
    """Until it is released; then the next one finds what was kept."""
    one, two = workers(store)
    id_ = await subscribed(store)
    assert await one.claim(id_) == secrets("first")
    assert await two.claim(id_) is None
    await one.release(id_, secrets("second"))
    assert await two.claim(id_) == secrets("second")
    await two.release(id_, None)
    assert await one.claim(id_) == secrets("second")


async def test_a_turn_ends_by_itself(store: Store) -> None:
    """A worker that died in its turn holds up nobody for more than half a minute."""
    one, two = workers(store)
    id_ = await subscribed(store)
    await one.claim(id_)
    await store.database.execute(
        "UPDATE subscription_secret SET claimed_until = claimed_until - interval '31 seconds'"
        " WHERE subscription = $1",
        id_,
    )
    assert await two.claim(id_) == secrets("first")


async def test_what_the_subscriber_gave_meanwhile_stays(store: Store) -> None:
    """A renewal of the token before it is dropped; so is one of a subscription that is gone."""
    one, _ = workers(store)
    id_ = await subscribed(store)
    await one.claim(id_)
    listed = await store.subscriptions.get(id_)
    given = secrets("given")
    await store.subscriptions.update(listed.subscription, credential=lambda _: given.to_bytes())
    await one.release(id_, secrets("second"))
    assert await one.claim(id_) == given
    await store.subscriptions.delete(id_)
    await one.release(id_, secrets("third"))
    assert await one.claim(id_) is None
    assert await one.claim(uuid.uuid4()) is None
