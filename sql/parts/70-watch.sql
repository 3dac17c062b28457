/* Watched tables: each row that is inserted notifies a supplier. */

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

-- The trigger is the truth: it is dumped with its table, and dropping the table leaves nothing behind.
CREATE VIEW whatsapp_watches AS
SELECT t.tgrelid::regclass AS relation,
       a.args[1] AS supplier, a.args[2] AS po, a.args[3] AS amount, a.args[4] AS phone,
       nullif(a.args[5], '') AS currency, nullif(a.args[6], '') AS language, nullif(a.args[7], '') AS sender,
       t.tgenabled <> 'D' AS enabled, t.tgenabled IN ('A', 'R') AND t.tgtype & 1 = 1 AS replicated
FROM pg_catalog.pg_trigger AS t
CROSS JOIN LATERAL (
    -- tgargs is bytea, each argument ended by a zero byte; 'escape' shows that as \000, and high bytes and backslashes escaped, too
    SELECT pg_catalog.array_agg(pg_catalog.convert_from(pg_catalog.decode(p.part, 'escape'), pg_catalog.getdatabaseencoding())
                                ORDER BY p.place) AS args
    FROM pg_catalog.string_to_table(pg_catalog.encode(t.tgargs, 'escape'), '\000') WITH ORDINALITY AS p (part, place)) AS a
WHERE t.tgfoid = '@extschema@.whatsapp_notify_po()'::regprocedure AND NOT t.tgisinternal AND t.tgparentid = 0;

COMMENT ON FUNCTION whatsapp_notify_po() IS
    'The trigger that wa_watch() puts on a table. A row that cannot be notified makes a FAILED message and never an error. What a subscription copies at its start makes none.';
COMMENT ON FUNCTION wa_watch(regclass, name, name, name, name, name, text, text, boolean) IS
    'Notifies the supplier of each row that is inserted into the table from now on; the arguments name its columns. Needs the TRIGGER right on the table and EXECUTE on whatsapp_notify_po(); who inserts needs no right of ours. With replicated, rows that a subscription applies notify, too, but those of its first copy do not; that needs the table''s owner. Without it, a table that a subscription feeds gets a WARNING. Raises 42703 for a column that is not there, 42710 when the table is watched already, 42809 for a table of the extension, WA002 for the language, 22004 for NULL, 0A000 when the database is not in UTF8.';
COMMENT ON FUNCTION wa_unwatch(regclass) IS 'Ends wa_watch(). False when the table was not watched.';
COMMENT ON VIEW whatsapp_watches IS 'Tables whose inserts notify a supplier, and the columns that are read.';
COMMENT ON COLUMN whatsapp_watches.relation IS 'The watched table.';
COMMENT ON COLUMN whatsapp_watches.supplier IS 'Column of the supplier''s name.';
COMMENT ON COLUMN whatsapp_watches.po IS 'Column of the purchase order''s number.';
COMMENT ON COLUMN whatsapp_watches.amount IS 'Column of the amount.';
COMMENT ON COLUMN whatsapp_watches.phone IS 'Column of the phone number.';
COMMENT ON COLUMN whatsapp_watches.currency IS 'Column of the currency; NULL is whatsapp.default_currency.';
COMMENT ON COLUMN whatsapp_watches.language IS 'Language of the template; NULL is whatsapp.default_language.';
COMMENT ON COLUMN whatsapp_watches.sender IS 'Name of the sender: of the session that called wa_watch() its whatsapp.default_sender, where it named none. The session that inserts a row has no say.';
COMMENT ON COLUMN whatsapp_watches.enabled IS 'False when the trigger was disabled by ALTER TABLE.';
COMMENT ON COLUMN whatsapp_watches.replicated IS 'Whether rows that a subscription applies notify, too.';

REVOKE ALL ON FUNCTION whatsapp_notify_po() FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_watch(regclass, name, name, name, name, name, text, text, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_unwatch(regclass) FROM PUBLIC;
