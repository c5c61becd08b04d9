-- What the bus has to tell of itself, on its way to the log (bus/store/notices.py).

-- name: write
-- Notices to be published; one that waits already is not written again.
INSERT INTO notice (id, type, organisation, subscription, data, at)
SELECT id, type, organisation, subscription, data, clock_timestamp()
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::jsonb[])
    AS one (id, type, organisation, subscription, data)
ON CONFLICT (id) DO NOTHING;

-- name: first
-- The oldest notices, which stay where they are.
SELECT id, type, organisation, subscription, data, at FROM notice ORDER BY at, id LIMIT $1;

-- name: delete
-- Forgets notices that the log has.
DELETE FROM notice WHERE id = ANY ($1);
