-- Records that are no events (bus/store/invalid_records.py).

-- name: counts
-- How many each of some topics has.
SELECT topic, count(*) AS many FROM invalid_record WHERE topic = ANY($1) GROUP BY topic;

-- name: page
-- Those of a topic after a place, in the order of the log.
SELECT partition, event_offset AS offset, reason, found_at
FROM invalid_record
WHERE topic = $1 AND (partition, event_offset) > ($2, $3)
ORDER BY partition, event_offset
LIMIT $4;
