-- watch_lost: tables that have the triggers of a watch and not its definition, as after pg_dump -t.
SET client_min_messages = error;
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

CREATE TABLE visits (id integer PRIMARY KEY, phone text DEFAULT '+34612345678');
CREATE VIEW pg_temp.triggers AS SELECT tgrelid::regclass AS relation, tgname FROM pg_trigger WHERE NOT tgisinternal AND tgfoid = 'whatsapp_notify()'::regprocedure ORDER BY tgrelid::regclass::text, tgname;
CREATE VIEW pg_temp.lost AS SELECT severity, seen, to_do FROM wa_diagnose() WHERE problem = 'A table has lost its watch';
SELECT wa_watch('visits', 't', ARRAY['new.id'], 'new.phone', events => '{INSERT,UPDATE}');
SELECT wa_watch('visits', 't', ARRAY['new.id'], 'new.phone', name => 'kept');
SELECT count(*) FROM pg_temp.lost;
DELETE FROM whatsapp_watch_definitions WHERE name = 'visits';
SELECT * FROM pg_temp.lost;
\c
SET client_min_messages = error;
INSERT INTO visits VALUES (1);
SET client_min_messages = warning;
UPDATE visits SET phone = phone;
SET client_min_messages = error;
CREATE VIEW pg_temp.triggers AS SELECT tgrelid::regclass AS relation, tgname FROM pg_trigger WHERE NOT tgisinternal AND tgfoid = 'whatsapp_notify()'::regprocedure ORDER BY tgrelid::regclass::text, tgname;
CREATE VIEW pg_temp.lost AS SELECT severity, seen, to_do FROM wa_diagnose() WHERE problem = 'A table has lost its watch';
-- made again by its name: by one who does not own the table
CREATE ROLE regress_whatsapp_visitor;
GRANT TRIGGER ON visits TO regress_whatsapp_visitor;
GRANT EXECUTE ON FUNCTION whatsapp_notify(),
    wa_watch(regclass, varchar, text[], varchar, text[], varchar, text, text, text, text, text, text, text, text, text, bigint, boolean, text, text, text, text, interval, interval, interval, text, text, boolean) TO regress_whatsapp_visitor;
SET ROLE regress_whatsapp_visitor;
SELECT wa_watch('visits', 't', ARRAY['new.id'], 'new.phone');
RESET ROLE;
SELECT * FROM pg_temp.triggers;
INSERT INTO visits VALUES (2);
SELECT reference, idempotency_key FROM whatsapp_messages ORDER BY id;
-- or ended: by its name, or all
SELECT count(*) FROM pg_temp.lost;
DELETE FROM whatsapp_watch_definitions;
SELECT wa_unwatch('visits', 'other') AS ended, wa_unwatch('visits', 'kept') AS ended;
SELECT * FROM pg_temp.triggers;
SELECT wa_unwatch('visits') AS ended, wa_unwatch('visits') AS again;
SELECT * FROM pg_temp.triggers;

-- a copy of a watched table: its triggers go, and the other one keeps its watch
SELECT wa_watch('visits', 't', ARRAY['new.id'], 'new.phone');
CREATE TABLE copies (LIKE visits INCLUDING ALL);
DO $$ BEGIN
    EXECUTE (SELECT format('CREATE TRIGGER whatsapp_visits_insert AFTER INSERT ON copies REFERENCING NEW TABLE AS whatsapp_new FOR EACH STATEMENT EXECUTE FUNCTION whatsapp_notify(%L)', key)
             FROM whatsapp_watch_definitions);
END $$;
SELECT * FROM pg_temp.lost;
SELECT wa_unwatch('copies') AS ended;
SELECT * FROM pg_temp.triggers;
SELECT relation, name FROM whatsapp_watches;
SELECT wa_unwatch('visits') AS ended;

-- a partitioned table
CREATE TABLE ledger (id integer PRIMARY KEY, phone text DEFAULT '+34612345678') PARTITION BY RANGE (id);
CREATE TABLE ledger_1 PARTITION OF ledger FOR VALUES FROM (1) TO (10);
SELECT wa_watch('ledger', 't', ARRAY['new.id'], 'new.phone');
-- the watch of a partition is that of its table
SET client_min_messages = notice;
SELECT wa_unwatch('ledger_1') AS ended;
SET client_min_messages = error;
SELECT relation, name FROM whatsapp_watches;
DELETE FROM whatsapp_watch_definitions;
SELECT * FROM pg_temp.lost;
-- not by one who does not own the table, even where only a partition has them
DROP TRIGGER whatsapp_ledger_insert ON ledger;
GRANT EXECUTE ON FUNCTION wa_unwatch(regclass) TO regress_whatsapp_visitor;
SET ROLE regress_whatsapp_visitor;
SELECT wa_unwatch('ledger') AS ended;
RESET ROLE;
SELECT * FROM pg_temp.triggers;
SELECT wa_unwatch('ledger') AS ended;
SELECT * FROM pg_temp.triggers;
DROP TABLE visits, copies, ledger;
DROP EXTENSION pg_whatsapp CASCADE;
DROP ROLE regress_whatsapp_visitor;
