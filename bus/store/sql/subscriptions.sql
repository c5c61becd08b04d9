-- Subscriptions as the API keeps them (bus/store/subscriptions.py).

-- name: partitions
-- Every partition of some topics, or of all; to be read under the counter's lock.
SELECT topic, partition
FROM stream
WHERE $1::text[] IS NULL OR topic = ANY($1)
ORDER BY topic, partition;

-- name: insert
-- A new subscription whole: itself, its first version, its secrets, a position on each partition.
WITH moment AS MATERIALIZED (
    SELECT clock_timestamp() AS now
), subscribed AS (
    INSERT INTO subscription (id, organisation, revision, body, created_at, updated_at)
    SELECT $1, $2, $3, $4, now, now FROM moment
    RETURNING *
), versioned AS (
    INSERT INTO subscription_revision (revision, subscription, organisation, body)
    SELECT revision, id, organisation, body FROM subscribed
), sealed AS (
    INSERT INTO subscription_secret (subscription, kind, sealed)
    SELECT $1, kind, sealed FROM unnest($5::text[], $6::bytea[]) AS one (kind, sealed)
), placed AS (
    INSERT INTO position (subscription, topic, partition, next_offset)
    SELECT $1, topic, partition, next_offset
    FROM unnest($7::text[], $8::integer[], $9::bigint[]) AS one (topic, partition, next_offset)
)
SELECT * FROM subscribed;

-- name: get
-- One subscription; of one organisation if one is given.
SELECT
    id, organisation, revision, body, created_at, updated_at, state, state_reason, state_since
FROM subscription
WHERE id = $1 AND ($2::text IS NULL OR organisation = $2);

-- name: page
-- The next subscriptions of one organisation, oldest first.
SELECT
    id, organisation, revision, body, created_at, updated_at, state, state_reason, state_since
FROM subscription
WHERE organisation = $1 AND (created_at, id) > ($2, $3)
ORDER BY created_at, id
LIMIT $4;

-- name: page_of_all
-- The next subscriptions of everybody, oldest first.
SELECT
    id, organisation, revision, body, created_at, updated_at, state, state_reason, state_since
FROM subscription
WHERE (created_at, id) > ($1, $2)
ORDER BY created_at, id
LIMIT $3;

-- name: update
-- A new version of a subscription; no row: not there, or no longer at the revision that was expected.
WITH changed AS (
    UPDATE subscription
    SET body = $3, revision = $4, updated_at = clock_timestamp()
    WHERE id = $1 AND organisation = $2 AND ($5::bigint IS NULL OR revision = $5)
    RETURNING *
), versioned AS (
    INSERT INTO subscription_revision (revision, subscription, organisation, body, state)
    SELECT revision, id, organisation, body, state FROM changed
)
SELECT * FROM changed;

-- name: set_state
-- A new version in another state, its terms as they were; no row: not there, or in none of those ($4)
-- that it may come from.
WITH changed AS (
    UPDATE subscription
    SET state = $3, state_reason = NULL, state_since = clock_timestamp(), revision = $5
    WHERE id = $1 AND organisation = $2 AND state = ANY($4)
    RETURNING *
), versioned AS (
    INSERT INTO subscription_revision (revision, subscription, organisation, body, state)
    SELECT revision, id, organisation, body, state FROM changed
)
SELECT * FROM changed;

-- name: secret
-- A sealed secret, kept from changing until the commit.
SELECT sealed FROM subscription_secret WHERE subscription = $1 AND kind = $2 FOR UPDATE;

-- name: put_secret
-- Keeps a sealed secret in the place of the one before.
INSERT INTO subscription_secret (subscription, kind, sealed)
VALUES ($1, $2, $3)
ON CONFLICT (subscription, kind) DO UPDATE
SET sealed = excluded.sealed, created_at = now();

-- name: drop_secret
-- Forgets a secret.
DELETE FROM subscription_secret WHERE subscription = $1 AND kind = $2;

-- name: delete
-- Removes a subscription with its secrets and positions; its history gets an end and stays.
WITH gone AS (
    DELETE FROM subscription
    WHERE id = $1 AND ($3::text IS NULL OR organisation = $3)
    RETURNING id, organisation
), versioned AS (
    INSERT INTO subscription_revision (revision, subscription, organisation, body)
    SELECT $2, id, organisation, NULL FROM gone
)
SELECT id, organisation FROM gone;

-- name: status
-- Where the streams are, and where one subscription stands beside them.
SELECT
    stream.topic,
    stream.partition,
    stream.next_offset AS stream_offset,
    stream.saved_at,
    position.subscription,
    position.next_offset,
    position.open,
    position.failing_since,
    position.last_outcome,
    position.replay_until,
    position.replay_resume
FROM stream
LEFT JOIN position
    ON position.subscription = $1
    AND position.topic = stream.topic AND position.partition = stream.partition
WHERE $2::text[] IS NULL OR stream.topic = ANY($2)
ORDER BY stream.topic, stream.partition;
