-- The files of all policies that were ever in force, so that any decision can be made again. What they are is shown by
-- their digest, which the log has.
CREATE TABLE policy_archive (
    digest BLOB NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    files  TEXT NOT NULL
) STRICT;
