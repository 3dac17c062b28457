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
DROP EXTENSION pg_whatsapp;
