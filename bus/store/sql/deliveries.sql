-- What is known of one event (bus/store/deliveries.py).

-- name: versions
-- The subscriptions (of one organisation) as they were at a moment, or first were if made later.
SELECT subscription, organisation, body, first_at > $1 AS later
FROM (
    SELECT
        subscription, organisation, body, at, revision,
        min(at) OVER (PARTITION BY subscription) AS first_at,
        row_number() OVER (
            PARTITION BY subscription
            ORDER BY at <= $1 DESC, CASE WHEN at <= $1 THEN -revision ELSE revision END
        ) AS place
    FROM subscription_revision
    WHERE $2::text IS NULL OR organisation = $2
) AS version
WHERE place = 1 AND body IS NOT NULL
ORDER BY subscription;

-- name: passage
-- Between which two notes of its progress the stream passed an offset, if it did.
SELECT
    next_offset > $3 AS passed,
    (
        SELECT at FROM progress
        WHERE progress.topic = $1 AND progress.partition = $2 AND progress.next_offset <= $3
        ORDER BY at DESC
        LIMIT 1
    ) AS after,
    (
        SELECT min(at) FROM progress
        WHERE progress.topic = $1 AND progress.partition = $2 AND progress.next_offset > $3
    ) AS before
FROM stream
WHERE topic = $1 AND partition = $2;

-- name: traces
-- What became of one event for some subscriptions, as far as anything is stored of it. To who fetches it
-- is delivered once it is acknowledged.
SELECT
    one.subscription,
    subscription.id IS NULL AS ended,
    CASE
        WHEN subscription.body ->> 'protocol' = 'PULL' THEN coalesce(pull_position.next_offset, 0)
        ELSE position.next_offset
    END AS next_offset,
    coalesce($3 = ANY(position.open), false) AS open_,
    coalesce($3 >= position.replay_until AND $3 < position.replay_resume, false) AS skipped,
    coalesce(position.saved_at, pull_position.saved_at) AS saved_at,
    dead_letter.id AS letter,
    dead_letter.purged_at IS NOT NULL AS letter_purged,
    dead_letter.reason AS letter_reason,
    dead_letter.attempts AS letter_attempts,
    dead_letter.buried_at,
    parked.attempts AS parked_attempts,
    parked.due_at,
    EXISTS (
        SELECT FROM gap
        WHERE gap.subscription = one.subscription AND gap.topic = $1 AND gap.partition = $2
            AND gap.from_offset <= $3 AND gap.until_offset > $3
    ) AS lost,
    tried.failed,
    tried.failed_at,
    coalesce(parked.last_outcome, dead_letter.last_outcome, tried.last_outcome) AS last_outcome,
    tried.delivered_at
FROM unnest($4::uuid[]) AS one (subscription)
LEFT JOIN subscription ON subscription.id = one.subscription
LEFT JOIN position
    ON position.subscription = one.subscription
    AND position.topic = $1 AND position.partition = $2
LEFT JOIN pull_position
    ON pull_position.subscription = one.subscription
    AND pull_position.topic = $1 AND pull_position.partition = $2
LEFT JOIN dead_letter
    ON dead_letter.subscription = one.subscription AND dead_letter.settles
    AND dead_letter.topic = $1 AND dead_letter.partition = $2 AND dead_letter.event_offset = $3
LEFT JOIN parked
    ON parked.subscription = one.subscription
    AND parked.topic = $1 AND parked.partition = $2 AND parked.event_offset = $3
LEFT JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE outcome <> 'delivered') AS failed,
        max(at) FILTER (WHERE outcome <> 'delivered') AS failed_at,
        max(at) FILTER (WHERE outcome = 'delivered') AS delivered_at,
        (array_agg(outcome ORDER BY at DESC))[1] AS last_outcome
    FROM attempt
    WHERE attempt.topic = $1 AND attempt.partition = $2 AND attempt.event_offset = $3
        AND attempt.subscription = one.subscription
) AS tried ON true
ORDER BY one.subscription;
