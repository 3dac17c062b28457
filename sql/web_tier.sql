-- web tier: what a session may leave for the listener, and what it is refused. No listener works in this database.
SET client_min_messages = error;
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/test/regress/refused.sql'
\i :refused
SELECT 'sha256=' || repeat('a', 64) AS good \gset

SELECT wa_webhook_receive('{}', :'good');
SELECT id, body, signature = :'good' AS signature, starts FROM whatsapp_deliveries;

-- what cannot be a signature
SELECT name, pg_temp.refused(format('SELECT wa_webhook_receive(%L, %L)', '{}', signature)) AS refused
FROM (VALUES (1, 'null', NULL), (2, 'empty', ''), (3, 'without its scheme', repeat('a', 71)), (4, 'short', 'sha256=' || repeat('a', 63)),
             (5, 'long', 'sha256=' || repeat('a', 65)), (6, 'in capitals', 'sha256=' || repeat('A', 64)), (7, 'SHA-1', 'sha1=' || repeat('a', 66)),
             (8, 'with a space', ' sha256=' || repeat('a', 63))) AS s (place, name, signature) ORDER BY place;
SELECT pg_temp.refused(format('SELECT wa_webhook_receive(NULL, %L)', :'good')) AS refused;

-- sizes are exact
SELECT wa_webhook_receive(convert_to(repeat('x', 3145728), 'UTF8'), :'good');
SELECT pg_temp.refused(format('SELECT wa_webhook_receive(convert_to(repeat(%L, 3145729), %L), %L)', 'x', 'UTF8', :'good')) AS refused;
SELECT count(*), max(octet_length(body)) FROM whatsapp_deliveries;

-- as many as may wait
INSERT INTO whatsapp_deliveries (body, signature) SELECT '{}', 'x' FROM generate_series(3, 9999);
SELECT wa_webhook_receive('{}', :'good');
SELECT pg_temp.refused(format('SELECT wa_webhook_receive(%L, %L)', '{}', :'good')) AS refused;
TRUNCATE whatsapp_deliveries;
INSERT INTO whatsapp_deliveries (body, signature) SELECT convert_to(repeat('x', 3145728), 'UTF8'), 'x' FROM generate_series(1, 21);
SELECT pg_temp.refused(format('SELECT wa_webhook_receive(convert_to(repeat(%L, 1048577), %L), %L)', 'x', 'UTF8', :'good')) AS refused;
SELECT wa_webhook_receive(convert_to(repeat('x', 1048576), 'UTF8'), :'good');

-- a rollback takes it back
TRUNCATE whatsapp_deliveries;
BEGIN;
SAVEPOINT a;
SELECT wa_webhook_receive('{}', :'good');
ROLLBACK TO a;
COMMIT;
SELECT count(*) FROM whatsapp_deliveries;

-- the handshake: what needs nobody's secret to be refused
SELECT name, pg_temp.refused(format('SELECT wa_webhook_verify(%L, %L, %L)', mode, token, challenge)) AS refused
FROM (VALUES (1, 'no mode', NULL, 'token', '17'), (2, 'another mode', 'unsubscribe', 'token', '17'), (3, 'no token', 'subscribe', NULL, '17'),
             (4, 'no challenge', 'subscribe', 'token', NULL)) AS c (place, name, mode, token, challenge) ORDER BY place;
DROP EXTENSION pg_whatsapp;
