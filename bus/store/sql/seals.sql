-- Whether the key opens what is sealed (bus/store/seals.py).

-- name: signing
-- What each subscription signs with, as it is sealed.
SELECT subscription, sealed FROM subscription_secret WHERE kind = 'signing' ORDER BY subscription;
