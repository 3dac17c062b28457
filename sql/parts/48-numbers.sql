/* The numbers and business accounts as Meta tells them. */

-- The account is that of whatsapp_senders: NULL is the default one.
CREATE TABLE whatsapp_business_accounts (
    account             text,
    business_account_id text NOT NULL,
    name                text,
    currency            text,
    timezone_id         text,
    country             text,
    status              text,
    review_status       text,
    verification_status text,
    health              jsonb,
    synced_at           timestamptz NOT NULL
);
ALTER TABLE whatsapp_business_accounts REPLICA IDENTITY FULL;

CREATE TABLE whatsapp_numbers (
    account             text,
    phone_number_id     text NOT NULL,
    display_number      text,
    display_name        text,
    name_status         text,
    quality             text,
    status              text,
    throughput_level    text,
    messaging_limit     text,
    verification_status text,
    platform_type       text,
    account_mode        text,
    health              jsonb,
    synced_at           timestamptz NOT NULL,
    gone_at             timestamptz
);
ALTER TABLE whatsapp_numbers REPLICA IDENTITY FULL;

CREATE UNIQUE INDEX whatsapp_business_accounts_key ON whatsapp_business_accounts (account) NULLS NOT DISTINCT;
CREATE UNIQUE INDEX whatsapp_numbers_key ON whatsapp_numbers (phone_number_id, account) NULLS NOT DISTINCT;

CREATE FUNCTION wa_request_number_sync(account text DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_request_number_sync';

CREATE PROCEDURE wa_sync_numbers(account text DEFAULT NULL, timeout interval DEFAULT '1min')
LANGUAGE C
AS 'MODULE_PATHNAME', 'pg_whatsapp_sync_numbers';

COMMENT ON TABLE whatsapp_business_accounts IS 'Business accounts as Meta''s API has told them, see wa_sync_numbers().';
COMMENT ON COLUMN whatsapp_business_accounts.account IS 'Name of the account; NULL is the default one.';
COMMENT ON COLUMN whatsapp_business_accounts.business_account_id IS 'Meta''s id of it.';
COMMENT ON COLUMN whatsapp_business_accounts.name IS 'Its name at Meta.';
COMMENT ON COLUMN whatsapp_business_accounts.currency IS 'In which Meta bills it.';
COMMENT ON COLUMN whatsapp_business_accounts.timezone_id IS 'Meta''s number of its time zone.';
COMMENT ON COLUMN whatsapp_business_accounts.country IS 'Its country.';
COMMENT ON COLUMN whatsapp_business_accounts.status IS 'ACTIVE, RESTRICTED, DISABLED and the like.';
COMMENT ON COLUMN whatsapp_business_accounts.review_status IS 'What came of Meta''s review of it.';
COMMENT ON COLUMN whatsapp_business_accounts.verification_status IS 'Whether the business is verified.';
COMMENT ON COLUMN whatsapp_business_accounts.health IS 'What keeps it from sending, by Meta''s word: health_status of the API.';
COMMENT ON COLUMN whatsapp_business_accounts.synced_at IS 'When Meta''s API last told about it.';
COMMENT ON TABLE whatsapp_numbers IS 'Phone numbers as Meta''s API has told them, see wa_sync_numbers(). whatsapp_senders has what webhooks tell.';
COMMENT ON COLUMN whatsapp_numbers.account IS 'Name of the account; NULL is the default one.';
COMMENT ON COLUMN whatsapp_numbers.phone_number_id IS 'Meta''s id of the number.';
COMMENT ON COLUMN whatsapp_numbers.display_number IS 'The number for people.';
COMMENT ON COLUMN whatsapp_numbers.display_name IS 'The name that users see.';
COMMENT ON COLUMN whatsapp_numbers.name_status IS 'What became of that name in Meta''s review.';
COMMENT ON COLUMN whatsapp_numbers.quality IS 'GREEN, YELLOW, RED or UNKNOWN.';
COMMENT ON COLUMN whatsapp_numbers.status IS 'CONNECTED, FLAGGED, RESTRICTED, BANNED and the like.';
COMMENT ON COLUMN whatsapp_numbers.throughput_level IS 'STANDARD or HIGH.';
COMMENT ON COLUMN whatsapp_numbers.messaging_limit IS 'TIER_250 and the like: people who may be written to in a day.';
COMMENT ON COLUMN whatsapp_numbers.verification_status IS 'Whether the number is verified.';
COMMENT ON COLUMN whatsapp_numbers.platform_type IS 'CLOUD_API when it is in this API.';
COMMENT ON COLUMN whatsapp_numbers.account_mode IS 'LIVE or SANDBOX.';
COMMENT ON COLUMN whatsapp_numbers.health IS 'What keeps it from sending, by Meta''s word: health_status of the API.';
COMMENT ON COLUMN whatsapp_numbers.synced_at IS 'When Meta''s API last told about it.';
COMMENT ON COLUMN whatsapp_numbers.gone_at IS 'Since when Meta does not have it any more.';
COMMENT ON FUNCTION wa_request_number_sync(text) IS
    'Asks for an account and its numbers to be read from Meta into whatsapp_business_accounts and whatsapp_numbers, and returns the id of the request, a row of whatsapp_requests, at once. One that waits already will do. Raises 42704 when there is no such account.';
COMMENT ON PROCEDURE wa_sync_numbers(text, interval) IS
    'Reads an account and its numbers from Meta into whatsapp_business_accounts and whatsapp_numbers: asks for it, commits, and waits until it is done. Raises WA030 when it fails, WA031 when the time is over, 55000 when the clerk is switched off, 2D000 in a transaction block.';

REVOKE ALL ON FUNCTION wa_request_number_sync(text) FROM PUBLIC;
REVOKE ALL ON PROCEDURE wa_sync_numbers(text, interval) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_business_accounts', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_numbers', '');
