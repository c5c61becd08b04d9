-- The counter of changes (bus/store/revision.py).

-- name: bump
-- Numbers a change and keeps its lock until the commit: changes commit in the order of their numbers.
UPDATE revision SET value = value + 1 RETURNING value;

-- name: current
-- The number of the last change that was committed.
SELECT value FROM revision;
