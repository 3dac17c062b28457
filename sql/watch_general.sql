-- watch_general: wa_watch() with expressions: rows of any table are announced by any template, on INSERT, UPDATE and DELETE, and nothing
-- that is wrong with a watch stops a statement.
SET client_min_messages = error;
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/test/regress/refused.sql'
\i :refused

-- what was announced since the last look; the keys stay known
CREATE TABLE seen (id bigint);
CREATE FUNCTION pg_temp.announced(OUT reference text, OUT phone text, OUT template text, OUT parameters text, OUT status text, OUT reason text)
RETURNS SETOF record LANGUAGE sql AS $$
    WITH news AS (SELECT * FROM whatsapp_messages WHERE id NOT IN (SELECT id FROM seen)), noted AS (INSERT INTO seen SELECT id FROM news)
    SELECT m.reference, m.recipient_phone, m.template_name,
           (SELECT string_agg(p ->> 'text', ' / ' ORDER BY n)
            FROM json_array_elements(m.payload #> '{template,components,0,parameters}') WITH ORDINALITY AS a (p, n)),
           m.status, m.error_message
    FROM news AS m ORDER BY m.id
$$;

CREATE TABLE suppliers (id integer PRIMARY KEY, name text, phone text, timezone text);
INSERT INTO suppliers VALUES (1, 'Proveedor ABC', '+34612345678', 'Europe/Madrid'), (2, 'Proveedor DEF', '+34612345679', 'America/Bogota');
CREATE TABLE orders (id integer PRIMARY KEY, supplier integer, po text, total numeric(12, 2), currency text DEFAULT 'EUR', status text DEFAULT 'draft',
                     delivery date);

-- the phone stands in another table, and an order is announced once, when its status becomes approved
SELECT wa_watch('orders', 'po_approved',
                ARRAY['(SELECT s.name FROM suppliers AS s WHERE s.id = new.supplier)', 'new.po', 'wa_format_amount(new.total, new.currency)'],
                phone => '(SELECT s.phone FROM suppliers AS s WHERE s.id = new.supplier)', events => '{INSERT,UPDATE}',
                when_ => $$old.status IS DISTINCT FROM new.status AND new.status = 'approved'$$);
INSERT INTO orders VALUES (1, 1, 'PO-1', 1250, 'EUR', 'draft'), (2, 2, 'PO-2', 99.5, 'USD', 'approved'), (3, 1, 'PO-3', 7, 'EUR', 'draft');
SELECT * FROM pg_temp.announced();
UPDATE orders SET total = total + 1;
UPDATE orders SET status = 'approved' WHERE id IN (1, 2);
SELECT * FROM pg_temp.announced();
-- once: not again by another role, another day
UPDATE orders SET status = 'draft';
UPDATE orders SET status = 'approved';
SELECT * FROM pg_temp.announced();
SELECT reference, idempotency_key, enqueued_by = current_user AS of_owner, sender FROM whatsapp_messages ORDER BY id;
-- ON CONFLICT, MERGE, COPY, CTE: each row that becomes approved, in its order
INSERT INTO orders VALUES (3, 1, 'PO-3', 7, 'EUR', 'draft'), (4, 1, 'PO-4', 8, 'EUR', 'draft'), (5, 2, 'PO-5', 9, 'EUR', 'approved')
ON CONFLICT (id) DO UPDATE SET status = excluded.status;
MERGE INTO orders AS o USING (VALUES (4), (6)) AS n (id) ON o.id = n.id
WHEN MATCHED THEN UPDATE SET status = 'approved' WHEN NOT MATCHED THEN INSERT VALUES (n.id, 1, 'PO-6', 6, 'EUR', 'approved');
COPY orders FROM stdin;
7	1	PO-7	7	GBP	approved	\N
8	1	PO-8	8	GBP	draft	\N
\.
WITH one AS (UPDATE orders SET status = 'approved' WHERE id = 8 RETURNING id) INSERT INTO orders SELECT id + 1, 2, 'PO-9', 9, 'EUR', 'approved' FROM one;
SELECT * FROM pg_temp.announced();
-- white space that the platform refuses is a reason, or one space
INSERT INTO orders VALUES (100, 1, E'PO\n100', 1, 'EUR', 'approved');
SET whatsapp.parameter_whitespace = collapse;
INSERT INTO orders VALUES (101, 1, E'PO\n\t 101', 1, 'EUR', 'approved');
RESET whatsapp.parameter_whitespace;
UPDATE suppliers SET phone = '612345678' WHERE id = 2;
INSERT INTO orders VALUES (102, 2, 'PO-102', 1, 'EUR', 'approved');
UPDATE suppliers SET phone = '+34612345679' WHERE id = 2;
SELECT * FROM pg_temp.announced();
SELECT wa_retry(id, '+34612345679') AS to_right_phone, payload #>> '{template,components,0,parameters,1,text}' AS po FROM whatsapp_messages WHERE reference = '102';
DELETE FROM orders WHERE id >= 100;
BEGIN;
INSERT INTO orders VALUES (10, 1, 'PO-10', 1, 'EUR', 'approved');
SELECT count(*) FROM whatsapp_messages WHERE reference = '10';
ROLLBACK;
SELECT * FROM pg_temp.announced();

-- a second watch of the table: what is deleted; every option
INSERT INTO whatsapp_senders (name, phone_number_id) VALUES ('north', '100');
SELECT wa_watch('orders', 'po_cancelled', ARRAY['old.po'], phone => '(SELECT s.phone FROM suppliers AS s WHERE s.id = old.supplier)',
                events => '{delete}', name => 'cancelled', sender => 'north', language => 'en_US', reference => $$'order ' || old.po$$,
                idempotency_key => $$'gone ' || old.id$$, send_at => $$timestamptz '2100-01-02 03:04:05+00'$$,
                expires_at => $$timestamptz '2100-01-03+00'$$, priority => $$CASE WHEN old.total > 8 THEN 'urgent' ELSE 'bulk' END$$);
DELETE FROM orders WHERE id IN (6, 8, 9);
SELECT m.reference, m.sender, m.template_language AS language, m.idempotency_key, m.priority, q.due_at AT TIME ZONE 'UTC' AS due, q.expires_at AT TIME ZONE 'UTC' AS expires
FROM whatsapp_messages AS m JOIN whatsapp_queue AS q ON q.message_id = m.id WHERE template_name = 'po_cancelled' ORDER BY m.id;
SELECT * FROM pg_temp.announced();
SELECT relation, name, events, template, parameters, phone, condition, sender, language, on_error, enabled, errors FROM whatsapp_watches ORDER BY name;

-- what is wrong with the values of a row makes a FAILED message; when it is mended, the order is announced
INSERT INTO suppliers VALUES (3, 'Sin teléfono', NULL), (4, 'Mal teléfono', '612345678');
INSERT INTO orders VALUES (20, 3, 'PO-20', 1, 'EUR', 'approved'), (21, 4, 'PO-21', 1, 'EUR', 'approved'), (22, 1, NULL, 1, 'EUR', 'approved'),
                          (23, 1, 'PO-23', 1, 'EUR', 'approved'), (24, 99, 'PO-24', 1, 'EUR', 'approved');
SELECT * FROM pg_temp.announced();
UPDATE suppliers SET phone = '+34612345677' WHERE id = 3;
UPDATE orders SET status = 'draft' WHERE id = 20;
UPDATE orders SET status = 'approved' WHERE id = 20;
SELECT * FROM pg_temp.announced();

-- a look: the message that a row would make, by the trigger's own code
SELECT watch, event, outcome, recipient_phone, template_name, template_language, sender, reference, idempotency_key, priority, payload, reason
FROM wa_watch_test('orders', '23') ORDER BY watch COLLATE "C";
SELECT outcome, reference, reason, hint FROM wa_watch_test('orders', '21', event => 'update') ORDER BY watch;
SELECT outcome, reason FROM wa_watch_test('orders', '23', event => 'update', old => '{"po": "PO-0"}') ORDER BY watch;
SELECT watch, outcome, send_at AT TIME ZONE 'UTC' AS send_at, reference FROM wa_watch_test('orders', '23', event => 'delete');
SELECT pg_temp.refused($$SELECT * FROM wa_watch_test('orders', '999')$$) AS no_row;
SELECT pg_temp.refused($$SELECT * FROM wa_watch_test('seen', '1')$$) AS no_key;
SELECT pg_temp.refused($$SELECT * FROM wa_watch_test('orders', NULL)$$) AS null;
SELECT * FROM pg_temp.announced();
SELECT wa_unwatch('orders', 'cancelled') AS ended, wa_unwatch('orders', 'cancelled') AS again, wa_unwatch('orders', NULL) AS null;

-- wrong expressions are refused when the watch is made, with their place
\set SHOW_CONTEXT errors
CREATE FUNCTION pg_temp.wrong(options text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    code text; message text; context text; hint text;
BEGIN
    EXECUTE 'SELECT wa_watch(''orders'', ' || options || ')';
    RETURN 'accepted';
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, context = PG_EXCEPTION_CONTEXT, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', code, message, substring(context FROM 'expression "[^"]*"'), nullif(hint, ''));
END $$;
SELECT pg_temp.wrong(options) FROM (VALUES
    (1, $$'t', ARRAY['new.nothing'], 'new.po'$$), (2, $$'t', ARRAY['new.po)'], 'new.po'$$), (3, $$'t', ARRAY['new.po, new.id'], 'new.po'$$),
    (4, $$'t', ARRAY['new.po'], 'new.po FROM orders'$$), (5, $$'t', ARRAY['new.po'], 'po'$$), (6, $$'t', ARRAY['max(new.po)'], 'new.po'$$),
    (7, $$'t', ARRAY['generate_series(1, 3)'], 'new.po'$$), (8, $$'t', ARRAY['row_number() OVER ()'], 'new.po'$$),
    (9, $$'t', ARRAY['new.po'], 'new.po', when_ => 'new.po'$$), (10, $$'t', ARRAY['new.total::money'], 'new.po'$$),
    (11, $$'t', ARRAY['no_function(new.po)'], 'new.po'$$), (12, $$'t', ARRAY['(SELECT x FROM nowhere)'], 'new.po'$$),
    (13, $$'t', ARRAY['$1'], 'new.po'$$), (14, $$'t', ARRAY['new.po'], ''$$), (15, $$'t', ARRAY['new.*'], 'new.po'$$),
    (16, $$'t', ARRAY['new.po'], 'new.po', send_at => 'new.po || 1'$$), (17, $$'t', ARRAY['new.po /* '], 'new.po'$$),
    (18, $$'t', ARRAY['(SELECT po FROM orders)) AS v; DELETE FROM orders; --'], 'new.po'$$),
    (19, $$'Bad Name', ARRAY['new.po'], 'new.po'$$), (20, $$'t', ARRAY['new.po'], 'new.po', language => 'Spanish'$$),
    (21, $$'t', ARRAY['new.po'], 'new.po', sender => 'nobody'$$), (22, $$'t', ARRAY['new.po'], 'new.po', priority => 'now'$$),
    (23, $$'t', ARRAY['new.po'], 'new.po', events => '{TRUNCATE}'$$), (24, $$'t', ARRAY['new.po'], 'new.po', events => '{}'$$),
    (25, $$'t', ARRAY['new.po'], 'new.po', on_error => 'ignore'$$), (26, $$'t', ARRAY['new.po'], 'new.po', max_rows => 0$$),
    (27, $$'t', ARRAY['new.po'], 'new.po', name => 'orders'$$), (28, $$'t', NULL, 'new.po'$$), (29, $$'t', ARRAY[NULL], 'new.po'$$)) AS w (place, options) ORDER BY place;
-- the place that psql shows
SELECT wa_watch('orders', 't', ARRAY['new.po', $$'á' || new.totl$$], 'new.po');
CREATE VIEW orders_view AS SELECT * FROM orders;
SELECT pg_temp.refused($$SELECT wa_watch('orders_view', 't', ARRAY['new.po'], 'new.po')$$) AS a_view;
SELECT pg_temp.refused($$SELECT wa_watch('whatsapp_messages', 't', ARRAY['new.reference'], 'new.recipient_phone')$$) AS ours;
SELECT name FROM whatsapp_watches;
SELECT wa_unwatch('orders') AS ended;

-- nothing that is wrong with a watch stops a statement, and the good rows of the statement are announced all the same
CREATE TABLE numbers (id integer PRIMARY KEY, n integer, phone text DEFAULT '+34612345678');
CREATE FUNCTION pg_temp.trouble(OUT name text, OUT errors bigint, OUT last_error text, OUT first_bad_row text, OUT enabled boolean) RETURNS SETOF record LANGUAGE sql AS $$
    SELECT name, errors, last_error, first_bad_row, enabled FROM whatsapp_watches WHERE relation = 'numbers'::regclass $$;
SELECT wa_watch('numbers', 't', ARRAY['100 / new.n'], 'new.phone');
INSERT INTO numbers SELECT n, n % 10 FROM generate_series(1, 95) AS n;
SELECT count(*) FROM numbers;
SELECT count(*), count(DISTINCT reference), min(status), max(status) FROM pg_temp.announced();
SELECT * FROM pg_temp.trouble();
-- 12 kinds of trouble
CREATE FUNCTION answer(kind text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    CASE kind
    WHEN 'raise' THEN RAISE EXCEPTION 'no' USING ERRCODE = 'P0042';
    WHEN 'recursion' THEN INSERT INTO numbers VALUES (1000 + random() * 1000000, 1);
    WHEN 'stack' THEN RETURN answer('stack');
    WHEN 'deferred' THEN INSERT INTO promises VALUES (99);
    WHEN 'missing' THEN PERFORM nobody_has_this_function();
    WHEN 'relation' THEN LOCK TABLE nowhere_to_be_seen;
    WHEN 'setting' THEN SET search_path = nowhere; SET work_mem = '64kB';
    WHEN 'table' THEN CREATE TEMPORARY TABLE leftover (a integer);
    WHEN 'role' THEN RESET ROLE;
    WHEN 'commit' THEN COMMIT;
    WHEN 'slow' THEN PERFORM pg_sleep(60);
    ELSE RETURN kind;
    END CASE;
    RETURN 'done ' || kind;
END $$;
CREATE TABLE goals (id integer PRIMARY KEY);
CREATE TABLE promises (goal integer REFERENCES goals DEFERRABLE INITIALLY DEFERRED);
SELECT wa_unwatch('numbers') AS ended;
ALTER TABLE numbers ADD COLUMN kind text;
SELECT wa_watch('numbers', 't', ARRAY['answer(new.kind)'], 'new.phone');
CREATE FUNCTION pg_temp.try(row_id integer, row_kind text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    before bigint := (SELECT errors FROM pg_temp.trouble());
BEGIN
    INSERT INTO numbers VALUES (row_id, 1, '+34612345678', row_kind);
    RETURN concat_ws(' ', row_kind, 'kept', (SELECT CASE WHEN errors = before THEN 'no error' ELSE regexp_replace(last_error, 'port.*', '') END || ' enabled=' || enabled FROM pg_temp.trouble()));
END $$;
SELECT pg_temp.try(200 + n::integer, kind) FROM unnest('{raise,recursion,stack,deferred,missing,relation,setting,table,role,commit,plain}'::text[]) WITH ORDINALITY AS k (kind, n);
SELECT current_setting('search_path') AS search_path, current_setting('work_mem') AS work_mem, to_regclass('leftover') AS leftover;
SET statement_timeout = '1s';
INSERT INTO numbers VALUES (250, 1, '+34612345678', 'slow');
RESET statement_timeout;
SELECT last_error FROM pg_temp.trouble();
SELECT reference, parameters FROM pg_temp.announced();
SELECT count(*) FROM promises;
-- the table changes under the watch
ALTER TABLE numbers DROP COLUMN kind;
INSERT INTO numbers VALUES (301, 1), (302, 1);
SELECT errors, last_error, first_bad_row FROM pg_temp.trouble();
ALTER TABLE numbers ADD COLUMN kind text DEFAULT 'added';
INSERT INTO numbers VALUES (303, 1);
ALTER TABLE numbers RENAME COLUMN phone TO telephone;
INSERT INTO numbers VALUES (304, 1);
SELECT last_error FROM pg_temp.trouble();
ALTER TABLE numbers RENAME COLUMN telephone TO phone;
ALTER TABLE numbers ALTER COLUMN kind DROP DEFAULT, ALTER COLUMN kind TYPE integer USING 1;
INSERT INTO numbers VALUES (305, 1);
SELECT last_error FROM pg_temp.trouble();
ALTER TABLE numbers ALTER COLUMN kind TYPE text, ALTER COLUMN kind SET DEFAULT 'added', ADD COLUMN twice integer GENERATED ALWAYS AS (2 * n) STORED;
INSERT INTO numbers (id, n, kind) VALUES (306, 1, 'generated');
SELECT reference, parameters FROM pg_temp.announced();
-- our own tables fail
CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not here'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON whatsapp_messages FOR EACH ROW EXECUTE FUNCTION pg_temp.refuse();
INSERT INTO numbers VALUES (307, 1);
DROP TRIGGER refuse ON whatsapp_messages;
SELECT last_error FROM pg_temp.trouble();
-- many errors are summed up
DO $$ BEGIN FOR i IN 1 .. 250 LOOP INSERT INTO numbers (id, n, kind) VALUES (1000 + i, 1, 'raise'); END LOOP; END $$;
SELECT errors, first_bad_row, (SELECT count(*) < 150 FROM whatsapp_watch_errors) AS few_rows FROM pg_temp.trouble();
SELECT wa_unwatch('numbers') AS ended;
SELECT (SELECT count(*) FROM whatsapp_watch_errors) AS errors_left, (SELECT count(*) FROM whatsapp_watch_definitions) AS watches_left;
-- reject: raised
SELECT wa_watch('numbers', 't', ARRAY['100 / new.n'], 'new.phone', on_error => 'raise');
SELECT pg_temp.refused('INSERT INTO numbers VALUES (401, 0)') AS refused;
SELECT pg_temp.refused($$INSERT INTO numbers VALUES (402, 5, '+34612345678'), (403, 5, '612345678')$$) AS refused;
INSERT INTO numbers VALUES (404, 5);
SELECT reference, parameters, status FROM pg_temp.announced();
SELECT wa_unwatch('numbers') AS ended;
-- a guard against a table that is loaded again
SELECT wa_watch('numbers', 't', ARRAY['new.n'], 'new.phone', max_rows => 3);
INSERT INTO numbers SELECT n, 1 FROM generate_series(501, 504) AS n;
INSERT INTO numbers SELECT n, 1 FROM generate_series(505, 507) AS n;
SELECT reference FROM pg_temp.announced();
SELECT errors, last_error, first_bad_row FROM pg_temp.trouble();
SELECT wa_unwatch('numbers') AS ended;

-- values: as a cast to text gives them, whatever the session's settings
CREATE TABLE kinds (id integer PRIMARY KEY, r real, d double precision, c char(20), b boolean, day date, at timestamptz, i interval, u uuid, j jsonb, a integer[], "new" text, "old ""one""" text,
                    phone char(20));
SELECT wa_watch('kinds', 't', ARRAY['new.r', 'new.d', 'new.c', 'new.b', 'new.day', 'new.at', 'new.i', 'new.u', 'new.j', 'new.a', 'new.new', 'new."old ""one"""', 'to_jsonb(new.*) ->> ''new'''], 'new.phone');
SET DateStyle = 'SQL, MDY'; SET TimeZone = 'Asia/Tokyo'; SET IntervalStyle = 'iso_8601'; SET extra_float_digits = -15; SET search_path = pg_temp;
INSERT INTO public.kinds VALUES (1, 12345.67, 0.1, 'padded', true, '2026-11-28', '2026-11-28 12:00+00', '1 day 2:03', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a": 1}', '{1,2}', 'column new', 'quoted', '+34612345678');
RESET DateStyle; RESET TimeZone; RESET IntervalStyle; RESET extra_float_digits; RESET search_path;
SELECT parameters, phone FROM pg_temp.announced();
DROP TABLE kinds;

-- a hostile session changes nothing: its temporary tables, its schemas, its settings
CREATE ROLE regress_whatsapp_clerk;
CREATE ROLE regress_whatsapp_watcher;
CREATE SCHEMA hostile AUTHORIZATION regress_whatsapp_clerk;
GRANT INSERT, SELECT, UPDATE ON orders TO regress_whatsapp_clerk;
GRANT TRIGGER ON orders TO regress_whatsapp_watcher;
GRANT EXECUTE ON FUNCTION whatsapp_notify(), wa_watch(regclass, varchar, text[], varchar, text[], varchar, text, text, text, text, text, text, text, text, text, bigint, boolean, text, text, text, text, interval, interval, interval, text, text, boolean),
    wa_watch_test(regclass, text, text, jsonb), wa_unwatch(regclass, text) TO regress_whatsapp_watcher;
SET ROLE regress_whatsapp_watcher;
SELECT pg_temp.refused($$SELECT wa_watch('orders', 't', ARRAY['new.po'], '(SELECT s.phone FROM suppliers AS s WHERE s.id = new.supplier)')$$) AS own_rights_only;
RESET ROLE;
GRANT SELECT ON suppliers TO regress_whatsapp_watcher;
SET ROLE regress_whatsapp_watcher;
SELECT wa_watch('orders', 't', ARRAY['upper(new.po)', 'current_user'], '(SELECT s.phone FROM suppliers AS s WHERE s.id = new.supplier)', when_ => 'new.total > 0', name => 'clerks');
SET ROLE regress_whatsapp_clerk;
CREATE FUNCTION hostile.upper(text) RETURNS text LANGUAGE sql AS $$ SELECT 'hostile'::text $$;
CREATE FUNCTION hostile.always(numeric, integer) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
CREATE OPERATOR hostile.> (LEFTARG = numeric, RIGHTARG = integer, FUNCTION = hostile.always);
CREATE TEMPORARY TABLE suppliers (id integer, phone text);
INSERT INTO suppliers VALUES (1, '+34666666666');
CREATE TABLE hostile.suppliers (id integer, phone text);
SET search_path = hostile, pg_catalog, public;
SET standard_conforming_strings = off;
SET transform_null_equals = on;
SET whatsapp.default_sender = 'ghost';
SET whatsapp.default_language = 'xx';
INSERT INTO public.orders VALUES (600, 1, 'po-600', 1, 'EUR', 'x'), (601, 1, 'po-601', 0, 'EUR', 'x');
RESET search_path; RESET standard_conforming_strings; RESET transform_null_equals; RESET whatsapp.default_sender; RESET whatsapp.default_language;
SELECT pg_temp.refused('SELECT count(*) FROM whatsapp_messages') AS reads_nothing;
SELECT pg_temp.refused($$SELECT * FROM wa_watch_test('orders', '600')$$) AS tests_nothing;
-- a trigger that a stranger makes does not announce his rows with the rights of the watch's owner
RESET ROLE;
GRANT EXECUTE ON FUNCTION whatsapp_notify(), wa_watch_test(regclass, text, text, jsonb) TO regress_whatsapp_clerk;
SELECT key AS watch_key FROM whatsapp_watch_definitions WHERE name = 'clerks' \gset
SET ROLE regress_whatsapp_clerk;
SELECT pg_temp.refused($$SELECT * FROM wa_watch_test('orders', '600')$$) AS not_a_member;
CREATE TABLE hostile.orders (LIKE public.orders);
CREATE TRIGGER mine AFTER INSERT ON hostile.orders REFERENCING NEW TABLE AS whatsapp_new FOR EACH STATEMENT EXECUTE FUNCTION public.whatsapp_notify(:'watch_key');
INSERT INTO hostile.orders VALUES (700, 1, 'po-700', 1, 'EUR', 'x');
DROP TRIGGER mine ON hostile.orders;
CREATE TRIGGER mine AFTER INSERT ON hostile.orders FOR EACH STATEMENT EXECUTE FUNCTION public.whatsapp_notify(:'watch_key');
SELECT pg_temp.refused($$INSERT INTO hostile.orders VALUES (701, 1, 'po-701', 1, 'EUR', 'x')$$) AS by_hand;
RESET ROLE;
DROP TABLE pg_temp.suppliers;
SELECT reference, phone, parameters, status FROM pg_temp.announced();
SELECT owner, errors FROM whatsapp_watches WHERE name = 'clerks';
-- the right is gone, then the owner
REVOKE SELECT ON suppliers FROM regress_whatsapp_watcher;
INSERT INTO orders VALUES (602, 1, 'po-602', 1, 'EUR', 'x');
SELECT last_error FROM whatsapp_watches WHERE name = 'clerks';
DROP OWNED BY regress_whatsapp_watcher;
DROP ROLE regress_whatsapp_watcher;
INSERT INTO orders VALUES (603, 1, 'po-603', 1, 'EUR', 'x');
SELECT last_error FROM whatsapp_watches WHERE name = 'clerks';
SELECT wa_unwatch('orders') AS ended;
DROP OWNED BY regress_whatsapp_clerk;
DROP ROLE regress_whatsapp_clerk;

-- partitions: an UPDATE that moves a row is an UPDATE; a row is announced by whichever table it comes, also in a partition that is made later
CREATE TABLE ledger (id integer, year integer, status text, phone text DEFAULT '+34612345678', PRIMARY KEY (id, year)) PARTITION BY LIST (year);
CREATE TABLE ledger_2024 PARTITION OF ledger FOR VALUES IN (2024);
SELECT wa_watch('ledger', 't', ARRAY['new.id', $$coalesce(old.year::text, 'none') || '->' || new.year$$], 'new.phone', events => '{INSERT,UPDATE}',
                when_ => $$new.status = 'open' AND old.status IS DISTINCT FROM 'open' OR new.year <> old.year$$, idempotency_key => $$new.id || ' ' || new.year$$);
CREATE TABLE ledger_2025 PARTITION OF ledger FOR VALUES IN (2025);
CREATE TABLE ledger_2026 (LIKE ledger INCLUDING ALL);
ALTER TABLE ledger ATTACH PARTITION ledger_2026 FOR VALUES IN (2026);
INSERT INTO ledger VALUES (1, 2024, 'open'), (2, 2025, 'open'), (3, 2026, 'shut');
INSERT INTO ledger_2024 VALUES (4, 2024, 'open');
INSERT INTO ledger_2026 VALUES (5, 2026, 'open');
UPDATE ledger SET status = 'open' WHERE id = 3;
UPDATE ledger SET year = 2026 WHERE id = 1;
UPDATE ledger_2026 SET status = 'shut' WHERE id = 3;
SELECT reference, parameters FROM pg_temp.announced();
SELECT relation, name, enabled, errors FROM whatsapp_watches;
ALTER TABLE ledger DETACH PARTITION ledger_2026;
INSERT INTO ledger_2026 VALUES (6, 2026, 'open');
SELECT reference, parameters FROM pg_temp.announced();
SELECT wa_unwatch('ledger') AS ended;
SELECT count(*) AS triggers FROM pg_trigger WHERE tgrelid IN ('ledger'::regclass, 'ledger_2024'::regclass, 'ledger_2025'::regclass, 'ledger_2026'::regclass);
-- a partition that is watched by itself
SELECT wa_watch('ledger_2024', 't', ARRAY['new.id'], 'new.phone', name => 'of a partition');
INSERT INTO ledger VALUES (7, 2024, 'open'), (8, 2025, 'open');
INSERT INTO ledger_2024 VALUES (9, 2024, 'open');
SELECT reference, parameters FROM pg_temp.announced();
DROP TABLE ledger, ledger_2026;
-- the name of a watch whose table is gone is free
SELECT wa_watch('numbers', 't', ARRAY['new.id'], 'new.phone', name => 'of a partition');

-- inheritance: the statement's table is watched, with the rows of its children
CREATE TABLE base (id integer PRIMARY KEY, status text, phone text DEFAULT '+34612345678');
CREATE TABLE child (more text) INHERITS (base);
SELECT wa_watch('base', 't', ARRAY['new.status'], 'new.phone', events => '{UPDATE}');
INSERT INTO base VALUES (1, 'a');
INSERT INTO child VALUES (2, 'a');
UPDATE base SET status = 'b';
SELECT reference, parameters FROM pg_temp.announced();
DROP TABLE base CASCADE;

-- foreign tables: row by row
CREATE EXTENSION postgres_fdw;
DO $$ BEGIN EXECUTE format('CREATE SERVER here FOREIGN DATA WRAPPER postgres_fdw OPTIONS (dbname %L, port %L, host %L)', current_database(), current_setting('port'),
                           split_part(current_setting('unix_socket_directories'), ',', 1)); END $$;
CREATE USER MAPPING FOR CURRENT_USER SERVER here;
CREATE TABLE far (id integer PRIMARY KEY, status text, phone text DEFAULT '+34612345678');
CREATE FOREIGN TABLE near (id integer, status text, phone text) SERVER here OPTIONS (table_name 'far');
SELECT wa_watch('near', 't', ARRAY['new.status'], 'new.phone', events => '{INSERT,UPDATE}', reference => 'new.id');
INSERT INTO near VALUES (1, 'a', '+34612345678'), (2, 'b', '+34612345678');
UPDATE near SET status = status || '!' WHERE id = 2;
SELECT reference, parameters FROM pg_temp.announced();
DROP EXTENSION postgres_fdw CASCADE;

-- views are not watched, whatever triggers they have: the tables beneath them are, and what is done by way of the view is announced
CREATE TABLE stock (id integer PRIMARY KEY, item text, phone text DEFAULT '+34612345678');
CREATE VIEW stock_view AS SELECT id, upper(item) AS item FROM stock;
CREATE FUNCTION pg_temp.instead() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO stock VALUES (new.id, lower(new.item)) ON CONFLICT (id) DO UPDATE SET item = excluded.item;
    RETURN new;
END $$;
CREATE TRIGGER instead INSTEAD OF INSERT OR UPDATE ON stock_view FOR EACH ROW EXECUTE FUNCTION pg_temp.instead();
CREATE MATERIALIZED VIEW stock_copy AS SELECT * FROM stock;
SELECT pg_temp.refused($$SELECT wa_watch('stock_view', 't', ARRAY['new.item'], 'new.phone')$$) AS a_view;
SELECT pg_temp.refused($$SELECT wa_watch('stock_view', 'item', 'item', 'id', 'item')$$) AS short_form;
SELECT pg_temp.refused($$SELECT wa_watch('stock_copy', 't', ARRAY['new.item'], 'new.phone')$$) AS materialized;

SELECT wa_watch('stock', 't', ARRAY[$$coalesce(old.item, 'none') || '->' || new.item$$], 'new.phone', events => '{INSERT,UPDATE}', name => 'stock', idempotency_key => 'NULL');
INSERT INTO stock_view VALUES (1, 'BOLTS');
UPDATE stock_view SET item = 'NUTS' WHERE id = 1;
SELECT reference, parameters FROM pg_temp.announced();
DROP VIEW stock_view;
-- a column that is renamed: the trigger finds a column by its number, an expression by its name; it is an error of the watch until the watch is made again
ALTER TABLE stock RENAME COLUMN item TO article;
UPDATE stock SET article = 'bolts';
SELECT errors, last_error, first_bad_row, enabled FROM whatsapp_watches WHERE name = 'stock';
SELECT wa_unwatch('stock') AS ended, wa_watch('stock', 't', ARRAY['new.article'], 'new.phone', events => '{INSERT,UPDATE}', name => 'stock', idempotency_key => 'NULL') AS again;
UPDATE stock SET article = 'nuts';
SELECT reference, parameters FROM pg_temp.announced();
DROP TABLE stock CASCADE;

-- row security: who changes a row need not see it, and a sub-select sees what the owner of the watch may see
CREATE ROLE regress_whatsapp_clerk;
CREATE ROLE regress_whatsapp_watcher;
CREATE TABLE deals (id integer PRIMARY KEY, region text, phone text DEFAULT '+34612345678');
CREATE TABLE regions (name text PRIMARY KEY, manager text);
INSERT INTO regions VALUES ('north', 'Ana'), ('south', 'Luis');
ALTER TABLE deals ENABLE ROW LEVEL SECURITY;
ALTER TABLE regions ENABLE ROW LEVEL SECURITY;
CREATE POLICY north ON regions TO regress_whatsapp_watcher USING (name = 'north');
CREATE POLICY write_only ON deals FOR INSERT TO regress_whatsapp_clerk WITH CHECK (region <> 'east');
CREATE POLICY sees ON deals FOR SELECT TO regress_whatsapp_watcher USING (region = 'north');
GRANT INSERT ON deals TO regress_whatsapp_clerk;
GRANT TRIGGER, SELECT ON deals TO regress_whatsapp_watcher;
GRANT SELECT ON regions TO regress_whatsapp_watcher;
GRANT EXECUTE ON FUNCTION whatsapp_notify(), wa_watch_test(regclass, text, text, jsonb),
    wa_watch(regclass, varchar, text[], varchar, text[], varchar, text, text, text, text, text, text, text, text, text, bigint, boolean, text, text, text, text, interval, interval, interval, text, text, boolean) TO regress_whatsapp_watcher;
SET ROLE regress_whatsapp_watcher;
SELECT wa_watch('deals', 't', ARRAY['new.region', $$coalesce((SELECT r.manager FROM regions AS r WHERE r.name = new.region), 'nobody')$$], 'new.phone', name => 'deals');
SET ROLE regress_whatsapp_clerk;
INSERT INTO deals VALUES (1, 'north'), (2, 'south');
SELECT pg_temp.refused($$INSERT INTO deals VALUES (3, 'east')$$) AS policy;
SET ROLE regress_whatsapp_watcher;
SELECT outcome, payload #>> '{template,components,0,parameters,1,text}' AS manager FROM wa_watch_test('deals', '1');
SELECT pg_temp.refused($$SELECT * FROM wa_watch_test('deals', '2')$$) AS not_seen;
RESET ROLE;
SELECT reference, parameters, status FROM pg_temp.announced();
SELECT errors FROM whatsapp_watches WHERE name = 'deals';
DROP TABLE deals, regions;
DROP OWNED BY regress_whatsapp_clerk, regress_whatsapp_watcher;
DROP ROLE regress_whatsapp_clerk, regress_whatsapp_watcher;

-- COPY and MERGE into a partitioned table, with rows that move from partition to partition
CREATE TABLE shipments (id integer, year integer, phone text DEFAULT '+34612345678', PRIMARY KEY (id, year)) PARTITION BY LIST (year);
CREATE TABLE shipments_2025 PARTITION OF shipments FOR VALUES IN (2025);
CREATE TABLE shipments_2026 PARTITION OF shipments FOR VALUES IN (2026);
SELECT wa_watch('shipments', 't', ARRAY[$$coalesce(old.year::text, 'none') || '->' || coalesce(new.year::text, 'none')$$], $$coalesce(new.phone, old.phone)$$, events => '{INSERT,UPDATE,DELETE}',
                name => 'shipments', reference => 'coalesce(new.id, old.id)', idempotency_key => 'NULL');
COPY shipments (id, year) FROM stdin;
1	2025
2	2026
\.
INSERT INTO shipments VALUES (1, 2025), (3, 2025) ON CONFLICT DO NOTHING;
MERGE INTO shipments AS s USING (VALUES (1, 2025), (2, 2026), (4, 2026)) AS n (id, year) ON s.id = n.id
WHEN MATCHED AND s.id = 2 THEN DELETE WHEN MATCHED THEN UPDATE SET phone = '+34612345679' WHEN NOT MATCHED THEN INSERT VALUES (n.id, n.year);
INSERT INTO shipments VALUES (4, 2026) ON CONFLICT (id, year) DO UPDATE SET phone = '+34612345679';
UPDATE shipments SET year = 2026 WHERE id = 3;
SELECT reference, parameters FROM pg_temp.announced() ORDER BY reference, parameters;
SELECT errors FROM whatsapp_watches WHERE name = 'shipments';
DROP TABLE shipments;

-- an owner keeps his watch under another name, and whoever gets the old one gets neither it nor runs what he wrote
CREATE ROLE regress_whatsapp_watcher;
GRANT CREATE ON SCHEMA public TO regress_whatsapp_watcher;
SELECT wa_grant('regress_whatsapp_watcher', 'admin');
SET ROLE regress_whatsapp_watcher;
CREATE TABLE parcels (id integer PRIMARY KEY);
CREATE FUNCTION whoever() RETURNS text LANGUAGE sql AS 'SELECT current_user::text';
SELECT wa_watch('parcels', 't', ARRAY['whoever()'], $$'+34612345678'$$, name => 'parcels', events => '{INSERT,UPDATE}');
INSERT INTO parcels VALUES (1);
RESET ROLE;
ALTER ROLE regress_whatsapp_watcher RENAME TO regress_whatsapp_keeper;
INSERT INTO parcels VALUES (2);
CREATE ROLE regress_whatsapp_watcher SUPERUSER;
INSERT INTO parcels VALUES (3);
SELECT reference, parameters FROM pg_temp.announced() ORDER BY reference;
SELECT enqueued_by FROM whatsapp_messages ORDER BY id DESC LIMIT 3;
-- nor does a row that was announced before come again
UPDATE parcels SET id = id;
SELECT reference, parameters FROM pg_temp.announced() ORDER BY reference;
SELECT owner, errors FROM whatsapp_watches WHERE name = 'parcels';
SELECT outcome, payload #>> '{template,components,0,parameters,0,text}' AS parameter FROM wa_watch_test('parcels', '3');
ALTER TABLE parcels OWNER TO CURRENT_USER;
DROP OWNED BY regress_whatsapp_keeper;
DROP ROLE regress_whatsapp_keeper;
CREATE FUNCTION whoever() RETURNS text LANGUAGE sql AS 'SELECT current_user::text';
INSERT INTO parcels VALUES (4);
SELECT owner, errors, last_error FROM whatsapp_watches WHERE name = 'parcels';
SELECT reference, parameters FROM pg_temp.announced() ORDER BY reference;
DROP TABLE parcels;
DROP FUNCTION whoever();
DROP ROLE regress_whatsapp_watcher;

-- DROP EXTENSION takes the triggers with it, and no row
DROP EXTENSION pg_whatsapp CASCADE;
INSERT INTO numbers VALUES (999, 1);
SELECT count(*) AS triggers FROM pg_trigger WHERE tgrelid = 'numbers'::regclass AND NOT tgisinternal;
DROP VIEW orders_view;
DROP TABLE orders, suppliers, numbers, promises, goals, far, seen;
DROP FUNCTION answer(text);
