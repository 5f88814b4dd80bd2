-- Two deliveries of one holder may assert a pair at the same time; what becomes of one says nothing of the other.
CREATE TABLE subject_link_new (
    subject_a   BLOB    NOT NULL,             -- the lower creation sequence of the two
    subject_b   BLOB    NOT NULL,
    holder      TEXT    NOT NULL,
    delivery    INTEGER NOT NULL,             -- counts for others only when this delivery became visible
    asserted_us INTEGER NOT NULL,
    PRIMARY KEY (subject_a, subject_b, holder, delivery)
) STRICT, WITHOUT ROWID;
INSERT INTO subject_link_new (subject_a, subject_b, holder, delivery, asserted_us)
    SELECT subject_a, subject_b, holder, delivery, asserted_us FROM subject_link;
DROP TABLE subject_link;
ALTER TABLE subject_link_new RENAME TO subject_link;
CREATE INDEX subject_link_by_b ON subject_link (subject_b);
CREATE INDEX subject_link_by_delivery ON subject_link (delivery);
