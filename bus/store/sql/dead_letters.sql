-- Dead letters as subscribers see and use them (bus/store/dead_letters.py). Whoever changes some holds the
-- streams of their partitions, so that no owner saves meanwhile.

-- name: page
-- The next dead letters of a subscription, in the order of burial; $2 to $7 choose among them.
SELECT
    id, topic, partition, event_offset AS offset, event_id, source, type, reason, last_outcome, attempts,
    first_at, last_at, buried_at, purged_at, former_log IS NOT NULL AS former
FROM dead_letter
WHERE subscription = $1 AND id > $8
    AND ($2::text IS NULL OR reason = $2)
    AND ($3::text IS NULL OR type = $3)
    AND ($4::text IS NULL OR source = $4)
    AND ($5::timestamptz IS NULL OR buried_at < $5)
    AND (topic, source) NOT IN (SELECT * FROM unnest($6::text[], $7::text[]))
ORDER BY id
LIMIT $9;

-- name: sources
-- The sources of the events of a subscription's dead letters.
SELECT DISTINCT topic, source FROM dead_letter WHERE subscription = $1 AND source IS NOT NULL;

-- name: get
-- One dead letter with its sealed copy.
SELECT
    id, topic, partition, event_offset AS offset, event_id, source, type, reason, last_outcome, attempts,
    first_at, last_at, buried_at, purged_at, former_log IS NOT NULL AS former, sealed
FROM dead_letter
WHERE subscription = $1 AND id = $2;

-- name: hold_streams
-- Keeps the owners of all partitions with dead letters of a subscription from saving, until the commit.
SELECT FROM stream
WHERE (topic, partition) IN (SELECT topic, partition FROM dead_letter WHERE subscription = $1)
ORDER BY topic, partition
FOR NO KEY UPDATE;

-- name: hold_subscription
-- Keeps a subscription from deletion; no row: it is not there.
SELECT true AS held FROM subscription WHERE id = $1 FOR KEY SHARE;

-- name: judge
-- Which dead letters are there, and what keeps them from being redriven or purged.
SELECT
    id,
    purged_at IS NOT NULL AS purged,
    former_log IS NOT NULL AS former,
    former_log IS NULL AND (topic, partition, event_offset) IN (
        SELECT topic, partition, unnest(offsets) FROM command
        WHERE command.subscription = $1 AND kind = 'redrive'
    ) AS redriving
FROM dead_letter
WHERE subscription = $1 AND id = ANY($2);

-- name: redrive
-- Asks the owners for the chosen dead letters, in their order, so many ($9) or heavy ($10) ones at a time; those of
-- a log that is gone are counted alone.
WITH chosen AS (
    SELECT
        topic, partition, event_offset,
        (row_number() OVER lane - 1) / $9 AS part,
        sum(octet_length(sealed)) OVER lane / $10 AS heap
    FROM dead_letter
    WHERE subscription = $1 AND purged_at IS NULL AND former_log IS NULL
        AND ($2::text IS NULL OR reason = $2)
        AND ($3::text IS NULL OR type = $3)
        AND ($4::text IS NULL OR source = $4)
        AND ($5::timestamptz IS NULL OR buried_at < $5)
        AND (topic, source) NOT IN (SELECT * FROM unnest($6::text[], $7::text[]))
        AND ($8::bigint[] IS NULL OR id = ANY($8))
        AND (topic, partition, event_offset) NOT IN (
            SELECT topic, partition, unnest(offsets) FROM command
            WHERE command.subscription = $1 AND kind = 'redrive'
        )
    WINDOW lane AS (PARTITION BY topic, partition ORDER BY event_offset)
), asked AS (
    INSERT INTO command (subscription, topic, partition, kind, offsets)
    SELECT $1, topic, partition, 'redrive', array_agg(event_offset ORDER BY event_offset)
    FROM chosen
    GROUP BY topic, partition, part, heap
    ORDER BY topic, partition, part, heap
    RETURNING cardinality(offsets) AS many
)
SELECT
    (SELECT coalesce(sum(many), 0)::bigint FROM asked) AS many,
    (
        SELECT count(*)
        FROM dead_letter
        WHERE subscription = $1 AND purged_at IS NULL AND former_log IS NOT NULL
            AND ($2::text IS NULL OR reason = $2)
            AND ($3::text IS NULL OR type = $3)
            AND ($4::text IS NULL OR source = $4)
            AND ($5::timestamptz IS NULL OR buried_at < $5)
            AND (topic, source) NOT IN (SELECT * FROM unnest($6::text[], $7::text[]))
            AND ($8::bigint[] IS NULL OR id = ANY($8))
    ) AS former;

-- name: purge
-- Forgets all that came from the events of the chosen dead letters, of at most so many ($9).
WITH chosen AS (
    SELECT id
    FROM dead_letter
    WHERE subscription = $1 AND purged_at IS NULL
        AND ($2::text IS NULL OR reason = $2)
        AND ($3::text IS NULL OR type = $3)
        AND ($4::text IS NULL OR source = $4)
        AND ($5::timestamptz IS NULL OR buried_at < $5)
        AND (topic, source) NOT IN (SELECT * FROM unnest($6::text[], $7::text[]))
        AND ($8::bigint[] IS NULL OR id = ANY($8))
        AND (former_log IS NOT NULL OR (topic, partition, event_offset) NOT IN (
            SELECT topic, partition, unnest(offsets) FROM command
            WHERE command.subscription = $1 AND kind = 'redrive'
        ))
    ORDER BY id
    LIMIT $9
), purged AS (
    UPDATE dead_letter
    SET event_id = NULL, source = NULL, type = NULL, key_digest = NULL, sealed = NULL,
        purged_at = now()
    FROM chosen
    WHERE dead_letter.id = chosen.id
    RETURNING dead_letter.id
)
SELECT count(*) AS many FROM purged;
