-- Conventions: BIGINT, TEXT, BYTEA only; times are microseconds since 1970-01-01 UTC, set by us; keys are ours.
-- The same tables, columns and names as in migrations/sqlite (a test compares them).

-- Sequences that we hand out ourselves: UPDATE … RETURNING takes a block and is the lock of its transaction.
CREATE TABLE counter (
    name  TEXT   NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counter (name, value) VALUES ('subject', 0), ('delivery', 0), ('activation', 0), ('epoch', 0);

-- One for each identifier ever seen. `canonical` is itself, or the survivor it was merged into.
CREATE TABLE subject (
    subject    BYTEA  NOT NULL PRIMARY KEY,
    sequence   BIGINT NOT NULL UNIQUE,
    kind       BIGINT NOT NULL,               -- type byte of the identifier: 1 BSN, 2 onderwijsnummer, 3 local, 4 ECK iD
    canonical  BYTEA  NOT NULL,
    created_us BIGINT NOT NULL
);
CREATE INDEX subject_by_canonical ON subject (canonical);

-- The keyed index of an identifier, by version of the entrance key. The identifier itself is never stored.
CREATE TABLE subject_index (
    idx         BYTEA  NOT NULL,
    key_version BIGINT NOT NULL,
    subject     BYTEA  NOT NULL,
    PRIMARY KEY (idx, key_version)
);
CREATE INDEX subject_index_by_subject ON subject_index (subject);

-- A holder delivered both identifiers on one row. `subject_a` has the lower creation sequence.
CREATE TABLE subject_link (
    subject_a   BYTEA  NOT NULL,
    subject_b   BYTEA  NOT NULL,
    holder      TEXT   NOT NULL,
    delivery    BIGINT NOT NULL,              -- counts for others only when this delivery became visible
    asserted_us BIGINT NOT NULL,
    PRIMARY KEY (subject_a, subject_b, holder)
);
CREATE INDEX subject_link_by_b ON subject_link (subject_b);

-- What one holder's links make of its own rows: they are stored under `root`, the lowest of the linked set.
CREATE TABLE subject_set (
    holder  TEXT  NOT NULL,
    subject BYTEA NOT NULL,
    root    BYTEA NOT NULL,
    PRIMARY KEY (holder, subject)
);
CREATE INDEX subject_set_by_root ON subject_set (holder, root);

-- Pairs that hold for everybody from `effective_us`.
CREATE TABLE subject_merge (
    merged       BYTEA  NOT NULL,
    survivor     BYTEA  NOT NULL,             -- the lower creation sequence of the two
    reason       TEXT   NOT NULL CHECK (reason IN ('two-holders', 'rule')),
    agreed_us    BIGINT NOT NULL,
    effective_us BIGINT NOT NULL,
    applied_us   BIGINT,
    undone_us    BIGINT,
    PRIMARY KEY (merged, survivor)
);

-- Rows of a dataset are visible while their delivery is 'active'.
CREATE TABLE delivery (
    id            BIGINT NOT NULL PRIMARY KEY,
    dataset       TEXT   NOT NULL,
    period        TEXT   NOT NULL,            -- empty where the dataset has none
    holder        TEXT   NOT NULL,
    deliverer     TEXT   NOT NULL,
    mode          TEXT   NOT NULL CHECK (mode IN ('snapshot', 'changes')),
    state         TEXT   NOT NULL
                  CHECK (state IN ('receiving', 'ready', 'active', 'superseded', 'rejected', 'failed')),
    content       BYTEA,                      -- HMAC of the body, known when it has been read
    same_as       BIGINT,                     -- the earlier delivery with the same content, which stays
    rows_accepted BIGINT NOT NULL,
    rows_rejected BIGINT NOT NULL,
    started_us    BIGINT NOT NULL,
    finished_us   BIGINT,
    activated_us  BIGINT,
    lease_us      BIGINT NOT NULL,            -- abandoned when this has passed and it is not finished
    swept_us      BIGINT                      -- its rows are gone
);
CREATE INDEX delivery_by_holder ON delivery (holder, dataset, period, state);
CREATE INDEX delivery_by_state ON delivery (state);
-- One snapshot at a time, whatever else goes wrong.
CREATE UNIQUE INDEX delivery_one_snapshot ON delivery (holder, dataset, period)
    WHERE state = 'active' AND mode = 'snapshot';

CREATE TABLE delivery_error (
    delivery   BIGINT NOT NULL,
    row_number BIGINT NOT NULL,
    field      TEXT   NOT NULL,
    code       TEXT   NOT NULL,
    PRIMARY KEY (delivery, row_number, field, code)
);

-- Keys that a delivery of changes removes when it becomes visible.
CREATE TABLE delivery_removal (
    delivery BIGINT NOT NULL,
    row_key  BYTEA  NOT NULL,
    PRIMARY KEY (delivery, row_key)
);

CREATE TABLE epoch (
    id           BIGINT NOT NULL PRIMARY KEY,
    population   TEXT   NOT NULL,
    date         TEXT   NOT NULL,             -- ISO 8601, as it stands in the names of cells
    state        TEXT   NOT NULL CHECK (state IN ('closing', 'closed')),
    started_us   BIGINT NOT NULL,
    closed_us    BIGINT,
    lease_us     BIGINT NOT NULL,             -- another process may take over a close when this has passed
    catalogue    BYTEA  NOT NULL,             -- digest of the catalogue at the close
    completeness TEXT   NOT NULL,             -- JSON
    UNIQUE (population, date)
);

-- The purposes that were active when the epoch closed; they answer for it.
CREATE TABLE epoch_purpose (
    epoch   BIGINT NOT NULL,
    purpose TEXT   NOT NULL,
    version BIGINT NOT NULL,
    digest  BYTEA  NOT NULL,
    PRIMARY KEY (epoch, purpose)
);

-- What may be shown: a cell that is not here is hidden.
CREATE TABLE released_cell (
    epoch BIGINT NOT NULL,
    cell  TEXT   NOT NULL,
    y     BIGINT NOT NULL,
    PRIMARY KEY (epoch, cell)
);

-- Token ids that were used; across replicas each works once.
CREATE TABLE token_jti (
    jti        BYTEA  NOT NULL PRIMARY KEY,   -- a hash, never the id itself
    expires_us BIGINT NOT NULL
);
CREATE INDEX token_jti_by_expiry ON token_jti (expires_us);
