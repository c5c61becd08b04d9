-- When an event type, or what its schema is, last changed: xRegistry asks for it beside the number of the change.
ALTER TABLE event_type ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now();
UPDATE event_type SET changed_at = created_at;
