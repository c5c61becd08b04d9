-- What the bus need not keep for ever (bus/store/housekeeping.py). Rows go in batches: no statement is long.

-- name: patience
-- Rather fail than wait for a table, for whoever writes to it would wait behind us.
SET LOCAL lock_timeout = '1s';

-- name: days_to_make
-- Statements that make the partitions of coming days. Never of today: the default one may have rows of it.
SELECT format('CREATE TABLE %I PARTITION OF attempt FOR VALUES FROM (%L) TO (%L)', 'attempt_' || to_char(day, 'YYYYMMDD'),
    day AT TIME ZONE 'UTC', (day + interval '1 day') AT TIME ZONE 'UTC') AS statement
FROM (
    SELECT date_trunc('day', now() AT TIME ZONE 'UTC') + make_interval(days => ahead) AS day
    FROM generate_series(1, $1::integer) AS ahead
) AS coming
WHERE to_regclass('attempt_' || to_char(day, 'YYYYMMDD')) IS NULL
ORDER BY day;

-- name: days_to_drop
-- Statements that drop the partitions of days that ended more than $1 days ago.
SELECT relname AS name, format('DROP TABLE %I', relname) AS statement
FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = 'attempt'::regclass AND relname ~ '^attempt_[0-9]{8}$'
    AND to_date(right(relname, 8), 'YYYYMMDD') < (now() AT TIME ZONE 'UTC')::date - $1::integer
ORDER BY relname;

-- name: attempts
-- Attempts of days without a partition, $1 days later.
WITH gone AS (
    DELETE FROM attempt_default WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM attempt_default WHERE at < now() - make_interval(days => $1) LIMIT $2
    ))
    RETURNING true
)
SELECT count(*) FROM gone;

-- name: dead_letters
-- Dead letters of more than $1 days. One that still settles an offset at or after its position keeps its place
-- until that has passed it, or the event would be delivered after all; what came from the event goes. One whose
-- redrive was asked for waits for that.
WITH old AS (
    SELECT dead_letter.id, needed
    FROM dead_letter, LATERAL (
        SELECT settles AND event_offset >= coalesce((
            SELECT least(next_offset, open[1]) FROM position
            WHERE position.subscription = dead_letter.subscription
                AND position.topic = dead_letter.topic AND position.partition = dead_letter.partition
        ), (
            SELECT next_offset FROM stream
            WHERE stream.topic = dead_letter.topic AND stream.partition = dead_letter.partition
        ), 0) AS needed
    ) AS use
    WHERE buried_at < now() - make_interval(days => $1) AND NOT (needed AND purged_at IS NOT NULL)
        AND NOT EXISTS (
            SELECT FROM command
            WHERE command.subscription = dead_letter.subscription
                AND command.topic = dead_letter.topic AND command.partition = dead_letter.partition
                AND event_offset = ANY (offsets) AND dead_letter.former_log IS NULL
        )
    ORDER BY buried_at
    LIMIT $2
    FOR UPDATE OF dead_letter SKIP LOCKED
), purged AS (
    UPDATE dead_letter
    SET event_id = NULL, source = NULL, type = NULL, key_digest = NULL, sealed = NULL, purged_at = now()
    FROM old WHERE dead_letter.id = old.id AND needed
), gone AS (
    DELETE FROM dead_letter USING old WHERE dead_letter.id = old.id AND NOT needed
)
SELECT count(*) FROM old;

-- name: invalid_records
-- Records that are no event, $1 days after they were found.
WITH gone AS (
    DELETE FROM invalid_record WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM invalid_record WHERE found_at < now() - make_interval(days => $1) LIMIT $2
    ))
    RETURNING true
)
SELECT count(*) FROM gone;

-- name: progress
-- Where streams were at a time of which the log has nothing left: a day after its retention, for what Kafka
-- keeps a little longer.
WITH gone AS (
    DELETE FROM progress WHERE ctid = ANY (ARRAY(
        SELECT old.ctid
        FROM stream JOIN domain USING (topic) CROSS JOIN LATERAL (
            SELECT ctid FROM progress
            WHERE progress.topic = stream.topic AND progress.partition = stream.partition
                AND at < now() - make_interval(days => domain.retention_days + 1)
            LIMIT $1
        ) AS old
        LIMIT $1
    ))
    RETURNING true
)
SELECT count(*) FROM gone;
