/* Messages without a template. They may be sent for 24 hours after the recipient has written, see wa_window_open(). */

CREATE FUNCTION wa_send_text(phone text, body text, preview_url boolean DEFAULT false, reply_to text DEFAULT NULL,
                             sender text DEFAULT NULL, reference text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                             idempotency_key text DEFAULT NULL, priority text DEFAULT NULL,
                             fallback_template text DEFAULT NULL, fallback_parameters text[] DEFAULT '{}',
                             on_error text DEFAULT 'raise') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_text';

CREATE FUNCTION wa_send_media(phone text, media_type text, link text DEFAULT NULL, media_id text DEFAULT NULL,
                              caption text DEFAULT NULL, filename text DEFAULT NULL, voice boolean DEFAULT false,
                              reply_to text DEFAULT NULL, sender text DEFAULT NULL, reference text DEFAULT NULL,
                              send_at timestamptz DEFAULT NULL, idempotency_key text DEFAULT NULL,
                              priority text DEFAULT NULL, media bigint DEFAULT NULL,
                              fallback_template text DEFAULT NULL, fallback_parameters text[] DEFAULT '{}',
                             on_error text DEFAULT 'raise') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_media';

CREATE FUNCTION wa_send_location(phone text, latitude double precision, longitude double precision, name text DEFAULT NULL,
                                 address text DEFAULT NULL, reply_to text DEFAULT NULL, sender text DEFAULT NULL,
                                 reference text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                                 idempotency_key text DEFAULT NULL, priority text DEFAULT NULL,
                                 fallback_template text DEFAULT NULL, fallback_parameters text[] DEFAULT '{}',
                             on_error text DEFAULT 'raise') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_location';

CREATE FUNCTION wa_send_contacts(phone text, contacts jsonb, reply_to text DEFAULT NULL, sender text DEFAULT NULL,
                                 reference text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                                 idempotency_key text DEFAULT NULL, priority text DEFAULT NULL,
                                 fallback_template text DEFAULT NULL, fallback_parameters text[] DEFAULT '{}',
                             on_error text DEFAULT 'raise') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_contacts';

CREATE FUNCTION wa_send_interactive(phone text, interactive jsonb, reply_to text DEFAULT NULL, sender text DEFAULT NULL,
                                    reference text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                                    idempotency_key text DEFAULT NULL, priority text DEFAULT NULL,
                                    fallback_template text DEFAULT NULL, fallback_parameters text[] DEFAULT '{}',
                             on_error text DEFAULT 'raise') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_interactive';

CREATE FUNCTION wa_send_reaction(phone text, message_wamid text, emoji text, sender text DEFAULT NULL,
                                 reference text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                                 idempotency_key text DEFAULT NULL, priority text DEFAULT NULL,
                                 on_error text DEFAULT 'raise') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_reaction';

CREATE FUNCTION wa_send(phone text, message_type text, content jsonb, reply_to text DEFAULT NULL, sender text DEFAULT NULL,
                        reference text DEFAULT NULL, send_at timestamptz DEFAULT NULL, idempotency_key text DEFAULT NULL,
                        priority text DEFAULT NULL,
                        fallback_template text DEFAULT NULL, fallback_parameters text[] DEFAULT '{}',
                             on_error text DEFAULT 'raise') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send';

COMMENT ON FUNCTION wa_send_text(text, text, boolean, text, text, text, timestamptz, text, text, text, text[], text) IS
    'Enqueues a text of at most 4,096 characters; preview_url shows what its first web address leads to, reply_to is the wamid of a message that is quoted. It leaves when this transaction commits, if the recipient wrote in the last 24 hours; else fallback_template is sent instead, in whatsapp.default_language, with fallback_parameters in its body; without one it becomes FAILED. Returns whatsapp_messages.id. Raises WA014 and 22001 for the content, and what wa_send_template() raises for the rest; on_error as there.';
COMMENT ON FUNCTION wa_send_media(text, text, text, text, text, text, boolean, text, text, text, timestamptz, text, text, bigint, text, text[], text) IS
    'Enqueues an image, video, audio, document or sticker: a link (https) that Meta fetches, the media_id of an upload, or as media a file of wa_upload_media(), for which the message waits. caption has at most 1,024 characters, filename is for documents, voice for audio. Returns and raises what wa_send_text() does.';
COMMENT ON FUNCTION wa_send_location(text, double precision, double precision, text, text, text, text, text, timestamptz, text, text, text, text[], text) IS
    'Enqueues a place: latitude and longitude in degrees, its name and address. Returns and raises what wa_send_text() does.';
COMMENT ON FUNCTION wa_send_contacts(text, jsonb, text, text, text, timestamptz, text, text, text, text[], text) IS
    'Enqueues cards of people: an array of 1 to 257 objects as the Cloud API reference has them, each with name.formatted_name and one more part of the name. Returns and raises what wa_send_text() does; 22032 for JSON that is too deep or too big.';
COMMENT ON FUNCTION wa_send_interactive(text, jsonb, text, text, text, timestamptz, text, text, text, text[], text) IS
    'Enqueues buttons, a list, a flow, products or cards: the object "interactive" of the Cloud API reference, checked by the limits of its type. Returns and raises what wa_send_contacts() does.';
COMMENT ON FUNCTION wa_send_reaction(text, text, text, text, text, timestamptz, text, text, text) IS
    'Enqueues a reaction to the message with this wamid; an empty emoji takes it back. Meta reports its status sent only. Returns and raises what wa_send_text() does.';
COMMENT ON FUNCTION wa_send(text, text, jsonb, text, text, text, timestamptz, text, text, text, text[], text) IS
    'Enqueues a message of any type: content is the object of that name in the Cloud API reference, of type text, image, video, audio, document, sticker, location, contacts, reaction, interactive or template. Returns and raises what wa_send_contacts() and wa_send_template() do.';

REVOKE ALL ON FUNCTION wa_send_text(text, text, boolean, text, text, text, timestamptz, text, text, text, text[], text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_media(text, text, text, text, text, text, boolean, text, text, text, timestamptz, text, text, bigint, text, text[], text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_location(text, double precision, double precision, text, text, text, text, text, timestamptz, text, text, text, text[], text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_contacts(text, jsonb, text, text, text, timestamptz, text, text, text, text[], text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_interactive(text, jsonb, text, text, text, timestamptz, text, text, text, text[], text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_reaction(text, text, text, text, text, timestamptz, text, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send(text, text, jsonb, text, text, text, timestamptz, text, text, text, text[], text) FROM PUBLIC;
