-- money: wa_format_amount() as people read it, its defaults, and each amount, currency and locale that it refuses.
-- No-break spaces are shown as ~.
SET client_min_messages = error;
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/test/regress/refused.sql'
\i :refused

-- the quick reference's example
SELECT wa_format_amount(1250, 'EUR', 'en') AS amount;
SELECT wa_format_amount(1250) AS amount;
SELECT wa_format_amount(1250.00) = '€1,250.00' AS same;

-- by currency: its own sign and decimals
SELECT currency, translate(wa_format_amount(1250, currency, 'en'), U&'\00A0\202F', '~~') AS amount
FROM (VALUES (1, 'EUR'), (2, 'USD'), (3, 'GBP'), (4, 'MXN'), (5, 'JPY'), (6, 'CLP'), (7, 'KWD'), (8, 'eur'), (9, 'Usd')) AS c (place, currency)
ORDER BY place;

-- by locale: its own separators and order
SELECT locale, translate(wa_format_amount(1234567.891, 'EUR', locale), U&'\00A0\202F', '~~') AS amount
FROM (VALUES (1, 'en'), (2, 'en_US'), (3, 'en-GB'), (4, 'es'), (5, 'es_ES'), (6, 'de'), (7, 'it')) AS l (place, locale) ORDER BY place;

-- by amount: halves are rounded away from zero, and no cent is lost
SELECT amount, wa_format_amount(amount, 'EUR', 'en') AS written
FROM (VALUES (1, 0), (2, 0.00), (3, 0.01), (4, 0.004), (5, 0.005), (6, 1.005), (7, 2.675), (8, 999.995), (9, -5), (10, -0.005), (11, 1e3),
             (12, 1250.000000000000000000), (13, 9007199254740993.01), (14, 123456789012345678901234567890.12)) AS a (place, amount)
ORDER BY place;
SELECT wa_format_amount(1250::smallint, 'EUR', 'en') AS small, wa_format_amount(1250::bigint, 'EUR', 'en') AS big,
       wa_format_amount('1250.5', 'EUR', 'en') AS untyped;
SELECT wa_format_amount(amount => 7, locale => 'en', currency => 'USD') AS named, wa_format_amount(7, locale => 'es') IS NOT NULL AS locale_only;

-- of each type, with all its digits
SELECT wa_format_amount(12345.67::real, 'EUR', 'en') AS of_real, wa_format_amount(16777216::real, 'EUR', 'en') AS of_large_real, wa_format_amount(0.1::double precision, 'EUR', 'en') AS of_double,
       wa_format_amount(9007199254740993, 'EUR', 'en') AS of_bigint, wa_format_amount('9007199254740993.01', 'EUR', 'en') AS of_none, wa_format_amount('1e3'::text, 'EUR', 'en') AS of_text,
       wa_format_amount(1e20::double precision, 'EUR', 'en') AS of_exponent, wa_format_amount(2147483647, 'EUR', 'en') AS of_integer;
SELECT pg_temp.refused($$SELECT wa_format_amount('NaN'::real, 'EUR')$$) AS no_number, pg_temp.refused($$SELECT wa_format_amount('Infinity'::double precision, 'EUR')$$) AS infinite,
       pg_temp.refused($$SELECT wa_format_amount(NULL::bigint, 'EUR')$$) AS null, pg_temp.refused($$SELECT wa_format_amount('1.250,00'::text, 'EUR')$$) AS no_decimal;

-- the settings are the defaults, for NULL, too
SET whatsapp.default_currency = 'USD';
SELECT wa_format_amount(1250) AS amount, wa_format_amount(1250, NULL, NULL) AS nulls, wa_format_amount(1250, 'GBP') AS explicit;
SET whatsapp.amount_locale = 'es';
SELECT translate(wa_format_amount(12500, 'EUR'), U&'\00A0', '~') AS amount, wa_format_amount(12500, locale => 'en') AS explicit;
SET whatsapp.default_currency = 'Euro';
SELECT pg_temp.refused('SELECT wa_format_amount(1250)') AS refused;
SELECT wa_format_amount(1250, 'EUR', 'en') AS explicit;
RESET whatsapp.default_currency;
SET whatsapp.amount_locale = 'xx_YY';
SELECT pg_temp.refused('SELECT wa_format_amount(1250)') AS refused;
RESET whatsapp.amount_locale;
SELECT wa_format_amount(1250) AS amount;

-- a function's own setting holds for that function alone
CREATE FUNCTION in_pounds(amount numeric) RETURNS text LANGUAGE sql STABLE SET whatsapp.default_currency = 'GBP' RETURN wa_format_amount(amount);
SELECT in_pounds(5), wa_format_amount(5);

-- refused: amounts
SELECT amount, pg_temp.refused(format('SELECT wa_format_amount(%L::numeric)', amount)) AS refused
FROM (VALUES (1, 'NaN'), (2, 'Infinity'), (3, '-Infinity'), (4, NULL)) AS a (place, amount) ORDER BY place;
SELECT pg_temp.refused('SELECT wa_format_amount(1e1000)') AS refused;
SELECT pg_temp.refused('SELECT wa_format_amount(1e999)') AS one_digit_less;
SELECT pg_temp.refused('SELECT wa_format_amount(''a lot'')') AS refused;

-- refused: currencies
SELECT currency, pg_temp.refused(format('SELECT wa_format_amount(1250, %L)', currency)) AS refused
FROM (VALUES (1, ''), (2, 'E'), (3, 'EURO'), (4, '€'), (5, 'E R'), (6, 'EU1'), (7, 'QQQ'), (8, 'XXX'), (9, 'XTS'), (10, 'ÉUR'))
     AS c (place, currency) ORDER BY place;

-- refused: locales
SELECT locale, pg_temp.refused(format('SELECT wa_format_amount(1250, ''EUR'', %L)', locale)) AS refused
FROM (VALUES (1, ''), (2, 'e'), (3, 'xx'), (4, 'es_QQ'), (5, 'español'), (6, 'es.UTF-8'), (7, 'es@currency=USD'), (8, 'C'), (9, '../en'),
             (10, repeat('a', 80))) AS l (place, locale) ORDER BY place;

-- a refusal leaves nothing behind: the next amount is right
SELECT wa_format_amount(1250, 'EUR', 'en') AS amount;

-- it reads settings: stable, so no index can freeze it
SELECT p.oid::regprocedure AS function, provolatile AS volatility, proisstrict AS strict, proparallel AS parallel
FROM pg_proc AS p WHERE proname = 'wa_format_amount' ORDER BY 1::text COLLATE "C";
CREATE TABLE orders (total numeric);
SELECT split_part(pg_temp.refused('CREATE INDEX ON orders (wa_format_amount(total))'), ' ', 1) AS sqlstate;

DROP TABLE orders;
DROP FUNCTION in_pounds(numeric);
DROP EXTENSION pg_whatsapp;
