/* Rights for some senders: what wa_grant() gave with a sender. */

-- Without a primary key: sender may be NULL. A role by its number follows ALTER ROLE RENAME; a dump has its name, as it has for GRANT.
CREATE TABLE whatsapp_role_grants (
    role   regrole NOT NULL,
    level  text NOT NULL CHECK (level IN ('sender', 'monitor', 'operator', 'admin')),
    sender text CHECK (pg_catalog.octet_length(sender) <= 63),
    CONSTRAINT whatsapp_role_grants_key UNIQUE NULLS NOT DISTINCT (role, level, sender)
);
ALTER TABLE whatsapp_role_grants REPLICA IDENTITY FULL;

CREATE FUNCTION whatsapp_hold_rows() RETURNS trigger
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_hold_rows';

CREATE FUNCTION whatsapp_kept_role(name text, number text) RETURNS oid
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_kept_role';

CREATE FUNCTION whatsapp_sees(sender text) RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_sees';

CREATE FUNCTION whatsapp_sees_message(message_id bigint) RETURNS boolean
LANGUAGE C STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_sees_message';

CREATE FUNCTION whatsapp_sees_campaign(campaign_id bigint) RETURNS boolean
LANGUAGE C STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_sees_campaign';

CREATE FUNCTION whatsapp_sees_account(account text) RETURNS boolean
LANGUAGE C STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_sees_account';

CREATE FUNCTION whatsapp_sees_number(phone_number_id text) RETURNS boolean
LANGUAGE C STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_sees_number';

-- ALWAYS: also where session_replication_role is replica.
CREATE TRIGGER whatsapp_hold_rows AFTER INSERT OR UPDATE OR DELETE ON whatsapp_role_grants EXECUTE FUNCTION whatsapp_hold_rows();
ALTER TABLE whatsapp_role_grants ENABLE ALWAYS TRIGGER whatsapp_hold_rows;
CREATE TRIGGER whatsapp_hold_no_rows AFTER TRUNCATE ON whatsapp_role_grants EXECUTE FUNCTION whatsapp_hold_rows();
ALTER TABLE whatsapp_role_grants ENABLE ALWAYS TRIGGER whatsapp_hold_no_rows;

COMMENT ON TABLE whatsapp_role_grants IS
    'What wa_grant() gave, one row each; see whatsapp_grants. While a row has a sender, row security is on. A dump has it with the names of the roles, which must exist where it is restored.';
COMMENT ON COLUMN whatsapp_role_grants.role IS 'The role; who is a member of it has its rights, too.';
COMMENT ON COLUMN whatsapp_role_grants.level IS 'sender, monitor, operator or admin.';
COMMENT ON COLUMN whatsapp_role_grants.sender IS 'The only sender for which it holds; NULL is all of them.';
COMMENT ON FUNCTION whatsapp_hold_rows() IS
    'A trigger: row security is on as long as a grant has a sender, and every session reads the grants anew.';
COMMENT ON FUNCTION whatsapp_kept_role(text, text) IS 'The role that a row names: by its number where this database has kept it, which a new name of the role leaves as it is, else by its name, as in a copy; NULL when it is gone.';
COMMENT ON FUNCTION whatsapp_sees(text) IS 'Whether the current role may read what belongs to a sender, NULL is all senders. For policies and views; false only for roles that wa_grant() holds to other senders.';
COMMENT ON FUNCTION whatsapp_sees_message(bigint) IS 'The same of the sender of a message. For policies.';
COMMENT ON FUNCTION whatsapp_sees_campaign(bigint) IS 'The same of the sender of a campaign. For policies.';
COMMENT ON FUNCTION whatsapp_sees_account(text) IS 'The same of any sender of an account, NULL is the default one. For policies.';
COMMENT ON FUNCTION whatsapp_sees_number(text) IS 'The same of the sender with Meta''s id of a number. For policies.';

REVOKE ALL ON FUNCTION whatsapp_hold_rows() FROM PUBLIC;

-- DROP ROLE leaves the rows of a role, and its number may be that of another one elsewhere.
SELECT pg_catalog.pg_extension_config_dump('whatsapp_role_grants', 'WHERE role IN (SELECT oid FROM pg_catalog.pg_roles)');
