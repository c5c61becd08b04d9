-- A dead letter outlives the log that it came from: a topic may be deleted and made anew, or lose its end.
-- Its offset means another event there, so it is never put back into that log.
ALTER TABLE dead_letter ADD COLUMN former_log uuid;  -- null: of the log that is there; else that log's name
UPDATE dead_letter SET former_log = '00000000-0000-0000-0000-000000000000' WHERE reason = 'recreated';
CREATE UNIQUE INDEX dead_letter_by_place
    ON dead_letter (subscription, topic, partition, event_offset, former_log) NULLS NOT DISTINCT;
