-- phone: wa_valid_e164() and wa_phone_problem() on every form that people write, in whatever collation, and their use
-- in a CHECK constraint, an index and a parallel plan.
SET client_min_messages = error;
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

CREATE TABLE numbers (place integer GENERATED ALWAYS AS IDENTITY, what text, phone text);
INSERT INTO numbers (what, phone) VALUES
    ('the quick reference: correct', '+34612345678'),
    ('the quick reference: missing country code', '612345678'),
    ('the quick reference: missing +', '34612345678'),
    ('the quick reference: has spaces', '+34 612 34 56 78'),
    ('6 digits, the fewest', '+123456'),
    ('5 digits', '+12345'),
    ('a short number of Iran', '+989601'),
    ('of China, or with a + of Chicago', '13123456789'),
    ('of Germany, or with a + of New York', '15123456789'),
    ('of Brazil, or with a + of Maine', '11961234567'),
    ('of Denmark, with its country code', '4532123456'),
    ('of Norway, with its country code', '4740612345'),
    ('of Singapore, with its country code', '6581234567'),
    ('of Leeds', '01134960000'),
    ('0011 for +, as in Australia', '001134612345678'),
    ('a spreadsheet''s exponent', '3.46E+10'),
    ('a spreadsheet''s exponent, with a comma', '3,46E+10'),
    ('a float', '34612345678.0'),
    ('digits without end', repeat('1', 30)),
    ('15 digits, the most', '+123456789012345'),
    ('16 digits', '+1234567890123456'),
    ('first digit 9', '+9876543210'),
    ('first digit 0', '+0612345678'),
    ('first digit 0, 15 digits', '+012345678901234'),
    ('first digit 0 and too long', '+0123456789012345'),
    ('00 for +', '0034612345678'),
    ('011 for +', '01134612345678'),
    ('national with trunk 0', '0612345678'),
    ('one digit', '6'),
    ('plus alone', '+'),
    ('two pluses', '++34612345678'),
    ('plus at the end', '34612345678+'),
    ('plus in the middle', '34+612345678'),
    ('minus', '-34612345678'),
    ('hyphens', '+34-612-345-678'),
    ('dots', '+34.612.345.678'),
    ('slash', '+34/612345678'),
    ('parentheses', '+(34)612345678'),
    ('trunk 0 in parentheses', '+34(0)612345678'),
    ('space before', ' +34612345678'),
    ('space after', '+34612345678 '),
    ('letters', '+34ABCDEFGHI'),
    ('hexadecimal', '+34612abc678'),
    ('exponent', '+3461234567e1'),
    ('tel URI', 'tel:+34612345678'),
    ('extension', '+34612345678 ext. 4'),
    ('wa_id with @', '34612345678@c.us'),
    ('comma', '+34612345678,'),
    ('quotes', '"+34612345678"'),
    ('two numbers', '+34612345678;+34612345679'),
    ('underscore, as in numeric literals', '+34_612_345_678'),
    ('empty', ''),
    ('space', ' '),
    ('white space', E' \t\n'),
    ('newline after', E'+34612345678\n'),
    ('newline before', E'\n+34612345678'),
    ('carriage return after', E'+34612345678\r'),
    ('line after it', E'+34612345678\n+34612345679'),
    ('tab inside', E'+34\t612345678'),
    ('DEL inside', E'+34\x7F612345678'),
    ('Arabic-Indic digits', U&'+\0663\0664\0666\0661\0662\0663\0664\0665\0666\0667\0668'),
    ('Arabic-Indic digit among others', U&'+3461234567\0668'),
    ('Devanagari digits', U&'+\0969\096A\096C\0967\0968\0969\096A\096B\096C\096D\096E'),
    ('full-width digits', U&'+\FF13\FF14\FF16\FF11\FF12\FF13\FF14\FF15\FF16\FF17\FF18'),
    ('full-width plus', U&'\FF0B34612345678'),
    ('small plus', U&'\FE6234612345678'),
    ('superscript digit', U&'+3461234567\00B2'),
    ('mathematical digits', U&'+\+01D7D1\+01D7D2612345678'),
    ('zero-width space', U&'+34\200B612345678'),
    ('zero-width joiner after', U&'+34612345678\200D'),
    ('byte order mark before', U&'\FEFF+34612345678'),
    ('no-break space', U&'+34\00A0612345678'),
    ('left-to-right mark before', U&'\200E+34612345678'),
    ('pop directional formatting after', U&'+34612345678\202C'),
    ('combining mark after', U&'+34612345678\0301'),
    ('non-breaking hyphen', U&'+34\2011612345678'),
    ('a thousand digits', '+' || repeat('1', 1000)),
    ('NULL', NULL);
SELECT what, wa_valid_e164(phone) AS valid, wa_phone_problem(phone) AS problem FROM numbers ORDER BY place;

-- one and the same judgement
SELECT count(*) AS disagreements FROM numbers WHERE coalesce(wa_valid_e164(phone), false) <> (wa_phone_problem(phone) IS NULL);

-- every length
SELECT string_agg(length::text, ' ' ORDER BY length) AS valid_lengths
FROM generate_series(0, 40) AS length WHERE wa_valid_e164('+' || repeat('3', length));

-- every ASCII character in each place: + first, 1 to 9 second, then 0 to 9
SELECT at, string_agg(chr(code), '' ORDER BY code) AS valid_characters
FROM generate_series(1, 9) AS at, generate_series(1, 127) AS code
WHERE wa_valid_e164(overlay('+34612345' PLACING chr(code) FROM at FOR 1)) GROUP BY at ORDER BY at;

-- no character beyond ASCII stands for another one, in any place
SELECT count(*) AS accepted FROM generate_series(128, 65535) AS code, (VALUES (1), (2), (9)) AS places (at)
WHERE code NOT BETWEEN 55296 AND 57343 AND wa_valid_e164(overlay('+34612345' PLACING chr(code) FROM at FOR 1));

-- nor by a collation for which full-width digits and zero-width characters equal the plain ones (servers without ICU
-- take "C" twice)
SELECT EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu') AS icu \gset
\if :icu
CREATE COLLATION strict FROM "und-x-icu";
CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
\else
CREATE COLLATION strict FROM "C";
CREATE COLLATION loose FROM "C";
\endif
CREATE TABLE collated (c text COLLATE "C", strict text COLLATE strict, loose text COLLATE loose);
INSERT INTO collated SELECT phone, phone, phone FROM numbers;
SELECT count(*) AS numbers, count(*) FILTER (WHERE wa_valid_e164(c)) AS valid,
       count(*) FILTER (WHERE wa_valid_e164(c) IS DISTINCT FROM wa_valid_e164(strict)
                           OR wa_valid_e164(c) IS DISTINCT FROM wa_valid_e164(loose)
                           OR wa_phone_problem(c) COLLATE "C" IS DISTINCT FROM wa_phone_problem(loose) COLLATE "C") AS differences
FROM collated;

-- what the planner is told
SELECT p.oid::regprocedure AS function, provolatile AS volatility, proisstrict AS strict, proparallel AS parallel, prosecdef AS definer
FROM pg_proc AS p WHERE proname IN ('wa_valid_e164', 'wa_phone_problem') ORDER BY proname COLLATE "C";

-- as a constraint; NULL passes, as in every CHECK
CREATE TABLE suppliers (name text, phone text CONSTRAINT phone_is_e164 CHECK (wa_valid_e164(phone)));
INSERT INTO suppliers VALUES ('Proveedor ABC', '+34612345678'), ('Proveedor DEF', NULL);
\set VERBOSITY sqlstate
INSERT INTO suppliers VALUES ('Proveedor GHI', '+34 612 34 56 78');
UPDATE suppliers SET phone = '612345678' WHERE name = 'Proveedor ABC';
CREATE DOMAIN e164 AS text CHECK (wa_valid_e164(VALUE));
SELECT '612345678'::e164;
SELECT '+34612345678'::e164;
\set VERBOSITY default
SELECT * FROM suppliers ORDER BY name COLLATE "C";

-- as an index, to find the numbers that need care
CREATE INDEX numbers_to_mend ON numbers (place) WHERE NOT wa_valid_e164(phone);
CREATE INDEX numbers_problem ON numbers (wa_phone_problem(phone));
SET enable_seqscan = off;
SELECT count(*) AS to_mend FROM numbers WHERE NOT wa_valid_e164(phone);
SELECT what FROM numbers WHERE wa_phone_problem(phone) = 'The number has spaces.' ORDER BY place;
RESET enable_seqscan;

-- in parallel workers, which load the library for themselves
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
CREATE TABLE many AS SELECT phone FROM numbers, generate_series(1, 500);
ALTER TABLE many SET (parallel_workers = 2);
SELECT count(*) AS all_of_them, count(*) FILTER (WHERE wa_valid_e164(phone)) AS valid FROM many;

SELECT wa_version() = extversion AS same_version FROM pg_extension WHERE extname = 'pg_whatsapp';

DROP TABLE numbers, collated, suppliers, many;
DROP DOMAIN e164;
DROP COLLATION strict;
DROP COLLATION loose;
DROP EXTENSION pg_whatsapp;
