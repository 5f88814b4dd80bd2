-- A merge takes effect only once it is in the log, and can be undone: both together at the start of a day.
CREATE TABLE subject_merge_new (
    merged       BYTEA    NOT NULL,
    survivor     BYTEA    NOT NULL,            -- the lower creation sequence of the two
    reason       TEXT    NOT NULL CHECK (reason IN ('two-holders', 'rule', 'confirmed')),
    agreed_us    BIGINT NOT NULL,
    effective_us BIGINT NOT NULL,
    logged_us    BIGINT,                     -- the entry that tells of it
    applied_us   BIGINT,
    undo_us      BIGINT,                     -- from when on it is to be undone, as logged
    undone_us    BIGINT,
    PRIMARY KEY (merged, survivor)
);
INSERT INTO subject_merge_new (merged, survivor, reason, agreed_us, effective_us, logged_us, applied_us, undo_us, undone_us)
    SELECT merged, survivor, reason, agreed_us, effective_us, applied_us, applied_us, undone_us, undone_us FROM subject_merge;
DROP TABLE subject_merge;
ALTER TABLE subject_merge_new RENAME TO subject_merge;
CREATE INDEX subject_merge_by_survivor ON subject_merge (survivor);

-- The day on which the inboxes were filled last.
INSERT INTO counter (name, value) VALUES ('inbox-day', 0);
