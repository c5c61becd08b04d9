-- Who owns which sources, and who may read what of others (bus/store/organisations.py).

-- name: ensure_organisation
-- An organisation with this name, whether it was there or not.
INSERT INTO organisation (oin, name) VALUES ($1, $2)
ON CONFLICT (oin) DO UPDATE SET name = excluded.name WHERE organisation.name <> excluded.name;

-- name: add_organisation
-- An organisation that somebody else may name.
INSERT INTO organisation (oin, name) VALUES ($1, $1) ON CONFLICT (oin) DO NOTHING;

-- name: all
-- Every organisation there is.
SELECT oin, name FROM organisation ORDER BY oin;

-- name: add_source
-- Gives a source prefix to an organisation, unless it has an owner; a change of access gets a number.
WITH added AS (
    INSERT INTO source (prefix, organisation) VALUES ($1, $2)
    ON CONFLICT (prefix) DO NOTHING
    RETURNING prefix
)
UPDATE revision SET value = value + 1 WHERE EXISTS (SELECT FROM added);

-- name: owner
-- Whose a source prefix is.
SELECT organisation FROM source WHERE prefix = $1;

-- name: grant
-- Lets an organisation read a source prefix in one domain or all; a change of access gets a number.
WITH added AS (
    INSERT INTO access_grant (prefix, domain, grantee) VALUES ($1, $2, $3)
    ON CONFLICT (prefix, domain, grantee) DO NOTHING
    RETURNING id
)
UPDATE revision SET value = value + 1 WHERE EXISTS (SELECT FROM added);

-- name: access
-- Both kinds of access in one snapshot: what is owned, and what was granted.
SELECT prefix, organisation, NULL AS domain, true AS owned FROM source
UNION ALL
SELECT prefix, grantee, domain, false FROM access_grant;
