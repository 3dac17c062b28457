-- rights: who may do what. Nothing but the pure functions is for everybody; whoever may send still reads nothing; no
-- search_path makes the extension call a stranger's objects; a schema of its own needs no search_path at all.
SET client_min_messages = error;
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/test/regress/refused.sql'
\i :refused

-- what belongs to the extension
CREATE TEMPORARY VIEW members AS
SELECT d.classid, d.objid FROM pg_depend AS d JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'pg_whatsapp' AND d.deptype = 'e';
CREATE TEMPORARY VIEW functions AS SELECT p.* FROM pg_proc AS p JOIN members ON classid = 'pg_proc'::regclass AND objid = p.oid;
CREATE TEMPORARY VIEW relations AS SELECT c.* FROM pg_class AS c JOIN members ON classid = 'pg_class'::regclass AND objid = c.oid;

-- functions: those that everybody may call, and those that nobody may but the owner and whom he names
SELECT f.oid::regprocedure AS function, EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) AS a WHERE a.grantee = 0) AS public,
       prosecdef AS definer, proconfig AS settings, provolatile AS volatility, proparallel AS parallel
FROM functions AS f ORDER BY public, f.oid::regprocedure::text COLLATE "C";

-- a function that runs with its owner's rights pins its search_path (those that enqueue do it in C, see below); every function says what it is for
SELECT f.oid::regprocedure AS not_pinned FROM functions AS f
WHERE prosecdef AND NOT coalesce(proconfig, '{}') @> ARRAY['search_path=pg_catalog, pg_temp'] ORDER BY 1;
SELECT f.oid::regprocedure AS not_explained FROM functions AS f WHERE coalesce(obj_description(f.oid, 'pg_proc'), '') !~ '^[A-Z].*[.]$';
SELECT r.oid::regclass AS not_explained FROM relations AS r WHERE relkind IN ('r', 'v') AND coalesce(obj_description(r.oid, 'pg_class'), '') !~ '^[A-Z].*[.]$';
-- every table has a trigger: those are what Citus does not distribute
SELECT r.oid::regclass AS without_trigger FROM relations AS r WHERE relkind = 'r' AND NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = r.oid AND NOT t.tgisinternal);

-- tables, views and sequences: nothing to anybody
SELECT r.oid::regclass AS relation, a.grantee::regrole, a.privilege_type FROM relations AS r CROSS JOIN LATERAL
       aclexplode(coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))) AS a WHERE a.grantee <> relowner
ORDER BY r.oid::regclass::text COLLATE "C", a.privilege_type;
SELECT r.oid::regclass AS relation, attname AS column FROM relations AS r JOIN pg_attribute ON attrelid = r.oid WHERE attacl IS NOT NULL;

-- all rows and all counters go into a dump
SELECT r.oid::regclass AS relation, relkind AS kind, r.oid = ANY (e.extconfig) AS dumped, e.extcondition[array_position(e.extconfig, r.oid)] AS condition
FROM relations AS r, pg_extension AS e WHERE e.extname = 'pg_whatsapp' AND relkind IN ('r', 'S') ORDER BY relkind, r.oid::regclass::text COLLATE "C";

-- a plain role
CREATE ROLE regress_whatsapp_plain;
CREATE ROLE regress_whatsapp_sender;
CREATE TABLE orders (supplier text, po text, total numeric, phone text);
SET ROLE regress_whatsapp_plain;
SELECT wa_valid_e164('+34612345678') AS valid, wa_phone_problem('+34612345678') AS problem, wa_format_amount(1250) AS amount,
       wa_render_template('Hola {{1}}', ARRAY['ABC']) AS text, wa_render_template('Hola {{a}}', '{"a": "ABC"}'::jsonb) AS named,
       (SELECT reaction FROM wa_explain(190)) AS reaction, wa_version() IS NOT NULL AS version;
SELECT call, pg_temp.refused('SELECT ' || call) AS refused
FROM (VALUES (1, 'wa_send_template(''+34612345678'', ''hello_world'')'),
             (2, 'wa_send_po(''Proveedor ABC'', ''PO-1'', ''€1'', ''+34612345678'')'),
             (3, 'wa_send_po(''Proveedor ABC'', ''PO-1'', 1, ''+34612345678'')'),
             (4, 'wa_cancel(1)'), (5, 'wa_resume()'), (6, 'wa_release()'), (7, 'wa_watch(''orders'', ''supplier'', ''po'', ''total'', ''phone'')'),
             (8, 'wa_unwatch(''orders'')'), (9, 'whatsapp_attach()'), (10, 'wa_opt_out(''+34612345678'')'), (11, 'wa_opt_in(''+34612345678'')'),
             (12, 'wa_window_open(''+34612345678'')'), (13, 'wa_webhook_verify(''subscribe'', ''x'', ''17'')'),
             (14, 'wa_webhook_receive(''x'', ''x'')'), (15, 'wa_request_template_sync()'), (16, 'wa_request_number_sync()'), (17, 'wa_mark_read(1)'), (18, 'wa_upload_media(''x'', ''image/png'')'),
             (19, 'wa_request_media_download(1)'),
             (20, 'wa_rates_import(''x''::text, ''EUR'', ''2027-01-01'')'), (21, 'wa_price(''+34612345678'', ''utility'')'),
             (22, 'wa_estimate(''{+34612345678}'', ''utility'')')) AS c (place, call) ORDER BY place;
SELECT pg_temp.refused('CALL wa_sync_templates()') AS refused;
SELECT pg_temp.refused('CALL wa_sync_numbers()') AS refused;
SELECT name AS relation, pg_temp.refused('SELECT count(*) FROM ' || name) AS refused
FROM unnest('{whatsapp_accounts,whatsapp_attempts,whatsapp_billing,whatsapp_business_accounts,whatsapp_costs,whatsapp_deliveries,whatsapp_event_queue,whatsapp_events,whatsapp_inbound,whatsapp_instances,whatsapp_markets,whatsapp_media,whatsapp_messages,whatsapp_messages_id_seq,whatsapp_numbers,whatsapp_opt_out_keywords,whatsapp_opt_outs,whatsapp_queue,whatsapp_rates,whatsapp_requests,whatsapp_senders,whatsapp_status,whatsapp_templates,whatsapp_user_ids,whatsapp_watch_definitions,whatsapp_watch_errors,whatsapp_watch_errors_id_seq,whatsapp_watches,whatsapp_windows}'::text[]) AS name;
SELECT pg_temp.refused('INSERT INTO whatsapp_messages (sender, message_type) VALUES (''default'', ''template'')') AS refused;
SELECT pg_temp.refused('INSERT INTO whatsapp_queue (message_id, sender, expires_at) VALUES (1, ''default'', ''tomorrow'')') AS refused;
SELECT pg_temp.refused('SELECT nextval(''whatsapp_messages_id_seq'')') AS refused;
RESET ROLE;

-- whatever the caller's search_path and temporary objects are, nothing of his is found by what runs with the owner's rights
CREATE SCHEMA regress_whatsapp_trap;
CREATE FUNCTION regress_whatsapp_trap.sprung() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'trap sprung by %', current_user; END $$;
CREATE FUNCTION regress_whatsapp_trap.texts(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT regress_whatsapp_trap.sprung()';
CREATE FUNCTION regress_whatsapp_trap.smallints(smallint, integer) RETURNS boolean LANGUAGE sql AS 'SELECT regress_whatsapp_trap.sprung()';
CREATE OPERATOR regress_whatsapp_trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = regress_whatsapp_trap.texts);
CREATE OPERATOR regress_whatsapp_trap.= (LEFTARG = smallint, RIGHTARG = integer, FUNCTION = regress_whatsapp_trap.smallints);
CREATE FUNCTION regress_whatsapp_trap.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT CASE WHEN regress_whatsapp_trap.sprung() THEN clock_timestamp() END';
CREATE FUNCTION regress_whatsapp_trap.make_interval(secs double precision) RETURNS interval LANGUAGE sql AS 'SELECT CASE WHEN regress_whatsapp_trap.sprung() THEN interval ''1 s'' END';
CREATE FUNCTION regress_whatsapp_trap.show_path() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.reference := current_setting('search_path'); RETURN NEW; END $$;
INSERT INTO whatsapp_senders (name) VALUES ('known');
INSERT INTO whatsapp_opt_outs (contact, scope, opted_out, changed_at, source) VALUES ('34600000000', 'all', true, now(), 'function');
SET search_path = regress_whatsapp_trap, public, pg_catalog;
\set VERBOSITY sqlstate
SELECT 'a'::text = 'a'::text AS the_trap_is_set;
SELECT wa_send_po('Proveedor ABC', 'trap 1', 1, '+34612345678') IS NOT NULL AS sent;
SELECT wa_send_po('Proveedor ABC', 'trap 2', 1, '+34612345678', sender => 'known') IS NOT NULL AS sent;
SELECT wa_send_po('Proveedor ABC', 'trap 3', '1', '+34612345678', idempotency_key => 'trap') IS NOT NULL AS sent;
SELECT wa_send_po('Proveedor ABC', 'trap 3', '1', '+34612345678', idempotency_key => 'trap') IS NOT NULL AS sent_before;
SELECT wa_send_po('Proveedor ABC', 'trap 5', 1, '+34600000000') AS opted_out;
\set VERBOSITY default
CREATE TRIGGER show_path BEFORE INSERT ON whatsapp_messages FOR EACH ROW EXECUTE FUNCTION regress_whatsapp_trap.show_path();
SELECT wa_send_template('+34612345678', 'trap_6') IS NOT NULL AS sent;
SHOW search_path;
DROP TRIGGER show_path ON whatsapp_messages;
RESET search_path;
SELECT reference, sender FROM whatsapp_messages ORDER BY id;
TRUNCATE whatsapp_messages, whatsapp_queue, whatsapp_opt_outs;
DELETE FROM whatsapp_senders;
ALTER SEQUENCE whatsapp_messages_id_seq RESTART;
DROP SCHEMA regress_whatsapp_trap CASCADE;

-- a role that may send, and no more
GRANT EXECUTE ON FUNCTION wa_send_template, wa_send_po(text, text, text, text, text, text, timestamptz, text, text, bigint, text, text),
    wa_send_po(text, text, numeric, text, text, text, text, timestamptz, text, text, bigint, text), wa_cancel(bigint), wa_opt_out(text, text, text, text), wa_opt_in(text, text), wa_window_open(text, text) TO regress_whatsapp_sender;
SET ROLE regress_whatsapp_sender;
SELECT wa_send_po('Proveedor ABC', 'PO-1', 1250, '+34612345678') AS numeric, wa_send_po('Proveedor ABC', 'PO-2', '€1', '+34612345678') AS text,
       wa_send_template('+34612345678', 'hello_world') AS template;
SELECT wa_cancel(3) AS cancelled;
SELECT pg_temp.refused('SELECT count(*) FROM whatsapp_messages') AS refused;
SELECT pg_temp.refused('SELECT count(*) FROM whatsapp_queue') AS refused;
SELECT pg_temp.refused('DELETE FROM whatsapp_queue') AS refused;
SELECT pg_temp.refused('SELECT wa_release()') AS refused;
SELECT pg_temp.refused('SELECT wa_send_po(''Proveedor ABC'', ''PO-3'', 1, ''+34612345678'', sender => ''ghost'')') AS still_checked;
RESET ROLE;
SELECT id, reference, status, enqueued_by = SESSION_USER AS enqueued_by_session FROM whatsapp_messages ORDER BY id;

-- settings: senders, languages and the like are everybody's; where messages go and where secrets are is not
SET ROLE regress_whatsapp_plain;
SET whatsapp.default_sender = 'north';
SET whatsapp.default_language = 'en';
SET whatsapp.default_currency = 'USD';
SET whatsapp.amount_locale = 'es';
SELECT name, pg_temp.refused(format('SET whatsapp.%s = %L', name, value)) LIKE '55P02 %' AS refused
FROM (VALUES ('api_base_url', 'https://example.com'), ('api_version', 'v1.0'), ('secret_dir', '/tmp'), ('listen', '127.0.0.1:1'), ('enabled', 'off'),
             ('unknown_policy', 'retry'), ('listen_max_body', '1MB'), ('notify_status', 'on'), ('ca_file', '/tmp/ca'), ('max_in_flight', '1'),
             ('trigger_timeout', '1s')) AS s (name, value) ORDER BY name COLLATE "C";
SELECT pg_temp.refused('SET whatsapp.check_opt_outs = off') LIKE '42501 %' AS opt_outs_are_not_for_all;
SELECT pg_temp.refused('SHOW whatsapp.secret_dir') LIKE '42501 %' AS refused;
SELECT pg_temp.refused('SET whatsapp.access_token = ''x''') LIKE '42602 %' AS secrets_are_no_settings;
RESET whatsapp.default_sender;
RESET whatsapp.default_language;
RESET whatsapp.default_currency;
RESET whatsapp.amount_locale;
RESET ROLE;

-- a hostile role puts look-alikes in front of everything, even of pg_catalog
CREATE SCHEMA hostile AUTHORIZATION regress_whatsapp_sender;
DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO regress_whatsapp_sender', current_database()); END $$;
SET ROLE regress_whatsapp_sender;
CREATE FUNCTION hostile.caught() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'called as %', CURRENT_USER; END $$;
CREATE TABLE hostile.whatsapp_messages (LIKE pg_class);
CREATE TABLE hostile.whatsapp_queue (id bigint);
CREATE TABLE hostile.whatsapp_senders (name text);
CREATE TABLE hostile.whatsapp_instances (nonce text);
CREATE TABLE hostile.whatsapp_opt_outs (contact text, sender text, scope text, opted_out boolean);
CREATE TABLE hostile.whatsapp_windows (contact text, sender text, last_inbound_at timestamptz);
CREATE FUNCTION hostile.wa_contact_key(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM hostile.caught(); RETURN $1; END $$;
CREATE FUNCTION hostile.current_setting(text, boolean) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM hostile.caught(); RETURN $1; END $$;
CREATE FUNCTION hostile.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN PERFORM hostile.caught(); RETURN NULL; END $$;
CREATE TABLE hostile.pg_trigger (tgname name);
CREATE FUNCTION hostile.equal(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM hostile.caught(); RETURN true; END $$;
CREATE OPERATOR hostile.= (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.equal);
CREATE OPERATOR hostile.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.equal);
CREATE FUNCTION hostile.equal(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM hostile.caught(); RETURN true; END $$;
CREATE OPERATOR hostile.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = hostile.equal);
CREATE FUNCTION hostile.later(timestamptz, interval) RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN PERFORM hostile.caught(); RETURN $1; END $$;
CREATE OPERATOR hostile.+ (LEFTARG = timestamptz, RIGHTARG = interval, FUNCTION = hostile.later);
CREATE FUNCTION hostile.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN PERFORM hostile.caught(); RETURN NULL; END $$;
CREATE FUNCTION hostile.nextval(regclass) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM hostile.caught(); RETURN 666; END $$;
CREATE FUNCTION hostile.count(anyelement) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM hostile.caught(); RETURN 666; END $$;
CREATE FUNCTION hostile.make_interval(secs double precision) RETURNS interval LANGUAGE plpgsql AS $$ BEGIN PERFORM hostile.caught(); RETURN NULL; END $$;
CREATE FUNCTION hostile.encode(bytea, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM hostile.caught(); RETURN NULL; END $$;
CREATE FUNCTION hostile.wa_error_codes() RETURNS TABLE (code bigint, reaction text, meaning text, hint text) LANGUAGE plpgsql
AS $$ BEGIN PERFORM hostile.caught(); END $$;
CREATE FUNCTION hostile.whatsapp_notify_po() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM hostile.caught(); END $$;
CREATE DOMAIN hostile.jsonb AS text CHECK (VALUE = 'nothing');
CREATE DOMAIN hostile.text AS pg_catalog.text CHECK (VALUE = 'nothing');
CREATE TEMPORARY TABLE whatsapp_messages (id bigint);
CREATE TEMPORARY TABLE whatsapp_queue (id bigint);
RESET ROLE;
GRANT USAGE ON SCHEMA hostile TO PUBLIC;
SELECT wa_watch('orders', 'supplier', 'po', 'total', 'phone');
INSERT INTO whatsapp_senders (name) VALUES ('north');
SET search_path = hostile, pg_catalog, public, pg_temp;
\set VERBOSITY sqlstate
SELECT now() AS the_trap_works;
\set VERBOSITY default
SET ROLE regress_whatsapp_sender;
SELECT wa_send_po('Proveedor ABC', 'hostile 1', 1250, '+34612345678', sender => 'north') AS numeric;
SELECT wa_send_template('+34612345678', 'hello_world', reference => 'hostile 2') AS template;
SELECT wa_cancel(5) AS cancelled;
SELECT wa_opt_out('+34612345999', 'north') AS out, wa_opt_in('+34612345999') AS back_in, wa_window_open('+34612345999', 'north') AS open;
SELECT code, reaction FROM wa_explain(190);
SELECT wa_valid_e164('+34612345678') AS valid, wa_format_amount(1250) AS amount, wa_render_template('Hola {{1}}', ARRAY['ABC'::pg_catalog.text]) AS text;
RESET ROLE;
INSERT INTO public.orders VALUES ('Proveedor ABC', 'hostile 3', 1250, '+34612345678');
SELECT relation, parameters FROM whatsapp_watches;
SELECT status, messages FROM whatsapp_status WHERE messages > 0;
SELECT wa_unwatch('public.orders') AS unwatched;
SELECT wa_watch('public.orders', 'supplier', 'po', 'total', 'phone');
SELECT tgfoid::regprocedure AS watched_by FROM pg_catalog.pg_trigger WHERE tgrelid = 'public.orders'::regclass;
SELECT wa_resume('north') AS resumed, wa_release() AS waiting;
RESET search_path;
DROP TABLE pg_temp.whatsapp_messages, pg_temp.whatsapp_queue;
SELECT reference, sender, status FROM whatsapp_messages WHERE reference ~ '^hostile' ORDER BY id;
SELECT count(*) AS caught FROM hostile.whatsapp_queue;

-- nor is anything of a stranger's taken over at CREATE EXTENSION
DROP EXTENSION pg_whatsapp CASCADE;
SELECT pg_temp.refused('CREATE EXTENSION pg_whatsapp SCHEMA hostile') AS refused;
SET search_path = hostile, pg_catalog, public;
CREATE SCHEMA apart;
CREATE EXTENSION pg_whatsapp SCHEMA apart;
SELECT apart.wa_send_po('Proveedor ABC', 'PO-1', 1250, '+34612345678') AS id;
RESET search_path;
-- made anew under the same name: no statement of the session still means the old tables
DROP EXTENSION pg_whatsapp;
CREATE EXTENSION pg_whatsapp SCHEMA apart;
SELECT apart.wa_send_po('Proveedor ABC', 'PO-1', 1250, '+34612345678') AS id;
DROP EXTENSION pg_whatsapp;
DROP SCHEMA apart, hostile CASCADE;

-- a schema of its own, called with an empty search_path
CREATE SCHEMA whatsapp;
CREATE EXTENSION pg_whatsapp SCHEMA whatsapp;
SET search_path = '';
SELECT whatsapp.wa_send_po('Proveedor ABC', 'PO-2024-001', '€1,250.00', '+34612345678') AS text;
SELECT whatsapp.wa_send_po('Proveedor ABC', 'PO-2024-001', 1250, '+34612345678') AS numeric;
SELECT whatsapp.wa_send_template('+34612345678', 'hello_world') AS template;
SELECT whatsapp.wa_cancel(3) AS cancelled, whatsapp.wa_resume() AS resumed, whatsapp.wa_release() AS waiting;
SELECT whatsapp.wa_valid_e164('+34612345678') AS valid, whatsapp.wa_phone_problem('612345678') AS problem, whatsapp.wa_format_amount(1250) AS amount,
       whatsapp.wa_render_template('Hola {{1}}', ARRAY['ABC']) AS text, (SELECT reaction FROM whatsapp.wa_explain(190)) AS reaction;
SELECT whatsapp.wa_watch('public.orders', 'supplier', 'po', 'total', 'phone');
INSERT INTO public.orders VALUES ('Proveedor ABC', 'PO-2024-002', 1250, '+34612345678'), ('Proveedor ABC', 'PO-2024-003', 1250, '612345678');
SELECT id, reference, status FROM whatsapp.whatsapp_messages ORDER BY id;
SELECT status, messages FROM whatsapp.whatsapp_status WHERE messages > 0;
SELECT relation, phone FROM whatsapp.whatsapp_watches;

-- the schema may change its name, even in the middle of a session; the extension may not change its schema
ALTER SCHEMA whatsapp RENAME TO "Whats App";
SELECT "Whats App".wa_opt_out('+34612345999') AS out, "Whats App".wa_window_open('+34612345999') AS open;
SELECT "Whats App".wa_send_po('Proveedor ABC', 'PO-2024-004', 1250, '+34612345678') AS renamed;
INSERT INTO public.orders VALUES ('Proveedor ABC', 'PO-2024-005', 1250, '+34612345678');
SELECT id, reference, status FROM "Whats App".whatsapp_messages WHERE id > 5 ORDER BY id;
SELECT relation FROM "Whats App".whatsapp_watches;
SELECT "Whats App".wa_unwatch('public.orders') AS unwatched;
SELECT left(pg_temp.refused('ALTER EXTENSION pg_whatsapp SET SCHEMA public'), 5) AS refused;
RESET search_path;
DROP EXTENSION pg_whatsapp;
DROP SCHEMA "Whats App";

-- only a superuser may install it
SET ROLE regress_whatsapp_plain;
SELECT left(pg_temp.refused('CREATE EXTENSION pg_whatsapp'), 5) AS refused;
RESET ROLE;

DROP TABLE orders;
DO $$ BEGIN EXECUTE format('REVOKE ALL ON DATABASE %I FROM regress_whatsapp_sender', current_database()); END $$;
DROP ROLE regress_whatsapp_plain, regress_whatsapp_sender;
