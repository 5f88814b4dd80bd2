-- People at the console: who is signed in, who is on the way, and one-time links.
CREATE TABLE console_session (
    id            BLOB    NOT NULL PRIMARY KEY,   -- SHA-256 of the cookie
    person        BLOB    NOT NULL,               -- who it is, sealed; for the private part of log entries
    proved        INTEGER NOT NULL,               -- whether a provider said so
    operator      INTEGER NOT NULL,
    organisation  TEXT    NOT NULL,               -- the holder's OIN; empty: none
    language      TEXT    NOT NULL,
    began_us      INTEGER NOT NULL,
    seen_us       INTEGER NOT NULL,
    stepped_up_us INTEGER NOT NULL                -- 0: not
) STRICT;

-- Sign-ins that began: each comes back once.
CREATE TABLE console_sign_in (
    state   BLOB    NOT NULL PRIMARY KEY,         -- SHA-256 of the state
    next    TEXT    NOT NULL,                     -- the page that was asked for
    session BLOB    NOT NULL,                     -- the session that steps up; empty: a new one
    ends_us INTEGER NOT NULL
) STRICT;

-- One-time links of the operator's terminal.
CREATE TABLE console_link (
    code         BLOB    NOT NULL PRIMARY KEY,    -- SHA-256 of the code
    operator     INTEGER NOT NULL,
    organisation TEXT    NOT NULL,
    ends_us      INTEGER NOT NULL
) STRICT;
