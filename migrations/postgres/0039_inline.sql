-- Leaves with many tags and sealed parts are random bytes: trying to compress them costs time and gains nothing, and a
-- second table for them costs another row and index entry each. They stay in their row, up to what fits a page.
ALTER TABLE log_entry SET (toast_tuple_target = 8160);
ALTER TABLE log_entry ALTER COLUMN leaf SET STORAGE EXTERNAL;
ALTER TABLE log_private SET (toast_tuple_target = 8160);
ALTER TABLE log_private ALTER COLUMN sealed SET STORAGE EXTERNAL;
