/* Levels of rights: who sends, who looks, who acts, who administers. */

CREATE FUNCTION wa_grant(role regrole, level text, sender text DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_grant';

CREATE FUNCTION wa_revoke(role regrole, level text, sender text DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_revoke';

-- Each level is known by a function that it alone brings, whoever granted it; wa_grant() notes for which sender.
CREATE VIEW whatsapp_grants WITH (security_barrier) AS
SELECT h.role, h.level, s.sender
FROM (SELECT a.grantee::pg_catalog.regrole AS role, l.level, l.rank
      FROM (VALUES (1, 'sender', 'wa_send'), (2, 'monitor', 'whatsapp_hold_reason'), (3, 'operator', 'wa_release'), (4, 'admin', 'wa_forget')) AS l (rank, level, mark)
      JOIN pg_catalog.pg_proc AS p ON p.proname = l.mark
      JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid
           AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
      JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'pg_whatsapp'
      CROSS JOIN LATERAL pg_catalog.aclexplode(p.proacl) AS a
      WHERE a.grantee <> p.proowner AND a.grantee <> 0 AND a.privilege_type = 'EXECUTE'
      UNION
      SELECT g.role, i.level, i.rank
      FROM whatsapp_role_grants AS g
      JOIN (VALUES ('sender', 'sender', 1), ('monitor', 'monitor', 2), ('operator', 'monitor', 2), ('operator', 'operator', 3),
                   ('admin', 'sender', 1), ('admin', 'monitor', 2), ('admin', 'operator', 3), ('admin', 'admin', 4)) AS i (held, level, rank) ON i.held = g.level
      WHERE g.sender IS NOT NULL AND g.role IN (SELECT r.oid FROM pg_catalog.pg_roles AS r)) AS h
CROSS JOIN LATERAL (
    -- a level has the rows of those that it includes; what nobody noted holds for all senders
    SELECT n.sender FROM whatsapp_role_grants AS n
    WHERE n.role = h.role AND (n.level = h.level OR n.level = 'admin' OR (n.level = 'operator' AND h.level = 'monitor'))
    UNION
    SELECT NULL WHERE NOT EXISTS (SELECT FROM whatsapp_role_grants AS n WHERE n.role = h.role)) AS s
WHERE whatsapp_sees(NULL) OR pg_catalog.pg_has_role(h.role, 'USAGE')
ORDER BY h.role::text, h.rank, s.sender NULLS FIRST;

COMMENT ON VIEW whatsapp_grants IS 'Roles with rights on the extension, by level (wa_grant()). A role with a higher level has the rows of those that it includes, too. A role for some senders sees its own.';
COMMENT ON COLUMN whatsapp_grants.role IS 'The role; who is a member of it has its rights, too.';
COMMENT ON COLUMN whatsapp_grants.level IS 'sender, monitor, operator or admin.';
COMMENT ON COLUMN whatsapp_grants.sender IS 'The only sender for which it holds; NULL is all of them.';
COMMENT ON FUNCTION wa_grant(regrole, text, text) IS
    'Grants a role a level: sender (sends and cancels, reads nothing), monitor (reads all tables, views and checks; member of pg_monitor), operator (a monitor who retries, releases, resumes and opts out), admin (all of these, forgets persons, changes templates, rates, senders and watches). With a sender it holds for that one alone: for its rows and for the functions that ask for it, and the first such grant switches row security on. By the caller''s own rights. Raises 22023 for the level, 42704 for a role or a sender that is not there, 42501 without the right to grant, 22004 for NULL.';
COMMENT ON FUNCTION wa_revoke(regrole, text, text) IS
    'Takes back what wa_grant() gave for the level, with the same sender or without one. What other grants of the role give stays. By the caller''s own rights. Raises as wa_grant().';

REVOKE ALL ON FUNCTION wa_grant(regrole, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_revoke(regrole, text, text) FROM PUBLIC;
