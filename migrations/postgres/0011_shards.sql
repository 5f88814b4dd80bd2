-- A log is closed once: nothing is appended behind the entry that says so. The next shard has the next number.
ALTER TABLE log_head ADD COLUMN closed BIGINT NOT NULL DEFAULT 0 CHECK (closed IN (0, 1));
