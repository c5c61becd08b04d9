-- Domains and the streams that come with them (bus/store/domains.py).

-- name: all
-- Every domain there is.
SELECT name, topic, organisation, key_attribute, retention_days, partitions, description,
       unknown_types
FROM domain
ORDER BY name;

-- name: insert
-- A new domain; a name or a topic that is taken is refused.
INSERT INTO domain
    (name, topic, organisation, key_attribute, retention_days, partitions, description,
     unknown_types)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: insert_streams
-- One stream per partition of a new topic, from its first event on, with all changes up to now in it.
INSERT INTO stream (topic, partition, next_offset, revision)
SELECT $1, number, 0, $3 FROM generate_series(0, $2::integer - 1) AS number;
