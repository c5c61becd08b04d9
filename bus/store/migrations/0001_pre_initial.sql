-- The first schema. Postgres holds who may do what, everything about subscriptions,
-- and only the exceptions to normal delivery: a healthy delivery writes no row (design §2, §10).

-- Who --------------------------------------------------------------------------------------------

CREATE TABLE organisation (
    oin        text PRIMARY KEY CHECK (oin ~ '^[0-9]{20}$'),
    name       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Source values an organisation owns: the value itself, or everything below it. '' is any source (bus dev).
CREATE TABLE source (
    prefix       text PRIMARY KEY,
    organisation text NOT NULL REFERENCES organisation ON DELETE CASCADE
);

CREATE TABLE credential (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation text NOT NULL REFERENCES organisation ON DELETE CASCADE,
    token_digest bytea NOT NULL UNIQUE,  -- SHA-256: a token has 256 random bits, so no slow hash is needed
    roles        text[] NOT NULL CHECK (roles <@ ARRAY['publisher', 'subscriber', 'operator']),
    label        text NOT NULL,
    expires_at   timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now()
);

-- What --------------------------------------------------------------------------------------------

CREATE TABLE domain (
    name           text PRIMARY KEY,
    topic          text NOT NULL UNIQUE,
    organisation   text NOT NULL REFERENCES organisation,
    description    text NOT NULL DEFAULT '',
    key_attribute  text,
    retention_days integer NOT NULL CHECK (retention_days >= 8),
    partitions     integer NOT NULL CHECK (partitions > 0),
    created_at     timestamptz NOT NULL DEFAULT now()
);

-- A reader organisation may see events whose source begins with prefix, in one domain or (null) in all.
CREATE TABLE access_grant (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    prefix     text NOT NULL,
    domain     text REFERENCES domain ON DELETE CASCADE,
    grantee    text NOT NULL REFERENCES organisation ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE NULLS NOT DISTINCT (prefix, domain, grantee)
);

-- One counter, taken in the transaction of each change to a subscription, a domain or access: its row lock makes
-- revisions commit in order, so that a follower that has seen n never meets a smaller one later.
CREATE TABLE revision (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    value    bigint NOT NULL
);
INSERT INTO revision (value) VALUES (0);

-- Subscriptions -----------------------------------------------------------------------------------

CREATE TABLE subscription (
    id           uuid PRIMARY KEY,
    organisation text NOT NULL REFERENCES organisation,
    revision     bigint NOT NULL,
    body         jsonb NOT NULL,  -- bus.subscription.Subscription, without secrets
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX subscription_by_organisation ON subscription (organisation, created_at, id);

-- Every version of every subscription, for the followers and for "which filter was valid then".
-- A null body is the deletion.
CREATE TABLE subscription_revision (
    revision     bigint PRIMARY KEY,
    subscription uuid NOT NULL,
    organisation text NOT NULL,
    body         jsonb,
    at           timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX subscription_revision_by_subscription ON subscription_revision (subscription, revision DESC);

CREATE TABLE subscription_secret (
    subscription uuid NOT NULL REFERENCES subscription ON DELETE CASCADE,
    kind         text NOT NULL CHECK (kind IN ('signing', 'sinkcredential')),
    sealed       bytea NOT NULL,  -- AES-256-GCM under the key of the settings
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subscription, kind)
);

-- Positions (design §4) -----------------------------------------------------------------------------

-- One stream per partition. Subscriptions without a position row stand at next_offset, with every change up to
-- `revision` applied.
CREATE TABLE stream (
    topic       text NOT NULL,
    partition   integer NOT NULL,
    next_offset bigint NOT NULL DEFAULT 0,
    revision    bigint NOT NULL,
    epoch       bigint NOT NULL DEFAULT 0,
    saves       bigint NOT NULL DEFAULT 0,  -- number of the last save of this epoch: a late, older one is refused
    owner       text,
    saved_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition)
);

-- Overrides the stream for one subscription: everything below next_offset is settled, except `open`.
CREATE TABLE position (
    subscription  uuid NOT NULL REFERENCES subscription ON DELETE CASCADE,
    topic         text NOT NULL,
    partition     integer NOT NULL,
    next_offset   bigint NOT NULL,
    open          bigint[] NOT NULL DEFAULT '{}',
    failing_since timestamptz,
    last_outcome  text,  -- the outcome that keeps the lowest open event waiting, e.g. "temporary 503"
    saved_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subscription, topic, partition)
);
CREATE INDEX position_by_partition ON position (topic, partition);
