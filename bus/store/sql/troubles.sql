-- What is not normal delivery of a subscription (bus/store/troubles.py).

-- name: counts
-- How much of a subscription is parked, given up, replayed and lost.
SELECT
    (SELECT count(*) FROM parked WHERE subscription = $1) AS parked,
    (
        SELECT count(*) FROM dead_letter WHERE subscription = $1 AND purged_at IS NULL
    ) AS dead_letters,
    (
        EXISTS (SELECT FROM command WHERE subscription = $1 AND kind = 'replay')
        OR EXISTS (SELECT FROM position WHERE subscription = $1 AND replay_until IS NOT NULL)
    ) AS replaying,
    (
        SELECT coalesce(sum(cardinality(offsets)), 0)::bigint
        FROM command WHERE subscription = $1 AND kind = 'redrive'
    ) AS redriving,
    (SELECT count(*) FROM gap WHERE subscription = $1) AS gap_count;

-- name: gaps
-- The newest gaps of a subscription.
SELECT topic, partition, from_offset, until_offset, reason, found_at
FROM gap
WHERE subscription = $1
ORDER BY found_at DESC, id DESC
LIMIT 20;
