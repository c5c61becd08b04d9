-- Two logs may have given up an event at one place. The code before this one asks for the constraint by name
-- of its columns: without it, it keeps what it gives up open until it is replaced.
ALTER TABLE dead_letter DROP CONSTRAINT dead_letter_subscription_topic_partition_event_offset_key;
