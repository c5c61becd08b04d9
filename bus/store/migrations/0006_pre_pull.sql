-- Where the subscriptions that are pulled stand: the engine leaves them alone, and so has no position of theirs.
-- Without a row, for a partition that came later, it is its first offset.
CREATE TABLE pull_position (
    subscription uuid NOT NULL REFERENCES subscription ON DELETE CASCADE,
    topic        text NOT NULL,
    partition    integer NOT NULL,
    start_offset bigint NOT NULL,  -- where it began: the floor for cursors from before the partition was asked for
    next_offset  bigint NOT NULL,  -- moved by `_ack` alone, and over what the log has lost
    saved_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subscription, topic, partition)
);
