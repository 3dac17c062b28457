-- watch: wa_watch() on a table of orders: each new row makes a message in the same transaction; a row that cannot be
-- notified makes a FAILED one with the reason, and never stops the INSERT.
SET client_min_messages = error;
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/test/regress/refused.sql'
\i :refused

-- what became of the rows since the last look
CREATE FUNCTION pg_temp.messages(OUT reference text, OUT phone text, OUT language text, OUT sender text, OUT status text, OUT queued bigint,
                                 OUT parameters text, OUT error_message text, OUT hint text) RETURNS SETOF record LANGUAGE sql AS $$
    WITH gone AS (DELETE FROM whatsapp_messages RETURNING *), swept AS (DELETE FROM whatsapp_queue RETURNING message_id)
    SELECT m.reference, m.recipient_phone, m.template_language, m.sender, m.status, (SELECT count(*) FROM swept WHERE message_id = m.id),
           (SELECT string_agg(p ->> 'text', ' / ' ORDER BY n)
            FROM json_array_elements(m.payload #> '{template,components,0,parameters}') WITH ORDINALITY AS a (p, n)),
           m.error_message, m.hint
    FROM gone AS m ORDER BY m.id
$$;

CREATE TABLE orders (po text PRIMARY KEY, supplier text, total numeric(12, 2), phone text, currency text);
SELECT wa_watch('orders', supplier => 'supplier', po => 'po', amount => 'total', phone => 'phone', currency => 'currency');
SELECT relation, name, events, template, parameters, phone, currency, language, sender, enabled, replicated FROM whatsapp_watches;

-- one row, one message; NULL in the currency column takes the default
INSERT INTO orders VALUES ('PO-2024-001', 'Proveedor ABC', 1250, '+34612345678', 'EUR');
SELECT * FROM pg_temp.messages();
INSERT INTO orders VALUES ('PO-2', 'Proveedor ABC', 1250, '+34612345678', 'USD'), ('PO-3', 'Proveedor ABC', 1250, '+34612345678', NULL);
INSERT INTO orders (po, supplier, total, phone) SELECT 'PO-4', 'Proveedor DEF', 0.005, '+34612345679';
SELECT * FROM pg_temp.messages();

-- INSERT alone notifies
UPDATE orders SET total = 2 WHERE po = 'PO-2';
INSERT INTO orders VALUES ('PO-2', 'Proveedor ABC', 3, '+34612345678', 'EUR') ON CONFLICT DO NOTHING;
INSERT INTO orders VALUES ('PO-2', 'Proveedor ABC', 3, '+34612345678', 'EUR') ON CONFLICT (po) DO UPDATE SET total = 3;
DELETE FROM orders WHERE po = 'PO-2';
SELECT count(*) AS messages FROM pg_temp.messages();
COPY orders FROM stdin;
PO-5	Proveedor ABC	5	+34612345678	GBP
\.
MERGE INTO orders AS o USING (VALUES ('PO-5'), ('PO-6')) AS n (po) ON o.po = n.po
WHEN MATCHED THEN UPDATE SET total = 6 WHEN NOT MATCHED THEN INSERT VALUES (n.po, 'Proveedor ABC', 6, '+34612345678', NULL);
SELECT reference, parameters FROM pg_temp.messages();

-- what is wrong with a row becomes the reason of a FAILED message
INSERT INTO orders VALUES
    ('bad phone', 'Proveedor ABC', 1, '612345678', 'EUR'),
    ('spaces in phone', 'Proveedor ABC', 1, '+34 612 34 56 78', 'EUR'),
    ('no phone', 'Proveedor ABC', 1, NULL, 'EUR'),
    ('no supplier', NULL, 1, '+34612345678', 'EUR'),
    ('no amount', 'Proveedor ABC', NULL, '+34612345678', 'EUR'),
    ('empty supplier', '', 1, '+34612345678', 'EUR'),
    ('newline', E'Proveedor\nABC', 1, '+34612345678', 'EUR'),
    ('long supplier', repeat('x', 32769), 1, '+34612345678', 'EUR'),
    ('bad currency', 'Proveedor ABC', 1, '+34612345678', 'EURO'),
    ('NaN', 'Proveedor ABC', 'NaN', '+34612345678', 'EUR'),
    ('good', 'Proveedor ABC', 1, '+34612345678', 'EUR');
SELECT count(*) AS orders FROM orders WHERE po ~ 'phone|supplier|amount|newline|currency|NaN|good';
SELECT count(*) AS cancelled FROM whatsapp_messages WHERE status = 'FAILED' AND wa_cancel(id);
SELECT failed_at = created_at AS failed_at_once, error_code, attempts, expires_at, count(*) FROM whatsapp_messages WHERE status = 'FAILED' GROUP BY 1, 2, 3, 4;
-- one whose phone alone was wrong is sent to the right one; what has no content is not
BEGIN;
SELECT reference, wa_retry(id) AS as_it_is, wa_retry(id, '+34699999999') AS to_another FROM whatsapp_messages
WHERE reference IN ('bad phone', 'no phone', 'no supplier') ORDER BY id;
SELECT m.reference, m.recipient_phone, m.status, m.error_message, q.recipient, m.payload #>> '{template,components,0,parameters,0,text}' AS supplier
FROM whatsapp_messages AS m LEFT JOIN whatsapp_queue AS q ON q.message_id = m.id WHERE m.reference IN ('bad phone', 'no phone', 'no supplier') ORDER BY m.id;
SELECT pg_temp.refused('SELECT wa_retry(1, ''34612345678'')') AS wrong_again, wa_retry(NULL) AS nothing;
ROLLBACK;
SELECT reference, phone, status, queued, error_message, hint FROM pg_temp.messages();

-- the watch says who sends, and no session that inserts a row
SET whatsapp.default_sender = 'ghost';
INSERT INTO orders VALUES ('sender of the watch', 'Proveedor ABC', 1, '+34612345678', 'EUR');
RESET whatsapp.default_sender;
-- a setting of the session that does not fit makes a FAILED message, too
SET whatsapp.default_language = 'Spanish';
INSERT INTO orders VALUES ('unknown language', 'Proveedor ABC', 1, '+34612345678', 'EUR');
RESET whatsapp.default_language;
SET whatsapp.default_currency = 'euro';
INSERT INTO orders VALUES ('unknown default currency', 'Proveedor ABC', 1, '+34612345678', NULL);
RESET whatsapp.default_currency;
SET whatsapp.amount_locale = 'nowhere';
INSERT INTO orders VALUES ('unknown locale', 'Proveedor ABC', 1, '+34612345678', NULL);
RESET whatsapp.amount_locale;
SELECT reference, sender, status, queued, error_message, hint FROM pg_temp.messages();

-- the rows of an order and its message are kept or lost together
BEGIN;
INSERT INTO orders VALUES ('rolled back', 'Proveedor ABC', 1, '+34612345678', 'EUR');
SELECT count(*) AS messages FROM whatsapp_messages;
ROLLBACK;
BEGIN;
INSERT INTO orders VALUES ('kept', 'Proveedor ABC', 1, '+34612345678', 'EUR');
SAVEPOINT s;
INSERT INTO orders VALUES ('lost', 'Proveedor ABC', 1, 'no phone', 'EUR');
ROLLBACK TO s;
COMMIT;
SELECT pg_temp.refused('INSERT INTO orders VALUES (''kept'', ''Proveedor ABC'', 1, ''+34612345678'', ''EUR'')') LIKE '23505 %' AS duplicate_order;
SELECT reference, status, queued FROM pg_temp.messages();

-- many rows by one statement, more than memory may hold
SET work_mem = '64kB';
INSERT INTO orders SELECT 'bulk ' || n, rpad('Proveedor ' || n, n % 3000 + 20, '.'), n, '+34612' || lpad(n::text, 6, '0'), 'EUR' FROM generate_series(1, 2000) AS n;
SELECT count(*) AS messages, sum(queued) AS queued, count(DISTINCT phone) AS phones, count(DISTINCT parameters) AS texts,
       string_agg(reference, ', ') FILTER (WHERE reference IN ('bulk 1', 'bulk 2000')) AS in_order
FROM pg_temp.messages();
RESET work_mem;

-- what comes in one statement is written together, the refused among it in its place; long texts, too; and somebody else may read the rows
INSERT INTO orders SELECT 'mixed ' || n, CASE n WHEN 333 THEN repeat('long ', 5000) ELSE 'Proveedor ' || n END, n, CASE WHEN n % 100 = 7 THEN 'none' ELSE '+34612' || lpad(n::text, 6, '0') END, 'EUR'
FROM generate_series(1, 450) AS n;
SELECT count(*) AS messages, count(*) FILTER (WHERE status = 'PENDING' AND queued = 1) AS queued, count(*) FILTER (WHERE status = 'FAILED' AND queued = 0) AS refused,
       count(*) FILTER (WHERE place = substr(reference, 7)::integer) AS in_order, max(length(parameters)) > 25000 AS long
FROM (SELECT *, row_number() OVER () AS place FROM pg_temp.messages()) AS m;
CREATE FUNCTION pg_temp.count_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE NOTICE '% new, % messages', (SELECT count(*) FROM fresh), (SELECT count(*) FROM whatsapp_messages);
    RETURN NULL;
END $$;
CREATE TRIGGER a_before_ours AFTER INSERT ON orders REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.count_new();
CREATE TRIGGER z_after_ours AFTER INSERT ON orders REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.count_new();
SET client_min_messages = notice;
INSERT INTO orders VALUES ('shared 1', 'Proveedor ABC', 1, '+34612345678', 'EUR'), ('shared 2', 'Proveedor ABC', 1, '+34612345678', 'EUR');
INSERT INTO orders SELECT * FROM orders WHERE false;
SET client_min_messages = error;
DROP TRIGGER a_before_ours ON orders;
DROP TRIGGER z_after_ours ON orders;
WITH one AS (INSERT INTO orders VALUES ('in a CTE 1', 'Proveedor ABC', 1, '+34612345678', 'EUR') RETURNING po)
INSERT INTO orders SELECT 'in a CTE 2 after ' || po, 'Proveedor ABC', 1, '+34612345678', 'EUR' FROM one;
SELECT reference, status, queued FROM pg_temp.messages() ORDER BY reference COLLATE "C";

-- with something of somebody's own on our tables the rows are the same, one by one
ALTER TABLE whatsapp_queue ADD COLUMN department text DEFAULT 'purchasing';
INSERT INTO orders VALUES ('default 1', 'Proveedor ABC', 1, '+34612345678', 'EUR'), ('default 2', 'Proveedor ABC', 1, 'none', 'EUR'), ('default 3', 'Proveedor ABC', 1, '+34612345678', 'EUR');
SELECT count(*) FROM whatsapp_queue WHERE department = 'purchasing';
ALTER TABLE whatsapp_queue DROP COLUMN department;
SELECT reference, status, queued FROM pg_temp.messages();

-- people who have opted out
SELECT wa_opt_out('+34612345677', reason => 'said so') AS opted_out;
INSERT INTO orders VALUES ('yes 1', 'Proveedor ABC', 1, '+34612345678', 'EUR'), ('no', 'Proveedor ABC', 1, '+34612345677', 'EUR'), ('yes 2', 'Proveedor ABC', 1, '+34612345678', 'EUR');
SELECT reference, status, queued, error_message FROM pg_temp.messages();
TRUNCATE whatsapp_opt_outs;

-- the table changes under the watch: the INSERTs go on, and the reason is there
ALTER TABLE orders RENAME COLUMN total TO amount;
INSERT INTO orders VALUES ('renamed column', 'Proveedor ABC', 1, '+34612345678', 'EUR');
ALTER TABLE orders RENAME COLUMN amount TO total;
ALTER TABLE orders DROP COLUMN phone;
INSERT INTO orders VALUES ('dropped column', 'Proveedor ABC', 1, 'EUR');
ALTER TABLE orders ADD COLUMN phone text DEFAULT '+34612345678';
INSERT INTO orders VALUES ('column again', 'Proveedor ABC', 1, 'EUR');
ALTER TABLE orders ALTER COLUMN total TYPE text;
INSERT INTO orders VALUES ('amount is text now', 'Proveedor ABC', '€1,5', 'EUR');
SELECT reference, phone, status, queued, parameters, error_message, hint FROM pg_temp.messages();

-- refused
SELECT pg_temp.refused('SELECT wa_watch(''orders'', ''supplier'', ''po'', ''total'', ''phone'')') AS watched_twice;
CREATE TABLE notes (who text, what text, price text, number text);
SELECT pg_temp.refused('SELECT wa_watch(''notes'', ''supplier'', ''what'', ''price'', ''number'')') AS refused;
SELECT pg_temp.refused('SELECT wa_watch(''notes'', ''who'', ''what'', ''price'', ''number'', ''currency'')') AS refused;
SELECT pg_temp.refused('SELECT wa_watch(''notes'', ''who'', ''what'', ''price'', '''')') AS refused;
SELECT pg_temp.refused('SELECT wa_watch(''notes'', NULL, ''what'', ''price'', ''number'')') AS refused;
SELECT pg_temp.refused('SELECT wa_watch(NULL, ''who'', ''what'', ''price'', ''number'')') AS refused;
SELECT pg_temp.refused('SELECT wa_watch(''notes'', ''who'', ''what'', ''price'', ''number'', language => ''Spanish'')') AS refused;
SELECT pg_temp.refused('SELECT wa_watch(''nothing'', ''who'', ''what'', ''price'', ''number'')') AS refused;
SELECT pg_temp.refused('SELECT wa_watch(0, ''who'', ''what'', ''price'', ''number'')') AS refused;
CREATE VIEW notes_view AS SELECT * FROM notes;
SELECT left(pg_temp.refused('SELECT wa_watch(''notes_view'', ''who'', ''what'', ''price'', ''number'')'), 5) AS a_view;
CREATE TRIGGER by_hand AFTER UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION whatsapp_notify_po();
INSERT INTO notes VALUES ('a');
SELECT pg_temp.refused('UPDATE notes SET who = ''b''') AS refused;
DROP TRIGGER by_hand ON notes;
SELECT count(*) AS watches FROM whatsapp_watches;

-- an amount of text is sent as it is written, with a language and a sender of the watch's own
INSERT INTO whatsapp_senders (name, phone_number_id) VALUES ('north', '100');
SELECT wa_watch('notes', 'who', 'what', 'price', 'number', language => 'en_US', sender => 'north');
SELECT relation, name, events, template, parameters, phone, currency, language, sender, enabled, replicated FROM whatsapp_watches ORDER BY relation::text COLLATE "C";
INSERT INTO notes VALUES ('Proveedor ABC', 'N-1', '1250 or so', '+34612345678');
DELETE FROM whatsapp_senders;
INSERT INTO notes VALUES ('Proveedor ABC', 'N-2', '1250 or so', '+34612345678');
SELECT reference, language, sender, status, parameters, error_message FROM pg_temp.messages();

-- numbers of every type are formatted; domains, too
CREATE DOMAIN price AS numeric(12, 2);
CREATE TABLE typed (small smallint, medium integer, big bigint, single real, double double precision, exact numeric, own price, who text DEFAULT 'Proveedor ABC',
                    number varchar(20) DEFAULT '+34612345678');
DO $$
DECLARE
    column_name text;
BEGIN
    FOREACH column_name IN ARRAY '{small,medium,big,single,double,exact,own}'::text[] LOOP
        PERFORM wa_watch('typed', 'who', column_name::name, column_name::name, 'number');
        INSERT INTO typed (small, medium, big, single, double, exact, own) VALUES (1250, 1250, 1250, 1250.5, 1250.25, 1250.125, 1250);
        PERFORM wa_unwatch('typed');
    END LOOP;
    PERFORM wa_watch('typed', 'who', 'double', 'double', 'number');
    INSERT INTO typed (double) VALUES (999999999999999), (0.1), (1e20), (1e-7), ('Infinity'), ('NaN');
    PERFORM wa_unwatch('typed');
    PERFORM wa_watch('typed', 'who', 'single', 'single', 'number');
    INSERT INTO typed (single) VALUES (1250000);
END $$;
SELECT parameters, status, error_message FROM pg_temp.messages();

-- the shortest exact digits of a float; char(n) without its padding; money has no currency of the order's, and other types are no amount
CREATE TABLE padded (supplier char(40), po char(12), total real, phone char(20), currency char(3), rate money, day date, doubled double precision);
SELECT wa_watch('padded', 'supplier', 'po', 'total', 'phone', currency => 'currency');
INSERT INTO padded VALUES ('Proveedor ABC', 'PO-1', 12345.67, '+34612345678', 'EUR'), ('Proveedor ABC', 'PO-2', 16777216, '+34612345678', 'USD'), ('Proveedor ABC', 'PO-3', 0.1, '+34612345678', 'EUR');
SELECT wa_unwatch('padded') AS unwatched;
SELECT wa_watch('padded', 'supplier', 'po', 'doubled', 'phone', currency => 'currency');
INSERT INTO padded (supplier, po, doubled, phone, currency) VALUES ('Proveedor ABC', 'PO-4', 12345678901234.56, '+34612345678', 'EUR'), ('Proveedor ABC', 'PO-5', 1e15, '+34612345678', 'EUR');
SELECT wa_unwatch('padded') AS unwatched;
SELECT reference, phone, parameters, status FROM pg_temp.messages();
SELECT pg_temp.refused('SELECT wa_watch(''padded'', ''supplier'', ''po'', ''rate'', ''phone'')') AS money;
SELECT pg_temp.refused('SELECT wa_watch(''padded'', ''supplier'', ''po'', ''day'', ''phone'')') AS a_date;
DROP TABLE padded;

-- names that need quotes
CREATE SCHEMA "odd ""schema""";
CREATE TABLE "odd ""schema"""."Order's" ("the ""supplier""" text, "Total" numeric, "po's" text, "tele phone" text, "select" text);
SELECT wa_watch('"odd ""schema"""."Order''s"', 'the "supplier"', 'po''s', 'Total', 'tele phone', 'select');
INSERT INTO "odd ""schema"""."Order's" VALUES ('Proveedor ABC', 1250, 'quoted', '+34612345678', 'USD');
SELECT reference, status, parameters FROM pg_temp.messages();
SELECT parameters, phone, currency FROM whatsapp_watches WHERE relation = '"odd ""schema"""."Order''s"'::regclass;
SELECT wa_unwatch('"odd ""schema"""."Order''s"') AS unwatched;
CREATE TABLE pedidos (proveedor text, "número" text, importe numeric, "teléfono" text);
SELECT wa_watch('pedidos', 'proveedor', 'número', 'importe', 'teléfono');
SELECT relation, parameters, phone FROM whatsapp_watches WHERE relation = 'pedidos'::regclass;
INSERT INTO pedidos VALUES ('Proveedor ABC', 'acentos', 1250, '+34612345678');
SELECT reference, status, parameters FROM pg_temp.messages();

-- partitions: one watch, whichever table the row comes by
CREATE TABLE ledger (year integer, supplier text, po text, total numeric, phone text) PARTITION BY LIST (year);
CREATE TABLE ledger_2024 PARTITION OF ledger FOR VALUES IN (2024);
SELECT wa_watch('ledger', 'supplier', 'po', 'total', 'phone');
CREATE TABLE ledger_2025 PARTITION OF ledger FOR VALUES IN (2025);
INSERT INTO ledger VALUES (2024, 'Proveedor ABC', 'by parent', 1, '+34612345678'), (2025, 'Proveedor ABC', 'later partition', 2, '+34612345678');
INSERT INTO ledger_2024 VALUES (2024, 'Proveedor ABC', 'by partition', 3, '+34612345678');
SELECT reference, status, queued FROM pg_temp.messages();
SELECT relation FROM whatsapp_watches ORDER BY relation::text COLLATE "C";
-- a partition may have a watch of its own, whichever way the row comes; the table is watched row by row then
SELECT wa_unwatch('ledger') AS unwatched;
SELECT wa_watch('ledger_2024', 'supplier', 'po', 'total', 'phone');
INSERT INTO ledger VALUES (2024, 'Proveedor ABC', 'by parent', 1, '+34612345678'), (2025, 'Proveedor ABC', 'not watched', 2, '+34612345678');
INSERT INTO ledger_2024 VALUES (2024, 'Proveedor ABC', 'by partition', 3, '+34612345678');
SELECT reference, status, queued FROM pg_temp.messages();
SELECT wa_unwatch('ledger_2024') AS unwatched;
SELECT wa_watch('ledger', 'supplier', 'po', 'total', 'phone');
SELECT tgrelid::regclass AS relation, tgtype & 1 AS by_row, tgnewtable FROM pg_trigger WHERE tgname = 'whatsapp_notify_po' ORDER BY tgrelid::regclass::text COLLATE "C";

-- a watch may be disabled for a while, and goes with its table
ALTER TABLE notes DISABLE TRIGGER USER;
INSERT INTO notes VALUES ('Proveedor ABC', 'N-3', '1', '+34612345678');
SELECT relation, enabled FROM whatsapp_watches WHERE relation = 'notes'::regclass;
ALTER TABLE notes ENABLE TRIGGER USER;
ALTER TABLE notes RENAME TO memos;
INSERT INTO memos VALUES ('Proveedor ABC', 'N-4', '1', 'none');
SELECT reference, status FROM pg_temp.messages();
DROP TABLE ledger, pedidos, typed;
DROP DOMAIN price;
SELECT relation FROM whatsapp_watches ORDER BY relation::text COLLATE "C";
SELECT wa_unwatch('memos') AS unwatched, wa_unwatch('memos') AS again, wa_unwatch(NULL) AS null;
INSERT INTO memos VALUES ('Proveedor ABC', 'N-5', '1', '+34612345678');
SELECT count(*) AS messages FROM pg_temp.messages();

-- rights: the trigger is made with the caller's own, and works for whoever inserts
CREATE ROLE regress_whatsapp_buyer;
CREATE ROLE regress_whatsapp_owner;
CREATE TABLE purchases (supplier text, po text, total numeric, phone text);
GRANT INSERT ON purchases TO regress_whatsapp_buyer;
GRANT EXECUTE ON FUNCTION wa_watch(regclass, name, name, name, name, name, text, text, boolean), wa_unwatch(regclass), whatsapp_notify_po() TO regress_whatsapp_buyer;
GRANT EXECUTE ON FUNCTION wa_watch(regclass, name, name, name, name, name, text, text, boolean), wa_unwatch(regclass) TO regress_whatsapp_owner;
SET ROLE regress_whatsapp_buyer;
SELECT pg_temp.refused('SELECT wa_watch(''purchases'', ''supplier'', ''po'', ''total'', ''phone'')') AS no_right_on_the_table;
RESET ROLE;
ALTER TABLE purchases OWNER TO regress_whatsapp_owner;
SET ROLE regress_whatsapp_owner;
SELECT pg_temp.refused('SELECT wa_watch(''purchases'', ''supplier'', ''po'', ''total'', ''phone'')') AS no_right_on_the_function;
RESET ROLE;
GRANT EXECUTE ON FUNCTION whatsapp_notify_po() TO regress_whatsapp_owner;
SET ROLE regress_whatsapp_owner;
SELECT wa_watch('purchases', 'supplier', 'po', 'total', 'phone');
SET ROLE regress_whatsapp_buyer;
INSERT INTO purchases VALUES ('Proveedor ABC', 'by a buyer', 1250, '+34612345678'), ('Proveedor ABC', 'bad, by a buyer', 1250, '612345678');
SELECT pg_temp.refused('SELECT count(*) FROM whatsapp_messages') AS and_reads_nothing;
SELECT pg_temp.refused('SELECT wa_unwatch(''purchases'')') AS not_the_owner;
RESET ROLE;
SELECT reference, status FROM pg_temp.messages();
SET ROLE regress_whatsapp_owner;
SELECT wa_unwatch('purchases') AS unwatched;
RESET ROLE;
DROP TABLE purchases;
REVOKE ALL ON FUNCTION wa_watch(regclass, name, name, name, name, name, text, text, boolean), wa_unwatch(regclass), whatsapp_notify_po()
    FROM regress_whatsapp_buyer, regress_whatsapp_owner;
DROP ROLE regress_whatsapp_buyer, regress_whatsapp_owner;

-- a row that comes again, by a session with other settings, is the same row, whatever the types of its key
CREATE TABLE ledger (id integer, made_at timestamptz, day date, term interval, rate double precision, supplier text, po text, total numeric, phone text,
                     PRIMARY KEY (id, made_at, day, term, rate));
SELECT wa_watch('ledger', 'supplier', 'po', 'total', 'phone');
CREATE VIEW brought AS SELECT 1 AS id, '2026-11-30 10:00+00'::timestamptz AS made_at, '2026-11-30'::date AS day, interval '1 day' AS term, 0.1::double precision + 0.2 AS rate,
    'Proveedor ABC' AS supplier, 'PO-L' AS po, 1 AS total, '+34612345678' AS phone;
SET TimeZone = 'Europe/Madrid';
INSERT INTO ledger SELECT * FROM brought;
DELETE FROM ledger;
SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'SQL, DMY'; SET IntervalStyle = 'iso_8601'; SET extra_float_digits = -15; SET quote_all_identifiers = on;
INSERT INTO ledger SELECT * FROM brought;
SHOW DateStyle;
RESET TimeZone; RESET DateStyle; RESET IntervalStyle; RESET extra_float_digits; RESET quote_all_identifiers;
SELECT idempotency_key FROM whatsapp_messages ORDER BY id;
SELECT count(*) AS messages FROM pg_temp.messages();
DROP VIEW brought;
DROP TABLE ledger;

-- the extension's own tables cannot be watched
SELECT pg_temp.refused($$SELECT wa_watch('whatsapp_messages', 'sender', 'reference', 'template_name', 'recipient_phone')$$) AS refused;

-- DROP EXTENSION takes the triggers with it, and no order
SELECT wa_watch('memos', 'who', 'what', 'price', 'number');
SELECT pg_temp.refused('DROP EXTENSION pg_whatsapp') LIKE '2BP01 %' AS says_that_they_depend;
DROP EXTENSION pg_whatsapp CASCADE;
INSERT INTO memos VALUES ('Proveedor ABC', 'N-6', '1', '+34612345678');
SELECT count(*) AS triggers FROM pg_trigger WHERE tgrelid IN ('orders'::regclass, 'memos'::regclass) AND NOT tgisinternal;

DROP VIEW notes_view;
DROP TABLE orders, memos;
DROP SCHEMA "odd ""schema""" CASCADE;
