-- Rows of k-anonymous records, released when an epoch closed: what leaves of a pupil, as coarse as it leaves.
CREATE TABLE released_row (
    epoch   BIGINT  NOT NULL,
    subject BYTEA   NOT NULL,                    -- as it was at the close
    content TEXT    NOT NULL,                    -- JSON: the values in the order of the epoch's columns, and the holders
    PRIMARY KEY (epoch, subject)
);

-- Their columns and how classes are formed, JSON; empty where the epoch has no such rows.
ALTER TABLE epoch ADD COLUMN records TEXT NOT NULL DEFAULT '';

-- The digest of which records a purpose could show at the close; empty where it could show none.
ALTER TABLE epoch_purpose ADD COLUMN records BYTEA NOT NULL DEFAULT '';
