/* What callers do with a message: enqueue, cancel, send again. */

CREATE FUNCTION wa_send_template(phone text, template text, parameters text[] DEFAULT '{}', language text DEFAULT NULL,
                                 sender text DEFAULT NULL, reference text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                                 idempotency_key text DEFAULT NULL, priority text DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_template';

CREATE FUNCTION wa_send_po(supplier text, po text, amount text, phone text, language text DEFAULT NULL,
                           sender text DEFAULT NULL, send_at timestamptz DEFAULT NULL, idempotency_key text DEFAULT NULL,
                           priority text DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_po_text';

CREATE FUNCTION wa_send_po(supplier text, po text, amount numeric, phone text, currency text DEFAULT NULL,
                           language text DEFAULT NULL, sender text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                           idempotency_key text DEFAULT NULL, priority text DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_po_numeric';

CREATE FUNCTION wa_cancel(message_id bigint) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_cancel';

CREATE FUNCTION wa_retry(message_id bigint) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_retry';

COMMENT ON FUNCTION wa_send_template(text, text, text[], text, text, text, timestamptz, text, text) IS
    'Enqueues a template message; it leaves when this transaction commits, not before send_at. The same idempotency_key of a sender again enqueues nothing and returns the first id. Returns whatsapp_messages.id. Raises 22023 for the phone, 22004 for NULL, WA001 to WA004 and 22001 for template, language and parameters, 42704 for an unknown sender.';
COMMENT ON FUNCTION wa_send_po(text, text, text, text, text, text, timestamptz, text, text) IS
    'Enqueues template po_notification with the amount as it is written. Returns whatsapp_messages.id; raises as wa_send_template() does.';
COMMENT ON FUNCTION wa_send_po(text, text, numeric, text, text, text, text, timestamptz, text, text) IS
    'Enqueues template po_notification with the amount formatted by wa_format_amount(). Returns whatsapp_messages.id; raises as both do.';
COMMENT ON FUNCTION wa_cancel(bigint) IS
    'True: the message will not be sent (status CANCELLED once committed). False: too late, it is on the wire, was sent, or does not exist.';
COMMENT ON FUNCTION wa_retry(bigint) IS
    'Sends a FAILED or CANCELLED message again: PENDING once committed, with a new life span and in time a new wamid. False when it is neither, or was refused before it could be put together.';

REVOKE ALL ON FUNCTION wa_send_template(text, text, text[], text, text, text, timestamptz, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_po(text, text, text, text, text, text, timestamptz, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_po(text, text, numeric, text, text, text, text, timestamptz, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_cancel(bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_retry(bigint) FROM PUBLIC;
