-- What subscribers have been told of where they stand, so that nobody is told twice, by whatever process.
-- A subscription of which there is nothing to tell has no row.
CREATE TABLE told (
    subscription uuid PRIMARY KEY REFERENCES subscription ON DELETE CASCADE,
    behind_since timestamptz,
    near_since   timestamptz
);
