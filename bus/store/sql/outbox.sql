-- The outbox in the database of a register, made by producers/outbox/install.sql (bus/store/outbox.py).

-- name: prepare
-- What a relay asks of its connection: that Postgres notices within half a minute that the relay is gone
-- (the lock of a dead one is released only then), and that batches are read along the index.
SELECT set_config('tcp_keepalives_idle', '15', false), set_config('tcp_keepalives_interval', '5', false),
    set_config('tcp_keepalives_count', '3', false), set_config('enable_sort', 'off', false);

-- name: lock
-- Makes this connection the only relay of the outbox, if no other one is. The number is "outboxes" in
-- ASCII. Not the waiting form: a statement that waits keeps vacuum from all that it might still see.
SELECT pg_try_advisory_lock(8031453476610925939) AS taken;

-- name: take
-- The first rows by id: at most $1 of them, and no more once $2 bytes of data are reached. All are text, for
-- that is what an event holds. An id that becomes visible later is taken later, there is no cursor. Data of
-- more than $3 bytes stays where it is: the log cannot take it, and reading it would be a burden.
SELECT id, event_id::text AS event_id, source, type, partitionkey, subject, dataref,
    coalesce(to_char("time" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '') AS "time",
    datacontenttype, CASE WHEN octet_length(data) <= $3 THEN data END AS data,
    coalesce(octet_length(data) > $3, false) AS too_large,
    CASE WHEN extensions <> '{}' THEN extensions::text END AS extensions
FROM (
    SELECT *, coalesce(sum(octet_length(data)) OVER (
        ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS bytes_before
    FROM gemeentebus.outbox
    ORDER BY id
    LIMIT $1
) AS first_rows
WHERE bytes_before < $2;

-- name: settle
-- Deletes what the log has ($1), and moves what can never be published ($2) to where it is kept with the
-- reason ($3): all of it or nothing.
WITH refused AS (
    SELECT id, reason FROM unnest($2::bigint[], $3::text[]) AS refused (id, reason)
), kept AS (
    INSERT INTO gemeentebus.outbox_rejected (event_id, type, source, partitionkey, subject, dataref,
        "time", datacontenttype, data, extensions, created_at, reason)
    SELECT event_id, type, source, partitionkey, subject, dataref,
        "time", datacontenttype, data, extensions, created_at, reason
    FROM gemeentebus.outbox JOIN refused USING (id)
    ORDER BY id
)
DELETE FROM gemeentebus.outbox WHERE id = ANY ($1::bigint[] || $2::bigint[]);

-- name: backlog
-- How many rows wait, counted up to $1, and the seconds that the first of them has waited.
SELECT count(*) AS waiting, coalesce((
        SELECT extract(epoch FROM clock_timestamp() - created_at)::float8
        FROM gemeentebus.outbox ORDER BY id LIMIT 1
    ), 0) AS seconds
FROM (SELECT FROM gemeentebus.outbox LIMIT $1) AS counted;

-- name: watch
-- Tells the changes of a table, in the way that install.sql describes.
SELECT gemeentebus.watch($1::text::regclass, source => $2, type_prefix => $3, dataref => $4,
    operations => $5::text[], columns => $6::text[], verbs => $7::text[]);

-- name: unwatch
-- Ends that; false when the table was not watched.
SELECT gemeentebus.unwatch($1::text::regclass) AS ended;

-- name: watches
-- Every watched table.
SELECT relation, source, type_prefix, dataref, operations, columns, verbs, state
FROM gemeentebus.watches
ORDER BY relation;

-- name: rejected
-- The newest rows that could not be published, without what may hold personal data.
SELECT id, event_id::text AS event_id, source, type, reason, rejected_at
FROM gemeentebus.outbox_rejected
ORDER BY id DESC
LIMIT $1;

-- name: requeue
-- Puts rejected rows back into the outbox: those of $1, or (null) all.
SELECT gemeentebus.requeue($1::bigint[]) AS count;
