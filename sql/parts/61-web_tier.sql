/* Webhooks that a web tier hands over by SQL: the handshake, and deliveries that wait for the listener. */

-- Deliveries that a web tier has left, until the listener has verified and stored them. starts counts the listeners that began while one
-- waited: what ends each of them is put aside unread. EXTERNAL: a body lives for milliseconds, compressing it would cost more.
CREATE TABLE whatsapp_deliveries (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    body        bytea NOT NULL,
    signature   text NOT NULL,
    starts      integer NOT NULL DEFAULT 0
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

ALTER TABLE whatsapp_deliveries ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE FUNCTION wa_webhook_verify(mode text, token text, challenge text) RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_webhook_verify';

CREATE FUNCTION wa_webhook_receive(body bytea, signature text) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_webhook_receive';

COMMENT ON TABLE whatsapp_deliveries IS 'Deliveries that a web tier left by wa_webhook_receive(), until the listener has verified and stored them.';
COMMENT ON COLUMN whatsapp_deliveries.id IS 'Number of the row.';
COMMENT ON COLUMN whatsapp_deliveries.received_at IS 'When it was left.';
COMMENT ON COLUMN whatsapp_deliveries.body IS 'The delivery as it came.';
COMMENT ON COLUMN whatsapp_deliveries.signature IS 'The header X-Hub-Signature-256.';
COMMENT ON COLUMN whatsapp_deliveries.starts IS 'Listeners that have begun while it waited; at 5 it is put aside unread, as kind refused.';
COMMENT ON FUNCTION wa_webhook_verify(text, text, text) IS
    'Answers the handshake of a webhook: the challenge, when mode is subscribe and the token is the one of an account; else raises WA010. Raises 57P03 when the listener, who alone knows the tokens, does not answer within 5 s. Volatile: it asks the listener each time.';
COMMENT ON FUNCTION wa_webhook_receive(bytea, text) IS
    'Leaves a delivery of Meta''s, its raw bytes and the header X-Hub-Signature-256, for the listener, which verifies and stores it after this transaction has committed. Raises WA011 for what cannot be a signature, 54000 for a body that is larger than whatsapp.listen_max_body, 53000 when too many wait, 22004 for NULL.';

REVOKE ALL ON FUNCTION wa_webhook_verify(text, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_webhook_receive(bytea, text) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_deliveries', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_deliveries_id_seq', '');
