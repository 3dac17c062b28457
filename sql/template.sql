-- template: wa_render_template() with positional and named parameters, the quick reference's sentence, and each refusal.
SET client_min_messages = error;
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/test/regress/refused.sql'
\i :refused

-- positional; the quick reference's example, word for word
\set body 'Hola {{1}}, has recibido una nueva orden de compra {{2}} por un total de {{3}}.'
SELECT wa_render_template(:'body', ARRAY['Proveedor ABC', 'PO-2024-001', '€1,250.00']) AS text;
SELECT wa_render_template(:'body', ARRAY['Proveedor ABC', 'PO-2024-001', wa_format_amount(1250)])
     = 'Hola Proveedor ABC, has recibido una nueva orden de compra PO-2024-001 por un total de €1,250.00.' AS same;
-- an untyped literal may be either form: say which
SELECT left(pg_temp.refused('SELECT wa_render_template(''{{1}}'', ''{x}'')'), 5) AS sqlstate;
SELECT wa_render_template(:'body', '{Proveedor ABC,PO-2024-001,"€1,250.00"}'::text[]) AS text;

-- in any order, repeated, side by side, at the ends, or not at all
SELECT body, wa_render_template(body, parameters) AS text
FROM (VALUES (1, '{{2}} before {{1}}', ARRAY['one', 'two']), (2, '{{1}}{{2}}{{1}}', ARRAY['a', 'b']), (3, '{{1}}', ARRAY['alone']),
             (4, 'no placeholder', '{}'), (5, '', '{}'), (6, 'a brace { and } and }} are text', '{}'))
     AS t (place, body, parameters) ORDER BY place;
SELECT wa_render_template(string_agg('{{' || n || '}}', ' ' ORDER BY n), array_agg(n::text ORDER BY n)) AS a_hundred FROM generate_series(1, 100) AS n;

-- what was filled in is not looked at again
SELECT wa_render_template('{{1}} {{2}}', ARRAY['{{2}}', '{{1}} %s \1 $1 &']) AS text;

-- named; numbers are written as jsonb writes them
SELECT wa_render_template('Hola {{supplier}}: {{po}}, {{total}}, {{supplier}}.',
                          '{"supplier": "Proveedor ABC", "po": "PO-2024-001", "total": 1250.00}'::jsonb) AS text;
SELECT wa_render_template('{{a1}} {{_b}}', jsonb_build_object('a1', '{{_b}}', '_b', -1e3)) AS text;
SELECT wa_render_template('{{a}}', '{"a": "first", "a": "last"}'::jsonb) AS last_of_equals, wa_render_template('none', '{}'::jsonb) AS none;

-- characters of any script count as one
SELECT wa_render_template('{{1}}', ARRAY['José Núñez 日本 😀']) AS text;
SELECT length(wa_render_template('{{1}}', ARRAY[repeat('ñ', 32768)])) AS longest, length(wa_render_template('{{1}}', ARRAY[repeat('😀', 32768)])) AS longest_emoji;
SELECT wa_render_template('{{1}}', ARRAY['four    spaces']) AS text;
-- the body itself may have newlines and any run of spaces
SELECT wa_render_template(E'Hola {{1}}\n\n     adiós', ARRAY['x']) AS text;

-- refused: bodies and parameters that do not fit each other
SELECT body, parameters, pg_temp.refused(format('SELECT wa_render_template(%L, %L::text[])', body, parameters)) AS refused
FROM (VALUES (1, '{{1}}', '{}'), (2, '{{1}}', '{a,b}'), (3, 'none', '{a}'), (4, '{{1}} {{3}}', '{a,b,c}'), (5, '{{2}}', '{a,b}'),
             (6, '{{0}}', '{a}'), (7, '{{01}}', '{a}'), (8, '{{101}}', '{a}'), (9, '{{-1}}', '{a}'), (10, '{{ 1 }}', '{a}'), (11, '{{}}', '{a}'),
             (12, '{{1', '{a}'), (13, '{{1}', '{a}'), (14, '{{name}}', '{a}'), (15, '{{99999999999999999999}}', '{a}'),
             (16, '{{1}} {{', '{a}'), (17, '{{{1}}}', '{a}')) AS t (place, body, parameters) ORDER BY place;
SELECT pg_temp.refused('SELECT wa_render_template(''{{1}}'', array_fill(''x''::text, ARRAY[101]))') AS refused;
SELECT body, parameters, pg_temp.refused(format('SELECT wa_render_template(%L, %L::jsonb)', body, parameters)) AS refused
FROM (VALUES (1, '{{a}}', '{}'), (2, '{{a}}', '{"a": "x", "b": "y"}'), (3, '{{a}} {{b}}', '{"a": "x"}'), (4, '{{1}}', '{"1": "x"}'),
             (5, '{{1}}', '{"a": "x"}'), (6, '{{A}}', '{"A": "x"}'), (7, '{{a b}}', '{"a": "x"}'), (8, '{{a', '{"a": "x"}'),
             (9, '{{ñ}}', '{"ñ": "x"}'), (10, '{{}}', '{"": "x"}')) AS t (place, body, parameters) ORDER BY place;

-- refused: parameters of another kind
SELECT parameters, pg_temp.refused(format('SELECT wa_render_template(''{{a}}'', %L::jsonb)', parameters)) AS refused
FROM (VALUES (1, '["x"]'), (2, '"x"'), (3, 'null'), (4, '{"a": null}'), (5, '{"a": true}'), (6, '{"a": ["x"]}'), (7, '{"a": {"a": "x"}}'))
     AS t (place, parameters) ORDER BY place;
SELECT pg_temp.refused('SELECT wa_render_template(''{{1}}'', ARRAY[[''a'', ''b''], [''c'', ''d'']])') AS refused;

-- refused: NULL
SELECT pg_temp.refused('SELECT wa_render_template(NULL, ARRAY[''x''])') AS refused;
SELECT pg_temp.refused('SELECT wa_render_template(''{{1}}'', NULL::text[])') AS refused;
SELECT pg_temp.refused('SELECT wa_render_template(''{{1}} {{2}}'', ARRAY[''x'', NULL])') AS refused;
SELECT pg_temp.refused('SELECT wa_render_template(''{{a}}'', NULL::jsonb)') AS refused;
SELECT pg_temp.refused('SELECT wa_render_template(NULL, ''{}''::jsonb)') AS refused;

-- refused: texts that the platform would refuse; the text itself is never shown
SELECT what, pg_temp.refused(format('SELECT wa_render_template(''{{1}}'', ARRAY[%L])', parameter)) AS refused
FROM (VALUES (1, 'empty', ''), (2, 'space', ' '), (3, 'no-break space', U&'\00A0'), (4, 'zero-width space', U&'\200B'),
             (5, 'newline', E'secret\nrest'), (6, 'newline at the end', E'secret\n'), (7, 'carriage return', E'secret\rrest'),
             (8, 'line separator', U&'secret\2028rest'), (9, 'tab', E'secret\trest'), (10, 'bell', E'secret\x07'), (11, 'five spaces', 'secret     rest'),
             (12, 'five spaces after an ñ', 'ñ     rest'), (13, 'too long', repeat('x', 32769))) AS t (place, what, parameter) ORDER BY place;
SELECT pg_temp.refused('SELECT wa_render_template(''{{name}}'', ''{"name": "a\tb"}''::jsonb)') AS refused;
SELECT pg_temp.refused('SELECT wa_render_template(''{{name}}'', jsonb_build_object(''name'', repeat(''x'', 600000)))') AS refused;
SELECT pg_temp.refused('SELECT wa_render_template(repeat(''{{1}}'', 600), ARRAY[repeat(''x'', 32768)])') AS refused;

SELECT p.oid::regprocedure AS function, provolatile AS volatility, proisstrict AS strict, proparallel AS parallel
FROM pg_proc AS p WHERE proname = 'wa_render_template' ORDER BY p.oid::regprocedure::text COLLATE "C";

DROP EXTENSION pg_whatsapp;
