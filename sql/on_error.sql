-- on_error: every sending function raises for a message that is refused, and says for which; or it records it, and the statement goes on.
SET client_min_messages = error;
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;
INSERT INTO whatsapp_senders (name, phone_number_id) VALUES ('north', '104000000000001');

CREATE TABLE orders (po text PRIMARY KEY, supplier text, total numeric, phone text);
INSERT INTO orders SELECT 'PO-' || n, 'Proveedor ' || n, n, '+34612' || lpad(n::text, 6, '0') FROM generate_series(1, 5000) AS n;
UPDATE orders SET phone = '+34 612 000 777' WHERE po = 'PO-777';
UPDATE orders SET phone = NULL WHERE po = 'PO-888';
UPDATE orders SET supplier = ' ' WHERE po = 'PO-999';

-- one among 5,000: the error names its number as far as an error may, and its reference; nothing is enqueued
SELECT count(wa_send_po(supplier, po, total, phone)) FROM orders;
SELECT count(wa_send_po(supplier, po, total, phone)) FROM orders WHERE po <> 'PO-777';
SELECT count(wa_send_template(phone, 'order_ready', ARRAY[po], reference => po)) FROM orders WHERE phone LIKE '% %';
SELECT wa_send_text('ES.1349120865530274191!', 'Hola', reference => 'PO-1');
SELECT count(*) AS none FROM whatsapp_messages;

-- recorded, each is a row, and the others are on their way
SELECT count(wa_send_po(supplier, po, total, phone, on_error => 'record')) AS ids FROM orders;
SELECT status, count(*) FROM whatsapp_messages GROUP BY status ORDER BY status;
SELECT reference, recipient_phone, status, failed_at = created_at AS at_once, error_message, hint, payload IS NOT NULL AS content_kept
FROM whatsapp_messages WHERE status = 'FAILED' ORDER BY id;
SELECT count(*) AS queued FROM whatsapp_queue;
SELECT wa_retry(id, '+34612000777') FROM whatsapp_messages WHERE reference = 'PO-777';
SELECT status, recipient_phone, payload #>> '{template,components,0,parameters,1,text}' AS po FROM whatsapp_messages WHERE reference = 'PO-777';
SELECT failed FROM (SELECT sum(failed) AS failed FROM whatsapp_stat_days) AS days;
TRUNCATE whatsapp_messages, whatsapp_queue;

-- in a trigger of one's own, no business statement fails
CREATE FUNCTION announce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM wa_send_po(NEW.supplier, NEW.po, NEW.total, NEW.phone, on_error => 'record');
    RETURN NULL;
END $$;
CREATE TRIGGER announce AFTER UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION announce();
UPDATE orders SET total = total + 1 WHERE po IN ('PO-776', 'PO-777', 'PO-778', 'PO-888');
SELECT reference, status FROM whatsapp_messages ORDER BY reference;
DROP TRIGGER announce ON orders;

-- every sending function
TRUNCATE whatsapp_messages, whatsapp_queue;
CREATE TEMPORARY TABLE calls (place integer GENERATED ALWAYS AS IDENTITY, call text);
INSERT INTO calls (call) VALUES
    ($$wa_send_po('Proveedor ABC', 'PO-1', 1250, '612345678', on_error => 'record')$$),
    ($$wa_send_po('Proveedor ABC', 'PO-1', 'NaN'::numeric, '+34612345678', on_error => 'record')$$),
    ($$wa_send_po('Proveedor ABC', 'PO-1', NULL::numeric, '+34612345678', on_error => 'record')$$),
    ($$wa_send_po('Proveedor ABC', 'PO-1', 1250, '+34612345678', currency => 'XXX', on_error => 'record')$$),
    ($$wa_send_po('Proveedor ABC', 'PO-1', '3.46E+10', '+34612345678', on_error => 'record')$$),
    ($$wa_send_po(NULL, 'PO-1', 1250, '+34612345678', sender => 'north', on_error => 'record')$$),
    ($$wa_send_po('Proveedor ABC', 'PO-1', 1250, '+34612345678', document => 4711, on_error => 'record')$$),
    ($$wa_send_po('Proveedor ABC', repeat('9', 1025), 1250, '+34612345678', on_error => 'record')$$),
    ($$wa_send_po('Proveedor ABC', 'PO-1', 1250, repeat('3', 1025), on_error => 'record')$$),
    ($$wa_send_template('34612345678', 'order_ready', ARRAY['1'], reference => 'PO-1', on_error => 'record')$$),
    ($$wa_send_template('+34612345678', 'Order Ready', reference => 'PO-1', on_error => 'record')$$),
    ($$wa_send_template('+34612345678', NULL, reference => 'PO-1', on_error => 'record')$$),
    ($$wa_send_template('+34612345678', repeat('x', 600), reference => 'PO-1', on_error => 'record')$$),
    ($$wa_send_template('+34612345678', 'order_ready', ARRAY[NULL], reference => 'PO-1', on_error => 'record')$$),
    ($$wa_send_template('+34612345678', 'order_ready', language => 'EUR', reference => 'PO-1', on_error => 'record')$$),
    ($$wa_send_template('+34612345678', 'order_ready', priority => 'soon', reference => 'PO-1', on_error => 'record')$$),
    ($$wa_send_template('+34612345678', 'order_ready', send_at => 'infinity', reference => 'PO-1', on_error => 'record')$$),
    ($$wa_send_text('+34612345678', '', reference => 'PO-1', on_error => 'record')$$),
    ($$wa_send_text(NULL, 'Hola', reference => 'PO-1', on_error => 'record')$$),
    ($$wa_send_text('+34612345678', 'Hola', fallback_template => 'No', reference => 'PO-1', on_error => 'record')$$),
    ($$wa_send_media('+34612345678', 'image', reference => 'PO-1', on_error => 'record')$$),
    ($$wa_send_media('+34612345678', NULL, reference => 'PO-1', on_error => 'record')$$),
    ($$wa_send_media('+34612345678', 'image', media => 4711, reference => 'PO-1', on_error => 'record')$$),
    ($$wa_send_location('+34612345678', 91, 0, reference => 'PO-1', on_error => 'record')$$),
    ($$wa_send_contacts('+34612345678', '[]', reference => 'PO-1', on_error => 'record')$$),
    ($$wa_send_interactive('+34612345678', '{"type": "menu"}', reference => 'PO-1', on_error => 'record')$$),
    ($$wa_send_reaction('+34612345678', '', '👍', reference => 'PO-1', on_error => 'record')$$),
    ($$wa_send('+34612345678', 'pigeon', '{}', reference => 'PO-1', on_error => 'record')$$),
    ($$wa_send('+34612345678', repeat('p', 100), '{}', reference => 'PO-1', on_error => 'record')$$),
    ($$wa_send('+34612345678', NULL, '{}', reference => 'PO-1', on_error => 'record')$$);
CREATE FUNCTION pg_temp.call(expression text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE id bigint;
BEGIN
    EXECUTE 'SELECT ' || expression INTO id;
    RETURN id;
END $$;
CREATE TEMPORARY TABLE made AS SELECT place, pg_temp.call(call) AS id FROM calls ORDER BY place;
SELECT c.place, m.message_type, m.sender, left(m.reference, 10) AS reference, left(m.recipient_phone, 12) AS phone, m.status, m.error_message, left(m.payload::text, 60) AS payload
FROM made AS c LEFT JOIN whatsapp_messages AS m USING (id) ORDER BY c.place;
SELECT count(*) AS queued FROM whatsapp_queue;

-- what is right is sent, whatever on_error says
CREATE TEMPORARY TABLE sent AS SELECT unnest(ARRAY[wa_send_po('Proveedor ABC', 'PO-2', 1250, '+34612345678', on_error => 'record'),
    wa_send_text('+34612345678', 'Hola', on_error => 'record'), wa_send_reaction('+34612345678', 'wamid.x', '👍', on_error => 'record')]) AS id;
SELECT status, message_type FROM sent JOIN whatsapp_messages USING (id) ORDER BY id;

-- the recipient has opted out; a key is another message's; the same key again is the same message
SELECT wa_opt_out('+34612345999');
SELECT wa_send_text('+34612345999', 'Hola', on_error => 'record') AS id \gset
SELECT status, error_message FROM whatsapp_messages WHERE id = :id;
SELECT wa_send_po('Proveedor ABC', 'PO-3', 1, '+34612345678', idempotency_key => 'PO-3', on_error => 'record')
     = wa_send_po('Proveedor ABC', 'PO-3', 1, '+34612345678', idempotency_key => 'PO-3', on_error => 'record') AS the_same;
SELECT wa_send_po('Proveedor ABC', 'PO-3', 2, '+34612345678', idempotency_key => 'PO-3', on_error => 'record') AS id \gset
SELECT status, idempotency_key, regexp_replace(error_message, '\d+ of', 'N of') AS error_message FROM whatsapp_messages WHERE id = :id;

-- what is nobody's message raises: a sender that does not exist, a right that is missing, a word that on_error does not know
\set VERBOSITY sqlstate
SELECT wa_send_po('Proveedor ABC', 'PO-4', 1, '+34612345678', sender => 'ghost', on_error => 'record');
SELECT wa_send_text('+34612345678', 'Hola', sender => repeat('s', 64), on_error => 'record');
SELECT wa_send_text('612345678', 'Hola', on_error => 'ignore');
SELECT wa_send_text('612345678', 'Hola', on_error => '');
CREATE ROLE on_error_nobody;
SET SESSION AUTHORIZATION on_error_nobody;
SELECT wa_send_text('612345678', 'Hola', on_error => 'record');
RESET SESSION AUTHORIZATION;
CREATE FUNCTION refuse_rows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no rows today' USING ERRCODE = '22000'; END $$;
CREATE TRIGGER refuse_rows BEFORE INSERT ON whatsapp_messages FOR EACH ROW EXECUTE FUNCTION refuse_rows();
SELECT wa_send_text('612345678', 'Hola', on_error => 'record');
SELECT wa_send_text('+34612345678', 'Hola', on_error => 'record');
DROP TRIGGER refuse_rows ON whatsapp_messages;
SET statement_timeout = '1ms';
SELECT count(wa_send_text('612345678', 'Hola', on_error => 'record')) FROM generate_series(1, 100000);
RESET statement_timeout;
\set VERBOSITY default
SELECT count(*) AS nothing_of_it FROM whatsapp_messages WHERE reference = 'PO-4' OR payload::text LIKE '%no rows%';

-- in a savepoint that is rolled back, and in a function that catches errors
BEGIN;
SAVEPOINT one;
SELECT wa_send_text('612345678', 'Hola', reference => 'PO-5', on_error => 'record') > 0 AS recorded;
ROLLBACK TO one;
SELECT wa_send_text('612345678', 'Hola', reference => 'PO-6', on_error => 'record') > 0 AS recorded;
COMMIT;
SELECT reference, status FROM whatsapp_messages WHERE reference IN ('PO-5', 'PO-6');

DROP TABLE orders;
DROP FUNCTION announce;
DROP FUNCTION refuse_rows;
DROP ROLE on_error_nobody;
DROP EXTENSION pg_whatsapp;
