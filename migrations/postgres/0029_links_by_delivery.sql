-- Two deliveries of one holder may assert a pair at the same time; what becomes of one says nothing of the other.
ALTER TABLE subject_link DROP CONSTRAINT subject_link_pkey;
ALTER TABLE subject_link ADD PRIMARY KEY (subject_a, subject_b, holder, delivery);
CREATE INDEX subject_link_by_delivery ON subject_link (delivery);
