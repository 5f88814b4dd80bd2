-- How PostgreSQL stores long values; SQLite never compresses them.
SELECT 1;
