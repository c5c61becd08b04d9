-- Which migrations this database has had (bus/store/migrate.py).

-- name: create_table
-- The record of what was applied, made by the first `bus migrate`.
CREATE TABLE IF NOT EXISTS migration (
    name       text PRIMARY KEY,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- name: table_exists
-- Says whether any migration was ever applied here.
SELECT to_regclass('migration') IS NOT NULL AS present;

-- name: applied
-- Every migration applied so far, in order.
SELECT name, checksum FROM migration ORDER BY name;

-- name: record
-- Notes one migration, in the transaction that applies it.
INSERT INTO migration (name, checksum) VALUES ($1, $2);

-- name: lock
-- Lets one process migrate at a time; ends with the connection. The number is "busmigra" in ASCII.
SELECT pg_advisory_lock(7094703701749101153);
