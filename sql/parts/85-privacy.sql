/* What is known of one person goes. */

CREATE FUNCTION wa_forget(phone text) RETURNS TABLE (table_name text, action text, row_count bigint)
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 10 SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_forget';

COMMENT ON FUNCTION wa_forget(text) IS
    'Forgets a person, by phone or user id, and all that is linked with it: what waits is cancelled, messages and events lose phone, content and Meta''s ids but are still counted, inbound messages, windows and opt-outs are deleted. One row a table. Raises 55006 while a message is on the wire, 22023 for the phone, 22004 for NULL. Reads the large tables whole.';

REVOKE ALL ON FUNCTION wa_forget(text) FROM PUBLIC;
