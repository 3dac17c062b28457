-- send: wa_send_template() and wa_send_po(): the rows that they make, in the caller's transaction; each refusal, which
-- makes none; and what may be done to a message that waits: wa_cancel(), wa_resume(), wa_release().
-- Without the library in shared_preload_libraries the first enqueue of a session warns: hence "error".
SET client_min_messages = error;
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/test/regress/refused.sql'
\i :refused

-- a purchase order, all by default
SELECT wa_send_po('Proveedor ABC', 'PO-2024-001', '€1,250.00', '+34612345678') AS id;
\x on
SELECT * FROM (SELECT id, created_at <= now() AS created, sender, recipient_phone, wa_id, user_id, message_type, template_name, template_language,
                      payload, status, wamid, sent_at, delivered_at, read_at, failed_at, error_code, error_message, error_details, hint, attempts,
                      expires_at - created_at AS lives, reference, enqueued_by = SESSION_USER AS enqueued_by_me
               FROM whatsapp_messages) AS message;
SELECT q.message_id, q.sender, q.state, q.due_at = m.created_at AS due_at_once, q.expires_at = m.expires_at AS same_end, q.attempts, q.epoch, q.changed_at
FROM whatsapp_queue AS q JOIN whatsapp_messages AS m ON m.id = q.message_id;
\x off

-- the sentence that the supplier will read
SELECT wa_render_template('Hola {{1}}, has recibido una nueva orden de compra {{2}} por un total de {{3}}.',
                          ARRAY(SELECT p ->> 'text' FROM json_array_elements(payload #> '{template,components,0,parameters}') WITH ORDINALITY AS a (p, n) ORDER BY n))
FROM whatsapp_messages;

-- the quick reference's query, word for word
SELECT
id, recipient_phone, status, template_name,
sent_at, delivered_at, error_message
FROM whatsapp_messages
ORDER BY created_at DESC
LIMIT 10;

-- which wa_send_po()? A number is formatted, a text (and a literal without a type) is sent as it is written
SELECT wa_send_po('Proveedor ABC', 'untyped', '1250', '+34612345678') AS id;
SELECT wa_send_po('Proveedor ABC', 'text', '1250'::text, '+34612345678') AS id;
SELECT wa_send_po('Proveedor ABC', 'numeric', 1250.00, '+34612345678') AS id;
SELECT wa_send_po('Proveedor ABC', 'integer', 1250, '+34612345678') AS id;
SELECT wa_send_po('Proveedor ABC', 'bigint', 1250::bigint, '+34612345678') AS id;
SELECT wa_send_po('Proveedor ABC', 'USD', 1250, '+34612345678', 'USD') AS id;
SELECT wa_send_po('Proveedor ABC', 'NULL currency', 1250, '+34612345678', NULL) AS id;
SELECT wa_send_po('Proveedor ABC', 'named currency', '1250', '+34612345678', currency => 'GBP') AS id;
SELECT wa_send_po('Proveedor ABC', 'language of a text', '€1,250.00', '+34612345678', 'en_US') AS id;
SELECT wa_send_po('Proveedor ABC', 'language of a number', 1250, '+34612345678', 'EUR', 'en_US') AS id;
SELECT wa_send_po(phone => '+34612345678', amount => 1250, po => 'all named', supplier => 'Proveedor ABC', sender => 'default') AS id;
SELECT wa_send_po('Proveedor ABC', 'varchar', '€5'::varchar, '+34612345678'::varchar) AS id;
PREPARE untyped AS SELECT wa_send_po($1, $2, $3, $4) AS id;
EXECUTE untyped ('Proveedor ABC', 'prepared', '€7', '+34612345678');
SET whatsapp.default_currency = 'USD';
SET whatsapp.default_language = 'en';
SELECT wa_send_po('Proveedor ABC', 'session settings', 1250, '+34612345678') AS id;
RESET whatsapp.default_currency;
RESET whatsapp.default_language;
SELECT id, reference, template_language AS language, payload #>> '{template,components,0,parameters,2,text}' AS amount, status
FROM whatsapp_messages WHERE id > 1 ORDER BY id;

-- any template
SELECT wa_send_template('+34612345678', 'hello_world', language => 'en_US') AS id \gset
SELECT sender, recipient_phone, message_type, template_name, template_language, reference, payload FROM whatsapp_messages WHERE id = :id;
SELECT wa_send_template('+34612345678', 'order_ready', ARRAY['José "Pepe" Núñez', 'a\b /', '日本 😀', 'four    spaces', '{{1}}', '0'], 'pt_BR', 'default', 'the caller''s key') AS id \gset
SELECT sender, recipient_phone, message_type, template_name, template_language, reference, payload FROM whatsapp_messages WHERE id = :id;
SELECT wa_send_template('+34612345678', 'order_ready', '{}') AS id \gset
SELECT template_language, reference, payload FROM whatsapp_messages WHERE id = :id;
SELECT wa_send_template('+34612345678', 'order_ready', ARRAY['x'], NULL, NULL, NULL) AS id \gset
SELECT sender, template_language, reference FROM whatsapp_messages WHERE id = :id;

-- many by one statement
SELECT count(wa_send_po('Proveedor ' || n, 'PO-' || n, n::numeric, '+34612345678')) AS sent FROM generate_series(1, 100) AS n;
SELECT count(*) AS messages, count(DISTINCT payload::text) AS different, min(payload #>> '{template,components,0,parameters,2,text}' COLLATE "C") AS least
FROM whatsapp_messages WHERE reference ~ '^PO-[0-9]+$';

-- a transaction of the caller's: what is rolled back was never there
SELECT (SELECT count(*) FROM whatsapp_messages) AS messages, (SELECT count(*) FROM whatsapp_queue) AS queued \gset
BEGIN;
SELECT wa_send_po('Proveedor ABC', 'rolled back', 1, '+34612345678') IS NOT NULL AS sent;
SELECT count(*) AS messages FROM whatsapp_messages WHERE reference = 'rolled back';
ROLLBACK;
BEGIN;
SELECT wa_send_po('Proveedor ABC', 'kept 1', 1, '+34612345678') IS NOT NULL AS sent;
SAVEPOINT s;
SELECT wa_send_po('Proveedor ABC', 'lost 1', 1, '+34612345678') IS NOT NULL AS sent;
SAVEPOINT t;
SELECT wa_send_po('Proveedor ABC', 'lost 2', 1, '+34612345678') IS NOT NULL AS sent;
RELEASE t;
ROLLBACK TO s;
SELECT wa_send_po('Proveedor ABC', 'kept 2', 1, '+34612345678') IS NOT NULL AS sent;
COMMIT;
DO $$
BEGIN
    PERFORM wa_send_po('Proveedor ABC', 'lost 3', 1, '+34612345678');
    RAISE 'anything';
EXCEPTION WHEN raise_exception THEN
    PERFORM wa_send_po('Proveedor ABC', 'kept 3', 1, '+34612345678');
END $$;
SELECT reference, (SELECT count(*) FROM whatsapp_queue WHERE message_id = id) AS queued FROM whatsapp_messages
WHERE reference ~ 'rolled|lost|kept' ORDER BY id;
SELECT (SELECT count(*) FROM whatsapp_messages) - :messages AS more_messages, (SELECT count(*) FROM whatsapp_queue) - :queued AS more_queued;

-- refused, and no row made: phones
SELECT (SELECT count(*) FROM whatsapp_messages) AS messages, (SELECT count(*) FROM whatsapp_queue) AS queued \gset
SELECT phone, pg_temp.refused(format('SELECT wa_send_po(''Proveedor ABC'', ''PO-1'', ''€1'', %L)', phone)) AS refused
FROM (VALUES (1, '612345678'), (2, '34612345678'), (3, '+34 612 34 56 78'), (4, ''), (5, NULL), (6, '0034612345678')) AS p (place, phone) ORDER BY place;
SELECT phone, pg_temp.refused(format('SELECT wa_send_template(%L, ''hello_world'')', phone)) AS refused
FROM (VALUES (1, E'+34612345678\n'), (2, NULL), (3, '+12')) AS p (place, phone) ORDER BY place;

-- refused: parameters; their text is the message's content and is never shown
SELECT pg_temp.refused('SELECT wa_send_po(NULL, ''PO-1'', ''€1'', ''+34612345678'')') AS refused;
SELECT pg_temp.refused('SELECT wa_send_po(''Proveedor ABC'', NULL, ''€1'', ''+34612345678'')') AS refused;
SELECT pg_temp.refused('SELECT wa_send_po(''Proveedor ABC'', ''PO-1'', NULL::text, ''+34612345678'')') AS refused;
SELECT pg_temp.refused('SELECT wa_send_po(''Proveedor ABC'', ''PO-1'', NULL::numeric, ''+34612345678'')') AS refused;
SELECT pg_temp.refused('SELECT wa_send_po(''Proveedor ABC'', ''PO-1'', ''NaN''::numeric, ''+34612345678'')') AS refused;
SELECT pg_temp.refused('SELECT wa_send_po(''Proveedor ABC'', ''PO-1'', 1250, ''+34612345678'', ''EURO'')') AS refused;
SELECT what, pg_temp.refused(format('SELECT wa_send_po(%L, ''PO-1'', ''€1'', ''+34612345678'')', supplier)) AS refused
FROM (VALUES (1, 'empty', ''), (2, 'white space', '   '), (3, 'newline', E'secret\nname'), (4, 'carriage return', E'secret\rname'), (5, 'tab', E'secret\tname'),
             (6, 'five spaces', 'secret     name'), (7, 'too long', repeat('x', 32769)), (8, 'four spaces', 'a    b'), (9, 'longest', repeat('x', 32762)))
     AS s (place, what, supplier) ORDER BY place;
SELECT pg_temp.refused('SELECT wa_send_po(''Proveedor ABC'', E''PO\n1'', ''€1'', ''+34612345678'')') AS refused;
SELECT pg_temp.refused('SELECT wa_send_po(''Proveedor ABC'', ''PO-1'', '''', ''+34612345678'')') AS refused;
SELECT pg_temp.refused('SELECT wa_send_template(''+34612345678'', ''hello_world'', ARRAY[''x'', NULL])') AS refused;
SELECT pg_temp.refused('SELECT wa_send_template(''+34612345678'', ''hello_world'', ARRAY[''x'', ''''])') AS refused;
SELECT pg_temp.refused('SELECT wa_send_template(''+34612345678'', ''hello_world'', NULL)') AS refused;
SELECT pg_temp.refused('SELECT wa_send_template(''+34612345678'', ''hello_world'', ARRAY[[''x''], [''y'']])') AS refused;
SELECT pg_temp.refused('SELECT wa_send_template(''+34612345678'', ''hello_world'', array_fill(''x''::text, ARRAY[101]))') AS refused;

-- refused: templates
SELECT template, pg_temp.refused(format('SELECT wa_send_template(''+34612345678'', %L)', template)) AS refused
FROM (VALUES (1, ''), (2, NULL), (3, 'Po_Notification'), (4, 'po notification'), (5, 'po-notification'), (6, 'notificación'),
             (7, 'po"}}')) AS t (place, template) ORDER BY place;
SELECT length, pg_temp.refused(format('SELECT wa_send_template(''+34612345678'', %L)', repeat('x', length))) AS refused FROM (VALUES (512), (513)) AS l (length);

-- refused: languages
SELECT language, pg_temp.refused(format('SELECT wa_send_template(''+34612345678'', ''hello_world'', language => %L)', language)) AS refused
FROM (VALUES (1, ''), (2, 'e'), (3, 'spanish'), (4, 'ES'), (5, 'es-ES'), (6, 'es_'), (7, 'es_E'), (8, 'es_ESPAÑA'), (9, 'es ES'),
             (10, 'es'), (11, 'es_ES'), (12, 'fil'), (13, 'es_419'), (14, 'zh_Hans')) AS l (place, language) ORDER BY place;
SET whatsapp.default_language = 'Spanish';
SELECT pg_temp.refused('SELECT wa_send_po(''Proveedor ABC'', ''PO-1'', ''€1'', ''+34612345678'')') AS refused;
RESET whatsapp.default_language;

-- refused: senders
SELECT pg_temp.refused('SELECT wa_send_po(''Proveedor ABC'', ''PO-1'', ''€1'', ''+34612345678'', sender => ''ghost'')') AS refused;
SELECT pg_temp.refused('SELECT wa_send_template(''+34612345678'', ''hello_world'', sender => '''')') AS refused;
SET whatsapp.default_sender = 'ghost';
SELECT pg_temp.refused('SELECT wa_send_po(''Proveedor ABC'', ''PO-1'', 1, ''+34612345678'')') AS refused;
SELECT pg_temp.refused('SELECT wa_send_po(''Proveedor ABC'', ''PO-1'', 1, ''+34612345678'', sender => ''default'')') AS accepted;
RESET whatsapp.default_sender;

-- only those that were accepted made rows
SELECT (SELECT count(*) FROM whatsapp_messages) - :messages AS more_messages, (SELECT count(*) FROM whatsapp_queue) - :queued AS more_queued;

-- in PL/pgSQL by SQLSTATE
DO $$
BEGIN
    PERFORM wa_send_po('Proveedor ABC', 'PO-1', E'€\t1', '+34612345678');
EXCEPTION WHEN SQLSTATE 'WA004' THEN
    RAISE LOG 'white space';
END $$;

-- or made acceptable, when asked: of any sending function, body parameters only
SET whatsapp.parameter_whitespace = collapse;
SELECT wa_send_po(E'  Proveedor\n\tABC', 'PO-1', '€1', '+34612345678') AS id \gset
SELECT payload #>> '{template,components,0,parameters,0,text}' AS supplier FROM whatsapp_messages WHERE id = :id;
SELECT wa_send_template('+34612345678', 'order_ready', ARRAY[E'Calle Mayor 1\r\n28013     Madrid']) AS id \gset
SELECT payload #>> '{template,components,0,parameters,0,text}' AS text FROM whatsapp_messages WHERE id = :id;
SELECT wa_send_template('+34612345678', 'order_ready', named_parameters => '{"a": "x\ny"}') AS id \gset
SELECT payload #>> '{template,components,0,parameters,0,text}' AS text FROM whatsapp_messages WHERE id = :id;
SELECT left(pg_temp.refused($$SELECT wa_send_template('+34612345678', 'order_ready', ARRAY[E'\n\t'])$$), 5) AS still_empty;
RESET whatsapp.parameter_whitespace;

-- wa_cancel(): once, for what waits
TRUNCATE whatsapp_messages, whatsapp_queue;
ALTER SEQUENCE whatsapp_messages_id_seq RESTART;
SELECT wa_send_po('Proveedor ABC', 'PO-' || n, n, '+34612345678') AS id FROM generate_series(1, 6) AS n;
SELECT wa_cancel(1) AS cancelled, wa_cancel(1) AS again, wa_cancel(999) AS not_there, wa_cancel(NULL) AS null;
UPDATE whatsapp_queue SET state = 'sending' WHERE message_id = 2;
UPDATE whatsapp_queue SET state = 'unknown' WHERE message_id = 3;
DELETE FROM whatsapp_queue WHERE message_id = 4;
UPDATE whatsapp_messages SET status = 'SENT' WHERE id = 4;
SELECT wa_cancel(2) AS sending, wa_cancel(3) AS unknown, wa_cancel(4) AS sent;
BEGIN;
SELECT wa_cancel(5) AS rolled_back;
ROLLBACK;
BEGIN;
SELECT wa_send_po('Proveedor ABC', 'PO-7', 7, '+34612345678') AS id \gset
SELECT wa_cancel(:id) AS in_the_same_transaction;
COMMIT;
SELECT id, status, (SELECT state FROM whatsapp_queue WHERE message_id = id) AS queued FROM whatsapp_messages ORDER BY id;
SELECT * FROM (SELECT status, messages, oldest IS NOT NULL AS has_oldest, newest >= oldest AS ordered FROM whatsapp_status) AS status;

-- wa_resume() ends a pause
SELECT wa_resume() AS no_row;
INSERT INTO whatsapp_senders (name, phone_number_id, paused_until, paused_reason, paused_hint, pauses)
VALUES ('north', '100', now() + interval '1 hour', 'token expired', 'Renew it.', 3), ('south', '200', NULL, NULL, NULL, 0);
SELECT wa_resume('north') AS paused, wa_resume('north') AS again, wa_resume('south') AS not_paused, wa_resume('ghost') AS not_there;
SELECT name, paused_until, paused_reason, paused_hint, pauses FROM whatsapp_senders ORDER BY name COLLATE "C";

-- wa_release() ends the hold of rows that came from elsewhere, and shows first what it would send
SELECT count(*) AS held FROM whatsapp_held;
INSERT INTO whatsapp_instances (nonce, system_identifier, database_oid, table_oid) VALUES ('0123456789abcdef', 'another cluster', 1, 1);
SELECT wa_release(dry_run => true) AS would_send, count(*) AS held, min(reason) AS why FROM whatsapp_held;
SELECT count(*) = (SELECT count(*) FROM whatsapp_queue) AS the_whole_queue FROM whatsapp_held;
SELECT wa_release() AS waiting;
SELECT released_at IS NOT NULL AS released FROM whatsapp_instances WHERE nonce = '0123456789abcdef';
SELECT wa_release(dry_run => true) AS nothing_held, wa_release() AS nothing_released;

-- an amount has one meaning, whatever type a driver binds: a plain number is formatted, what is written with a currency stays
CREATE FUNCTION pg_temp.amount(message bigint) RETURNS text LANGUAGE sql AS
    $$ SELECT payload #>> '{template,components,0,parameters,2,text}' FROM whatsapp_messages WHERE id = $1 $$;
PREPARE by_type AS SELECT pg_temp.amount(wa_send_po('Proveedor ABC', 'bound', $1, '+34612345678')) AS unknown,
    pg_temp.amount(wa_send_po('Proveedor ABC', 'bound', $2::text, '+34612345678')) AS as_text,
    pg_temp.amount(wa_send_po('Proveedor ABC', 'bound', $3::numeric, '+34612345678')) AS as_number;
EXECUTE by_type ('1250', '1250', '1250');
EXECUTE by_type ('1250.5', '1250.5', '1250.5');
EXECUTE by_type ('-7.00', '-7.00', '-7.00');
EXECUTE by_type ('1250.0000', '1250.0000', '1250.0000');
PREPARE with_currency AS SELECT pg_temp.amount(wa_send_po($1, $2, $3, $4, currency => $5));
EXECUTE with_currency ('Proveedor ABC', 'bound', '1250', '+34612345678', 'USD');
EXECUTE with_currency ('Proveedor ABC', 'bound', '1.250', '+34612345678', 'KWD');
SELECT a.amount, pg_temp.amount(wa_send_po('Proveedor ABC', 'written', a.amount, '+34612345678')) AS read
FROM (VALUES ('€1,250.00'), ('1.250,00 €'), ('1,250.00'), ('1250,00'), (U&'1250,00\00A0\20AC'), ('1 250'), ('0.125'), ('12.5')) AS a (amount);
SELECT a.amount, pg_temp.refused(format('SELECT wa_send_po(%L, %L, %L, %L, currency => %L)', 'Proveedor ABC', 'bound', a.amount, '+34612345678', a.currency)) AS refused
FROM (VALUES ('1.250', NULL), ('1.250', 'USD'), ('3.46E+10', NULL), ('3.46E+10', 'EUR'), ('NaN', NULL), (U&'1250.00\200E', NULL), (U&'1\00A0250', NULL), (U&'\200B7', 'EUR'),
             ('1,250.00', 'EUR'), ('1250', 'EURO'), ('', NULL)) AS a (amount, currency);
DELETE FROM whatsapp_queue AS q USING whatsapp_messages AS m WHERE m.id = q.message_id AND m.reference IN ('bound', 'written');
DELETE FROM whatsapp_messages WHERE reference IN ('bound', 'written');

-- a send_at in the past is now, and the life span begins now, in whatever transaction and by whatever way
CREATE TEMPORARY TABLE past AS SELECT wa_send_po('Proveedor ABC', 'past', 1, '+34612345678', send_at => now() - interval '30 days') AS id;
BEGIN;
INSERT INTO past SELECT wa_send_po('Proveedor ABC', 'past', n, '+34612345678', send_at => now() - interval '30 days', idempotency_key => 'past ' || n) FROM generate_series(1, 3) AS n;
COMMIT;
SELECT count(*) AS messages, bool_and(q.due_at = m.created_at) AS due_now, bool_and(m.expires_at = m.created_at + interval '1 day') AS lives_from_now,
       bool_and(q.expires_at = m.expires_at) AS the_same
FROM past JOIN whatsapp_messages AS m USING (id) JOIN whatsapp_queue AS q ON q.message_id = m.id;
DELETE FROM whatsapp_queue WHERE message_id IN (SELECT id FROM past);
DELETE FROM whatsapp_messages WHERE id IN (SELECT id FROM past);

-- send_at waits, and the life span begins there
SELECT wa_send_po('Proveedor ABC', 'later', 1, '+34612345678', send_at => now() + interval '1 day') IS NOT NULL AS sent;
SELECT q.due_at = m.created_at + interval '1 day' AS due_then, q.expires_at = q.due_at + interval '1 day' AS lives_on
FROM whatsapp_messages AS m JOIN whatsapp_queue AS q ON q.message_id = m.id WHERE m.reference = 'later';
\set VERBOSITY sqlstate
SELECT wa_send_po('Proveedor ABC', 'never', 1, '+34612345678', send_at => 'infinity');
\set VERBOSITY default

-- priorities: urgent before normal before bulk
SELECT wa_send_po('Proveedor ABC', 'urgent', 1, '+34612345678', priority => 'urgent') < wa_send_po('Proveedor ABC', 'bulk', '1', '+34612345678', priority => 'bulk') AS sent;
SELECT reference, m.priority, q.priority AS queued_as, q.recipient FROM whatsapp_messages AS m JOIN whatsapp_queue AS q ON q.message_id = m.id
WHERE reference IN ('urgent', 'bulk', 'later') ORDER BY m.id;
SELECT pg_temp.refused($$SELECT wa_send_po('Proveedor ABC', 'soon', 1, '+34612345678', priority => 'soon')$$) AS refused;

-- the same idempotency key again: the same id back, and nothing new
SELECT wa_send_po('Proveedor ABC', 'once', 1, '+34612345678', idempotency_key => 'order 1') = wa_send_po('Proveedor ABC', 'once', 1, '+34612345678', idempotency_key => 'order 1', priority => 'urgent') AS same;
SELECT wa_send_po('Proveedor ABC', 'other sender', 2, '+34612345678', sender => 'north', idempotency_key => 'order 1')
     = wa_send_po('Proveedor ABC', 'once', 1, '+34612345678', idempotency_key => 'order 1') AS same_of_another_sender;
SELECT reference, sender FROM whatsapp_messages WHERE idempotency_key = 'order 1' ORDER BY id;

-- the same key for another message: an error, for the second one would never leave
SELECT regexp_replace(pg_temp.refused($$SELECT wa_send_po('Proveedor ABC', 'once', 1, '+34612345679', idempotency_key => 'order 1')$$), 'Message \d+', 'Message N') AS other_phone;
SELECT regexp_replace(pg_temp.refused($$SELECT wa_send_po('Proveedor ABC', 'twice', 1, '+34612345678', idempotency_key => 'order 1')$$), 'Message \d+', 'Message N') AS other_order;
SELECT regexp_replace(pg_temp.refused($$SELECT wa_send_template('+34612345678', 'hello_world', idempotency_key => 'order 1')$$), 'Message \d+', 'Message N') AS other_template;

-- keys are each role's own
CREATE ROLE regress_whatsapp_alice;
GRANT EXECUTE ON FUNCTION wa_send_po(text, text, numeric, text, text, text, text, timestamptz, text, text, bigint, text) TO regress_whatsapp_alice;
SET SESSION AUTHORIZATION regress_whatsapp_alice;
SELECT wa_send_po('Proveedor XYZ', 'once more', 5, '+34612345670', idempotency_key => 'order 1') IS NOT NULL AS sent;
RESET SESSION AUTHORIZATION;
SELECT reference, enqueued_by = 'regress_whatsapp_alice' AS of_alice FROM whatsapp_messages WHERE idempotency_key = 'order 1' AND sender = 'default' ORDER BY id;
DELETE FROM whatsapp_queue AS q USING whatsapp_messages AS m WHERE m.id = q.message_id AND m.reference = 'once more';
DELETE FROM whatsapp_messages WHERE reference = 'once more';
REVOKE ALL ON FUNCTION wa_send_po(text, text, numeric, text, text, text, text, timestamptz, text, text, bigint, text) FROM regress_whatsapp_alice;
DROP ROLE regress_whatsapp_alice;

-- every text that is kept has a limit
SELECT pg_temp.refused($$SELECT wa_send_template('+34612345678', 'hello_world', reference => repeat('é', 513))$$) AS reference;
SELECT pg_temp.refused($$SELECT wa_send_po('Proveedor ABC', repeat('9', 1025), 1, '+34612345678')$$) AS po;
SELECT pg_temp.refused($$SELECT wa_send_po('Proveedor ABC', 'x', 1, '+34612345678', idempotency_key => repeat('k', 256))$$) AS key;
SELECT pg_temp.refused($$SELECT wa_send_po('Proveedor ABC', 'x', 1, '+34612345678', sender => repeat('s', 64))$$) AS sender;
SELECT pg_temp.refused($$SELECT wa_send_po('Proveedor ABC', 'x', 1, repeat('3', 1025))$$) AS phone;
SELECT pg_temp.refused($$SELECT wa_send_po(repeat('x', 131073), 'x', 1, '+34612345678')$$) AS supplier;
SELECT pg_temp.refused($$SELECT wa_send_template('+34612345678', 'hello_world', ARRAY[repeat('x', 20000), repeat('y', 12769)])$$) AS together;
SELECT pg_temp.refused($$SELECT wa_send_template('+34612345678', 'hello_world', array_fill(repeat('x', 10000), ARRAY[53]))$$) AS parameters;
SELECT pg_temp.refused($$SELECT wa_opt_out('+34612345678', reason => repeat('x', 1025))$$) AS reason;
SELECT pg_temp.refused($$SELECT wa_render_template(repeat('x', 131073), '{}'::text[])$$) AS body;
SELECT pg_temp.refused($$SELECT wa_render_template(repeat('{{1}}', 20), ARRAY[repeat('x', 20000)])$$) AS rendered;
SELECT wa_send_template('+34612345678', 'hello_world', reference => repeat('r', 1024), idempotency_key => repeat('k', 255)) IS NOT NULL AS all_at_their_limits;
DELETE FROM whatsapp_queue AS q USING whatsapp_messages AS m WHERE m.id = q.message_id AND length(m.reference) = 1024;
DELETE FROM whatsapp_messages WHERE length(reference) = 1024;
-- also of rows that are written past the functions
SELECT split_part(pg_temp.refused(format('UPDATE whatsapp_messages SET %I = repeat(''x'', %s) WHERE reference = ''once'' AND sender = ''default''', column_name, most + 1)), '(', 1) AS refused
FROM (VALUES ('sender', 63), ('recipient_phone', 1024), ('message_type', 63), ('template_name', 512), ('template_language', 63), ('reference', 1024),
             ('idempotency_key', 255), ('enqueued_by', 63)) AS c (column_name, most);
SELECT split_part(pg_temp.refused(format('UPDATE whatsapp_queue SET %I = repeat(''x'', %s)', column_name, most + 1)), '(', 1) AS refused
FROM (VALUES ('sender', 63), ('recipient', 1024)) AS c (column_name, most);

-- a time that is over means now, for a batch as for one
BEGIN;
SELECT count(wa_send_po('Proveedor ABC', 'past ' || i, 1, '+34612345678', send_at => now() - interval '10 years')) AS sent FROM generate_series(1, 3) AS i;
SELECT DISTINCT q.due_at = m.created_at AS due_now, q.expires_at = m.expires_at AND m.expires_at - m.created_at = interval '1 day' AS lives_a_day
FROM whatsapp_queue AS q JOIN whatsapp_messages AS m ON m.id = q.message_id WHERE m.reference LIKE 'past %';
SELECT wa_send_po('Proveedor ABC', 'past with key', 1, '+34612345678', send_at => now() - interval '10 years', idempotency_key => 'past') IS NOT NULL AS sent;
SELECT q.due_at = m.created_at AS due_now, m.expires_at - m.created_at AS lives FROM whatsapp_queue AS q JOIN whatsapp_messages AS m ON m.id = q.message_id WHERE m.reference = 'past with key';
ROLLBACK;
\set VERBOSITY sqlstate
SELECT wa_send_po('Proveedor ABC', 'empty key', 1, '+34612345678', idempotency_key => '');
\set VERBOSITY default

-- wa_retry() puts a message back that failed or was cancelled, and keeps its history
UPDATE whatsapp_messages SET status = 'FAILED', failed_at = now(), attempts = 2, wamid = 'wamid.OLD', error_code = 131026, error_message = 'undeliverable', hint = 'none'
WHERE reference = 'once';
DELETE FROM whatsapp_queue AS q USING whatsapp_messages AS m WHERE m.id = q.message_id AND m.reference = 'once';
SELECT wa_retry(id) AS retried, wa_retry(id) AS again FROM whatsapp_messages WHERE reference = 'once';
SELECT m.status, m.wamid, m.failed_at, m.error_code, m.error_message, m.hint, m.attempts, q.state FROM whatsapp_messages AS m
JOIN whatsapp_queue AS q ON q.message_id = m.id WHERE m.reference = 'once';
SELECT wa_cancel(id) AS cancelled, wa_retry(id) AS and_back FROM whatsapp_messages WHERE reference = 'once';
SELECT wa_retry(0) AS not_there;

-- a row goes straight into the tables, unless somebody has put something of his own on them: then it counts
SET client_min_messages = debug1;
SELECT wa_send_po('Proveedor ABC', 'direct', 1, '+34612345678') IS NOT NULL AS sent;
ALTER TABLE whatsapp_messages ADD CONSTRAINT no_bulk CHECK (priority < 2) NOT VALID;
SELECT wa_send_po('Proveedor ABC', 'checked', 1, '+34612345678') IS NOT NULL AS sent;
\set VERBOSITY sqlstate
SELECT wa_send_po('Proveedor ABC', 'refused', 1, '+34612345678', priority => 'bulk');
\set VERBOSITY default
ALTER TABLE whatsapp_messages DROP CONSTRAINT no_bulk;
ALTER TABLE whatsapp_queue ADD COLUMN department text DEFAULT 'purchasing';
SELECT wa_send_po('Proveedor ABC', 'default', 1, '+34612345678') IS NOT NULL AS sent;
ALTER TABLE whatsapp_queue DROP COLUMN department;
CREATE FUNCTION pg_temp.stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.reference := 'stamped'; RETURN NEW; END $$;
CREATE TRIGGER stamp BEFORE INSERT ON whatsapp_messages FOR EACH ROW EXECUTE FUNCTION pg_temp.stamp();
SELECT wa_send_po('Proveedor ABC', 'trigger', 1, '+34612345678') IS NOT NULL AS sent;
DROP TRIGGER stamp ON whatsapp_messages;
SELECT wa_send_po('Proveedor ABC', 'direct again', 1, '+34612345678') IS NOT NULL AS sent;
BEGIN READ ONLY;
\set VERBOSITY sqlstate
SELECT wa_send_po('Proveedor ABC', 'read only', 1, '+34612345678');
\set VERBOSITY default
ROLLBACK;
SET client_min_messages = error;
SELECT reference FROM whatsapp_messages WHERE reference IN ('direct', 'checked', 'refused', 'default', 'stamped', 'direct again') ORDER BY id;

-- both ways make the same rows
SELECT wa_send_po('Proveedor ABC', 'same', 1, '+34612345678') AS direct \gset
ALTER TABLE whatsapp_messages ADD CONSTRAINT by_statement CHECK (priority < 3) NOT VALID;
SELECT wa_send_po('Proveedor ABC', 'same', 1, '+34612345678') AS by_statement \gset
ALTER TABLE whatsapp_messages DROP CONSTRAINT by_statement;
SELECT count(DISTINCT to_jsonb(m) - 'id' - 'created_at' - 'expires_at') AS kinds, count(DISTINCT m.expires_at - m.created_at) AS spans,
       count(DISTINCT to_jsonb(q) - 'message_id' - 'due_at' - 'expires_at') AS queued_kinds, count(DISTINCT q.expires_at - q.due_at) AS queued_spans, count(*)
FROM whatsapp_messages AS m JOIN whatsapp_queue AS q ON q.message_id = m.id WHERE m.id IN (:direct, :by_statement);
-- an index of somebody's own has the row, too, also one that came later in the same transaction
SET enable_seqscan = off;
BEGIN;
SELECT wa_send_po('Proveedor ABC', 'Indexed 1', 1, '+34612345678') IS NOT NULL AS sent;
CREATE INDEX whatsapp_messages_reference_idx ON whatsapp_messages (upper(reference));
SELECT wa_send_po('Proveedor ABC', 'Indexed 2', 1, '+34612345678') IS NOT NULL AS sent;
SAVEPOINT s;
SELECT wa_send_po('Proveedor ABC', 'Indexed 3', 1, '+34612345678') IS NOT NULL AS sent;
ROLLBACK TO s;
SELECT wa_send_po('Proveedor ABC', 'Indexed 4', 1, '+34612345678') IS NOT NULL AS sent;
COMMIT;
SELECT array_agg(reference ORDER BY id) AS found FROM whatsapp_messages WHERE upper(reference) LIKE 'INDEXED%' AND upper(reference) > 'INDEXED';
DROP INDEX whatsapp_messages_reference_idx;
CREATE INDEX whatsapp_messages_reference_idx ON whatsapp_messages (reference DESC) INCLUDE (sender);
CREATE INDEX whatsapp_messages_keyed_idx ON whatsapp_messages (reference) WHERE recipient_phone IS NOT NULL;
SELECT wa_send_po('Proveedor ABC', 'Indexed 5', 1, '+34612345678') IS NOT NULL AS sent;
SELECT sender FROM whatsapp_messages WHERE reference = 'Indexed 5';
SELECT id IS NOT NULL AS found FROM whatsapp_messages WHERE reference = 'Indexed 5' AND recipient_phone IS NOT NULL;
SELECT count(*) FILTER (WHERE q.message_id IS NOT NULL) AS queued FROM whatsapp_messages AS m
LEFT JOIN whatsapp_queue AS q ON q.message_id = m.id AND q.sender = m.sender AND q.priority = 1 AND q.due_at = m.created_at WHERE m.reference = 'Indexed 5';
DROP INDEX whatsapp_messages_reference_idx, whatsapp_messages_keyed_idx;
-- an id that is taken is refused as by an INSERT
SELECT count(*) AS before FROM whatsapp_messages \gset
CREATE TABLE kept AS SELECT last_value FROM whatsapp_messages_id_seq;
SELECT setval('whatsapp_messages_id_seq', (SELECT max(id) - 1 FROM whatsapp_messages)) > 0 AS back;
\set VERBOSITY sqlstate
SELECT wa_send_po('Proveedor ABC', 'doubled', 1, '+34612345678');
\set VERBOSITY default
SELECT setval('whatsapp_messages_id_seq', last_value) > 0 AS forth FROM kept;
DROP TABLE kept;
SELECT count(*) - :before AS more FROM whatsapp_messages;
RESET enable_seqscan;
-- tables may be altered between two messages of a transaction
BEGIN;
SELECT wa_send_po('Proveedor ABC', 'altered', 1, '+34612345678') IS NOT NULL AS sent;
ALTER TABLE whatsapp_messages ADD COLUMN department text;
SELECT wa_send_po('Proveedor ABC', 'altered', 1, '+34612345678') IS NOT NULL AS sent;
ALTER TABLE whatsapp_messages DROP COLUMN department;
SELECT wa_send_po('Proveedor ABC', 'altered', 1, '+34612345678') IS NOT NULL AS sent;
SELECT count(*), count(q.message_id) AS queued FROM whatsapp_messages AS m LEFT JOIN whatsapp_queue AS q ON q.message_id = m.id WHERE reference = 'altered';
ROLLBACK;

-- senders have plain names, and ids without anything that a URL could misread
\set VERBOSITY sqlstate
INSERT INTO whatsapp_senders (name) VALUES ('');
INSERT INTO whatsapp_senders (name) VALUES ('../up');
INSERT INTO whatsapp_senders (name, phone_number_id) VALUES ('east', '1/messages?x=');
INSERT INTO whatsapp_senders (name, account) VALUES ('east', 'ghost');
INSERT INTO whatsapp_accounts (name, api_version) VALUES ('acme', 'latest');
INSERT INTO whatsapp_accounts (name, api_version) VALUES ('a/b', 'v25.0');
-- the error says what a name may have
\set VERBOSITY terse
INSERT INTO whatsapp_senders (name) VALUES ('Madrid north');
INSERT INTO whatsapp_accounts (name) VALUES ('Madrid north');
\set VERBOSITY default

-- a tenant's own sender, without a word in his statements
INSERT INTO whatsapp_accounts (name, api_version) VALUES ('acme', 'v25.0');
UPDATE whatsapp_senders SET account = 'acme' WHERE name = 'south';
SELECT wa_send_po('Proveedor ABC', 'by name', 1, '+34612345678', sender => 'north') IS NOT NULL AS sent;
DO $$ BEGIN EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET whatsapp.default_sender = ''south''', current_database()); END $$;
\c
SET client_min_messages = error;
SELECT wa_send_po('Proveedor ABC', 'by role', 1, '+34612345678') IS NOT NULL AS sent;
SELECT wa_send_po('Proveedor ABC', 'by name over role', 1, '+34612345678', sender => 'north') IS NOT NULL AS sent;
DO $$ BEGIN EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I RESET whatsapp.default_sender', current_database()); END $$;
SELECT m.reference, m.sender, q.sender AS queued_for FROM whatsapp_messages AS m JOIN whatsapp_queue AS q ON q.message_id = m.id
WHERE m.reference ~ '^by' ORDER BY m.id;

-- a row that a trigger leaves out is an error, and the other row goes with it
\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/test/regress/refused.sql'
\i :refused
CREATE FUNCTION leave_out() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER leave_out BEFORE INSERT ON whatsapp_queue FOR EACH ROW EXECUTE FUNCTION leave_out();
SELECT pg_temp.refused($$SELECT wa_send_po('Proveedor ABC', 'left out', 1, '+34612345678')$$) AS refused;
SELECT pg_temp.refused($$SELECT wa_send_po('Proveedor ABC', 'left out', 1, '+34612345678', idempotency_key => 'left out')$$) AS refused;
DROP TRIGGER leave_out ON whatsapp_queue;
CREATE TRIGGER leave_out BEFORE INSERT ON whatsapp_messages FOR EACH ROW EXECUTE FUNCTION leave_out();
SELECT pg_temp.refused($$SELECT wa_send_template('+34612345678', 'hello_world')$$) AS refused;
SELECT pg_temp.refused($$SELECT wa_send_po('Proveedor ABC', 'left out', 1, '+34612345678', idempotency_key => 'left out')$$) AS refused;
DROP TRIGGER leave_out ON whatsapp_messages;
SELECT count(*) FROM whatsapp_messages WHERE reference = 'left out';
DROP FUNCTION leave_out;

-- the older row of a key that is gone by the time it is looked for: the key is free again
SELECT count(wa_send_po('Proveedor ABC', 'older', 1, '+34612345678', idempotency_key => 'between'));
CREATE FUNCTION forget_older() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
    DELETE FROM whatsapp_queue AS q USING whatsapp_messages AS m WHERE m.id = q.message_id AND m.reference = 'older';
    DELETE FROM whatsapp_messages WHERE reference = 'older';
    RETURN NULL;
END $$;
CREATE TRIGGER forget_older AFTER INSERT ON whatsapp_messages FOR EACH STATEMENT EXECUTE FUNCTION forget_older();
SELECT count(wa_send_po('Proveedor ABC', 'newer', 1, '+34612345678', idempotency_key => 'between'));
DROP TRIGGER forget_older ON whatsapp_messages;
DROP FUNCTION forget_older;
SELECT m.reference, q.state FROM whatsapp_messages AS m JOIN whatsapp_queue AS q ON q.message_id = m.id WHERE m.idempotency_key = 'between';

-- 0 is a number like others
BEGIN;
DELETE FROM whatsapp_messages;
DELETE FROM whatsapp_queue;
ALTER SEQUENCE whatsapp_messages_id_seq MINVALUE 0 RESTART WITH 0;
SELECT wa_send_po('Proveedor ABC', 'PO-0', 1, '+34612345678') AS id;
SELECT count(*) AS messages, (SELECT count(*) FROM whatsapp_queue) AS queued FROM whatsapp_messages;
ROLLBACK;

-- the triggers of the extension serve its own tables, and nothing else
CREATE TABLE elsewhere (id bigint, status text);
INSERT INTO elsewhere VALUES (1, 'a');
CREATE TRIGGER each_statement AFTER UPDATE ON elsewhere FOR EACH STATEMENT EXECUTE FUNCTION whatsapp_notify_status();
SELECT pg_temp.refused($$UPDATE elsewhere SET status = 'b'$$) AS refused;
DROP TRIGGER each_statement ON elsewhere;
CREATE TRIGGER each_row AFTER INSERT OR UPDATE ON elsewhere FOR EACH ROW EXECUTE FUNCTION whatsapp_notify_status();
SELECT pg_temp.refused($$INSERT INTO elsewhere VALUES (2, 'b')$$) AS refused;
SELECT pg_temp.refused($$UPDATE elsewhere SET status = 'b'$$) AS refused;
CREATE TRIGGER inbound BEFORE DELETE ON elsewhere FOR EACH ROW EXECUTE FUNCTION whatsapp_notify_inbound();
SELECT pg_temp.refused($$DELETE FROM elsewhere$$) AS refused;
SELECT pg_temp.refused($$SELECT whatsapp_notify_status()$$) AS refused;
DROP TABLE elsewhere;
CREATE TRIGGER each_statement AFTER UPDATE ON whatsapp_messages FOR EACH STATEMENT EXECUTE FUNCTION whatsapp_notify_status();
SELECT pg_temp.refused($$UPDATE whatsapp_messages SET status = 'SENT' WHERE reference = 'by name'$$) AS refused;
DROP TRIGGER each_statement ON whatsapp_messages;

DROP EXTENSION pg_whatsapp;
