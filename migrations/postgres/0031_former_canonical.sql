-- What visible rows carried in `canonical` before merges, their undoing, or their holder's own links changed it: for the
-- pseudonyms of before that recipients are told during an overlap. Forgotten when no overlap can reach back so far.
CREATE TABLE former_canonical (
    dataset_table TEXT    NOT NULL,
    holder        TEXT    NOT NULL,
    subject       BYTEA    NOT NULL,           -- under which the holder's rows stand now
    canonical     BYTEA    NOT NULL,           -- what they carried
    until_us      BIGINT NOT NULL,           -- until then
    PRIMARY KEY (dataset_table, holder, subject, canonical)
);
CREATE INDEX former_canonical_by_end ON former_canonical (until_us);

-- Which entry of the log told of a merge: who undoes it names the entry, and never a pupil.
ALTER TABLE subject_merge ADD COLUMN told_by BYTEA;
ALTER TABLE subject_merge ADD COLUMN told_place BIGINT; -- its number in that entry, from 1
CREATE INDEX subject_merge_by_entry ON subject_merge (told_by, told_place);
