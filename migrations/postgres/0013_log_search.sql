-- How many pupils an organisation's data protection officer looked for in the log, by day; all replicas together.
CREATE TABLE log_search (
    organisation TEXT NOT NULL,
    day          BIGINT NOT NULL,               -- days since 1970-01-01 UTC
    count        BIGINT NOT NULL CHECK (count > 0),
    PRIMARY KEY (organisation, day)
);
