-- Where subscriptions stand, beside lines drawn across the partitions (bus/store/standing.py).

-- name: standings
-- Each subscription that has something short of the last line, or was told something: its worst place.
-- A row stands by itself, also of one that is pulled, if it ever acknowledged anything; without a row a
-- subscription stands with the stream, where it takes the domain.
-- Streams are short of a line only in trouble, so that a healthy bus is asked about its few rows.
WITH line AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::bigint[],
        $7::bigint[]) AS line (domain, topic, partition, near, behind, level, until)
), short AS (
    SELECT position.subscription, line.*, least(position.next_offset, position.open[1]) AS at
    FROM position JOIN line USING (topic, partition)
    WHERE least(position.next_offset, position.open[1]) < line.level
    UNION ALL
    SELECT pull_position.subscription, line.*, pull_position.next_offset
    FROM pull_position JOIN line USING (topic, partition)
    WHERE pull_position.next_offset < line.level
        AND pull_position.next_offset > pull_position.start_offset
    UNION ALL
    SELECT subscription.id, line.*, stream.next_offset
    FROM stream JOIN line USING (topic, partition)
    JOIN subscription ON coalesce(subscription.body -> 'domains', '[]') = '[]'
        OR subscription.body -> 'domains' ? line.domain
    WHERE stream.next_offset < line.level AND subscription.body ->> 'protocol' <> 'PULL'
        AND NOT EXISTS (
        SELECT FROM position
        WHERE position.subscription = subscription.id
            AND position.topic = line.topic AND position.partition = line.partition
    )
), worst AS (
    SELECT DISTINCT ON (subscription) subscription, topic, partition, until - at AS waiting,
        CASE WHEN at < near THEN 'near' WHEN at < behind THEN 'behind' ELSE 'short' END AS verdict
    FROM short
    ORDER BY subscription, at < near DESC, at < behind DESC, until - at DESC
)
SELECT subscription.id AS subscription, subscription.organisation, subscription.state,
    worst.topic, worst.partition, worst.waiting, worst.verdict,
    told.behind_since, told.near_since
FROM worst FULL JOIN told USING (subscription)
JOIN subscription ON subscription.id = coalesce(worst.subscription, told.subscription);

-- name: lowest
-- The lowest offset of each partition that an active subscription still has to settle.
WITH held AS (
    SELECT topic, partition, min(least(next_offset, open[1])) AS lowest
    FROM position JOIN subscription ON subscription.id = position.subscription
    WHERE subscription.state = 'active' AND topic = ANY ($1)
    GROUP BY topic, partition
)
SELECT topic, partition, least(stream.next_offset, held.lowest) AS lowest
FROM stream LEFT JOIN held USING (topic, partition)
WHERE topic = ANY ($1);

-- name: remember
-- What was told of subscriptions, in the place of what stood there; nothing at all has no row.
WITH now AS (
    SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[])
        AS now (subscription, behind_since, near_since)
), gone AS (
    DELETE FROM told USING now
    WHERE told.subscription = now.subscription AND now.behind_since IS NULL AND now.near_since IS NULL
)
INSERT INTO told (subscription, behind_since, near_since)
SELECT now.* FROM now JOIN subscription ON subscription.id = now.subscription
WHERE behind_since IS NOT NULL OR near_since IS NOT NULL
FOR KEY SHARE OF subscription
ON CONFLICT (subscription) DO UPDATE
SET behind_since = excluded.behind_since, near_since = excluded.near_since;
