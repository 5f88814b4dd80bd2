-- What a municipality would build instead of a gateway: one function in the database that holds the rows. Clients
-- come over TLS with a certificate that the database takes their role from; the function looks up whether the role
-- may do this for this purpose, selects the rows of the member of staff's caseload, makes a pseudonym of each pupil's
-- number, and writes an audit row, all in one transaction.
--
-- Written to be fast and fair: the gateway's own rows, an index for the one question, plans that are kept. What it
-- lacks is what the gateway is for: an audit that its own administrator cannot rewrite, a receipt, proof of who the
-- member of staff is, approvals, pseudonyms that a leaked key and 90 million numbers do not undo.

CREATE EXTENSION IF NOT EXISTS pgcrypto;
CREATE SCHEMA peer;

CREATE TABLE peer.policy (
    role      TEXT    NOT NULL,
    purpose   TEXT    NOT NULL,
    from_day  DATE    NOT NULL,
    until_day DATE    NOT NULL,
    key       BYTEA   NOT NULL,
    rows_max  INTEGER NOT NULL,
    PRIMARY KEY (role, purpose)
);
INSERT INTO peer.policy VALUES ('swv_po', 'case-consultation', '2020-01-01', '2040-01-01', gen_random_bytes(32), 100);

-- The gateway keeps no pupil numbers, so each row gets one: nine digits, as a number has.
CREATE TABLE peer.enrolment AS
    SELECT lpad(CAST(row_number() OVER (ORDER BY e."row") AS TEXT), 9, '0') AS pupil,
           e.f_site AS site, e.f_sector AS sector, e.f_year_group AS year_group,
           DATE '1970-01-01' + CAST(e.f_from AS INTEGER) AS from_day,
           DATE '1970-01-01' + CAST(e.f_until AS INTEGER) AS until_day
    FROM ds_enrolment e JOIN delivery d ON d.id = e.delivery
    WHERE d.state = 'active';
CREATE INDEX ON peer.enrolment (site, pupil);

CREATE TABLE peer.caseload AS
    SELECT c.f_staff AS staff, c.f_site AS site
    FROM ds_caseload c JOIN delivery d ON d.id = c.delivery
    WHERE d.state = 'active';
CREATE INDEX ON peer.caseload (staff, site);

CREATE TABLE peer.audit (
    id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    role    TEXT    NOT NULL,
    staff   TEXT    NOT NULL,
    purpose TEXT    NOT NULL,
    cause   TEXT    NOT NULL,
    fields  TEXT    NOT NULL,
    rows    INTEGER NOT NULL
);

CREATE FUNCTION peer.consult(asked_purpose TEXT, asked_staff TEXT, cause TEXT)
RETURNS TABLE (pseudonym TEXT, site TEXT, sector TEXT, year_group TEXT)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = peer, public, pg_temp
AS $$
DECLARE
    policy peer.policy;
    found_rows INTEGER;
BEGIN
    SELECT * INTO policy FROM peer.policy p
    WHERE p.role = session_user AND p.purpose = asked_purpose AND current_date BETWEEN p.from_day AND p.until_day;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'denied';
    END IF;
    RETURN QUERY
        SELECT encode(hmac(CAST(e.pupil AS BYTEA), policy.key, 'sha256'), 'base64'), e.site, e.sector, e.year_group
        FROM peer.caseload c JOIN peer.enrolment e ON e.site = c.site
        WHERE c.staff = asked_staff AND e.from_day <= current_date AND (e.until_day IS NULL OR e.until_day > current_date)
        LIMIT policy.rows_max;
    GET DIAGNOSTICS found_rows = ROW_COUNT;
    INSERT INTO peer.audit (role, staff, purpose, cause, fields, rows)
    VALUES (session_user, asked_staff, asked_purpose, cause, 'site sector year-group', found_rows);
END
$$;

CREATE ROLE swv_po LOGIN;
REVOKE ALL ON FUNCTION peer.consult FROM PUBLIC;
-- Otherwise PostgreSQL plans each call anew, because of the parameters.
ALTER ROLE swv_po SET plan_cache_mode = force_generic_plan;
GRANT USAGE ON SCHEMA peer TO swv_po;
GRANT EXECUTE ON FUNCTION peer.consult TO swv_po;
ANALYZE peer.enrolment, peer.caseload;
