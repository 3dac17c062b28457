/* One-time codes: which messages have one, until it is erased. */

-- A message stands here from its enqueue until it has left the queue, whatever became of it; then its content is erased, and so is the row.
CREATE TABLE whatsapp_codes (
    message_id bigint PRIMARY KEY
);

CREATE FUNCTION wa_send_code(phone text, code text, template text, language text DEFAULT NULL, sender text DEFAULT NULL,
                             reference text DEFAULT NULL, valid_for interval DEFAULT '10 min') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_code';

COMMENT ON TABLE whatsapp_codes IS 'Messages with a one-time code that have not left the queue: their content is erased when they have.';
COMMENT ON COLUMN whatsapp_codes.message_id IS 'whatsapp_messages.id.';
COMMENT ON FUNCTION wa_send_code(text, text, text, text, text, text, interval) IS
    'Sends a one-time code by a template of category AUTHENTICATION, which has it in its body and in its button: urgent, and not after valid_for (1 s to 1 day). Within seconds after it was sent, or has failed, the code is erased from the row. Returns the id. Raises 22023 for the phone, an empty code or valid_for, 22001 for a code of more than 15 characters, and as wa_send_template().';

REVOKE ALL ON FUNCTION wa_send_code(text, text, text, text, text, text, interval) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_codes', '');
