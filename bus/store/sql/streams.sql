-- The engine's own: streams, positions, and the changes that it follows (design §4).

-- name: take
-- Makes the caller the owner of a partition: every earlier epoch is fenced off from here on.
UPDATE stream
SET epoch = epoch + 1, saves = 0, owner = $3
WHERE topic = $1 AND partition = $2
RETURNING epoch, next_offset, revision, topic_id;

-- name: positions
-- All rows of one partition; after `take` in its transaction, and so after the last save that counted.
SELECT
    subscription, next_offset, open, failing_since, last_outcome, replay_until, replay_resume
FROM position
WHERE topic = $1 AND partition = $2;

-- name: save
-- Writes a partition's progress: all of it, or nothing when the epoch or the save's number is stale.
-- A row whose subscription is gone is left out; the lock on the others keeps them until we commit.
WITH fence AS (
    UPDATE stream
    SET next_offset = $4, revision = $5, saves = $6, topic_id = coalesce($7, topic_id),
        saved_at = now()
    WHERE topic = $1 AND partition = $2 AND epoch = $3 AND saves < $6
    RETURNING true
), progressed AS (
    INSERT INTO progress (topic, partition, next_offset)
    SELECT $1, $2, $4 FROM fence WHERE $8
    ON CONFLICT DO NOTHING
), living AS (
    SELECT one.*
    FROM unnest(
        $9::uuid[], $10::bigint[], $11::text[], $12::timestamptz[], $13::text[],
        $14::bigint[], $15::bigint[]
    ) AS one (
        subscription, next_offset, open, failing_since, last_outcome, replay_until, replay_resume
    )
    JOIN subscription ON subscription.id = one.subscription
    WHERE EXISTS (SELECT FROM fence)
    FOR KEY SHARE OF subscription
), written AS (
    INSERT INTO position (
        subscription, topic, partition, next_offset, open, failing_since, last_outcome,
        replay_until, replay_resume
    )
    SELECT
        subscription, $1, $2, next_offset, open::bigint[], failing_since, last_outcome,
        replay_until, replay_resume
    FROM living
    ON CONFLICT (subscription, topic, partition) DO UPDATE
    SET next_offset = excluded.next_offset,
        open = excluded.open,
        failing_since = excluded.failing_since,
        last_outcome = excluded.last_outcome,
        replay_until = excluded.replay_until,
        replay_resume = excluded.replay_resume,
        saved_at = now()
), removed AS (
    DELETE FROM position
    USING unnest($16::uuid[]) AS one (subscription)
    WHERE position.subscription = one.subscription
        AND position.topic = $1 AND position.partition = $2
        AND EXISTS (SELECT FROM fence)
)
SELECT EXISTS (SELECT FROM fence) AS held;

-- name: changes
-- What changed after a revision, and the counter now, in one snapshot. No row: fenced off. One row
-- without a subscription: nothing changed. Written so that few changes among many subscriptions
-- are looked up one by one, whatever the planner guesses: range, subqueries and OFFSET 0 see to it.
WITH fence AS (
    SELECT true
    FROM stream
    WHERE topic = $1 AND partition = $2 AND epoch = $3
    FOR SHARE
), newest AS (
    SELECT DISTINCT ON (subscription) revision, subscription, organisation, body, state
    FROM subscription_revision
    WHERE revision > $4 AND revision <= (SELECT value FROM revision)
        AND EXISTS (SELECT FROM fence)
    ORDER BY subscription, revision DESC
)
SELECT
    (SELECT value FROM revision) AS now,
    newest.*,
    (
        SELECT sealed FROM subscription_secret
        WHERE subscription_secret.subscription = newest.subscription AND kind = 'signing'
    ) AS signing,
    (
        SELECT sealed FROM subscription_secret
        WHERE subscription_secret.subscription = newest.subscription AND kind = 'sinkcredential'
    ) AS credential,
    here.*
FROM fence
LEFT JOIN newest ON true
LEFT JOIN LATERAL (
    SELECT next_offset, open, failing_since, last_outcome, replay_until, replay_resume
    FROM position
    WHERE position.subscription = newest.subscription
        AND position.topic = $1 AND position.partition = $2
    OFFSET 0
) AS here ON true
ORDER BY newest.revision;

-- name: subscriptions_at
-- The version of every living subscription that was valid at a revision.
SELECT
    version.revision,
    subscription.id AS subscription,
    subscription.organisation,
    version.body,
    version.state,
    signing.sealed AS signing,
    credential.sealed AS credential
FROM subscription
CROSS JOIN LATERAL (
    SELECT revision, body, state
    FROM subscription_revision
    WHERE subscription_revision.subscription = subscription.id AND revision <= $1
    ORDER BY revision DESC
    LIMIT 1
) AS version
JOIN subscription_secret AS signing
    ON signing.subscription = subscription.id AND signing.kind = 'signing'
LEFT JOIN subscription_secret AS credential
    ON credential.subscription = subscription.id AND credential.kind = 'sinkcredential';

-- name: hold
-- Keeps a partition from everybody else until the commit; no row: fenced off.
SELECT true AS held
FROM stream
WHERE topic = $1 AND partition = $2 AND epoch = $3
FOR NO KEY UPDATE;

-- name: disable
-- A new version of a subscription in which it is disabled, unless it is not active, not there, or no
-- longer the version whose sink is meant ($4).
WITH changed AS (
    UPDATE subscription
    SET state = 'disabled', state_reason = $2, state_since = clock_timestamp(), revision = $3
    WHERE id = $1 AND state = 'active' AND revision = $4
    RETURNING id, organisation, revision, body, state
), versioned AS (
    INSERT INTO subscription_revision (revision, subscription, organisation, body, state)
    SELECT revision, id, organisation, body, state FROM changed
)
SELECT id FROM changed;

-- name: lags
-- How far the streams of some topics are, as last saved.
SELECT topic, partition, next_offset, revision, epoch, owner, saved_at
FROM stream
WHERE topic = ANY($1)
ORDER BY topic, partition;
