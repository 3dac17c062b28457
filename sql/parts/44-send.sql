/* What callers do with a message: enqueue, cancel, send again. */

CREATE FUNCTION wa_send_template(phone text, template text, parameters text[] DEFAULT '{}', language text DEFAULT NULL,
                                 sender text DEFAULT NULL, reference text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                                 idempotency_key text DEFAULT NULL, priority text DEFAULT NULL,
                                 named_parameters jsonb DEFAULT NULL, header jsonb DEFAULT NULL,
                                 buttons jsonb DEFAULT NULL, cards jsonb DEFAULT NULL,
                                 offer_ends_at timestamptz DEFAULT NULL, components jsonb DEFAULT NULL,
                                 reply_to text DEFAULT NULL, language_fallback boolean DEFAULT false,
                                 on_error text DEFAULT 'raise') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_template';

-- The search_path is pinned around their statements, in C: see expect_callers_path().
CREATE FUNCTION wa_send_po(supplier text, po text, amount text, phone text, language text DEFAULT NULL,
                           sender text DEFAULT NULL, send_at timestamptz DEFAULT NULL, idempotency_key text DEFAULT NULL,
                           priority text DEFAULT NULL, document bigint DEFAULT NULL, on_error text DEFAULT 'raise',
                           currency text DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_po_text';

CREATE FUNCTION wa_send_po(supplier text, po text, amount numeric, phone text, currency text DEFAULT NULL,
                           language text DEFAULT NULL, sender text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                           idempotency_key text DEFAULT NULL, priority text DEFAULT NULL, document bigint DEFAULT NULL,
                           on_error text DEFAULT 'raise') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_po_numeric';

CREATE FUNCTION wa_cancel(message_id bigint) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_cancel';

CREATE FUNCTION wa_retry(message_id bigint, phone text DEFAULT NULL) RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_retry';

COMMENT ON FUNCTION wa_send_template(text, text, text[], text, text, text, timestamptz, text, text, jsonb, jsonb, jsonb, jsonb, timestamptz, jsonb, text, boolean, text) IS
    'Enqueues a template message; it leaves when this transaction commits, not before send_at. The body takes parameters in their order, or named_parameters as an object. header is a text or an object with one of image, video, document, location, product; buttons is an array with an element for each button of the template, null for one without a variable, else an object with one of url, payload, coupon_code, flow, catalog, mpm; cards is an array of objects with header, parameters, named and buttons; offer_ends_at is when a limited-time offer ends; components is for what else there is, as the Cloud API reference has it; reply_to is the wamid of a message that is quoted. template may be an alias, see wa_template_define(); with language_fallback, es is sent where whatsapp_templates has no es_MX. Returns whatsapp_messages.id. The same idempotency_key of a sender and session user again enqueues nothing and returns the first id. Raises 22023 for the phone, priority or an empty idempotency_key, 22004 for NULL, 22001 for a text that is too long, WA001 to WA005, WA014, 22032 and 2202E for template, language, parameters and components, 22008 for an infinite send_at, 42704 for an unknown sender, and for a template or language that its account does not have once wa_sync_templates() has read it, WA012 when the recipient has opted out, WA013 when the template is known not to be approved, WA015 when the idempotency_key belongs to another message, 0A000 when the database is not in UTF8. With on_error => ''record'' all of these but 0A000 and an unknown sender become a FAILED row, whose id is returned.';
COMMENT ON FUNCTION wa_send_po(text, text, text, text, text, text, timestamptz, text, text, bigint, text, text) IS
    'Enqueues template po_notification with the amount as it is written, e.g. €1,250.00; one that is a plain number, such as 1250.00, and any if currency is given, is written as in the other form. document is a file of wa_upload_media() that the template shows in its header; the message waits until Meta has it. Returns whatsapp_messages.id. Raises what wa_send_template(), wa_send_media() and wa_format_amount() raise; on_error as there.';
COMMENT ON FUNCTION wa_send_po(text, text, numeric, text, text, text, text, timestamptz, text, text, bigint, text) IS
    'Enqueues template po_notification with the amount written by wa_format_amount() in whatsapp.amount_locale; currency is whatsapp.default_currency for NULL, document as in the other form. Returns whatsapp_messages.id. Raises what wa_send_template() and wa_format_amount() raise; on_error as there.';
COMMENT ON FUNCTION wa_cancel(bigint) IS
    'Cancels a message. True: it will not be sent (status CANCELLED once committed). False: too late, it is on the wire, was sent, or does not exist. Takes any id.';
COMMENT ON FUNCTION wa_retry(bigint, text) IS
    'Sends a FAILED or CANCELLED message again, or a PENDING one whose row in whatsapp_queue was deleted; with phone to that number, also one that was refused for its phone. True: it is PENDING once committed, with a new life span and in time a new wamid. False: it is none of these, its phone is still wrong, or it was refused before it could be put together; a NOTICE says which. NULL for NULL. Raises 22023 when phone is not in E.164 format, 55000 when it names a file whose upload failed: see wa_upload_media().';

REVOKE ALL ON FUNCTION wa_send_template(text, text, text[], text, text, text, timestamptz, text, text, jsonb, jsonb, jsonb, jsonb, timestamptz, jsonb, text, boolean, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_po(text, text, text, text, text, text, timestamptz, text, text, bigint, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_po(text, text, numeric, text, text, text, text, timestamptz, text, text, bigint, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_cancel(bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_retry(bigint, text) FROM PUBLIC;
