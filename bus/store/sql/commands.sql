-- What the API asks of the owners of partitions (bus/store/commands.py).

-- name: replaying
-- Whether a replay of a subscription waits or runs; the save that begins one ends the waiting. No row:
-- it is not there.
SELECT
    EXISTS (SELECT FROM command WHERE command.subscription = $1 AND kind = 'replay')
    OR EXISTS (
        SELECT FROM position
        WHERE position.subscription = $1 AND replay_until IS NOT NULL
    ) AS busy
FROM subscription
WHERE id = $1
FOR KEY SHARE;

-- name: replay
-- One command for each partition.
INSERT INTO command (subscription, topic, partition, kind, from_offset, until_offset)
SELECT $1, topic, partition, 'replay', from_offset, until_offset
FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[])
    AS one (topic, partition, from_offset, until_offset);
