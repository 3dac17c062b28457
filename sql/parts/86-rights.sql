/* Levels of rights: who sends, who looks, who acts, who administers. */

CREATE FUNCTION wa_grant(role regrole, level text) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_grant';

CREATE FUNCTION wa_revoke(role regrole, level text) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_revoke';

-- Each level is known by a function that it alone brings.
CREATE VIEW whatsapp_grants AS
SELECT a.grantee::pg_catalog.regrole AS role, l.level
FROM (VALUES (1, 'sender', 'wa_send'), (2, 'monitor', 'whatsapp_hold_reason'), (3, 'operator', 'wa_resume'), (4, 'admin', 'wa_forget')) AS l (rank, level, mark)
JOIN pg_catalog.pg_proc AS p ON p.proname = l.mark
JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid
     AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'pg_whatsapp'
CROSS JOIN LATERAL pg_catalog.aclexplode(p.proacl) AS a
WHERE a.grantee <> p.proowner AND a.grantee <> 0 AND a.privilege_type = 'EXECUTE'
ORDER BY a.grantee::pg_catalog.regrole::text, l.rank;

COMMENT ON VIEW whatsapp_grants IS 'Roles with rights on the extension, by level (wa_grant()). A role with a higher level has the rows of those that it includes, too.';
COMMENT ON COLUMN whatsapp_grants.role IS 'The role; who is a member of it has its rights, too.';
COMMENT ON COLUMN whatsapp_grants.level IS 'sender, monitor, operator or admin.';
COMMENT ON FUNCTION wa_grant(regrole, text) IS
    'Grants a role a level: sender (sends and cancels, reads nothing), monitor (reads all tables, views and checks; member of pg_monitor), operator (a monitor who retries, releases, resumes and opts out), admin (all of these, forgets persons, changes templates, rates, senders and watches). By the caller''s own rights. Raises 22023 for the level, 42501 without the right to grant, 22004 for NULL.';
COMMENT ON FUNCTION wa_revoke(regrole, text) IS
    'Takes back all that wa_grant() gives for the level, also where another level has it, too. By the caller''s own rights. Raises as wa_grant().';

REVOKE ALL ON FUNCTION wa_grant(regrole, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_revoke(regrole, text) FROM PUBLIC;
