"""POST /v1/subscriptions/{id}/_rotate-secret: another secret, with a while in which both sign."""

import time
from datetime import UTC, datetime

from bus.api.call import Answer, Call
from bus.api.problem import Problem
from bus.api.subscriptions import Version, own, shown_anew, store
from bus.store.stored import ListedSubscription
from bus.subscription import (
    MOST_KEYS,
    Signing,
    SigningKey,
    parse_rotation,
    read_keys,
    rotate,
    write_keys,
)


async def rotate_secret(call: Call) -> Answer:
    """Replace the secret that signs. A secret that the bus made is shown here only."""
    body = await call.json_body("application/json")
    wish = parse_rotation(body, (await own(call)).subscription.signing.scheme)
    secret, now = wish.key(), time.time()
    until = datetime.fromtimestamp(now + wish.grace, UTC) if wish.grace else None
    signing = Signing.by(secret, previous_until=until)

    def rotated(sealed: bytes | None) -> bytes:
        keys = rotate(read_keys(sealed or b""), secret, grace=wish.grace, now=now)
        return write_keys(_few(keys))

    async def with_another(listed: ListedSubscription) -> Version:
        changed = listed.subscription.model_copy(update={"signing": signing})
        return Version(changed, signing=rotated)

    return shown_anew(await store(call, with_another), secret=wish.to_show(secret))


def _few(keys: list[SigningKey]) -> list[SigningKey]:
    if len(keys) > MOST_KEYS:
        detail = f"{MOST_KEYS} secrets sign already: wait for a grace period to end, or give 0."
        raise Problem(409, "too-many-secrets", detail)
    return keys
