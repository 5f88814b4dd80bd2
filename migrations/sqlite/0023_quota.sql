-- What somebody used up of a daily allowance, over all replicas.
CREATE TABLE daily_use (
    what TEXT    NOT NULL,                    -- the allowance
    who  TEXT    NOT NULL,                    -- an OIN
    day  INTEGER NOT NULL,                    -- days since 1970-01-01 UTC
    used INTEGER NOT NULL,
    PRIMARY KEY (what, who, day)
) STRICT, WITHOUT ROWID;

-- Pupils that were looked up by their numbers in the name of an organisation, and how many of them nobody else knows.
CREATE TABLE look_up (
    organisation TEXT    NOT NULL,
    day          INTEGER NOT NULL,
    looked       INTEGER NOT NULL,
    missed       INTEGER NOT NULL,
    alarmed_us   INTEGER,                     -- the alarm of this day was given
    PRIMARY KEY (organisation, day)
) STRICT, WITHOUT ROWID;

-- Whose delivery named the identifier first, and whether anybody else ever did: who creates a subject does not make a
-- look-up of it a hit. Empty: seen before this was kept.
ALTER TABLE subject ADD COLUMN creator TEXT NOT NULL DEFAULT '';
ALTER TABLE subject ADD COLUMN borne_out INTEGER NOT NULL DEFAULT 0;
