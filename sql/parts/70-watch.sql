/* Watched tables, the short form: each row that is inserted notifies a supplier. */

CREATE FUNCTION whatsapp_notify_po() RETURNS trigger
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_notify_po';

CREATE FUNCTION wa_watch(relation regclass, supplier name, po name, amount name, phone name,
                         currency name DEFAULT NULL, language text DEFAULT NULL, sender text DEFAULT NULL,
                         replicated boolean DEFAULT false) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_watch';

CREATE FUNCTION wa_unwatch(relation regclass) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_unwatch';

COMMENT ON FUNCTION whatsapp_notify_po() IS
    'The trigger that wa_watch() puts on a table. A row that cannot be notified makes a FAILED message and never an error. What a subscription copies at its start makes none.';
COMMENT ON FUNCTION wa_watch(regclass, name, name, name, name, name, text, text, boolean) IS
    'Notifies the supplier of each row that is inserted into the table from now on; the arguments name its columns. Needs the TRIGGER right on the table and EXECUTE on whatsapp_notify_po(); who inserts needs no right of ours. With replicated, rows that a subscription applies notify, too, but those of its first copy do not; that needs the table''s owner. Without it, a table that a subscription feeds gets a WARNING. Raises 42703 for a column that is not there, 42710 when the table is watched already, 42809 for what is no table and for a table of the extension, 42501 without a right, WA002 for the language, 22004 for NULL, 0A000 when the database is not in UTF8.';
COMMENT ON FUNCTION wa_unwatch(regclass) IS 'Ends all watches of the table, and removes triggers of ours whose definition is lost. False when it had none. What waits stays, and is sent when it is due; a NOTICE says how many messages with a due time there are.';

REVOKE ALL ON FUNCTION whatsapp_notify_po() FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_watch(regclass, name, name, name, name, name, text, text, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_unwatch(regclass) FROM PUBLIC;
