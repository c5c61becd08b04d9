-- A record that cannot be read from the log is lost for another reason than one that the log has let go of.
ALTER TABLE gap DROP CONSTRAINT gap_reason_check;
ALTER TABLE gap ADD CONSTRAINT gap_reason_check CHECK (reason IN ('retention', 'damaged', 'recreated'));
