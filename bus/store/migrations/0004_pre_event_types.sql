-- Event types and their schemas: what registers tell of, and what the data looks like (bus/catalogue).

-- What becomes of events in a domain whose type is not in event_type.
ALTER TABLE domain
    ADD COLUMN unknown_types text NOT NULL DEFAULT 'accept' CHECK (unknown_types IN ('accept', 'reject'));

CREATE TABLE event_type (
    type          text PRIMARY KEY,
    domain        text NOT NULL REFERENCES domain,
    revision      bigint NOT NULL,  -- of the last change to the type, or of its last new version
    description   text NOT NULL,
    time_meaning  text NOT NULL,
    information   text NOT NULL CHECK (information IN ('poor', 'rich')),
    schema_check  text NOT NULL CHECK (schema_check IN ('enforce', 'warn', 'off')),
    compatibility text NOT NULL CHECK (compatibility IN ('backward', 'forward', 'full', 'none')),
    documentation text,
    deprecated_since date,  -- null: it is not deprecated, and the next three say nothing
    sunset        date,
    replaced_by   text,
    deprecation_reason text NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX event_type_by_revision ON event_type (revision);

-- A version never changes and is never removed: events name it in dataschema.
CREATE TABLE event_schema (
    type       text NOT NULL REFERENCES event_type,
    version    integer NOT NULL CHECK (version > 0),
    schema     text NOT NULL,  -- as it was sent, byte for byte
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (type, version)
);
