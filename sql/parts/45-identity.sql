/* Which cluster and database the rows belong to, and what is held when they came from elsewhere. */

-- Who this database is. A row that is not of this cluster and database tells that the rows came from elsewhere (a restored dump, a
-- TEMPLATE copy, pg_upgrade): nothing is sent until wa_release(). table_oid tells the same of a dump that is restored over its own
-- database, since the table is made anew. released_restore is the last restore of a base backup that wa_release() has let go. No key: a dump must load beside a row that is here already.
-- REPLICA IDENTITY FULL, as for every table without a key of columns that are NOT NULL: where a publication is for all tables, the server
-- refuses to update or delete rows that it could not name, and sending would end.
CREATE TABLE whatsapp_instances (
    nonce             text NOT NULL CHECK (nonce ~ '^[0-9a-f]{16}$'),
    system_identifier text NOT NULL,
    database_oid      oid NOT NULL,
    table_oid         oid NOT NULL,
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

CREATE VIEW whatsapp_held WITH (security_barrier) AS
SELECT m.id, m.created_at, m.sender, m.recipient_phone, m.template_name, m.reference, q.due_at, q.expires_at, h.reason
FROM (SELECT whatsapp_hold_reason() AS reason) AS h
JOIN whatsapp_queue AS q ON q.state = 'held' OR h.reason LIKE 'this database%'
JOIN whatsapp_messages AS m ON m.id = q.message_id
WHERE h.reason IS NOT NULL AND whatsapp_sees(m.sender);

COMMENT ON TABLE whatsapp_instances IS 'Which clusters and databases these rows have lived in, one row each.';
COMMENT ON COLUMN whatsapp_instances.nonce IS 'Names this database in what goes to Meta and comes back; another one after a promotion or a release.';
COMMENT ON COLUMN whatsapp_instances.system_identifier IS 'The cluster''s identifier, as pg_control_system() tells it.';
COMMENT ON COLUMN whatsapp_instances.database_oid IS 'OID of the database.';
COMMENT ON COLUMN whatsapp_instances.table_oid IS 'OID that this table had when the row was made.';
COMMENT ON COLUMN whatsapp_instances.epoch IS 'Number of lives of the sender.';
COMMENT ON COLUMN whatsapp_instances.heartbeat_at IS 'When its sender was last alive.';
COMMENT ON COLUMN whatsapp_instances.stopped_cleanly IS 'Whether its sender stopped in order.';
COMMENT ON COLUMN whatsapp_instances.quarantine_until IS 'After a promotion: nothing is sent before this time.';
COMMENT ON COLUMN whatsapp_instances.created_at IS 'When the row was made.';
COMMENT ON COLUMN whatsapp_instances.released_at IS 'When wa_release() ended the hold that this row makes.';
COMMENT ON COLUMN whatsapp_instances.released_restore IS 'The last restore of a base backup that wa_release() has let go.';
COMMENT ON FUNCTION whatsapp_hold_reason() IS 'Why messages are held, or NULL; for whatsapp_held.';
COMMENT ON FUNCTION wa_release(boolean) IS
    'Ends the hold of a database that was restored or copied, or of messages that were queued before a long gap, at commit: they will be sent from here. Returns how many wait in the queue and, for a watch, in whatsapp_watch_items; 0 when nothing was held. With dry_run nothing ends: see whatsapp_held for the messages.';
COMMENT ON VIEW whatsapp_held IS 'Messages that wait for wa_release(), and why: what it would send.';
COMMENT ON COLUMN whatsapp_held.id IS 'The message, a row of whatsapp_messages.';
COMMENT ON COLUMN whatsapp_held.created_at IS 'When it was enqueued.';
COMMENT ON COLUMN whatsapp_held.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_held.recipient_phone IS 'Who would get it.';
COMMENT ON COLUMN whatsapp_held.template_name IS 'Name of the template.';
COMMENT ON COLUMN whatsapp_held.reference IS 'The caller''s own key.';
COMMENT ON COLUMN whatsapp_held.due_at IS 'The message is not sent before this time.';
COMMENT ON COLUMN whatsapp_held.expires_at IS 'The message is not sent after this time.';
COMMENT ON COLUMN whatsapp_held.reason IS 'Why it is held.';

REVOKE ALL ON FUNCTION whatsapp_hold_reason() FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_release(boolean) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_instances', '');
