-- How many released cells a recipient asked about under a clause in an epoch, over all replicas.
CREATE TABLE cell_budget (
    recipient TEXT    NOT NULL,                  -- an OIN
    clause    TEXT    NOT NULL,                  -- the grant, such as `youth-atlas/grant/0`
    epoch     INTEGER NOT NULL,                  -- its count date, days since 1970-01-01
    cells     INTEGER NOT NULL,
    PRIMARY KEY (recipient, clause, epoch)
) STRICT, WITHOUT ROWID;

-- The questions whose cells are in it: who asks again asks about nothing new.
CREATE TABLE cell_question (
    recipient TEXT    NOT NULL,
    clause    TEXT    NOT NULL,
    epoch     INTEGER NOT NULL,
    question  BLOB    NOT NULL,                  -- SHA-256 over the names of its cells
    PRIMARY KEY (recipient, clause, epoch, question)
) STRICT, WITHOUT ROWID;
