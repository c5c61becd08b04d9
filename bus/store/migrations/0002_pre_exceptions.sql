-- The exceptions to normal delivery (design §4): what was parked, given up, lost or asked for. A healthy
-- delivery writes none of these.

-- Paused and disabled are states of a subscription, versioned with its body: the owner of each partition
-- meets a pause as it meets any other change, at an exact offset.
ALTER TABLE subscription
    ADD COLUMN state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'disabled')),
    ADD COLUMN state_reason text,  -- why it is disabled: "gone", "failing"
    ADD COLUMN state_since timestamptz NOT NULL DEFAULT now();
ALTER TABLE subscription_revision ADD COLUMN state text NOT NULL DEFAULT 'active';

-- Kafka's id of the topic: one that was deleted and made anew looks normal otherwise.
ALTER TABLE stream ADD COLUMN topic_id uuid;

-- While a row replays, events from replay_until up to replay_resume are not delivered (again).
ALTER TABLE position
    ADD COLUMN replay_until bigint,
    ADD COLUMN replay_resume bigint,
    ADD CHECK ((replay_until IS NULL) = (replay_resume IS NULL));

-- An event whose delivery fails while its subscription is otherwise healthy, and those of its key behind it.
-- `sealed` is the record as the log had it; key_digest tells lanes apart without showing whose they are.
CREATE TABLE parked (
    subscription uuid NOT NULL REFERENCES subscription ON DELETE CASCADE,
    topic        text NOT NULL,
    partition    integer NOT NULL,
    event_offset bigint NOT NULL,
    key_digest   bytea NOT NULL,
    sealed       bytea NOT NULL,
    attempts     integer NOT NULL,
    first_at     timestamptz,  -- null: not attempted yet
    due_at       timestamptz,  -- null: waits for the one before it
    last_outcome text,
    parked_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subscription, topic, partition, event_offset)
);
CREATE INDEX parked_by_partition ON parked (topic, partition);

-- An event that was given up. While `settles`, its offset counts as settled wherever the position stands;
-- a replay ends that. A purged one keeps its place and reason, and loses all that came from the event.
CREATE TABLE dead_letter (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subscription uuid NOT NULL REFERENCES subscription ON DELETE CASCADE,
    topic        text NOT NULL,
    partition    integer NOT NULL,
    event_offset bigint NOT NULL,
    event_id     text,
    source       text,
    type         text,
    key_digest   bytea,
    sealed       bytea,
    reason       text NOT NULL CHECK (reason IN ('refused', 'exhausted', 'backlog', 'recreated')),
    last_outcome text,
    attempts     integer NOT NULL,
    first_at     timestamptz,
    last_at      timestamptz,
    settles      boolean NOT NULL DEFAULT true,
    buried_at    timestamptz NOT NULL DEFAULT now(),
    purged_at    timestamptz,
    UNIQUE (subscription, topic, partition, event_offset)
);
CREATE INDEX dead_letter_by_partition ON dead_letter (topic, partition, event_offset) WHERE settles;
CREATE INDEX dead_letter_by_age ON dead_letter (buried_at);
CREATE INDEX dead_letter_by_subscription ON dead_letter (subscription, id);

-- A record of the log that is no CloudEvent: a dead letter of the topic, of no subscription.
CREATE TABLE invalid_record (
    topic        text NOT NULL,
    partition    integer NOT NULL,
    event_offset bigint NOT NULL,
    reason       text NOT NULL,  -- codes and places of the faults, no values
    sealed       bytea NOT NULL,
    found_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition, event_offset)
);

-- Events that the log lost before a subscription had them: at most these offsets.
CREATE TABLE gap (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subscription uuid NOT NULL REFERENCES subscription ON DELETE CASCADE,
    topic        text NOT NULL,
    partition    integer NOT NULL,
    from_offset  bigint NOT NULL,
    until_offset bigint NOT NULL,
    reason       text NOT NULL CHECK (reason IN ('retention', 'recreated')),
    found_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (subscription, topic, partition, from_offset, until_offset)
);

-- What the API asks of the owners of partitions; the save that carries it out deletes the row.
CREATE TABLE command (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subscription uuid NOT NULL REFERENCES subscription ON DELETE CASCADE,
    topic        text NOT NULL,
    partition    integer NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('replay', 'redrive')),
    from_offset  bigint,    -- replay
    until_offset bigint,    -- replay; null: up to where the subscription stands
    offsets      bigint[],  -- redrive
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX command_by_partition ON command (topic, partition);
CREATE INDEX command_by_subscription ON command (subscription);

-- How far each stream was, every ten seconds while it moved: when a healthy delivery took place.
CREATE TABLE progress (
    topic       text NOT NULL,
    partition   integer NOT NULL,
    next_offset bigint NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition, at)
);

-- Attempts that failed, and the others where a subscription asks for it. A partition a day, made and
-- dropped by the dispatchers; the default one takes what finds none.
CREATE TABLE attempt (
    subscription uuid NOT NULL,
    topic        text NOT NULL,
    partition    integer NOT NULL,
    event_offset bigint NOT NULL,
    event_id     text NOT NULL,
    source       text NOT NULL,
    type         text NOT NULL,
    attempt      integer NOT NULL,  -- counts from 1; one that the sink put off counts with the next
    outcome      text NOT NULL,
    at           timestamptz NOT NULL
) PARTITION BY RANGE (at);
CREATE TABLE attempt_default PARTITION OF attempt DEFAULT;
CREATE INDEX attempt_by_subscription ON attempt (subscription, at DESC);
CREATE INDEX attempt_by_event ON attempt (topic, partition, event_offset);

-- What the bus has to tell of itself: written with the save that it is about, published as a CloudEvent,
-- then deleted (design §4: nl.vng.gemeentebus.*).
CREATE TABLE notice (
    id           uuid PRIMARY KEY,
    type         text NOT NULL,
    organisation text NOT NULL,
    subscription uuid,
    data         jsonb NOT NULL,
    at           timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX notice_by_age ON notice (at, id);
