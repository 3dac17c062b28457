-- phone_numbers: wa_normalize_phone(), wa_phone_info() and wa_check_phones(), by numbers whose plans have not changed for years.
SET client_min_messages = error;
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

-- what people write
SELECT w.phone, w.region, wa_normalize_phone(w.phone, w.region)
FROM (VALUES ('+34612345678', NULL), ('+34 612-34 56 78', NULL), ('+34 (612) 345.678', NULL), ('0034 612345678', NULL), ('612 34 56 78', 'ES'),
             ('612 34 56 78', 'es'), ('34612345678', 'ES'), ('07911 123456', 'GB'), ('+44 (0)7911 123456', NULL), ('011 34 612345678', 'US'),
             ('0011 34 612345678', 'AU'), ('13123456789', 'CN'), ('0151 23456789', 'DE'), ('11961234567', 'BR'), ('4532123456', 'DK'),
             ('06 12345678', 'IT'), ('8 916 123-45-67', 'RU'), ('+989601', NULL), ('tel:+34-612-345-678', NULL), ('030/12345678', 'DE'),
             (U&'\200E+34\00A0612\200B345\2011678\202C', NULL), (U&'\FF0B\FF13\FF14612345678', NULL), (U&'+\0663\0664612345678', NULL), (NULL, NULL))
     AS w (phone, region);

-- what comes out is sent to, whatever went in
SELECT count(*) AS numbers, count(*) FILTER (WHERE wa_valid_e164(wa_normalize_phone('+34 6' || lpad(n::text, 8, '0')))) AS valid
FROM generate_series(12345600, 12345699) AS n;

-- nothing is guessed
CREATE FUNCTION refusal(phone text, region text DEFAULT NULL) RETURNS TABLE (code text, message text, detail text, hint text) LANGUAGE plpgsql AS $$
BEGIN
    message := 'none: ' || wa_normalize_phone(refusal.phone, refusal.region);
    RETURN NEXT;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN NEXT;
END $$;
SELECT w.phone, w.region, r.code, r.message, r.detail
FROM (VALUES ('612345678', NULL), ('34612345678', NULL), ('13123456789', NULL), ('01134612345678', NULL), ('34612345678', 'FR'), ('612345678', 'XX'),
             ('612345678', 'Spain'), ('07911123456', 'UK'), ('612345678', ''), ('612345678', '001'), ('+999123456', NULL), ('+3461234567', NULL),
             ('+346123456789', NULL), ('+34112345678', NULL), ('5540081837', 'BR'), ('', NULL), ('n/a', NULL), ('+34612345678 ext 4', NULL),
             ('+34612345678, +34612345679', NULL), ('+34612345678 +34612345679', NULL), ('612345678/79', 'ES'), ('3.46123E+10', NULL),
             ('34612345678.0', 'ES'), (E'612345678\n612345679', 'ES'), ('1-800-FLOWERS', 'US'), (U&'+34612345678\0301', NULL)) AS w (phone, region),
     LATERAL refusal(w.phone, w.region) AS r;
SELECT DISTINCT r.hint COLLATE "C" AS hint FROM (VALUES ('612345678', NULL), ('612345678', 'XX'), ('5540081837', 'BR'), ('+34112345678', NULL), ('+3461', NULL), ('n/a', NULL))
    AS w (phone, region), LATERAL refusal(w.phone, w.region) AS r ORDER BY 1;
SELECT r.* FROM refusal(repeat('1', 2000)) AS r;

-- what is known of a number
SELECT i.* FROM (VALUES (1, '+34612345678'), (2, '+34 912 34 56 78'), (3, '+12025550123'), (4, '+80012345678'), (5, '+34112345678'), (6, '+3461234567'),
                        (7, '+999123456'), (8, '612345678'), (9, 'x'), (10, NULL)) AS w (place, phone), LATERAL wa_phone_info(w.phone) AS i ORDER BY place;
SELECT p.oid::regprocedure AS function, provolatile AS volatility, proisstrict AS strict, proparallel AS parallel, prosecdef AS definer
FROM pg_proc AS p WHERE proname IN ('wa_normalize_phone', 'wa_phone_info', 'wa_check_phones') ORDER BY proname COLLATE "C";

-- the rows that cannot be reached
CREATE TABLE suppliers (id integer PRIMARY KEY, phone text);
INSERT INTO suppliers VALUES (1, '+34612345678'), (2, '+34 612 34 56 78'), (3, '612345678'), (4, '34612345678'), (5, NULL), (6, ''), (7, '0034612345678'),
    (8, U&'+34612345678\200B'), (9, '+34112345678'), (10, 'ES.13491208655302741918'), (11, '3.46E+10'), (12, '+5215512345678'), (13, '+5491123456789'),
    (14, '+4407911123456'), (15, 'n/a'), (16, '5540081837'), (17, '+551161234567'), (18, '+551111234567'), (19, '+5511961234567');
SELECT key, phone, problem, suggestion FROM wa_check_phones('suppliers', 'phone') ORDER BY (key ->> 'id')::integer;
SELECT key, suggestion FROM wa_check_phones('suppliers', 'phone', 'ES') WHERE suggestion IS NOT NULL ORDER BY (key ->> 'id')::integer;
SELECT key, problem FROM wa_check_phones('suppliers', 'phone', 'BR') WHERE key = '{"id": 16}';

-- hostile names, other types, other kinds of relations, keys of several columns and none
CREATE SCHEMA "a ""b"".c";
CREATE TABLE "a ""b"".c"."t'; DROP TABLE suppliers; --" ("x""y" integer, "'k'" text, "p'h""one" text, PRIMARY KEY ("x""y", "'k'"));
INSERT INTO "a ""b"".c"."t'; DROP TABLE suppliers; --" VALUES (7, 'seven', '0034612345678');
SELECT * FROM wa_check_phones('"a ""b"".c"."t''; DROP TABLE suppliers; --"', 'p''h"one');
CREATE TABLE typed (big bigint, n numeric, r double precision, c char(20), v varchar(30), a text[], j jsonb, b bytea, t suppliers);
INSERT INTO typed VALUES (34612345678, 34612345678.0, 34612345678e10, '+34612345678', '+34 612345678', '{+34612345678}', '"+34612345678"', '+34612345678', ROW (1, 'x'));
SELECT c.name, f.key, f.phone, f.problem, f.suggestion
FROM unnest('{big,n,r,c,v,a,j,b,t}'::name[]) WITH ORDINALITY AS c (name, place), LATERAL wa_check_phones('typed', c.name, 'ES') AS f ORDER BY place;
CREATE VIEW listed AS SELECT phone AS number FROM suppliers WHERE id = 2;
SELECT * FROM wa_check_phones('listed', 'number');
CREATE TABLE parts (region text, phone text) PARTITION BY LIST (region);
CREATE TABLE parts_es PARTITION OF parts FOR VALUES IN ('ES');
INSERT INTO parts VALUES ('ES', '612345678');
SELECT * FROM wa_check_phones('parts', 'phone', 'ES');
CREATE SEQUENCE not_a_table;
SELECT refused.* FROM (SELECT 'suppliers'::regclass) AS s, LATERAL wa_check_phones('not_a_table', 'last_value') AS refused;
SELECT * FROM wa_check_phones('suppliers', 'fax');
SELECT * FROM wa_check_phones('suppliers', 'ctid');
SELECT * FROM wa_check_phones('suppliers', NULL);
SELECT * FROM wa_check_phones(0, 'phone');
SELECT * FROM wa_check_phones('suppliers', 'phone', 'XX');

-- with the caller's rights, and no others
CREATE ROLE phones_reader;
SET ROLE phones_reader;
SELECT count(*) FROM wa_check_phones('suppliers', 'phone');
RESET ROLE;
GRANT SELECT ON suppliers TO phones_reader;
ALTER TABLE suppliers ENABLE ROW LEVEL SECURITY;
CREATE POLICY first_three ON suppliers USING (id < 4);
SET ROLE phones_reader;
SELECT key FROM wa_check_phones('suppliers', 'phone') ORDER BY key;
SELECT wa_normalize_phone('612345678', 'ES');
RESET ROLE;

-- many at once, and in parallel workers
CREATE TABLE phones AS SELECT '+34 6' || lpad(n::text, 8, '0') AS phone FROM generate_series(1, 5000) AS n;
SELECT count(*), count(suggestion) FROM wa_check_phones('phones', 'phone');
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
ALTER TABLE phones SET (parallel_workers = 2);
SELECT count(DISTINCT wa_normalize_phone(phone)) FROM phones;

DROP TABLE suppliers CASCADE;
DROP TABLE typed, parts, phones;
DROP SEQUENCE not_a_table;
DROP SCHEMA "a ""b"".c" CASCADE;
DROP FUNCTION refusal;
DROP ROLE phones_reader;
DROP EXTENSION pg_whatsapp;
