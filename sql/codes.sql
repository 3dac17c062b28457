-- one-time codes: in the body and in the button, urgent, for a short time
SET client_min_messages = error;
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/test/regress/refused.sql'
\i :refused

BEGIN;
SELECT wa_send_code('+34612345678', '471193', 'login_code', 'es', reference => 'login 7') AS id \gset
SELECT payload, priority, reference, expires_at - created_at AS valid_for FROM whatsapp_messages WHERE id = :id;
SELECT priority, expires_at - due_at AS valid_for FROM whatsapp_queue WHERE message_id = :id;
SELECT count(*) AS noted FROM whatsapp_codes WHERE message_id = :id;
COMMIT;
SELECT pg_temp.refused($$SELECT wa_send_code('+34612345678', '1234567890123456', 'login_code')$$) AS too_long;
SELECT pg_temp.refused($$SELECT wa_send_code('+34612345678', '', 'login_code')$$) AS empty;
SELECT pg_temp.refused($$SELECT wa_send_code('612345678', '471193', 'login_code')$$) AS phone;
SELECT pg_temp.refused($$SELECT wa_send_code('+34612345678', '471193', 'login_code', valid_for => '2 days')$$) AS for_days;
SELECT pg_temp.refused($$SELECT wa_send_code('+34612345678', NULL, 'login_code')$$) AS no_code;
SELECT wa_cancel(:id) AS cancelled;
SELECT pg_temp.refused($$SELECT wa_send_code('+34612345678', '12🔑34', 'login_code')$$) AS emoji;

-- a template that is known to be for codes is as careful by any other way, also where it is refused
INSERT INTO whatsapp_templates (name, language, status, category) VALUES ('login_code', 'es', 'APPROVED', 'AUTHENTICATION'), ('other', 'es', 'APPROVED', 'UTILITY');
TRUNCATE whatsapp_messages, whatsapp_queue, whatsapp_codes;
CREATE TEMPORARY TABLE sent (place serial, way text, id bigint);
INSERT INTO sent (way, id) VALUES
    ('function of its own', wa_send_code('+34612345678', '471193', 'login_code', 'es')),
    ('template', wa_send_template('+34612345678', 'login_code', ARRAY['471193'], 'es', buttons => '[{"url": "471193"}]')),
    ('template with a key', wa_send_template('+34612345678', 'login_code', ARRAY['471193'], 'es', idempotency_key => 'k')),
    ('the same key again', wa_send_template('+34612345678', 'login_code', ARRAY['471193'], 'es', idempotency_key => 'k')),
    ('any type', wa_send('+34612345678', 'template', '{"name": "login_code", "language": {"code": "es"}, "components": [{"type": "body", "parameters": [{"type": "text", "text": "471193"}]}]}')),
    ('fallback', wa_send_text('+34612345678', 'x', fallback_template => 'login_code', fallback_parameters => ARRAY['471193'])),
    ('refused', wa_send_template('612345678', 'login_code', ARRAY['471193'], 'es', on_error => 'record')),
    ('another template', wa_send_template('+34612345678', 'other', ARRAY['471193'], 'es'));
SET whatsapp.check_templates = off;
INSERT INTO sent (way, id) VALUES ('check_templates off', wa_send_template('+34612345678', 'login_code', ARRAY['471193'], 'es'));
RESET whatsapp.check_templates;
SELECT s.way, c.message_id IS NOT NULL AS noted FROM sent AS s LEFT JOIN whatsapp_codes AS c ON c.message_id = s.id ORDER BY place;
SELECT wa_send_bulk(ARRAY['+34612345678', '+34612345679'], 'login_code', ARRAY['471193'], language => 'es') AS campaign \gset
SELECT count(*) AS messages, count(c.message_id) AS noted FROM whatsapp_messages AS m LEFT JOIN whatsapp_codes AS c ON c.message_id = m.id WHERE m.campaign_id IS NOT NULL;
SELECT pg_temp.refused($$SELECT wa_send_template('ES.13491208655302741918', 'login_code', ARRAY['471193'], 'es')$$) AS user_id;
DROP EXTENSION pg_whatsapp;
