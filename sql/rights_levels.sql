-- levels of rights: every function and every table as every level
SET client_min_messages = error;
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/test/regress/refused.sql'
\i :refused

CREATE ROLE regress_whatsapp_sender;
CREATE ROLE "regress whatsapp monitor";
CREATE ROLE regress_whatsapp_operator;
CREATE ROLE regress_whatsapp_admin;
SELECT wa_grant('regress_whatsapp_sender', 'sender'), wa_grant('"regress whatsapp monitor"', 'monitor'), wa_grant('regress_whatsapp_operator', 'operator'),
       wa_grant('regress_whatsapp_admin', 'admin');
SELECT * FROM whatsapp_grants ORDER BY role::text COLLATE "C", array_position('{sender,monitor,operator,admin}', level);

-- a function of none is its owner's alone; those of everybody are not shown
CREATE TEMPORARY VIEW members AS
SELECT d.classid, d.objid FROM pg_depend AS d JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'pg_whatsapp' AND d.deptype = 'e';
CREATE TEMPORARY VIEW roles AS
SELECT * FROM (VALUES (1, 'sender', 'regress_whatsapp_sender'), (2, 'monitor', 'regress whatsapp monitor'), (3, 'operator', 'regress_whatsapp_operator'),
                      (4, 'admin', 'regress_whatsapp_admin')) AS r (rank, level, role);
SELECT p.proname AS function, coalesce(string_agg(DISTINCT r.rank || r.level, ' ') FILTER (WHERE has_function_privilege(r.role, p.oid, 'EXECUTE')), '-') AS levels
FROM pg_proc AS p JOIN members ON classid = 'pg_proc'::regclass AND objid = p.oid CROSS JOIN roles AS r
WHERE NOT EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) AS a WHERE a.grantee = 0)
GROUP BY p.proname ORDER BY p.proname COLLATE "C";
SELECT c.relname AS relation, relkind AS kind,
       coalesce(string_agg(r.rank || r.level || ' ' || p.letters, ', ' ORDER BY r.rank) FILTER (WHERE p.letters <> ''), '-') AS levels
FROM pg_class AS c JOIN members ON classid = 'pg_class'::regclass AND objid = c.oid CROSS JOIN roles AS r
CROSS JOIN LATERAL (SELECT string_agg(left(privilege, 1), '' ORDER BY privilege DESC) FILTER (WHERE has_table_privilege(r.role, c.oid, privilege)) AS letters
                    FROM unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS privilege) AS p
WHERE relkind IN ('r', 'v') GROUP BY c.relname, relkind ORDER BY c.relname COLLATE "C";
SELECT attname AS column, has_column_privilege('regress_whatsapp_operator', 'whatsapp_senders', attname, 'UPDATE') AS operator_updates
FROM pg_attribute WHERE attrelid = 'whatsapp_senders'::regclass AND attnum > 0 AND has_column_privilege('regress_whatsapp_operator', 'whatsapp_senders', attname, 'INSERT, UPDATE')
ORDER BY attnum;

-- as each of them
SET ROLE regress_whatsapp_sender;
SELECT wa_send_po('Proveedor ABC', 'PO-1', 1, '+34612345678') IS NOT NULL AS sent;
SELECT pg_temp.refused('SELECT count(*) FROM whatsapp_messages') AS reads, pg_temp.refused('SELECT wa_retry(1)') AS retries,
       pg_temp.refused($$SELECT wa_grant('regress_whatsapp_sender', 'admin')$$) AS grants;
SET ROLE "regress whatsapp monitor";
SELECT count(*) AS messages FROM whatsapp_messages;
SELECT pg_temp.refused($$SELECT wa_send_po('A', 'PO-2', 1, '+34612345678')$$) AS sends, pg_temp.refused('DELETE FROM whatsapp_queue') AS deletes;
SET ROLE regress_whatsapp_operator;
SELECT wa_opt_out('+34612345679') AS opts_out;
SELECT pg_temp.refused($$SELECT wa_forget('+34612345678')$$) AS forgets;
SET ROLE regress_whatsapp_admin;
SELECT sum(row_count) > 0 AS forgotten FROM wa_forget('+34612345678');
RESET ROLE;

SELECT wa_revoke('regress_whatsapp_admin', 'operator');
SELECT * FROM whatsapp_grants WHERE role = 'regress_whatsapp_admin'::regrole;
SELECT wa_revoke(role::regrole, level) FROM whatsapp_grants;
SELECT * FROM whatsapp_grants ORDER BY role::text COLLATE "C", array_position('{sender,monitor,operator,admin}', level);
SELECT count(*) AS rights_left FROM roles, pg_class AS c JOIN members ON classid = 'pg_class'::regclass AND objid = c.oid WHERE has_any_column_privilege(role, c.oid, 'SELECT, INSERT, UPDATE') AND relkind IN ('r', 'v');
SELECT pg_temp.refused($$SELECT wa_grant('regress_whatsapp_admin', 'owner')$$) AS refused;
SELECT pg_temp.refused($$SELECT wa_grant(NULL, 'admin')$$) AS refused;
-- DROP ROLE leaves what a role was granted by sender: it is shown and dumped no more, and goes with the next change of rights
INSERT INTO whatsapp_senders (name) VALUES ('north');
CREATE ROLE regress_whatsapp_gone;
SELECT wa_grant('regress_whatsapp_gone', 'monitor', 'north');
SELECT format('SELECT count(*) AS dumped FROM whatsapp_role_grants %s', extcondition[array_position(extconfig, 'whatsapp_role_grants'::regclass)]) AS dump
FROM pg_extension WHERE extname = 'pg_whatsapp' \gset
:dump;
DROP OWNED BY regress_whatsapp_gone;
DROP ROLE regress_whatsapp_gone;
SELECT * FROM whatsapp_grants ORDER BY role::text COLLATE "C", array_position('{sender,monitor,operator,admin}', level);
:dump;
-- what docs/operating.md says after an update leaves it out, and a role that is gone is named
CREATE ROLE regress_whatsapp_gone;
SELECT wa_grant('regress_whatsapp_gone', 'sender'), wa_grant('regress_whatsapp_operator', 'operator');
SELECT 'regress_whatsapp_gone'::regrole::oid AS gone \gset
DROP OWNED BY regress_whatsapp_gone;
DROP ROLE regress_whatsapp_gone;
SELECT replace(pg_temp.refused(format('SELECT %s(%s::oid, %L)', f, :gone, 'sender')), :'gone', '…') AS refused FROM unnest('{wa_grant,wa_revoke}'::text[]) AS f;
SELECT count(*) AS grants, count(*) FILTER (WHERE role = :gone) AS of_the_role FROM whatsapp_role_grants;
SELECT wa_grant(role, level, sender) FROM whatsapp_role_grants WHERE role IN (SELECT oid FROM pg_roles);
SELECT role, level FROM whatsapp_role_grants;
SELECT wa_grant('regress_whatsapp_sender', 'sender'), wa_revoke('regress_whatsapp_sender', 'sender'), wa_revoke('regress_whatsapp_operator', 'operator');
SELECT count(*) AS grants, (SELECT count(*) FROM pg_class JOIN members ON classid = 'pg_class'::regclass AND objid = pg_class.oid WHERE relrowsecurity) AS tables_with_row_security
FROM whatsapp_role_grants;
-- where somebody has taken from PUBLIC what everybody may call, each level has it: all functions that views, policies and the level's own call
BEGIN;
CREATE TEMPORARY TABLE pure AS SELECT p.oid, p.proname FROM pg_proc AS p JOIN members ON classid = 'pg_proc'::regclass AND objid = p.oid
WHERE EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) AS a WHERE a.grantee = 0);
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
SELECT wa_grant('regress_whatsapp_sender', 'sender', 'north'), wa_grant('"regress whatsapp monitor"', 'monitor', 'north'), wa_grant('regress_whatsapp_operator', 'operator'),
       wa_grant('regress_whatsapp_admin', 'admin');
SELECT r.level, count(DISTINCT p.proname) > 20 AS functions, string_agg(DISTINCT p.proname, ' ') FILTER (WHERE NOT has_function_privilege(r.role, p.oid, 'EXECUTE')) AS lacks
FROM roles AS r, pure AS p GROUP BY r.rank, r.level ORDER BY r.rank;
SET ROLE regress_whatsapp_sender;
SELECT pg_temp.refused($$SELECT wa_send_po('Proveedor ABC', 'PO-1', 1, '+34612345678', sender => 'north')$$) AS sends;
SET ROLE "regress whatsapp monitor";
SELECT c.oid::regclass AS view, pg_temp.refused('SELECT count(*) FROM ' || c.oid::regclass) AS refused FROM pg_class AS c
WHERE c.relname ~ '^whatsapp_' AND c.relkind IN ('r', 'v') AND has_table_privilege(c.oid, 'SELECT') AND pg_temp.refused('SELECT count(*) FROM ' || c.oid::regclass) <> 'accepted' ORDER BY c.relname COLLATE "C";
SET ROLE regress_whatsapp_operator;
SELECT c.oid::regclass AS view, pg_temp.refused('SELECT count(*) FROM ' || c.oid::regclass) AS refused FROM pg_class AS c
WHERE c.relname ~ '^whatsapp_' AND c.relkind IN ('r', 'v') AND pg_temp.refused('SELECT count(*) FROM ' || c.oid::regclass) <> 'accepted' ORDER BY c.relname COLLATE "C";
RESET ROLE;
SELECT wa_revoke(role, level, sender) FROM whatsapp_role_grants;
SELECT count(*) AS functions_left FROM roles AS r, pure AS p WHERE has_function_privilege(r.role, p.oid, 'EXECUTE');
ROLLBACK;
DROP EXTENSION pg_whatsapp;
DROP ROLE regress_whatsapp_sender, "regress whatsapp monitor", regress_whatsapp_operator, regress_whatsapp_admin;
