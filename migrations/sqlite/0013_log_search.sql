-- How many pupils an organisation's data protection officer looked for in the log, by day; all replicas together.
CREATE TABLE log_search (
    organisation TEXT NOT NULL,
    day          INTEGER NOT NULL,               -- days since 1970-01-01 UTC
    count        INTEGER NOT NULL CHECK (count > 0),
    PRIMARY KEY (organisation, day)
) STRICT, WITHOUT ROWID;
