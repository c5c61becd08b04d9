-- Refresh tokens that workers renew (bus/store/renewals.py).

-- name: claim
-- Takes the turn for half a minute and gives what is sealed; no row: another has it, or there is nothing.
UPDATE subscription_secret
SET claimed_until = now() + interval '30 seconds'
WHERE subscription = $1 AND kind = 'sinkcredential'
    AND (claimed_until IS NULL OR claimed_until < now())
RETURNING sealed;

-- name: release
-- Ends the turn, and keeps what is new unless what was there has changed meanwhile.
UPDATE subscription_secret
SET claimed_until = NULL,
    sealed = CASE WHEN sealed = $2 THEN $3 ELSE sealed END
WHERE subscription = $1 AND kind = 'sinkcredential';
