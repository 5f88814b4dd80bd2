-- Which versions of the keys each replica has read: a new version may be made active when all that run know it.
CREATE TABLE replica_keys (
    replica  BYTEA  NOT NULL PRIMARY KEY,     -- random, for one run of it
    versions TEXT   NOT NULL,                 -- `index:1,2 exit:1 …`, the versions that it reads
    seen_us  BIGINT NOT NULL                  -- when it last said so; a replica that is silent for long is gone
);

-- How far the holders' own references are sealed anew under a version of the `seal` key. Any replica goes on from here.
CREATE TABLE resealing (
    dataset     TEXT   NOT NULL,
    key_version BIGINT NOT NULL,
    from_row    BIGINT NOT NULL,             -- rows up to this one were looked at
    found       BIGINT NOT NULL,             -- how many of them, in this pass, were under another version
    resealed    BIGINT NOT NULL,
    finished_us BIGINT,                       -- nothing is left under another version
    PRIMARY KEY (dataset, key_version)
);
