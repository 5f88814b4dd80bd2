-- What is still open in the log: answers that leave in pieces and whose end no entry tells, windows of refusals that were
-- never closed. Before this index of a log, nothing is; it moves with the entry that settles the next one.
CREATE TABLE log_settled (
    shard INTEGER NOT NULL PRIMARY KEY,
    idx   INTEGER NOT NULL CHECK (idx >= 0)
) STRICT;

-- The entries that close are found without reading the whole log. The fifth byte of a leaf is its kind
-- (docs/log-format.md): 2 completes an access, 4 closes a window.
CREATE INDEX log_entry_closing ON log_entry (shard, idx) WHERE substr(leaf, 5, 1) IN (x'02', x'04');
