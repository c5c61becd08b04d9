-- Tokens, known by their digest only (bus/store/credentials.py).

-- name: put
-- A token of an organisation; one that is there already gets these roles, label and end.
INSERT INTO credential (organisation, token_digest, roles, label, expires_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (token_digest) DO UPDATE
SET organisation = excluded.organisation,
    roles = excluded.roles,
    label = excluded.label,
    expires_at = excluded.expires_at;

-- name: find
-- What a token allows, and whether its time is over by the clock of Postgres.
SELECT organisation, roles, expires_at, coalesce(expires_at <= now(), false) AS expired
FROM credential
WHERE token_digest = $1;

-- name: list
-- Every token but the token itself, the oldest first.
SELECT id, organisation, roles, label, created_at, expires_at
FROM credential
ORDER BY created_at, id;

-- name: revoke
-- Ends a token; no row: it is not there.
DELETE FROM credential WHERE id = $1 RETURNING label;
