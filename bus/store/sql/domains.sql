-- Domains and the streams that come with them (bus/store/domains.py).

-- name: all
-- Every domain there is.
SELECT name, topic, organisation, key_attribute, retention_days, partitions, description,
       unknown_types, profile, revision, created_at,
       (SELECT max(at) FROM domain_revision WHERE domain = name) AS changed_at
FROM domain
ORDER BY name;

-- name: insert
-- A new domain; a name or a topic that is taken is refused.
INSERT INTO domain
    (name, topic, organisation, key_attribute, retention_days, partitions, description,
     unknown_types, profile, revision)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: change
-- Other terms for a domain that is still at the revision that the change was made on.
UPDATE domain
SET description = $2, retention_days = $3, unknown_types = $4, profile = $5, revision = $6
WHERE name = $1 AND revision = $7
RETURNING name;

-- name: record
-- The terms of a domain as they are from this revision on, and who made them so.
INSERT INTO domain_revision
    (revision, domain, organisation, description, retention_days, unknown_types, profile)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: history
-- The versions of a domain's terms, the newest first.
SELECT revision, organisation, description, retention_days, unknown_types, profile, at
FROM domain_revision
WHERE domain = $1
ORDER BY revision DESC;

-- name: insert_streams
-- One stream per partition of a new topic, from its first event on, with all changes up to now in it.
INSERT INTO stream (topic, partition, next_offset, revision)
SELECT $1, number, 0, $3 FROM generate_series(0, $2::integer - 1) AS number;
