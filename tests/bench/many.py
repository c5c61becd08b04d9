"""Thousands of subscriptions at once, as the API would have made them one by one."""

import base64
import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from bus.store.database import Database
from bus.store.secrets import Sealer
from bus.subscription import Subscription, new_signing_secret
from tests.cluster import OIN, Cluster

PATIENCE = 60.0

_SQL = """
WITH numbered AS (
    UPDATE revision SET value = value + cardinality($1::uuid[]) RETURNING value
), given AS (
    SELECT one.id, one.body, one.sealed, value - cardinality($1) + one.number AS revision
    FROM numbered, unnest($1, $2::text[], $3::bytea[]) WITH ORDINALITY
        AS one (id, body, sealed, number)
), subscribed AS (
    INSERT INTO subscription (id, organisation, revision, body)
    SELECT id, $4, revision, body::jsonb FROM given
    RETURNING id
), versioned AS (
    INSERT INTO subscription_revision (revision, subscription, organisation, body)
    SELECT revision, id, $4, body::jsonb FROM given
)
INSERT INTO subscription_secret (subscription, kind, sealed)
SELECT id, 'signing', sealed FROM given JOIN subscribed USING (id)
"""


async def subscribe(cluster: Cluster, wishes: Sequence[dict[str, Any]]) -> None:
    """Make these subscriptions in one transaction; they begin where the streams are."""
    sealer = Sealer(base64.b64decode(cluster.environment["BUS_SECRET_KEY"]))
    ids = [uuid4() for _ in wishes]
    bodies = [
        Subscription.from_json(
            json.dumps({"id": str(id_), "organisation": OIN, "protocol": "HTTP", **wish})
        ).to_json()
        for id_, wish in zip(ids, wishes, strict=True)
    ]
    sealed = [
        sealer.seal(new_signing_secret().encode(), subscription=id_, kind="signing") for id_ in ids
    ]
    url = cluster.environment["BUS_DATABASE_URL"]
    async with Database.open(url, application_name="bench", patience=PATIENCE) as database:
        await database.execute(_SQL, ids, bodies, sealed, OIN)
