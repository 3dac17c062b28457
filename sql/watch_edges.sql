-- watch_edges: what is out of the ordinary in a watched table or in a watch: a text with the template as its fallback, names and languages of
-- templates, keys and columns of any type, statements that run out of time, rows that a trigger keeps from being moved.
SET client_min_messages = error;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/test/regress/refused.sql'
\i :refused

-- what was announced since the last look
CREATE TABLE seen (id bigint);
CREATE FUNCTION pg_temp.announced(OUT reference text, OUT type text, OUT template text, OUT language text, OUT sender text, OUT said text, OUT status text, OUT reason text)
RETURNS SETOF record LANGUAGE sql AS $$
    WITH news AS (SELECT * FROM whatsapp_messages WHERE id NOT IN (SELECT id FROM seen)), noted AS (INSERT INTO seen SELECT id FROM news)
    SELECT m.reference, m.message_type, m.template_name, m.template_language, m.sender, CASE WHEN m.message_type = 'text' THEN m.payload #>> '{text,body}' ELSE
           (SELECT string_agg(p ->> 'text', ' / ' ORDER BY n) FROM json_array_elements(m.payload #> '{template,components,0,parameters}') WITH ORDINALITY AS a (p, n)) END,
           m.status, m.error_message
    FROM news AS m ORDER BY m.id $$;

-- ------------------------------------------------------------------------------------------- a text, and the template as its fallback
CREATE TABLE orders (id integer PRIMARY KEY, po text, total numeric, note text, phone text DEFAULT '+34612345678');
SELECT wa_watch('orders', 'order_ready', ARRAY['new.po'], 'new.phone', name => 'answered', body => $$'Pedido ' || new.po || E':\n' || new.note$$);
SELECT name, body, language_fallback FROM whatsapp_watches;
INSERT INTO orders SELECT n, 'PO-' || n, n, CASE n WHEN 1 THEN 'listo' WHEN 2 THEN NULL WHEN 5 THEN repeat('x', 5000) WHEN 6 THEN '' ELSE 'x' END FROM generate_series(1, 6) AS n WHERE n NOT IN (3, 4);
INSERT INTO orders VALUES (3, 'PO-3', 3, 'x', 'none'), (4, NULL, 4, 'x', DEFAULT);
SELECT * FROM pg_temp.announced();
SELECT payload FROM whatsapp_messages WHERE reference = '1';
DELETE FROM whatsapp_messages WHERE reference = '1';
DELETE FROM whatsapp_queue;
SELECT outcome, recipient_phone, template_name, payload, reason FROM wa_watch_test('orders', '1');
-- one whose phone alone was wrong has its text and its template
SELECT wa_retry(id, '+34612345679') AS again, message_type, payload FROM whatsapp_messages WHERE reference = '3';
SELECT wa_unwatch('orders') AS ended;
SELECT pg_temp.refused($$SELECT wa_watch('orders', 't', ARRAY['new.po'], 'new.phone', body => 'new.po', digest => '1 hour')$$) AS digest;
SELECT pg_temp.refused($$SELECT wa_watch('orders', 't', ARRAY['new.po'], 'new.phone', body => 'new.po', debounce => '1 hour')$$) AS debounce;
SELECT pg_temp.refused($$SELECT wa_watch('orders', 't', ARRAY['new.po'], 'new.phone', body => 'new.text')$$) AS no_column;
-- one that is due later follows its row; one whose window was closed at its turn and that waits again is a text once more
DELETE FROM orders;
SELECT wa_watch('orders', 'order_ready', ARRAY['new.po'], 'new.phone', name => 'later', due => $$timestamptz '2100-01-01' + new.total * interval '1 day'$$, body => 'new.note');
INSERT INTO orders VALUES (10, 'PO-10', 10, 'first');
UPDATE orders SET note = 'second';
SELECT message_type, payload FROM whatsapp_messages WHERE reference = '10';
UPDATE whatsapp_messages SET message_type = 'template', payload = payload -> 'fallback', template_name = 'order_ready', template_language = 'es' WHERE reference = '10';
UPDATE orders SET note = 'third';
SELECT message_type, template_name, payload FROM whatsapp_messages WHERE reference = '10';
UPDATE orders SET note = NULL;
SELECT message_type, template_name, payload FROM whatsapp_messages WHERE reference = '10';
SELECT wa_unwatch('orders') AS ended;
TRUNCATE orders, whatsapp_messages, whatsapp_queue;

-- ------------------------------------------------------------------------------- templates by alias and language, senders by expression
INSERT INTO whatsapp_senders (name, phone_number_id) VALUES ('north', '100');
INSERT INTO whatsapp_templates (name, language, status, category) VALUES ('order_note_v1', 'es', 'APPROVED', 'UTILITY'), ('order_note_v2', 'es', 'PENDING', 'UTILITY'), ('po_notification_v3', 'es', 'APPROVED', 'UTILITY');
INSERT INTO whatsapp_template_definitions (account, name, language, alias, version, definition)
SELECT NULL, t.name, 'es', split_part(t.name, '_v', 1), split_part(t.name, '_v', 2)::integer, '{}' FROM whatsapp_templates AS t;
SELECT wa_watch('orders', 'order_note', ARRAY['new.po'], 'new.phone', name => 'alias', language => $$CASE WHEN new.total > 10 THEN 'es_MX' ELSE 'es' END$$, language_fallback => true,
                sender => $$CASE WHEN new.total = 7 THEN 'north' WHEN new.total = 8 THEN 'nobody' ELSE 'default' END$$);
SELECT wa_watch('orders', 'order_note', ARRAY['new.po'], 'new.phone', name => 'strict', language => 'es_MX', reference => $$'strict ' || new.id$$, when_ => 'new.total = 20');
INSERT INTO orders VALUES (1, 'PO-1', 1), (2, 'PO-2', 20), (3, 'PO-3', 7), (4, 'PO-4', 8);
UPDATE whatsapp_templates SET status = 'APPROVED' WHERE name = 'order_note_v2';
INSERT INTO orders VALUES (5, 'PO-5', 5);
SELECT * FROM pg_temp.announced();
SELECT watch, outcome, template_name, template_language, payload #>> '{template,name}' AS in_payload FROM wa_watch_test('orders', '2') ORDER BY watch;
SELECT wa_unwatch('orders') AS ended;
-- the short form, and wa_send_po()
CREATE TABLE short (supplier text, po text, total numeric, phone text DEFAULT '+34612345678');
SELECT wa_watch('short', 'supplier', 'po', 'total', 'phone');
INSERT INTO short VALUES ('Proveedor ABC', 'S-1', 1), ('Proveedor ABC', 'S-2', 2);
SELECT count(wa_send_po('Proveedor ABC', 'S-3', 3, '+34612345678'));
SELECT reference, template, said FROM pg_temp.announced();
DROP TABLE short;
TRUNCATE orders, whatsapp_messages, whatsapp_queue, whatsapp_template_definitions, whatsapp_templates;

-- -------------------------------------------------------------------------------------------------------- planned once, and one query a statement
CREATE SEQUENCE plans;
CREATE SEQUENCE queries;
CREATE FUNCTION planned() RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT nextval('plans') $$;
SELECT wa_watch('orders', 't', ARRAY['planned()', $$(SELECT nextval('queries'))$$], 'new.phone');
SELECT setval('plans', 1, false) AS plans, setval('queries', 1, false) AS queries;
INSERT INTO orders (id) SELECT n FROM generate_series(1, 1000) AS n;
INSERT INTO orders (id) SELECT n FROM generate_series(1001, 2000) AS n;
INSERT INTO orders (id) SELECT n FROM generate_series(2001, 2010) AS n;
SELECT count(*) AS messages, (SELECT last_value FROM plans) AS plans, (SELECT last_value FROM queries) AS queries FROM whatsapp_messages;
SELECT wa_unwatch('orders') AS ended;
TRUNCATE orders, whatsapp_messages, whatsapp_queue;

-- ------------------------------------------------------------------------------------------------- keys of any type, and several columns
CREATE TYPE region AS ENUM ('north', 'south');
CREATE DOMAIN number AS integer;
CREATE TABLE by_char (k char(12) PRIMARY KEY, whatsapp_row text, told char(9), phone text DEFAULT '+34612345678');
CREATE TABLE by_bit (k bit(8) PRIMARY KEY, told text, phone text DEFAULT '+34612345678');
CREATE TABLE by_many (a number, b text, c region, d date, told text, phone text DEFAULT '+34612345678', PRIMARY KEY (d, c, b, a));
CREATE TABLE by_bytes (k bytea PRIMARY KEY, told text, phone text DEFAULT '+34612345678');
SELECT wa_watch(t, 't', ARRAY['1'], 'new.phone', name => t::text, status_column => 'told', reference => quote_literal(t)) FROM unnest('{by_char,by_bit,by_many,by_bytes}'::regclass[]) AS t;
INSERT INTO by_char (k, whatsapp_row) VALUES ('PO-2024-001', 'a column of that name');
INSERT INTO by_bit (k) VALUES (B'10101010');
INSERT INTO by_many VALUES (17, E'comma, "quote" \\ (x)', 'south', '2026-11-30'), (18, '', 'north', '2026-11-30');
INSERT INTO by_bytes (k) VALUES ('\x00ff');
SELECT w.row_key FROM whatsapp_watched_messages AS w ORDER BY w.message_id;
SELECT m.reference, t.outcome FROM whatsapp_watched_messages AS w JOIN whatsapp_messages AS m ON m.id = w.message_id CROSS JOIN LATERAL wa_watch_test(m.reference::regclass, w.row_key) AS t ORDER BY m.id;
SELECT pg_temp.refused(format('SELECT * FROM wa_watch_test(''by_many'', %L)', key)) AS no_row FROM unnest(ARRAY['17', '(2026-11-30,south)', '(', '']) AS key;
-- by the index
INSERT INTO by_many (a, b, c, d) SELECT n, 'x', 'north', '2026-01-01' FROM generate_series(1, 2000) AS n;
BEGIN;
-- what the session has not reported yet counts there, too
CREATE TEMPORARY TABLE scans ON COMMIT DROP AS
SELECT coalesce(sum(seq_scan), 0) AS whole, coalesce(sum(idx_scan), 0) AS by_index FROM pg_stat_xact_user_tables WHERE relname = 'by_many';
SELECT outcome FROM wa_watch_test('by_many', '(2026-01-01,north,x,1234)');
SELECT s.seq_scan - scans.whole AS whole, s.idx_scan > scans.by_index AS by_index FROM pg_stat_xact_user_tables AS s, scans WHERE s.relname = 'by_many';
COMMIT;
DROP TABLE by_char, by_bit, by_many, by_bytes;
TRUNCATE whatsapp_messages, whatsapp_queue;

-- ---------------------------------------------------------------------------------------------- the short form: an order is announced once
CREATE TABLE po (id integer PRIMARY KEY, po text, supplier text DEFAULT 'Proveedor ABC', total numeric DEFAULT 1, phone text DEFAULT '+34612345678');
SELECT wa_watch('po', 'supplier', 'po', 'total', 'phone');
INSERT INTO po SELECT n, 'PO-' || n FROM generate_series(1, 450) AS n;
SELECT count(*) AS messages, count(DISTINCT idempotency_key) AS keys, bool_and(enqueued_by = current_user) AS of_owner, min(idempotency_key) AS first FROM whatsapp_messages;
-- loaded again, with new ones among the old, by another role
CREATE TABLE saved AS SELECT * FROM po UNION ALL SELECT n, 'PO-' || n, 'Proveedor ABC', 1, '+34612345678' FROM generate_series(451, 460) AS n;
TRUNCATE po;
CREATE ROLE regress_whatsapp_loader;
GRANT INSERT ON po TO regress_whatsapp_loader;
GRANT SELECT ON saved TO regress_whatsapp_loader;
SET SESSION AUTHORIZATION regress_whatsapp_loader;
INSERT INTO po SELECT * FROM saved;
RESET SESSION AUTHORIZATION;
SELECT count(*) AS messages, count(DISTINCT reference) AS orders, bool_and(enqueued_by = current_user) AS of_owner FROM whatsapp_messages;
-- numbers of rows that begin anew are no orders of before; one that was refused was never told
TRUNCATE po;
INSERT INTO po (id, po, phone) VALUES (1, 'PO-NEW', DEFAULT), (2, 'PO-2', DEFAULT), (3, 'PO-REFUSED', 'none');
UPDATE po SET phone = '+34612345678';
DELETE FROM po WHERE id = 3;
INSERT INTO po VALUES (3, 'PO-REFUSED');
SELECT reference, status, count(*) FROM whatsapp_messages WHERE reference IN ('PO-2', 'PO-NEW', 'PO-REFUSED') GROUP BY 1, 2 ORDER BY 1, 2;
-- what is wrong with a table of ours stops no order, nor the messages of the others
CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON whatsapp_messages FOR EACH ROW WHEN (new.reference = 'PO-BAD') EXECUTE FUNCTION pg_temp.refuse();
CREATE TRIGGER refuse BEFORE INSERT ON whatsapp_queue FOR EACH ROW WHEN (new.recipient = '+34612345600') EXECUTE FUNCTION pg_temp.refuse();
INSERT INTO po (id, po, phone) VALUES (1001, 'PO-1001', DEFAULT), (1002, 'PO-BAD', DEFAULT), (1003, 'PO-CLOSED', '+34612345600'), (1004, 'PO-1004', DEFAULT);
SELECT count(*) AS orders FROM po WHERE id > 1000;
SELECT reference, status, error_message FROM whatsapp_messages WHERE reference IN ('PO-1001', 'PO-BAD', 'PO-CLOSED', 'PO-1004') ORDER BY reference;
SELECT relation, name, errors, last_error, first_bad_row, enabled FROM whatsapp_watches;
DROP TRIGGER refuse ON whatsapp_messages;
DROP TRIGGER refuse ON whatsapp_queue;
SELECT wa_unwatch('po') AS ended;
SELECT count(*) AS errors_left FROM whatsapp_watch_errors;
DROP TABLE po, saved;
DROP ROLE regress_whatsapp_loader;
TRUNCATE whatsapp_messages, whatsapp_queue;
-- a row that is moved to another partition is no new order, by whatever moves it
CREATE TABLE ledger (id integer, year integer, po text, supplier text DEFAULT 'Proveedor ABC', total numeric DEFAULT 1, phone text DEFAULT '+34612345678', PRIMARY KEY (id, year)) PARTITION BY LIST (year);
CREATE TABLE ledger_2025 PARTITION OF ledger FOR VALUES IN (2025);
CREATE TABLE ledger_late (po text, phone text DEFAULT '+34612345678', year integer, total numeric DEFAULT 1, id integer, supplier text DEFAULT 'Proveedor ABC', PRIMARY KEY (id, year)) PARTITION BY LIST (year);
CREATE TABLE ledger_2026 PARTITION OF ledger_late FOR VALUES IN (2026);
SELECT wa_watch('ledger', 'supplier', 'po', 'total', 'phone');
ALTER TABLE ledger ATTACH PARTITION ledger_late FOR VALUES IN (2026, 2027);
CREATE TABLE ledger_2027 PARTITION OF ledger_late FOR VALUES IN (2027);
INSERT INTO ledger SELECT n, 2025, 'L-' || n FROM generate_series(1, 5) AS n;
UPDATE ledger SET year = 2026 WHERE id <= 3;
UPDATE ledger SET year = year + 1 WHERE id = 1;
MERGE INTO ledger AS l USING (VALUES (4), (6)) AS n (id) ON l.id = n.id
WHEN MATCHED THEN UPDATE SET year = 2027 WHEN NOT MATCHED THEN INSERT (id, year, po) VALUES (n.id, 2026, 'L-6');
WITH moved AS (UPDATE ledger SET year = 2027 WHERE id IN (2, 5) RETURNING id) INSERT INTO ledger SELECT 7, 2025, 'L-7';
BEGIN;
UPDATE ledger SET year = 2025 WHERE id = 1;
SAVEPOINT s;
UPDATE ledger SET year = 2026 WHERE id = 1;
ROLLBACK TO s;
INSERT INTO ledger VALUES (8, 2026, 'L-8');
COMMIT;
-- an order that a trigger puts beside each moved one is new
CREATE FUNCTION pg_temp.copy_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO ledger VALUES (old.id + 100, 2025, 'copy of ' || old.po); RETURN NULL; END $$;
CREATE TRIGGER zz_copy AFTER DELETE ON ledger_2027 FOR EACH ROW EXECUTE FUNCTION pg_temp.copy_row();
UPDATE ledger SET year = 2026 WHERE id IN (2, 4);
DROP TRIGGER zz_copy ON ledger_2027;
DELETE FROM ledger WHERE id = 5;
SELECT string_agg(reference || ' ' || status, ', ' ORDER BY id) AS messages FROM whatsapp_messages;
SELECT tableoid::regclass AS partition, count(*) FROM ledger GROUP BY 1 ORDER BY 1;
DROP TABLE ledger;
TRUNCATE whatsapp_messages, whatsapp_queue;

-- ---------------------------------------------------------------------------- neither the table's owner nor a stranger gets the watch's rights
CREATE ROLE regress_whatsapp_tabler;
CREATE SCHEMA tabler AUTHORIZATION regress_whatsapp_tabler;
SET ROLE regress_whatsapp_tabler;
CREATE TABLE tabler.orders (id integer PRIMARY KEY, po varchar(20), total numeric, phone text DEFAULT '+34612345678');
CREATE TABLE tabler.proof (who text, how text);
RESET ROLE;
SELECT wa_watch('tabler.orders', 't', ARRAY['new.po', 'upper(new.po)'], 'new.phone', when_ => 'new.total > 0', name => 'guarded');
SET ROLE regress_whatsapp_tabler;
INSERT INTO tabler.orders VALUES (1, 'po-1', 1);
-- a cast of a type of his own
CREATE TYPE tabler.box AS (v text);
CREATE FUNCTION tabler.evil(tabler.box) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO tabler.proof VALUES (current_user, 'cast'); RETURN 'evil'; END $$;
CREATE CAST (tabler.box AS text) WITH FUNCTION tabler.evil(tabler.box) AS IMPLICIT;
ALTER TABLE tabler.orders ALTER po TYPE tabler.box USING ROW(po)::tabler.box;
INSERT INTO tabler.orders VALUES (2, ROW('po-2'), 1);
ALTER TABLE tabler.orders ALTER po TYPE varchar(20) USING (po).v;
INSERT INTO tabler.orders VALUES (3, 'po-3', 1);
RESET ROLE;
SELECT reference, said FROM pg_temp.announced();
SELECT errors, last_error, first_bad_row FROM whatsapp_watches;
-- a better match than the server's, where many may create
GRANT CREATE ON SCHEMA public TO regress_whatsapp_tabler;
SET ROLE regress_whatsapp_tabler;
CREATE FUNCTION public.evil(numeric, integer) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO tabler.proof VALUES (current_user, 'operator'); RETURN true; END $$;
CREATE OPERATOR public.> (LEFTARG = numeric, RIGHTARG = integer, FUNCTION = public.evil);
ALTER TABLE tabler.orders SET (fillfactor = 90);
INSERT INTO tabler.orders VALUES (4, 'po-4', 1);
RESET ROLE;
SELECT errors, last_error FROM whatsapp_watches;
SET ROLE regress_whatsapp_tabler;
DROP OPERATOR public.> (numeric, integer);
CREATE FUNCTION public.upper(varchar) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO tabler.proof VALUES (current_user, 'function'); RETURN 'evil'; END $$;
ALTER TABLE tabler.orders SET (fillfactor = 80);
INSERT INTO tabler.orders VALUES (5, 'po-5', 1);
RESET ROLE;
SELECT errors, last_error FROM whatsapp_watches;
SELECT pg_temp.refused($$SELECT wa_watch('tabler.orders', 't', ARRAY['upper(new.po)'], 'new.phone')$$) AS from_the_start;
SELECT pg_temp.refused($$SELECT wa_watch('tabler.orders', 't', ARRAY['pg_catalog.upper(new.po)'], 'new.phone', name => 'qualified')$$) AS named_in_full;
SELECT wa_unwatch('tabler.orders', 'qualified') AS ended;
SET ROLE regress_whatsapp_tabler;
DROP FUNCTION public.upper(varchar);
INSERT INTO tabler.orders VALUES (6, 'po-6', 1);
RESET ROLE;
-- an aggregate that matches better than the server's, over a query and over a window
SELECT wa_watch('tabler.orders', 't', ARRAY[$$(SELECT max(o.po) FROM tabler.orders AS o WHERE o.id <= new.id)$$], 'new.phone', name => 'highest'),
       wa_watch('tabler.orders', 't', ARRAY[$$(SELECT min(o.po) OVER () FROM tabler.orders AS o WHERE o.id <= new.id LIMIT 1)$$], 'new.phone', name => 'lowest');
SET ROLE regress_whatsapp_tabler;
CREATE FUNCTION tabler.step(text, varchar) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO tabler.proof VALUES (current_user, 'aggregate'); RETURN 'evil'; END $$;
CREATE AGGREGATE public.max(varchar) (SFUNC = tabler.step, STYPE = text);
CREATE AGGREGATE public.min(varchar) (SFUNC = tabler.step, STYPE = text);
ALTER TABLE tabler.orders SET (fillfactor = 70);
INSERT INTO tabler.orders VALUES (8, 'po-8', 1);
RESET ROLE;
SELECT name, last_error FROM whatsapp_watches ORDER BY name;
SET ROLE regress_whatsapp_tabler;
DROP AGGREGATE public.max(varchar), public.min(varchar);
RESET ROLE;
SELECT wa_unwatch('tabler.orders', 'highest') AS highest, wa_unwatch('tabler.orders', 'lowest') AS lowest;
-- JSON is made by a cast to json, which is looked up when it runs; a domain has constraints
SET ROLE regress_whatsapp_tabler;
CREATE TYPE tabler.colour AS ENUM ('red');
CREATE FUNCTION tabler.check(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO tabler.proof VALUES (current_user, $2); RETURN true; END $$;
CREATE DOMAIN tabler.tag AS text CHECK (tabler.check(VALUE, 'domain'));
CREATE TABLE tabler.paints (id integer PRIMARY KEY, phone text DEFAULT '+34612345678', colour tabler.colour DEFAULT 'red', colours tabler.colour[] DEFAULT '{red}', tags tabler.tag[] DEFAULT '{}');
RESET ROLE;
SELECT wa_watch('tabler.paints', 't', ARRAY['to_jsonb(new) ->> $$phone$$'], 'new.phone', name => 'whole'),
       wa_watch('tabler.paints', 't', ARRAY['(SELECT json_agg(c) FROM unnest(new.colours) AS c)'], 'new.phone', name => 'each'),
       wa_watch('tabler.paints', 't', ARRAY['new.colour'], 'new.phone', name => 'no json');
SELECT pg_temp.refused($$SELECT wa_watch('tabler.paints', 't', ARRAY['array_append(new.tags, $a$x$a$)'], 'new.phone', name => 'domain')$$) AS domain;
INSERT INTO tabler.paints VALUES (1);
SELECT name, errors FROM whatsapp_watches WHERE relation = 'tabler.paints'::regclass ORDER BY name;
SET ROLE regress_whatsapp_tabler;
CREATE FUNCTION tabler.shown(tabler.colour) RETURNS json LANGUAGE plpgsql AS $$ BEGIN INSERT INTO tabler.proof VALUES (current_user, 'json'); RETURN '"evil"'; END $$;
CREATE CAST (tabler.colour AS json) WITH FUNCTION tabler.shown(tabler.colour);
INSERT INTO tabler.paints VALUES (2);
RESET ROLE;
SELECT name, errors, last_error FROM whatsapp_watches WHERE relation = 'tabler.paints'::regclass ORDER BY name;
SELECT wa_unwatch('tabler.paints') AS ended;
SELECT wa_watch('tabler.paints', 't', ARRAY['(SELECT count(*) FROM unnest(new.tags))'], 'new.phone', name => 'tags');
INSERT INTO tabler.paints VALUES (3);
SELECT errors FROM whatsapp_watches WHERE name = 'tags';
SELECT wa_unwatch('tabler.paints') AS ended;
SELECT reference, said FROM pg_temp.announced();
SELECT count(*) AS proofs FROM tabler.proof;
-- what an expression names is meant
SET ROLE regress_whatsapp_tabler;
CREATE FUNCTION tabler.shown(varchar) RETURNS text LANGUAGE sql AS $$ SELECT 'shown ' || $1 $$;
RESET ROLE;
SELECT wa_unwatch('tabler.orders') AS ended, wa_watch('tabler.orders', 't', ARRAY['tabler.shown(new.po)'], 'new.phone') AS name;
INSERT INTO tabler.orders VALUES (7, 'po-7', 1);
SELECT reference, said FROM pg_temp.announced();
DROP SCHEMA tabler CASCADE;
DROP OWNED BY regress_whatsapp_tabler;
DROP ROLE regress_whatsapp_tabler;
TRUNCATE whatsapp_messages, whatsapp_queue;

-- a domain that refuses NULL, in the row that there is not
CREATE DOMAIN state AS text NOT NULL CHECK (VALUE <> 'never');
CREATE TABLE states (id integer PRIMARY KEY, state state, phone text DEFAULT '+34612345678');
SELECT wa_watch('states', 't', ARRAY['new.state', $$coalesce(old.state, 'none')$$], 'new.phone', events => '{INSERT,UPDATE}', when_ => $$old.state IS DISTINCT FROM new.state$$, idempotency_key => 'NULL');
SELECT wa_watch('states', 't', ARRAY['old.state', $$coalesce(new.state, 'gone')$$], 'old.phone', events => '{DELETE}', name => 'gone');
INSERT INTO states VALUES (1, 'open');
UPDATE states SET state = 'shut';
DELETE FROM states;
SELECT reference, said FROM pg_temp.announced();
SELECT name, errors, last_error FROM whatsapp_watches;
DROP TABLE states;
DROP DOMAIN state;

-- times that are no times, and generated columns
CREATE TABLE times (id integer PRIMARY KEY, at timestamptz, day text GENERATED ALWAYS AS (extract(year FROM at AT TIME ZONE 'UTC')::text) STORED, phone text DEFAULT '+34612345678');
SELECT wa_watch('times', 't', ARRAY['new.day'], 'new.phone', name => 'sent', send_at => 'new.at', idempotency_key => 'NULL');
SELECT wa_watch('times', 't', ARRAY['new.day'], 'new.phone', name => 'expires', expires_at => 'new.at', reference => $$'expires ' || new.id$$);
SELECT wa_watch('times', 't', ARRAY['new.day'], 'new.phone', name => 'due', due => 'new.at', reference => $$'due ' || new.id$$);
INSERT INTO times VALUES (1, '294276-12-31'), (2, '10000-01-01'), (3, '9999-12-31'), (4, '4713-01-02 BC'), (5, '2100-01-02 03:04'), (6, 'infinity');
SELECT reference, said, status, reason FROM pg_temp.announced() ORDER BY reference COLLATE "C";
SELECT m.reference, q.due_at, q.expires_at FROM whatsapp_messages AS m JOIN whatsapp_queue AS q ON q.message_id = m.id WHERE q.due_at > now() ORDER BY m.reference COLLATE "C";
ALTER TABLE times DROP COLUMN day;
UPDATE times SET at = 'infinity' WHERE id = 5;
INSERT INTO times VALUES (7, '-infinity');
SELECT name, errors, last_error FROM whatsapp_watches ORDER BY name;
DROP TABLE times;
TRUNCATE whatsapp_messages, whatsapp_queue;

-- ---------------------------------------------------------------------------------------------------------------- real and its sisters
CREATE DOMAIN exact_enough AS real;
CREATE TABLE amounts (id integer PRIMARY KEY, r real, e exact_enough, d double precision, b bigint, n numeric);
SELECT wa_watch('amounts', 't', ARRAY[$$wa_format_amount(new.r, 'EUR')$$, $$wa_format_amount(new.e, 'EUR')$$, $$wa_format_amount(new.d, 'EUR')$$, $$wa_format_amount(new.b, 'EUR')$$, $$wa_format_amount(new.n, 'EUR')$$],
                $$'+34612345678'$$);
INSERT INTO amounts VALUES (1, 12345.67, 12345.67, 1234567890.12, 9007199254740993, 9007199254740993.01), (2, 1e6, 0.1, 1e15, 0, 0.005);
SELECT said, status FROM pg_temp.announced();
-- in the currency and the locale of the watch, not of who inserts
SELECT wa_unwatch('amounts') AS ended, wa_watch('amounts', 't', ARRAY['wa_format_amount(new.n)'], $$'+34612345678'$$) AS name;
SET whatsapp.default_currency = 'USD'; SET whatsapp.amount_locale = 'de';
INSERT INTO amounts (id, n) VALUES (3, 1234.5);
RESET whatsapp.default_currency; RESET whatsapp.amount_locale;
SELECT said, status FROM pg_temp.announced();
DROP TABLE amounts;
DROP DOMAIN exact_enough;

-- ------------------------------------------------------------------------------------------------------ a statement that runs out of time
SELECT wa_watch('orders', 't', ARRAY['pg_sleep(1)'], 'new.phone');
SELECT clock_timestamp() AS begin \gset
SET statement_timeout = '300ms';
INSERT INTO orders (id) SELECT n FROM generate_series(1, 20) AS n;
RESET statement_timeout;
SELECT clock_timestamp() - :'begin' < '10 s' AS in_time, errors, last_error, first_bad_row, (SELECT count(*) FROM orders) AS orders FROM whatsapp_watches;
SELECT wa_unwatch('orders') AS ended;
TRUNCATE orders;

-- ------------------------------------------------------------------------------------------------------- rows that cannot be read in pairs
CREATE TABLE ledger (id integer, year integer, phone text DEFAULT '+34612345678', PRIMARY KEY (id, year)) PARTITION BY LIST (year);
CREATE TABLE ledger_2025 PARTITION OF ledger FOR VALUES IN (2025);
CREATE TABLE ledger_2026 PARTITION OF ledger FOR VALUES IN (2026);
SELECT wa_watch('ledger', 't', ARRAY['old.id', 'new.id'], 'new.phone', events => '{UPDATE}', idempotency_key => 'NULL');
INSERT INTO ledger SELECT n, 2025 FROM generate_series(1, 4) AS n;
CREATE FUNCTION pg_temp.keep_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN CASE WHEN new.id = 2 THEN NULL ELSE new END; END $$;
CREATE TRIGGER keep_out BEFORE INSERT ON ledger_2026 FOR EACH ROW EXECUTE FUNCTION pg_temp.keep_out();
UPDATE ledger SET year = 2026;
SELECT count(*) AS left FROM ledger;
SELECT said FROM pg_temp.announced();
SELECT errors, last_error, enabled FROM whatsapp_watches;
DROP TRIGGER keep_out ON ledger_2026;
UPDATE ledger SET year = 2025;
SELECT said FROM pg_temp.announced();
DROP TABLE ledger;
-- the sender is an expression: a row is announced once, whoever its sender becomes, and with a key of one's own by the sender of before or by that of now
INSERT INTO whatsapp_senders (name) VALUES ('east'), ('west');
CREATE TABLE parcels (id integer PRIMARY KEY, branch text, phone text DEFAULT '+34612345678');
SELECT wa_watch('parcels', 'by_row', ARRAY['new.id'], 'new.phone', events => '{INSERT,UPDATE}', name => 'by_row', sender => 'new.branch');
SELECT wa_watch('parcels', 'by_key', ARRAY['new.id'], 'new.phone', events => '{INSERT,UPDATE}', name => 'by_key', sender => 'new.branch', idempotency_key => $$'parcel ' || new.id$$);
INSERT INTO parcels VALUES (1, 'default'), (2, 'east'), (3, 'nowhere');
SELECT template, reference, sender, status FROM pg_temp.announced();
UPDATE parcels SET branch = 'east';
SELECT template, reference, sender, status FROM pg_temp.announced();
UPDATE parcels SET branch = 'west' WHERE id > 1;
DELETE FROM parcels WHERE id = 1;
INSERT INTO parcels VALUES (1, 'west');
SELECT template, reference, sender, status FROM pg_temp.announced();
SELECT watch, outcome FROM wa_watch_test('parcels', '1', event => 'UPDATE', old => '{"branch": "east"}') ORDER BY watch;
SELECT sum(errors) AS errors FROM whatsapp_watches;
DROP TABLE parcels;
-- a table that has become too wide for two rows side by side
SELECT wa_watch('orders', 't', ARRAY['new.id'], 'new.phone', events => '{UPDATE}');
INSERT INTO orders (id) VALUES (1);
DO $$ BEGIN EXECUTE (SELECT 'ALTER TABLE orders ' || string_agg('ADD COLUMN c' || n || ' integer', ', ') FROM generate_series(1, 840) AS n); END $$;
UPDATE orders SET po = 'PO-1';
SELECT po FROM orders;
SELECT errors, last_error, enabled FROM whatsapp_watches;
SELECT wa_unwatch('orders') AS ended;
SELECT pg_temp.refused($$SELECT wa_watch('orders', 't', ARRAY['new.id'], 'new.phone', events => '{UPDATE}')$$) AS too_wide;
DROP TABLE orders, seen;
DROP FUNCTION planned;
DROP SEQUENCE plans, queries;
DROP TYPE region;
DROP DOMAIN number;
DROP EXTENSION pg_whatsapp CASCADE;
