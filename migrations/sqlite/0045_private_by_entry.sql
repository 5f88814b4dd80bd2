-- An entry has one private part, which is found by the entry. One index is enough: each costs at every append. What has
-- to be dropped with a month is counted by reading the shard, once a month.
CREATE TABLE log_private_by_entry (
    month  TEXT    NOT NULL,                  -- YYYY-MM, of the key it is sealed to
    shard  INTEGER NOT NULL,
    idx    INTEGER NOT NULL,
    sealed BLOB    NOT NULL,
    PRIMARY KEY (shard, idx)
) STRICT;
INSERT INTO log_private_by_entry (month, shard, idx, sealed)
    SELECT month, shard, idx, sealed FROM log_private ORDER BY shard, idx;
DROP TABLE log_private;
ALTER TABLE log_private_by_entry RENAME TO log_private;
