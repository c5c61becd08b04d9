-- Attempts as subscribers look them up (bus/store/attempts.py).

-- name: newest
-- The newest attempts for a subscription.
SELECT topic, partition, event_offset AS offset, event_id, source, type, attempt, outcome, at
FROM attempt
WHERE subscription = $1
ORDER BY at DESC, topic DESC, partition DESC, event_offset DESC, attempt DESC
LIMIT $2;

-- name: page
-- The attempts that come after a place in that order.
SELECT topic, partition, event_offset AS offset, event_id, source, type, attempt, outcome, at
FROM attempt
WHERE subscription = $1 AND at <= $2
    AND (at, topic, partition, event_offset, attempt) < ($2, $3, $4, $5, $6)
ORDER BY at DESC, topic DESC, partition DESC, event_offset DESC, attempt DESC
LIMIT $7;
