-- What the rows of a delivery that is coming in make of its holder's sets: `subject_set` as it will be once the delivery is
-- visible. Of one that is refused nothing gets there.
CREATE TABLE delivery_set (
    delivery INTEGER NOT NULL,
    subject  BLOB    NOT NULL,
    root     BLOB    NOT NULL,
    PRIMARY KEY (delivery, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_set_by_root ON delivery_set (delivery, root);
