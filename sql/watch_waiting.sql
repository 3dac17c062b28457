-- watch_waiting: messages of watches that wait: for office hours of the recipient's country, for another change of the row, for other rows. What is made of
-- rows that wait is in test/isolation/specs/watch_items.spec and test/tap/065_watch_digests.pl, since the reader does it.
SET client_min_messages = error;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/test/regress/refused.sql'
\i :refused

-- the time zones of a country
SELECT phone, wa_phone_time_zones(phone) AS zones
FROM unnest('{+34612345678,+573001234567,+5215512345678,+447700900123,+12125551234,+18095551234,+77012345678,+5592987654321,+888123456,612345678,ES.123,""}'::text[]) AS phone;
SELECT wa_phone_time_zones(NULL) AS null;
-- the server knows each of them
SELECT prefix, zone FROM (SELECT n::text AS prefix, unnest(wa_phone_time_zones('+' || n)) AS zone FROM generate_series(1, 9999) AS n) AS z
WHERE zone NOT IN (SELECT name FROM pg_timezone_names);
-- every country has one
SELECT count(DISTINCT zone) > 190 AS many FROM (SELECT unnest(wa_phone_time_zones('+' || n)) AS zone FROM generate_series(1, 9999) AS n) AS z;

-- within the hours in all zones of the country; of Russia there are no such hours, and those of Moscow count
SELECT phone, moment, wa_phone_send_window(moment, hours, phone) AS leaves, hours
FROM (VALUES
    (1, '+447700900123', timestamptz '2026-11-27 08:00+00', 'Mon-Fri 09:00-18:00'), (2, '+34612345678', '2026-11-27 08:30+00', 'Mon-Fri 09:00-18:00'),
    (3, '+34612345678', '2026-11-27 16:59:59+00', 'Mon-Fri 09:00-18:00'), (4, '+34612345678', '2026-11-27 17:00+00', 'Mon-Fri 09:00-18:00'),
    (5, '+12125551234', '2026-11-27 15:00+00', 'Mon-Fri 09:00-18:00'), (6, '+12125551234', '2026-11-27 23:00+00', 'Mon-Fri 09:00-18:00'),
    (7, '+79161234567', '2026-11-27 05:00+00', 'Mon-Fri 09:00-18:00'), (8, '+79161234567', '2026-11-27 05:00+00', 'Mon-Sun 00:00-24:00'),
    (9, '+34612345678', '2026-11-27 20:00+00', 'Mon-Fri 22:00-02:00'), (10, '+34612345678', '2026-11-28 00:59+00', 'Mon-Fri 22:00-02:00'),
    (11, '+34612345678', '2026-11-28 01:30+00', 'Mon-Fri 22:00-02:00'), (12, '+6281234567890', '2026-11-27 00:00+00', 'Fri 09:00-10:00'),
    -- the day without the hour from 2 to 3, and the day that has it twice: of Great Britain, then of Spain with the Canary Islands
    (13, '+447700900123', '2026-03-29 00:30+00', 'Sun 01:30-03:00'), (14, '+447700900123', '2026-10-24 23:30+00', 'Sun 01:30-03:00'),
    (15, '+34612345678', '2026-03-29 00:30+00', 'Sun 02:30-05:00'), (16, '+34612345678', '2026-10-24 23:30+00', 'Sun 01:00-03:00'),
    (17, '+888123456', '2026-11-27 08:30+00', 'Mon-Fri 09:00-18:00')) AS v (place, phone, moment, hours) ORDER BY place;
SELECT pg_temp.refused($$SELECT wa_phone_send_window(now(), '9 to 5', '+34612345678')$$) AS hours;
SELECT wa_phone_send_window(NULL, 'Mon 09:00-18:00', '+34612345678') AS null, wa_phone_send_window('2026-11-27 08:30+00', 'Mon-Fri 09:00-18:00', NULL) AS no_phone;

-- the hours of a watch: by the phone, by a time zone, by an expression, never for what is urgent
CREATE TABLE orders (id integer PRIMARY KEY, phone text, at timestamptz, zone text, priority text DEFAULT 'normal');
CREATE FUNCTION pg_temp.leaves(OUT template text, OUT reference text, OUT phone text, OUT leaves timestamptz) RETURNS SETOF record LANGUAGE sql AS $$
    SELECT m.template_name, m.reference, m.recipient_phone, q.due_at FROM whatsapp_messages AS m JOIN whatsapp_queue AS q ON q.message_id = m.id
    ORDER BY m.reference, m.template_name $$;
SELECT wa_watch('orders', 'by_phone', ARRAY['new.id'], 'new.phone', name => 'by_phone', send_at => 'new.at', send_window => 'Mon-Fri 09:00-18:00', priority => 'new.priority');
SELECT wa_watch('orders', 'by_name', ARRAY['new.id'], 'new.phone', name => 'by_name', send_at => 'new.at', send_window => 'Mon-Fri 09:00-18:00', time_zone => 'Asia/Tokyo');
SELECT wa_watch('orders', 'by_expression', ARRAY['new.id'], 'new.phone', name => 'by_expression', send_at => 'new.at', send_window => 'Mon-Fri 09:00-18:00', time_zone => 'new.zone');
SELECT wa_watch('orders', 'by_setting', ARRAY['new.id'], 'new.phone', name => 'by_setting', due => 'new.at');
SELECT wa_watch('orders', 'at_any_time', ARRAY['new.id'], 'new.phone', name => 'at_any_time', due => 'new.at', send_window => 'always');
SELECT wa_watch('orders', 'own_time', ARRAY['new.id'], 'new.phone', name => 'own_time', send_at => 'new.at');
SELECT pg_temp.refused($$SET whatsapp.send_window = 'by day'$$) AS setting;
SET whatsapp.send_window = 'Mon-Fri 10:00-12:00';
-- a Friday
INSERT INTO orders VALUES (1, '+34612345678', '2100-01-01 20:00+00', 'America/Bogota', 'normal'), (2, '+573001234567', '2100-01-01 20:00+00', NULL, 'bulk'), (3, '+34612345678', '2100-01-01 20:00+00', '', 'urgent'),
                          (4, '+34612345678', '2100-01-01 10:30+00', 'Europe/London', NULL);
SELECT * FROM pg_temp.leaves();
-- of a zone that is not there, an error of the watch, and the row is kept
INSERT INTO orders VALUES (5, '+34612345678', '2100-01-01 20:00+00', 'Nowhere/Land');
SELECT name, errors, last_error FROM whatsapp_watches WHERE errors > 0;
-- it follows its row, from hours to hours
UPDATE orders SET at = '2100-01-06 20:00+00' WHERE id = 1;
SELECT * FROM pg_temp.leaves() WHERE reference = '1' AND template IN ('by_setting', 'at_any_time');
SELECT watch, send_at FROM wa_watch_test('orders', '4') ORDER BY watch COLLATE "C";
RESET whatsapp.send_window;
SELECT name, send_window, time_zone FROM whatsapp_watches ORDER BY name COLLATE "C";
SELECT wa_unwatch('orders') AS ended;
-- one that would expire before the hours begin is refused
SELECT wa_watch('orders', 'expires', ARRAY['new.id'], 'new.phone', send_at => 'new.at', expires_at => $$new.at + interval '1 hour'$$, send_window => 'Mon-Fri 09:00-18:00');
INSERT INTO orders VALUES (6, '+447700900123', '2100-01-01 20:00+00');
SELECT reference, status, error_message, hint FROM whatsapp_messages WHERE template_name = 'expires';
SELECT wa_unwatch('orders') AS ended;
-- the short form keeps to the setting, too: now, or later
CREATE TABLE short (supplier text, po text, total numeric, phone text);
SELECT wa_watch('short', 'supplier', 'po', 'total', 'phone');
SET whatsapp.send_window = 'Mon-Sun 09:00-10:00';
INSERT INTO short VALUES ('Proveedor ABC', 'PO-1', 1, '+447700900123');
RESET whatsapp.send_window;
INSERT INTO short VALUES ('Proveedor ABC', 'PO-2', 1, '+447700900123');
SELECT m.reference, q.due_at = m.created_at AS at_once, q.due_at >= m.created_at AND (q.due_at = m.created_at OR (q.due_at AT TIME ZONE 'Europe/London')::time = '09:00') AS in_hours
FROM whatsapp_messages AS m JOIN whatsapp_queue AS q ON q.message_id = m.id WHERE m.template_name = 'po_notification' AND reference = 'PO-2'
UNION ALL
SELECT m.reference, NULL, (q.due_at AT TIME ZONE 'Europe/London')::time >= '09:00' AND (q.due_at AT TIME ZONE 'Europe/London')::time < '10:00'
FROM whatsapp_messages AS m JOIN whatsapp_queue AS q ON q.message_id = m.id WHERE m.template_name = 'po_notification' AND reference = 'PO-1' ORDER BY 1;
DROP TABLE short;

-- options that do not go together, and values that mean nothing
SELECT pg_temp.refused('SELECT wa_watch(''orders'', ''t'', ARRAY[''new.id''], ''new.phone'', ' || options || ')')
FROM (VALUES
    (1, $$send_window => '9 to 5'$$), (2, $$send_window => 'Mon 09:00-18:00', time_zone => 'Nowhere/Land'$$), (3, $$time_zone => 'new.nothing'$$),
    (4, $$debounce => '0'$$), (5, $$debounce => '-1 hour'$$), (6, $$debounce => '2 years'$$), (7, $$digest => '1 hour', debounce => '1 minute'$$),
    (8, $$debounce => '1 hour', send_at => 'now()'$$), (9, $$debounce => '1 hour', due => 'now()'$$), (10, $$digest => '1 hour', send_at => 'now()'$$),
    (11, $$digest => '1 hour', due => 'now()'$$), (12, $$digest => '1 hour', expires_at => 'now()'$$), (13, $$digest => '1 hour', status_column => 'zone'$$),
    (14, $$max_wait => '1 hour'$$), (15, $$debounce => '1 hour', max_wait => '1 minute'$$), (16, $$separator => '; '$$),
    (17, $$digest => '1 hour', separator => E'\n'$$), (18, $$digest => '1 hour', separator => repeat('-', 17)$$)) AS w (place, options) ORDER BY place;
SELECT pg_temp.refused($$SELECT wa_watch('orders', 't', ARRAY['count'], 'new.phone')$$) AS count_of_one;
CREATE TABLE keyless (phone text, day date);
SELECT pg_temp.refused($$SELECT wa_watch('keyless', 't', ARRAY['new.day'], 'new.phone', debounce => '1 hour')$$) AS no_key;

-- with debounce a change makes an item, and no message yet
SELECT wa_watch('orders', 'changed', ARRAY['new.id', 'new.zone'], 'new.phone', events => '{INSERT,UPDATE,DELETE}', name => 'changed', debounce => '5 minutes', max_wait => '1 hour',
                reference => $$'order ' || new.id$$, expires_at => $$timestamptz '2100-02-03+00'$$);
INSERT INTO orders VALUES (10, '+34612345678', NULL, 'one "quoted" \ value'), (11, 'nobody', NULL, 'x'), (12, '+34612345678', NULL, NULL);
UPDATE orders SET zone = 'two' WHERE id = 10;
CREATE FUNCTION pg_temp.items() RETURNS TABLE (group_key text, phone text, template text, parameters json, reference text, row_key text, idempotency_key text, due interval, latest interval, expires timestamptz, separator text)
LANGUAGE sql AS $$
    SELECT i.group_key, i.recipient_phone, i.template_name, i.parameters, i.reference, i.row_key, i.idempotency_key, i.due_at - i.made_at, i.latest_at - i.made_at, i.expires_at, i.separator
    FROM whatsapp_watch_items AS i ORDER BY i.id $$;
SELECT * FROM pg_temp.items();
SELECT reference, status, error_message FROM whatsapp_messages WHERE template_name = 'changed' ORDER BY id;
SELECT watch, outcome, recipient_phone, reference, idempotency_key, send_at - now() BETWEEN '5 minutes' AND '6 minutes' AS soon, payload FROM wa_watch_test('orders', '10');
SELECT name, debounce, max_wait, digest, waiting, errors FROM whatsapp_watches;
BEGIN;
UPDATE orders SET zone = 'three' WHERE id = 10;
ROLLBACK;
SELECT count(*) FROM pg_temp.items();
-- it outlives its watch
SELECT wa_unwatch('orders') AS ended, (SELECT count(*) FROM pg_temp.items()) AS items;
DELETE FROM whatsapp_watch_items;

-- of a digest: the number of rows is still to come, and a look counts the row alone
SELECT wa_watch('orders', 'new_orders', ARRAY['count', $$'PO-' || new.id$$], 'new.phone', name => 'hourly', digest => '1 hour', separator => '; ');
INSERT INTO orders SELECT 100 + n, '+3461234567' || n % 2, NULL, NULL FROM generate_series(1, 3) AS n;
INSERT INTO orders VALUES (110, '+34612345670', NULL, NULL, 'x'), (111, NULL, NULL, NULL, 'normal');
SELECT group_key, phone, parameters, reference, idempotency_key, due, latest, separator FROM pg_temp.items();
SELECT reference, status, error_message FROM whatsapp_messages WHERE template_name = 'new_orders';
SELECT outcome, payload FROM wa_watch_test('orders', '101');
DELETE FROM whatsapp_watch_items WHERE reference = '102';
SELECT reference, outcome FROM wa_watch_test('orders', '102');
-- 10,000 rows by one statement
INSERT INTO orders SELECT n, '+34612345' || lpad((n % 100)::text, 3, '0') FROM generate_series(10001, 20000) AS n;
SELECT count(*), count(DISTINCT group_key), count(DISTINCT idempotency_key) FROM whatsapp_watch_items WHERE row_key::integer > 10000;
-- our own table fails: the row is kept
CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not here'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON whatsapp_watch_items FOR EACH ROW EXECUTE FUNCTION pg_temp.refuse();
INSERT INTO orders VALUES (112, '+34612345678');
CREATE FUNCTION pg_temp.leave_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON whatsapp_watch_items FOR EACH ROW EXECUTE FUNCTION pg_temp.leave_out();
INSERT INTO orders VALUES (113, '+34612345678');
DROP TRIGGER refuse ON whatsapp_watch_items;
SELECT errors, last_error, (SELECT count(*) FROM orders WHERE id IN (112, 113)) AS kept FROM whatsapp_watches;
-- with a constant as the only parameter, and without any; the same by a partition, a foreign table and row by row
SELECT wa_unwatch('orders') AS ended;
DELETE FROM whatsapp_watch_items;
SELECT wa_watch('orders', 'no_parameters', '{}', 'new.phone', digest => '1 hour');
CREATE TABLE ledger (id integer, year integer, phone text DEFAULT '+34612345678', PRIMARY KEY (id, year)) PARTITION BY LIST (year);
CREATE TABLE ledger_2026 PARTITION OF ledger FOR VALUES IN (2026);
CREATE TABLE ledger_2027 PARTITION OF ledger FOR VALUES IN (2027);
SELECT wa_watch('ledger', 'ledger', ARRAY['new.id'], 'new.phone', digest => '1 hour', events => '{INSERT,UPDATE}');
SELECT wa_watch('ledger_2026', 'of_2026', ARRAY['new.id'], 'new.phone', debounce => '1 hour');
INSERT INTO orders VALUES (120, '+34612345678');
INSERT INTO ledger VALUES (1, 2026), (2, 2027);
UPDATE ledger SET year = 2027 WHERE id = 1;
SELECT template, parameters, idempotency_key FROM pg_temp.items();
-- a person is forgotten with what waits
SELECT * FROM wa_forget('+34612345678') AS f WHERE f.table_name = 'whatsapp_watch_items';
SELECT count(*) FROM whatsapp_watch_items;
DROP TABLE orders, keyless, ledger;
DROP EXTENSION pg_whatsapp CASCADE;
