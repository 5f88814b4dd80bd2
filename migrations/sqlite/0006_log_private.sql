-- The private part of an entry is found by the entry, whatever the month of its key.
CREATE INDEX log_private_entry ON log_private (shard, idx);
