-- What one process of all does for the whole bus (bus/store/chores.py).

-- name: prepare
-- Has Postgres notice within half a minute that a process is gone without a word: until then it keeps the lock.
SELECT set_config('tcp_keepalives_idle', '15', false), set_config('tcp_keepalives_interval', '5', false),
    set_config('tcp_keepalives_count', '3', false);

-- name: lock
-- Makes this connection the one that does the chores, if no other is. The number is "buschore" in ASCII.
SELECT pg_try_advisory_lock(7094703658783175269) AS taken;
