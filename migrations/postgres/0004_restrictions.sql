-- Restrictions (AVG 18) and objections (AVG 21) of pupils: whose rows no plan of records and facts reads, and who is
-- in no snapshot of figures. Entered and lifted together with an entry of the log.
CREATE TABLE restriction (
    subject    BYTEA  NOT NULL,
    purpose    TEXT   NOT NULL,               -- empty: against every purpose
    kind       TEXT   NOT NULL CHECK (kind IN ('objection', 'restriction')),
    holder     TEXT   NOT NULL,               -- who entered it
    from_day   BIGINT NOT NULL,               -- days since 1970-01-01
    until_day  BIGINT,                        -- the first day on which it no longer holds
    entry      BYTEA  NOT NULL,               -- id of the log's entry that entered it last
    entered_us BIGINT NOT NULL,
    lifted_us  BIGINT,
    PRIMARY KEY (subject, purpose, kind, holder)
);

-- Which cells a purpose could show at the close: a later version that shows the same ones answers for the epoch too.
-- Empty for epochs that closed before this was kept; for them only the very same version answers.
ALTER TABLE epoch_purpose ADD COLUMN cells BYTEA NOT NULL DEFAULT '';
