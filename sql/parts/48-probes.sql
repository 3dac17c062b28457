/* What Meta says of an account's token and of who hears its webhooks: for the checklist. */

-- The account is that of whatsapp_senders: NULL is the default one.
CREATE TABLE whatsapp_probes (
    account                text,
    probed_at              timestamptz NOT NULL,
    token_valid            boolean,
    token_permanent        boolean,
    token_expires_at       timestamptz,
    data_access_expires_at timestamptz,
    token_scopes           text[],
    app_id                 text,
    subscribed_apps        jsonb
);
ALTER TABLE whatsapp_probes REPLICA IDENTITY FULL;

CREATE UNIQUE INDEX whatsapp_probes_key ON whatsapp_probes (account) NULLS NOT DISTINCT;

CREATE FUNCTION wa_request_probe(account text DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_request_probe';

CREATE PROCEDURE wa_probe(account text DEFAULT NULL, timeout interval DEFAULT '1min')
LANGUAGE C
AS 'MODULE_PATHNAME', 'pg_whatsapp_probe';

COMMENT ON TABLE whatsapp_probes IS 'What Meta''s API has told of an account''s token and of the apps that hear its webhooks, see wa_probe(). The token itself is in no table.';
COMMENT ON COLUMN whatsapp_probes.account IS 'Name of the account; NULL is the default one.';
COMMENT ON COLUMN whatsapp_probes.probed_at IS 'When Meta last told something of it.';
COMMENT ON COLUMN whatsapp_probes.token_valid IS 'Whether Meta takes the token.';
COMMENT ON COLUMN whatsapp_probes.token_permanent IS 'True when it has no end; NULL when Meta did not say.';
COMMENT ON COLUMN whatsapp_probes.token_expires_at IS 'When it ends; NULL when it never does, or Meta did not say.';
COMMENT ON COLUMN whatsapp_probes.data_access_expires_at IS 'Until when the app may read the account''s data with it; NULL when that never ends.';
COMMENT ON COLUMN whatsapp_probes.token_scopes IS 'What it may do: whatsapp_business_messaging to send, whatsapp_business_management to read templates and numbers.';
COMMENT ON COLUMN whatsapp_probes.app_id IS 'Meta''s id of the app that it belongs to.';
COMMENT ON COLUMN whatsapp_probes.subscribed_apps IS 'Apps that hear the account''s webhooks: id, name, and the callback URL of the account where it has one of its own.';
COMMENT ON FUNCTION wa_request_probe(text) IS
    'Asks Meta what wa_probe() asks for, and returns the id of the request, a row of whatsapp_requests, at once. One that waits already will do. Raises 42704 when there is no such account.';
COMMENT ON PROCEDURE wa_probe(text, interval) IS
    'Asks Meta about an account for wa_preflight(): its node, its numbers, the apps that hear its webhooks, its token and what it may do. Commits, and waits until it is done. Raises WA030 when it fails, WA031 when the time is over, 55000 when the clerk is switched off, 2D000 in a transaction block.';

REVOKE ALL ON FUNCTION wa_request_probe(text) FROM PUBLIC;
REVOKE ALL ON PROCEDURE wa_probe(text, interval) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_probes', '');
