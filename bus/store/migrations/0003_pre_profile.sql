-- How strict a domain is with its events, and every version of what can be changed of a domain.

ALTER TABLE domain
    ADD COLUMN profile  jsonb  NOT NULL DEFAULT '{}',  -- bus.profile.Policy; what is left out is the default
    ADD COLUMN revision bigint NOT NULL DEFAULT 0;     -- of its last change

-- Who agreed to what, and since when: also for the AVG, where a domain relaxes the guard on BSNs.
CREATE TABLE domain_revision (
    revision       bigint PRIMARY KEY,
    domain         text NOT NULL,
    organisation   text NOT NULL,  -- OIN of who changed it
    description    text NOT NULL,
    retention_days integer NOT NULL,
    unknown_types  text NOT NULL,
    profile        jsonb NOT NULL,
    at             timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX domain_revision_by_domain ON domain_revision (domain, revision DESC);
