/* Who sends: business accounts and their phone numbers. */

-- The constraints of the names have names that say what is allowed: the error of a wrong one shows nothing else.
CREATE TABLE whatsapp_accounts (
    name                text PRIMARY KEY CONSTRAINT whatsapp_accounts_name_letters_digits_underscore_hyphen CHECK (name ~ '^[A-Za-z0-9_-]{1,63}$'),
    business_account_id text CHECK (business_account_id <> ''),
    api_version         text CHECK (api_version ~ '^v[0-9]{1,3}[.][0-9]{1,3}$'),
    api_base_url        text CHECK (api_base_url <> ''),
    marketing_endpoint  text CHECK (marketing_endpoint IN ('messages', 'marketing_messages')),
    currency            text CHECK (currency ~ '^[A-Z]{3}$'),
    time_zone           text CHECK (time_zone IS NULL OR pg_catalog.timezone(time_zone, '2026-10-01 00:00+00'::timestamptz) IS NOT NULL),
    created_at          timestamptz NOT NULL DEFAULT pg_catalog.now()
);

CREATE TABLE whatsapp_senders (
    name            text PRIMARY KEY CONSTRAINT whatsapp_senders_name_letters_digits_underscore_hyphen CHECK (name ~ '^[A-Za-z0-9_-]{1,63}$'),
    account         text REFERENCES whatsapp_accounts (name),
    phone_number_id text CHECK (phone_number_id ~ '^[A-Za-z0-9_-]{1,128}$'),
    display_number  text,
    messages_per_second integer CHECK (messages_per_second >= 0),
    pair_interval   interval CHECK (pair_interval >= '0'),
    pair_burst      integer CHECK (pair_burst BETWEEN 1 AND 1000),
    enabled         boolean NOT NULL DEFAULT true,
    paused_until    timestamptz,
    paused_reason   text,
    paused_hint     text,
    pauses          integer NOT NULL DEFAULT 0,
    display_name    text,
    name_status     text,
    quality         text,
    messaging_limit text,
    throughput_level text,
    number_event    text,
    number_event_at timestamptz,
    created_at      timestamptz NOT NULL DEFAULT pg_catalog.now()
);

INSERT INTO whatsapp_senders (name) VALUES ('default');

CREATE FUNCTION whatsapp_replace_default_sender() RETURNS trigger
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_replace_default_sender';

CREATE FUNCTION wa_resume(sender text DEFAULT 'default') RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_resume';

-- A dump brings a row of this name to where the install script has made one.
CREATE TRIGGER whatsapp_replace_default_sender BEFORE INSERT ON whatsapp_senders FOR EACH ROW
    WHEN (NEW.name = 'default') EXECUTE FUNCTION whatsapp_replace_default_sender();

COMMENT ON TABLE whatsapp_accounts IS 'WhatsApp Business Accounts beside the default one. Their secrets are files in whatsapp.secret_dir, in a folder of the account''s name.';
COMMENT ON COLUMN whatsapp_accounts.name IS 'Letters, digits, _ and -; also the folder in whatsapp.secret_dir and the end of the webhook''s path.';
COMMENT ON COLUMN whatsapp_accounts.business_account_id IS 'Meta''s id of the account, by which webhooks name it.';
COMMENT ON COLUMN whatsapp_accounts.api_version IS 'Version of the Cloud API; NULL is whatsapp.api_version.';
COMMENT ON COLUMN whatsapp_accounts.api_base_url IS 'Where this account is reached; NULL is whatsapp.api_base_url. Used only when whatsapp.account_base_urls lists it.';
COMMENT ON COLUMN whatsapp_accounts.marketing_endpoint IS 'messages or marketing_messages: endpoint of the API to which its marketing templates are sent; NULL is whatsapp.marketing_endpoint.';
COMMENT ON COLUMN whatsapp_accounts.currency IS 'Currency in which Meta charges the account, ISO 4217; NULL is what whatsapp_business_accounts says.';
COMMENT ON COLUMN whatsapp_accounts.time_zone IS 'Time zone of the account, in which its days and months begin; NULL when you have not said.';
COMMENT ON COLUMN whatsapp_accounts.created_at IS 'When the row was made.';
COMMENT ON TABLE whatsapp_senders IS 'Phone numbers that send. The one named default is there from the beginning: settings and secrets describe it where its columns are NULL.';
COMMENT ON COLUMN whatsapp_senders.name IS 'Letters, digits, _ and -; what the argument sender of the functions says.';
COMMENT ON COLUMN whatsapp_senders.account IS 'Its row of whatsapp_accounts; NULL is the default account.';
COMMENT ON COLUMN whatsapp_senders.phone_number_id IS 'Meta''s id of the number; NULL is the one of the account''s secrets.';
COMMENT ON COLUMN whatsapp_senders.display_number IS 'The number for people. Fill it where an account has several: webhooks about a number name it.';
COMMENT ON COLUMN whatsapp_senders.messages_per_second IS 'At most so many leave in any one second; 0 is no limit, NULL is whatsapp.messages_per_second.';
COMMENT ON COLUMN whatsapp_senders.pair_interval IS 'Least distance of messages to one recipient, after pair_burst of them; 0 is no limit, NULL is whatsapp.pair_interval.';
COMMENT ON COLUMN whatsapp_senders.pair_burst IS 'Messages to one recipient that need no distance; NULL is whatsapp.pair_burst.';
COMMENT ON COLUMN whatsapp_senders.enabled IS 'False: its messages wait, and expire in time. Noticed within a second.';
COMMENT ON COLUMN whatsapp_senders.paused_until IS 'Nothing leaves before; then one message probes whether the trouble is over. NULL when the sender does not pause.';
COMMENT ON COLUMN whatsapp_senders.paused_reason IS 'Why the sender pauses.';
COMMENT ON COLUMN whatsapp_senders.paused_hint IS 'What to do about it.';
COMMENT ON COLUMN whatsapp_senders.pauses IS 'Pauses in a row; each is twice as long as the one before, 15 min at most.';
COMMENT ON COLUMN whatsapp_senders.display_name IS 'The name that users see.';
COMMENT ON COLUMN whatsapp_senders.name_status IS 'What became of the last display name that was asked for.';
COMMENT ON COLUMN whatsapp_senders.quality IS 'RED when Meta has flagged the number.';
COMMENT ON COLUMN whatsapp_senders.messaging_limit IS 'Meta''s limit of people who may be written to in a day.';
COMMENT ON COLUMN whatsapp_senders.throughput_level IS 'HIGH after an upgrade by Meta: 1000 messages per second, where nothing else is set.';
COMMENT ON COLUMN whatsapp_senders.number_event IS 'The last webhook about the number.';
COMMENT ON COLUMN whatsapp_senders.number_event_at IS 'Meta''s time of that webhook.';
COMMENT ON COLUMN whatsapp_senders.created_at IS 'When the row was made.';
COMMENT ON FUNCTION wa_resume(text) IS 'Ends the pause of a sender, at commit. False when there is no such paused sender.';

COMMENT ON FUNCTION whatsapp_replace_default_sender() IS
    'The trigger by which a row named default takes the place of the one that the install script made, as long as nobody has changed that.';

REVOKE ALL ON FUNCTION wa_resume(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_replace_default_sender() FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_accounts', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_senders', '');
