-- The audit log (docs/log-format.md). What the tree proves is leaf and leaf_hash; all else can be made from them.

-- A log: one a year, and where one head is too slow one a replica.
CREATE TABLE log_shard (
    shard        INTEGER NOT NULL PRIMARY KEY,
    origin       TEXT   NOT NULL UNIQUE,      -- its name, and the name of its key
    verifier     TEXT   NOT NULL,             -- its public key, C2SP `name+id+key`
    opened_us    INTEGER NOT NULL,
    published_us INTEGER NOT NULL              -- writing this is the lock of the publisher
) STRICT;

-- The state of a log. Writing it is the lock of every append.
CREATE TABLE log_head (
    shard             INTEGER NOT NULL PRIMARY KEY,
    size              INTEGER NOT NULL CHECK (size >= 0),
    frontier          BLOB   NOT NULL,
    root              BLOB   NOT NULL CHECK (length(root) = 32),
    last_us           INTEGER NOT NULL,        -- time of the last leaf
    policy_generation INTEGER NOT NULL,        -- an entry decided under another one is refused
    policy_digest     BLOB   NOT NULL         -- of the policies of this generation; empty before the first
) STRICT;

CREATE TABLE log_entry (
    shard     INTEGER NOT NULL,
    idx       INTEGER NOT NULL,                -- 0, 1, 2 … without gaps
    leaf_hash BLOB   NOT NULL CHECK (length(leaf_hash) = 32),
    leaf      BLOB   NOT NULL,                -- the exact bytes; never re-encoded
    replica   BLOB   NOT NULL,                -- with sequence also in the leaf: to find a commit whose answer was lost
    sequence  INTEGER NOT NULL,
    PRIMARY KEY (shard, idx),
    UNIQUE (replica, sequence)
) STRICT;

-- The sealed private part of an entry; dropped by month, or one by one on erasure.
CREATE TABLE log_private (
    month  TEXT   NOT NULL,                   -- YYYY-MM, of the key it is sealed to
    shard  INTEGER NOT NULL,
    idx    INTEGER NOT NULL,
    sealed BLOB   NOT NULL,
    PRIMARY KEY (month, shard, idx)
) STRICT;

CREATE TABLE log_checkpoint (
    shard   INTEGER NOT NULL,
    size    INTEGER NOT NULL,
    root    BLOB   NOT NULL CHECK (length(root) = 32),
    note    TEXT   NOT NULL,                  -- C2SP signed note
    made_us INTEGER NOT NULL,
    PRIMARY KEY (shard, size)
) STRICT;
