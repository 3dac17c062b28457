-- watch_due: a message that is due at a time which its row says: while it is pending it follows the row, and it is cancelled when the row is gone.
SET client_min_messages = error;
SET TimeZone = 'UTC';
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/test/regress/refused.sql'
\i :refused

CREATE FUNCTION pg_temp.reminders(OUT reference text, OUT phone text, OUT text text, OUT status text, OUT due timestamptz, OUT key text) RETURNS SETOF record LANGUAGE sql AS $$
    SELECT m.reference, m.recipient_phone, m.payload #>> '{template,components,0,parameters,0,text}', m.status, q.due_at, m.idempotency_key
    FROM whatsapp_messages AS m LEFT JOIN whatsapp_queue AS q ON q.message_id = m.id ORDER BY m.id $$;

-- remind two days before delivery, unless it was cancelled
CREATE TABLE orders (id integer PRIMARY KEY, po text, phone text DEFAULT '+34612345678', delivery_date date, status text DEFAULT 'open');
SELECT wa_watch('orders', 'reminder', ARRAY['new.po'], 'new.phone', due => $$new.delivery_date - interval '2 days'$$, when_ => $$new.status <> 'cancelled'$$);
SELECT name, events, due, condition FROM whatsapp_watches;
INSERT INTO orders VALUES (1, 'PO-1', DEFAULT, '2100-01-10', 'open'), (2, 'PO-2', DEFAULT, '2100-01-10', 'open'), (3, 'PO-3', DEFAULT, '2100-01-10', 'cancelled'), (4, 'PO-4', DEFAULT, NULL, 'open'),
                          (5, 'PO-5', DEFAULT, '2001-01-01', 'open'), (6, 'PO-6', DEFAULT, '2100-01-10', 'open');
SELECT * FROM pg_temp.reminders();
-- it moves with the date, and what it says with the row
UPDATE orders SET delivery_date = '2100-02-20' WHERE id = 1;
UPDATE orders SET po = 'PO-2b', phone = '+34612345679' WHERE id = 2;
UPDATE orders SET delivery_date = delivery_date WHERE id = 6;
SELECT * FROM pg_temp.reminders();
-- it is cancelled, comes again, and goes with its row
UPDATE orders SET status = 'cancelled' WHERE id = 1;
DELETE FROM orders WHERE id = 2;
UPDATE orders SET delivery_date = '2100-03-03' WHERE id = 4;
UPDATE orders SET delivery_date = NULL WHERE id = 6;
SELECT * FROM pg_temp.reminders();
UPDATE orders SET status = 'open' WHERE id IN (1, 3);
SELECT * FROM pg_temp.reminders();
-- no phone number any more: cancelled, with the reason beside it; and again a good one
UPDATE orders SET phone = 'none' WHERE id = 1;
UPDATE orders SET po = po || '!' WHERE id = 1;
SELECT reference, status, error_message FROM whatsapp_messages WHERE reference = '1' ORDER BY id;
UPDATE orders SET phone = '+34612345678' WHERE id = 1;
SELECT text, status, due FROM pg_temp.reminders() WHERE reference = '1';
-- what is on the wire, or was sent, is left alone
UPDATE whatsapp_queue SET state = 'sending' WHERE message_id = (SELECT max(id) FROM whatsapp_messages WHERE reference = '1' AND status = 'PENDING');
UPDATE orders SET delivery_date = '2100-12-31' WHERE id = 1;
DELETE FROM orders WHERE id = 1;
SELECT text, status, due FROM pg_temp.reminders() WHERE reference = '1' AND status = 'PENDING';
-- rolled back
BEGIN;
UPDATE orders SET delivery_date = '2100-12-31';
ROLLBACK;
SELECT reference, due FROM pg_temp.reminders() WHERE status = 'PENDING';
SELECT errors, last_error FROM whatsapp_watches;
-- a look
SELECT outcome, send_at, payload -> 'template' ->> 'name' AS template FROM wa_watch_test('orders', '3');
SELECT outcome, send_at FROM wa_watch_test('orders', '6');
SELECT wa_unwatch('orders') AS ended;
DELETE FROM whatsapp_messages;
DELETE FROM whatsapp_queue;
DELETE FROM orders;
-- a key of one's own: once for each date; the message of the old key is cancelled
SELECT wa_watch('orders', 'reminder', ARRAY['new.po'], 'new.phone', due => 'new.delivery_date', idempotency_key => $$new.po || ' ' || new.delivery_date$$);
INSERT INTO orders VALUES (1, 'PO-1', DEFAULT, '2100-01-10');
UPDATE orders SET delivery_date = '2100-01-11';
UPDATE orders SET delivery_date = '2100-01-10';
SELECT status, due, key FROM pg_temp.reminders();
DELETE FROM orders;
SELECT count(*) FROM whatsapp_queue;
SELECT pg_temp.refused($$SELECT wa_watch('orders', 't', ARRAY['new.po'], 'new.phone', due => 'new.delivery_date', send_at => 'now()')$$) AS both;
CREATE TABLE keyless (phone text, day date);
SELECT pg_temp.refused($$SELECT wa_watch('keyless', 't', ARRAY['new.day'], 'new.phone', due => 'new.day')$$) AS no_key;
SELECT pg_temp.refused($$SELECT wa_watch('orders', 't', ARRAY['new.po'], 'new.phone', due => 'new.po || 1')$$) AS no_time;
-- a row that is deleted and comes again, in one transaction and in two: there is one again. One that was sent stays the only one
DELETE FROM whatsapp_messages;
CREATE TABLE visits (id integer PRIMARY KEY, n integer DEFAULT 1, branch text DEFAULT 'default', day timestamptz, phone text DEFAULT '+34612345678');
SELECT wa_watch('visits', 'visit', ARRAY['new.n'], 'new.phone', due => 'new.day');
INSERT INTO visits SELECT n, n, 'default', '2100-01-01' FROM generate_series(1, 4) AS n;
BEGIN;
DELETE FROM visits WHERE id = 1;
INSERT INTO visits VALUES (1, 11, 'default', '2100-01-02');
COMMIT;
DELETE FROM visits WHERE id = 2;
INSERT INTO visits VALUES (2, 22, 'default', '2100-01-02'), (5, 5, 'default', '2100-01-02');
DELETE FROM whatsapp_queue WHERE message_id = (SELECT id FROM whatsapp_messages WHERE reference = '3');
UPDATE whatsapp_messages SET status = 'SENT' WHERE reference = '3';
DELETE FROM visits WHERE id IN (3, 4);
INSERT INTO visits VALUES (3, 33, 'default', '2100-01-02', DEFAULT), (4, 44, 'default', '2100-01-02', 'nobody');
SELECT text, status, due, key FROM pg_temp.reminders();
-- what waits for a row that comes once more has its time and content
TRUNCATE visits;
INSERT INTO visits VALUES (5, 55, 'default', '2100-01-03');
SELECT text, status, due, key FROM pg_temp.reminders() WHERE key = 'visits:5';
SELECT errors FROM whatsapp_watches WHERE name = 'visits';
-- keys that change places in one statement, also of more rows than are worked on at once; a phone that is no good any more is told of
DELETE FROM whatsapp_messages;
DELETE FROM whatsapp_queue;
CREATE TABLE places (id integer PRIMARY KEY DEFERRABLE, n integer, day timestamptz DEFAULT '2100-01-01', phone text DEFAULT '+34612345678');
SELECT wa_watch('places', 'place', ARRAY['new.n', '100 / (new.n - 300)'], 'new.phone', due => 'new.day', reference => 'new.n', idempotency_key => $$'place ' || new.id$$);
INSERT INTO places SELECT n, n FROM generate_series(1, 3) AS n;
UPDATE places SET id = id + 1;
SELECT text, status, key FROM pg_temp.reminders();
UPDATE places SET id = 6 - id;
SELECT text, key FROM pg_temp.reminders() WHERE status = 'PENDING';
UPDATE places SET id = id + 1, phone = CASE n WHEN 2 THEN 'nobody' ELSE phone END;
SELECT m.reference, m.status, m.error_message IS NOT NULL AS told, m.idempotency_key FROM whatsapp_messages AS m WHERE m.status <> 'CANCELLED' ORDER BY m.id;
DELETE FROM places;
INSERT INTO places SELECT n, n FROM generate_series(1001, 1500) AS n;
UPDATE places SET id = id + 1;
SELECT count(*), count(*) FILTER (WHERE m.idempotency_key = 'place ' || (m.reference::integer + 1)) AS of_its_row FROM whatsapp_messages AS m WHERE m.status = 'PENDING';
SELECT errors FROM whatsapp_watches WHERE name = 'places';
-- a row that fails keeps no other from its place
UPDATE places SET id = id + 1, n = CASE n WHEN 1007 THEN 300 ELSE n END;
SELECT count(*), count(*) FILTER (WHERE m.idempotency_key = 'place ' || (m.reference::integer + 2)) AS of_its_row FROM whatsapp_messages AS m WHERE m.status = 'PENDING';
SELECT errors, last_error, first_bad_row FROM whatsapp_watches WHERE name = 'places';
-- the sender is an expression: it moves with its row from one to another, is cancelled with it, and what was sent by one is not sent by another
DELETE FROM whatsapp_messages;
DELETE FROM whatsapp_queue;
TRUNCATE visits;
INSERT INTO whatsapp_senders (name) VALUES ('north'), ('south');
CREATE FUNCTION pg_temp.by_sender(OUT reference text, OUT sender text, OUT status text, OUT due timestamptz, OUT told boolean) RETURNS SETOF record LANGUAGE sql AS $$
    SELECT m.reference, m.sender, m.status, q.due_at, m.error_message IS NOT NULL
    FROM whatsapp_messages AS m LEFT JOIN whatsapp_queue AS q ON q.message_id = m.id ORDER BY m.reference, m.id $$;
SELECT wa_unwatch('visits') AS ended;
SELECT wa_watch('visits', 'visit', ARRAY['new.n'], 'new.phone', due => 'new.day', sender => 'new.branch');
INSERT INTO visits SELECT n, n, 'default', CASE WHEN n <> 4 THEN timestamptz '2100-01-01' END FROM generate_series(1, 5) AS n;
DELETE FROM whatsapp_queue WHERE message_id = (SELECT id FROM whatsapp_messages WHERE reference = '3');
UPDATE whatsapp_messages SET status = 'SENT' WHERE reference = '3';
UPDATE visits SET day = NULL WHERE id = 5;
UPDATE visits SET branch = 'north', day = '2100-01-02';
SELECT * FROM pg_temp.by_sender();
DELETE FROM visits WHERE id = 2;
UPDATE visits SET branch = 'south' WHERE id = 4;
UPDATE visits SET branch = 'nowhere' WHERE id = 5;
SELECT * FROM pg_temp.by_sender() WHERE reference IN ('2', '4', '5');
UPDATE visits SET branch = 'default';
SELECT * FROM pg_temp.by_sender() WHERE status <> 'CANCELLED';
SELECT errors FROM whatsapp_watches WHERE name = 'visits';
-- the same with a key of one's own
DELETE FROM whatsapp_messages;
DELETE FROM whatsapp_queue;
TRUNCATE visits;
SELECT wa_unwatch('visits') AS ended;
SELECT wa_watch('visits', 'visit', ARRAY['new.n'], 'new.phone', due => 'new.day', sender => 'new.branch', idempotency_key => $$new.id || ' ' || new.n$$);
INSERT INTO visits SELECT n, n, 'default', '2100-01-01' FROM generate_series(1, 2) AS n;
UPDATE visits SET branch = 'north', day = '2100-01-02';
UPDATE visits SET branch = 'south', n = 22 WHERE id = 2;
SELECT * FROM pg_temp.by_sender();
-- what fails, and max_rows, keep new messages back and not those that are cancelled or move: a parameter is not needed for that
DELETE FROM whatsapp_messages;
DELETE FROM whatsapp_queue;
CREATE TABLE bulk (id integer PRIMARY KEY, n integer DEFAULT 1, day timestamptz DEFAULT '2100-01-01', phone text DEFAULT '+34612345678');
SELECT wa_watch('bulk', 'bulk', ARRAY['new.id', '10 / (new.n % 5)'], 'new.phone', due => 'new.day', when_ => 'new.n > 0', max_rows => 3);
INSERT INTO bulk SELECT n FROM generate_series(1, 3) AS n;
INSERT INTO bulk SELECT n FROM generate_series(4, 6) AS n;
UPDATE bulk SET n = 0 WHERE id = 6;
SELECT reference, status, due FROM pg_temp.by_sender() WHERE reference = '6';
UPDATE bulk SET n = 5 WHERE id = 5;
SELECT errors, last_error FROM whatsapp_watches WHERE name = 'bulk';
DELETE FROM bulk WHERE id = 5;
UPDATE bulk SET day = '2100-01-02', n = CASE id WHEN 4 THEN 0 ELSE n END;
SELECT reference, status, due FROM pg_temp.by_sender();
SELECT errors FROM whatsapp_watches WHERE name = 'bulk';
UPDATE bulk SET n = 1, day = CASE id WHEN 3 THEN '-infinity' ELSE day END;
SELECT reference, status, due FROM pg_temp.by_sender();
SELECT errors, last_error FROM whatsapp_watches WHERE name = 'bulk';
DELETE FROM bulk;
SELECT reference, status, due FROM pg_temp.by_sender() WHERE status <> 'CANCELLED';
SELECT errors FROM whatsapp_watches WHERE name = 'bulk';
-- a key that fails does keep one, of its row alone
SELECT wa_watch('places', 'failing', ARRAY['new.n'], 'new.phone', name => 'failing', due => 'new.day', idempotency_key => $$'failing ' || 100 / (new.id - 7)$$);
DELETE FROM places;
SELECT errors, last_error FROM whatsapp_watches WHERE name = 'failing';
INSERT INTO places VALUES (8, 1), (9, 2);
UPDATE places SET id = 7 WHERE id = 8;
DELETE FROM places;
SELECT status, key FROM pg_temp.reminders() WHERE key LIKE 'failing%';
SELECT errors, last_error, first_bad_row FROM whatsapp_watches WHERE name = 'failing';
-- with on_error => 'raise'
SELECT wa_watch('bulk', 'raising', ARRAY['new.id'], 'new.phone', name => 'raising', due => 'new.day', when_ => 'new.n > 0', max_rows => 1, on_error => 'raise');
INSERT INTO bulk VALUES (1, 1);
INSERT INTO bulk VALUES (2, 1);
UPDATE bulk SET day = '2100-01-02';
UPDATE bulk SET n = 0;
SELECT pg_temp.refused('UPDATE bulk SET n = 1');
UPDATE bulk SET n = 1 WHERE id = 1;
DELETE FROM bulk;
SELECT reference, status, key FROM pg_temp.reminders() WHERE key LIKE 'raising%';
-- where a trigger of the user's is on whatsapp_messages, a row that comes again has its message again, too
DELETE FROM whatsapp_messages;
DELETE FROM whatsapp_queue;
CREATE TABLE calls (id integer PRIMARY KEY, customer integer, branch text DEFAULT 'default', day timestamptz DEFAULT '2100-01-01', phone text DEFAULT '+34612345678');
CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER mine BEFORE INSERT ON whatsapp_messages FOR EACH ROW EXECUTE FUNCTION pass();
SELECT wa_watch('calls', 'call', ARRAY['new.id'], 'new.phone', due => 'new.day');
INSERT INTO calls VALUES (1, 1);
DELETE FROM calls;
INSERT INTO calls VALUES (1, 1, DEFAULT, '2100-01-02');
SELECT reference, status, due FROM pg_temp.by_sender();
DROP TRIGGER mine ON whatsapp_messages;
-- one that somebody has cancelled comes again with the next change of its row, and the test says so
SELECT wa_cancel(id) FROM whatsapp_messages WHERE status = 'PENDING';
SELECT outcome FROM wa_watch_test('calls', '1', event => 'UPDATE');
UPDATE calls SET day = '2100-01-03';
SELECT reference, status, due FROM pg_temp.by_sender();
-- an expression may make one key for several rows: the message stays that of the first
DELETE FROM calls;
SELECT wa_unwatch('calls') AS ended, wa_watch('calls', 'call', ARRAY['new.id'], 'new.phone', due => 'new.day', idempotency_key => $$'customer ' || nullif(new.customer, 0)$$);
INSERT INTO calls VALUES (2, 7);
INSERT INTO calls VALUES (3, 7, DEFAULT, '2100-01-05', DEFAULT), (4, 7, DEFAULT, '2100-01-06', 'nobody');
SELECT reference, status, due FROM pg_temp.by_sender() WHERE reference > '1';
-- what is wrong with a row is told, and once more when it has a key
INSERT INTO calls VALUES (5, 0, DEFAULT, DEFAULT, 'nobody');
SELECT count(*) FROM pg_temp.by_sender() WHERE reference = '5';
UPDATE calls SET customer = 8 WHERE id = 5;
SELECT reference, status, told FROM pg_temp.by_sender() WHERE reference = '5';
-- the old sender may have no row any more
INSERT INTO whatsapp_senders (name) VALUES ('depot');
SELECT wa_unwatch('calls') AS ended, wa_watch('calls', 'call', ARRAY['new.id'], 'new.phone', due => 'new.day', sender => 'new.branch');
INSERT INTO calls VALUES (6, 9, 'depot');
UPDATE whatsapp_senders SET name = 'hall' WHERE name = 'depot';
UPDATE calls SET branch = 'hall' WHERE id = 6;
SELECT reference, sender, status FROM pg_temp.by_sender() WHERE reference = '6';
DROP TABLE orders, keyless, visits, places, bulk, calls;
DROP EXTENSION pg_whatsapp CASCADE;
