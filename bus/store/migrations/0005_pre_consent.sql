-- Lets one worker at a time renew the refresh token of a subscription: a token may be good for one use only. What a
-- sink consented to, and which signing key is shown, are in the subscription's body.
ALTER TABLE subscription_secret ADD COLUMN claimed_until timestamptz;
