/* Requests to Meta's API that are no message: templates, numbers, media. The clerk makes them. */

CREATE SEQUENCE whatsapp_requests_id_seq AS bigint;

CREATE TABLE whatsapp_requests (
    id            bigint PRIMARY KEY DEFAULT pg_catalog.nextval('@extschema@.whatsapp_requests_id_seq'::pg_catalog.regclass),
    kind          text NOT NULL
                  CHECK (kind IN ('sync_templates', 'create_template', 'edit_template', 'delete_template',
                                  'sync_numbers', 'sync_costs', 'probe', 'mark_read', 'upload_media', 'download_media', 'upload_sample')),
    account       text CHECK (pg_catalog.octet_length(account) <= 63),
    sender        text CHECK (pg_catalog.octet_length(sender) <= 63),
    request       jsonb NOT NULL DEFAULT '{}' CHECK (pg_catalog.jsonb_typeof(request) = 'object'),
    state         text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'unknown', 'done', 'failed')),
    attempts      integer NOT NULL DEFAULT 0,
    looks         integer NOT NULL DEFAULT 0,
    due_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    requested_by  text NOT NULL DEFAULT SESSION_USER CHECK (pg_catalog.octet_length(requested_by) <= 63),
    http_status   integer,
    error_code    bigint,
    error_message text,
    error_details jsonb,
    hint          text,
    result        jsonb,
    created_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    started_at    timestamptz,
    ended_at      timestamptz
);

ALTER SEQUENCE whatsapp_requests_id_seq OWNED BY whatsapp_requests.id;

CREATE INDEX whatsapp_requests_due_idx ON whatsapp_requests (due_at, id) WHERE ended_at IS NULL;
CREATE INDEX whatsapp_requests_kind_idx ON whatsapp_requests (kind, created_at);

-- A function and a procedure cannot share a name here: with their defaults, a call of either would be ambiguous.
CREATE FUNCTION wa_request_template_sync(account text DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_request_template_sync';

-- Neither SECURITY DEFINER nor SET: such a procedure could not commit. It names all by its schema, and takes its owner's rights by itself.
CREATE PROCEDURE wa_sync_templates(account text DEFAULT NULL, timeout interval DEFAULT '1min')
LANGUAGE C
AS 'MODULE_PATHNAME', 'pg_whatsapp_sync_templates';

COMMENT ON TABLE whatsapp_requests IS 'Requests to Meta''s API that are no message, one row each; the clerk makes them in order of their time. Those that ended stay for 30 days.';
COMMENT ON COLUMN whatsapp_requests.id IS 'What the functions return that ask for something.';
COMMENT ON COLUMN whatsapp_requests.kind IS 'What is asked for.';
COMMENT ON COLUMN whatsapp_requests.account IS 'Name of the account whose token it carries; NULL is the default one.';
COMMENT ON COLUMN whatsapp_requests.sender IS 'Name of the sender, where the request is about a number.';
COMMENT ON COLUMN whatsapp_requests.request IS 'What the kind needs, such as the body that is sent.';
COMMENT ON COLUMN whatsapp_requests.state IS 'waiting; running: committed before its bytes leave; unknown: bytes may have left and no answer came, which is settled by looking; done; failed.';
COMMENT ON COLUMN whatsapp_requests.attempts IS 'How often it was asked, without those that a limit of Meta''s ended.';
COMMENT ON COLUMN whatsapp_requests.looks IS 'How often it was looked what became of it.';
COMMENT ON COLUMN whatsapp_requests.due_at IS 'Nothing is asked before this time.';
COMMENT ON COLUMN whatsapp_requests.requested_by IS 'The session user who asked for it.';
COMMENT ON COLUMN whatsapp_requests.http_status IS 'Of the last answer.';
COMMENT ON COLUMN whatsapp_requests.error_code IS 'Meta''s code of the last error, see wa_explain().';
COMMENT ON COLUMN whatsapp_requests.error_message IS 'The last error in words.';
COMMENT ON COLUMN whatsapp_requests.error_details IS 'All that Meta said about it.';
COMMENT ON COLUMN whatsapp_requests.hint IS 'What to do about it.';
COMMENT ON COLUMN whatsapp_requests.result IS 'What came of it, such as Meta''s id of a template.';
COMMENT ON COLUMN whatsapp_requests.created_at IS 'When it was asked for.';
COMMENT ON COLUMN whatsapp_requests.started_at IS 'When the clerk last began it.';
COMMENT ON COLUMN whatsapp_requests.ended_at IS 'When it was done, or failed.';

COMMENT ON FUNCTION wa_request_template_sync(text) IS
    'Asks for all templates of an account to be read from Meta into whatsapp_templates, and returns the id of the request, a row of whatsapp_requests, at once. One that waits already will do. Raises 42704 when there is no such account.';
COMMENT ON PROCEDURE wa_sync_templates(text, interval) IS
    'Reads all templates of an account from Meta into whatsapp_templates: asks for it, commits, and waits until it is done. Raises WA030 when it fails, WA031 when the time is over, 55000 when the clerk is switched off, 2D000 in a transaction block.';

REVOKE ALL ON FUNCTION wa_request_template_sync(text) FROM PUBLIC;
REVOKE ALL ON PROCEDURE wa_sync_templates(text, interval) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_requests', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_requests_id_seq', '');
