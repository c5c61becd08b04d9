"""POST /v1/subscriptions/{id}/_verify: may the bus deliver, asked once more."""

from bus.api.call import Answer, Call
from bus.api.problem import Problem
from bus.api.subscriptions import Version, shown_anew, store
from bus.store.stored import ListedSubscription
from bus.subscription import SinkSecrets


async def verify(call: Call) -> Answer:
    """Ask the sink once more whether the bus may deliver; what it says is kept, whatever it is."""

    async def asked(listed: ListedSubscription) -> Version:
        before = listed.subscription
        if before.sink is None:
            raise Problem(409, "no-sink", "It has no sink that could be asked.")
        tls = SinkSecrets.from_bytes(await call.house.subscriptions.credential(listed.id)).tls
        consent = await call.house.consent.handshake.ask(
            before.sink, rate=before.delivery.rate, tls=tls
        )
        return Version(before.model_copy(update={"consent": consent}))

    return shown_anew(await store(call, asked))
