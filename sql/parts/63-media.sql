/* Files: those that are sent, and those that came in. The clerk carries them. */

CREATE SEQUENCE whatsapp_media_id_seq AS bigint;

CREATE TABLE whatsapp_media (
    id            bigint PRIMARY KEY DEFAULT pg_catalog.nextval('@extschema@.whatsapp_media_id_seq'::pg_catalog.regclass),
    origin        text NOT NULL CHECK (origin IN ('upload', 'download')),
    sender        text NOT NULL CHECK (pg_catalog.octet_length(sender) <= 63),
    inbound_id    bigint,
    mime_type     text CHECK (pg_catalog.octet_length(mime_type) <= 255),
    filename      text CHECK (pg_catalog.octet_length(filename) <= 1024),
    sha256        text CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    size          bigint,
    content       bytea,
    state         text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'ready', 'failed')),
    media_id      text CHECK (pg_catalog.octet_length(media_id) <= 64),
    expires_at    timestamptz,
    lapsed_media_ids text[] NOT NULL DEFAULT '{}',
    request_id    bigint,
    error_message text,
    created_by    text NOT NULL DEFAULT SESSION_USER CHECK (pg_catalog.octet_length(created_by) <= 63),
    created_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    ready_at      timestamptz
);

ALTER SEQUENCE whatsapp_media_id_seq OWNED BY whatsapp_media.id;

CREATE TABLE whatsapp_media_messages (
    message_id bigint PRIMARY KEY,
    media      bigint NOT NULL,
    due_at     timestamptz NOT NULL
);

-- One upload of the same bytes for each sender: Meta's ids belong to the number that has uploaded them.
CREATE UNIQUE INDEX whatsapp_media_upload_key ON whatsapp_media (sender, sha256, mime_type) WHERE origin = 'upload';
CREATE UNIQUE INDEX whatsapp_media_inbound_key ON whatsapp_media (inbound_id) WHERE inbound_id IS NOT NULL;

-- For wa_retry(): which file an old message names.
CREATE INDEX whatsapp_media_media_id_idx ON whatsapp_media (media_id) WHERE origin = 'upload';
CREATE INDEX whatsapp_media_lapsed_idx ON whatsapp_media (id) WHERE lapsed_media_ids <> '{}';
CREATE INDEX whatsapp_media_messages_media_idx ON whatsapp_media_messages (media);

CREATE FUNCTION wa_upload_media(content bytea, mime_type text, filename text DEFAULT NULL, sender text DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_upload_media';

CREATE FUNCTION wa_request_media_download(inbound_id bigint) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_request_media_download';

CREATE PROCEDURE wa_download_media(inbound_id bigint, timeout interval DEFAULT '1min')
LANGUAGE C
AS 'MODULE_PATHNAME', 'pg_whatsapp_download_media';

COMMENT ON TABLE whatsapp_media IS 'Files that are uploaded to Meta, and files of inbound messages that were fetched.';
COMMENT ON COLUMN whatsapp_media.id IS 'What wa_upload_media() returns.';
COMMENT ON COLUMN whatsapp_media.origin IS 'upload, or download of an inbound message''s file.';
COMMENT ON COLUMN whatsapp_media.sender IS 'Name of the sender whose number uploads it, or got it.';
COMMENT ON COLUMN whatsapp_media.inbound_id IS 'The inbound message that it came with, a row of whatsapp_inbound.';
COMMENT ON COLUMN whatsapp_media.mime_type IS 'Such as image/png.';
COMMENT ON COLUMN whatsapp_media.filename IS 'Its name, for documents.';
COMMENT ON COLUMN whatsapp_media.sha256 IS 'Of the bytes, in hexadecimal digits.';
COMMENT ON COLUMN whatsapp_media.size IS 'How many bytes.';
COMMENT ON COLUMN whatsapp_media.content IS 'The bytes. Of an upload they are needed again when Meta''s copy has lapsed; set it to NULL to free the room.';
COMMENT ON COLUMN whatsapp_media.state IS 'waiting; ready: uploaded, or fetched; failed.';
COMMENT ON COLUMN whatsapp_media.media_id IS 'Meta''s id of it.';
COMMENT ON COLUMN whatsapp_media.expires_at IS 'When Meta''s copy lapses; then it is uploaded again when a message names it.';
COMMENT ON COLUMN whatsapp_media.lapsed_media_ids IS 'Meta''s ids of earlier uploads, the newest first, by which wa_retry() finds the file of an old message.';
COMMENT ON COLUMN whatsapp_media.request_id IS 'The last request about it, a row of whatsapp_requests.';
COMMENT ON COLUMN whatsapp_media.error_message IS 'Why it failed.';
COMMENT ON COLUMN whatsapp_media.created_by IS 'The session user who asked for it.';
COMMENT ON COLUMN whatsapp_media.created_at IS 'When it was asked for.';
COMMENT ON COLUMN whatsapp_media.ready_at IS 'When it was last uploaded, or fetched.';
COMMENT ON TABLE whatsapp_media_messages IS 'Messages that wait until their file is at Meta.';
COMMENT ON COLUMN whatsapp_media_messages.message_id IS 'The message, a row of whatsapp_messages.';
COMMENT ON COLUMN whatsapp_media_messages.media IS 'The file, a row of whatsapp_media.';
COMMENT ON COLUMN whatsapp_media_messages.due_at IS 'When the message would have been due without its file.';
COMMENT ON FUNCTION wa_upload_media(bytea, text, text, text) IS
    'Keeps a file in whatsapp_media and asks for its upload to Meta; returns its id there at once. The same bytes are uploaded once for each sender, and again when Meta''s copy has lapsed. Raises 22023 for a type or a size that WhatsApp does not take, 42704 when there is no such sender.';
COMMENT ON FUNCTION wa_request_media_download(bigint) IS
    'Asks for the file of an inbound message to be fetched from Meta into whatsapp_media, and returns the id of the request, a row of whatsapp_requests, at once. Raises P0002 when there is no such message, 55000 when it has no file, came to a number that is no sender here, or was fetched before.';
COMMENT ON PROCEDURE wa_download_media(bigint, interval) IS
    'Fetches the file of an inbound message from Meta into whatsapp_media: asks for it, commits, and waits until it is done; does nothing when it was fetched before. Raises WA030 when it fails, WA031 when the time is over, and what wa_request_media_download() raises.';

REVOKE ALL ON FUNCTION wa_upload_media(bytea, text, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_request_media_download(bigint) FROM PUBLIC;
REVOKE ALL ON PROCEDURE wa_download_media(bigint, interval) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_media', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_media_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_media_messages', '');
