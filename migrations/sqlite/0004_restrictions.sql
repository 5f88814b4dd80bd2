-- Restrictions (AVG 18) and objections (AVG 21) of pupils: whose rows no plan of records and facts reads, and who is
-- in no snapshot of figures. Entered and lifted together with an entry of the log.
CREATE TABLE restriction (
    subject    BLOB    NOT NULL,
    purpose    TEXT    NOT NULL,              -- empty: against every purpose
    kind       TEXT    NOT NULL CHECK (kind IN ('objection', 'restriction')),
    holder     TEXT    NOT NULL,              -- who entered it
    from_day   INTEGER NOT NULL,              -- days since 1970-01-01
    until_day  INTEGER,                       -- the first day on which it no longer holds
    entry      BLOB    NOT NULL,              -- id of the log's entry that entered it last
    entered_us INTEGER NOT NULL,
    lifted_us  INTEGER,
    PRIMARY KEY (subject, purpose, kind, holder)
) STRICT, WITHOUT ROWID;

-- Which cells a purpose could show at the close: a later version that shows the same ones answers for the epoch too.
-- Empty for epochs that closed before this was kept; for them only the very same version answers.
ALTER TABLE epoch_purpose ADD COLUMN cells BLOB NOT NULL DEFAULT x'';
