-- People at the console: who is signed in, who is on the way, and one-time links.
CREATE TABLE console_session (
    id            BYTEA   NOT NULL PRIMARY KEY,   -- SHA-256 of the cookie
    person        BYTEA   NOT NULL,               -- who it is, sealed; for the private part of log entries
    proved        BIGINT  NOT NULL,               -- whether a provider said so
    operator      BIGINT  NOT NULL,
    organisation  TEXT    NOT NULL,               -- the holder's OIN; empty: none
    language      TEXT    NOT NULL,
    began_us      BIGINT  NOT NULL,
    seen_us       BIGINT  NOT NULL,
    stepped_up_us BIGINT  NOT NULL                -- 0: not
);

-- Sign-ins that began: each comes back once.
CREATE TABLE console_sign_in (
    state   BYTEA   NOT NULL PRIMARY KEY,         -- SHA-256 of the state
    next    TEXT    NOT NULL,                     -- the page that was asked for
    session BYTEA   NOT NULL,                     -- the session that steps up; empty: a new one
    ends_us BIGINT  NOT NULL
);

-- One-time links of the operator's terminal.
CREATE TABLE console_link (
    code         BYTEA   NOT NULL PRIMARY KEY,    -- SHA-256 of the code
    operator     BIGINT  NOT NULL,
    organisation TEXT    NOT NULL,
    ends_us      BIGINT  NOT NULL
);
