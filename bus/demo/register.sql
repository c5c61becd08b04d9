-- The sample register: zaken as a municipality may keep them, in a database of their own. It knows
-- nothing of the bus: the triggers that write its events were put there by `bus outbox watch`.

-- name: create
-- The table, and the numbers of its zaken. Numbers are never given twice, not even after a rollback.
CREATE SEQUENCE IF NOT EXISTS zaaknummer;
CREATE TABLE IF NOT EXISTS zaak (
    identificatie    text PRIMARY KEY,
    omschrijving     text NOT NULL,
    status           text NOT NULL DEFAULT 'Ontvangen',
    registratiedatum date NOT NULL DEFAULT current_date
);

-- name: open_zaak
-- A new zaak of a department ($1), about something ($2); gives its identification.
INSERT INTO zaak (identificatie, omschrijving)
VALUES (format('%s-%s-%s', $1::text, to_char(current_date, 'YYYY'),
               lpad(nextval('zaaknummer')::text, 6, '0')), $2)
RETURNING identificatie;

-- name: move_zaak
-- Gives a zaak ($1) another status ($2).
UPDATE zaak SET status = $2 WHERE identificatie = $1;

-- name: remove_zaak
-- Removes a zaak ($1), as happens when its time in the archive is over.
DELETE FROM zaak WHERE identificatie = $1;

-- name: any_zaak
-- Some zaak, with the number of all; nothing when there is none.
SELECT identificatie, status, count(*) OVER () AS zaken FROM zaak ORDER BY random() LIMIT 1;

-- name: has_database
-- Whether a database of this name ($1) is there.
SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1) AS found;
