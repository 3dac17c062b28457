-- people: who has opted out gets nothing, and no template leaves that is known not to be approved
SET client_min_messages = error;
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;
\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/test/regress/refused.sql'
\i :refused

-- one person has one key, whatever WhatsApp makes of the number
SELECT phone, wa_contact_key(phone) AS key
FROM (VALUES ('+34612345678'), ('34612345678'), ('+5511987654321'), ('551187654321'), ('+5215512345678'), ('525512345678'), ('+5491123456789'),
             ('541123456789'), ('+5599'), ('ES.1349a'), ('+'), (''), ('+55119876543210'), (NULL)) AS p (phone);

-- all messages, of one sender or of all
INSERT INTO whatsapp_senders (name) VALUES ('north');
SELECT wa_opt_out('+34612345678', 'north', reason => 'by letter') AS out, wa_opt_out('+34612345678', 'north') AS again;
SELECT pg_temp.refused($$SELECT wa_send_po('A', 'PO-1', '1', '+34612345678', sender => 'north')$$) AS refused;
SELECT pg_temp.refused($$SELECT wa_send_po('A', 'PO-1', 1, '+34612345678', sender => 'north')$$) LIKE 'WA012%' AS refused,
       pg_temp.refused($$SELECT wa_send_template('+34612345678', 'hello_world', sender => 'north')$$) LIKE 'WA012%' AS template;
SELECT wa_send_po('A', 'PO-2', '1', '+34612345678') AS other_sender;
SELECT wa_opt_out('+5511987654321') AS out;
SELECT pg_temp.refused($$SELECT wa_send_template('+551187654321', 'hello_world', sender => 'north')$$) LIKE 'WA012%' AS same_person;
SELECT wa_opt_in('+551187654321', 'north') AS of_one_sender, wa_opt_in('+551187654321') AS of_all, wa_opt_in('+551187654321') AS again;
SELECT wa_send_template('+5511987654321', 'hello_world') AS sent;
SELECT contact, sender, scope, opted_out, source, reason FROM whatsapp_opt_outs ORDER BY contact, sender;

-- marketing only: templates that are known to be marketing
SELECT wa_opt_out('+34612345679', scope => 'marketing') AS out;
SELECT wa_send_template('+34612345679', 'offer', language => 'es') AS category_unknown;
INSERT INTO whatsapp_templates (name, language, status, category) VALUES ('offer', 'es', 'APPROVED', 'MARKETING'), ('po_notification', 'es', 'APPROVED', 'UTILITY');
SELECT pg_temp.refused($$SELECT wa_send_template('+34612345679', 'offer', language => 'es')$$) AS refused;
SELECT wa_send_po('A', 'PO-3', '1', '+34612345679') AS utility, wa_send_template('+34612345679', 'offer', language => 'en') AS other_template;
SELECT wa_send_template('+34612345680', 'offer', language => 'es') AS other_person;
SET whatsapp.check_opt_outs = off;
SELECT wa_send_template('+34612345679', 'offer', language => 'es') AS relaxed;
RESET whatsapp.check_opt_outs;

-- a template that is not approved; that of another account is another template
UPDATE whatsapp_templates SET status = 'PAUSED' WHERE name = 'po_notification';
SELECT pg_temp.refused($$SELECT wa_send_po('A', 'PO-4', '1', '+34612345679')$$) AS refused;
DO $$
DECLARE word text;
BEGIN
    FOREACH word IN ARRAY '{REJECTED,DISABLED,PENDING,DELETED,IN_APPEAL,ARCHIVED,PENDING_DELETION,LIMIT_EXCEEDED}'::text[] LOOP
        UPDATE whatsapp_templates SET status = word WHERE name = 'po_notification';
        ASSERT pg_temp.refused('SELECT wa_send_po(''A'', ''PO-4'', ''1'', ''+34612345679'')') LIKE 'WA013%"' || word || '"%', word;
    END LOOP;
END $$;
INSERT INTO whatsapp_accounts (name) VALUES ('south');
INSERT INTO whatsapp_senders (name, account) VALUES ('south', 'south');
SELECT wa_send_po('A', 'PO-5', '1', '+34612345679', sender => 'south') AS other_account;
SELECT wa_send_po('A', 'PO-5', '1', '+34612345679', language => 'en') AS other_language;
SET whatsapp.check_templates = off;
SELECT wa_send_po('A', 'PO-6', '1', '+34612345679') AS relaxed;
RESET whatsapp.check_templates;
UPDATE whatsapp_templates SET status = 'A_NEW_WORD' WHERE name = 'po_notification';
SELECT wa_send_po('A', 'PO-7', '1', '+34612345679') AS new_word;

-- a watched table is not stopped by either
CREATE TABLE orders (supplier text, po text, total numeric, phone text);
SELECT wa_watch('orders', 'supplier', 'po', 'total', 'phone');
SELECT wa_opt_out('+34612345678') AS out;
INSERT INTO orders VALUES ('A', 'PO-8', 1, '+34612345678');
UPDATE whatsapp_templates SET status = 'DISABLED' WHERE name = 'po_notification';
INSERT INTO orders VALUES ('A', 'PO-9', 1, '+34612345679');
SELECT reference, status, error_message, hint FROM whatsapp_messages WHERE reference IN ('PO-8', 'PO-9') ORDER BY reference;

-- arguments
SELECT pg_temp.refused($$SELECT wa_opt_out('612345678')$$) AS phone;
SELECT pg_temp.refused($$SELECT wa_opt_out(NULL)$$) AS missing;
SELECT pg_temp.refused($$SELECT wa_opt_out('+34612345678', scope => 'some')$$) AS scope;
SELECT pg_temp.refused($$SELECT wa_opt_in('+34612345678', 'ghost')$$) AS sender;
SELECT wa_opt_out('ES.13491208655302741918') AS user_id, wa_opt_in('ES.13491208655302741918') AS back;

-- the 24 hours
SELECT wa_window_open('+34612345678') AS never;
INSERT INTO whatsapp_windows (contact, sender, last_inbound_at)
VALUES ('34612345678', 'default', now() - interval '23 hours'), ('34612345678', 'north', now() - interval '25 hours'), ('551187654321', 'north', now());
SELECT wa_window_open('+34612345678') AS of_default, wa_window_open('+34612345678', 'north') AS over, wa_window_open('+5511987654321', 'north') AS same_person,
       wa_window_open('+5511987654321', NULL) AS other_sender, wa_window_open(NULL) AS nobody;
SET whatsapp.default_sender = 'north';
SELECT wa_window_open('+5511987654321') AS of_north;
RESET whatsapp.default_sender;

-- what people put around a word does not count, nor do accents
SELECT text, wa_keyword_key(text) AS key
FROM (VALUES (1, 'STOP'), (2, '“Stop”'), (3, '¡Dar de bája! 🙏'), (4, 'S.T.O.P.'), (5, 'ＳＴＯＰ'), (6, U&'\200BSTOP\00A0'), (7, 'Arrêt'), (8, 'СТОП'), (9, ' ?! '), (10, ''),
             (11, repeat('x', 65)), (12, NULL)) AS t (place, text) ORDER BY place;

-- keywords are data: one of ours goes before a built-in one
SELECT keyword, action FROM whatsapp_opt_out_keywords WHERE built_in ORDER BY action DESC, keyword COLLATE "C";
INSERT INTO whatsapp_opt_out_keywords (keyword, action) VALUES ('SAIR', 'none'), ('PLUS DE MESSAGES', 'stop');
SELECT pg_temp.refused($$INSERT INTO whatsapp_opt_out_keywords (keyword, action) VALUES ('sair', 'none')$$) LIKE '23514%' AS capitals;

DROP TABLE orders;
-- heeded at once, also in the middle of a statement, of a block and of a transaction that begins with nobody in the table
TRUNCATE whatsapp_opt_outs, whatsapp_templates;
\set VERBOSITY sqlstate
SELECT wa_send_po('Proveedor ABC', 'one statement', '1', '+34600000009'), wa_opt_out('+34600000009'), wa_send_po('Proveedor ABC', 'one statement', '1', '+34600000009');
TRUNCATE whatsapp_opt_outs;
BEGIN;
SELECT wa_send_po('Proveedor ABC', 'a transaction', '1', '+34600000009') IS NOT NULL AS sent;
INSERT INTO whatsapp_opt_outs (contact, scope, opted_out, changed_at, source) VALUES ('34600000009', 'all', true, now(), 'function');
SELECT wa_send_po('Proveedor ABC', 'a transaction', '1', '+34600000009');
ROLLBACK;
TRUNCATE whatsapp_opt_outs;
DO $$
BEGIN
    PERFORM wa_send_po('Proveedor ABC', 'a block', '1', '+34600000009');
    PERFORM wa_opt_out('+34600000009');
    PERFORM wa_send_po('Proveedor ABC', 'a block', '1', '+34600000009');
END $$;
\set VERBOSITY default
SELECT count(*) AS sent FROM whatsapp_messages WHERE recipient_phone = '+34600000009';

DROP EXTENSION pg_whatsapp;
