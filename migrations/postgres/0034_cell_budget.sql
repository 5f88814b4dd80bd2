-- How many released cells a recipient asked about under a clause in an epoch, over all replicas.
CREATE TABLE cell_budget (
    recipient TEXT    NOT NULL,                  -- an OIN
    clause    TEXT    NOT NULL,                  -- the grant, such as `youth-atlas/grant/0`
    epoch     BIGINT  NOT NULL,                  -- its count date, days since 1970-01-01
    cells     BIGINT  NOT NULL,
    PRIMARY KEY (recipient, clause, epoch)
);

-- The questions whose cells are in it: who asks again asks about nothing new.
CREATE TABLE cell_question (
    recipient TEXT    NOT NULL,
    clause    TEXT    NOT NULL,
    epoch     BIGINT  NOT NULL,
    question  BYTEA   NOT NULL,                  -- SHA-256 over the names of its cells
    PRIMARY KEY (recipient, clause, epoch, question)
);
