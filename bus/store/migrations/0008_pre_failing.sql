-- Since when the sink of a subscription has only failed, as the owner of a partition knows it. The row goes
-- with the first success: an endpoint that fails for days is disabled, whoever has owned it meanwhile.
CREATE TABLE failing (
    subscription uuid NOT NULL REFERENCES subscription ON DELETE CASCADE,
    topic        text NOT NULL,
    partition    integer NOT NULL,
    since        timestamptz NOT NULL,
    PRIMARY KEY (subscription, topic, partition)
);
CREATE INDEX failing_by_partition ON failing (topic, partition);
