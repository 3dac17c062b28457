-- callbacks: what may be registered, by whom, what is noted of changes and who is owed a call. The calls themselves are in test/tap/057_callbacks.pl.
SET client_min_messages = error;
SET TimeZone = 'UTC';
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/test/regress/refused.sql'
\i :refused

CREATE SCHEMA shop;
CREATE FUNCTION shop.told(bigint, text) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE FUNCTION shop.told(bigint) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION shop.heard(id bigint) RETURNS bigint LANGUAGE sql AS 'SELECT id';
CREATE FUNCTION shop.answers(bigint, text) RETURNS SETOF text LANGUAGE sql AS 'SELECT $2';
CREATE FUNCTION shop.fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE PROCEDURE shop.done(bigint, text) LANGUAGE sql AS 'SELECT';
CREATE FUNCTION shop.turned(text, bigint) RETURNS void LANGUAGE sql AS 'SELECT';
CREATE FUNCTION pg_temp.gone(bigint, text) RETURNS void LANGUAGE sql AS 'SELECT';
INSERT INTO whatsapp_senders (name) VALUES ('sales');

-- nobody is told of anything: nothing is noted
SELECT wa_send_po('Proveedor ABC', 'PO-0', 1250, '+34612345678') AS id \gset
UPDATE whatsapp_messages SET status = 'SENT', sent_at = now() WHERE id = :id;
SELECT count(*) FROM whatsapp_change_queue;

-- registered: with the role, and the search_path of now
SET search_path = public, shop;
SELECT wa_on_status('shop.told(bigint,text)'::regprocedure);
SELECT wa_on_status('shop.told(bigint,text)'::regprocedure, '{READ,FAILED}', sender => 'sales');
SELECT wa_on_inbound('heard', name => 'inbox');
RESET search_path;
SELECT name, kind, function, statuses, sender, owner = current_user AS mine, state, waiting, errors, last_error FROM whatsapp_callbacks;
SELECT name, settings[1] FROM whatsapp_callback_definitions ORDER BY id;

-- what cannot be registered
SELECT pg_temp.refused($$SELECT wa_on_status('shop.told(bigint)'::regprocedure)$$);
SELECT pg_temp.refused($$SELECT wa_on_inbound('shop.told(bigint,text)'::regprocedure)$$);
SELECT pg_temp.refused($$SELECT wa_on_status('shop.answers')$$);
SELECT pg_temp.refused($$SELECT wa_on_status('shop.fires')$$);
SELECT pg_temp.refused($$SELECT wa_on_status('shop.done')$$);
SELECT pg_temp.refused($$SELECT wa_on_status('shop.turned')$$);
SELECT pg_temp.refused($$SELECT wa_on_status(0)$$);
SELECT pg_temp.refused($$SELECT wa_on_status(NULL)$$);
SELECT pg_temp.refused($$SELECT wa_on_status('shop.told(bigint,text)'::regprocedure, '{READ,SEEN}')$$);
SELECT pg_temp.refused($$SELECT wa_on_status('shop.told(bigint,text)'::regprocedure, '{}')$$);
SELECT pg_temp.refused($$SELECT wa_on_status('shop.told(bigint,text)'::regprocedure, sender => 'nobody')$$);
SELECT pg_temp.refused($$SELECT wa_on_status('shop.told(bigint,text)'::regprocedure, name => 'inbox')$$);
SELECT pg_temp.refused($$SELECT wa_on_status('shop.told(bigint,text)'::regprocedure, name => repeat('x', 64))$$);
\set VERBOSITY sqlstate
SELECT wa_on_status('pg_temp.gone');
\set VERBOSITY default

-- each status that a message got, once and in its order, also those that it skipped
CREATE FUNCTION pg_temp.noted(OUT message text, OUT sender text, OUT status text, OUT at text, OUT error_code bigint) RETURNS SETOF record LANGUAGE sql AS $$
    SELECT m.reference, q.sender, q.status, CASE WHEN q.changed_at >= now() - interval '1 day' THEN 'now' ELSE q.changed_at::text END, q.error_code
    FROM whatsapp_change_queue AS q LEFT JOIN whatsapp_messages AS m ON m.id = q.message_id ORDER BY q.id $$;
SELECT count(wa_send_po('Proveedor ABC', 'PO-' || n, 1250, '+34612345678')) FROM generate_series(1, 6) AS n;
UPDATE whatsapp_messages SET status = 'SENT', sent_at = '2026-10-01 10:00:00+00' WHERE reference = 'PO-1';
UPDATE whatsapp_messages SET status = 'READ', delivered_at = '2026-10-01 10:00:01+00', read_at = '2026-10-01 10:00:02+00' WHERE reference = 'PO-1';
UPDATE whatsapp_messages SET status = 'READ', sent_at = '2026-10-01 09:59:59+00' WHERE reference = 'PO-1';
UPDATE whatsapp_messages SET status = 'FAILED', failed_at = '2026-10-01 10:00:03+00', error_code = 131026 WHERE reference = 'PO-2';
UPDATE whatsapp_messages SET status = 'FAILED', error_code = 131047 WHERE reference = 'PO-2';
UPDATE whatsapp_messages SET status = 'DELIVERED', sent_at = '2026-10-01 10:00:00+00', delivered_at = '2026-10-01 10:00:04+00', failed_at = NULL, error_code = NULL WHERE reference = 'PO-2';
UPDATE whatsapp_messages SET status = 'FAILED', sent_at = '2026-10-01 10:00:00+00', failed_at = '2026-10-01 10:00:05+00' WHERE reference = 'PO-3';
UPDATE whatsapp_messages SET status = 'DELIVERED', delivered_at = '2026-10-01 10:00:06+00', failed_at = NULL WHERE reference = 'PO-3';
SELECT wa_cancel(id) FROM whatsapp_messages WHERE reference = 'PO-4';
SELECT wa_retry(id) FROM whatsapp_messages WHERE reference = 'PO-4';
UPDATE whatsapp_messages SET status = 'SENT', sent_at = '2026-10-01 10:00:00+00' WHERE reference IN ('PO-5', 'PO-6');
SELECT * FROM pg_temp.noted();
-- a refused row of a watch is FAILED from its beginning
CREATE TABLE orders (id integer PRIMARY KEY, phone text, notified text);
SELECT wa_watch('orders', 'note', ARRAY['new.id'], 'new.phone', events => '{INSERT,UPDATE}', status_column => 'notified');
TRUNCATE whatsapp_change_queue;
INSERT INTO orders VALUES (1, '+34612345678'), (2, 'none'), (3, NULL);
SELECT q.status, w.row_key FROM whatsapp_change_queue AS q JOIN whatsapp_watched_messages AS w USING (message_id) ORDER BY q.id;
SELECT m.status, w.row_key, d.name FROM whatsapp_watched_messages AS w JOIN whatsapp_messages AS m ON m.id = w.message_id
    JOIN whatsapp_watch_definitions AS d ON d.key = w.watch ORDER BY m.id;
-- a transaction that is rolled back tells nothing
BEGIN;
UPDATE whatsapp_messages SET status = 'SENT' WHERE reference = '1';
ROLLBACK;
SELECT count(*) FROM whatsapp_change_queue WHERE status = 'SENT';

-- a watch's own
SELECT name, kind, function, watch, state FROM whatsapp_callbacks WHERE kind = 'column';
SELECT name, status_column FROM whatsapp_watches;
SELECT pg_temp.refused($$SELECT wa_callback_remove('orders.notified')$$);
SELECT pg_temp.refused($$SELECT wa_watch('orders', 'note', ARRAY['new.id'], 'new.phone', status_column => 'told')$$);
SELECT pg_temp.refused($$SELECT wa_watch('orders', 'note', ARRAY['old.id'], 'old.phone', events => '{DELETE}', status_column => 'notified')$$);
CREATE TABLE keyless (phone text, notified text);
SELECT pg_temp.refused($$SELECT wa_watch('keyless', 'note', ARRAY['new.phone'], 'new.phone', status_column => 'notified')$$);
SELECT wa_unwatch('orders', 'orders');
SELECT count(*) FROM whatsapp_callbacks WHERE kind = 'column';
SELECT count(*) FROM whatsapp_watched_messages;
-- and of a table that is gone, when its name is taken again
SELECT wa_watch('orders', 'note', ARRAY['new.id'], 'new.phone', status_column => 'notified');
DROP TABLE orders;
CREATE TABLE orders (id integer PRIMARY KEY, phone text, notified text);
SELECT wa_watch('orders', 'note', ARRAY['new.id'], 'new.phone', name => 'orders', status_column => 'notified');
SELECT name, kind FROM whatsapp_callbacks WHERE kind = 'column';

-- paused, on, ended
SELECT wa_callback_pause('inbox'), wa_callback_pause('none');
SELECT name, state FROM whatsapp_callbacks WHERE name = 'inbox';
SELECT wa_callback_resume('inbox'), wa_callback_resume('none');
SELECT name, state FROM whatsapp_callbacks WHERE name = 'inbox';
SELECT wa_callback_remove('inbox'), wa_callback_remove('inbox');
SELECT name FROM whatsapp_callbacks;

-- by the right to execute the function, and with the rights of who registers it
CREATE ROLE regress_callback_admin;
SELECT wa_grant('regress_callback_admin', 'admin');
REVOKE EXECUTE ON FUNCTION shop.told(bigint, text) FROM PUBLIC;
GRANT USAGE ON SCHEMA shop TO regress_callback_admin;
SET ROLE regress_callback_admin;
\set VERBOSITY sqlstate
SELECT wa_on_status('shop.told(bigint,text)'::regprocedure);
\set VERBOSITY default
SELECT wa_on_inbound('shop.heard');
SELECT name, owner FROM whatsapp_callbacks WHERE name = 'heard';
SELECT wa_callback_remove('heard');
RESET ROLE;

-- changes by number: those that are kept, and those that are not
SELECT pg_temp.refused($$SELECT * FROM wa_changes(0)$$);
SELECT pg_temp.refused($$SELECT * FROM wa_changes(0, 0)$$);
SELECT pg_temp.refused($$SELECT * FROM wa_changes(0, NULL)$$);
SELECT wa_revoke('regress_callback_admin', 'admin');
REVOKE ALL ON SCHEMA shop FROM regress_callback_admin;
DROP ROLE regress_callback_admin;
DROP TABLE orders, keyless;
DROP SCHEMA shop CASCADE;
DROP EXTENSION pg_whatsapp CASCADE;
