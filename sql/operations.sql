-- operations: one look tells what is wrong. Counts by day are exact after each transaction, whoever changes a message; views answer without
-- workers, too; what cannot be sent says so.
SET client_min_messages = error;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/test/regress/refused.sql'
\i :refused

-- a column of another type is not taken for what it was
BEGIN;
ALTER TABLE whatsapp_messages ALTER sent_at TYPE text;
INSERT INTO whatsapp_messages (created_at, sender, recipient_phone, message_type, status) VALUES ('2026-01-01Z', 'default', '+34612345678', 'template', 'PENDING');
UPDATE whatsapp_messages SET status = 'SENT', sent_at = '2026-02-02';
SELECT day, sent FROM whatsapp_day_counts;
ROLLBACK;

-- what the counts say of the messages that are there, and what the messages say themselves
CREATE VIEW pg_temp.counted AS
SELECT day, sender, template_name, category, error_code, sum(sign * sent) AS sent, sum(sign * delivered) AS delivered, sum(sign * read) AS read,
       sum(sign * failed) AS failed, sum(sign * failed_sent) AS failed_sent, sum(sign * cancelled) AS cancelled
FROM (SELECT *, CASE WHEN deleted THEN -1 ELSE 1 END AS sign FROM whatsapp_day_counts) AS d GROUP BY 1, 2, 3, 4, 5
HAVING sum(abs(sign * sent)) > 0 AND sum(sign * sent) <> 0 OR sum(sign * failed) <> 0 OR sum(sign * cancelled) <> 0;
CREATE VIEW pg_temp.there AS
SELECT (coalesce(sent_at, failed_at, created_at) AT TIME ZONE 'UTC')::date AS day, sender, coalesce(template_name, '') AS template_name,
       coalesce(pricing_category, '') AS category, CASE WHEN status = 'FAILED' THEN error_code END AS error_code,
       count(*) FILTER (WHERE status IN ('SENT', 'DELIVERED', 'READ') OR (status = 'FAILED' AND sent_at IS NOT NULL)) AS sent,
       count(*) FILTER (WHERE status IN ('DELIVERED', 'READ')) AS delivered, count(*) FILTER (WHERE status = 'READ') AS read,
       count(*) FILTER (WHERE status = 'FAILED') AS failed, count(*) FILTER (WHERE status = 'FAILED' AND sent_at IS NOT NULL) AS failed_sent,
       count(*) FILTER (WHERE status = 'CANCELLED') AS cancelled
FROM whatsapp_messages WHERE status <> 'PENDING' GROUP BY 1, 2, 3, 4, 5;
CREATE FUNCTION pg_temp.differ() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM ((SELECT * FROM pg_temp.counted EXCEPT SELECT * FROM pg_temp.there) UNION ALL
                          (SELECT * FROM pg_temp.there EXCEPT SELECT * FROM pg_temp.counted)) AS d $$;

-- nothing has happened: no row, and no division by nothing
SELECT * FROM whatsapp_stat_days;
SELECT * FROM whatsapp_stat_errors;
SELECT * FROM whatsapp_stat_queue;
SELECT * FROM whatsapp_stat_latency;
SELECT status, messages FROM whatsapp_status;
SELECT sender, enabled, waiting, sent FROM whatsapp_stat_senders;
SELECT worker, alive FROM whatsapp_stat_workers;

-- messages and what becomes of them, by hand
SELECT count(wa_send_po('Proveedor ABC', 'PO-' || i, 1250, '+34612345678', sender => CASE WHEN i > 8 THEN 'default' END)) FROM generate_series(1, 10) AS i;
SELECT wa_send_template('+34612345678', 'hello_world', priority => 'bulk') IS NOT NULL AS sent;
SELECT sender, priority, state, messages FROM whatsapp_stat_queue;
SELECT pg_temp.differ() AS differences;
UPDATE whatsapp_messages SET status = 'SENT', sent_at = '2026-03-01 23:59:59Z' WHERE reference IN ('PO-1', 'PO-2', 'PO-3', 'PO-4', 'PO-5');
UPDATE whatsapp_messages SET status = 'SENT', sent_at = '2026-03-02 00:00:00Z' WHERE template_name = 'hello_world';
SELECT pg_temp.differ() AS differences;
UPDATE whatsapp_messages SET status = 'DELIVERED', delivered_at = sent_at, pricing_category = 'utility' WHERE reference IN ('PO-1', 'PO-2', 'PO-3');
UPDATE whatsapp_messages SET status = 'READ', read_at = sent_at WHERE reference IN ('PO-1', 'PO-2');
UPDATE whatsapp_messages SET status = 'FAILED', failed_at = '2026-03-02 10:00:00Z', error_code = 131026 WHERE reference IN ('PO-4', 'PO-6');
UPDATE whatsapp_messages SET status = 'FAILED', failed_at = '2026-03-02 10:00:00Z', error_message = 'expired' WHERE reference = 'PO-7';
SELECT pg_temp.differ() AS differences;
SELECT * FROM whatsapp_stat_days;
SELECT day, error_code, failed, meaning FROM whatsapp_stat_errors;

-- a statement over messages of many kinds, one after the other
BEGIN;
INSERT INTO whatsapp_messages (created_at, sender, recipient_phone, message_type, template_name, status, reference)
SELECT '2026-01-01Z', 'default', '+34612345678', 'template', 'many_' || i % 7, 'PENDING', i FROM generate_series(1, 9000) AS i;
UPDATE whatsapp_messages SET status = CASE WHEN reference::int % 5 = 0 THEN 'FAILED' ELSE 'SENT' END, sent_at = '2026-01-01Z'::timestamptz + reference::int % 61 * interval '1 day',
    failed_at = '2026-01-02Z', error_code = CASE WHEN reference::int % 10 = 0 THEN 131026 END,
    pricing_category = CASE reference::int % 3 WHEN 0 THEN 'utility' WHEN 1 THEN 'marketing' END
WHERE template_name LIKE 'many%';
SELECT pg_temp.differ() AS differences, count(*) > 1000 AS of_many_kinds FROM pg_temp.there;
DELETE FROM whatsapp_messages WHERE template_name LIKE 'many%' AND error_code IS NULL;
SELECT pg_temp.differ() AS differences;
DELETE FROM whatsapp_messages WHERE template_name LIKE 'many%';
SELECT pg_temp.differ() AS differences;
ROLLBACK;

-- what is told later moves a message to its place, and a change of nothing leaves no row
SELECT count(*) AS rows FROM whatsapp_day_counts \gset before_
UPDATE whatsapp_messages SET hint = 'x';
SELECT count(*) - :before_rows AS more_rows FROM whatsapp_day_counts;
UPDATE whatsapp_messages SET sent_at = '2026-02-28 12:00:00Z', pricing_category = 'marketing' WHERE reference = 'PO-1';
SELECT pg_temp.differ() AS differences;
SELECT day, category, sent, delivered, read FROM whatsapp_stat_days WHERE category = 'marketing';

-- the functions, and what is undone
SELECT count(wa_cancel(id)) FROM whatsapp_messages WHERE reference = 'PO-8';
SELECT count(*) FROM whatsapp_messages WHERE reference = 'PO-9' AND wa_cancel(id);
SELECT wa_retry(id) FROM whatsapp_messages WHERE reference = 'PO-9';
BEGIN;
UPDATE whatsapp_messages SET status = 'FAILED', failed_at = now() WHERE reference = 'PO-5';
ROLLBACK;
CREATE TABLE orders (po text, supplier text, total numeric, phone text);
SELECT wa_watch('orders', supplier => 'supplier', po => 'po', amount => 'total', phone => 'phone');
INSERT INTO orders VALUES ('PO-11', 'Proveedor ABC', 1, '612345678');
SELECT pg_temp.differ() AS differences;
SELECT status, messages FROM whatsapp_status;
SELECT status, messages, (SELECT count(*) FROM whatsapp_messages AS m WHERE m.status = s.status) = messages AS agrees FROM whatsapp_status AS s WHERE status <> 'PENDING';

-- what is deleted happened all the same, and is not there any more
SELECT sum(sent) AS sent, sum(failed) AS failed FROM whatsapp_stat_days \gset before_
DELETE FROM whatsapp_messages WHERE reference IN ('PO-2', 'PO-4');
SELECT sum(sent) = :before_sent AS sent, sum(failed) = :before_failed AS failed FROM whatsapp_stat_days;
SELECT pg_temp.differ() AS differences;
TRUNCATE whatsapp_messages, whatsapp_queue;
SELECT pg_temp.differ() AS differences;
SELECT * FROM whatsapp_status WHERE messages <> 0;
SELECT sum(sent) = :before_sent AS sent, sum(failed) = :before_failed AS failed FROM whatsapp_stat_days;

-- what is wrong is told, worst first, without a worker in this database
SELECT severity, problem, seen, to_do FROM wa_diagnose() WHERE problem <> 'Messages failed' ORDER BY severity, problem;
SELECT wa_send_po('Proveedor ABC', 'PO-20', 1250, '+34612345678') AS id \gset
UPDATE whatsapp_senders SET enabled = false, quality = 'RED' WHERE name = 'default';
SELECT severity, problem, seen, to_do FROM wa_diagnose() WHERE seen ~ 'ender';
UPDATE whatsapp_senders SET enabled = true, quality = NULL, paused_until = 'tomorrow', paused_reason = 'the access token has expired', paused_hint = 'Make a new one.' WHERE name = 'default';
SELECT severity, problem, regexp_replace(seen, '[0-9:]{8}', 'TIME') AS seen, to_do FROM wa_diagnose() WHERE problem ~ 'token';
SELECT event, regexp_replace(regexp_replace(detail, '[0-9:]{8}', 'TIME'), 'by \w+:', 'by USER:') AS detail FROM wa_diagnose(:id);
UPDATE whatsapp_senders SET paused_until = NULL, paused_reason = NULL, paused_hint = NULL;
INSERT INTO whatsapp_templates (name, language, status, rejected_reason) VALUES ('spring', 'es', 'REJECTED', 'INVALID_FORMAT'), ('po_notification', 'es', 'APPROVED', NULL);
SELECT severity, problem, seen, to_do FROM wa_diagnose() WHERE problem ~ 'template';
-- a status that was changed by hand, and a queue that was emptied
SELECT wa_send_po('Proveedor ABC', 'PO-21', 1250, '+34612345678') AS second \gset
SELECT count(*) AS found FROM wa_diagnose() WHERE problem ~ 'PENDING|CANCELLED';
UPDATE whatsapp_messages SET status = 'CANCELLED' WHERE id IN (:id, :second);
CREATE FUNCTION pg_temp.without(number bigint, text text) RETURNS text LANGUAGE sql AS $$ SELECT regexp_replace(text, '\m' || number || '\M', 'ID', 'g') $$;
SELECT severity, problem, pg_temp.without(:second, seen) AS seen, pg_temp.without(:second, to_do) AS to_do FROM wa_diagnose() WHERE problem ~ 'CANCELLED';
SELECT event, pg_temp.without(:second, detail) AS detail FROM wa_diagnose(:second) WHERE event ~ 'now';
-- on the wire it is too late for a cancel
UPDATE whatsapp_queue SET state = 'sending' WHERE message_id = :second;
SELECT problem, regexp_replace(seen, 'is [0-9]+', 'is ID') AS seen FROM wa_diagnose() WHERE problem ~ 'CANCELLED';
SELECT event, detail FROM wa_diagnose(:second) WHERE event ~ 'now';
UPDATE whatsapp_queue SET state = 'ready' WHERE message_id = :second;
-- what the page on troubleshooting says
SELECT count(*) FILTER (WHERE wa_cancel(m.id)) AS cancelled FROM whatsapp_messages m JOIN whatsapp_queue q ON q.message_id = m.id WHERE m.status = 'CANCELLED';
SELECT count(*) AS found FROM wa_diagnose() WHERE problem ~ 'PENDING|CANCELLED';
SELECT bool_and(wa_retry(i)) AS again FROM unnest(ARRAY[:id, :second]) AS i;
DELETE FROM whatsapp_queue;
SELECT severity, problem, pg_temp.without(:second, seen) AS seen, pg_temp.without(:second, to_do) AS to_do FROM wa_diagnose() WHERE problem ~ 'PENDING';
SELECT event, pg_temp.without(:second, detail) AS detail FROM wa_diagnose(:second) WHERE event ~ 'now';
SELECT wa_retry(m.id) FROM whatsapp_messages m WHERE status = 'PENDING' AND NOT EXISTS (SELECT FROM whatsapp_queue q WHERE q.message_id = m.id);
SELECT count(*) AS found FROM wa_diagnose() WHERE problem ~ 'PENDING|CANCELLED';
DELETE FROM whatsapp_messages WHERE id = :second;
DELETE FROM whatsapp_queue;
UPDATE whatsapp_messages SET status = 'SENT', sent_at = clock_timestamp() - interval '30 minutes 10 seconds', wamid = 'w' WHERE id = :id;
SELECT severity, problem, seen, to_do FROM wa_diagnose() WHERE problem = 'No webhook events';
-- also on a day on which more have left in ten minutes than are looked at, and behind many that wait
INSERT INTO whatsapp_messages (sender, message_type, created_at) SELECT 'default', 'text', now() - interval '30 minutes 10 seconds' + i * interval '0.01 s' FROM generate_series(1, 3100) AS i;
INSERT INTO whatsapp_messages (sender, message_type, created_at) SELECT 'default', 'text', now() - i * interval '0.1 s' FROM generate_series(1, 2500) AS i;
UPDATE whatsapp_messages SET status = 'SENT', sent_at = created_at WHERE message_type = 'text';
SELECT severity, problem, regexp_replace(seen, '^About [3-6][0-9]{3}', 'About ...') AS seen FROM wa_diagnose() WHERE problem = 'No webhook events';
UPDATE whatsapp_messages SET status = 'DELIVERED', delivered_at = now() WHERE id = (SELECT max(id) FROM whatsapp_messages);
SELECT count(*) AS found FROM wa_diagnose() WHERE problem = 'No webhook events';
DELETE FROM whatsapp_messages WHERE message_type = 'text';
INSERT INTO whatsapp_attempts (message_id, attempt, outcome, http_status, error_code, error_message) VALUES (:id, 1, 'throttle', 400, 130429, 'Rate limit hit');
UPDATE whatsapp_messages SET status = 'READ', delivered_at = sent_at, read_at = sent_at, attempts = 2, pricing_category = 'utility', pricing_type = 'regular' WHERE id = :id;
SELECT event, regexp_replace(detail, 'by \w+:|[0-9:.-]{8,}', '...', 'g') AS detail FROM wa_diagnose(:id);
SELECT event, detail FROM wa_diagnose(0);

-- the twelve lines of the pre-launch checklist, in their order
SELECT place, line, state, regexp_replace(seen, '[0-9]{4}-[0-9-]+|[0-9]+, is', '...', 'g') AS seen, to_do FROM wa_preflight();
-- the command is of the table that has them; a watch that takes the number from elsewhere is named and not called right
CREATE TABLE quotes (id integer PRIMARY KEY, po text);
SELECT wa_watch('quotes', 'po_notification', ARRAY['new.po', 'new.po', 'new.po'], phone => '(SELECT o.phone FROM orders AS o WHERE o.po = new.po)');
SELECT problem FROM wa_check_phones('public.orders', 'phone');
SELECT state, seen, to_do FROM wa_preflight() WHERE place = 10;
UPDATE orders SET phone = '+34612345678';
SELECT state, seen, to_do FROM wa_preflight() WHERE place = 10;
DROP TABLE quotes;
SELECT state, seen, to_do FROM wa_preflight() WHERE place = 10;
INSERT INTO whatsapp_business_accounts (business_account_id, verification_status, synced_at) VALUES ('987654321', 'verified', now());
INSERT INTO whatsapp_numbers (phone_number_id, display_number, status, synced_at) VALUES ('123456789', '+1 555 0100', 'CONNECTED', now());
SELECT place, state, seen FROM wa_preflight() WHERE place <= 2;
UPDATE whatsapp_business_accounts SET verification_status = 'not_verified';
UPDATE whatsapp_numbers SET status = 'PENDING';
SELECT place, state, seen FROM wa_preflight() WHERE place <= 2;
UPDATE whatsapp_numbers SET status = 'CONNECTED', quality = 'GREEN', display_name = 'Proveedor', name_status = 'APPROVED';
SELECT state, seen, to_do FROM wa_preflight() WHERE place = 2;
UPDATE whatsapp_numbers SET quality = 'RED';
SELECT state, seen, to_do FROM wa_preflight() WHERE place = 2;
SELECT * FROM wa_security();
-- a trigger's function runs as who writes the table: the workers write ours
CREATE ROLE wa_test_buyer;
CREATE SCHEMA wa_test_buyer AUTHORIZATION wa_test_buyer;
GRANT TRIGGER ON whatsapp_inbound TO wa_test_buyer;
SELECT state, seen, to_do FROM wa_security() WHERE place = 10;
SET ROLE wa_test_buyer;
CREATE FUNCTION wa_test_buyer.rise() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN ALTER ROLE wa_test_buyer SUPERUSER; RETURN NULL; END';
CREATE TRIGGER rise AFTER INSERT ON whatsapp_inbound FOR EACH ROW EXECUTE FUNCTION wa_test_buyer.rise();
RESET ROLE;
SELECT state, seen, to_do FROM wa_security() WHERE place = 10;
ALTER FUNCTION wa_test_buyer.rise() SECURITY DEFINER;
REVOKE TRIGGER ON whatsapp_inbound FROM wa_test_buyer;
SELECT state, seen, to_do FROM wa_security() WHERE place = 10;
DROP TRIGGER rise ON whatsapp_inbound;
DROP SCHEMA wa_test_buyer CASCADE;
DROP ROLE wa_test_buyer;
SELECT pg_temp.refused('SELECT count(*) FROM whatsapp_top') AS top;
SELECT wa_send_test('+34612345678') IS NOT NULL AS sent;
SELECT template_name, template_language, priority, reference FROM whatsapp_messages WHERE status = 'PENDING';

-- messages a line each, the newest first: what is long is cut off
SELECT wa_send_po('Proveedor ABC', 'PO-' || repeat('9', 100), 1250, '+34612345678') IS NOT NULL AS sent;
SELECT wa_send_po('Proveedor ABC', 'PO-30', 1250, '612345678', on_error => 'record') IS NOT NULL AS sent;
SELECT regexp_replace(enqueued, '[0-9]', '0', 'g') AS enqueued, recipient, reference, status, why FROM whatsapp_latest LIMIT 2;

-- what there is, from the comments alone: every function for people, table and view is there, and no line is wider than a terminal
CREATE TEMPORARY VIEW things AS
SELECT coalesce(p.proname, c.relname)::text AS name FROM pg_depend AS d JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
LEFT JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid LEFT JOIN pg_class AS c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
WHERE e.extname = 'pg_whatsapp' AND (p.proname LIKE 'wa\_%' OR c.relkind IN ('r', 'v'));
SELECT count(*) = (SELECT count(DISTINCT name) FROM things) AS all_of_them FROM wa_help() AS h WHERE EXISTS (SELECT FROM things AS t WHERE t.name = h.name);
SELECT name, length(purpose) FROM wa_help() WHERE length(name) > 32 OR length(purpose) > 70 OR purpose !~ '[.…]$' OR length(purpose) < 15;
SELECT t.name, h.* FROM (SELECT DISTINCT name FROM things) AS t CROSS JOIN LATERAL wa_help(t.name) AS h WHERE length(h.name) > 32 OR length(h.purpose) > 70;
SELECT t.name AS without_words FROM (SELECT DISTINCT name FROM things) AS t WHERE (SELECT count(*) FROM wa_help(t.name) AS h WHERE length(h.purpose) > 0) < 2;
SELECT string_agg(purpose, ' ') = (SELECT obj_description('wa_cancel(bigint)'::regprocedure, 'pg_proc')) AS all_that_is_said FROM wa_help('wa_cancel') WHERE name NOT LIKE '  %';
SELECT * FROM wa_help('wa_price()');
SELECT * FROM wa_help('whatsapp_windows');
SELECT kind, name FROM wa_help('BUDGET') WHERE name LIKE 'wa%';
SELECT kind, name FROM wa_help('wa_sync_*');
SELECT count(*) AS nothing FROM wa_help('no such thing');

-- no view walks along the messages
CREATE FUNCTION pg_temp.walks(relation text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    line text; walks bigint := 0;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN SELECT * FROM ' || relation LOOP
        walks := walks + (line ~ 'Seq Scan on whatsapp_(messages|events|attempts|wamids)')::integer;
    END LOOP;
    RETURN walks;
END $$;
SET enable_seqscan = off;
SELECT name AS relation FROM unnest('{whatsapp_status,whatsapp_stat_queue,whatsapp_stat_senders,whatsapp_stat_listener,whatsapp_stat_latency,whatsapp_stat_errors,whatsapp_stat_days,whatsapp_stat_workers,whatsapp_top}'::text[]) AS name
WHERE pg_temp.walks(name) > 0;
SELECT pg_temp.walks('whatsapp_messages') AS the_test_sees_it;
RESET enable_seqscan;

-- a trigger of our function elsewhere is refused
CREATE TABLE elsewhere (id integer);
CREATE TRIGGER elsewhere AFTER UPDATE ON elsewhere FOR EACH STATEMENT EXECUTE FUNCTION whatsapp_count_days();
SELECT pg_temp.refused('UPDATE elsewhere SET id = 1') AS refused;

-- monitoring reads the views and nothing else
CREATE ROLE regress_whatsapp_watcher IN ROLE pg_monitor;
SET ROLE regress_whatsapp_watcher;
SELECT name AS relation, pg_temp.refused('SELECT count(*) FROM ' || name) AS refused
FROM unnest('{whatsapp_status,whatsapp_stat_queue,whatsapp_stat_senders,whatsapp_stat_listener,whatsapp_stat_latency,whatsapp_stat_errors,whatsapp_stat_days,whatsapp_stat_workers,whatsapp_top,whatsapp_messages,whatsapp_day_counts}'::text[]) AS name;
SELECT pg_temp.refused('SELECT wa_metrics()') AS metrics, pg_temp.refused('SELECT count(*) FROM wa_preflight()') AS preflight, pg_temp.refused('SELECT count(*) FROM wa_diagnose()') AS diagnose,
       pg_temp.refused('SELECT count(*) FROM wa_diagnose(1)') AS message, pg_temp.refused('SELECT wa_stat_reset()') AS reset;
RESET ROLE;
DROP ROLE regress_whatsapp_watcher;

-- a database of another encoding cannot send, and everything says so
SELECT current_database() AS here \gset
CREATE DATABASE regress_whatsapp_latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0;
\c regress_whatsapp_latin
SET client_min_messages = error;
CREATE EXTENSION pg_whatsapp;
\i :refused
SELECT pg_temp.refused($$SELECT wa_send_po('A', 'PO-1', 1, '+34612345678')$$) AS refused;
SELECT severity, problem, seen, to_do FROM wa_diagnose() WHERE problem ~ 'database';
SELECT state, regexp_replace(seen, '^.*library \S+ | Workers.*$', '', 'g') AS seen, to_do FROM wa_preflight() WHERE place = 7;
\c :here
DROP DATABASE regress_whatsapp_latin;
