-- An entry has one private part, which is found by the entry. One index is enough: each costs at every append. What has
-- to be dropped with a month is counted by reading the shard, once a month.
DROP INDEX log_private_entry;
ALTER TABLE log_private DROP CONSTRAINT log_private_pkey;
ALTER TABLE log_private ADD PRIMARY KEY (shard, idx);
