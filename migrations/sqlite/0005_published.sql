-- What is published of the log: tiles, cosignatures of witnesses, time stamps. All but the last two can be made from
-- log_entry again.

-- The root of a full tile: what the tile above it holds. Tiles of level 0 are the leaf hashes of log_entry.
CREATE TABLE log_node (
    shard INTEGER NOT NULL,
    level INTEGER NOT NULL,                    -- of the tile that holds it: 1 covers 256 leaves, 2 covers 65,536 …
    idx   INTEGER NOT NULL,                    -- 0, 1, 2 … on its level, without gaps
    hash  BLOB    NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (shard, level, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE log_cosignature (
    shard   INTEGER NOT NULL,
    size    INTEGER NOT NULL,                  -- of the checkpoint it is under
    witness TEXT    NOT NULL,                  -- the witness's public key, C2SP `name+id+key`
    line    TEXT    NOT NULL,                  -- the signature line, with its newline
    time_s  INTEGER NOT NULL,                  -- what the witness says, seconds since 1970
    made_us INTEGER NOT NULL,                  -- when we got it
    PRIMARY KEY (shard, size, witness)
) STRICT, WITHOUT ROWID;

CREATE TABLE log_stamp (
    shard   INTEGER NOT NULL,
    size    INTEGER NOT NULL,                  -- of the checkpoint it is over
    time_us INTEGER NOT NULL,                  -- what the authority says
    token   BLOB    NOT NULL,                  -- RFC 3161 TimeStampToken, DER
    made_us INTEGER NOT NULL,                  -- when we got it
    PRIMARY KEY (shard, size, time_us)
) STRICT;

-- Writing this is the turn to ask for a time stamp: one replica does.
ALTER TABLE log_shard ADD COLUMN stamping_us INTEGER NOT NULL DEFAULT 0;
