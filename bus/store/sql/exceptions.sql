-- The exceptions to normal delivery, as a partition's owner writes and reads them
-- (bus/store/exceptions.py, where the order of locks is written down too).

-- name: hold_subscriptions
-- Keeps from deletion whoever the rest of the transaction is about.
SELECT FROM subscription WHERE id = ANY($1) ORDER BY id FOR KEY SHARE;

-- name: hold_everybody
-- Keeps from deletion whoever has anything on a partition.
SELECT FROM subscription
WHERE id IN (
    SELECT subscription FROM position WHERE topic = $1 AND partition = $2
    UNION SELECT subscription FROM parked WHERE topic = $1 AND partition = $2
    UNION SELECT subscription FROM dead_letter WHERE topic = $1 AND partition = $2
)
ORDER BY id
FOR KEY SHARE;

-- name: leave_positions
-- Ends all that is left of positions in a log that is gone, and notes that. One that was made since then may
-- lie in the log that is there now: it gets what is in that before it, and misses nothing.
WITH ended AS (
    DELETE FROM position
    WHERE topic = $1 AND partition = $2
    RETURNING subscription, coalesce(least(next_offset, open[1]), 0) AS lowest, next_offset
)
INSERT INTO gap (subscription, topic, partition, from_offset, until_offset, reason)
SELECT subscription, $1, $2, lowest, next_offset, 'recreated' FROM ended
ON CONFLICT DO NOTHING;

-- name: leave_letters
-- Has dead letters belong to a log that is gone ($3): their offsets mean something else now.
UPDATE dead_letter
SET former_log = $3, settles = false
WHERE topic = $1 AND partition = $2 AND former_log IS NULL;

-- name: leave_parked
-- Gives up whatever still waits beside positions of a log that is gone ($3): copies that its owner could not
-- read are kept as they are, for who can.
WITH ended AS (
    DELETE FROM parked
    WHERE topic = $1 AND partition = $2
    RETURNING subscription, event_offset, key_digest, sealed, attempts, first_at, last_outcome
)
INSERT INTO dead_letter (
    subscription, topic, partition, event_offset, key_digest, sealed, attempts, first_at, last_outcome,
    reason, settles, former_log
)
SELECT
    subscription, $1, $2, event_offset, key_digest, sealed, attempts, first_at, last_outcome,
    'recreated', false, $3
FROM ended
ORDER BY event_offset
ON CONFLICT DO NOTHING;

-- name: unpark
-- Forgets events that no longer wait.
DELETE FROM parked
USING unnest($3::uuid[], $4::bigint[]) AS one (subscription, event_offset)
WHERE parked.subscription = one.subscription AND parked.topic = $1 AND parked.partition = $2
    AND parked.event_offset = one.event_offset;

-- name: park
-- Keeps events that wait, as they stand now; those of a deleted subscription are left out.
INSERT INTO parked (
    subscription, topic, partition, event_offset,
    key_digest, sealed, attempts, first_at, due_at, last_outcome
)
SELECT
    one.subscription, $1, $2, one.event_offset,
    one.key_digest, one.sealed, one.attempts, one.first_at, one.due_at, one.last_outcome
FROM unnest(
    $3::uuid[], $4::bigint[], $5::integer[], $6::timestamptz[], $7::timestamptz[], $8::text[],
    $9::bytea[], $10::bytea[]
) AS one (
    subscription, event_offset, attempts, first_at, due_at, last_outcome, key_digest, sealed
)
JOIN subscription ON subscription.id = one.subscription
ON CONFLICT (subscription, topic, partition, event_offset) DO UPDATE
SET key_digest = excluded.key_digest,
    sealed = excluded.sealed,
    attempts = excluded.attempts,
    first_at = excluded.first_at,
    due_at = excluded.due_at,
    last_outcome = excluded.last_outcome;

-- name: redrive
-- Forgets dead letters that are parked again.
DELETE FROM dead_letter
USING unnest($3::uuid[], $4::bigint[]) AS one (subscription, event_offset)
WHERE dead_letter.subscription = one.subscription
    AND dead_letter.topic = $1 AND dead_letter.partition = $2
    AND dead_letter.event_offset = one.event_offset
    AND dead_letter.former_log IS NULL;

-- name: unsettle
-- Lets the dead letters of subscriptions that replay settle nothing any more.
UPDATE dead_letter
SET settles = false
WHERE subscription = ANY($3) AND topic = $1 AND partition = $2 AND settles;

-- name: bury
-- Keeps events that are given up, numbered in their order; one that was before, and was replayed since,
-- anew. Those of a log that is gone ($15) settle nothing: their offsets mean something else now.
INSERT INTO dead_letter (
    subscription, topic, partition, event_offset, event_id, source, type,
    reason, last_outcome, attempts, first_at, last_at, key_digest, sealed, settles, former_log
)
SELECT
    one.subscription, $1, $2, one.event_offset, one.event_id, one.source, one.type,
    one.reason, one.last_outcome, one.attempts, one.first_at, one.last_at,
    one.key_digest, one.sealed, $15::uuid IS NULL, $15
FROM unnest(
    $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::integer[], $11::timestamptz[], $12::timestamptz[],
    $13::bytea[], $14::bytea[]
) AS one (
    subscription, event_offset, event_id, source, type,
    reason, last_outcome, attempts, first_at, last_at, key_digest, sealed
)
JOIN subscription ON subscription.id = one.subscription
ORDER BY one.event_offset
ON CONFLICT (subscription, topic, partition, event_offset, former_log) DO UPDATE
SET event_id = excluded.event_id,
    source = excluded.source,
    type = excluded.type,
    reason = excluded.reason,
    last_outcome = excluded.last_outcome,
    attempts = excluded.attempts,
    first_at = excluded.first_at,
    last_at = excluded.last_at,
    key_digest = excluded.key_digest,
    sealed = excluded.sealed,
    settles = excluded.settles,
    buried_at = now(),
    purged_at = NULL;

-- name: keep_invalid
-- Keeps records that are no events, once.
INSERT INTO invalid_record (topic, partition, event_offset, reason, sealed)
SELECT $1, $2, one.event_offset, one.reason, one.sealed
FROM unnest($3::bigint[], $4::text[], $5::bytea[]) AS one (event_offset, reason, sealed)
ON CONFLICT DO NOTHING;

-- name: note_gaps
-- Notes what the log lost before somebody had it, once.
INSERT INTO gap (subscription, topic, partition, from_offset, until_offset, reason)
SELECT one.subscription, $1, $2, one.from_offset, one.until_offset, one.reason
FROM unnest($3::uuid[], $4::bigint[], $5::bigint[], $6::text[])
    AS one (subscription, from_offset, until_offset, reason)
JOIN subscription ON subscription.id = one.subscription
ON CONFLICT DO NOTHING;

-- name: recover
-- Forgets that sinks fail: one has answered well, or is not asked here any more.
DELETE FROM failing WHERE topic = $1 AND partition = $2 AND subscription = ANY($3);

-- name: fail
-- Notes since when sinks have only failed.
INSERT INTO failing (subscription, topic, partition, since)
SELECT one.subscription, $1, $2, one.since
FROM unnest($3::uuid[], $4::timestamptz[]) AS one (subscription, since)
JOIN subscription ON subscription.id = one.subscription
ON CONFLICT (subscription, topic, partition) DO UPDATE SET since = excluded.since;

-- name: failing
-- Since when sinks have only failed, as the last owner knew it.
SELECT subscription, since FROM failing WHERE topic = $1 AND partition = $2;

-- name: done
-- Forgets commands that are carried out.
DELETE FROM command WHERE id = ANY($3) AND topic = $1 AND partition = $2;

-- name: note_attempts
-- Notes attempts, once: a save whose answer was lost is written again. OFFSET 0 has each looked up by
-- its event, in the table of its day, whatever the planner guesses.
INSERT INTO attempt (
    subscription, topic, partition, event_offset, event_id, source, type, attempt, outcome, at
)
SELECT
    one.subscription, $1, $2, one.event_offset, one.event_id, one.source, one.type,
    one.attempt, one.outcome, one.at
FROM unnest(
    $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::text[],
    $8::integer[], $9::text[], $10::timestamptz[]
) AS one (subscription, event_offset, event_id, source, type, attempt, outcome, at)
JOIN subscription ON subscription.id = one.subscription
WHERE NOT EXISTS (
    SELECT FROM attempt
    WHERE attempt.topic = $1 AND attempt.partition = $2
        AND attempt.event_offset = one.event_offset AND attempt.at = one.at
        AND attempt.subscription = one.subscription AND attempt.attempt = one.attempt
    OFFSET 0
);

-- name: parked
-- All parked events of one partition, each lane in its order.
SELECT subscription, event_offset, sealed, attempts, first_at, due_at, last_outcome
FROM parked
WHERE topic = $1 AND partition = $2
ORDER BY subscription, event_offset;

-- name: dead
-- The dead letters that settle an offset which is still to be read, or open. $3 is the stream's
-- position, $4 the lowest of all.
SELECT dead_letter.subscription, dead_letter.event_offset
FROM dead_letter
LEFT JOIN position USING (subscription, topic, partition)
WHERE dead_letter.topic = $1 AND dead_letter.partition = $2 AND dead_letter.settles
    AND dead_letter.event_offset >= $4
    AND dead_letter.event_offset >= least($3, position.next_offset, position.open[1]);

-- name: commands
-- What is asked of the owner of a partition, in order, of each subscription so many of a kind ($4) at a
-- time. No row: fenced off. One without an id: nothing.
WITH fence AS (
    SELECT true
    FROM stream
    WHERE topic = $1 AND partition = $2 AND epoch = $3
    FOR SHARE
), asked AS (
    SELECT *, row_number() OVER (PARTITION BY subscription, kind ORDER BY id) AS turn
    FROM command
    WHERE topic = $1 AND partition = $2
)
SELECT asked.id, subscription, kind, from_offset, until_offset, offsets
FROM fence
LEFT JOIN asked ON turn <= $4
ORDER BY asked.id;

-- name: letters
-- Dead letters as they are to be parked, but for those that have been purged, or whose log is gone since.
SELECT
    dead_letter.subscription, dead_letter.event_offset, sealed,
    0 AS attempts, null::timestamptz AS first_at, null::timestamptz AS due_at, null AS last_outcome
FROM dead_letter
JOIN unnest($3::uuid[], $4::bigint[]) AS one (subscription, event_offset)
    ON dead_letter.subscription = one.subscription
    AND dead_letter.event_offset = one.event_offset
WHERE topic = $1 AND partition = $2 AND purged_at IS NULL AND former_log IS NULL;
