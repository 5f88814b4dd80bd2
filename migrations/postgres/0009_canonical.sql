-- A merge changes which pupil rows are about in the tables of all datasets; who stages rows meanwhile waits for it.
INSERT INTO counter (name, value) VALUES ('merge', 0);
