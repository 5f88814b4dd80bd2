-- Entries about policies and withdrawals are found without reading the whole log. The fifth byte of a leaf is its kind
-- (docs/log-format.md): 5 is a change of policies, 16 a withdrawal.
CREATE INDEX log_entry_policy ON log_entry (shard, idx) WHERE substr(leaf, 5, 1) IN (x'05', x'10');
