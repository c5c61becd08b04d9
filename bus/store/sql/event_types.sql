-- Event types and the versions of their schemas (bus/store/event_types.py).

-- name: changed
-- Every type that was changed, or got a version, after a revision; without its versions.
SELECT type, domain, revision, description, time_meaning, information, schema_check, compatibility,
       documentation, deprecated_since, sunset, replaced_by, deprecation_reason, created_at, changed_at
FROM event_type
WHERE revision > $1
ORDER BY type;

-- name: schemas
-- All versions of some types, the oldest first.
SELECT type, version, schema, created_at
FROM event_schema
WHERE type = ANY($1)
ORDER BY type, version;

-- name: insert
-- A new type; one that is there already is refused.
INSERT INTO event_type
    (type, domain, revision, description, time_meaning, information, schema_check, compatibility,
     documentation, deprecated_since, sunset, replaced_by, deprecation_reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: replace
-- Says anew what a type is, unless it has changed since; its domain stays.
UPDATE event_type
SET revision = $3, description = $4, time_meaning = $5, information = $6, schema_check = $7,
    compatibility = $8, documentation = $9, deprecated_since = $10, sunset = $11, replaced_by = $12,
    deprecation_reason = $13, changed_at = now()
WHERE type = $1 AND revision = $2;

-- name: touch
-- Numbers the change that a new version is, unless the type has changed since.
UPDATE event_type SET revision = $3, changed_at = now() WHERE type = $1 AND revision = $2;

-- name: insert_schema
-- A new version.
INSERT INTO event_schema (type, version, schema) VALUES ($1, $2, $3);
