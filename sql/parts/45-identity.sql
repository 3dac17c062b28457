/* Which cluster and database the rows belong to, and what is held when they came from elsewhere. */

-- Who this database is. A row that is not of this cluster and database tells that the rows came from elsewhere (a restored dump, a
-- TEMPLATE copy, pg_upgrade): nothing is sent until wa_release(). released_restore is the last restore of a base backup that
-- wa_release() has let go. No key: a dump must load beside a row that is here already.
-- REPLICA IDENTITY FULL, as for every table without a key of columns that are NOT NULL: where a publication is for all tables, the server
-- refuses to update or delete rows that it could not name, and sending would end.
CREATE TABLE whatsapp_instances (
    nonce             text NOT NULL CHECK (nonce ~ '^[0-9a-f]{16}$'),
    system_identifier text NOT NULL,
    database_oid      oid NOT NULL,
    epoch             bigint NOT NULL DEFAULT 0,
    heartbeat_at      timestamptz,
    stopped_cleanly   boolean NOT NULL DEFAULT false,
    quarantine_until  timestamptz,
    created_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    released_at       timestamptz,
    released_restore  text
);
ALTER TABLE whatsapp_instances REPLICA IDENTITY FULL;

CREATE FUNCTION whatsapp_hold_reason() RETURNS text
LANGUAGE C STABLE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_hold_reason';

CREATE FUNCTION wa_release(dry_run boolean DEFAULT false) RETURNS bigint
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_release';

CREATE VIEW whatsapp_held AS
SELECT m.id, m.created_at, m.sender, m.recipient_phone, m.template_name, m.reference, q.due_at, q.expires_at, h.reason
FROM (SELECT whatsapp_hold_reason() AS reason) AS h
JOIN whatsapp_queue AS q ON q.state = 'held' OR h.reason LIKE 'this database%'
JOIN whatsapp_messages AS m ON m.id = q.message_id
WHERE h.reason IS NOT NULL;

COMMENT ON TABLE whatsapp_instances IS 'Which cluster and database these rows belong to.';
COMMENT ON FUNCTION whatsapp_hold_reason() IS 'Why messages are held, or NULL; for whatsapp_held.';
COMMENT ON FUNCTION wa_release(boolean) IS
    'Ends the hold of a database that was restored or copied, or of messages that were queued before a long gap, at commit: they will be sent from here. Returns how many wait in the queue; 0 when nothing was held. With dry_run nothing ends: see whatsapp_held for the messages.';
COMMENT ON VIEW whatsapp_held IS 'Messages that wait for wa_release(), and why: what it would send.';

REVOKE ALL ON FUNCTION whatsapp_hold_reason() FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_release(boolean) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_instances', '');
