-- requests: what is asked of Meta's API and is no message, as SQL sees it. Nobody makes the requests here: the library is not preloaded.
SET client_min_messages = error;
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/test/regress/refused.sql'
\i :refused

-- a request of the caller's transaction, returned at once; one that waits already will do
BEGIN;
SELECT wa_request_template_sync() AS id;
SELECT wa_request_template_sync() AS same;
ROLLBACK;
INSERT INTO whatsapp_accounts (name, business_account_id) VALUES ('north', '555');
SELECT wa_request_template_sync() AS id;
SELECT wa_request_template_sync('north') AS another;
SELECT wa_request_template_sync('north') AS same;
SELECT wa_request_template_sync('south') AS unknown_account;
SELECT id, kind, account, sender, request, state, attempts, due_at = created_at AS due_at_once, requested_by = SESSION_USER AS requested_by_session, started_at, ended_at
FROM whatsapp_requests ORDER BY id;
UPDATE whatsapp_requests SET state = 'running', attempts = 1;
SELECT wa_request_template_sync() AS one_that_has_begun_will_not_do;

-- the procedure waits, and so it commits
BEGIN;
CALL wa_sync_templates();
ROLLBACK;
DO $$ BEGIN CALL wa_sync_templates(timeout => '0s'); EXCEPTION WHEN OTHERS THEN RAISE '% %', SQLSTATE, SQLERRM; END $$;
CALL wa_sync_templates('south');
CALL wa_sync_templates(timeout => NULL);
DELETE FROM whatsapp_requests;
ALTER SEQUENCE whatsapp_requests_id_seq RESTART;
CALL wa_sync_templates(timeout => '10ms');
\echo :SQLSTATE
SELECT id, state FROM whatsapp_requests;
SET statement_timeout = '100ms';
CALL wa_sync_templates(timeout => '1h');
RESET statement_timeout;

-- an inbound message was read
INSERT INTO whatsapp_senders (name, account) VALUES ('north', 'north');
INSERT INTO whatsapp_inbound (received_at, occurred_at, sender, wamid, message_type, opens_window, event_id, raw)
VALUES (now(), now(), 'north', 'wamid.1', 'text', true, 1, '{}'), (now(), now() - interval '31 days', 'north', 'wamid.2', 'text', true, 1, '{}'),
       (now(), now(), NULL, 'wamid.3', 'text', true, 1, '{}');
SELECT wa_mark_read(1) IS NOT NULL AS marked, wa_mark_read(1, typing => true) IS NOT NULL AS typing;
SELECT kind, account, sender, request FROM whatsapp_requests WHERE kind = 'mark_read' ORDER BY id;
SELECT pg_temp.refused('SELECT wa_mark_read(2)') AS too_old;
SELECT pg_temp.refused('SELECT wa_mark_read(3)') AS not_ours;
SELECT pg_temp.refused('SELECT wa_mark_read(4)') AS nothing;
SELECT pg_temp.refused('SELECT wa_mark_read(NULL)') AS null_argument;

-- what a row may be
SELECT split_part(pg_temp.refused(format('INSERT INTO whatsapp_requests (kind, request, state) VALUES (%L, %L, %L)', kind, request, state)), E'\n', 1) AS refused
FROM (VALUES ('sync_everything', '{}', 'waiting'), ('sync_templates', '[]', 'waiting'), ('sync_templates', '{}', 'lost')) AS r (kind, request, state);

-- nothing of the caller's is found by what runs with the owner's rights
CREATE SCHEMA regress_whatsapp_trap;
CREATE FUNCTION regress_whatsapp_trap.sprung() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'trap sprung'; END $$;
CREATE FUNCTION regress_whatsapp_trap.texts(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT regress_whatsapp_trap.sprung()';
CREATE FUNCTION regress_whatsapp_trap.bigints(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT regress_whatsapp_trap.sprung()';
CREATE OPERATOR regress_whatsapp_trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = regress_whatsapp_trap.texts);
CREATE OPERATOR regress_whatsapp_trap.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = regress_whatsapp_trap.bigints);
CREATE FUNCTION regress_whatsapp_trap.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT CASE WHEN regress_whatsapp_trap.sprung() THEN clock_timestamp() END';
DELETE FROM whatsapp_requests;
\c
SET client_min_messages = error;
SET search_path = regress_whatsapp_trap, public, pg_catalog;
SELECT 'a'::text = 'a'::text AS the_trap_is_set;
CALL wa_sync_templates(timeout => '10ms');
\echo :SQLSTATE
SHOW search_path;
RESET search_path;
SET client_min_messages = error;
DROP SCHEMA regress_whatsapp_trap CASCADE;

DROP EXTENSION pg_whatsapp;
