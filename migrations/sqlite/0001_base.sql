-- Conventions: INTEGER, TEXT, BLOB only (STRICT); times are microseconds since 1970-01-01 UTC, set by us; keys are ours.
-- The same tables, columns and names as in migrations/postgres (a test compares them).

-- Sequences that we hand out ourselves: UPDATE … RETURNING takes a block and is the lock of its transaction.
CREATE TABLE counter (
    name  TEXT    NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counter (name, value) VALUES ('subject', 0), ('delivery', 0), ('activation', 0), ('epoch', 0);

-- One for each identifier ever seen. `canonical` is itself, or the survivor it was merged into.
CREATE TABLE subject (
    subject    BLOB    NOT NULL PRIMARY KEY,
    sequence   INTEGER NOT NULL UNIQUE,
    kind       INTEGER NOT NULL,              -- type byte of the identifier: 1 BSN, 2 onderwijsnummer, 3 local, 4 ECK iD
    canonical  BLOB    NOT NULL,
    created_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX subject_by_canonical ON subject (canonical);

-- The keyed index of an identifier, by version of the entrance key. The identifier itself is never stored.
CREATE TABLE subject_index (
    idx         BLOB    NOT NULL,
    key_version INTEGER NOT NULL,
    subject     BLOB    NOT NULL,
    PRIMARY KEY (idx, key_version)
) STRICT, WITHOUT ROWID;
CREATE INDEX subject_index_by_subject ON subject_index (subject);

-- A holder delivered both identifiers on one row. `subject_a` has the lower creation sequence.
CREATE TABLE subject_link (
    subject_a   BLOB    NOT NULL,
    subject_b   BLOB    NOT NULL,
    holder      TEXT    NOT NULL,
    delivery    INTEGER NOT NULL,             -- counts for others only when this delivery became visible
    asserted_us INTEGER NOT NULL,
    PRIMARY KEY (subject_a, subject_b, holder)
) STRICT, WITHOUT ROWID;
CREATE INDEX subject_link_by_b ON subject_link (subject_b);

-- What one holder's links make of its own rows: they are stored under `root`, the lowest of the linked set.
CREATE TABLE subject_set (
    holder  TEXT NOT NULL,
    subject BLOB NOT NULL,
    root    BLOB NOT NULL,
    PRIMARY KEY (holder, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX subject_set_by_root ON subject_set (holder, root);

-- Pairs that hold for everybody from `effective_us`.
CREATE TABLE subject_merge (
    merged       BLOB    NOT NULL,
    survivor     BLOB    NOT NULL,            -- the lower creation sequence of the two
    reason       TEXT    NOT NULL CHECK (reason IN ('two-holders', 'rule')),
    agreed_us    INTEGER NOT NULL,
    effective_us INTEGER NOT NULL,
    applied_us   INTEGER,
    undone_us    INTEGER,
    PRIMARY KEY (merged, survivor)
) STRICT, WITHOUT ROWID;

-- Rows of a dataset are visible while their delivery is 'active'.
CREATE TABLE delivery (
    id            INTEGER NOT NULL PRIMARY KEY,
    dataset       TEXT    NOT NULL,
    period        TEXT    NOT NULL,           -- empty where the dataset has none
    holder        TEXT    NOT NULL,
    deliverer     TEXT    NOT NULL,
    mode          TEXT    NOT NULL CHECK (mode IN ('snapshot', 'changes')),
    state         TEXT    NOT NULL
                  CHECK (state IN ('receiving', 'ready', 'active', 'superseded', 'rejected', 'failed')),
    content       BLOB,                       -- HMAC of the body, known when it has been read
    same_as       INTEGER,                    -- the earlier delivery with the same content, which stays
    rows_accepted INTEGER NOT NULL,
    rows_rejected INTEGER NOT NULL,
    started_us    INTEGER NOT NULL,
    finished_us   INTEGER,
    activated_us  INTEGER,
    lease_us      INTEGER NOT NULL,           -- abandoned when this has passed and it is not finished
    swept_us      INTEGER                     -- its rows are gone
) STRICT;
CREATE INDEX delivery_by_holder ON delivery (holder, dataset, period, state);
CREATE INDEX delivery_by_state ON delivery (state);
-- One snapshot at a time, whatever else goes wrong.
CREATE UNIQUE INDEX delivery_one_snapshot ON delivery (holder, dataset, period)
    WHERE state = 'active' AND mode = 'snapshot';

CREATE TABLE delivery_error (
    delivery   INTEGER NOT NULL,
    row_number INTEGER NOT NULL,
    field      TEXT    NOT NULL,
    code       TEXT    NOT NULL,
    PRIMARY KEY (delivery, row_number, field, code)
) STRICT, WITHOUT ROWID;

-- Keys that a delivery of changes removes when it becomes visible.
CREATE TABLE delivery_removal (
    delivery INTEGER NOT NULL,
    row_key  BLOB    NOT NULL,
    PRIMARY KEY (delivery, row_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE epoch (
    id           INTEGER NOT NULL PRIMARY KEY,
    population   TEXT    NOT NULL,
    date         TEXT    NOT NULL,            -- ISO 8601, as it stands in the names of cells
    state        TEXT    NOT NULL CHECK (state IN ('closing', 'closed')),
    started_us   INTEGER NOT NULL,
    closed_us    INTEGER,
    lease_us     INTEGER NOT NULL,            -- another process may take over a close when this has passed
    catalogue    BLOB    NOT NULL,            -- digest of the catalogue at the close
    completeness TEXT    NOT NULL,            -- JSON
    UNIQUE (population, date)
) STRICT;

-- The purposes that were active when the epoch closed; they answer for it.
CREATE TABLE epoch_purpose (
    epoch   INTEGER NOT NULL,
    purpose TEXT    NOT NULL,
    version INTEGER NOT NULL,
    digest  BLOB    NOT NULL,
    PRIMARY KEY (epoch, purpose)
) STRICT, WITHOUT ROWID;

-- What may be shown: a cell that is not here is hidden.
CREATE TABLE released_cell (
    epoch INTEGER NOT NULL,
    cell  TEXT    NOT NULL,
    y     INTEGER NOT NULL,
    PRIMARY KEY (epoch, cell)
) STRICT, WITHOUT ROWID;

-- Token ids that were used; across replicas each works once.
CREATE TABLE token_jti (
    jti        BLOB    NOT NULL PRIMARY KEY,  -- a hash, never the id itself
    expires_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX token_jti_by_expiry ON token_jti (expires_us);
