-- Positions of subscriptions that are pulled (bus/store/pull.py).

-- name: standing
-- Where a subscription stands and began, on each partition that it has a row for.
SELECT topic, partition, start_offset, next_offset, saved_at
FROM pull_position
WHERE subscription = $1;

-- name: lock
-- Keeps other moves of this subscription's position waiting, and nothing else.
SELECT id FROM subscription WHERE id = $1 FOR NO KEY UPDATE;

-- name: move
-- Puts a subscription at these offsets, in the place of where it stood.
INSERT INTO pull_position (subscription, topic, partition, start_offset, next_offset)
SELECT $1, topic, partition, 0, next_offset
FROM unnest($2::text[], $3::integer[], $4::bigint[]) AS one (topic, partition, next_offset)
ON CONFLICT (subscription, topic, partition) DO UPDATE
SET next_offset = excluded.next_offset, saved_at = now();

-- name: place
-- Lets a subscription begin on partitions that it did not ask for until now, or not any more.
INSERT INTO pull_position (subscription, topic, partition, start_offset, next_offset)
SELECT $1, topic, partition, next_offset, next_offset
FROM unnest($2::text[], $3::integer[], $4::bigint[]) AS one (topic, partition, next_offset)
ON CONFLICT (subscription, topic, partition) DO UPDATE
SET start_offset = excluded.start_offset, next_offset = excluded.next_offset, saved_at = now();

-- name: add_gaps
-- Records what the log lost before it was pulled; the same loss once. Gives what is new of it.
INSERT INTO gap (subscription, topic, partition, from_offset, until_offset, reason)
SELECT $1, one.*
FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::text[])
    AS one (topic, partition, from_offset, until_offset, reason)
ON CONFLICT DO NOTHING
RETURNING topic, partition, from_offset, until_offset, reason;
