-- What a holder is asked or told about its own pupils, and only the holder reads. A pseudonym that is nobody's has an item
-- too, in nobody's inbox (an empty holder), so that asking about it does the same.
CREATE TABLE inbox_item (
    id         BYTEA    NOT NULL PRIMARY KEY,  -- random
    holder     TEXT    NOT NULL,
    kind       TEXT    NOT NULL CHECK (kind IN ('resolution', 'link', 'conflict')),
    dataset    TEXT    NOT NULL,              -- whose row the reference is of
    "row"      BIGINT,
    reference  BYTEA,                          -- the holder's own, sealed as in that row
    told       BYTEA,                          -- what else it is told, sealed
    about      BYTEA    NOT NULL,              -- a digest of what it is about: the same is not asked twice
    subject_a  BYTEA,                          -- of a link or conflict
    subject_b  BYTEA,
    created_us BIGINT NOT NULL,
    closes_us  BIGINT NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('open', 'answered', 'declined', 'confirmed')),
    settled_us BIGINT,
    answer     BYTEA,                          -- sealed
    UNIQUE (holder, about)
);
CREATE INDEX inbox_item_by_close ON inbox_item (closes_us);

CREATE TABLE resolution (
    id         BYTEA    NOT NULL PRIMARY KEY,
    recipient  TEXT    NOT NULL,
    purpose    TEXT    NOT NULL,
    created_us BIGINT NOT NULL,
    closes_us  BIGINT NOT NULL
);

CREATE TABLE resolution_pupil (
    resolution BYTEA    NOT NULL,
    place      BIGINT NOT NULL,
    pseudonym  BYTEA    NOT NULL,              -- sealed
    item       BYTEA    NOT NULL,
    PRIMARY KEY (resolution, place)
);

-- Pseudonyms that were translated for somebody, until they are too old to fetch.
CREATE TABLE translation (
    id         BYTEA    NOT NULL PRIMARY KEY,
    receiver   TEXT    NOT NULL,
    purpose    TEXT    NOT NULL,              -- under which they were translated
    to_purpose TEXT    NOT NULL,              -- whose pseudonyms they are now
    created_us BIGINT NOT NULL,
    pseudonyms BYTEA    NOT NULL               -- sealed
);
CREATE INDEX translation_by_receiver ON translation (receiver, created_us);

-- Each value once a day.
CREATE TABLE translated (
    sender  TEXT    NOT NULL,
    purpose TEXT    NOT NULL,
    day     BIGINT NOT NULL,
    value   BYTEA    NOT NULL,                 -- a keyed digest of the pseudonym
    PRIMARY KEY (sender, purpose, day, value)
);
