-- The audit log (docs/log-format.md). What the tree proves is leaf and leaf_hash; all else can be made from them.

-- A log: one a year, and where one head is too slow one a replica.
CREATE TABLE log_shard (
    shard        BIGINT NOT NULL PRIMARY KEY,
    origin       TEXT   NOT NULL UNIQUE,      -- its name, and the name of its key
    verifier     TEXT   NOT NULL,             -- its public key, C2SP `name+id+key`
    opened_us    BIGINT NOT NULL,
    published_us BIGINT NOT NULL              -- writing this is the lock of the publisher
);

-- The state of a log. Writing it is the lock of every append; it changes with each, hence the room on its page.
CREATE TABLE log_head (
    shard             BIGINT NOT NULL PRIMARY KEY,
    size              BIGINT NOT NULL CHECK (size >= 0),
    frontier          BYTEA  NOT NULL,
    root              BYTEA  NOT NULL CHECK (length(root) = 32),
    last_us           BIGINT NOT NULL,        -- time of the last leaf
    policy_generation BIGINT NOT NULL,        -- an entry decided under another one is refused
    policy_digest     BYTEA  NOT NULL         -- of the policies of this generation; empty before the first
) WITH (fillfactor = 10);

CREATE TABLE log_entry (
    shard     BIGINT NOT NULL,
    idx       BIGINT NOT NULL,                -- 0, 1, 2 … without gaps
    leaf_hash BYTEA  NOT NULL CHECK (length(leaf_hash) = 32),
    leaf      BYTEA  NOT NULL,                -- the exact bytes; never re-encoded
    replica   BYTEA  NOT NULL,                -- with sequence also in the leaf: to find a commit whose answer was lost
    sequence  BIGINT NOT NULL,
    PRIMARY KEY (shard, idx),
    UNIQUE (replica, sequence)
);

-- The sealed private part of an entry; dropped by month, or one by one on erasure.
CREATE TABLE log_private (
    month  TEXT   NOT NULL,                   -- YYYY-MM, of the key it is sealed to
    shard  BIGINT NOT NULL,
    idx    BIGINT NOT NULL,
    sealed BYTEA  NOT NULL,
    PRIMARY KEY (month, shard, idx)
);

CREATE TABLE log_checkpoint (
    shard   BIGINT NOT NULL,
    size    BIGINT NOT NULL,
    root    BYTEA  NOT NULL CHECK (length(root) = 32),
    note    TEXT   NOT NULL,                  -- C2SP signed note
    made_us BIGINT NOT NULL,
    PRIMARY KEY (shard, size)
);
