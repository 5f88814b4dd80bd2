-- What a holder is asked or told about its own pupils, and only the holder reads. A pseudonym that is nobody's has an item
-- too, in nobody's inbox (an empty holder), so that asking about it does the same.
CREATE TABLE inbox_item (
    id         BLOB    NOT NULL PRIMARY KEY,  -- random
    holder     TEXT    NOT NULL,
    kind       TEXT    NOT NULL CHECK (kind IN ('resolution', 'link', 'conflict')),
    dataset    TEXT    NOT NULL,              -- whose row the reference is of
    "row"      INTEGER,
    reference  BLOB,                          -- the holder's own, sealed as in that row
    told       BLOB,                          -- what else it is told, sealed
    about      BLOB    NOT NULL,              -- a digest of what it is about: the same is not asked twice
    subject_a  BLOB,                          -- of a link or conflict
    subject_b  BLOB,
    created_us INTEGER NOT NULL,
    closes_us  INTEGER NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('open', 'answered', 'declined', 'confirmed')),
    settled_us INTEGER,
    answer     BLOB,                          -- sealed
    UNIQUE (holder, about)
) STRICT, WITHOUT ROWID;
CREATE INDEX inbox_item_by_close ON inbox_item (closes_us);

CREATE TABLE resolution (
    id         BLOB    NOT NULL PRIMARY KEY,
    recipient  TEXT    NOT NULL,
    purpose    TEXT    NOT NULL,
    created_us INTEGER NOT NULL,
    closes_us  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE resolution_pupil (
    resolution BLOB    NOT NULL,
    place      INTEGER NOT NULL,
    pseudonym  BLOB    NOT NULL,              -- sealed
    item       BLOB    NOT NULL,
    PRIMARY KEY (resolution, place)
) STRICT, WITHOUT ROWID;

-- Pseudonyms that were translated for somebody, until they are too old to fetch.
CREATE TABLE translation (
    id         BLOB    NOT NULL PRIMARY KEY,
    receiver   TEXT    NOT NULL,
    purpose    TEXT    NOT NULL,              -- under which they were translated
    to_purpose TEXT    NOT NULL,              -- whose pseudonyms they are now
    created_us INTEGER NOT NULL,
    pseudonyms BLOB    NOT NULL               -- sealed
) STRICT, WITHOUT ROWID;
CREATE INDEX translation_by_receiver ON translation (receiver, created_us);

-- Each value once a day.
CREATE TABLE translated (
    sender  TEXT    NOT NULL,
    purpose TEXT    NOT NULL,
    day     INTEGER NOT NULL,
    value   BLOB    NOT NULL,                 -- a keyed digest of the pseudonym
    PRIMARY KEY (sender, purpose, day, value)
) STRICT, WITHOUT ROWID;
