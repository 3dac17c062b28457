-- send_window: the next time within office hours of a time zone: weekdays, midnight, and the days on which clocks change.
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

-- 2026-11-27 is a Friday
SELECT moment AT TIME ZONE zone AS moment, to_char(wa_send_window(moment, hours, zone) AT TIME ZONE zone, 'Dy YYYY-MM-DD HH24:MI:SS') AS leaves, hours, zone
FROM (VALUES
    (1, timestamptz '2026-11-27 08:59:59+01', 'Mon-Fri 09:00-18:00', 'Europe/Madrid'), (2, '2026-11-27 09:00+01', 'Mon-Fri 09:00-18:00', 'Europe/Madrid'),
    (3, '2026-11-27 17:59:59+01', 'Mon-Fri 09:00-18:00', 'Europe/Madrid'), (4, '2026-11-27 18:00+01', 'Mon-Fri 09:00-18:00', 'Europe/Madrid'),
    (5, '2026-11-27 18:00+01', 'Mon-Fri 09:00-18:00, Sat 10:00-14:00', 'Europe/Madrid'), (6, '2026-11-27 18:00+01', 'Mon-Fri 09:00-18:00', 'America/Bogota'),
    (7, '2026-11-27 18:00+01', 'mon 09:00-10:00', 'Asia/Kolkata'), (8, '2026-11-27 23:30+01', 'Mon-Fri 22:00-02:00', 'Europe/Madrid'),
    (9, '2026-11-28 01:30+01', 'Mon-Fri 22:00-02:00', 'Europe/Madrid'), (10, '2026-11-28 02:00+01', 'Mon-Fri 22:00-02:00', 'Europe/Madrid'),
    (11, '2026-11-27 12:00+01', 'Sat-Mon 09:00-10:00', 'Europe/Madrid'), (12, '2026-11-30 12:00+01', 'Sat-Mon 09:00-10:00', 'Europe/Madrid'),
    (13, '2026-11-30 12:00+01', 'Mon 00:00-24:00', 'Europe/Madrid'), (14, '2026-12-01 00:00+01', 'Mon 00:00-24:00', 'Europe/Madrid'),
    -- the hour from 2 to 3 is not there on 2026-03-29 (it means the one after it), and is there twice on 2026-10-25 (it means the second)
    (15, '2026-03-29 00:30+01', 'Sun 02:30-04:00', 'Europe/Madrid'), (16, '2026-03-28 12:00+01', 'Sun 02:00-02:30', 'Europe/Madrid'),
    (17, '2026-10-25 00:30+02', 'Sun 02:30-04:00', 'Europe/Madrid'), (18, '2026-10-25 02:45+02', 'Sun 02:00-03:00', 'Europe/Madrid'),
    (19, '2026-10-25 02:45+01', 'Sun 02:00-03:00', 'Europe/Madrid'), (20, '2026-11-27 08:00+01', 'FRI 09:00-18:00', 'Europe/Madrid')) AS v (place, moment, hours, zone) ORDER BY place;
SELECT wa_send_window('2026-11-27 03:00+00', 'Mon-Fri 09:00-18:00') AS zone_of_the_session, wa_send_window(NULL, 'Mon-Fri 09:00-18:00') AS null;
SELECT pg_temp.refused('SELECT wa_send_window(now(), ' || quote_literal(hours) || ', ''Europe/Madrid'')') AS refused
FROM unnest('{Monday 09:00-18:00,Mon-Fri 9-18,Mon-Fri,"",09:00-18:00,Mon-Fri 09:00-25:00}'::text[]) AS hours;
SELECT pg_temp.refused($$SELECT wa_send_window(now(), 'Mon 09:00-18:00', 'Nowhere/Land')$$) AS no_zone;

-- in office hours of the supplier's country, by a watch
CREATE TABLE suppliers (id integer PRIMARY KEY, phone text, timezone text);
INSERT INTO suppliers VALUES (1, '+34612345678', 'Europe/Madrid'), (2, '+573001234567', 'America/Bogota');
CREATE TABLE orders (id integer PRIMARY KEY, supplier integer, made_at timestamptz);
SELECT wa_watch('orders', 'order_made', ARRAY['new.id'], '(SELECT s.phone FROM suppliers AS s WHERE s.id = new.supplier)',
                send_at => $$(SELECT wa_send_window(new.made_at, 'Mon-Fri 09:00-18:00', s.timezone) FROM suppliers AS s WHERE s.id = new.supplier)$$);
INSERT INTO orders VALUES (1, 1, '2101-01-01 20:00+00'), (2, 2, '2101-01-01 20:00+00'), (3, 1, '2101-01-02 10:00+00');
SELECT m.reference, m.recipient_phone, q.due_at FROM whatsapp_messages AS m JOIN whatsapp_queue AS q ON q.message_id = m.id ORDER BY m.id;
DROP TABLE orders, suppliers;
DROP EXTENSION pg_whatsapp CASCADE;
