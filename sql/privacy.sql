-- privacy: what is known of one person goes, what is counted stays.
SET client_min_messages = error;
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/test/regress/refused.sql'
\i :refused

-- two persons; the number of one is a part of the other's
SELECT wa_send_po('Proveedor ABC', 'PO-1', 1250, '+34612345678') IS NOT NULL AS sent,
       wa_send_po('Proveedor ABC', 'PO +34612345678', 1, '+34612345678', idempotency_key => 'k:34612345678') IS NOT NULL AS named,
       wa_send_po('Otra', 'PO-3', 3, '+346123456789') IS NOT NULL AS other;
UPDATE whatsapp_messages SET status = 'READ', wamid = 'wamid.HBgLMzQ2MTIzNDU2NzgVAgAR', wa_id = '34612345678', user_id = 'ES.1349', error_message = 'to 34612345678',
       error_details = '{"to": "34612345678"}' WHERE reference = 'PO-1';
DELETE FROM whatsapp_queue WHERE message_id = (SELECT id FROM whatsapp_messages WHERE reference = 'PO-1');
INSERT INTO whatsapp_attempts (message_id, attempt, outcome, error_message) SELECT id, 1, 'retry', '34612345678 is away' FROM whatsapp_messages WHERE reference = 'PO-1';
INSERT INTO whatsapp_user_ids (user_id, contact) VALUES ('ES.1349', '34612345678'), ('ES.1349', '34699999999'), ('ES.77', '346123456789');
SELECT wa_opt_out('+34699999999') AS opted_out, wa_opt_out('+346123456789', reason => 'other') AS other;
INSERT INTO whatsapp_windows VALUES ('ES.1349', 'default', now()), ('346123456789', 'default', now());
INSERT INTO whatsapp_events (kind, dedupe_key, wamid, raw, contact, body) VALUES
       ('status', md5('1')::uuid, 'wamid.x', '{"recipient_id": "34612345678"}', NULL, NULL),
       ('message', md5('2')::uuid, NULL, '{"from_user_id": "ES.1349"}', '{"wa_id": "34699999999"}', NULL),
       ('malformed', md5('3')::uuid, NULL, NULL, NULL, '\x7b203334363132333435363738'),
       ('status', md5('4')::uuid, 'wamid.y', '{"recipient_id": "346123456789", "user_id": "ES.134"}', NULL, NULL);
INSERT INTO whatsapp_event_queue (event_id) SELECT id FROM whatsapp_events;
INSERT INTO whatsapp_inbound (received_at, occurred_at, wamid, message_type, from_phone, contact, opens_window, event_id, raw)
SELECT now(), now(), 'in.' || phone, 'text', '+' || phone, phone, true, 1, '{}' FROM unnest('{34612345678,346123456789}'::text[]) AS phone;
INSERT INTO whatsapp_media (origin, sender, inbound_id, content) SELECT 'download', 'default', id, 'a picture' FROM whatsapp_inbound;
UPDATE whatsapp_inbound SET sender = 'default';
SELECT count(wa_mark_read(id)) AS marked FROM whatsapp_inbound;
INSERT INTO whatsapp_watch_errors (watch, event, sqlstate, message, first_row, rows) VALUES
       ('orders', 'INSERT', '22012', 'division by zero', '(7,+34612345678)', 1), ('orders', 'INSERT', '22012', 'division by zero', '(8,+346123456789)', 1);

-- on the wire: later
UPDATE whatsapp_queue SET state = 'sending' WHERE message_id = (SELECT id FROM whatsapp_messages WHERE reference LIKE 'PO +%');
SELECT pg_temp.refused($$SELECT * FROM wa_forget('+34612345678')$$) AS refused;
SELECT count(*) AS untouched FROM whatsapp_messages WHERE recipient_phone = '+34612345678';
UPDATE whatsapp_queue SET state = 'ready';

SELECT * FROM wa_forget('+34612345678');
-- the other person is as before; the counts are, too
SELECT status, recipient_phone, wa_id, user_id, wamid, payload IS NULL AS emptied, reference, idempotency_key, error_message, error_details, template_name
FROM whatsapp_messages ORDER BY id;
SELECT message_id, recipient FROM whatsapp_queue;
SELECT outcome, error_message FROM whatsapp_attempts;
SELECT kind, wamid, raw, contact, body, q.event_id IS NOT NULL AS queued FROM whatsapp_events LEFT JOIN whatsapp_event_queue AS q ON q.event_id = id ORDER BY id;
SELECT from_phone FROM whatsapp_inbound;
SELECT request ->> 'wamid' AS wamid FROM whatsapp_requests WHERE kind = 'mark_read';
SELECT message, first_row FROM whatsapp_watch_errors ORDER BY id;
SELECT contact, opted_out, reason FROM whatsapp_opt_outs ORDER BY contact;
SELECT contact FROM whatsapp_windows ORDER BY contact;
SELECT user_id, contact FROM whatsapp_user_ids ORDER BY contact;
-- nothing of the person is left in any table
SELECT r.oid::regclass AS table FROM pg_class AS r JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.deptype = 'e' JOIN pg_extension AS e ON e.oid = d.refobjid
WHERE e.extname = 'pg_whatsapp' AND relkind = 'r' AND query_to_xml(format('SELECT * FROM %s AS t WHERE t::text ~ ''(?<!\w)(34612345678|ES\.1349|34699999999)(?!\w)''', r.oid::regclass), true, false, '')::text ~ '<row'
ORDER BY 1;

-- again, and by user id
SELECT sum(row_count) AS left_over FROM wa_forget('+34612345678');
SELECT sum(row_count) AS left_over FROM wa_forget('ES.77');
SELECT pg_temp.refused('SELECT wa_forget(NULL)') AS refused;
SELECT pg_temp.refused($$SELECT wa_forget('612345678')$$) AS refused;

-- how long rows are kept
SELECT name, setting, unit FROM pg_settings WHERE name LIKE 'whatsapp.keep%' ORDER BY name;
DROP EXTENSION pg_whatsapp;
