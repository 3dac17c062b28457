-- watch_truncate: the reminders of a table that is truncated, of one that is dropped, and of a watch that ends.
SET client_min_messages = error;
SET TimeZone = 'UTC';
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

CREATE FUNCTION pg_temp.reminders(OUT text text, OUT status text, OUT due timestamptz, OUT key text) RETURNS SETOF record LANGUAGE sql AS $$
    SELECT m.payload #>> '{template,components,0,parameters,0,text}', m.status, CASE WHEN q.due_at > '2099-01-01' THEN q.due_at END, m.idempotency_key
    FROM whatsapp_messages AS m LEFT JOIN whatsapp_queue AS q ON q.message_id = m.id ORDER BY m.id $$;

-- a load each night: what is gone is not reminded of, and what comes again has its new time
CREATE TABLE orders (id integer PRIMARY KEY, po text, phone text DEFAULT '+34612345678', day date);
CREATE TABLE others (LIKE orders INCLUDING ALL);
SELECT wa_watch('orders', 't', ARRAY['new.po'], 'new.phone', due => 'new.day', name => 'reminder');
SELECT wa_watch('others', 't', ARRAY['new.po'], 'new.phone', due => 'new.day', name => 'reminder:others');
SELECT wa_watch('others', 't', ARRAY['new.po'], 'new.phone', name => 'remind');
INSERT INTO others VALUES (1, 'other', DEFAULT, '2100-01-01');
INSERT INTO orders VALUES (1, 'gone', DEFAULT, '2100-01-01'), (2, 'moved', DEFAULT, '2100-01-02'), (3, 'on the wire', DEFAULT, '2100-01-03');
UPDATE whatsapp_queue SET state = 'sending' WHERE message_id = (SELECT id FROM whatsapp_messages WHERE reference = '3');
BEGIN;
INSERT INTO orders VALUES (4, 'of this transaction', DEFAULT, '2100-01-01');
TRUNCATE orders;
SELECT * FROM pg_temp.reminders();
INSERT INTO orders VALUES (2, 'moved here', DEFAULT, '2100-05-05');
COMMIT;
SELECT * FROM pg_temp.reminders();
SELECT name, events, enabled, errors FROM whatsapp_watches ORDER BY name;
BEGIN;
TRUNCATE orders;
ROLLBACK;
SELECT text, status FROM pg_temp.reminders() WHERE key = 'reminder:2';
-- one that is replicated
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'orders'::regclass ORDER BY tgname;
SELECT wa_unwatch('orders'), wa_watch('orders', 't', ARRAY['new.po'], 'new.phone', due => 'new.day', name => 'reminder', replicated => true);
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'orders'::regclass ORDER BY tgname;
TRUNCATE orders;
SELECT text, status FROM pg_temp.reminders() WHERE text = 'moved here';

-- the statement goes on, whatever fails
INSERT INTO orders VALUES (5, 'not cancelled', DEFAULT, '2100-01-01');
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not today'; END $$;
CREATE TRIGGER mine BEFORE DELETE ON whatsapp_queue FOR EACH ROW EXECUTE FUNCTION refuse();
TRUNCATE orders;
SELECT count(*) FROM orders;
SELECT errors, last_error, first_bad_row FROM whatsapp_watches WHERE name = 'reminder';
SELECT event, rows FROM whatsapp_watch_errors;
DROP TRIGGER mine ON whatsapp_queue;
TRUNCATE orders;
SELECT text, status FROM pg_temp.reminders() WHERE text = 'not cancelled';

-- one that cannot be cancelled keeps no other one
INSERT INTO orders SELECT n, 'many', '+34612345678', '2100-01-01' FROM generate_series(11, 413) AS n;
CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.message_id IN (SELECT id FROM public.whatsapp_messages WHERE reference = '300') THEN RAISE 'not this one'; END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER mine BEFORE DELETE ON whatsapp_queue FOR EACH ROW EXECUTE FUNCTION refuse();
TRUNCATE orders;
SELECT status, count(*) FROM pg_temp.reminders() WHERE text = 'many' GROUP BY 1 ORDER BY 1;
SELECT rows, message FROM whatsapp_watch_errors ORDER BY id DESC LIMIT 1;
DROP TRIGGER mine ON whatsapp_queue;
-- messages of the owner's that are not the watch's: of his own keys, of a watch that has ended
SELECT wa_send_po('Proveedor ABC', 'own', 1250, '+34612345678', idempotency_key => 'reminder:1700', send_at => '2100-01-01') IS NOT NULL AS sent,
       wa_send_po('Proveedor ABC', 'reminder:17', 1250, '+34612345678', idempotency_key => 'reminder:reminder:17:18', send_at => '2100-01-01') IS NOT NULL AS sent;
INSERT INTO others VALUES (2, 'ended', DEFAULT, '2100-01-01');
SELECT wa_unwatch('others', 'reminder:others') AS ended;
TRUNCATE orders;
SELECT reference, status FROM whatsapp_messages AS m WHERE idempotency_key LIKE 'reminder:%' AND reference IN ('own', 'reminder:17', '2') ORDER BY id;
SELECT wa_watch('others', 't', ARRAY['new.po'], 'new.phone', due => 'new.day', name => 'reminder:others');

-- a key that is too long for one
CREATE TABLE lengthy (id text PRIMARY KEY, phone text DEFAULT '+34612345678', day date DEFAULT '2100-01-01');
SELECT wa_watch('lengthy', 't', ARRAY['1'], 'new.phone', due => 'new.day');
INSERT INTO lengthy SELECT repeat('x', 300);
TRUNCATE lengthy;
SELECT length(reference), status FROM whatsapp_messages WHERE reference LIKE 'xxx%';
DROP TABLE lengthy;

-- the end of a watch: what waits stays, and it is said
INSERT INTO orders VALUES (6, 'stays', DEFAULT, '2100-01-01');
SET client_min_messages = notice;
SELECT wa_unwatch('orders') AS ended;
SELECT wa_unwatch('orders') AS ended;
SELECT wa_unwatch('others', 'remind') AS ended;
SET client_min_messages = error;
SELECT text, status FROM pg_temp.reminders() WHERE text = 'stays';
-- the watch that is made again has it, and a table is emptied before it is dropped
SELECT wa_watch('orders', 't', ARRAY['new.po'], 'new.phone', due => 'new.day', name => 'reminder');
UPDATE orders SET po = 'followed';
SELECT text, status FROM pg_temp.reminders() WHERE text IN ('stays', 'followed');
TRUNCATE orders;
SELECT text, status FROM pg_temp.reminders() WHERE text IN ('stays', 'followed');
DROP TABLE orders, others;
DELETE FROM whatsapp_messages;
DELETE FROM whatsapp_queue;

-- keys of one's own: they are known by the notes of a status_column, and else not
CREATE TABLE keyed (id integer PRIMARY KEY, po text, phone text DEFAULT '+34612345678', day date, status text);
SELECT wa_watch('keyed', 't', ARRAY['new.po'], 'new.phone', due => 'new.day', idempotency_key => 'new.po', status_column => 'status');
INSERT INTO keyed VALUES (1, 'noted', DEFAULT, '2100-01-01');
TRUNCATE keyed;
SELECT text, status FROM pg_temp.reminders();
SELECT errors, last_error FROM whatsapp_watches;
SELECT wa_unwatch('keyed') AS ended, wa_watch('keyed', 't', ARRAY['new.po'], 'new.phone', due => 'new.day', idempotency_key => 'new.po');
TRUNCATE keyed;
SELECT errors, last_error FROM whatsapp_watches;
INSERT INTO keyed VALUES (2, 'not noted', DEFAULT, '2100-01-01');
TRUNCATE keyed;
SELECT text, status FROM pg_temp.reminders();
SELECT errors, last_error FROM whatsapp_watches;
SET client_min_messages = notice;
SELECT wa_unwatch('keyed') AS ended;
SET client_min_messages = error;
DROP TABLE keyed;
DELETE FROM whatsapp_messages;
DELETE FROM whatsapp_queue;

-- a partitioned table: by its name. A partition that is truncated does not say whose its rows were
CREATE TABLE ledger (id integer PRIMARY KEY, po text, phone text DEFAULT '+34612345678', day date) PARTITION BY RANGE (id);
CREATE TABLE ledger_1 PARTITION OF ledger FOR VALUES FROM (1) TO (10);
CREATE TABLE ledger_2 PARTITION OF ledger FOR VALUES FROM (10) TO (20);
SELECT wa_watch('ledger', 't', ARRAY['new.po'], 'new.phone', due => 'new.day', name => 'ledger');
SELECT wa_watch('ledger_2', 't', ARRAY['new.po'], 'new.phone', due => 'new.day', name => 'second');
CREATE TABLE ledger_3 PARTITION OF ledger FOR VALUES FROM (20) TO (30);
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgname ~ '_truncate$' ORDER BY tgname;
INSERT INTO ledger VALUES (1, 'one', DEFAULT, '2100-01-01'), (11, 'eleven', DEFAULT, '2100-01-01');
TRUNCATE ledger_2;
SELECT text, status, key FROM pg_temp.reminders();
TRUNCATE ledger;
SELECT text, status, key FROM pg_temp.reminders();
SELECT name, errors FROM whatsapp_watches ORDER BY name;
-- a trigger by hand on a partition says nothing of the table
INSERT INTO ledger VALUES (2, 'two', DEFAULT, '2100-01-01');
DO $$ BEGIN
    EXECUTE (SELECT format('CREATE TRIGGER hand AFTER TRUNCATE ON ledger_3 FOR EACH STATEMENT EXECUTE FUNCTION whatsapp_notify(%L)', key)
             FROM whatsapp_watch_definitions WHERE name = 'ledger');
END $$;
TRUNCATE ledger_3;
SELECT text, status, key FROM pg_temp.reminders() WHERE status = 'PENDING';
DROP TABLE ledger;
DROP EXTENSION pg_whatsapp CASCADE;
