/* Joined by make from sql/parts. */

/* The loaded library: its version, and the word to the launcher that this database has the extension. */

-- complain if the script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION pg_whatsapp" to load this file. \quit

CREATE FUNCTION whatsapp_attach() RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_attach';

CREATE FUNCTION wa_version() RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_version';

COMMENT ON FUNCTION whatsapp_attach() IS
    'Tells the launcher, at commit, that this database may have the extension now. Called once by the install script.';
COMMENT ON FUNCTION wa_version() IS
    'Version of the loaded library; ALTER EXTENSION pg_whatsapp UPDATE is due when it differs from pg_extension.extversion.';

REVOKE ALL ON FUNCTION whatsapp_attach() FROM PUBLIC;

SELECT whatsapp_attach();

/* Who sends: business accounts and their phone numbers. */

CREATE TABLE whatsapp_accounts (
    name                text PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9_-]{1,63}$'),
    business_account_id text CHECK (business_account_id <> ''),
    api_version         text CHECK (api_version ~ '^v[0-9]{1,3}[.][0-9]{1,3}$'),
    api_base_url        text CHECK (api_base_url <> ''),
    currency            text CHECK (currency ~ '^[A-Z]{3}$'),
    time_zone           text CHECK (time_zone IS NULL OR pg_catalog.timezone(time_zone, '2026-10-01 00:00+00'::timestamptz) IS NOT NULL),
    created_at          timestamptz NOT NULL DEFAULT pg_catalog.now()
);

CREATE TABLE whatsapp_senders (
    name            text PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9_-]{1,63}$'),
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
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_resume';

-- A dump brings a row of this name to where the install script has made one.
CREATE TRIGGER whatsapp_replace_default_sender BEFORE INSERT ON whatsapp_senders FOR EACH ROW
    WHEN (NEW.name = 'default') EXECUTE FUNCTION whatsapp_replace_default_sender();

COMMENT ON TABLE whatsapp_accounts IS 'WhatsApp Business Accounts beside the default one. Their secrets are files in whatsapp.secret_dir, in a folder of the account''s name.';
COMMENT ON COLUMN whatsapp_accounts.name IS 'Letters, digits, _ and -; also the folder in whatsapp.secret_dir and the end of the webhook''s path.';
COMMENT ON COLUMN whatsapp_accounts.business_account_id IS 'Meta''s id of the account, by which webhooks name it.';
COMMENT ON COLUMN whatsapp_accounts.api_version IS 'Version of the Cloud API; NULL is whatsapp.api_version.';
COMMENT ON COLUMN whatsapp_accounts.api_base_url IS 'Where this account is reached; NULL is whatsapp.api_base_url. Used only when whatsapp.account_base_urls lists it.';
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

/* Phone numbers: whether they are in E.164 format, and the key of the person behind one. */

CREATE FUNCTION wa_valid_e164(phone text) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_valid_e164';

CREATE FUNCTION wa_phone_problem(phone text) RETURNS text
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_phone_problem';

CREATE FUNCTION wa_contact_key(phone text) RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_contact_key';

COMMENT ON FUNCTION wa_valid_e164(text) IS
    'True for +, then 7 to 15 ASCII digits of which the first is not 0 (ITU-T E.164). Never raises; fit for CHECK constraints.';
COMMENT ON FUNCTION wa_phone_problem(text) IS
    'Says in words what is wrong with a phone number; NULL for one in E.164 format. Never raises.';
COMMENT ON FUNCTION wa_contact_key(text) IS
    'The key of a person in whatsapp_inbound, whatsapp_windows and whatsapp_opt_outs: the digits of the phone without the one that WhatsApp adds to numbers of Brazil, Mexico and Argentina; a user id stays as it is.';

/* Amounts as people read them. */

CREATE FUNCTION wa_format_amount(amount numeric, currency text DEFAULT NULL, locale text DEFAULT NULL) RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_format_amount';

COMMENT ON FUNCTION wa_format_amount(numeric, text, text) IS
    'Writes an amount as people read it: 1250 EUR is €1,250.00 in locale en. Defaults: whatsapp.default_currency, whatsapp.amount_locale; hence stable, not immutable. Raises WA006 for the amount, WA007 for the currency, WA008 for the locale, 22004 for a NULL amount.';

/* Templates: filled in, and what Meta has told about them. */

-- As far as webhooks and the API have told. The account is that of whatsapp_senders: NULL is the default one.
CREATE TABLE whatsapp_templates (
    account           text,
    name              text NOT NULL,
    language          text NOT NULL,
    template_id       text,
    status            text,
    rejected_reason   text,
    status_detail     text,
    status_at         timestamptz,
    quality           text,
    quality_at        timestamptz,
    category          text,
    previous_category text,
    correct_category  text,
    category_at       timestamptz,
    components        jsonb,
    components_at     timestamptz,
    parameter_format  text,
    synced_at         timestamptz,
    gone_at           timestamptz,
    updated_at        timestamptz NOT NULL DEFAULT pg_catalog.now()
);
ALTER TABLE whatsapp_templates REPLICA IDENTITY FULL;

CREATE UNIQUE INDEX whatsapp_templates_key ON whatsapp_templates (name, language, account) NULLS NOT DISTINCT;

CREATE FUNCTION wa_render_template(body text, parameters text[]) RETURNS text
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_render_positional';

CREATE FUNCTION wa_render_template(body text, parameters jsonb) RETURNS text
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_render_named';

COMMENT ON TABLE whatsapp_templates IS 'Templates as Meta has them, as far as webhooks and wa_sync_templates() have told. Each group of columns has its time, and an older report changes nothing.';
COMMENT ON COLUMN whatsapp_templates.account IS 'Name of the account; NULL is the default one.';
COMMENT ON COLUMN whatsapp_templates.name IS 'Name of the template.';
COMMENT ON COLUMN whatsapp_templates.language IS 'Language of the template, with _.';
COMMENT ON COLUMN whatsapp_templates.template_id IS 'Meta''s id of it.';
COMMENT ON COLUMN whatsapp_templates.status IS 'APPROVED, PAUSED, REJECTED, DISABLED and the like; any but APPROVED may be refused, see whatsapp.check_templates.';
COMMENT ON COLUMN whatsapp_templates.rejected_reason IS 'Why it was rejected, by Meta''s word.';
COMMENT ON COLUMN whatsapp_templates.status_detail IS 'More about the status, such as FIRST_PAUSE.';
COMMENT ON COLUMN whatsapp_templates.status_at IS 'Meta''s time of the status.';
COMMENT ON COLUMN whatsapp_templates.quality IS 'GREEN, YELLOW, RED or UNKNOWN.';
COMMENT ON COLUMN whatsapp_templates.quality_at IS 'Meta''s time of the quality.';
COMMENT ON COLUMN whatsapp_templates.category IS 'UTILITY, MARKETING or AUTHENTICATION.';
COMMENT ON COLUMN whatsapp_templates.previous_category IS 'What the category was before.';
COMMENT ON COLUMN whatsapp_templates.correct_category IS 'What the category will become.';
COMMENT ON COLUMN whatsapp_templates.category_at IS 'Meta''s time of the category.';
COMMENT ON COLUMN whatsapp_templates.components IS 'Header, body, footer and buttons, as the API has them.';
COMMENT ON COLUMN whatsapp_templates.components_at IS 'Meta''s time of the components.';
COMMENT ON COLUMN whatsapp_templates.parameter_format IS 'POSITIONAL or NAMED.';
COMMENT ON COLUMN whatsapp_templates.synced_at IS 'When Meta''s API last told about it; NULL when only webhooks have.';
COMMENT ON COLUMN whatsapp_templates.gone_at IS 'Since when Meta does not have it any more; its status is DELETED then.';
COMMENT ON COLUMN whatsapp_templates.updated_at IS 'When the last webhook about it was acted upon.';
COMMENT ON FUNCTION wa_render_template(text, text[]) IS
    'The body of a template as the recipient reads it, with {{1}}, {{2}}, … filled in. Raises WA005 when their number differs, WA003, WA004, 22001 for a bad parameter.';
COMMENT ON FUNCTION wa_render_template(text, jsonb) IS
    'The body of a template as the recipient reads it, with {{name}} placeholders filled in from an object of strings and numbers. Raises 22023 for what is no such object, and what the positional form raises.';

SELECT pg_catalog.pg_extension_config_dump('whatsapp_templates', '');

/* The Cloud API's error codes: what each means, and how the sender reacts. */

CREATE FUNCTION wa_explain(code bigint, OUT code bigint, OUT reaction text, OUT meaning text, OUT hint text) RETURNS SETOF record
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 1
AS 'MODULE_PATHNAME', 'pg_whatsapp_explain';

CREATE FUNCTION wa_error_codes()
RETURNS TABLE (code bigint, reaction text, meaning text, hint text)
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 120
AS 'MODULE_PATHNAME', 'pg_whatsapp_error_codes';

CREATE VIEW whatsapp_error_codes AS SELECT code, reaction, meaning, hint FROM wa_error_codes();

COMMENT ON FUNCTION wa_explain(bigint) IS
    'Explains an error code of the Cloud API: what it means, how the sender reacts and what to do. No row for a code that is not known. Immutable: the table is part of the library.';
COMMENT ON FUNCTION wa_error_codes() IS
    'Every error code of the Cloud API that a message can meet, and the reaction to it; of a range its first.';
COMMENT ON VIEW whatsapp_error_codes IS 'Every error code of the Cloud API that a message can meet: what it means, how the sender reacts, what to do.';
COMMENT ON COLUMN whatsapp_error_codes.code IS 'Meta''s code; of a range its first.';
COMMENT ON COLUMN whatsapp_error_codes.reaction IS 'What the sender does: refused, retry, throttle or account.';
COMMENT ON COLUMN whatsapp_error_codes.meaning IS 'What the code says.';
COMMENT ON COLUMN whatsapp_error_codes.hint IS 'What to do about it.';

/* Messages, one row each from enqueue to the last status, and the notification of a status that changed. */

CREATE SEQUENCE whatsapp_messages_id_seq AS bigint;

-- fillfactor: a batch updates all rows of a page at once (SENT, then DELIVERED, then READ); with room for a second version of each, no
-- update touches an index. For the same reason no index has a column that they change: whatsapp_wamids finds a message by its wamid.
-- What changes stands behind what does not: the log of an update goes from the first byte that changes to the last.
CREATE TABLE whatsapp_messages (
    id                bigint PRIMARY KEY DEFAULT pg_catalog.nextval('@extschema@.whatsapp_messages_id_seq'::pg_catalog.regclass),
    created_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    sender            text NOT NULL CHECK (octet_length(sender) <= 63),
    recipient_phone   text CHECK (octet_length(recipient_phone) <= 1024),
    message_type      text NOT NULL CHECK (octet_length(message_type) <= 63),
    template_name     text CHECK (octet_length(template_name) <= 512),
    template_language text CHECK (octet_length(template_language) <= 63),
    payload           json,
    priority          smallint NOT NULL DEFAULT 1,
    reference         text CHECK (octet_length(reference) <= 1024),
    idempotency_key   text CHECK (octet_length(idempotency_key) <= 255),
    enqueued_by       text NOT NULL DEFAULT SESSION_USER CHECK (octet_length(enqueued_by) <= 63),
    campaign_id       bigint,
    expires_at        timestamptz,
    attempts          integer NOT NULL DEFAULT 0,
    status            text NOT NULL DEFAULT 'PENDING'
                      CHECK (status IN ('PENDING', 'SENT', 'DELIVERED', 'READ', 'FAILED', 'CANCELLED')),
    sent_at           timestamptz,
    delivered_at      timestamptz,
    read_at           timestamptz,
    failed_at         timestamptz,
    pricing_rank      smallint,
    wamid             text,
    wa_id             text,
    user_id           text,
    conversation_id   text,
    pricing_category  text,
    pricing_type      text,
    pricing_model     text,
    billable          boolean,
    error_code        bigint,
    error_message     text,
    error_details     jsonb,
    hint              text
) WITH (fillfactor = 45, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);

ALTER SEQUENCE whatsapp_messages_id_seq OWNED BY whatsapp_messages.id;

CREATE INDEX whatsapp_messages_created_at_idx ON whatsapp_messages (created_at);
-- Keys are each role's own: nobody can take another one's, or make it wait by a key that is not committed.
CREATE UNIQUE INDEX whatsapp_messages_idempotency_key_idx ON whatsapp_messages (sender, idempotency_key, enqueued_by)
    WHERE idempotency_key IS NOT NULL;
-- Of campaigns alone: another message has no entry in it.
CREATE INDEX whatsapp_messages_campaign_id_idx ON whatsapp_messages (campaign_id, id) WHERE campaign_id IS NOT NULL;

CREATE FUNCTION whatsapp_notify_status() RETURNS trigger
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_notify_status';

CREATE TRIGGER whatsapp_notify_status AFTER UPDATE OF status ON whatsapp_messages FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status AND pg_catalog.current_setting('whatsapp.notify_status', true) = 'on')
    EXECUTE FUNCTION whatsapp_notify_status();

COMMENT ON TABLE whatsapp_messages IS 'One row per message, from enqueue to its last status.';
COMMENT ON COLUMN whatsapp_messages.id IS 'What the sending functions return.';
COMMENT ON COLUMN whatsapp_messages.created_at IS 'Start of the transaction that enqueued it.';
COMMENT ON COLUMN whatsapp_messages.sender IS 'Name of the sender: a row of whatsapp_senders, or default.';
COMMENT ON COLUMN whatsapp_messages.recipient_phone IS 'As it was given: a number with +, or a business-scoped user id; of a watched row that was refused it may be anything, or NULL.';
COMMENT ON COLUMN whatsapp_messages.message_type IS 'What kind of message it is: template.';
COMMENT ON COLUMN whatsapp_messages.template_name IS 'Name of the template.';
COMMENT ON COLUMN whatsapp_messages.template_language IS 'Language of the template, such as es or en_US.';
COMMENT ON COLUMN whatsapp_messages.payload IS 'Type and content as they go to the Cloud API; the envelope is added at each attempt. Its member fallback, the template to be sent when the window is closed, stays here. NULL when a watched row was refused before it could be put together, and when its content was deleted.';
COMMENT ON COLUMN whatsapp_messages.priority IS '0 urgent, 1 normal, 2 bulk.';
COMMENT ON COLUMN whatsapp_messages.reference IS 'The caller''s own key; of purchase orders their number.';
COMMENT ON COLUMN whatsapp_messages.idempotency_key IS 'The caller''s key against sending twice, unique per sender and enqueued_by.';
COMMENT ON COLUMN whatsapp_messages.enqueued_by IS 'The user of the session that enqueued it.';
COMMENT ON COLUMN whatsapp_messages.campaign_id IS 'The campaign that it belongs to, see whatsapp_campaigns; NULL for other messages.';
COMMENT ON COLUMN whatsapp_messages.expires_at IS 'The message is not sent after this time.';
COMMENT ON COLUMN whatsapp_messages.attempts IS 'Attempts so far.';
COMMENT ON COLUMN whatsapp_messages.status IS 'PENDING, SENT, DELIVERED, READ, FAILED (see error_message and hint) or CANCELLED; it never goes back.';
COMMENT ON COLUMN whatsapp_messages.sent_at IS 'When it was sent: the earlier of the time when the answer was written down and Meta''s time of the status sent.';
COMMENT ON COLUMN whatsapp_messages.delivered_at IS 'When it was delivered, as Meta reports it, in whole seconds.';
COMMENT ON COLUMN whatsapp_messages.read_at IS 'When it was read, as Meta reports it, in whole seconds.';
COMMENT ON COLUMN whatsapp_messages.failed_at IS 'When it failed: Meta''s time, or ours.';
COMMENT ON COLUMN whatsapp_messages.pricing_rank IS 'Which status told the price: 1 sent, 2 delivered, 3 read. A later one counts more: charged is what is delivered.';
COMMENT ON COLUMN whatsapp_messages.wamid IS 'Meta''s id of the message; NULL until it is accepted. To find a message by it, see whatsapp_wamids.';
COMMENT ON COLUMN whatsapp_messages.wa_id IS 'The recipient as WhatsApp knows it: digits without +.';
COMMENT ON COLUMN whatsapp_messages.user_id IS 'The recipient''s business-scoped user id, where Meta reports one.';
COMMENT ON COLUMN whatsapp_messages.conversation_id IS 'Id of the conversation, as status webhooks report it.';
COMMENT ON COLUMN whatsapp_messages.pricing_category IS 'Category that is charged, as status webhooks report it.';
COMMENT ON COLUMN whatsapp_messages.pricing_type IS 'Whether and why it is charged, as status webhooks report it.';
COMMENT ON COLUMN whatsapp_messages.pricing_model IS 'Pricing model, as status webhooks report it.';
COMMENT ON COLUMN whatsapp_messages.billable IS 'Whether it is charged, as status webhooks report it. Meta is about to drop this: go by pricing_type.';
COMMENT ON COLUMN whatsapp_messages.error_code IS 'Meta''s code of the last error; wa_explain() explains it. NULL when the error is ours.';
COMMENT ON COLUMN whatsapp_messages.error_message IS 'The last error in words; NULL once the message is sent.';
COMMENT ON COLUMN whatsapp_messages.error_details IS 'All that Meta said about the failure; it says so once.';
COMMENT ON COLUMN whatsapp_messages.hint IS 'What to do about the failure.';
COMMENT ON FUNCTION whatsapp_notify_status() IS
    'The trigger behind whatsapp.notify_status: tells the channel whatsapp_status which message has which status now.';

REVOKE ALL ON FUNCTION whatsapp_notify_status() FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_messages_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_messages', '');

/* The queue: what is still to be sent. */

-- Only what is still to be sent. No foreign key: its check would cost each enqueue a row lock on the message that the same statement
-- has just made; a row whose message was deleted is never picked, and is swept.
CREATE TABLE whatsapp_queue (
    message_id bigint PRIMARY KEY,
    sender     text NOT NULL CHECK (octet_length(sender) <= 63),
    recipient  text NOT NULL CHECK (octet_length(recipient) <= 1024),
    priority   smallint NOT NULL DEFAULT 1 CHECK (priority BETWEEN 0 AND 2),
    state      text NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'sending', 'unknown', 'held')),
    paced      boolean NOT NULL DEFAULT false,
    due_at     timestamptz NOT NULL DEFAULT pg_catalog.now(),
    expires_at timestamptz NOT NULL,
    campaign_id bigint,
    attempts   integer NOT NULL DEFAULT 0,
    crashes    integer NOT NULL DEFAULT 0,
    epoch      bigint,
    changed_at timestamptz,
    unknown_at timestamptz,
    held_by    text
) WITH (fillfactor = 40, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
        autovacuum_analyze_scale_factor = 0.2, autovacuum_vacuum_cost_delay = 0);

-- The sender looks at this one before each claim, so it has a row for those alone that are paused.
CREATE TABLE whatsapp_campaign_pauses (
    campaign_id bigint PRIMARY KEY,
    paused_at   timestamptz NOT NULL DEFAULT pg_catalog.now(),
    starts_at   timestamptz NOT NULL DEFAULT pg_catalog.now(),
    cause       text NOT NULL CHECK (cause IN ('asked', 'cancelled', 'failures', 'quality', 'template', 'window')),
    reason      text,
    hint        text
);

-- Neither index knows the state: to mark a row as sending touches no index, and with room for a second version of each row (fillfactor)
-- it stays in its page.
CREATE INDEX whatsapp_queue_due_idx ON whatsapp_queue (sender, priority, due_at, message_id);
CREATE INDEX whatsapp_queue_unknown_idx ON whatsapp_queue (unknown_at) WHERE unknown_at IS NOT NULL;
CREATE INDEX whatsapp_queue_held_by_idx ON whatsapp_queue (held_by) WHERE held_by IS NOT NULL;

COMMENT ON TABLE whatsapp_queue IS 'Messages that are still to be sent; a row goes when its message is settled. Changed by the extension only.';
COMMENT ON COLUMN whatsapp_queue.message_id IS 'The message, a row of whatsapp_messages.';
COMMENT ON COLUMN whatsapp_queue.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_queue.recipient IS 'As in the message.';
COMMENT ON COLUMN whatsapp_queue.priority IS '0 urgent, 1 normal, 2 bulk: of one sender, the lower ones leave first.';
COMMENT ON COLUMN whatsapp_queue.state IS 'ready; sending: committed before its bytes leave; unknown: bytes may have left and no answer came; held: queued before a long unclean gap, see wa_release().';
COMMENT ON COLUMN whatsapp_queue.paced IS 'True: due_at is its turn in the schedule of its recipient, see whatsapp.pair_interval.';
COMMENT ON COLUMN whatsapp_queue.due_at IS 'The message is not sent before this time.';
COMMENT ON COLUMN whatsapp_queue.expires_at IS 'The message is not sent after this time.';
COMMENT ON COLUMN whatsapp_queue.campaign_id IS 'As in the message. It is not sent while the campaign is paused.';
COMMENT ON COLUMN whatsapp_queue.attempts IS 'Attempts so far, without those that the account''s trouble ended.';
COMMENT ON COLUMN whatsapp_queue.crashes IS 'How often the sender ended without order while this message was on the wire; at three it is parked as FAILED.';
COMMENT ON COLUMN whatsapp_queue.epoch IS 'The life of the sender that marked it as sending, see whatsapp_instances.epoch.';
COMMENT ON COLUMN whatsapp_queue.changed_at IS 'When the state last changed.';
COMMENT ON COLUMN whatsapp_queue.unknown_at IS 'Since when nobody knows what became of it; NULL when it is known.';
COMMENT ON COLUMN whatsapp_queue.held_by IS 'Which budget holds it until due_at, and whether that is for a price that is not known; NULL when none does.';
COMMENT ON TABLE whatsapp_campaign_pauses IS 'Campaigns of which nothing is sent from starts_at on. A row goes with wa_campaign_resume(). Changed by the extension only.';
COMMENT ON COLUMN whatsapp_campaign_pauses.campaign_id IS 'The campaign.';
COMMENT ON COLUMN whatsapp_campaign_pauses.paused_at IS 'When it was written.';
COMMENT ON COLUMN whatsapp_campaign_pauses.starts_at IS 'Since when it holds, or from when on: the end of a send window is written down before it comes.';
COMMENT ON COLUMN whatsapp_campaign_pauses.cause IS 'asked: by wa_campaign_pause(); cancelled: what is pending is being called off; failures, quality, template: it stopped by itself; window: it is outside of its hours.';
COMMENT ON COLUMN whatsapp_campaign_pauses.reason IS 'Why, in words.';
COMMENT ON COLUMN whatsapp_campaign_pauses.hint IS 'What to do about it.';

SELECT pg_catalog.pg_extension_config_dump('whatsapp_queue', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_campaign_pauses', '');

/* Attempts that did not succeed. */

-- Every attempt that did not succeed; the one that did is the message row itself.
CREATE TABLE whatsapp_attempts (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id    bigint NOT NULL,
    attempt       integer NOT NULL,
    ended_at      timestamptz NOT NULL DEFAULT pg_catalog.now(),
    outcome       text NOT NULL,
    http_status   integer,
    error_code    bigint,
    error_message text,
    error_details jsonb
);

CREATE INDEX whatsapp_attempts_message_id_idx ON whatsapp_attempts (message_id);

COMMENT ON TABLE whatsapp_attempts IS 'Attempts that did not succeed. The one that did is the message row itself; those that met the account''s trouble show in whatsapp_senders.';
COMMENT ON COLUMN whatsapp_attempts.id IS 'Number of the row.';
COMMENT ON COLUMN whatsapp_attempts.message_id IS 'The message, a row of whatsapp_messages.';
COMMENT ON COLUMN whatsapp_attempts.attempt IS 'Number of the attempt, from 1.';
COMMENT ON COLUMN whatsapp_attempts.ended_at IS 'When it ended.';
COMMENT ON COLUMN whatsapp_attempts.outcome IS 'What came of it: refused, retry, throttle or unknown.';
COMMENT ON COLUMN whatsapp_attempts.http_status IS 'HTTP status of the answer; NULL when there was none.';
COMMENT ON COLUMN whatsapp_attempts.error_code IS 'Meta''s code of the error.';
COMMENT ON COLUMN whatsapp_attempts.error_message IS 'The error in words.';
COMMENT ON COLUMN whatsapp_attempts.error_details IS 'All that Meta said about it.';

SELECT pg_catalog.pg_extension_config_dump('whatsapp_attempts', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_attempts_id_seq', '');

/* Finds a message by its wamid, Meta's id of it. */

-- Messages by the hash of their wamid, for a webhook that does not bring our own id back. Compare the wamid, too. The generation is that of
-- the newest messages when it was learnt, 262,144 each: what is new shares few pages of the index, however long the history is.
CREATE TABLE whatsapp_wamids (
    hash       bigint NOT NULL,
    message_id bigint NOT NULL,
    generation integer NOT NULL DEFAULT 0
);
ALTER TABLE whatsapp_wamids REPLICA IDENTITY FULL;

CREATE INDEX whatsapp_wamids_hash_idx ON whatsapp_wamids (generation, hash);

COMMENT ON TABLE whatsapp_wamids IS 'Finds a message by the hash of its wamid, in every generation. Compare the wamid, too.';
COMMENT ON COLUMN whatsapp_wamids.hash IS 'Hash of the wamid: hashtextextended(wamid, 0).';
COMMENT ON COLUMN whatsapp_wamids.message_id IS 'The message, a row of whatsapp_messages.';
COMMENT ON COLUMN whatsapp_wamids.generation IS 'The newest whatsapp_messages.id when the wamid was learnt, divided by 262,144: new entries share few pages of the index.';

SELECT pg_catalog.pg_extension_config_dump('whatsapp_wamids', '');

/* What callers do with a message: enqueue, cancel, send again. */

CREATE FUNCTION wa_send_template(phone text, template text, parameters text[] DEFAULT '{}', language text DEFAULT NULL,
                                 sender text DEFAULT NULL, reference text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                                 idempotency_key text DEFAULT NULL, priority text DEFAULT NULL,
                                 named_parameters jsonb DEFAULT NULL, header jsonb DEFAULT NULL,
                                 buttons jsonb DEFAULT NULL, cards jsonb DEFAULT NULL,
                                 offer_ends_at timestamptz DEFAULT NULL, components jsonb DEFAULT NULL,
                                 reply_to text DEFAULT NULL, language_fallback boolean DEFAULT false) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_template';

CREATE FUNCTION wa_send_po(supplier text, po text, amount text, phone text, language text DEFAULT NULL,
                           sender text DEFAULT NULL, send_at timestamptz DEFAULT NULL, idempotency_key text DEFAULT NULL,
                           priority text DEFAULT NULL, document bigint DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_po_text';

CREATE FUNCTION wa_send_po(supplier text, po text, amount numeric, phone text, currency text DEFAULT NULL,
                           language text DEFAULT NULL, sender text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                           idempotency_key text DEFAULT NULL, priority text DEFAULT NULL, document bigint DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_po_numeric';

CREATE FUNCTION wa_cancel(message_id bigint) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_cancel';

CREATE FUNCTION wa_retry(message_id bigint, phone text DEFAULT NULL) RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_retry';

COMMENT ON FUNCTION wa_send_template(text, text, text[], text, text, text, timestamptz, text, text, jsonb, jsonb, jsonb, jsonb, timestamptz, jsonb, text, boolean) IS
    'Enqueues a template message; it leaves when this transaction commits, not before send_at. The body takes parameters in their order, or named_parameters as an object. header is a text or an object with one of image, video, document, location, product; buttons is an array with an element for each button of the template, null for one without a variable, else an object with one of url, payload, coupon_code, flow, catalog, mpm; cards is an array of objects with header, parameters, named and buttons; offer_ends_at is when a limited-time offer ends; components is for what else there is, as the Cloud API reference has it; reply_to is the wamid of a message that is quoted. template may be an alias, see wa_template_define(); with language_fallback, es is sent where whatsapp_templates has no es_MX. Returns whatsapp_messages.id. The same idempotency_key of a sender and session user again enqueues nothing and returns the first id. Raises 22023 for the phone, priority or an empty idempotency_key, 22004 for NULL, 22001 for a text that is too long, WA001 to WA005, WA014, 22032 and 2202E for template, language, parameters and components, 22008 for an infinite send_at, 42704 for an unknown sender, and for a template or language that its account does not have once wa_sync_templates() has read it, WA012 when the recipient has opted out, WA013 when the template is known not to be approved, WA015 when the idempotency_key belongs to another message, 0A000 when the database is not in UTF8.';
COMMENT ON FUNCTION wa_send_po(text, text, text, text, text, text, timestamptz, text, text, bigint) IS
    'Enqueues template po_notification with the amount as it is written, e.g. €1,250.00. document is a file of wa_upload_media() that the template shows in its header; the message waits until Meta has it. Returns whatsapp_messages.id. Raises what wa_send_template() and wa_send_media() raise.';
COMMENT ON FUNCTION wa_send_po(text, text, numeric, text, text, text, text, timestamptz, text, text, bigint) IS
    'Enqueues template po_notification with the amount written by wa_format_amount() in whatsapp.amount_locale; currency is whatsapp.default_currency for NULL, document as in the other form. Returns whatsapp_messages.id. Raises what wa_send_template() and wa_format_amount() raise.';
COMMENT ON FUNCTION wa_cancel(bigint) IS
    'Cancels a message. True: it will not be sent (status CANCELLED once committed). False: too late, it is on the wire, was sent, or does not exist. Takes any id.';
COMMENT ON FUNCTION wa_retry(bigint, text) IS
    'Sends a FAILED or CANCELLED message again, or a PENDING one whose row in whatsapp_queue was deleted; with phone to that number, also one that was refused for its phone. True: it is PENDING once committed, with a new life span and in time a new wamid. False: it is none of these, its phone is still wrong, or it was refused before it could be put together; a NOTICE says which. NULL for NULL. Raises 22023 when phone is not in E.164 format, 55000 when it names a file whose upload failed: see wa_upload_media().';

REVOKE ALL ON FUNCTION wa_send_template(text, text, text[], text, text, text, timestamptz, text, text, jsonb, jsonb, jsonb, jsonb, timestamptz, jsonb, text, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_po(text, text, text, text, text, text, timestamptz, text, text, bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_po(text, text, numeric, text, text, text, text, timestamptz, text, text, bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_cancel(bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_retry(bigint, text) FROM PUBLIC;

/* Which cluster and database the rows belong to, and what is held when they came from elsewhere. */

-- Who this database is. A row that is not of this cluster and database tells that the rows came from elsewhere (a restored dump, a
-- TEMPLATE copy, pg_upgrade): nothing is sent until wa_release(). table_oid tells the same of a dump that is restored over its own
-- database, since the table is made anew. released_restore is the last restore of a base backup that wa_release() has let go. No key: a dump must load beside a row that is here already.
-- REPLICA IDENTITY FULL, as for every table without a key of columns that are NOT NULL: where a publication is for all tables, the server
-- refuses to update or delete rows that it could not name, and sending would end.
CREATE TABLE whatsapp_instances (
    nonce             text NOT NULL CHECK (nonce ~ '^[0-9a-f]{16}$'),
    system_identifier text NOT NULL,
    database_oid      oid NOT NULL,
    table_oid         oid NOT NULL,
    epoch             bigint NOT NULL DEFAULT 0,
    heartbeat_at      timestamptz,
    stopped_cleanly   boolean NOT NULL DEFAULT false,
    quarantine_until  timestamptz,
    created_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    released_at       timestamptz,
    released_restore  text
);
ALTER TABLE whatsapp_instances REPLICA IDENTITY FULL;

CREATE FUNCTION whatsapp_hold_reason() RETURNS text
LANGUAGE C STABLE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_hold_reason';

CREATE FUNCTION wa_release(dry_run boolean DEFAULT false) RETURNS bigint
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_release';

CREATE VIEW whatsapp_held AS
SELECT m.id, m.created_at, m.sender, m.recipient_phone, m.template_name, m.reference, q.due_at, q.expires_at, h.reason
FROM (SELECT whatsapp_hold_reason() AS reason) AS h
JOIN whatsapp_queue AS q ON q.state = 'held' OR h.reason LIKE 'this database%'
JOIN whatsapp_messages AS m ON m.id = q.message_id
WHERE h.reason IS NOT NULL;

COMMENT ON TABLE whatsapp_instances IS 'Which clusters and databases these rows have lived in, one row each.';
COMMENT ON COLUMN whatsapp_instances.nonce IS 'Names this database in what goes to Meta and comes back; another one after a promotion or a release.';
COMMENT ON COLUMN whatsapp_instances.system_identifier IS 'The cluster''s identifier, as pg_control_system() tells it.';
COMMENT ON COLUMN whatsapp_instances.database_oid IS 'OID of the database.';
COMMENT ON COLUMN whatsapp_instances.table_oid IS 'OID that this table had when the row was made.';
COMMENT ON COLUMN whatsapp_instances.epoch IS 'Number of lives of the sender.';
COMMENT ON COLUMN whatsapp_instances.heartbeat_at IS 'When its sender was last alive.';
COMMENT ON COLUMN whatsapp_instances.stopped_cleanly IS 'Whether its sender stopped in order.';
COMMENT ON COLUMN whatsapp_instances.quarantine_until IS 'After a promotion: nothing is sent before this time.';
COMMENT ON COLUMN whatsapp_instances.created_at IS 'When the row was made.';
COMMENT ON COLUMN whatsapp_instances.released_at IS 'When wa_release() ended the hold that this row makes.';
COMMENT ON COLUMN whatsapp_instances.released_restore IS 'The last restore of a base backup that wa_release() has let go.';
COMMENT ON FUNCTION whatsapp_hold_reason() IS 'Why messages are held, or NULL; for whatsapp_held.';
COMMENT ON FUNCTION wa_release(boolean) IS
    'Ends the hold of a database that was restored or copied, or of messages that were queued before a long gap, at commit: they will be sent from here. Returns how many wait in the queue; 0 when nothing was held. With dry_run nothing ends: see whatsapp_held for the messages.';
COMMENT ON VIEW whatsapp_held IS 'Messages that wait for wa_release(), and why: what it would send.';
COMMENT ON COLUMN whatsapp_held.id IS 'The message, a row of whatsapp_messages.';
COMMENT ON COLUMN whatsapp_held.created_at IS 'When it was enqueued.';
COMMENT ON COLUMN whatsapp_held.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_held.recipient_phone IS 'Who would get it.';
COMMENT ON COLUMN whatsapp_held.template_name IS 'Name of the template.';
COMMENT ON COLUMN whatsapp_held.reference IS 'The caller''s own key.';
COMMENT ON COLUMN whatsapp_held.due_at IS 'The message is not sent before this time.';
COMMENT ON COLUMN whatsapp_held.expires_at IS 'The message is not sent after this time.';
COMMENT ON COLUMN whatsapp_held.reason IS 'Why it is held.';

REVOKE ALL ON FUNCTION whatsapp_hold_reason() FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_release(boolean) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_instances', '');

/* Messages without a template. They may be sent for 24 hours after the recipient has written, see wa_window_open(). */

CREATE FUNCTION wa_send_text(phone text, body text, preview_url boolean DEFAULT false, reply_to text DEFAULT NULL,
                             sender text DEFAULT NULL, reference text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                             idempotency_key text DEFAULT NULL, priority text DEFAULT NULL,
                             fallback_template text DEFAULT NULL, fallback_parameters text[] DEFAULT '{}') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_text';

CREATE FUNCTION wa_send_media(phone text, media_type text, link text DEFAULT NULL, media_id text DEFAULT NULL,
                              caption text DEFAULT NULL, filename text DEFAULT NULL, voice boolean DEFAULT false,
                              reply_to text DEFAULT NULL, sender text DEFAULT NULL, reference text DEFAULT NULL,
                              send_at timestamptz DEFAULT NULL, idempotency_key text DEFAULT NULL,
                              priority text DEFAULT NULL, media bigint DEFAULT NULL,
                              fallback_template text DEFAULT NULL, fallback_parameters text[] DEFAULT '{}') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_media';

CREATE FUNCTION wa_send_location(phone text, latitude double precision, longitude double precision, name text DEFAULT NULL,
                                 address text DEFAULT NULL, reply_to text DEFAULT NULL, sender text DEFAULT NULL,
                                 reference text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                                 idempotency_key text DEFAULT NULL, priority text DEFAULT NULL,
                                 fallback_template text DEFAULT NULL, fallback_parameters text[] DEFAULT '{}') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_location';

CREATE FUNCTION wa_send_contacts(phone text, contacts jsonb, reply_to text DEFAULT NULL, sender text DEFAULT NULL,
                                 reference text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                                 idempotency_key text DEFAULT NULL, priority text DEFAULT NULL,
                                 fallback_template text DEFAULT NULL, fallback_parameters text[] DEFAULT '{}') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_contacts';

CREATE FUNCTION wa_send_interactive(phone text, interactive jsonb, reply_to text DEFAULT NULL, sender text DEFAULT NULL,
                                    reference text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                                    idempotency_key text DEFAULT NULL, priority text DEFAULT NULL,
                                    fallback_template text DEFAULT NULL, fallback_parameters text[] DEFAULT '{}') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_interactive';

CREATE FUNCTION wa_send_reaction(phone text, message_wamid text, emoji text, sender text DEFAULT NULL,
                                 reference text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                                 idempotency_key text DEFAULT NULL, priority text DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_reaction';

CREATE FUNCTION wa_send(phone text, message_type text, content jsonb, reply_to text DEFAULT NULL, sender text DEFAULT NULL,
                        reference text DEFAULT NULL, send_at timestamptz DEFAULT NULL, idempotency_key text DEFAULT NULL,
                        priority text DEFAULT NULL,
                        fallback_template text DEFAULT NULL, fallback_parameters text[] DEFAULT '{}') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send';

COMMENT ON FUNCTION wa_send_text(text, text, boolean, text, text, text, timestamptz, text, text, text, text[]) IS
    'Enqueues a text of at most 4,096 characters; preview_url shows what its first web address leads to, reply_to is the wamid of a message that is quoted. It leaves when this transaction commits, if the recipient wrote in the last 24 hours; else fallback_template is sent instead, in whatsapp.default_language, with fallback_parameters in its body; without one it becomes FAILED. Returns whatsapp_messages.id. Raises WA014 and 22001 for the content, and what wa_send_template() raises for the rest.';
COMMENT ON FUNCTION wa_send_media(text, text, text, text, text, text, boolean, text, text, text, timestamptz, text, text, bigint, text, text[]) IS
    'Enqueues an image, video, audio, document or sticker: a link (https) that Meta fetches, the media_id of an upload, or as media a file of wa_upload_media(), for which the message waits. caption has at most 1,024 characters, filename is for documents, voice for audio. Returns and raises what wa_send_text() does.';
COMMENT ON FUNCTION wa_send_location(text, double precision, double precision, text, text, text, text, text, timestamptz, text, text, text, text[]) IS
    'Enqueues a place: latitude and longitude in degrees, its name and address. Returns and raises what wa_send_text() does.';
COMMENT ON FUNCTION wa_send_contacts(text, jsonb, text, text, text, timestamptz, text, text, text, text[]) IS
    'Enqueues cards of people: an array of 1 to 257 objects as the Cloud API reference has them, each with name.formatted_name and one more part of the name. Returns and raises what wa_send_text() does; 22032 for JSON that is too deep or too big.';
COMMENT ON FUNCTION wa_send_interactive(text, jsonb, text, text, text, timestamptz, text, text, text, text[]) IS
    'Enqueues buttons, a list, a flow, products or cards: the object "interactive" of the Cloud API reference, checked by the limits of its type. Returns and raises what wa_send_contacts() does.';
COMMENT ON FUNCTION wa_send_reaction(text, text, text, text, text, timestamptz, text, text) IS
    'Enqueues a reaction to the message with this wamid; an empty emoji takes it back. Meta reports its status sent only. Returns and raises what wa_send_text() does.';
COMMENT ON FUNCTION wa_send(text, text, jsonb, text, text, text, timestamptz, text, text, text, text[]) IS
    'Enqueues a message of any type: content is the object of that name in the Cloud API reference, of type text, image, video, audio, document, sticker, location, contacts, reaction, interactive or template. Returns and raises what wa_send_contacts() and wa_send_template() do.';

REVOKE ALL ON FUNCTION wa_send_text(text, text, boolean, text, text, text, timestamptz, text, text, text, text[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_media(text, text, text, text, text, text, boolean, text, text, text, timestamptz, text, text, bigint, text, text[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_location(text, double precision, double precision, text, text, text, text, text, timestamptz, text, text, text, text[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_contacts(text, jsonb, text, text, text, timestamptz, text, text, text, text[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_interactive(text, jsonb, text, text, text, timestamptz, text, text, text, text[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_reaction(text, text, text, text, text, timestamptz, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send(text, text, jsonb, text, text, text, timestamptz, text, text, text, text[]) FROM PUBLIC;

/* What became of the messages of each day, counted as it happens. */

-- Rows of one key add up. A transaction inserts what it has changed and waits for nobody; the reader folds the rows of a key into one.
CREATE TABLE whatsapp_day_counts (
    day           date NOT NULL,
    sender        text NOT NULL,
    template_name text NOT NULL,
    category      text NOT NULL,
    error_code    bigint,
    campaign_id   bigint,
    deleted       boolean NOT NULL DEFAULT false,
    sent          bigint NOT NULL,
    delivered     bigint NOT NULL,
    read          bigint NOT NULL,
    failed        bigint NOT NULL,
    failed_sent   bigint NOT NULL,
    cancelled     bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE whatsapp_day_counts REPLICA IDENTITY FULL;

CREATE INDEX whatsapp_day_counts_campaign_id_idx ON whatsapp_day_counts (campaign_id) WHERE campaign_id IS NOT NULL;

CREATE FUNCTION whatsapp_count_days() RETURNS trigger
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_count_days';

CREATE TRIGGER whatsapp_count_days AFTER UPDATE ON whatsapp_messages REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION whatsapp_count_days();
CREATE TRIGGER whatsapp_count_deleted AFTER DELETE ON whatsapp_messages REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION whatsapp_count_days();
CREATE TRIGGER whatsapp_count_truncated AFTER TRUNCATE ON whatsapp_messages
    FOR EACH STATEMENT EXECUTE FUNCTION whatsapp_count_days();

COMMENT ON TABLE whatsapp_day_counts IS
    'What became of the messages of each day. Rows of one key add up; see whatsapp_stat_days. It keeps its numbers when messages are deleted.';
COMMENT ON COLUMN whatsapp_day_counts.day IS 'By UTC: the day when the message was sent, else when it failed, else when it was made.';
COMMENT ON COLUMN whatsapp_day_counts.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_day_counts.template_name IS 'Name of the template; empty without one.';
COMMENT ON COLUMN whatsapp_day_counts.category IS 'Category that is charged, as status webhooks report it; empty before.';
COMMENT ON COLUMN whatsapp_day_counts.error_code IS 'Meta''s code of what failed; NULL where there is none.';
COMMENT ON COLUMN whatsapp_day_counts.campaign_id IS 'The campaign of the messages; NULL for others.';
COMMENT ON COLUMN whatsapp_day_counts.deleted IS 'True: these messages were deleted; they stay counted in the other rows.';
COMMENT ON COLUMN whatsapp_day_counts.sent IS 'Messages that were sent, whatever came after.';
COMMENT ON COLUMN whatsapp_day_counts.delivered IS 'Messages that are DELIVERED or READ.';
COMMENT ON COLUMN whatsapp_day_counts.read IS 'Messages that are READ.';
COMMENT ON COLUMN whatsapp_day_counts.failed IS 'Messages that are FAILED.';
COMMENT ON COLUMN whatsapp_day_counts.failed_sent IS 'Of these, those that were sent before.';
COMMENT ON COLUMN whatsapp_day_counts.cancelled IS 'Messages that are CANCELLED.';
COMMENT ON FUNCTION whatsapp_count_days() IS
    'The trigger that adds what a statement has changed in whatsapp_messages to whatsapp_day_counts.';

REVOKE ALL ON FUNCTION whatsapp_count_days() FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_day_counts', '');

/* Requests to Meta's API that are no message: templates, numbers, media. The clerk makes them. */

CREATE SEQUENCE whatsapp_requests_id_seq AS bigint;

CREATE TABLE whatsapp_requests (
    id            bigint PRIMARY KEY DEFAULT pg_catalog.nextval('@extschema@.whatsapp_requests_id_seq'::pg_catalog.regclass),
    kind          text NOT NULL
                  CHECK (kind IN ('sync_templates', 'create_template', 'edit_template', 'delete_template',
                                  'sync_numbers', 'probe', 'mark_read', 'upload_media', 'download_media')),
    account       text CHECK (octet_length(account) <= 63),
    sender        text CHECK (octet_length(sender) <= 63),
    request       jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(request) = 'object'),
    state         text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'unknown', 'done', 'failed')),
    attempts      integer NOT NULL DEFAULT 0,
    looks         integer NOT NULL DEFAULT 0,
    due_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    requested_by  text NOT NULL DEFAULT SESSION_USER CHECK (octet_length(requested_by) <= 63),
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

/* Definitions of templates: what is wanted, the rules of Meta's for it, and what has to be asked for so that Meta has the same. */

CREATE TABLE whatsapp_template_definitions (
    account    text CHECK (octet_length(account) <= 63),
    name       text NOT NULL CHECK (octet_length(name) <= 512),
    language   text NOT NULL CHECK (octet_length(language) <= 63),
    definition jsonb NOT NULL CHECK (jsonb_typeof(definition) = 'object'),
    alias      text CHECK (octet_length(alias) <= 512),
    version    integer,
    applied    jsonb,
    defined_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    removed_at timestamptz
);
ALTER TABLE whatsapp_template_definitions REPLICA IDENTITY FULL;

CREATE UNIQUE INDEX whatsapp_template_definitions_key ON whatsapp_template_definitions (name, language, account) NULLS NOT DISTINCT;
CREATE INDEX whatsapp_template_definitions_alias_idx ON whatsapp_template_definitions (alias) WHERE alias IS NOT NULL;

CREATE FUNCTION wa_template_check(definition jsonb) RETURNS TABLE (rule text, component text, "position" integer, message text)
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 3
AS 'MODULE_PATHNAME', 'pg_whatsapp_template_check';

CREATE FUNCTION wa_template_rules() RETURNS TABLE (rule text, meaning text)
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 80
AS 'MODULE_PATHNAME', 'pg_whatsapp_template_rules';

CREATE FUNCTION whatsapp_require_definition(definition jsonb) RETURNS boolean
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_require_definition';

CREATE FUNCTION whatsapp_template_difference(definition jsonb, components jsonb, category text) RETURNS text
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_template_difference';

CREATE FUNCTION whatsapp_template_placeholders(definition jsonb) RETURNS text
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_template_placeholders';

-- po_notification@3 is the third version of the alias po_notification, and its name at Meta is po_notification_v3.
CREATE FUNCTION whatsapp_read_definition(INOUT definition jsonb, OUT alias text, OUT version integer)
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE WHEN v.m IS NULL THEN definition ELSE jsonb_set(definition, '{name}', to_jsonb(v.m[1] || '_v' || v.m[2])) END, v.m[1], v.m[2]::integer
    FROM regexp_match(definition ->> 'name', '^(.+)@([1-9][0-9]{0,5})$') AS v (m);
END;

CREATE FUNCTION wa_template_define(definition jsonb, account text DEFAULT NULL) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO whatsapp_template_definitions AS t (account, name, language, definition, alias, version)
    SELECT wa_template_define.account, d.definition ->> 'name', d.definition ->> 'language', d.definition, d.alias, d.version
    FROM whatsapp_read_definition(wa_template_define.definition) AS d WHERE whatsapp_require_definition(d.definition)
    ON CONFLICT (name, language, account) DO UPDATE
    SET definition = EXCLUDED.definition, alias = EXCLUDED.alias, version = EXCLUDED.version, removed_at = NULL,
        defined_at = CASE WHEN t.definition = EXCLUDED.definition AND t.removed_at IS NULL THEN t.defined_at ELSE now() END;
END;

CREATE FUNCTION wa_template_remove(name text, language text DEFAULT NULL, account text DEFAULT NULL) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE whatsapp_template_definitions AS t SET removed_at = now()
    WHERE t.name = wa_template_remove.name AND t.language = coalesce(wa_template_remove.language, t.language)
      AND t.account IS NOT DISTINCT FROM wa_template_remove.account AND t.removed_at IS NULL;
END;

-- What stands between what is wanted and what Meta has, with the request that would change it.
CREATE FUNCTION whatsapp_template_steps(account text)
RETURNS TABLE (action text, name text, language text, differences jsonb, blocked text, kind text, request jsonb)
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH wanted AS (
        SELECT d.name, d.language, d.definition, d.applied, d.removed_at,
               (SELECT c.rule || ' in ' || c.component FROM wa_template_check(d.definition) AS c LIMIT 1) AS broken,
               (SELECT o.language FROM whatsapp_template_definitions AS o
                WHERE o.name = d.name AND o.account IS NOT DISTINCT FROM d.account AND o.removed_at IS NULL AND o.language < d.language
                  AND whatsapp_template_placeholders(o.definition) <> whatsapp_template_placeholders(d.definition)
                ORDER BY o.language LIMIT 1) AS differs_from
        FROM whatsapp_template_definitions AS d WHERE d.account IS NOT DISTINCT FROM whatsapp_template_steps.account
    ), known AS (
        SELECT t.name, t.language, t.template_id, t.status, t.category, t.components, t.gone_at
        FROM whatsapp_templates AS t WHERE t.account IS NOT DISTINCT FROM whatsapp_template_steps.account
    ), synced AS (
        SELECT EXISTS (SELECT FROM whatsapp_requests AS r WHERE r.kind = 'sync_templates' AND r.state = 'done'
                       AND r.account IS NOT DISTINCT FROM whatsapp_template_steps.account) AS yes
    ), compared AS (
        SELECT coalesce(w.name, k.name) AS name, coalesce(w.language, k.language) AS language, w.definition, w.applied, w.removed_at, w.broken,
               w.differs_from, k.template_id, k.status, k.gone_at, k.name IS NOT NULL AND k.gone_at IS NULL AS live,
               CASE WHEN w.definition IS NOT NULL AND k.name IS NOT NULL AND k.gone_at IS NULL
                    THEN whatsapp_template_difference(w.definition, k.components, k.category)::jsonb END AS differences
        FROM wanted AS w FULL JOIN known AS k ON w.name = k.name AND w.language = k.language
    ), judged AS (
        SELECT c.*,
               CASE WHEN c.definition IS NULL THEN 'unmanaged'
                    WHEN c.removed_at IS NOT NULL THEN 'delete'
                    WHEN c.broken IS NOT NULL THEN 'invalid'
                    WHEN NOT c.live THEN 'create'
                    WHEN jsonb_path_exists(c.differences, '$[*] ? (@.component != "category")')
                    THEN CASE WHEN c.applied = c.definition THEN 'drifted' ELSE 'edit' END
                    WHEN c.differences <> '[]' THEN CASE WHEN c.applied ->> 'category' <> c.definition ->> 'category' THEN 'edit' ELSE 'recategorised' END
                    ELSE 'unchanged' END AS action
        FROM compared AS c WHERE c.live OR (c.definition IS NOT NULL AND c.removed_at IS NULL)
    ), asked AS (
        SELECT j.*, (SELECT max(r.id) FROM whatsapp_requests AS r WHERE r.ended_at IS NULL AND r.account IS NOT DISTINCT FROM whatsapp_template_steps.account
                     AND r.kind IN ('create_template', 'edit_template', 'delete_template')
                     AND (r.request ->> 'template_id' = j.template_id
                          OR (r.request ->> 'name' = j.name AND coalesce(r.request ->> 'language', j.language) = j.language
                              AND NOT r.request ? 'template_id'))) AS pending,
               (SELECT array_agg(r.created_at ORDER BY r.created_at DESC) FROM whatsapp_requests AS r
                WHERE r.kind = 'edit_template' AND r.account IS NOT DISTINCT FROM whatsapp_template_steps.account AND r.state <> 'failed'
                  AND r.request ->> 'template_id' = j.template_id AND r.created_at > now() - interval '30 days') AS edits
        FROM judged AS j
    )
    SELECT a.action, a.name, a.language, CASE WHEN a.action IN ('edit', 'drifted', 'recategorised') THEN a.differences END,
           CASE WHEN a.action = 'invalid' THEN 'rule ' || a.broken
                WHEN a.action NOT IN ('create', 'edit', 'drifted', 'delete') THEN NULL
                WHEN NOT s.yes THEN 'the account has never been synced'
                WHEN a.pending IS NOT NULL THEN 'request ' || a.pending || ' has not ended'
                WHEN a.action <> 'delete' AND a.differs_from IS NOT NULL THEN 'its placeholders differ from those of language ' || a.differs_from
                WHEN a.action = 'create' AND a.gone_at > now() - interval '30 days' THEN 'the name of a deleted template is free after 30 days only'
                WHEN a.action = 'delete' AND a.status = 'DISABLED' THEN 'a disabled template cannot be deleted'
                WHEN a.action IN ('create', 'delete') THEN NULL
                WHEN a.status IS NULL OR a.status NOT IN ('APPROVED', 'REJECTED', 'PAUSED') THEN 'a template cannot be edited while it is ' || coalesce(a.status, 'unknown')
                WHEN a.status = 'APPROVED' AND a.edits[1] > now() - interval '24 hours' THEN 'an approved template can be edited once in 24 hours'
                WHEN a.status = 'APPROVED' AND a.edits[10] IS NOT NULL THEN 'an approved template can be edited 10 times in 30 days'
                WHEN a.status = 'APPROVED' AND NOT jsonb_path_exists(a.differences, '$[*] ? (@.component != "category")')
                THEN 'the category of an approved template cannot be edited' END,
           CASE a.action WHEN 'create' THEN 'create_template' WHEN 'edit' THEN 'edit_template' WHEN 'drifted' THEN 'edit_template'
                         WHEN 'delete' THEN 'delete_template' END,
           CASE WHEN a.action = 'create' THEN a.definition
                WHEN a.action = 'delete' THEN jsonb_build_object('name', a.name, 'template_id', a.template_id)
                WHEN a.action IN ('edit', 'drifted')
                THEN jsonb_build_object('template_id', a.template_id, 'components', a.definition -> 'components')
                     || CASE WHEN a.definition ? 'message_send_ttl_seconds'
                             THEN jsonb_build_object('message_send_ttl_seconds', a.definition -> 'message_send_ttl_seconds') ELSE '{}' END
                     || CASE WHEN a.status <> 'APPROVED' THEN jsonb_build_object('category', a.definition -> 'category') ELSE '{}' END END
    FROM asked AS a CROSS JOIN synced AS s ORDER BY a.name, a.language;
END;

CREATE FUNCTION wa_template_plan(account text DEFAULT NULL)
RETURNS TABLE (action text, name text, language text, differences jsonb, blocked text)
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT s.action, s.name, s.language, s.differences, s.blocked FROM whatsapp_template_steps(wa_template_plan.account) AS s;
END;

CREATE FUNCTION wa_template_apply(account text DEFAULT NULL) RETURNS TABLE (request_id bigint, action text, name text, language text)
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_template_apply';

CREATE FUNCTION wa_render_template(template text, parameters text[], language text, named_parameters jsonb DEFAULT NULL, header jsonb DEFAULT NULL,
                                   buttons jsonb DEFAULT NULL, cards jsonb DEFAULT NULL, offer_ends_at timestamptz DEFAULT NULL,
                                   components jsonb DEFAULT NULL, reply_to text DEFAULT NULL, code text DEFAULT NULL,
                                   sender text DEFAULT NULL, html boolean DEFAULT false) RETURNS text
LANGUAGE C STABLE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_render_message';

COMMENT ON TABLE whatsapp_template_definitions IS 'Templates as they are wanted. wa_template_plan() compares them with whatsapp_templates, and wa_template_apply() asks Meta for what differs.';
COMMENT ON COLUMN whatsapp_template_definitions.account IS 'Name of the account; NULL is the default one.';
COMMENT ON COLUMN whatsapp_template_definitions.name IS 'Name of the template at Meta.';
COMMENT ON COLUMN whatsapp_template_definitions.language IS 'Language of the template, with _.';
COMMENT ON COLUMN whatsapp_template_definitions.definition IS 'Name, language, category, components and the like, as Meta''s creation call takes them.';
COMMENT ON COLUMN whatsapp_template_definitions.alias IS 'Name under which the newest approved version is sent; NULL for a template without versions.';
COMMENT ON COLUMN whatsapp_template_definitions.version IS 'Number of the version, where there is an alias.';
COMMENT ON COLUMN whatsapp_template_definitions.applied IS 'The definition that wa_template_apply() last asked for, or found at Meta.';
COMMENT ON COLUMN whatsapp_template_definitions.defined_at IS 'When the definition last changed.';
COMMENT ON COLUMN whatsapp_template_definitions.removed_at IS 'Since when it is not wanted any more; Meta is asked to delete it.';
COMMENT ON FUNCTION wa_template_check(jsonb) IS
    'The rules of Meta''s that a definition breaks, each with the component and, in a text, the character. No row: none is broken. Raises 22004 for NULL, 22032 for JSON that is too deep or too big.';
COMMENT ON FUNCTION wa_template_rules() IS 'All rules that wa_template_check() knows, and what each asks for.';
COMMENT ON FUNCTION whatsapp_require_definition(jsonb) IS 'True; raises WA016 when the definition breaks a rule.';
COMMENT ON FUNCTION whatsapp_template_difference(jsonb, jsonb, text) IS 'What of a definition differs from what Meta lists: an array with an object for each component.';
COMMENT ON FUNCTION whatsapp_template_placeholders(jsonb) IS 'The placeholders of a definition, a line for each text; equal for translations of one template.';
COMMENT ON FUNCTION whatsapp_read_definition(jsonb) IS 'A definition as Meta takes it, and alias and version when its name is like po_notification@3.';
COMMENT ON FUNCTION whatsapp_template_steps(text) IS 'What wa_template_plan() shows, and the request of each row.';
COMMENT ON FUNCTION wa_template_define(jsonb, text) IS
    'Puts a definition, as Meta''s creation call takes it, into whatsapp_template_definitions, in the place of the older one of that name and language. A name like po_notification@3 makes version po_notification_v3 of the alias po_notification. Raises WA016 when a rule is broken, 22004 for NULL, 22032 for JSON that is too deep or too big.';
COMMENT ON FUNCTION wa_template_remove(text, text, text) IS
    'Marks definitions as not wanted any more, in one language or for NULL in all: wa_template_apply() asks Meta to delete them.';
COMMENT ON FUNCTION wa_template_plan(text) IS
    'Compares the definitions of an account (NULL: the default one) with what Meta has. action is create, edit, delete, drifted (changed at Meta, not here), recategorised (Meta chose another category), invalid (breaks a rule), unmanaged (no definition here) or unchanged; differences has wanted and live of each component; blocked says why wa_template_apply() would not ask now.';
COMMENT ON FUNCTION wa_template_apply(text) IS
    'Asks the clerk for what wa_template_plan() shows as create, edit, drifted and delete, where nothing blocks it, and returns the requests, rows of whatsapp_requests. Called again, it returns nothing. Raises WA016 when a definition is invalid; then nothing is asked for.';
COMMENT ON FUNCTION wa_render_template(text, text[], text, jsonb, jsonb, jsonb, jsonb, timestamptz, jsonb, text, text, text, boolean) IS
    'A template message as the recipient reads it, header, body, footer and buttons, by the components in whatsapp_templates and the arguments that wa_send_template() takes; html gives one small card of HTML in its place. Raises what wa_send_template() raises for template and parameters; 42704 also when the template is not known.';

REVOKE ALL ON FUNCTION wa_render_template(text, text[], text, jsonb, jsonb, jsonb, jsonb, timestamptz, jsonb, text, text, text, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_template_steps(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_template_define(jsonb, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_template_remove(text, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_template_plan(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_template_apply(text) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_template_definitions', '');

/* Recipients: who has opted out, and who wrote within the last 24 hours. */

-- What each person has said last about being written to, per sender (NULL: all of them) and scope.
CREATE TABLE whatsapp_opt_outs (
    contact    text NOT NULL,
    sender     text,
    scope      text NOT NULL CHECK (scope IN ('all', 'marketing')),
    opted_out  boolean NOT NULL,
    changed_at timestamptz NOT NULL,
    source     text NOT NULL CHECK (source IN ('keyword', 'user_preferences', 'error', 'function')),
    reason     text
);
ALTER TABLE whatsapp_opt_outs REPLICA IDENTITY FULL;

-- When each person wrote last. Apart from whatsapp_inbound, whose rows may have to wait for somebody's trigger.
CREATE TABLE whatsapp_windows (
    contact         text NOT NULL,
    sender          text,
    last_inbound_at timestamptz NOT NULL
) WITH (fillfactor = 70);
ALTER TABLE whatsapp_windows REPLICA IDENTITY FULL;

-- Which phone and which business-scoped user id are one person, as webhooks of an account have told. A choice or a message under one of
-- them is one under the other, too, for the senders of that account.
CREATE TABLE whatsapp_user_ids (
    account   text,
    user_id   text NOT NULL,
    contact   text NOT NULL,
    learnt_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
ALTER TABLE whatsapp_user_ids REPLICA IDENTITY FULL;

-- A row of yours goes before the built-in one of the same keyword. Only yours are dumped: the built-in ones come with the extension.
CREATE TABLE whatsapp_opt_out_keywords (
    keyword  text NOT NULL CHECK (keyword = pg_catalog.upper(pg_catalog.btrim(keyword)) AND keyword <> ''),
    action   text NOT NULL CHECK (action IN ('stop', 'resume', 'none')),
    scope    text NOT NULL DEFAULT 'all' CHECK (scope IN ('all', 'marketing')),
    built_in boolean NOT NULL DEFAULT false,
    PRIMARY KEY (keyword, built_in)
);

-- Compared by letters and digits alone, so STOP ALL is STOPALL, too. No word for "cancel" or "end": who answers a purchase order with it
-- may mean the order.
INSERT INTO whatsapp_opt_out_keywords (keyword, action, scope, built_in)
SELECT k, 'stop', 'all', true FROM unnest('{
    STOP,STOP ALL,QUIT,UNSUBSCRIBE,OPT OUT,REMOVE ME,
    BAJA,DAR DE BAJA,DARME DE BAJA,DARSE DE BAJA,CANCELAR SUSCRIPCION,NO MAS MENSAJES,
    BAIXA,DONAR DE BAIXA,
    SAIR,PARAR,DESCADASTRAR,CANCELAR INSCRICAO,CANCELAR SUBSCRICAO,
    ARRET,ARRETER,DESABONNER,ME DESABONNER,SE DESABONNER,DESABONNEMENT,DESINSCRIRE,ME DESINSCRIRE,DESINSCRIPTION,
    ABMELDEN,STOPP,ABBESTELLEN,AUSTRAGEN,
    DISISCRIVIMI,DISISCRIVITI,CANCELLAMI,ANNULLA ISCRIZIONE,
    AFMELDEN,UITSCHRIJVEN}'::text[]) AS k
UNION ALL SELECT k, 'stop', 'marketing', true FROM unnest('{
    STOP PROMOTIONS,STOP PROMOS,STOP MARKETING,
    DETENER PROMOCIONES,PARAR PROMOCIONES,NO MAS PROMOCIONES,
    PARAR PROMOCOES,INTERROMPER PROMOCOES,
    ARRETER LES PROMOTIONS,ARRETER LES PROMOS,STOP PUB,
    WERBUNG STOPPEN,ANGEBOTE STOPPEN,KEINE WERBUNG,
    INTERROMPI PROMOZIONI,STOP PROMOZIONI,
    PROMOTIES STOPPEN,STOP RECLAME}'::text[]) AS k
UNION ALL SELECT k, 'resume', 'all', true FROM unnest('{START,UNSTOP,SUBSCRIBE,OPT IN,ALTA,DAR DE ALTA,DARME DE ALTA}'::text[]) AS k;

CREATE UNIQUE INDEX whatsapp_opt_outs_key ON whatsapp_opt_outs (contact, sender, scope) NULLS NOT DISTINCT;
CREATE UNIQUE INDEX whatsapp_user_ids_key ON whatsapp_user_ids (user_id, contact, account) NULLS NOT DISTINCT;
CREATE INDEX whatsapp_user_ids_contact_idx ON whatsapp_user_ids (contact);
CREATE UNIQUE INDEX whatsapp_windows_key ON whatsapp_windows (contact, sender) NULLS NOT DISTINCT;

CREATE FUNCTION wa_keyword_key(words text) RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_keyword_key';

CREATE FUNCTION wa_opt_out(phone text, sender text DEFAULT NULL, scope text DEFAULT 'all', reason text DEFAULT NULL) RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_opt_out';

CREATE FUNCTION wa_opt_in(phone text, sender text DEFAULT NULL) RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_opt_in';

-- A body of its own, not a string: it must survive a new name of the schema.
CREATE FUNCTION wa_window_open(phone text, sender text DEFAULT NULL) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT EXISTS (SELECT FROM whatsapp_windows AS w WHERE w.contact = wa_contact_key(wa_window_open.phone)
                   AND w.sender = coalesce(wa_window_open.sender, pg_catalog.current_setting('whatsapp.default_sender', true), 'default')
                   AND w.last_inbound_at > pg_catalog.now() - interval '24 hours');
END;

COMMENT ON TABLE whatsapp_opt_outs IS 'Who wants no messages, or no marketing. A row with opted_out false tells that they want them again.';
COMMENT ON COLUMN whatsapp_opt_outs.contact IS 'The person, see wa_contact_key().';
COMMENT ON COLUMN whatsapp_opt_outs.sender IS 'Which sender it is about; NULL is all of them.';
COMMENT ON COLUMN whatsapp_opt_outs.scope IS 'all, or marketing: templates whose category is known to be MARKETING.';
COMMENT ON COLUMN whatsapp_opt_outs.opted_out IS 'False: they want messages again.';
COMMENT ON COLUMN whatsapp_opt_outs.changed_at IS 'Time of the choice, not of its arrival. The latest one counts.';
COMMENT ON COLUMN whatsapp_opt_outs.source IS 'Where the choice was made: keyword, user_preferences, error (131050) or function.';
COMMENT ON COLUMN whatsapp_opt_outs.reason IS 'The word, Meta''s detail, or what wa_opt_out() was told.';
COMMENT ON TABLE whatsapp_windows IS 'When each person last wrote to each sender: any message may answer for 24 hours, see wa_window_open().';
COMMENT ON COLUMN whatsapp_windows.contact IS 'The person, see wa_contact_key().';
COMMENT ON COLUMN whatsapp_windows.sender IS 'Name of the sender that was written to.';
COMMENT ON COLUMN whatsapp_windows.last_inbound_at IS 'Meta''s time of the person''s last message.';
COMMENT ON TABLE whatsapp_user_ids IS 'Which phones and business-scoped user ids are one person, as webhooks have told: what is chosen under one holds for the other.';
COMMENT ON COLUMN whatsapp_user_ids.account IS 'Name of the account whose webhook told it, and for whose senders it holds; NULL is the default one.';
COMMENT ON COLUMN whatsapp_user_ids.user_id IS 'The business-scoped user id.';
COMMENT ON COLUMN whatsapp_user_ids.contact IS 'The phone, see wa_contact_key().';
COMMENT ON COLUMN whatsapp_user_ids.learnt_at IS 'When it was learnt.';
COMMENT ON TABLE whatsapp_opt_out_keywords IS 'Words that opt out or back in when they are all of an inbound text or button.';
COMMENT ON COLUMN whatsapp_opt_out_keywords.keyword IS 'The word or words, in capitals; compared by wa_keyword_key().';
COMMENT ON COLUMN whatsapp_opt_out_keywords.action IS 'stop, resume, or none: the word does nothing.';
COMMENT ON COLUMN whatsapp_opt_out_keywords.scope IS 'all, or marketing.';
COMMENT ON COLUMN whatsapp_opt_out_keywords.built_in IS 'Came with the extension. A row of yours with the same keyword goes before it.';
COMMENT ON FUNCTION wa_keyword_key(text) IS
    'How a text is compared with whatsapp_opt_out_keywords: its letters and digits in small letters, without accents, spaces, signs and emoji. Empty for a text that is too long to be a keyword.';
COMMENT ON FUNCTION wa_opt_out(text, text, text, text) IS
    'Records that a person wants no messages: nothing (scope all), or no template of category MARKETING (scope marketing), is sent to this phone or user id any more, by one sender or for NULL by any. False when it was so already. Raises 22023 for the phone or scope, 22004 for NULL, 42704 for an unknown sender.';
COMMENT ON FUNCTION wa_opt_in(text, text) IS
    'Ends the opt-outs of a phone or user id, however they came about: those of one sender, or all. False when there was none. Call it only when the person has agreed. Raises 22023 for the phone, 22004 for NULL, 42704 for an unknown sender.';
COMMENT ON FUNCTION wa_window_open(text, text) IS
    'True when this phone or user id wrote to the sender (whatsapp.default_sender for NULL) within the last 24 hours, so that any message may be sent, not templates only. The 72 hours after an ad are about the price; they open nothing. Stable: the hours are counted from the start of the transaction.';

REVOKE ALL ON FUNCTION wa_opt_out(text, text, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_opt_in(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_window_open(text, text) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_opt_outs', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_windows', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_user_ids', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_opt_out_keywords', 'WHERE NOT built_in');

/* Events: every item that a webhook brought, and those that the reader has still to act upon. */

-- Every item of every webhook delivery, once. dedupe_key absorbs repeats, which Meta makes for up to 7 days; it is a digest, for what
-- names an item may be long. json, not jsonb: most items are read once or never, and to parse them costs more than to store them.
CREATE TABLE whatsapp_events (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at     timestamptz NOT NULL DEFAULT pg_catalog.now(),
    kind            text NOT NULL CHECK (kind IN ('status', 'message', 'error', 'account', 'test', 'malformed', 'refused', 'foreign')),
    field           text,
    account_id      text,
    phone_number_id text,
    wamid           text,
    status          text,
    occurred_at     timestamptz,
    message_id      bigint,
    signed_for      text,
    dedupe_key      uuid NOT NULL UNIQUE,
    raw             json,
    contact         json,
    body            bytea
);

-- Events that the reader has still to act upon. A row apart, not a column of the event: the event is wide and is written once.
CREATE TABLE whatsapp_event_queue (
    event_id      bigint PRIMARY KEY,
    attempts      integer NOT NULL DEFAULT 0,
    due_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    error_code    text,
    error_message text,
    apply_status  boolean NOT NULL DEFAULT false
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

CREATE INDEX whatsapp_events_received_at_idx ON whatsapp_events (received_at);
CREATE INDEX whatsapp_events_message_id_idx ON whatsapp_events (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX whatsapp_events_parked_idx ON whatsapp_events (received_at) WHERE kind = 'status' AND message_id IS NULL;
CREATE INDEX whatsapp_event_queue_due_at_idx ON whatsapp_event_queue (due_at, event_id);

COMMENT ON TABLE whatsapp_events IS 'Every item that a webhook brought, once. Keep rows for 8 days at least: Meta repeats deliveries for 7.';
COMMENT ON COLUMN whatsapp_events.id IS 'Number of the row.';
COMMENT ON COLUMN whatsapp_events.received_at IS 'When it arrived here.';
COMMENT ON COLUMN whatsapp_events.kind IS 'status; message: somebody wrote; error; account: templates, numbers, the account; test: a sample that the dashboard of the app posted for a test, and nothing is done about it; malformed: what is no delivery or no item of one, kept for people; refused: a delivery that the database would not take, for a trigger of yours on this table or because listeners ended over it; foreign: about another account of ours than the one whose app secret signed it, and not acted upon.';
COMMENT ON COLUMN whatsapp_events.field IS 'The webhook field, such as messages.';
COMMENT ON COLUMN whatsapp_events.account_id IS 'Meta''s id of the account that it concerns.';
COMMENT ON COLUMN whatsapp_events.phone_number_id IS 'Meta''s id of the number that it concerns.';
COMMENT ON COLUMN whatsapp_events.wamid IS 'Of the message that it is about, or its own.';
COMMENT ON COLUMN whatsapp_events.status IS 'Of kind status: sent, delivered, read, failed, or a word that is new.';
COMMENT ON COLUMN whatsapp_events.occurred_at IS 'Meta''s time.';
COMMENT ON COLUMN whatsapp_events.message_id IS 'The message, a row of whatsapp_messages; NULL when it is not known, or not yet.';
COMMENT ON COLUMN whatsapp_events.signed_for IS 'The accounts whose app secret signed it, and for which alone it counts: NULL for all, +,a,b, for these, -,a,b, for all but these; between two commas nothing stands for the default account.';
COMMENT ON COLUMN whatsapp_events.dedupe_key IS 'A digest of what names the item: the same item is not stored again.';
COMMENT ON COLUMN whatsapp_events.raw IS 'The item as it came; raw ->> ''id'' works as it is, operators such as @> need raw::jsonb.';
COMMENT ON COLUMN whatsapp_events.contact IS 'Of a message: what contacts[] said about who sent it. Of a status: what contacts[] said about whom it is for, where the status itself does not tell.';
COMMENT ON COLUMN whatsapp_events.body IS 'The whole body of a delivery that could not be read or stored.';
COMMENT ON TABLE whatsapp_event_queue IS 'Events that still have to be acted upon, and why that failed; a row goes when it is done. Changed by the extension, but for due_at.';
COMMENT ON COLUMN whatsapp_event_queue.event_id IS 'The event, a row of whatsapp_events.';
COMMENT ON COLUMN whatsapp_event_queue.attempts IS 'Attempts that failed.';
COMMENT ON COLUMN whatsapp_event_queue.due_at IS 'Not tried before this time; set it to now() to try again at once.';
COMMENT ON COLUMN whatsapp_event_queue.apply_status IS 'The event is a status whose message has still to be changed.';
COMMENT ON COLUMN whatsapp_event_queue.error_code IS 'SQLSTATE of the last failure, most likely of a trigger on whatsapp_inbound or whatsapp_messages.';
COMMENT ON COLUMN whatsapp_event_queue.error_message IS 'Message of the last failure.';

SELECT pg_catalog.pg_extension_config_dump('whatsapp_events', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_events_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_event_queue', '');

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

/* Messages that came in, and the notification of each. */

-- Users' own triggers are welcome here: they run in the reader, and one that fails is tried again without losing anything.
CREATE TABLE whatsapp_inbound (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at       timestamptz NOT NULL,
    occurred_at       timestamptz NOT NULL,
    sender            text,
    account_id        text,
    phone_number_id   text,
    wamid             text NOT NULL UNIQUE,
    message_type      text NOT NULL,
    from_phone        text,
    user_id           text,
    contact           text,
    profile_name      text,
    username          text,
    group_id          text,
    text              text,
    caption           text,
    media_id          text,
    mime_type         text,
    sha256            text,
    filename          text,
    voice             boolean,
    latitude          double precision,
    longitude         double precision,
    place_name        text,
    place_address     text,
    contacts          jsonb,
    emoji             text,
    target_wamid      text,
    reply_kind        text,
    reply_id          text,
    reply_description text,
    reply_data        text,
    order_items       jsonb,
    context_wamid     text,
    context_from      text,
    message_id        bigint,
    forwarded         boolean,
    referral          jsonb,
    new_phone         text,
    new_user_id       text,
    errors            jsonb,
    opens_window      boolean NOT NULL,
    event_id          bigint NOT NULL,
    raw               jsonb NOT NULL
);

CREATE INDEX whatsapp_inbound_received_at_idx ON whatsapp_inbound (received_at);
CREATE INDEX whatsapp_inbound_contact_idx ON whatsapp_inbound (contact, occurred_at);

CREATE FUNCTION whatsapp_notify_inbound() RETURNS trigger
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_notify_inbound';

CREATE FUNCTION wa_mark_read(inbound_id bigint, typing boolean DEFAULT false) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_mark_read';

CREATE TRIGGER whatsapp_notify_inbound AFTER INSERT ON whatsapp_inbound FOR EACH ROW
    WHEN (pg_catalog.current_setting('whatsapp.notify_inbound', true) = 'on')
    EXECUTE FUNCTION whatsapp_notify_inbound();

COMMENT ON TABLE whatsapp_inbound IS 'One row per message that came in, every type of it. Triggers of yours are welcome.';
COMMENT ON COLUMN whatsapp_inbound.id IS 'Number of the row.';
COMMENT ON COLUMN whatsapp_inbound.received_at IS 'When it arrived here.';
COMMENT ON COLUMN whatsapp_inbound.occurred_at IS 'Meta''s time of the message.';
COMMENT ON COLUMN whatsapp_inbound.sender IS 'Name of the sender that was written to; NULL when the number is none of ours.';
COMMENT ON COLUMN whatsapp_inbound.account_id IS 'Meta''s id of the account that was written to.';
COMMENT ON COLUMN whatsapp_inbound.phone_number_id IS 'Meta''s id of the number that was written to.';
COMMENT ON COLUMN whatsapp_inbound.wamid IS 'Meta''s id of the message.';
COMMENT ON COLUMN whatsapp_inbound.message_type IS 'text, image, video, audio, document, sticker, location, contacts, reaction, interactive, button, order, system, edit, revoke, unsupported, or a word that is new.';
COMMENT ON COLUMN whatsapp_inbound.from_phone IS 'Who wrote, with +. NULL where Meta tells only the user id.';
COMMENT ON COLUMN whatsapp_inbound.user_id IS 'Who wrote: the business-scoped user id, where Meta reports one.';
COMMENT ON COLUMN whatsapp_inbound.contact IS 'The key of the person: wa_contact_key() of the phone, else the user id.';
COMMENT ON COLUMN whatsapp_inbound.profile_name IS 'As the person calls themselves.';
COMMENT ON COLUMN whatsapp_inbound.username IS 'The person''s user name, where there is one.';
COMMENT ON COLUMN whatsapp_inbound.group_id IS 'Of a message to a group: the group.';
COMMENT ON COLUMN whatsapp_inbound.text IS 'Body, title of the button or row that was chosen, text of an order or an edit, or what the system says.';
COMMENT ON COLUMN whatsapp_inbound.caption IS 'Of media: the text below it.';
COMMENT ON COLUMN whatsapp_inbound.media_id IS 'Of media: Meta''s id, by which it can be fetched.';
COMMENT ON COLUMN whatsapp_inbound.mime_type IS 'Of media: its type.';
COMMENT ON COLUMN whatsapp_inbound.sha256 IS 'Of media: its digest.';
COMMENT ON COLUMN whatsapp_inbound.filename IS 'Of a document: its name.';
COMMENT ON COLUMN whatsapp_inbound.voice IS 'Of audio: whether it is a voice message.';
COMMENT ON COLUMN whatsapp_inbound.latitude IS 'Of a location: degrees north.';
COMMENT ON COLUMN whatsapp_inbound.longitude IS 'Of a location: degrees east.';
COMMENT ON COLUMN whatsapp_inbound.place_name IS 'Of a location: its name.';
COMMENT ON COLUMN whatsapp_inbound.place_address IS 'Of a location: its address.';
COMMENT ON COLUMN whatsapp_inbound.contacts IS 'People whose cards were sent.';
COMMENT ON COLUMN whatsapp_inbound.emoji IS 'Of a reaction: the emoji; NULL when it was taken back.';
COMMENT ON COLUMN whatsapp_inbound.target_wamid IS 'The message that was reacted to, edited or revoked.';
COMMENT ON COLUMN whatsapp_inbound.reply_kind IS 'Of an answer to an interactive message: button, list, flow or call permission, by Meta''s word.';
COMMENT ON COLUMN whatsapp_inbound.reply_id IS 'Of the button or row that was chosen: the id or payload that was sent with it.';
COMMENT ON COLUMN whatsapp_inbound.reply_description IS 'Of the row that was chosen: its description.';
COMMENT ON COLUMN whatsapp_inbound.reply_data IS 'Of a flow: its answer, JSON as text.';
COMMENT ON COLUMN whatsapp_inbound.order_items IS 'Of an order: what was ordered.';
COMMENT ON COLUMN whatsapp_inbound.context_wamid IS 'The message that this one answers.';
COMMENT ON COLUMN whatsapp_inbound.context_from IS 'Who wrote the message that this one answers.';
COMMENT ON COLUMN whatsapp_inbound.message_id IS 'Our message that this one answers, a row of whatsapp_messages.';
COMMENT ON COLUMN whatsapp_inbound.forwarded IS 'Whether it was forwarded.';
COMMENT ON COLUMN whatsapp_inbound.referral IS 'The ad that led here.';
COMMENT ON COLUMN whatsapp_inbound.new_phone IS 'Of a number that has changed: the new one.';
COMMENT ON COLUMN whatsapp_inbound.new_user_id IS 'Of a user id that has changed: the new one.';
COMMENT ON COLUMN whatsapp_inbound.errors IS 'Of a message that cannot be shown: Meta''s reason.';
COMMENT ON COLUMN whatsapp_inbound.opens_window IS 'Whether any message may answer for 24 hours, see wa_window_open().';
COMMENT ON COLUMN whatsapp_inbound.event_id IS 'The event that it came from, a row of whatsapp_events.';
COMMENT ON COLUMN whatsapp_inbound.raw IS 'All of it, as it came.';
COMMENT ON FUNCTION whatsapp_notify_inbound() IS
    'The trigger behind whatsapp.notify_inbound: tells the channel whatsapp_inbound which row came.';

COMMENT ON FUNCTION wa_mark_read(bigint, boolean) IS
    'Tells Meta that an inbound message was read, and all before it of the same person; with typing, the person sees for 25 s that an answer is being typed. Returns the id of the request, a row of whatsapp_requests, at once. Raises P0002 when there is no such message, 55000 when it came to a number that is no sender here or is older than 30 days.';

REVOKE ALL ON FUNCTION wa_mark_read(bigint, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_notify_inbound() FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_inbound', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_inbound_id_seq', '');

/* Files: those that are sent, and those that came in. The clerk carries them. */

CREATE SEQUENCE whatsapp_media_id_seq AS bigint;

CREATE TABLE whatsapp_media (
    id            bigint PRIMARY KEY DEFAULT pg_catalog.nextval('@extschema@.whatsapp_media_id_seq'::pg_catalog.regclass),
    origin        text NOT NULL CHECK (origin IN ('upload', 'download')),
    sender        text NOT NULL CHECK (octet_length(sender) <= 63),
    inbound_id    bigint,
    mime_type     text CHECK (octet_length(mime_type) <= 255),
    filename      text CHECK (octet_length(filename) <= 1024),
    sha256        text CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    size          bigint,
    content       bytea,
    state         text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'ready', 'failed')),
    media_id      text CHECK (octet_length(media_id) <= 64),
    expires_at    timestamptz,
    request_id    bigint,
    error_message text,
    created_by    text NOT NULL DEFAULT SESSION_USER CHECK (octet_length(created_by) <= 63),
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

CREATE INDEX whatsapp_media_messages_media_idx ON whatsapp_media_messages (media);

CREATE FUNCTION wa_upload_media(content bytea, mime_type text, filename text DEFAULT NULL, sender text DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_upload_media';

CREATE FUNCTION wa_request_media_download(inbound_id bigint) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
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

/* One-time codes: which messages have one, until it is erased. */

-- A message stands here from its enqueue until it has left the queue, whatever became of it; then its content is erased, and so is the row.
CREATE TABLE whatsapp_codes (
    message_id bigint PRIMARY KEY
);

CREATE FUNCTION wa_send_code(phone text, code text, template text, language text DEFAULT NULL, sender text DEFAULT NULL,
                             reference text DEFAULT NULL, valid_for interval DEFAULT '10 min') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_code';

COMMENT ON TABLE whatsapp_codes IS 'Messages with a one-time code that have not left the queue: their content is erased when they have.';
COMMENT ON COLUMN whatsapp_codes.message_id IS 'whatsapp_messages.id.';
COMMENT ON FUNCTION wa_send_code(text, text, text, text, text, text, interval) IS
    'Sends a one-time code by a template of category AUTHENTICATION, which has it in its body and in its button: urgent, and not after valid_for (1 s to 1 day). Within seconds after it was sent, or has failed, the code is erased from the row. Returns the id. Raises 22023 for the phone, an empty code or valid_for, 22001 for a code of more than 15 characters, and as wa_send_template().';

REVOKE ALL ON FUNCTION wa_send_code(text, text, text, text, text, text, interval) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_codes', '');

/* Watched tables, the short form: each row that is inserted notifies a supplier. */

CREATE FUNCTION whatsapp_notify_po() RETURNS trigger
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_notify_po';

CREATE FUNCTION wa_watch(relation regclass, supplier name, po name, amount name, phone name,
                         currency name DEFAULT NULL, language text DEFAULT NULL, sender text DEFAULT NULL,
                         replicated boolean DEFAULT false) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_watch';

CREATE FUNCTION wa_unwatch(relation regclass) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_unwatch';

COMMENT ON FUNCTION whatsapp_notify_po() IS
    'The trigger that wa_watch() puts on a table. A row that cannot be notified makes a FAILED message and never an error. What a subscription copies at its start makes none.';
COMMENT ON FUNCTION wa_watch(regclass, name, name, name, name, name, text, text, boolean) IS
    'Notifies the supplier of each row that is inserted into the table from now on; the arguments name its columns. Needs the TRIGGER right on the table and EXECUTE on whatsapp_notify_po(); who inserts needs no right of ours. With replicated, rows that a subscription applies notify, too, but those of its first copy do not; that needs the table''s owner. Without it, a table that a subscription feeds gets a WARNING. Raises 42703 for a column that is not there, 42710 when the table is watched already, 42809 for a table of the extension, WA002 for the language, 22004 for NULL, 0A000 when the database is not in UTF8.';
COMMENT ON FUNCTION wa_unwatch(regclass) IS 'Ends all watches of the table. False when it had none.';

REVOKE ALL ON FUNCTION whatsapp_notify_po() FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_watch(regclass, name, name, name, name, name, text, text, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_unwatch(regclass) FROM PUBLIC;

/* Watched tables, the general form: what is sent, to whom and when are SQL expressions over the rows of a statement. */

CREATE SEQUENCE whatsapp_watch_errors_id_seq AS bigint;

-- The trigger names the watch by its key, and the watch says by whose rights it works. Numbers of tables and of databases come from the server
-- that made it; a restored one is told by them.
CREATE TABLE whatsapp_watch_definitions (
    key             text PRIMARY KEY,
    name            text NOT NULL UNIQUE,
    relation        oid NOT NULL,
    relation_name   text NOT NULL,
    home            text NOT NULL,
    owner           text NOT NULL,
    events          text[] NOT NULL,
    template        text NOT NULL,
    parameters      text[] NOT NULL,
    phone           text NOT NULL,
    condition       text,
    sender          text NOT NULL,
    language        text NOT NULL,
    reference       text,
    idempotency_key text,
    send_at         text,
    due             text,
    status_column   text,
    expires_at      text,
    priority        text,
    on_error        text NOT NULL CHECK (on_error IN ('record', 'reject')),
    max_rows        bigint NOT NULL,
    replicated      boolean NOT NULL,
    settings        text[] NOT NULL,
    made_at         timestamptz NOT NULL DEFAULT pg_catalog.now()
);

-- Rows are inserted and never changed: transactions that count errors do not wait for one another. Old rows become a sum of them.
CREATE TABLE whatsapp_watch_errors (
    id        bigint PRIMARY KEY DEFAULT pg_catalog.nextval('@extschema@.whatsapp_watch_errors_id_seq'::pg_catalog.regclass),
    watch     text NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    event     text NOT NULL,
    sqlstate  text NOT NULL,
    message   text NOT NULL,
    first_row text,
    rows      bigint NOT NULL
);

ALTER SEQUENCE whatsapp_watch_errors_id_seq OWNED BY whatsapp_watch_errors.id;

CREATE INDEX whatsapp_watch_errors_watch_idx ON whatsapp_watch_errors (watch, id);

CREATE FUNCTION whatsapp_notify() RETURNS trigger
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_notify';

-- varchar and not text: so a call with five strings is one of the short form, which has names of columns there.
CREATE FUNCTION wa_watch(relation regclass, template varchar, parameters text[], phone varchar, events text[] DEFAULT '{INSERT}',
                         when_ varchar DEFAULT NULL, name text DEFAULT NULL, sender text DEFAULT NULL, language text DEFAULT NULL,
                         reference text DEFAULT NULL, idempotency_key text DEFAULT NULL, send_at text DEFAULT NULL,
                         expires_at text DEFAULT NULL, priority text DEFAULT NULL, on_error text DEFAULT 'record',
                         max_rows bigint DEFAULT 10000, replicated boolean DEFAULT false,
                         due text DEFAULT NULL, status_column text DEFAULT NULL) RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_watch_expressions';

CREATE FUNCTION wa_unwatch(relation regclass, name text) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_unwatch_name';

CREATE FUNCTION wa_watch_test(relation regclass, key text, event text DEFAULT NULL, old jsonb DEFAULT NULL, OUT watch text, OUT event text,
                              OUT outcome text, OUT recipient_phone text, OUT template_name text, OUT template_language text,
                              OUT sender text, OUT reference text, OUT idempotency_key text, OUT send_at timestamptz,
                              OUT expires_at timestamptz, OUT priority smallint, OUT payload json, OUT reason text, OUT hint text) RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_watch_test';

-- The trigger is the truth: it is dumped with its table, and dropping the table leaves nothing behind that acts.
CREATE VIEW whatsapp_watches AS
WITH triggers AS (
    -- tgargs is bytea, each argument ended by a zero byte; 'escape' shows that as \000, and high bytes and backslashes escaped, too
    SELECT t.oid, t.tgrelid, t.tgfoid, t.tgtype, t.tgenabled, a.args
    FROM pg_catalog.pg_trigger AS t
    CROSS JOIN LATERAL (
        SELECT pg_catalog.array_agg(pg_catalog.convert_from(pg_catalog.decode(p.part, 'escape'), pg_catalog.getdatabaseencoding())
                                    ORDER BY p.place) AS args
        FROM pg_catalog.string_to_table(pg_catalog.encode(t.tgargs, 'escape'), '\000') WITH ORDINALITY AS p (part, place)) AS a
    WHERE t.tgfoid IN ('@extschema@.whatsapp_notify_po()'::regprocedure, '@extschema@.whatsapp_notify()'::regprocedure)
          AND NOT t.tgisinternal AND t.tgparentid = 0
), errors AS (
    SELECT e.watch, pg_catalog.sum(e.rows)::bigint AS errors, pg_catalog.min(e.id) AS first, pg_catalog.max(e.id) AS last
    FROM @extschema@.whatsapp_watch_errors AS e GROUP BY e.watch
)
SELECT t.tgrelid::regclass AS relation, 'po' AS name, NULL::text AS owner, '{INSERT}'::text[] AS events, 'po_notification' AS template,
       t.args[1:3] AS parameters, t.args[4] AS phone, NULL::text AS condition, nullif(t.args[5], '') AS currency,
       nullif(t.args[6], '') AS language, nullif(t.args[7], '') AS sender,
       NULL::text AS reference, NULL::text AS idempotency_key, NULL::text AS send_at, NULL::text AS due, NULL::text AS expires_at, NULL::text AS priority,
       'record' AS on_error, NULL::bigint AS max_rows, t.tgenabled <> 'D' AS enabled,
       t.tgenabled IN ('A', 'R') AND t.tgtype & 1 = 1 AS replicated,
       NULL::text AS status_column,
       0::bigint AS errors, NULL::text AS last_error, NULL::timestamptz AS last_error_at, NULL::text AS first_bad_row
FROM triggers AS t
WHERE t.tgfoid = '@extschema@.whatsapp_notify_po()'::regprocedure
UNION ALL
SELECT w.relation::regclass, d.name, d.owner, d.events, d.template, d.parameters, d.phone, d.condition, NULL, d.language, d.sender,
       d.reference, d.idempotency_key, d.send_at, d.due, d.expires_at, d.priority, d.on_error, d.max_rows, w.enabled, d.replicated, d.status_column,
       coalesce(e.errors, 0), l.sqlstate || ' ' || l.message, l.failed_at, f.first_row
FROM @extschema@.whatsapp_watch_definitions AS d
JOIN LATERAL (
    -- the table that was named or, when it was restored with another number, the one that has the triggers
    SELECT coalesce(a.relid, pg_catalog.pg_partition_root(t.tgrelid), t.tgrelid) AS relation, pg_catalog.bool_and(t.tgenabled <> 'D') AS enabled
    FROM triggers AS t LEFT JOIN LATERAL (
        SELECT d.relation AS relid WHERE d.relation = t.tgrelid
                                         OR d.relation IN (SELECT p.relid FROM pg_catalog.pg_partition_ancestors(t.tgrelid) AS p)) AS a ON true
    WHERE t.tgfoid = '@extschema@.whatsapp_notify()'::regprocedure AND t.args[1] = d.key
    GROUP BY 1 ORDER BY coalesce(a.relid, pg_catalog.pg_partition_root(t.tgrelid), t.tgrelid) <> d.relation LIMIT 1) AS w ON true
LEFT JOIN errors AS e ON e.watch = d.name
LEFT JOIN @extschema@.whatsapp_watch_errors AS l ON l.id = e.last
LEFT JOIN @extschema@.whatsapp_watch_errors AS f ON f.id = e.first;

COMMENT ON TABLE whatsapp_watch_definitions IS 'What wa_watch() was told with expressions. whatsapp_watches shows it with the tables that are watched. Changed by the extension only.';
COMMENT ON COLUMN whatsapp_watch_definitions.key IS 'Names the watch in its triggers.';
COMMENT ON COLUMN whatsapp_watch_definitions.name IS 'Name of the watch.';
COMMENT ON COLUMN whatsapp_watch_definitions.relation IS 'Number of the table in the server that made the watch.';
COMMENT ON COLUMN whatsapp_watch_definitions.relation_name IS 'Name of the table when the watch was made.';
COMMENT ON COLUMN whatsapp_watch_definitions.home IS 'The database that made the watch.';
COMMENT ON COLUMN whatsapp_watch_definitions.owner IS 'The role whose rights the expressions have.';
COMMENT ON COLUMN whatsapp_watch_definitions.events IS 'INSERT, UPDATE and DELETE, or some of them.';
COMMENT ON COLUMN whatsapp_watch_definitions.template IS 'Name of the template.';
COMMENT ON COLUMN whatsapp_watch_definitions.parameters IS 'Expressions of the template''s parameters.';
COMMENT ON COLUMN whatsapp_watch_definitions.phone IS 'Expression of the recipient''s phone number.';
COMMENT ON COLUMN whatsapp_watch_definitions.condition IS 'Expression that says which rows are announced; NULL for all.';
COMMENT ON COLUMN whatsapp_watch_definitions.sender IS 'Name of the sender, or an expression.';
COMMENT ON COLUMN whatsapp_watch_definitions.language IS 'Language of the template, or an expression.';
COMMENT ON COLUMN whatsapp_watch_definitions.reference IS 'Expression of the message''s reference; NULL for the primary key.';
COMMENT ON COLUMN whatsapp_watch_definitions.idempotency_key IS 'Expression of the message''s idempotency key; NULL for the name of the watch and the primary key.';
COMMENT ON COLUMN whatsapp_watch_definitions.send_at IS 'Expression of the time before which the message is not sent.';
COMMENT ON COLUMN whatsapp_watch_definitions.due IS 'Expression of the time at which the message is due; it follows the row.';
COMMENT ON COLUMN whatsapp_watch_definitions.status_column IS 'Column of the watched table that shows the status of the row''s message.';
COMMENT ON COLUMN whatsapp_watch_definitions.expires_at IS 'Expression of the time after which the message is not sent.';
COMMENT ON COLUMN whatsapp_watch_definitions.priority IS 'urgent, normal or bulk, or an expression.';
COMMENT ON COLUMN whatsapp_watch_definitions.on_error IS 'record: an error stands in whatsapp_watches, and the statement goes on; reject: it is raised.';
COMMENT ON COLUMN whatsapp_watch_definitions.max_rows IS 'A statement that brings more rows announces none of them.';
COMMENT ON COLUMN whatsapp_watch_definitions.replicated IS 'Whether rows that a subscription applies are announced, too.';
COMMENT ON COLUMN whatsapp_watch_definitions.settings IS 'Settings that decide what an expression means, as they were when the watch was made.';
COMMENT ON COLUMN whatsapp_watch_definitions.made_at IS 'When the watch was made.';
COMMENT ON TABLE whatsapp_watch_errors IS 'Errors of watches, one row for each statement that had any; old ones are summed up. whatsapp_watches shows them.';
COMMENT ON COLUMN whatsapp_watch_errors.id IS 'In the order of their making.';
COMMENT ON COLUMN whatsapp_watch_errors.watch IS 'Name of the watch.';
COMMENT ON COLUMN whatsapp_watch_errors.failed_at IS 'Start of the transaction in which it happened.';
COMMENT ON COLUMN whatsapp_watch_errors.event IS 'INSERT, UPDATE or DELETE.';
COMMENT ON COLUMN whatsapp_watch_errors.sqlstate IS 'SQLSTATE of the error.';
COMMENT ON COLUMN whatsapp_watch_errors.message IS 'Its primary message.';
COMMENT ON COLUMN whatsapp_watch_errors.first_row IS 'Primary key of the first row that had it.';
COMMENT ON COLUMN whatsapp_watch_errors.rows IS 'How many rows were not announced for it.';
COMMENT ON FUNCTION whatsapp_notify() IS
    'The trigger that wa_watch() puts on a table when it is given expressions. What a subscription copies at its start is not announced.';
COMMENT ON FUNCTION wa_watch(regclass, varchar, text[], varchar, text[], varchar, text, text, text, text, text, text, text, text, text, bigint, boolean, text, text) IS
    'Announces rows of the table by a template. parameters, phone, when_, reference, idempotency_key, send_at and expires_at are SQL expressions over the rows new and old, with sub-selects of other tables; sender, language and priority are names or expressions. The expressions are checked now and work with the caller''s rights and settings. when_ says which rows are announced. With due the message waits for that time; whenever the row changes it moves, or is cancelled when when_ is not true any more or the row is gone. The default idempotency_key makes that a watch announces a row once. on_error => ''record'' keeps an error in whatsapp_watches, ''reject'' raises it; a statement of more than max_rows rows announces none. With status_column the reader writes each new status of the message to that column of the row, with the watch''s rights; the watch itself does not announce that change. Returns the name of the watch. Needs the TRIGGER right on the table and EXECUTE on whatsapp_notify(); who changes the table needs no right of ours. Raises what the server says of an expression, with its position; 42804 for its type, 22023 for events, on_error, max_rows and a priority, 42809 for a table that cannot be watched, 42703 for status_column, 55000 for a table without a primary key where one is needed, 42710 for a name that is taken, WA001 and WA002 for template and language, 42704 for the sender, 22004 for NULL, 0A000 when the database is not in UTF8.';
COMMENT ON FUNCTION wa_unwatch(regclass, text) IS 'Ends the watch of that name. False when the table has none.';
COMMENT ON FUNCTION wa_watch_test(regclass, text, text, jsonb) IS
    'Shows the messages that the watches of a table would make of its row with that primary key (as text; of several columns as a row, such as (1,a)), by the code of the trigger; nothing is written. event is that of the first of each watch by default. old has the values of columns before an UPDATE; those that it does not name are as they are now. outcome is sent, refused, not announced, known already or error. Needs the right to read the table, and to be a member of the watch''s owner.';
COMMENT ON VIEW whatsapp_watches IS 'Watched tables: what is announced of them, and what went wrong.';
COMMENT ON COLUMN whatsapp_watches.relation IS 'The watched table.';
COMMENT ON COLUMN whatsapp_watches.name IS 'Name of the watch; po for the short form.';
COMMENT ON COLUMN whatsapp_watches.owner IS 'The role whose rights the expressions have; NULL for the short form, which has none.';
COMMENT ON COLUMN whatsapp_watches.events IS 'INSERT, UPDATE and DELETE, or some of them.';
COMMENT ON COLUMN whatsapp_watches.template IS 'Name of the template.';
COMMENT ON COLUMN whatsapp_watches.parameters IS 'Expressions of its parameters; in the short form the columns of supplier, number and amount.';
COMMENT ON COLUMN whatsapp_watches.phone IS 'Expression of the phone number; in the short form its column.';
COMMENT ON COLUMN whatsapp_watches.condition IS 'Which rows are announced; NULL for all.';
COMMENT ON COLUMN whatsapp_watches.currency IS 'Of the short form: column of the currency; NULL is whatsapp.default_currency.';
COMMENT ON COLUMN whatsapp_watches.language IS 'Language of the template; NULL in the short form is whatsapp.default_language.';
COMMENT ON COLUMN whatsapp_watches.sender IS 'Name of the sender, or its expression: of the session that called wa_watch() its whatsapp.default_sender, where it named none. The session that changes the table has no say.';
COMMENT ON COLUMN whatsapp_watches.reference IS 'Expression of the reference; NULL is the primary key, and the order''s number in the short form.';
COMMENT ON COLUMN whatsapp_watches.idempotency_key IS 'Expression of the idempotency key; NULL is the name of the watch with the primary key, and none in the short form.';
COMMENT ON COLUMN whatsapp_watches.send_at IS 'Expression of the time before which the message is not sent.';
COMMENT ON COLUMN whatsapp_watches.due IS 'Expression of the time at which the message is due: while it is pending it moves with the row, and is cancelled when the row is gone or when_ is not true any more.';
COMMENT ON COLUMN whatsapp_watches.expires_at IS 'Expression of the time after which the message is not sent.';
COMMENT ON COLUMN whatsapp_watches.priority IS 'urgent, normal or bulk, or an expression; NULL is normal.';
COMMENT ON COLUMN whatsapp_watches.on_error IS 'record or reject.';
COMMENT ON COLUMN whatsapp_watches.max_rows IS 'A statement that brings more rows announces none of them; NULL is no limit.';
COMMENT ON COLUMN whatsapp_watches.enabled IS 'False when a trigger of it was disabled by ALTER TABLE.';
COMMENT ON COLUMN whatsapp_watches.replicated IS 'Whether rows that a subscription applies are announced, too.';
COMMENT ON COLUMN whatsapp_watches.status_column IS 'Column that the reader sets to the status of the row''s message, see whatsapp_callbacks.';
COMMENT ON COLUMN whatsapp_watches.errors IS 'How many rows were not announced because of an error.';
COMMENT ON COLUMN whatsapp_watches.last_error IS 'The last error: its SQLSTATE and message.';
COMMENT ON COLUMN whatsapp_watches.last_error_at IS 'When it was.';
COMMENT ON COLUMN whatsapp_watches.first_bad_row IS 'Primary key of the first row that was not announced because of an error.';

REVOKE ALL ON FUNCTION whatsapp_notify() FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_watch(regclass, varchar, text[], varchar, text[], varchar, text, text, text, text, text, text, text, text, text, bigint, boolean, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_unwatch(regclass, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_watch_test(regclass, text, text, jsonb) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_watch_errors_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_watch_definitions', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_watch_errors', '');

/* Office hours: the next time at which a message may leave. */

-- The hours of some days around the moment, but for those that are over by then.
CREATE FUNCTION whatsapp_send_windows(moment timestamptz, hours text, time_zone text) RETURNS TABLE (opens timestamptz, closes timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT o.opens, o.closes
    FROM (SELECT coalesce(time_zone, pg_catalog.current_setting('TimeZone')) AS name) AS z
    CROSS JOIN pg_catalog.regexp_matches(pg_catalog.lower(hours), '(\w{3})(?:-(\w{3}))?\s+(\d\d:\d\d)-(\d\d:\d\d)', 'g') AS m (part)
    CROSS JOIN pg_catalog.generate_series(-1, 8) AS n (days)
    CROSS JOIN LATERAL (SELECT (moment AT TIME ZONE z.name)::date + n.days AS day, m.part[3]::time AS first, m.part[4]::time AS last,
        pg_catalog.array_position('{mon,tue,wed,thu,fri,sat,sun}'::text[], m.part[1]) AS from_day,
        pg_catalog.array_position('{mon,tue,wed,thu,fri,sat,sun}'::text[], coalesce(m.part[2], m.part[1])) AS to_day) AS w
    -- what ends before it begins ends the next day
    CROSS JOIN LATERAL (SELECT (w.day + w.first) AT TIME ZONE z.name AS opens,
        (w.day + CASE WHEN w.last <= w.first THEN 1 ELSE 0 END + w.last) AT TIME ZONE z.name AS closes,
        pg_catalog.date_part('isodow', w.day) AS weekday) AS o
    WHERE o.closes > moment AND o.closes > o.opens
          AND CASE WHEN w.from_day <= w.to_day THEN o.weekday BETWEEN w.from_day AND w.to_day
              ELSE o.weekday >= w.from_day OR o.weekday <= w.to_day END;
END;

CREATE FUNCTION wa_send_window(moment timestamptz, hours text, time_zone text DEFAULT NULL) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN hours !~* '^\s*((mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?\s+\d\d:\d\d-\d\d:\d\d\s*(,\s*|$))+$'
        -- there is no other way to raise an error in SQL
        THEN pg_catalog.concat('hours "', hours, '" are not like Mon-Fri 09:00-18:00, Sat 10:00-14:00')::timestamptz
        ELSE (
            SELECT pg_catalog.min(greatest(moment, w.opens)) FROM whatsapp_send_windows(moment, hours, time_zone) AS w)
        END;
END;

COMMENT ON FUNCTION wa_send_window(timestamptz, text, text) IS
    'The first time not before moment that is within the hours, such as Mon-Fri 09:00-18:00, Sat 10:00-14:00, in the time zone (NULL: that of the session). Hours that end before they begin end the next day. For send_at, of wa_watch() and of the sending functions. Raises 22007 for hours that it cannot read, 22023 for an unknown time zone.';
COMMENT ON FUNCTION whatsapp_send_windows(timestamptz, text, text) IS
    'When the hours of wa_send_window() begin and end, from the moment on. For wa_send_window() and campaigns.';

/* Callbacks: functions of users that the reader calls for each change of a status and for each message that came in; and the changes by number. */

-- Whoever changes a status leaves a row here in the same transaction, as long as there is somebody to be told. The reader takes them out.
CREATE TABLE whatsapp_change_queue (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id bigint NOT NULL,
    sender     text NOT NULL,
    status     text NOT NULL,
    changed_at timestamptz NOT NULL,
    error_code bigint
);

-- The reader alone gives numbers, one transaction after the other, to changes that are committed: a lower number is never seen after a higher one.
-- The last row always stays, so that the numbers go on. One without a message says that changes were not kept for a while.
CREATE TABLE whatsapp_changes (
    seq         bigint PRIMARY KEY,
    numbered_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    message_id  bigint,
    sender      text,
    status      text,
    changed_at  timestamptz,
    error_code  bigint
);

-- Functions and roles stand here by their names, which a dump keeps. The owner of the function is kept beside: whoever makes another one of the
-- same name does not get the rights of the callback's role.
CREATE TABLE whatsapp_callback_definitions (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text NOT NULL UNIQUE,
    kind           text NOT NULL CHECK (kind IN ('status', 'inbound', 'column')),
    function       text,
    function_owner text,
    watch          text,
    statuses       text[],
    sender         text,
    owner          text NOT NULL,
    settings       text[] NOT NULL,
    made_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    paused         boolean NOT NULL DEFAULT false,
    failures       integer NOT NULL DEFAULT 0,
    resting_until  timestamptz,
    errors         bigint NOT NULL DEFAULT 0,
    error_code     text,
    error_message  text,
    failed_at      timestamptz
);

-- Calls that are still to be made, in the order of their ids. One that has succeeded is deleted by the transaction of the call itself.
CREATE TABLE whatsapp_callback_calls (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    callback      bigint NOT NULL,
    message_id    bigint NOT NULL,
    status        text,
    made_at       timestamptz NOT NULL DEFAULT pg_catalog.now(),
    attempts      integer NOT NULL DEFAULT 0,
    due_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    error_code    text,
    error_message text
);

-- Which row a message announced, for watches that write the status back.
CREATE TABLE whatsapp_watched_messages (
    message_id bigint PRIMARY KEY,
    watch      text NOT NULL,
    row_key    text NOT NULL
);

CREATE INDEX whatsapp_callback_calls_due_idx ON whatsapp_callback_calls (callback, due_at, id);
CREATE INDEX whatsapp_callback_calls_message_idx ON whatsapp_callback_calls (callback, message_id, id);
CREATE INDEX whatsapp_watched_messages_watch_idx ON whatsapp_watched_messages (watch);

-- The caller's role and search_path are kept, so neither is changed here.
CREATE FUNCTION wa_on_status(function regproc, statuses text[] DEFAULT NULL, sender text DEFAULT NULL, name text DEFAULT NULL) RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_on_status';

CREATE FUNCTION wa_on_inbound(function regproc, sender text DEFAULT NULL, name text DEFAULT NULL) RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_on_inbound';

CREATE FUNCTION wa_callback_remove(name text) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_callback_remove';

CREATE FUNCTION wa_callback_pause(name text) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_callback_pause';

CREATE FUNCTION wa_callback_resume(name text) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_callback_resume';

CREATE FUNCTION wa_changes(since bigint, max_rows integer DEFAULT 1000, OUT seq bigint, OUT message_id bigint, OUT status text, OUT at timestamptz,
                           OUT sender text, OUT reference text, OUT error_code bigint) RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_changes';

CREATE VIEW whatsapp_callbacks AS
SELECT d.name, d.kind, d.function, w.name AS watch, d.statuses, d.sender, d.owner,
       CASE WHEN d.paused THEN 'paused' WHEN d.resting_until > pg_catalog.now() THEN 'resting' ELSE 'on' END AS state,
       CASE WHEN NOT d.paused THEN d.resting_until END AS resting_until,
       c.waiting, c.oldest AS waiting_since, d.errors, d.error_code || ' ' || d.error_message AS last_error, d.failed_at AS last_error_at, d.made_at
FROM @extschema@.whatsapp_callback_definitions AS d
LEFT JOIN @extschema@.whatsapp_watch_definitions AS w ON w.key = d.watch
CROSS JOIN LATERAL (
    SELECT pg_catalog.count(*) AS waiting, pg_catalog.min(q.made_at) AS oldest
    FROM @extschema@.whatsapp_callback_calls AS q WHERE q.callback = d.id) AS c
ORDER BY d.name;

COMMENT ON TABLE whatsapp_change_queue IS 'Changes of a status that the reader has still to number and to hand on. Empty unless somebody is told of changes.';
COMMENT ON COLUMN whatsapp_change_queue.id IS 'In the order of their making; of one message in the order of its changes.';
COMMENT ON COLUMN whatsapp_change_queue.message_id IS 'The message, a row of whatsapp_messages.';
COMMENT ON COLUMN whatsapp_change_queue.sender IS 'Its sender.';
COMMENT ON COLUMN whatsapp_change_queue.status IS 'The status that it got.';
COMMENT ON COLUMN whatsapp_change_queue.changed_at IS 'When it got it, as whatsapp_messages tells.';
COMMENT ON COLUMN whatsapp_change_queue.error_code IS 'Of FAILED: Meta''s code.';
COMMENT ON TABLE whatsapp_changes IS 'Changes of a status by number, for whatsapp.keep_changes; read by wa_changes().';
COMMENT ON COLUMN whatsapp_changes.seq IS 'One higher than that of the change before; a lower one is never seen later.';
COMMENT ON COLUMN whatsapp_changes.numbered_at IS 'When the change got its number.';
COMMENT ON COLUMN whatsapp_changes.message_id IS 'The message; NULL where changes were not kept for a while.';
COMMENT ON COLUMN whatsapp_changes.sender IS 'Its sender.';
COMMENT ON COLUMN whatsapp_changes.status IS 'The status that it got.';
COMMENT ON COLUMN whatsapp_changes.changed_at IS 'When it got it, as whatsapp_messages tells.';
COMMENT ON COLUMN whatsapp_changes.error_code IS 'Of FAILED: Meta''s code.';
COMMENT ON TABLE whatsapp_callback_definitions IS 'What wa_on_status() and wa_on_inbound() were told, and one row for each watch with a status_column. whatsapp_callbacks shows it. Changed by the extension only.';
COMMENT ON COLUMN whatsapp_callback_definitions.id IS 'Number of the callback.';
COMMENT ON COLUMN whatsapp_callback_definitions.name IS 'Name of the callback.';
COMMENT ON COLUMN whatsapp_callback_definitions.kind IS 'status, inbound, or column: a watch''s status_column.';
COMMENT ON COLUMN whatsapp_callback_definitions.function IS 'The function with its schema and arguments.';
COMMENT ON COLUMN whatsapp_callback_definitions.function_owner IS 'Who owned the function when it was registered, and has to own it at each call.';
COMMENT ON COLUMN whatsapp_callback_definitions.watch IS 'Of a status_column: the key of its watch.';
COMMENT ON COLUMN whatsapp_callback_definitions.statuses IS 'Statuses that are told; NULL for all.';
COMMENT ON COLUMN whatsapp_callback_definitions.sender IS 'The sender whose messages are told; NULL for all.';
COMMENT ON COLUMN whatsapp_callback_definitions.owner IS 'The role with whose rights it works.';
COMMENT ON COLUMN whatsapp_callback_definitions.settings IS 'Settings of the session that registered it, such as its search_path.';
COMMENT ON COLUMN whatsapp_callback_definitions.made_at IS 'When it was registered.';
COMMENT ON COLUMN whatsapp_callback_definitions.paused IS 'Whether wa_callback_pause() has stopped it; calls are kept meanwhile.';
COMMENT ON COLUMN whatsapp_callback_definitions.failures IS 'Turns since its last success in which it only failed, or took too long.';
COMMENT ON COLUMN whatsapp_callback_definitions.resting_until IS 'Not called before this time, after such turns.';
COMMENT ON COLUMN whatsapp_callback_definitions.errors IS 'How many calls have failed, repeated ones counted each time.';
COMMENT ON COLUMN whatsapp_callback_definitions.error_code IS 'SQLSTATE of the last error.';
COMMENT ON COLUMN whatsapp_callback_definitions.error_message IS 'Its primary message.';
COMMENT ON COLUMN whatsapp_callback_definitions.failed_at IS 'When it was.';
COMMENT ON TABLE whatsapp_callback_calls IS 'Calls that are still to be made, or are tried again.';
COMMENT ON COLUMN whatsapp_callback_calls.id IS 'In the order in which they are to be made.';
COMMENT ON COLUMN whatsapp_callback_calls.callback IS 'The callback, a row of whatsapp_callback_definitions.';
COMMENT ON COLUMN whatsapp_callback_calls.message_id IS 'The message, a row of whatsapp_messages, or of whatsapp_inbound for a callback of that kind.';
COMMENT ON COLUMN whatsapp_callback_calls.status IS 'The status that is told; NULL for a message that came in.';
COMMENT ON COLUMN whatsapp_callback_calls.made_at IS 'When it was put here.';
COMMENT ON COLUMN whatsapp_callback_calls.attempts IS 'How often it has failed.';
COMMENT ON COLUMN whatsapp_callback_calls.due_at IS 'Not made before this time.';
COMMENT ON COLUMN whatsapp_callback_calls.error_code IS 'SQLSTATE of its last error.';
COMMENT ON COLUMN whatsapp_callback_calls.error_message IS 'Its primary message.';
COMMENT ON TABLE whatsapp_watched_messages IS 'Which row a message was made of, for watches with a status_column.';
COMMENT ON COLUMN whatsapp_watched_messages.message_id IS 'The message, a row of whatsapp_messages.';
COMMENT ON COLUMN whatsapp_watched_messages.watch IS 'Key of the watch.';
COMMENT ON COLUMN whatsapp_watched_messages.row_key IS 'Primary key of the row, as text.';
COMMENT ON FUNCTION wa_on_status(regproc, text[], text, text) IS
    'From now on the reader calls the function with the id of a message and its new status, for each change of a status: f(bigint, text). statuses and sender say which are told. It works with the caller''s rights and search_path, and with the database''s time-outs; after whatsapp.callback_timeout it is cancelled. The call and its being done with are one transaction: what the function writes to the database is written exactly once, whatever it does elsewhere at least once. A call that fails is tried again with growing pauses, see whatsapp_callbacks. Returns the name of the callback; the function''s by default. Raises 42P13 for other arguments, 42501 without the right to execute it, 22023 for statuses, 42704 for the sender, 42710 for a name that is taken, 22004 for NULL.';
COMMENT ON FUNCTION wa_on_inbound(regproc, text, text) IS
    'The same for messages that come in: the function is called with the id of the row of whatsapp_inbound, f(bigint). sender says whose are told.';
COMMENT ON FUNCTION wa_callback_remove(text) IS
    'Ends a callback, and forgets the calls that were still to be made. False when there is none of that name. Raises 55006 for that of a watch, which wa_unwatch() ends.';
COMMENT ON FUNCTION wa_callback_pause(text) IS 'Stops a callback; what happens meanwhile is kept for it. False when there is none of that name.';
COMMENT ON FUNCTION wa_callback_resume(text) IS 'Goes on with a callback, also with calls that have failed, at once. False when there is none of that name.';
COMMENT ON FUNCTION wa_changes(bigint, integer) IS
    'Changes of a status with a higher number than since, in their order, max_rows at most: complete, and none is seen after one with a higher number. NULL begins with the oldest that is kept. Each number is announced on the channel whatsapp_changes, by the last one of several. Needs whatsapp.keep_changes. Raises WA017 when changes behind since are not there any more, 55000 when none are kept, 22023 for max_rows.';
COMMENT ON VIEW whatsapp_callbacks IS 'Callbacks: what they are, how they do, and what waits for them.';
COMMENT ON COLUMN whatsapp_callbacks.name IS 'Name of the callback.';
COMMENT ON COLUMN whatsapp_callbacks.kind IS 'status, inbound, or column: a watch''s status_column.';
COMMENT ON COLUMN whatsapp_callbacks.function IS 'The function that is called; NULL for a watch''s.';
COMMENT ON COLUMN whatsapp_callbacks.watch IS 'Of a status_column: its watch.';
COMMENT ON COLUMN whatsapp_callbacks.statuses IS 'Statuses that are told; NULL for all.';
COMMENT ON COLUMN whatsapp_callbacks.sender IS 'The sender whose messages are told; NULL for all.';
COMMENT ON COLUMN whatsapp_callbacks.owner IS 'The role with whose rights it works.';
COMMENT ON COLUMN whatsapp_callbacks.state IS 'on, paused (by wa_callback_pause()), or resting: after calls that failed or took too long, for growing times.';
COMMENT ON COLUMN whatsapp_callbacks.resting_until IS 'When it is called again; NULL when it does not rest.';
COMMENT ON COLUMN whatsapp_callbacks.waiting IS 'Calls that are still to be made.';
COMMENT ON COLUMN whatsapp_callbacks.waiting_since IS 'Since when the oldest of them waits.';
COMMENT ON COLUMN whatsapp_callbacks.errors IS 'How many calls have failed, repeated ones counted each time.';
COMMENT ON COLUMN whatsapp_callbacks.last_error IS 'The last error: its SQLSTATE and message.';
COMMENT ON COLUMN whatsapp_callbacks.last_error_at IS 'When it was.';
COMMENT ON COLUMN whatsapp_callbacks.made_at IS 'When the callback was registered.';

REVOKE ALL ON FUNCTION wa_on_status(regproc, text[], text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_on_inbound(regproc, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_callback_remove(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_callback_pause(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_callback_resume(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_changes(bigint, integer) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_change_queue', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_change_queue_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_changes', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_callback_definitions', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_callback_definitions_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_callback_calls', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_callback_calls_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_watched_messages', '');

/* Views of the whole, for people and for monitoring: none of them reads a table that grows with the messages. */

CREATE FUNCTION whatsapp_counters() RETURNS TABLE (name text, sender text, label text, value double precision)
LANGUAGE C VOLATILE PARALLEL SAFE ROWS 100
AS 'MODULE_PATHNAME', 'pg_whatsapp_counters';

CREATE FUNCTION whatsapp_queue_counters() RETURNS TABLE (sender text, priority integer, state text, messages bigint, oldest_due timestamptz)
LANGUAGE C VOLATILE PARALLEL SAFE ROWS 10
AS 'MODULE_PATHNAME', 'pg_whatsapp_queue_counters';

CREATE FUNCTION whatsapp_latency_counters()
RETURNS TABLE (sender text, step text, messages bigint, p50 double precision, p95 double precision, p99 double precision, since timestamptz)
LANGUAGE C VOLATILE PARALLEL SAFE ROWS 10
AS 'MODULE_PATHNAME', 'pg_whatsapp_latency_counters';

CREATE FUNCTION wa_metrics(openmetrics boolean DEFAULT false) RETURNS text
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_metrics';

CREATE FUNCTION wa_report() RETURNS text
LANGUAGE C VOLATILE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_report';

CREATE FUNCTION wa_stat_reset() RETURNS boolean
LANGUAGE C VOLATILE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_stat_reset';

-- A short queue is counted now; of a long one stands here what the reader has counted last.
CREATE VIEW whatsapp_stat_queue AS
WITH counted AS MATERIALIZED (
    SELECT q.sender, q.priority, q.state, q.messages, q.oldest_due, t.at,
           coalesce(pg_catalog.sum(q.messages) OVER (), 0) > 50000 AS many
    FROM (SELECT (SELECT pg_catalog.to_timestamp(c.value) FROM whatsapp_counters() AS c WHERE c.name = 'counted' AND c.value > 0) AS at) AS t
    LEFT JOIN whatsapp_queue_counters() AS q ON true),
long AS MATERIALIZED (
    SELECT coalesce(pg_catalog.bool_or(many), false)
           OR pg_catalog.bool_and(at IS NULL) AND pg_catalog.pg_relation_size('@extschema@.whatsapp_queue'::pg_catalog.regclass) > 67108864 AS is_long
    FROM counted)
SELECT n.sender, n.priority, n.state, n.messages, n.oldest_due,
       greatest(pg_catalog.clock_timestamp() - n.oldest_due, interval '0') AS oldest_age, n.counted_at
FROM (SELECT q.sender, p.name AS priority, q.state, pg_catalog.count(*) AS messages,
             pg_catalog.min(q.due_at) FILTER (WHERE (q.campaign_id = ANY (ARRAY(SELECT z.campaign_id FROM whatsapp_campaign_pauses AS z WHERE z.starts_at <= pg_catalog.now()))) IS NOT TRUE) AS oldest_due,
             pg_catalog.clock_timestamp() AS counted_at
      FROM whatsapp_queue AS q JOIN (VALUES (0, 'urgent'), (1, 'normal'), (2, 'bulk')) AS p (number, name) ON p.number = q.priority
      WHERE NOT (SELECT long.is_long FROM long)
      GROUP BY q.sender, p.name, q.state
      UNION ALL
      SELECT c.sender, p.name, c.state, c.messages, c.oldest_due, c.at
      FROM counted AS c JOIN (VALUES (0, 'urgent'), (1, 'normal'), (2, 'bulk')) AS p (number, name) ON p.number = c.priority
      WHERE (SELECT long.is_long FROM long)) AS n
ORDER BY n.sender, n.priority DESC, n.state;

CREATE VIEW whatsapp_status AS
SELECT s.status, coalesce(m.messages, 0) AS messages, m.oldest, m.newest
FROM (VALUES (1, 'PENDING'), (2, 'SENT'), (3, 'DELIVERED'), (4, 'READ'), (5, 'FAILED'), (6, 'CANCELLED')) AS s (place, status)
LEFT JOIN (
    SELECT 'PENDING' AS status, pg_catalog.sum(q.messages)::bigint AS messages,
           (SELECT (m.created_at AT TIME ZONE 'UTC')::date FROM whatsapp_messages AS m
            WHERE m.id = (SELECT f.message_id FROM whatsapp_queue AS f ORDER BY f.message_id LIMIT 1)) AS oldest,
           (SELECT (m.created_at AT TIME ZONE 'UTC')::date FROM whatsapp_messages AS m
            WHERE m.id = (SELECT f.message_id FROM whatsapp_queue AS f ORDER BY f.message_id DESC LIMIT 1)) AS newest
    FROM whatsapp_stat_queue AS q
    UNION ALL
    SELECT k.status, pg_catalog.sum(k.messages)::bigint, pg_catalog.min(k.day) FILTER (WHERE k.messages > 0),
           pg_catalog.max(k.day) FILTER (WHERE k.messages > 0)
    FROM (SELECT p.status, d.day, pg_catalog.sum(CASE WHEN d.deleted THEN -p.messages ELSE p.messages END) AS messages
          FROM whatsapp_day_counts AS d CROSS JOIN LATERAL
               (VALUES ('SENT', d.sent - d.delivered - d.failed_sent), ('DELIVERED', d.delivered - d.read), ('READ', d.read),
                       ('FAILED', d.failed), ('CANCELLED', d.cancelled)) AS p (status, messages)
          GROUP BY p.status, d.day) AS k
    GROUP BY k.status) AS m USING (status)
ORDER BY s.place;

CREATE VIEW whatsapp_stat_days AS
SELECT d.day, d.sender, d.template_name, d.category, d.sent, d.delivered, d.read, d.failed,
       pg_catalog.round(100.0 * d.delivered / nullif(d.sent, 0), 1) AS delivery_rate,
       pg_catalog.round(100.0 * d.read / nullif(d.sent, 0), 1) AS read_rate
FROM (SELECT c.day, c.sender, c.template_name, c.category, pg_catalog.sum(c.sent)::bigint AS sent,
             pg_catalog.sum(c.delivered)::bigint AS delivered, pg_catalog.sum(c.read)::bigint AS read, pg_catalog.sum(c.failed)::bigint AS failed
      FROM whatsapp_day_counts AS c WHERE NOT c.deleted
      GROUP BY c.day, c.sender, c.template_name, c.category) AS d
WHERE d.sent <> 0 OR d.failed <> 0
ORDER BY d.day DESC, d.sender, d.template_name, d.category;

CREATE VIEW whatsapp_stat_errors AS
SELECT d.day, d.sender, d.error_code, d.failed, e.meaning, e.hint
FROM (SELECT c.day, c.sender, c.error_code, pg_catalog.sum(c.failed)::bigint AS failed FROM whatsapp_day_counts AS c
      WHERE NOT c.deleted GROUP BY c.day, c.sender, c.error_code) AS d
LEFT JOIN LATERAL wa_explain(d.error_code) AS e ON true
WHERE d.failed <> 0
ORDER BY d.day DESC, d.failed DESC, d.sender, d.error_code;

CREATE VIEW whatsapp_stat_latency AS
SELECT l.sender, s.name AS step, l.messages, pg_catalog.round(l.p50::numeric, 3) AS p50, pg_catalog.round(l.p95::numeric, 3) AS p95,
       pg_catalog.round(l.p99::numeric, 3) AS p99, l.since
FROM whatsapp_latency_counters() AS l
JOIN (VALUES (1, 'queued', 'commit to wire'), (2, 'answered', 'wire to answer'), (3, 'delivered', 'answer to delivered'),
             (4, 'read', 'delivered to read')) AS s (place, step, name) USING (step)
ORDER BY l.sender, s.place;

CREATE VIEW whatsapp_stat_senders AS
SELECT s.name AS sender, s.enabled, s.paused_until, s.paused_reason, s.paused_hint, s.quality,
       coalesce(q.waiting, 0) AS waiting, q.oldest_due, c.sent, c.retried, c.throttled, c.refused, c.unknown, c.account_trouble,
       pg_catalog.to_timestamp(c.last_sent) AS last_sent, pg_catalog.to_timestamp(c.since) AS since
FROM whatsapp_senders AS s
LEFT JOIN (SELECT w.sender, pg_catalog.sum(w.messages)::bigint AS waiting, pg_catalog.min(w.oldest_due) AS oldest_due
           FROM whatsapp_stat_queue AS w GROUP BY w.sender) AS q ON q.sender = s.name
LEFT JOIN (SELECT k.sender,
                  pg_catalog.sum(k.value) FILTER (WHERE k.name = 'attempts' AND k.label = 'sent')::bigint AS sent,
                  pg_catalog.sum(k.value) FILTER (WHERE k.name = 'attempts' AND k.label = 'retry')::bigint AS retried,
                  pg_catalog.sum(k.value) FILTER (WHERE k.name = 'attempts' AND k.label = 'throttle')::bigint AS throttled,
                  pg_catalog.sum(k.value) FILTER (WHERE k.name = 'attempts' AND k.label IN ('refused', 'unsent'))::bigint AS refused,
                  pg_catalog.sum(k.value) FILTER (WHERE k.name = 'attempts' AND k.label = 'unknown')::bigint AS unknown,
                  pg_catalog.sum(k.value) FILTER (WHERE k.name = 'attempts' AND k.label = 'account')::bigint AS account_trouble,
                  nullif(pg_catalog.sum(k.value) FILTER (WHERE k.name = 'last_sent'), 0) AS last_sent,
                  pg_catalog.sum(k.value) FILTER (WHERE k.name = 'since') AS since
           FROM whatsapp_counters() AS k WHERE k.sender IS NOT NULL GROUP BY k.sender) AS c ON c.sender = s.name
ORDER BY s.name;

CREATE VIEW whatsapp_stat_listener AS
SELECT coalesce(pg_catalog.bool_or(k.value = 1) FILTER (WHERE k.name = 'listening'), false) AS listening,
       pg_catalog.sum(k.value) FILTER (WHERE k.name = 'deliveries' AND k.label = 'stored')::bigint AS stored,
       pg_catalog.sum(k.value) FILTER (WHERE k.name = 'deliveries' AND k.label = 'malformed')::bigint AS malformed,
       pg_catalog.sum(k.value) FILTER (WHERE k.name = 'deliveries' AND k.label = 'deferred')::bigint AS deferred,
       pg_catalog.sum(k.value) FILTER (WHERE k.name = 'deliveries' AND k.label = 'bad_signature')::bigint AS bad_signature,
       pg_catalog.sum(k.value) FILTER (WHERE k.name = 'deliveries' AND k.label = 'bad_token')::bigint AS bad_token,
       pg_catalog.to_timestamp(nullif(pg_catalog.sum(k.value) FILTER (WHERE k.name = 'last_delivery'), 0)) AS last_delivery,
       pg_catalog.to_timestamp(nullif(pg_catalog.sum(k.value) FILTER (WHERE k.name = 'last_status'), 0)) AS last_status,
       pg_catalog.to_timestamp(nullif(pg_catalog.sum(k.value) FILTER (WHERE k.name = 'since' AND k.sender IS NULL), 0)) AS since
FROM whatsapp_counters() AS k;

CREATE VIEW whatsapp_stat_workers AS
SELECT w.worker, pg_catalog.to_timestamp(nullif(pg_catalog.max(k.value) FILTER (WHERE k.name = 'worker_start'), 0)) AS started_at,
       pg_catalog.to_timestamp(nullif(pg_catalog.max(k.value) FILTER (WHERE k.name = 'worker_loop'), 0)) AS last_loop,
       coalesce(pg_catalog.max(k.value) FILTER (WHERE k.name = 'worker_loop')
                > extract(epoch FROM pg_catalog.clock_timestamp() - interval '15 s'), false) AS alive
FROM (VALUES (1, 'launcher'), (2, 'sender'), (3, 'listener'), (4, 'reader')) AS w (place, worker)
LEFT JOIN whatsapp_counters() AS k ON k.label = w.worker
GROUP BY w.place, w.worker
ORDER BY w.place;

COMMENT ON FUNCTION whatsapp_counters() IS 'What the workers of this database have counted in shared memory, for the views whatsapp_stat_*.';
COMMENT ON FUNCTION whatsapp_queue_counters() IS 'The queue as the reader of this database has last counted it, for whatsapp_stat_queue.';
COMMENT ON FUNCTION whatsapp_latency_counters() IS 'How long messages took, as the workers of this database have measured it, for whatsapp_stat_latency.';
COMMENT ON FUNCTION wa_metrics(boolean) IS
    'What GET /metrics of whatsapp.metrics_listen answers: all counters of this server in Prometheus'' text format, or in OpenMetrics with examples.';
COMMENT ON FUNCTION wa_report() IS
    'One HTML page about this database: is it sending, is it hearing, what is stuck, the last 30 days. Nothing about a person, nothing loaded from elsewhere.';
COMMENT ON FUNCTION wa_stat_reset() IS
    'Counters and latencies of this database begin anew, as their since says; whatsapp_stat_days and whatsapp_stat_errors stay. False when there are none.';
COMMENT ON VIEW whatsapp_stat_queue IS 'What is still to be sent, by sender, priority and state.';
COMMENT ON COLUMN whatsapp_stat_queue.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_stat_queue.priority IS 'urgent, normal or bulk.';
COMMENT ON COLUMN whatsapp_stat_queue.state IS 'ready, sending, unknown or held: see whatsapp_queue.state.';
COMMENT ON COLUMN whatsapp_stat_queue.messages IS 'Number of messages.';
COMMENT ON COLUMN whatsapp_stat_queue.oldest_due IS 'Since when the oldest of them is due, or will be; those of paused campaigns do not count.';
COMMENT ON COLUMN whatsapp_stat_queue.oldest_age IS 'For how long the oldest of them has been due.';
COMMENT ON COLUMN whatsapp_stat_queue.counted_at IS 'When they were counted: now, or by the reader when there are more than 50,000.';
COMMENT ON VIEW whatsapp_status IS 'Messages by status: those that wait from the queue, all others from whatsapp_day_counts.';
COMMENT ON COLUMN whatsapp_status.status IS 'One of the six statuses, in the order of a message''s life.';
COMMENT ON COLUMN whatsapp_status.messages IS 'Number of messages in this status.';
COMMENT ON COLUMN whatsapp_status.oldest IS 'Their first day, see whatsapp_day_counts.day.';
COMMENT ON COLUMN whatsapp_status.newest IS 'Their last day.';
COMMENT ON VIEW whatsapp_stat_days IS 'Messages of each day by sender, template and category: sent, and what became of those.';
COMMENT ON COLUMN whatsapp_stat_days.day IS 'By UTC: the day when the messages were sent; of those that were never sent, when they failed.';
COMMENT ON COLUMN whatsapp_stat_days.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_stat_days.template_name IS 'Name of the template; empty without one.';
COMMENT ON COLUMN whatsapp_stat_days.category IS 'Category that is charged; empty until a status webhook tells it.';
COMMENT ON COLUMN whatsapp_stat_days.sent IS 'Messages that were sent.';
COMMENT ON COLUMN whatsapp_stat_days.delivered IS 'Of these, those that were delivered, read ones among them.';
COMMENT ON COLUMN whatsapp_stat_days.read IS 'Of these, those that were read.';
COMMENT ON COLUMN whatsapp_stat_days.failed IS 'Messages that failed, sent or not.';
COMMENT ON COLUMN whatsapp_stat_days.delivery_rate IS 'delivered of sent in percent; NULL when nothing was sent.';
COMMENT ON COLUMN whatsapp_stat_days.read_rate IS 'read of sent in percent; NULL when nothing was sent.';
COMMENT ON VIEW whatsapp_stat_errors IS 'Failed messages by day, sender and error code, with what the code means.';
COMMENT ON COLUMN whatsapp_stat_errors.day IS 'By UTC: the day when the messages were sent; of those that were never sent, when they failed.';
COMMENT ON COLUMN whatsapp_stat_errors.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_stat_errors.error_code IS 'Meta''s code; NULL when the error is ours: see whatsapp_messages.error_message.';
COMMENT ON COLUMN whatsapp_stat_errors.failed IS 'Number of messages.';
COMMENT ON COLUMN whatsapp_stat_errors.meaning IS 'What the code says.';
COMMENT ON COLUMN whatsapp_stat_errors.hint IS 'What to do about it.';
COMMENT ON VIEW whatsapp_stat_latency IS 'How long each step of a message''s way took, in seconds, since the counters began.';
COMMENT ON COLUMN whatsapp_stat_latency.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_stat_latency.step IS 'commit to wire (from the due time, where that is later), wire to answer, answer to delivered, delivered to read.';
COMMENT ON COLUMN whatsapp_stat_latency.messages IS 'Messages that were measured.';
COMMENT ON COLUMN whatsapp_stat_latency.p50 IS 'Half of them took no longer, in seconds.';
COMMENT ON COLUMN whatsapp_stat_latency.p95 IS '95 % of them took no longer.';
COMMENT ON COLUMN whatsapp_stat_latency.p99 IS '99 % of them took no longer.';
COMMENT ON COLUMN whatsapp_stat_latency.since IS 'Since when it is measured.';
COMMENT ON VIEW whatsapp_stat_senders IS 'Each sender: is it sending, why not, and what became of its attempts.';
COMMENT ON COLUMN whatsapp_stat_senders.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_stat_senders.enabled IS 'False: it is switched off.';
COMMENT ON COLUMN whatsapp_stat_senders.paused_until IS 'It pauses until then; NULL when it does not.';
COMMENT ON COLUMN whatsapp_stat_senders.paused_reason IS 'Why it pauses.';
COMMENT ON COLUMN whatsapp_stat_senders.paused_hint IS 'What to do about it.';
COMMENT ON COLUMN whatsapp_stat_senders.quality IS 'RED when Meta has flagged the number.';
COMMENT ON COLUMN whatsapp_stat_senders.waiting IS 'Messages in the queue.';
COMMENT ON COLUMN whatsapp_stat_senders.oldest_due IS 'When the oldest of them was due, or will be.';
COMMENT ON COLUMN whatsapp_stat_senders.sent IS 'Attempts since then that the platform accepted.';
COMMENT ON COLUMN whatsapp_stat_senders.retried IS 'Attempts that are to be repeated.';
COMMENT ON COLUMN whatsapp_stat_senders.throttled IS 'Attempts that met a limit of the platform.';
COMMENT ON COLUMN whatsapp_stat_senders.refused IS 'Attempts after which the message failed.';
COMMENT ON COLUMN whatsapp_stat_senders.unknown IS 'Attempts without an answer.';
COMMENT ON COLUMN whatsapp_stat_senders.account_trouble IS 'Attempts that met trouble with the account.';
COMMENT ON COLUMN whatsapp_stat_senders.last_sent IS 'When the platform last accepted a message.';
COMMENT ON COLUMN whatsapp_stat_senders.since IS 'Since when attempts are counted.';
COMMENT ON VIEW whatsapp_stat_listener IS 'What became of the requests to the webhook, and when it last heard of Meta.';
COMMENT ON COLUMN whatsapp_stat_listener.listening IS 'Whether the listener has an address and could bind it.';
COMMENT ON COLUMN whatsapp_stat_listener.stored IS 'Deliveries that were stored.';
COMMENT ON COLUMN whatsapp_stat_listener.malformed IS 'Signed deliveries that could not be read, and are kept as they came.';
COMMENT ON COLUMN whatsapp_stat_listener.deferred IS 'Deliveries that the database would not take; Meta repeats them.';
COMMENT ON COLUMN whatsapp_stat_listener.bad_signature IS 'Requests whose signature is missing or wrong.';
COMMENT ON COLUMN whatsapp_stat_listener.bad_token IS 'Requests whose verify token is missing or wrong.';
COMMENT ON COLUMN whatsapp_stat_listener.last_delivery IS 'When a delivery was last stored.';
COMMENT ON COLUMN whatsapp_stat_listener.last_status IS 'When the status of a message last came.';
COMMENT ON COLUMN whatsapp_stat_listener.since IS 'Since when it is counted.';
COMMENT ON VIEW whatsapp_stat_workers IS 'The workers that serve this database, and whether they are alive.';
COMMENT ON COLUMN whatsapp_stat_workers.worker IS 'launcher, sender, listener or reader.';
COMMENT ON COLUMN whatsapp_stat_workers.started_at IS 'When it was started.';
COMMENT ON COLUMN whatsapp_stat_workers.last_loop IS 'When it last went through its loop: at least each five seconds.';
COMMENT ON COLUMN whatsapp_stat_workers.alive IS 'Whether that is less than 15 seconds ago.';

REVOKE ALL ON FUNCTION whatsapp_counters() FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_queue_counters() FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_latency_counters() FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_metrics(boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_report() FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_stat_reset() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION whatsapp_counters(), whatsapp_queue_counters(), whatsapp_latency_counters(), wa_metrics(boolean), wa_report() TO pg_monitor;
GRANT SELECT ON whatsapp_status, whatsapp_stat_queue, whatsapp_stat_senders, whatsapp_stat_listener, whatsapp_stat_latency, whatsapp_stat_errors,
    whatsapp_stat_days, whatsapp_stat_workers TO pg_monitor;

/* Rate cards, and the market of a phone number. */

-- A row of yours goes before the built-in one of the same prefix. Only yours are dumped: the built-in ones come with the extension.
CREATE TABLE whatsapp_markets (
    prefix   text NOT NULL CHECK (prefix ~ '^[1-9][0-9]{0,6}$'),
    iso      text NOT NULL CHECK (iso ~ '^[A-Z]{2}$'),
    market   text CHECK (market <> ''),
    built_in boolean NOT NULL DEFAULT false,
    PRIMARY KEY (prefix, built_in)
);

-- A card holds from its date until the next one of its currency, and a tier until the next higher one: so nothing can overlap. Built-in
-- cards have keys of their own: a dump that brings a card which a newer version has built in must load.
CREATE TABLE whatsapp_rates (
    currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    effective_date date NOT NULL,
    market         text NOT NULL CHECK (market <> ''),
    category       text NOT NULL CHECK (category IN ('marketing', 'utility', 'authentication', 'authentication_international', 'service')),
    volume_from    bigint NOT NULL DEFAULT 1 CHECK (volume_from > 0),
    rate           numeric(14,8) CHECK (rate >= 0 AND rate < 'Infinity'),
    file_hash      text,
    file_row       integer,
    imported_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    built_in       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (currency, effective_date, market, category, volume_from, built_in)
);

-- Meta's table of March 2026, and the markets that have been split off since. Of the islands behind +1 that it does not list, nobody outside
-- knows whether they are North America or Other: their market is NULL. What is in no row is market Other.
INSERT INTO whatsapp_markets (prefix, iso, market, built_in)
SELECT p.pair[1], p.pair[2], m.market, true FROM (VALUES
    ('Argentina', '54 AR'),
    ('Bangladesh', '880 BD'),
    ('Brazil', '55 BR'),
    ('Chile', '56 CL'),
    ('Colombia', '57 CO'),
    ('Egypt', '20 EG'),
    ('France', '33 FR'),
    ('Germany', '49 DE'),
    ('Hong Kong', '852 HK'),
    ('Hungary', '36 HU'),
    ('India', '91 IN'),
    ('Indonesia', '62 ID'),
    ('Iraq', '964 IQ'),
    ('Israel', '972 IL'),
    ('Italy', '39 IT'),
    ('Kazakhstan', '76 KZ 77 KZ'),
    ('Kuwait', '965 KW'),
    ('Malaysia', '60 MY'),
    ('Mexico', '52 MX'),
    ('Morocco', '212 MA'),
    ('Nepal', '977 NP'),
    ('Netherlands', '31 NL'),
    ('Nigeria', '234 NG'),
    ('North America', '1 US'),
    ('Oman', '968 OM'),
    ('Pakistan', '92 PK'),
    ('Peru', '51 PE'),
    ('Poland', '48 PL'),
    ('Qatar', '974 QA'),
    ('Rest of Africa', '211 SS 213 DZ 216 TN 218 LY 220 GM 221 SN 222 MR 223 ML 225 CI 226 BF 227 NE 228 TG 229 BJ 231 LR 232 SL 233 GH 235 TD 237 CM 241
      GA 242 CG 244 AO 245 GW 249 SD 250 RW 251 ET 252 SO 254 KE 255 TZ 256 UG 257 BI 258 MZ 260 ZM 261 MG 263 ZW 264 NA 265 MW 266 LS
      267 BW 268 SZ 291 ER'),
    ('Rest of Asia Pacific', '61 AU 63 PH 64 NZ 66 TH 675 PG 81 JP 84 VN 855 KH 856 LA 86 CN 886 TW 93 AF 976 MN 992 TJ 993 TM 998 UZ'),
    ('Rest of Central & Eastern Europe', '30 GR 355 AL 359 BG 370 LT 371 LV 373 MD 374 AM 375 BY 381 RS 385 HR 386 SI 389 MK 420 CZ 421 SK 994 AZ 995 GE'),
    ('Rest of Latin America', '1658 JM 1787 PR 1809 DO 1829 DO 1849 DO 1876 JM 1939 PR 502 GT 503 SV 504 HN 505 NI 506 CR 507 PA 509 HT 58 VE 591 BO 593 EC 595
      PY 598 UY'),
    ('Rest of Middle East', '961 LB 962 JO 967 YE 973 BH'),
    ('Rest of Western Europe', '32 BE 351 PT 353 IE 358 FI 41 CH 43 AT 45 DK 46 SE 47 NO'),
    ('Romania', '40 RO'),
    ('Russia', '7 RU'),
    ('Saudi Arabia', '966 SA'),
    ('Singapore', '65 SG'),
    ('South Africa', '27 ZA'),
    ('Spain', '34 ES'),
    ('Sri Lanka', '94 LK'),
    ('Turkey', '90 TR'),
    ('Ukraine', '380 UA'),
    ('United Arab Emirates', '971 AE'),
    ('United Kingdom', '44 GB'),
    (NULL, '1242 BS 1246 BB 1264 AI 1268 AG 1284 VG 1340 VI 1345 KY 1441 BM 1473 GD 1649 TC 1664 MS 1670 MP 1671 GU 1684 AS 1721 SX 1758 LC
      1767 DM 1784 VC 1868 TT 1869 KN')
) AS m (market, prefixes) CROSS JOIN LATERAL pg_catalog.regexp_matches(m.prefixes, '([0-9]+) ([A-Z]{2})', 'g') AS p (pair);

-- Meta's card of 1 October 2026 in US dollars. NULL is what the card prints n/a for.
INSERT INTO whatsapp_rates (currency, effective_date, market, category, rate, file_hash, built_in)
SELECT 'USD', '2026-10-01', m.market, c.category, c.rate, '94913fa225da00935cd50a69a317373302d90afd47b57eeabb5e7cd64e78d867', true FROM (VALUES
    ('Argentina', 0.0618, 0.0260, 0.0260, NULL, 0.0260),
    ('Bangladesh', 0.0732, 0.0037, 0.0037, 0.0960, 0.0037),
    ('Brazil', 0.0625, 0.0068, 0.0068, NULL, 0.0068),
    ('Chile', 0.0889, 0.0200, 0.0200, NULL, 0.0200),
    ('Colombia', 0.0125, 0.0008, 0.0008, NULL, 0.0008),
    ('Egypt', 0.0644, 0.0036, 0.0036, 0.0650, 0.0036),
    ('France', 0.0859, 0.0300, 0.0300, NULL, 0.0300),
    ('Germany', 0.1365, 0.0550, 0.0550, NULL, 0.0550),
    ('Hong Kong', 0.0732, 0.0260, 0.0260, NULL, 0.0260),
    ('Hungary', 0.0860, 0.0350, 0.0350, NULL, 0.0350),
    ('India', 0.0118, 0.0014, 0.0014, 0.0304, 0.0014),
    ('Indonesia', 0.0411, 0.0250, 0.0250, 0.1360, 0.0250),
    ('Iraq', 0.0341, 0.0079, 0.0079, 0.1280, 0.0079),
    ('Israel', 0.0353, 0.0053, 0.0053, NULL, 0.0053),
    ('Italy', 0.0795, 0.0300, 0.0300, NULL, 0.0300),
    ('Kazakhstan', 0.0604, 0.0180, 0.0180, 0.1600, 0.0180),
    ('Kuwait', 0.0792, 0.0440, 0.0440, 0.1200, 0.0440),
    ('Malaysia', 0.0860, 0.0140, 0.0140, 0.0418, 0.0140),
    ('Mexico', 0.0397, 0.0085, 0.0085, NULL, 0.0085),
    ('Morocco', 0.0414, 0.0230, 0.0230, 0.0811, 0.0230),
    ('Netherlands', 0.1597, 0.0500, 0.0500, NULL, 0.0500),
    ('Nepal', 0.0732, 0.0034, 0.0034, 0.1120, 0.0034),
    ('Nigeria', 0.0516, 0.0067, 0.0067, 0.0750, 0.0067),
    ('Oman', 0.0341, 0.0247, 0.0247, 0.0600, 0.0247),
    ('Pakistan', 0.0473, 0.0150, 0.0150, 0.0750, 0.0150),
    ('Peru', 0.0703, 0.0300, 0.0300, NULL, 0.0300),
    ('Poland', 0.0366, 0.0122, 0.0122, NULL, 0.0122),
    ('Qatar', 0.0341, 0.0120, 0.0120, NULL, 0.0120),
    ('Romania', 0.0860, 0.0290, 0.0290, NULL, 0.0290),
    ('Russia', 0.0802, 0.0400, 0.0400, NULL, 0.0400),
    ('Saudi Arabia', 0.0576, 0.0107, 0.0107, 0.0598, 0.0107),
    ('Singapore', 0.0732, 0.0160, 0.0160, NULL, 0.0160),
    ('South Africa', 0.0379, 0.0095, 0.0095, 0.0200, 0.0095),
    ('Spain', 0.0707, 0.0200, 0.0200, NULL, 0.0200),
    ('Sri Lanka', 0.0732, 0.0020, 0.0020, 0.1440, 0.0020),
    ('Turkey', 0.0109, 0.0009, 0.0009, NULL, 0.0009),
    ('Ukraine', 0.0860, 0.0298, 0.0298, 0.0746, 0.0298),
    ('United Arab Emirates', 0.0576, 0.0157, 0.0157, 0.0510, 0.0157),
    ('United Kingdom', 0.0635, 0.0220, 0.0220, NULL, 0.0220),
    ('North America', 0.0250, 0.0034, 0.0034, NULL, 0.0034),
    ('Rest of Africa', 0.0225, 0.0040, 0.0040, NULL, 0.0040),
    ('Rest of Asia Pacific', 0.0842, 0.0113, 0.0113, NULL, 0.0113),
    ('Rest of Central & Eastern Europe', 0.0860, 0.0212, 0.0212, NULL, 0.0212),
    ('Rest of Latin America', 0.0740, 0.0113, 0.0113, NULL, 0.0113),
    ('Rest of Middle East', 0.0392, 0.0091, 0.0091, NULL, 0.0091),
    ('Rest of Western Europe', 0.0592, 0.0171, 0.0171, NULL, 0.0171),
    ('Other', 0.0604, 0.0077, 0.0077, NULL, 0.0077)
) AS m (market, marketing, utility, authentication, authentication_international, service) CROSS JOIN LATERAL (VALUES
    ('marketing', m.marketing), ('utility', m.utility), ('authentication', m.authentication),
    ('authentication_international', m.authentication_international), ('service', m.service)) AS c (category, rate);

CREATE FUNCTION wa_rate_card(file bytea, currency text, OUT market text, OUT category text, OUT volume_from bigint, OUT rate numeric,
                             OUT file_row integer) RETURNS SETOF record
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_rate_card';

CREATE FUNCTION wa_rates_import(file bytea, currency text, effective_date date) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_rates_import';

CREATE FUNCTION wa_rates_import(file text, currency text, effective_date date) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT wa_rates_import(pg_catalog.convert_to(wa_rates_import.file, 'UTF8'), wa_rates_import.currency, wa_rates_import.effective_date);
END;

-- The longest prefix; of a user id its country, where Canada is the United States' market.
CREATE FUNCTION wa_market(phone text, OUT iso text, OUT market text, OUT reason text)
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT m.iso, CASE WHEN NOT p.known THEN NULL WHEN m.prefix IS NULL THEN 'Other' ELSE m.market END,
           CASE WHEN NOT p.known THEN 'phone' WHEN m.prefix IS NOT NULL AND m.market IS NULL THEN 'ambiguous_market' END
    FROM (SELECT coalesce(wa_valid_e164(wa_market.phone) OR wa_market.phone ~ '^[A-Z]{2}[.].', false) AS known,
                 pg_catalog.substr(wa_market.phone, 2, 7) AS digits,
                 CASE WHEN wa_market.phone ~ '^[A-Z]{2}[.]' THEN pg_catalog.replace(pg_catalog.left(wa_market.phone, 2), 'CA', 'US') END AS country) AS p
    LEFT JOIN LATERAL (SELECT k.prefix, k.iso, k.market FROM whatsapp_markets AS k
                       WHERE CASE WHEN p.country IS NULL THEN pg_catalog.starts_with(p.digits, k.prefix) ELSE k.iso = p.country END
                       ORDER BY pg_catalog.length(k.prefix) DESC, k.built_in LIMIT 1) AS m ON p.known;
END;

COMMENT ON TABLE whatsapp_markets IS 'Markets of rate cards by the beginning of a phone number: the longest prefix counts, and what has none is market Other.';
COMMENT ON COLUMN whatsapp_markets.prefix IS 'First digits of the phone number, without +.';
COMMENT ON COLUMN whatsapp_markets.iso IS 'Country, ISO 3166; by it the market of a user id is found.';
COMMENT ON COLUMN whatsapp_markets.market IS 'As rate cards name it; NULL when Meta does not say which it is.';
COMMENT ON COLUMN whatsapp_markets.built_in IS 'True for rows that came with the extension.';
COMMENT ON TABLE whatsapp_rates IS 'Rate cards, one row per price. The card of a day is the last one of its currency that begins on this day or before.';
COMMENT ON COLUMN whatsapp_rates.currency IS 'ISO 4217. Each currency has cards of its own; nothing is converted.';
COMMENT ON COLUMN whatsapp_rates.effective_date IS 'First day on which the card holds, in the time zone of the business account.';
COMMENT ON COLUMN whatsapp_rates.market IS 'As the card names it.';
COMMENT ON COLUMN whatsapp_rates.category IS 'marketing, utility, authentication, authentication_international or service.';
COMMENT ON COLUMN whatsapp_rates.volume_from IS 'The rate holds from this message of a month on, of one market and category; 1 is the list rate.';
COMMENT ON COLUMN whatsapp_rates.rate IS 'Price of one message; NULL when the card prints none (n/a), which is not 0.';
COMMENT ON COLUMN whatsapp_rates.file_hash IS 'SHA-256 of the file that it was read from.';
COMMENT ON COLUMN whatsapp_rates.file_row IS 'Line of that file; NULL where nobody noted it.';
COMMENT ON COLUMN whatsapp_rates.imported_at IS 'When the row was made.';
COMMENT ON COLUMN whatsapp_rates.built_in IS 'True for rows that came with the extension.';
COMMENT ON FUNCTION wa_rate_card(bytea, text) IS
    'Reads a rate card of Meta''s (CSV) without importing it. Raises 22023 with the line of what cannot be read, and for an XLSX workbook.';
COMMENT ON FUNCTION wa_rates_import(bytea, text, date) IS
    'Adds a rate card of Meta''s (CSV, unchanged) to whatsapp_rates and returns how many rows are new; 0 when all of it is there already. Raises 23P01 when a card of that currency and date has another rate for the same, 22023 with the line of what cannot be read, for an XLSX workbook and for what is no currency code, 22004 for NULL, 22008 for an infinite date.';
COMMENT ON FUNCTION wa_rates_import(text, text, date) IS
    'The same for a card that is text already.';
COMMENT ON FUNCTION wa_market(text) IS
    'Country and market of a phone number or user id, by whatsapp_markets; else why there is none: phone when it is neither, ambiguous_market when Meta does not say. Never raises.';

REVOKE ALL ON FUNCTION wa_rates_import(bytea, text, date) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_rates_import(text, text, date) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_market(text) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_markets', 'WHERE NOT built_in');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_rates', 'WHERE NOT built_in');

/* Who is charged for which sender, and what may be charged. */

CREATE VIEW whatsapp_billing AS
SELECT s.name AS sender, s.account,
       coalesce(CASE WHEN s.account IS NULL THEN nullif(pg_catalog.current_setting('whatsapp.account_currency', true), '') ELSE a.currency END,
                b.currency) AS currency,
       CASE WHEN s.account IS NULL THEN nullif(pg_catalog.current_setting('whatsapp.account_time_zone', true), '') ELSE a.time_zone END AS time_zone
FROM whatsapp_senders AS s LEFT JOIN whatsapp_accounts AS a ON a.name = s.account
LEFT JOIN whatsapp_business_accounts AS b ON b.account IS NOT DISTINCT FROM s.account;

-- One row per delivered unit: a message, or a conversation where Meta charged by these. Phones are cut to what tells the market, so that
-- millions of rows become few groups before anything is looked up.
CREATE VIEW whatsapp_delivered_units AS
SELECT b.account, m.sender, b.currency, b.time_zone,
       pg_catalog.timezone(coalesce(b.time_zone, 'UTC'), coalesce(m.delivered_at, m.read_at))::date AS day,
       m.template_name, pg_catalog.left(m.recipient_phone, 8) AS prefix,
       coalesce(pg_catalog.lower(m.pricing_category), CASE WHEN m.message_type <> 'template' THEN 'service' ELSE pg_catalog.lower(t.category) END) AS category,
       m.pricing_type, m.pricing_category IS NOT NULL AND m.pricing_type IS NOT NULL AS told
FROM whatsapp_messages AS m
JOIN whatsapp_billing AS b ON b.sender = m.sender
LEFT JOIN whatsapp_templates AS t ON m.pricing_category IS NULL AND t.name = m.template_name AND t.language = m.template_language
                                  AND t.account IS NOT DISTINCT FROM b.account
WHERE coalesce(m.delivered_at, m.read_at) IS NOT NULL AND (m.conversation_id IS NULL OR m.pricing_model IS DISTINCT FROM 'CBP')
UNION ALL
SELECT b.account, c.sender, b.currency, b.time_zone, pg_catalog.timezone(coalesce(b.time_zone, 'UTC'), c.charged_at)::date,
       c.template_name, pg_catalog.left(c.recipient_phone, 8), pg_catalog.lower(c.pricing_category), c.pricing_type, c.pricing_type IS NOT NULL
FROM (SELECT DISTINCT ON (m.sender, m.conversation_id, m.pricing_category)
             m.sender, coalesce(m.delivered_at, m.read_at) AS charged_at, m.template_name, m.recipient_phone, m.pricing_category, m.pricing_type
      FROM whatsapp_messages AS m
      WHERE coalesce(m.delivered_at, m.read_at) IS NOT NULL AND m.conversation_id IS NOT NULL AND m.pricing_model = 'CBP'
      ORDER BY m.sender, m.conversation_id, m.pricing_category, coalesce(m.delivered_at, m.read_at), m.id) AS c
JOIN whatsapp_billing AS b ON b.sender = c.sender;

COMMENT ON VIEW whatsapp_billing IS 'Senders with the account, currency and time zone by which they are charged.';
COMMENT ON COLUMN whatsapp_billing.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_billing.account IS 'Its account; NULL is the default one.';
COMMENT ON COLUMN whatsapp_billing.currency IS 'From whatsapp_accounts, or whatsapp.account_currency for the default account; else as Meta tells it; NULL when nobody has said.';
COMMENT ON COLUMN whatsapp_billing.time_zone IS 'From whatsapp_accounts, or whatsapp.account_time_zone for the default account; NULL when nobody has said.';
COMMENT ON VIEW whatsapp_delivered_units IS 'What may be charged, one row each: delivered messages, and conversations where Meta charged by these.';
COMMENT ON COLUMN whatsapp_delivered_units.account IS 'Account of the sender; NULL is the default one.';
COMMENT ON COLUMN whatsapp_delivered_units.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_delivered_units.currency IS 'Currency of the account.';
COMMENT ON COLUMN whatsapp_delivered_units.time_zone IS 'Time zone of the account.';
COMMENT ON COLUMN whatsapp_delivered_units.day IS 'Day of the delivery in that time zone, in UTC when it is not known.';
COMMENT ON COLUMN whatsapp_delivered_units.template_name IS 'Name of the template; NULL for other messages.';
COMMENT ON COLUMN whatsapp_delivered_units.prefix IS 'The beginning of the phone number, which tells the market.';
COMMENT ON COLUMN whatsapp_delivered_units.category IS 'Category as Meta told it; else service, or the template''s category.';
COMMENT ON COLUMN whatsapp_delivered_units.pricing_type IS 'Whether and why it is charged, as Meta told it.';
COMMENT ON COLUMN whatsapp_delivered_units.told IS 'True when Meta told both.';

/* Prices: of one message, of a batch before it is sent, and of what was delivered. */

CREATE FUNCTION wa_price_rule(category text, day date, window_open boolean DEFAULT false,
                              OUT model text, OUT basis text, OUT free_units integer, OUT rate_category text, OUT reason text)
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_price_rule';

-- What so many messages cost that come after so many others of the same market, category and month. Tiers are marginal.
CREATE FUNCTION whatsapp_rate_cost(currency text, day date, market text, category text, before bigint, messages bigint,
                                   OUT cost numeric, OUT reason text)
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE WHEN s.whole THEN s.cost END,
           CASE WHEN whatsapp_rate_cost.currency IS NULL THEN 'no_currency'
                WHEN c.effective_date IS NULL THEN 'no_rate_card'
                WHEN NOT EXISTS (SELECT FROM whatsapp_rates AS r WHERE r.currency = whatsapp_rate_cost.currency
                                 AND r.effective_date = c.effective_date AND r.built_in = c.built_in AND r.market = whatsapp_rate_cost.market)
                     THEN 'market_not_on_card'
                WHEN s.whole IS NOT TRUE THEN 'rate_not_printed' END
    FROM (SELECT 1) AS one
    LEFT JOIN (SELECT k.effective_date, k.built_in FROM whatsapp_rates AS k
               WHERE k.currency = whatsapp_rate_cost.currency AND k.effective_date <= whatsapp_rate_cost.day
               ORDER BY k.effective_date DESC, k.built_in LIMIT 1) AS c ON true
    LEFT JOIN LATERAL (
        SELECT pg_catalog.count(*) > 0 AND pg_catalog.min(t.volume_from) = 1 AND pg_catalog.bool_and(t.rate IS NOT NULL OR t.part = 0) AS whole,
               pg_catalog.sum(coalesce(t.rate, 0) * t.part) AS cost
        FROM (SELECT r.rate, r.volume_from,
                     greatest(0, least(pg_catalog.lead(r.volume_from) OVER (ORDER BY r.volume_from) - 1,
                                       whatsapp_rate_cost.before + whatsapp_rate_cost.messages)
                                 - greatest(r.volume_from - 1, whatsapp_rate_cost.before)) AS part
              FROM whatsapp_rates AS r
              WHERE r.currency = whatsapp_rate_cost.currency AND r.effective_date = c.effective_date AND r.built_in = c.built_in
                AND r.market = whatsapp_rate_cost.market AND r.category = whatsapp_rate_cost.category) AS t) AS s ON true;
END;

-- Of a month, what is charged and comes before: the messages of one sender that use up its free ones, or those of an account and market that
-- count for the tier. market NULL: the former.
CREATE FUNCTION whatsapp_units_before(sender text, account text, market text, category text, until date) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT coalesce(pg_catalog.sum(g.units), 0)
    FROM (SELECT u.prefix, pg_catalog.count(*) AS units FROM whatsapp_delivered_units AS u
          WHERE CASE WHEN whatsapp_units_before.market IS NULL THEN u.sender = whatsapp_units_before.sender
                     ELSE u.account IS NOT DISTINCT FROM whatsapp_units_before.account END
            AND u.day BETWEEN pg_catalog.date_trunc('month', whatsapp_units_before.until)::date AND whatsapp_units_before.until
            AND pg_catalog.replace(u.category, '-', '_') = whatsapp_units_before.category AND (u.pricing_type IS NULL OR u.pricing_type = 'regular')
          GROUP BY u.prefix) AS g
    WHERE whatsapp_units_before.market IS NULL OR (SELECT k.market FROM wa_market(g.prefix) AS k) = whatsapp_units_before.market;
END;

-- Counts only where free messages or tiers are at stake: to count reads the messages of the month.
CREATE FUNCTION wa_price(phone text, category text, at timestamptz DEFAULT pg_catalog.now(), sender text DEFAULT NULL,
                         OUT price numeric, OUT currency text, OUT market text, OUT basis text, OUT reason text)
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE WHEN why.reason IS NULL THEN CASE WHEN r.basis = 'rate' AND NOT f.free THEN c.cost ELSE 0 END END,
           b.currency, m.market,
           CASE WHEN why.reason IS NULL THEN CASE WHEN f.free THEN 'free_units' ELSE r.basis END END, why.reason
    FROM (SELECT coalesce(wa_price.sender, nullif(pg_catalog.current_setting('whatsapp.default_sender', true), ''), 'default') AS sender) AS s
    LEFT JOIN whatsapp_billing AS b ON b.sender = s.sender
    CROSS JOIN LATERAL (SELECT pg_catalog.timezone(b.time_zone, wa_price.at)::date AS day) AS d
    CROSS JOIN LATERAL wa_market(wa_price.phone) AS m
    CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM whatsapp_windows AS w WHERE w.contact = wa_contact_key(wa_price.phone) AND w.sender = s.sender
                               AND w.last_inbound_at BETWEEN wa_price.at - interval '24 hours' AND wa_price.at)
                     OR EXISTS (SELECT FROM whatsapp_inbound AS i WHERE i.contact = wa_contact_key(wa_price.phone) AND i.sender = s.sender
                               AND i.occurred_at BETWEEN wa_price.at - interval '24 hours' AND wa_price.at) AS open) AS w
    CROSS JOIN LATERAL wa_price_rule(wa_price.category, d.day, w.open) AS r
    CROSS JOIN LATERAL (SELECT coalesce(r.free_units > 0 AND whatsapp_units_before(s.sender, NULL, NULL, r.rate_category, d.day) < r.free_units,
                                        false) AS free) AS f
    CROSS JOIN LATERAL (SELECT CASE WHEN EXISTS (SELECT FROM whatsapp_rates AS k WHERE k.currency = b.currency AND k.effective_date <= d.day
                                                 AND k.market = m.market AND k.category = r.rate_category AND k.volume_from > 1)
                               THEN whatsapp_units_before(s.sender, b.account, m.market, r.rate_category, d.day) ELSE 0 END AS units) AS v
    CROSS JOIN LATERAL whatsapp_rate_cost(b.currency, d.day, m.market, r.rate_category, v.units, 1) AS c
    CROSS JOIN LATERAL (SELECT CASE WHEN b.sender IS NULL THEN 'unknown_sender' WHEN m.reason IS NOT NULL THEN m.reason
                                    WHEN b.time_zone IS NULL THEN 'no_time_zone' WHEN r.reason IS NOT NULL THEN r.reason
                                    WHEN r.basis = 'rate' AND NOT f.free THEN c.reason END AS reason) AS why;
END;

-- Which of a batch are free nobody knows before: the cheapest are taken for it, so that the sum is never too low.
CREATE FUNCTION whatsapp_estimate_groups(prefixes text[], counts bigint[], category text, at timestamptz, sender text,
                                         OUT market text, OUT currency text, OUT messages bigint, OUT free bigint, OUT cost numeric, OUT reason text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH per_market AS (
        SELECT p.market, p.currency, p.reason, p.sender, p.account, p.day, p.model, p.basis, p.free_units, p.rate_category,
               pg_catalog.sum(p.messages)::bigint AS messages
        FROM (SELECT m.market, b.currency, s.sender, b.account, d.day, r.model, r.basis, r.free_units, r.rate_category, g.messages,
                     CASE WHEN b.sender IS NULL THEN 'unknown_sender' WHEN m.reason IS NOT NULL THEN m.reason
                          WHEN b.time_zone IS NULL THEN 'no_time_zone' ELSE r.reason END AS reason
              FROM ROWS FROM (pg_catalog.unnest(whatsapp_estimate_groups.prefixes), pg_catalog.unnest(whatsapp_estimate_groups.counts)) AS g (prefix, messages)
              CROSS JOIN (SELECT coalesce(whatsapp_estimate_groups.sender, nullif(pg_catalog.current_setting('whatsapp.default_sender', true), ''),
                                          'default') AS sender) AS s
              LEFT JOIN whatsapp_billing AS b ON b.sender = s.sender
              CROSS JOIN LATERAL (SELECT pg_catalog.timezone(b.time_zone, whatsapp_estimate_groups.at)::date AS day) AS d
              CROSS JOIN LATERAL wa_market(g.prefix) AS m
              CROSS JOIN LATERAL wa_price_rule(whatsapp_estimate_groups.category, d.day) AS r) AS p
        GROUP BY p.market, p.currency, p.reason, p.sender, p.account, p.day, p.model, p.basis, p.free_units, p.rate_category
    ), rated AS (
        SELECT p.*, v.units AS before, one.cost AS rate, coalesce(p.reason, CASE WHEN p.basis = 'rate' THEN one.reason END) AS why
        FROM per_market AS p
        CROSS JOIN LATERAL (SELECT CASE WHEN p.reason IS NULL AND p.basis = 'rate'
                                         AND EXISTS (SELECT FROM whatsapp_rates AS k WHERE k.currency = p.currency AND k.effective_date <= p.day
                                                     AND k.market = p.market AND k.category = p.rate_category AND k.volume_from > 1)
                                   THEN whatsapp_units_before(p.sender, p.account, p.market, p.rate_category, p.day) ELSE 0 END AS units) AS v
        CROSS JOIN LATERAL whatsapp_rate_cost(p.currency, p.day, p.market, p.rate_category, v.units, 1) AS one
    ), allowed AS (
        SELECT r.*, CASE WHEN r.why IS NULL AND r.basis <> 'rate' THEN r.messages
                         WHEN r.why IS NULL THEN greatest(0, least(r.messages, a.left_over
                              - coalesce(pg_catalog.sum(r.messages) OVER (PARTITION BY r.why IS NULL AND r.basis = 'rate' ORDER BY r.rate, r.market
                                         ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)))::bigint ELSE 0 END AS free
        FROM rated AS r
        CROSS JOIN LATERAL (SELECT CASE WHEN r.why IS NULL AND r.free_units > 0
                                   THEN greatest(0, r.free_units - whatsapp_units_before(r.sender, NULL, NULL, r.rate_category, r.day))
                                   ELSE 0 END AS left_over) AS a
    )
    SELECT a.market, a.currency, a.messages, a.free, CASE WHEN a.why IS NULL THEN CASE WHEN a.messages = a.free THEN 0 ELSE c.cost END END, a.why
    FROM allowed AS a
    CROSS JOIN LATERAL whatsapp_rate_cost(a.currency, a.day, a.market, a.rate_category, a.before, a.messages - a.free) AS c
    ORDER BY a.why IS NOT NULL, a.market, a.why;
END;

CREATE FUNCTION wa_estimate(phones text[], category text, at timestamptz DEFAULT pg_catalog.now(), sender text DEFAULT NULL,
                            OUT market text, OUT currency text, OUT messages bigint, OUT free bigint, OUT cost numeric, OUT reason text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT e.market, e.currency, e.messages, e.free, e.cost, e.reason
    FROM (SELECT pg_catalog.array_agg(g.prefix) AS prefixes, pg_catalog.array_agg(g.messages) AS counts
          FROM (SELECT CASE WHEN wa_valid_e164(p.phone) OR p.phone ~ '^[A-Z]{2}[.].' THEN pg_catalog.left(p.phone, 8) END AS prefix,
                       pg_catalog.count(*) AS messages
                FROM pg_catalog.unnest(wa_estimate.phones) AS p (phone) GROUP BY 1) AS g) AS a
    CROSS JOIN LATERAL whatsapp_estimate_groups(a.prefixes, a.counts, wa_estimate.category, wa_estimate.at, wa_estimate.sender) AS e;
END;

-- In the order of the days, cheap rates first within a day: so a sum may differ from Meta's by which of a day's messages were the free ones.
CREATE VIEW whatsapp_costs AS
WITH groups AS (
    SELECT u.account, u.sender, u.currency, u.time_zone, u.day, u.template_name, pg_catalog.replace(u.category, '-', '_') AS category, m.market,
           coalesce(m.reason, CASE WHEN u.time_zone IS NULL THEN 'no_time_zone' END) AS reason, u.told, u.pricing_type, u.units
    FROM (SELECT d.account, d.sender, d.currency, d.time_zone, d.day, d.template_name, d.prefix, d.category, d.pricing_type, d.told,
                 pg_catalog.count(*) AS units
          FROM whatsapp_delivered_units AS d
          GROUP BY d.account, d.sender, d.currency, d.time_zone, d.day, d.template_name, d.prefix, d.category, d.pricing_type, d.told) AS u
    CROSS JOIN LATERAL wa_market(u.prefix) AS m
), ruled AS (
    SELECT g.account, g.sender, g.currency, g.day, g.template_name, g.category, g.market, g.told, r.rate_category, r.free_units,
           CASE WHEN g.pricing_type LIKE 'free%' THEN true WHEN g.pricing_type IS NULL THEN r.basis <> 'rate' ELSE false END AS free_told,
           CASE WHEN g.pricing_type LIKE 'free%' THEN NULL ELSE coalesce(g.reason, r.reason) END AS reason, pg_catalog.sum(g.units) AS units
    FROM groups AS g CROSS JOIN LATERAL wa_price_rule(g.category, g.day) AS r
    GROUP BY g.account, g.sender, g.currency, g.day, g.template_name, g.category, g.market, g.told, r.rate_category, r.free_units, 11, 12
), rated AS (
    SELECT r.*, one.cost AS rate, coalesce(r.reason, CASE WHEN NOT r.free_told THEN one.reason END) AS why
    FROM ruled AS r CROSS JOIN LATERAL whatsapp_rate_cost(r.currency, r.day, r.market, r.rate_category, 0, 1) AS one
), allowed AS (
    SELECT r.*, CASE WHEN r.free_told THEN r.units WHEN r.free_units > 0 THEN greatest(0, least(r.units, r.free_units
                     - coalesce(pg_catalog.sum(r.units) OVER (PARTITION BY r.sender, r.rate_category, pg_catalog.date_trunc('month', r.day), r.free_told
                                ORDER BY r.day, r.rate, r.market, r.template_name, r.category, r.told, r.why
                                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0))) ELSE 0 END AS free
    FROM rated AS r
), placed AS (
    SELECT a.*, coalesce(pg_catalog.sum(a.units - a.free) OVER (PARTITION BY a.account, a.currency, a.market, a.rate_category,
                                pg_catalog.date_trunc('month', a.day) ORDER BY a.day, a.sender, a.template_name, a.category, a.told, a.why, a.free_told
                                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
    FROM allowed AS a
)
SELECT p.day, p.account, p.sender, p.template_name, p.category, p.market, p.currency, p.units::bigint AS units, p.free::bigint AS free,
       CASE WHEN p.why IS NULL THEN CASE WHEN p.units = p.free THEN 0 ELSE c.cost END END AS cost,
       NOT p.told OR (p.free_units > 0 AND NOT p.free_told) AS estimated, p.why AS reason
FROM placed AS p CROSS JOIN LATERAL whatsapp_rate_cost(p.currency, p.day, p.market, p.rate_category, p.before::bigint, (p.units - p.free)::bigint) AS c;

COMMENT ON FUNCTION wa_price_rule(text, date, boolean) IS
    'What Meta charges for on a day: model is conversation (until June 2025), template_message (until September 2026) or message; basis is rate, free_service, free_window or free_entry_point; free_units of a month come before the rate of rate_category. reason is set instead when no rate card prices the category: bid, group, surcharge, unknown_category, no_day. Never raises.';
COMMENT ON FUNCTION whatsapp_rate_cost(text, date, text, text, bigint, bigint) IS
    'What so many messages cost by the rate card of a day, after so many others of the month; or the reason why nobody knows. For wa_price(), wa_estimate() and whatsapp_costs.';
COMMENT ON FUNCTION whatsapp_units_before(text, text, text, text, date) IS
    'How many charged messages of a month whatsapp_messages knows until that day. For wa_price() and wa_estimate().';
COMMENT ON FUNCTION wa_price(text, text, timestamptz, text) IS
    'The price of a message of this category to this phone or user id, from this sender (whatsapp.default_sender for NULL), in the currency of its account: or a reason why it is not known, and then price is NULL. It is 0 only where basis says what makes it free: free_service, free_window, free_entry_point, or free_units, an estimate, while this database knows of fewer than the free messages of the month. Never raises.';
COMMENT ON FUNCTION whatsapp_estimate_groups(text[], bigint[], text, timestamptz, text) IS
    'The estimate of wa_estimate(), of the beginnings of phones and how many have each.';
COMMENT ON FUNCTION wa_estimate(text[], text, timestamptz, text) IS
    'What a message of this category to each of these phones would cost, one row per market; what cannot be priced stands in rows of its own, with the reason and no cost. Free messages of the month are taken off the cheapest, so that the sum is never too low; open windows are left out for the same reason.';
COMMENT ON VIEW whatsapp_costs IS 'What was delivered and what it costs by the rate cards, by day, sender, template, category and market. Reads the whole of whatsapp_messages.';
COMMENT ON COLUMN whatsapp_costs.day IS 'Day of the delivery in the time zone of the account, in UTC when it is not known.';
COMMENT ON COLUMN whatsapp_costs.account IS 'Account of the sender; NULL is the default one.';
COMMENT ON COLUMN whatsapp_costs.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_costs.template_name IS 'Name of the template; NULL for other messages.';
COMMENT ON COLUMN whatsapp_costs.category IS 'Category as Meta told it; else service, or the template''s category.';
COMMENT ON COLUMN whatsapp_costs.market IS 'Market of the recipients.';
COMMENT ON COLUMN whatsapp_costs.currency IS 'Currency of the account.';
COMMENT ON COLUMN whatsapp_costs.units IS 'Delivered messages; conversations where Meta charged by these.';
COMMENT ON COLUMN whatsapp_costs.free IS 'How many of them are free: as Meta told, by the rules of the day, or as the first of a month.';
COMMENT ON COLUMN whatsapp_costs.cost IS 'What the others cost; NULL when it is not known, see reason.';
COMMENT ON COLUMN whatsapp_costs.estimated IS 'True when Meta did not tell category and type, or does not tell which messages of a month are free.';
COMMENT ON COLUMN whatsapp_costs.reason IS 'Why there is no cost.';

REVOKE ALL ON FUNCTION whatsapp_rate_cost(text, date, text, text, bigint, bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_units_before(text, text, text, text, date) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_price(text, text, timestamptz, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_estimate_groups(text[], bigint[], text, timestamptz, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_estimate(text[], text, timestamptz, text) FROM PUBLIC;

/* Budgets: money is reserved when a message is claimed, settled when it is delivered, released when it is refused. */

-- NULL in a scope is all of them; account '' is the default account.
CREATE TABLE whatsapp_budget_limits (
    name          text PRIMARY KEY CHECK (name <> '' AND octet_length(name) <= 63),
    amount        numeric(18,8) NOT NULL CHECK (amount >= 0),
    currency      text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    period        text NOT NULL CHECK (period IN ('day', 'month')),
    account       text,
    sender        text,
    category      text,
    template_name text,
    hold          boolean NOT NULL,
    unpriced      text NOT NULL CHECK (unpriced IN ('count', 'hold')),
    set_at        timestamptz NOT NULL DEFAULT pg_catalog.now()
);

-- One row a budget and period, made by the sender at the first look in it.
CREATE TABLE whatsapp_budget_periods (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    budget    text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at   timestamptz NOT NULL,
    amount    numeric NOT NULL,
    warned    smallint NOT NULL DEFAULT 0,
    warned_at timestamptz
);

-- Rows of one period add up. A transaction inserts what it has changed and waits for nobody; the reader folds them.
CREATE TABLE whatsapp_budget_ledger (
    period     bigint NOT NULL,
    authorised numeric NOT NULL,
    reserved   numeric NOT NULL,
    settled    numeric NOT NULL,
    released   numeric NOT NULL,
    messages   bigint NOT NULL,
    unpriced   bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE whatsapp_budget_ledger REPLICA IDENTITY FULL;

-- Of messages that some budget counts. Several where a message was tried again after a refusal.
CREATE TABLE whatsapp_charges (
    message_id  bigint NOT NULL,
    reserved_at timestamptz NOT NULL,
    state       text NOT NULL CHECK (state IN ('reserved', 'settled', 'released')),
    category    text,
    amount      numeric,
    charged     numeric,
    periods     bigint[] NOT NULL
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE whatsapp_charges REPLICA IDENTITY FULL;

CREATE UNIQUE INDEX whatsapp_budget_periods_budget_idx ON whatsapp_budget_periods (budget, starts_at);
CREATE INDEX whatsapp_charges_message_id_idx ON whatsapp_charges (message_id);

-- What a charge is in the ledger: reserved + settled + released = authorised, whatever its state.
CREATE FUNCTION whatsapp_charge_parts(state text, amount numeric, charged numeric, OUT authorised numeric, OUT reserved numeric, OUT settled numeric,
                                      OUT released numeric, OUT messages bigint, OUT unpriced bigint)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(CASE WHEN whatsapp_charge_parts.state = 'settled' THEN greatest(whatsapp_charge_parts.amount, whatsapp_charge_parts.charged)
                         ELSE whatsapp_charge_parts.amount END, 0),
           CASE WHEN whatsapp_charge_parts.state = 'reserved' THEN coalesce(whatsapp_charge_parts.amount, 0) ELSE 0 END,
           CASE WHEN whatsapp_charge_parts.state = 'settled' THEN coalesce(whatsapp_charge_parts.charged, 0) ELSE 0 END,
           CASE whatsapp_charge_parts.state
                WHEN 'settled' THEN greatest(coalesce(whatsapp_charge_parts.amount, 0) - coalesce(whatsapp_charge_parts.charged, 0), 0)
                WHEN 'released' THEN coalesce(whatsapp_charge_parts.amount, 0) ELSE 0 END,
           CASE WHEN whatsapp_charge_parts.state = 'released' THEN 0 ELSE 1 END,
           CASE WHEN whatsapp_charge_parts.state <> 'released' AND coalesce(whatsapp_charge_parts.charged, whatsapp_charge_parts.amount) IS NULL
                THEN 1 ELSE 0 END;
END;

CREATE FUNCTION wa_budget_set(name text, amount numeric, currency text DEFAULT NULL, period text DEFAULT 'month', account text DEFAULT NULL,
                              sender text DEFAULT NULL, category text DEFAULT NULL, template text DEFAULT NULL, hold boolean DEFAULT true,
                              unpriced text DEFAULT 'count') RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_budget_set';

CREATE FUNCTION wa_budget_remove(name text) RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_budget_remove';

-- The period that is now, in the time zone of the account that the scope names, else of the default sender's.
CREATE VIEW whatsapp_budget_sums AS
SELECT l.name, l.amount, l.currency, l.period, l.account, l.sender, l.category, l.template_name, l.hold, l.unpriced AS unpriced_policy,
       z.time_zone, e.starts_at, e.ends_at, p.id AS period_id, p.amount AS period_amount, p.warned, p.warned_at,
       coalesce(s.authorised, 0) AS authorised, coalesce(s.reserved, 0) AS reserved, coalesce(s.settled, 0) AS settled,
       coalesce(s.released, 0) AS released, coalesce(s.messages, 0)::bigint AS messages, coalesce(s.unpriced, 0)::bigint AS unpriced
FROM whatsapp_budget_limits AS l
CROSS JOIN LATERAL (SELECT coalesce((SELECT b.time_zone FROM whatsapp_billing AS b
                                     WHERE b.time_zone IS NOT NULL AND (l.sender IS NULL OR b.sender = l.sender)
                                       AND (l.account IS NULL OR coalesce(b.account, '') = l.account)
                                     ORDER BY b.sender <> 'default', b.sender LIMIT 1), 'UTC') AS time_zone) AS z
CROSS JOIN LATERAL (SELECT pg_catalog.date_trunc(l.period, pg_catalog.timezone(z.time_zone, pg_catalog.now())) AS starts) AS t
CROSS JOIN LATERAL (SELECT pg_catalog.timezone(z.time_zone, t.starts) AS starts_at,
                           pg_catalog.timezone(z.time_zone, t.starts + CASE l.period WHEN 'day' THEN interval '1 day' ELSE interval '1 month' END)
                               AS ends_at) AS e
LEFT JOIN whatsapp_budget_periods AS p ON p.budget = l.name AND p.starts_at = e.starts_at
LEFT JOIN LATERAL (SELECT pg_catalog.sum(g.authorised) AS authorised, pg_catalog.sum(g.reserved) AS reserved, pg_catalog.sum(g.settled) AS settled,
                          pg_catalog.sum(g.released) AS released, pg_catalog.sum(g.messages) AS messages, pg_catalog.sum(g.unpriced) AS unpriced
                   FROM whatsapp_budget_ledger AS g WHERE g.period = p.id) AS s ON true;

CREATE VIEW whatsapp_budgets AS
SELECT b.name, CASE WHEN h.held > 0 THEN 'holding' WHEN b.settled + b.reserved >= b.amount THEN 'used up'
                    WHEN b.settled + b.reserved >= 0.5 * b.amount THEN 'warning' ELSE 'ok' END AS state,
       b.amount, b.currency, b.settled AS spent, b.reserved, b.amount - b.settled - b.reserved AS remaining,
       CASE WHEN b.amount > 0 THEN pg_catalog.round((b.settled + b.reserved) / b.amount, 4) END AS share,
       b.messages, b.unpriced, h.held, b.period, b.starts_at, b.ends_at, b.time_zone, b.account, b.sender, b.category, b.template_name, b.hold,
       b.unpriced_policy, CASE WHEN b.warned > 0 THEN b.warned END AS last_warning, b.warned_at AS last_warning_at
FROM whatsapp_budget_sums AS b
CROSS JOIN LATERAL (SELECT pg_catalog.count(*) AS held FROM whatsapp_queue AS q
                    WHERE q.held_by IN ('budget ' || b.name, 'unknown price, budget ' || b.name) AND q.due_at > pg_catalog.clock_timestamp()) AS h;

COMMENT ON TABLE whatsapp_budget_limits IS 'Budgets as wa_budget_set() made them.';
COMMENT ON COLUMN whatsapp_budget_limits.name IS 'Name of the budget.';
COMMENT ON COLUMN whatsapp_budget_limits.amount IS 'How much may be spent in a period.';
COMMENT ON COLUMN whatsapp_budget_limits.currency IS 'ISO 4217; a message that is charged in another one has no price here.';
COMMENT ON COLUMN whatsapp_budget_limits.period IS 'day or month.';
COMMENT ON COLUMN whatsapp_budget_limits.account IS 'Counts messages of this account alone; empty is the default one; NULL is all.';
COMMENT ON COLUMN whatsapp_budget_limits.sender IS 'Counts messages of this sender alone; NULL is all.';
COMMENT ON COLUMN whatsapp_budget_limits.category IS 'Counts messages of this category alone; NULL is all.';
COMMENT ON COLUMN whatsapp_budget_limits.template_name IS 'Counts messages of this template alone; NULL is all.';
COMMENT ON COLUMN whatsapp_budget_limits.hold IS 'True: what does not fit waits for the next period, urgent messages aside. False: it only warns.';
COMMENT ON COLUMN whatsapp_budget_limits.unpriced IS 'count: a message whose price is not known is sent and counted; hold: it waits.';
COMMENT ON COLUMN whatsapp_budget_limits.set_at IS 'When it was last set.';
COMMENT ON TABLE whatsapp_budget_periods IS 'Days and months of budgets in which the sender worked.';
COMMENT ON COLUMN whatsapp_budget_periods.id IS 'Named by whatsapp_budget_ledger and whatsapp_charges.';
COMMENT ON COLUMN whatsapp_budget_periods.budget IS 'Name of the budget.';
COMMENT ON COLUMN whatsapp_budget_periods.starts_at IS 'Begin of the day or month, in the time zone of the account.';
COMMENT ON COLUMN whatsapp_budget_periods.ends_at IS 'Its end.';
COMMENT ON COLUMN whatsapp_budget_periods.amount IS 'The amount for which warnings were given; they begin anew with another one.';
COMMENT ON COLUMN whatsapp_budget_periods.warned IS 'The last warning: 50, 80 or 100 percent; 0 before.';
COMMENT ON COLUMN whatsapp_budget_periods.warned_at IS 'When that was.';
COMMENT ON TABLE whatsapp_budget_ledger IS 'What was reserved, settled and released; rows of one period add up. At all times reserved + settled + released = authorised.';
COMMENT ON COLUMN whatsapp_budget_ledger.period IS 'Its row of whatsapp_budget_periods.';
COMMENT ON COLUMN whatsapp_budget_ledger.authorised IS 'Money that was reserved, and what was charged beyond it.';
COMMENT ON COLUMN whatsapp_budget_ledger.reserved IS 'Of it, for messages that may still be charged.';
COMMENT ON COLUMN whatsapp_budget_ledger.settled IS 'Of it, for messages that were delivered: what they cost.';
COMMENT ON COLUMN whatsapp_budget_ledger.released IS 'Of it, what is not charged: messages that were refused or turned out to be cheaper.';
COMMENT ON COLUMN whatsapp_budget_ledger.messages IS 'Messages, without those that were refused.';
COMMENT ON COLUMN whatsapp_budget_ledger.unpriced IS 'Of these, messages whose price nobody knows.';
COMMENT ON TABLE whatsapp_charges IS 'What messages that a budget counts have reserved and cost. A row goes with its message.';
COMMENT ON COLUMN whatsapp_charges.message_id IS 'The message, a row of whatsapp_messages.';
COMMENT ON COLUMN whatsapp_charges.reserved_at IS 'When it was claimed.';
COMMENT ON COLUMN whatsapp_charges.state IS 'reserved; settled: delivered; released: refused. Where nobody knows what became of it, it stays reserved.';
COMMENT ON COLUMN whatsapp_charges.category IS 'Category by which it was priced.';
COMMENT ON COLUMN whatsapp_charges.amount IS 'What was reserved; NULL when the price is not known.';
COMMENT ON COLUMN whatsapp_charges.charged IS 'What it cost when it was delivered: the reserved amount, 0 where Meta does not charge it, or the price of the category that Meta told.';
COMMENT ON COLUMN whatsapp_charges.periods IS 'The periods of budgets in which it counts.';
COMMENT ON FUNCTION whatsapp_charge_parts(text, numeric, numeric) IS 'What a charge adds to whatsapp_budget_ledger.';
COMMENT ON FUNCTION wa_budget_set(text, numeric, text, text, text, text, text, text, boolean, text) IS
    'Makes or changes a budget; true when it is new. currency NULL is that of the account. A change of the amount holds at once and keeps what was spent; another currency, period or scope begins anew. Raises 22023 for what is not possible, 22004 for NULL, 22003 for an amount that is too large, 42704 for an account or sender that is not there.';
COMMENT ON FUNCTION wa_budget_remove(text) IS 'Removes a budget and its sums; what it held is sent. False when there is none of this name.';
COMMENT ON VIEW whatsapp_budget_sums IS 'Budgets with the sums of the period that is now. For whatsapp_budgets and the workers.';
COMMENT ON COLUMN whatsapp_budget_sums.name IS 'Name of the budget.';
COMMENT ON COLUMN whatsapp_budget_sums.amount IS 'How much may be spent in a period.';
COMMENT ON COLUMN whatsapp_budget_sums.currency IS 'ISO 4217.';
COMMENT ON COLUMN whatsapp_budget_sums.period IS 'day or month.';
COMMENT ON COLUMN whatsapp_budget_sums.account IS 'Account of its scope.';
COMMENT ON COLUMN whatsapp_budget_sums.sender IS 'Sender of its scope.';
COMMENT ON COLUMN whatsapp_budget_sums.category IS 'Category of its scope.';
COMMENT ON COLUMN whatsapp_budget_sums.template_name IS 'Template of its scope.';
COMMENT ON COLUMN whatsapp_budget_sums.hold IS 'Whether it holds what does not fit.';
COMMENT ON COLUMN whatsapp_budget_sums.unpriced_policy IS 'count or hold: what is done with a message whose price is not known.';
COMMENT ON COLUMN whatsapp_budget_sums.time_zone IS 'In which the period begins: of the account, UTC when nobody has said.';
COMMENT ON COLUMN whatsapp_budget_sums.starts_at IS 'Begin of the period.';
COMMENT ON COLUMN whatsapp_budget_sums.ends_at IS 'End of the period.';
COMMENT ON COLUMN whatsapp_budget_sums.period_id IS 'Its row of whatsapp_budget_periods; NULL before the sender has worked in it.';
COMMENT ON COLUMN whatsapp_budget_sums.period_amount IS 'The amount for which warnings were given.';
COMMENT ON COLUMN whatsapp_budget_sums.warned IS 'The last warning of the period.';
COMMENT ON COLUMN whatsapp_budget_sums.warned_at IS 'When that was.';
COMMENT ON COLUMN whatsapp_budget_sums.authorised IS 'Money that was reserved, and what was charged beyond it.';
COMMENT ON COLUMN whatsapp_budget_sums.reserved IS 'Of it, for messages that may still be charged.';
COMMENT ON COLUMN whatsapp_budget_sums.settled IS 'Of it, for messages that were delivered.';
COMMENT ON COLUMN whatsapp_budget_sums.released IS 'Of it, what is not charged.';
COMMENT ON COLUMN whatsapp_budget_sums.messages IS 'Messages, without those that were refused.';
COMMENT ON COLUMN whatsapp_budget_sums.unpriced IS 'Of these, messages whose price nobody knows.';
COMMENT ON VIEW whatsapp_budgets IS 'Budgets and how much of the running day or month is spent, reserved and left.';
COMMENT ON COLUMN whatsapp_budgets.name IS 'Name of the budget.';
COMMENT ON COLUMN whatsapp_budgets.state IS 'ok; warning: half of it is used; used up; holding: messages wait because of it.';
COMMENT ON COLUMN whatsapp_budgets.amount IS 'How much may be spent in a period.';
COMMENT ON COLUMN whatsapp_budgets.currency IS 'ISO 4217.';
COMMENT ON COLUMN whatsapp_budgets.spent IS 'What the delivered messages of the period cost.';
COMMENT ON COLUMN whatsapp_budgets.reserved IS 'What those cost that were claimed and are neither delivered nor refused.';
COMMENT ON COLUMN whatsapp_budgets.remaining IS 'What is left for others.';
COMMENT ON COLUMN whatsapp_budgets.share IS 'Spent and reserved, as a share of the amount; NULL for an amount of 0.';
COMMENT ON COLUMN whatsapp_budgets.messages IS 'Messages of the period, without those that were refused.';
COMMENT ON COLUMN whatsapp_budgets.unpriced IS 'Of these, messages whose price nobody knows: they count as 0.';
COMMENT ON COLUMN whatsapp_budgets.held IS 'Messages that wait because of it.';
COMMENT ON COLUMN whatsapp_budgets.period IS 'day or month.';
COMMENT ON COLUMN whatsapp_budgets.starts_at IS 'Begin of the period.';
COMMENT ON COLUMN whatsapp_budgets.ends_at IS 'End of the period.';
COMMENT ON COLUMN whatsapp_budgets.time_zone IS 'In which it begins: of the account, UTC when nobody has said.';
COMMENT ON COLUMN whatsapp_budgets.account IS 'Account of its scope; empty is the default one, NULL all.';
COMMENT ON COLUMN whatsapp_budgets.sender IS 'Sender of its scope; NULL is all.';
COMMENT ON COLUMN whatsapp_budgets.category IS 'Category of its scope; NULL is all.';
COMMENT ON COLUMN whatsapp_budgets.template_name IS 'Template of its scope; NULL is all.';
COMMENT ON COLUMN whatsapp_budgets.hold IS 'Whether it holds what does not fit.';
COMMENT ON COLUMN whatsapp_budgets.unpriced_policy IS 'count or hold: what is done with a message whose price is not known.';
COMMENT ON COLUMN whatsapp_budgets.last_warning IS 'The last warning of the period: 50, 80 or 100 percent.';
COMMENT ON COLUMN whatsapp_budgets.last_warning_at IS 'When that was.';

REVOKE ALL ON FUNCTION whatsapp_charge_parts(text, numeric, numeric) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_budget_set(text, numeric, text, text, text, text, text, text, boolean, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_budget_remove(text) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_budget_limits', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_budget_periods', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_budget_periods_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_budget_ledger', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_charges', '');

/* Campaigns: one message to many recipients, which can be paused, resumed, cancelled and tried again, and whose numbers stay. */

CREATE SEQUENCE whatsapp_campaigns_id_seq AS bigint;

-- What became of its messages stands in whatsapp_day_counts: so nothing here changes while they are sent, but for the notes of the reader.
CREATE TABLE whatsapp_campaign_definitions (
    id                bigint PRIMARY KEY DEFAULT pg_catalog.nextval('@extschema@.whatsapp_campaigns_id_seq'::pg_catalog.regclass),
    name              text NOT NULL CHECK (octet_length(name) <= 255),
    created_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by        text NOT NULL DEFAULT SESSION_USER CHECK (octet_length(created_by) <= 63),
    sender            text NOT NULL,
    template_name     text,
    template_language text,
    send_at           timestamptz,
    send_window       text,
    time_zone         text,
    planned           bigint NOT NULL,
    duplicates        bigint NOT NULL,
    estimate          jsonb,
    cancelled_at      timestamptz,
    finished_at       timestamptz,
    tried_before      bigint NOT NULL DEFAULT 0,
    failed_before     bigint NOT NULL DEFAULT 0,
    accepted          text[] NOT NULL DEFAULT '{}',
    noted_at          timestamptz,
    noted_ended       bigint,
    pace              double precision
);

ALTER SEQUENCE whatsapp_campaigns_id_seq OWNED BY whatsapp_campaign_definitions.id;

-- Names are each role's own, as idempotency keys are.
CREATE UNIQUE INDEX whatsapp_campaign_definitions_name_idx ON whatsapp_campaign_definitions (created_by, name);
CREATE INDEX whatsapp_campaign_definitions_open_idx ON whatsapp_campaign_definitions (id) WHERE finished_at IS NULL;

-- Takes a pointer, so that no SQL can call it: wa_send_bulk() works with the caller's rights, and this one writes the rows.
CREATE FUNCTION whatsapp_bulk_step(step internal) RETURNS void
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_bulk_step';

CREATE FUNCTION wa_send_bulk(query text, template text DEFAULT NULL, language text DEFAULT NULL, sender text DEFAULT NULL,
                             name text DEFAULT NULL, send_at timestamptz DEFAULT NULL, send_window text DEFAULT NULL,
                             time_zone text DEFAULT NULL, expires_at timestamptz DEFAULT NULL, body text DEFAULT NULL, named boolean DEFAULT false, language_fallback boolean DEFAULT false,
                             dry_run boolean DEFAULT false,
                             OUT campaign bigint, OUT recipients bigint, OUT queued bigint, OUT duplicates bigint, OUT bad_phones bigint,
                             OUT opted_out bigint, OUT refused bigint, OUT closed_windows bigint, OUT problems jsonb, OUT cost jsonb,
                             OUT messaging_limit text, OUT duration interval)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_bulk_query';

CREATE FUNCTION wa_send_bulk(phones text[], template text DEFAULT NULL, parameters text[] DEFAULT '{}', language text DEFAULT NULL,
                             sender text DEFAULT NULL, name text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                             send_window text DEFAULT NULL, time_zone text DEFAULT NULL, expires_at timestamptz DEFAULT NULL, body text DEFAULT NULL, language_fallback boolean DEFAULT false,
                             dry_run boolean DEFAULT false,
                             OUT campaign bigint, OUT recipients bigint, OUT queued bigint, OUT duplicates bigint, OUT bad_phones bigint,
                             OUT opted_out bigint, OUT refused bigint, OUT closed_windows bigint, OUT problems jsonb, OUT cost jsonb,
                             OUT messaging_limit text, OUT duration interval)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_bulk_array';

CREATE FUNCTION wa_campaign_pause(campaign bigint, reason text DEFAULT NULL) RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_campaign_pause';

CREATE FUNCTION wa_campaign_resume(campaign bigint) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_campaign_resume';

CREATE FUNCTION wa_campaign_cancel(campaign bigint) RETURNS bigint
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_campaign_cancel';

CREATE FUNCTION wa_campaign_retry(campaign bigint, VARIADIC codes bigint[] DEFAULT '{}') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_campaign_retry';

-- finished is what has nothing pending; it is stored nowhere.
CREATE VIEW whatsapp_campaigns AS
SELECT d.id AS campaign, d.name, d.template_name, d.template_language, d.sender,
       CASE WHEN f.pending > 0 AND d.cancelled_at IS NOT NULL THEN 'cancelling'
            WHEN f.pending > 0 AND p.cause = 'asked' THEN 'paused'
            WHEN f.pending > 0 AND p.cause = 'window' THEN 'waiting'
            WHEN f.pending > 0 AND p.cause IS NOT NULL THEN 'stopped'
            WHEN f.pending > 0 AND d.send_at > pg_catalog.now() THEN 'scheduled'
            WHEN f.pending > 0 THEN 'running'
            WHEN d.cancelled_at IS NOT NULL THEN 'cancelled' ELSE 'finished' END AS state,
       p.reason, p.hint, d.planned, f.pending, f.sent, f.delivered, f.read, f.failed, f.cancelled, d.duplicates,
       f.errors, d.estimate AS cost,
       pg_catalog.round(100.0 * (d.planned - f.pending) / nullif(d.planned, 0), 1) AS percent_done,
       CASE WHEN f.pending > 0 AND p.cause IS NULL AND d.pace > 0
            THEN pg_catalog.make_interval(secs => pg_catalog.ceil(f.pending / d.pace)) END AS time_left,
       d.send_at, d.send_window, d.time_zone, d.created_at, d.created_by, p.starts_at AS paused_at, d.cancelled_at, CASE WHEN f.pending = 0 THEN d.finished_at END AS finished_at
FROM whatsapp_campaign_definitions AS d
LEFT JOIN whatsapp_campaign_pauses AS p ON p.campaign_id = d.id AND p.starts_at <= pg_catalog.now()
CROSS JOIN LATERAL (
    SELECT d.planned - coalesce(pg_catalog.sum(e.sent + e.failed + e.cancelled), 0)::bigint AS pending,
           coalesce(pg_catalog.sum(e.sent), 0)::bigint AS sent, coalesce(pg_catalog.sum(e.delivered), 0)::bigint AS delivered,
           coalesce(pg_catalog.sum(e.read), 0)::bigint AS read, coalesce(pg_catalog.sum(e.failed), 0)::bigint AS failed,
           coalesce(pg_catalog.sum(e.cancelled), 0)::bigint AS cancelled,
           pg_catalog.jsonb_object_agg(coalesce(e.error_code::text, 'none'), e.failed) FILTER (WHERE e.failed <> 0) AS errors
    FROM (SELECT c.error_code, pg_catalog.sum(c.sent - c.failed_sent)::bigint AS sent, pg_catalog.sum(c.delivered)::bigint AS delivered,
                 pg_catalog.sum(c.read)::bigint AS read, pg_catalog.sum(c.failed)::bigint AS failed, pg_catalog.sum(c.cancelled)::bigint AS cancelled
          FROM whatsapp_day_counts AS c WHERE c.campaign_id = d.id AND NOT c.deleted GROUP BY c.error_code) AS e) AS f
ORDER BY d.id DESC;

CREATE VIEW whatsapp_campaign_errors AS
SELECT k.campaign_id AS campaign, k.error_code, k.failed, e.meaning, e.hint
FROM (SELECT c.campaign_id, c.error_code, pg_catalog.sum(c.failed)::bigint AS failed FROM whatsapp_day_counts AS c
      WHERE c.campaign_id IS NOT NULL AND NOT c.deleted GROUP BY c.campaign_id, c.error_code) AS k
LEFT JOIN LATERAL wa_explain(k.error_code) AS e ON true
WHERE k.failed <> 0
ORDER BY k.campaign_id DESC, k.failed DESC, k.error_code;

COMMENT ON TABLE whatsapp_campaign_definitions IS 'What wa_send_bulk() has made, one row each. whatsapp_campaigns shows it with what became of the messages. Changed by the extension only.';
COMMENT ON COLUMN whatsapp_campaign_definitions.id IS 'Number of the campaign.';
COMMENT ON COLUMN whatsapp_campaign_definitions.name IS 'Its name; of each role''s campaigns, one has it.';
COMMENT ON COLUMN whatsapp_campaign_definitions.created_at IS 'Start of the transaction that made it.';
COMMENT ON COLUMN whatsapp_campaign_definitions.created_by IS 'The user of the session that made it.';
COMMENT ON COLUMN whatsapp_campaign_definitions.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_campaign_definitions.template_name IS 'Name of the template; NULL for a text without one.';
COMMENT ON COLUMN whatsapp_campaign_definitions.template_language IS 'Language of the template.';
COMMENT ON COLUMN whatsapp_campaign_definitions.send_at IS 'Nothing of it is sent before this time.';
COMMENT ON COLUMN whatsapp_campaign_definitions.send_window IS 'Hours within which it is sent, as wa_send_window() takes them; NULL for any.';
COMMENT ON COLUMN whatsapp_campaign_definitions.time_zone IS 'Of these hours.';
COMMENT ON COLUMN whatsapp_campaign_definitions.planned IS 'Messages that were made for it, with those that were FAILED from the beginning.';
COMMENT ON COLUMN whatsapp_campaign_definitions.duplicates IS 'Recipients that were left out since they had been there before.';
COMMENT ON COLUMN whatsapp_campaign_definitions.estimate IS 'What all of it would cost, as wa_estimate() says, one object per market; what cannot be priced with its reason.';
COMMENT ON COLUMN whatsapp_campaign_definitions.cancelled_at IS 'When wa_campaign_cancel() was called.';
COMMENT ON COLUMN whatsapp_campaign_definitions.finished_at IS 'When the reader saw that nothing was pending any more. Only a note: whatsapp_campaigns counts.';
COMMENT ON COLUMN whatsapp_campaign_definitions.tried_before IS 'At the last wa_campaign_resume(), messages that Meta had answered or refused: the share of failures counts from there.';
COMMENT ON COLUMN whatsapp_campaign_definitions.failed_before IS 'Of these, those that had failed.';
COMMENT ON COLUMN whatsapp_campaign_definitions.accepted IS 'Causes that do not stop it, since somebody resumed it while they held; until they hold no more.';
COMMENT ON COLUMN whatsapp_campaign_definitions.noted_at IS 'When the reader last measured its pace.';
COMMENT ON COLUMN whatsapp_campaign_definitions.noted_ended IS 'How many messages were not pending any more by then.';
COMMENT ON COLUMN whatsapp_campaign_definitions.pace IS 'Messages per second of late.';
COMMENT ON VIEW whatsapp_campaigns IS 'Campaigns with their state and what became of their messages: planned = pending + sent + failed + cancelled, in every snapshot, and also when the messages are deleted.';
COMMENT ON COLUMN whatsapp_campaigns.campaign IS 'Number of the campaign.';
COMMENT ON COLUMN whatsapp_campaigns.name IS 'Its name.';
COMMENT ON COLUMN whatsapp_campaigns.template_name IS 'Name of the template; NULL for a text without one.';
COMMENT ON COLUMN whatsapp_campaigns.template_language IS 'Language of the template.';
COMMENT ON COLUMN whatsapp_campaigns.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_campaigns.state IS 'scheduled, running, waiting (for its hours), paused, stopped (by itself: see reason), cancelling, cancelled or finished. It is finished when nothing is pending, and not before.';
COMMENT ON COLUMN whatsapp_campaigns.reason IS 'Why it is paused or stopped.';
COMMENT ON COLUMN whatsapp_campaigns.hint IS 'What to do about it.';
COMMENT ON COLUMN whatsapp_campaigns.planned IS 'Messages that were made for it.';
COMMENT ON COLUMN whatsapp_campaigns.pending IS 'Messages that are still to be sent.';
COMMENT ON COLUMN whatsapp_campaigns.sent IS 'Messages that were sent and have not failed since.';
COMMENT ON COLUMN whatsapp_campaigns.delivered IS 'Of these, those that are DELIVERED or READ.';
COMMENT ON COLUMN whatsapp_campaigns.read IS 'Of these, those that are READ.';
COMMENT ON COLUMN whatsapp_campaigns.failed IS 'Messages that are FAILED, also those that were so from the beginning.';
COMMENT ON COLUMN whatsapp_campaigns.cancelled IS 'Messages that are CANCELLED, or were deleted before they were sent.';
COMMENT ON COLUMN whatsapp_campaigns.duplicates IS 'Recipients that were left out since they had been there before.';
COMMENT ON COLUMN whatsapp_campaigns.errors IS 'Failures by Meta''s code; none stands for those that have no code. whatsapp_campaign_errors explains them.';
COMMENT ON COLUMN whatsapp_campaigns.cost IS 'What all of it would cost, estimated when it was made: one object per market; what cannot be priced with its reason.';
COMMENT ON COLUMN whatsapp_campaigns.percent_done IS 'How much of it is not pending any more.';
COMMENT ON COLUMN whatsapp_campaigns.time_left IS 'At the pace of the last seconds; NULL when nothing is sent.';
COMMENT ON COLUMN whatsapp_campaigns.send_at IS 'Nothing of it is sent before this time.';
COMMENT ON COLUMN whatsapp_campaigns.send_window IS 'Hours within which it is sent; NULL for any.';
COMMENT ON COLUMN whatsapp_campaigns.time_zone IS 'Of these hours.';
COMMENT ON COLUMN whatsapp_campaigns.created_at IS 'Start of the transaction that made it.';
COMMENT ON COLUMN whatsapp_campaigns.created_by IS 'The user of the session that made it.';
COMMENT ON COLUMN whatsapp_campaigns.paused_at IS 'Since when it is paused, stopped or waits.';
COMMENT ON COLUMN whatsapp_campaigns.cancelled_at IS 'When wa_campaign_cancel() was called.';
COMMENT ON COLUMN whatsapp_campaigns.finished_at IS 'When the reader saw that nothing was pending any more.';
COMMENT ON VIEW whatsapp_campaign_errors IS 'Failures of each campaign by their code, with what the code means.';
COMMENT ON COLUMN whatsapp_campaign_errors.campaign IS 'Number of the campaign.';
COMMENT ON COLUMN whatsapp_campaign_errors.error_code IS 'Meta''s code; NULL for failures without one: their error_message in whatsapp_messages says what it was.';
COMMENT ON COLUMN whatsapp_campaign_errors.failed IS 'Messages that failed with it.';
COMMENT ON COLUMN whatsapp_campaign_errors.meaning IS 'What the code means.';
COMMENT ON COLUMN whatsapp_campaign_errors.hint IS 'What to do about it.';
COMMENT ON FUNCTION whatsapp_bulk_step(internal) IS 'The part of wa_send_bulk() that writes, with the rights of the extension''s owner. No SQL can call it.';
COMMENT ON FUNCTION wa_send_bulk(text, text, text, text, text, timestamptz, text, text, timestamptz, text, boolean, boolean, boolean) IS
    'Makes a campaign of priority bulk: query is run with the caller''s rights, whose column phone (else the first) is the recipient and whose other columns are the template''s parameters in their order, or by their names with named. body sends a text without a template. send_window are hours within which it is sent, such as Mon-Fri 09:00-18:00, in time_zone (NULL: that of the session). Without expires_at, messages expire after a week, or whatsapp.default_ttl if that is longer. A recipient that comes again is left out; one that cannot be sent to is FAILED with its reason, and does not stop the others. With dry_run nothing is written, and campaign is NULL. Raises what wa_send_template() raises for the template and its arguments, 22007 for hours that it cannot read, 42601 for what is no query, 42710 for a name that this role has used.';
COMMENT ON FUNCTION wa_send_bulk(text[], text, text[], text, text, text, timestamptz, text, text, timestamptz, text, boolean, boolean) IS
    'The same for an array of phones: parameters are the same for all, or have one row for each phone. Raises 2202E when they have another number of rows.';
COMMENT ON FUNCTION wa_campaign_pause(bigint, text) IS
    'From its commit on, nothing more of the campaign is sent; what is on the wire already ends as it ends. False when it is paused or nothing is pending. Raises 42704 for an unknown campaign.';
COMMENT ON FUNCTION wa_campaign_resume(bigint) IS
    'Goes on with a campaign that was paused or has stopped by itself; what made it stop does not stop it again as long as it lasts. False when it is not paused. Raises 42704 for an unknown campaign.';
COMMENT ON FUNCTION wa_campaign_cancel(bigint) IS
    'From its commit on, nothing more of the campaign is sent, and the reader makes what is pending CANCELLED, some thousand at a time. Returns how many were pending. Raises 42704 for an unknown campaign.';
COMMENT ON FUNCTION wa_campaign_retry(bigint, bigint[]) IS
    'Sends again what has failed: with one of Meta''s codes, or without codes all but those whose outcome nobody knows, which may have arrived. Returns how many. Raises 42704 for an unknown campaign, 55000 for a cancelled one.';

REVOKE ALL ON FUNCTION whatsapp_bulk_step(internal) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_bulk(text, text, text, text, text, timestamptz, text, text, timestamptz, text, boolean, boolean, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_bulk(text[], text, text[], text, text, text, timestamptz, text, text, timestamptz, text, boolean, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_campaign_pause(bigint, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_campaign_resume(bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_campaign_cancel(bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_campaign_retry(bigint, bigint[]) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_campaigns_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_campaign_definitions', '');

/* What is wrong, and what to do: the pre-launch checklist, the troubleshooting table and one message's life, answered by the database. */

CREATE FUNCTION wa_preflight() RETURNS TABLE (place integer, line text, state text, seen text, to_do text)
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 12 SET search_path = pg_catalog, pg_temp
AS $$
WITH counters AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_counters()),
secrets AS MATERIALIZED (
    SELECT coalesce(max(c.value) FILTER (WHERE c.label = 'access_token'), 0) AS access_token,
           coalesce(max(c.value) FILTER (WHERE c.label = 'phone_number_id'), 0) AS phone_number_id,
           coalesce(max(c.value) FILTER (WHERE c.label = 'app_secret'), 0) AS app_secret,
           coalesce(max(c.value) FILTER (WHERE c.label = 'verify_token'), 0) AS verify_token
    FROM counters AS c WHERE c.name = 'secret'),
-- 0 nobody has looked, 1 not set, 2 refused, 3 weak, 4 good
words AS (SELECT ARRAY['not looked at', 'not set', 'refused', 'weak', 'set'] AS of),
listener AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_stat_listener),
senders AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_senders),
days AS MATERIALIZED (SELECT sum(d.sent) AS sent, sum(d.delivered) AS delivered, sum(d.read) AS read, max(d.day) FILTER (WHERE d.sent > 0) AS last_day,
                             sum(d.failed) FILTER (WHERE d.error_code = 133010) AS unregistered
                      FROM @extschema@.whatsapp_day_counts AS d WHERE NOT d.deleted),
latest AS MATERIALIZED (SELECT m.id, m.status, m.error_message, m.hint FROM @extschema@.whatsapp_messages AS m ORDER BY m.id DESC LIMIT 1),
event AS MATERIALIZED (SELECT (SELECT e.received_at FROM @extschema@.whatsapp_events AS e ORDER BY e.received_at DESC LIMIT 1) AS at),
templates AS MATERIALIZED (
    SELECT t.name, string_agg(t.language || ' ' || coalesce(t.status, 'unknown'), ', ' ORDER BY t.language) AS seen,
           bool_or(t.status = 'APPROVED') AS approved, bool_or(t.status IS DISTINCT FROM 'APPROVED') AS others
    FROM @extschema@.whatsapp_templates AS t WHERE t.name = 'po_notification' GROUP BY t.name),
workers AS MATERIALIZED (SELECT count(*) FILTER (WHERE w.alive) AS alive, string_agg(w.worker, ', ' ORDER BY w.worker) FILTER (WHERE NOT w.alive) AS missing
                         FROM @extschema@.whatsapp_stat_workers AS w),
phones AS MATERIALIZED (
    SELECT count(*) AS tables, sum(c.bad) AS bad, string_agg(format('%s: %s', c.relation, c.bad), ', ') FILTER (WHERE c.bad > 0) AS seen
    FROM (SELECT w.relation,
                 substring(query_to_xml(format('SELECT count(*) AS n FROM (SELECT %I::text AS phone FROM %s LIMIT 1000000) AS s '
                                               'WHERE phone IS NOT NULL AND NOT @extschema@.wa_valid_e164(phone)', a.attname, w.relation),
                                        true, false, '')::text FROM '<n>([0-9]+)</n>')::bigint AS bad
          FROM @extschema@.whatsapp_watches AS w
          JOIN pg_class AS r ON r.oid = w.relation AND r.relkind IN ('r', 'p')
          JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attname = regexp_replace(w.phone, '^new\.', '') AND a.atttypid IN ('text'::regtype, 'varchar'::regtype)) AS c),
-- of each account, what was asked last
probes AS MATERIALIZED (
    SELECT p.*, coalesce(p.account, 'the default account') AS shown,
           CASE WHEN NOT p.token_valid OR p.token_expires_at <= clock_timestamp() THEN 'failed'
                WHEN NOT p.token_scopes @> ARRAY['whatsapp_business_messaging'] THEN 'failed'
                WHEN NOT p.token_permanent OR NOT p.token_scopes @> ARRAY['whatsapp_business_management'] OR p.data_access_expires_at <= clock_timestamp() THEN 'warning'
                WHEN p.token_valid IS NOT NULL THEN 'ok' END AS token_state
    FROM @extschema@.whatsapp_probes AS p),
token AS MATERIALIZED (
    SELECT (SELECT string_agg(format('%s: %s', p.shown, concat_ws(', ', CASE WHEN NOT p.token_valid THEN 'not valid' END,
                              CASE WHEN p.token_expires_at <= clock_timestamp() THEN format('ended at %s', to_char(p.token_expires_at, 'YYYY-MM-DD HH24:MI'))
                                   WHEN p.token_expires_at IS NOT NULL THEN format('ends at %s', to_char(p.token_expires_at, 'YYYY-MM-DD HH24:MI'))
                                   WHEN p.token_permanent THEN 'never ends' END,
                              'may ' || nullif(array_to_string(p.token_scopes, ' and '), ''), CASE WHEN p.token_scopes = '{}' THEN 'may nothing' END))
                              || format(' (%s ago)', date_trunc('minute', clock_timestamp() - p.probed_at)), '; ' ORDER BY p.account NULLS FIRST)
            FROM probes AS p WHERE p.token_state IS NOT NULL) AS seen,
           CASE WHEN bool_or(p.token_state = 'failed') THEN 'failed' WHEN bool_or(p.token_state = 'warning') THEN 'warning'
                WHEN bool_or(p.token_state = 'ok') THEN 'ok' END AS state,
           bool_or(p.token_valid AND NOT p.token_scopes @> ARRAY['whatsapp_business_messaging', 'whatsapp_business_management']) AS lacks_scope,
           string_agg(p.shown, ', ') FILTER (WHERE p.subscribed_apps = '[]') AS unheard,
           bool_and(p.subscribed_apps <> '[]') AS heard,
           (SELECT string_agg(DISTINCT a ->> 'callback', ', ') FROM probes AS k CROSS JOIN jsonb_array_elements(k.subscribed_apps) AS a WHERE a ->> 'callback' <> '') AS callbacks
    FROM probes AS p),
-- Meta's last word to a probe, where it was a refusal
refused AS MATERIALIZED (
    SELECT string_agg(format('%s: %s', coalesce(l.account, 'the default account'), concat_ws(' ', 'code ' || l.error_code, l.error_message)), '; ') AS seen,
           bool_or(l.error_code = 190) AS token_refused
    FROM (SELECT DISTINCT ON (r.account) r.account, r.state, r.error_code, r.error_message FROM @extschema@.whatsapp_requests AS r
          WHERE r.kind = 'probe' AND r.ended_at IS NOT NULL ORDER BY r.account, r.id DESC) AS l WHERE l.state = 'failed'),
scrape AS (SELECT to_timestamp(max(c.value)) AS at FROM counters AS c WHERE c.name = 'last_scrape' AND c.value > 0)
SELECT * FROM (
    SELECT 1, 'Meta Business Account verified',
           CASE WHEN b.accounts = 0 OR b.untold > 0 THEN 'manual' WHEN b.verified = b.accounts THEN 'ok' ELSE 'failed' END,
           CASE WHEN b.accounts = 0 THEN 'Meta was not asked yet.' ELSE 'As Meta told: ' || b.seen || '.' END,
           CASE WHEN b.accounts > 0 AND b.verified = b.accounts THEN '' ELSE 'CALL wa_probe(); asks Meta. Business Suite, Settings, Security Centre shows what is missing.' END
    FROM (SELECT count(*) AS accounts, count(*) FILTER (WHERE lower(a.verification_status) = 'verified') AS verified,
                 count(*) FILTER (WHERE a.verification_status IS NULL) AS untold,
                 string_agg(format('%s is %s', coalesce(a.account, 'the default account'), coalesce(a.verification_status, 'unknown')), ', ' ORDER BY a.account NULLS FIRST) AS seen
          FROM @extschema@.whatsapp_business_accounts AS a) AS b
    UNION ALL
    SELECT 2, 'WhatsApp phone number registered',
           CASE WHEN s.phone_number_id IN (1, 2) AND NOT EXISTS (SELECT FROM senders AS o WHERE o.phone_number_id IS NOT NULL) THEN 'failed'
                WHEN n.others > 0 THEN 'failed' WHEN d.unregistered > 0 AND NOT coalesce(d.sent > 0, false) THEN 'failed'
                WHEN d.sent > 0 OR n.connected > 0 THEN 'ok' ELSE 'manual' END,
           CASE WHEN n.connected + n.others > 0 THEN 'As Meta told: ' || n.seen || '.'
                WHEN d.sent > 0 THEN format('The platform has accepted %s messages, the last on %s.', d.sent, d.last_day)
                WHEN d.unregistered > 0 THEN format('%s messages failed with 133010: the number is not registered.', d.unregistered)
                ELSE format('The phone number id is %s; no message was sent yet.', (SELECT of[s.phone_number_id::int + 1] FROM words)) END,
           CASE WHEN n.others = 0 AND (d.sent > 0 OR n.connected > 0) THEN ''
                ELSE 'Put Meta''s id of the number into the file phone_number_id, register it, and send yourself a message: SELECT wa_send_test(''+34…'').' END
    FROM secrets AS s, days AS d,
         (SELECT count(*) FILTER (WHERE t.status = 'CONNECTED') AS connected, count(*) FILTER (WHERE t.status IS DISTINCT FROM 'CONNECTED') AS others,
                 string_agg(format('%s is %s', coalesce(t.display_number, t.phone_number_id), coalesce(t.status, 'unknown')), ', ' ORDER BY t.phone_number_id) AS seen
          FROM @extschema@.whatsapp_numbers AS t JOIN senders AS o ON o.phone_number_id = t.phone_number_id OR o.name = 'default' WHERE t.gone_at IS NULL) AS n
    UNION ALL
    SELECT 3, 'Access token is permanent',
           CASE WHEN s.access_token IN (1, 2) OR p.reason IS NOT NULL OR f.token_refused OR t.state = 'failed' THEN 'failed'
                WHEN s.access_token = 3 OR t.state = 'warning' OR f.seen IS NOT NULL THEN 'warning' ELSE coalesce(t.state, 'manual') END,
           coalesce('Sender pauses: ' || p.reason, 'Meta refused to tell of ' || f.seen, 'As Meta told of ' || t.seen || '.',
                    format('The access token is %s; when it ends only Meta tells.', (SELECT of[s.access_token::int + 1] FROM words))),
           CASE WHEN p.reason IS NULL AND f.seen IS NULL AND t.state = 'ok' AND s.access_token NOT IN (1, 2, 3) THEN ''
                WHEN t.lacks_scope THEN 'Make a token that may whatsapp_business_messaging and whatsapp_business_management.'
                WHEN t.state IS NULL AND f.seen IS NULL THEN 'CALL wa_probe(); asks Meta. Use a system user''s token without an end.'
                ELSE 'Use a system user''s token without an end: Meta''s Access Token Debugger shows "Expires: Never". Then CALL wa_probe();' END
    FROM secrets AS s, token AS t, refused AS f, (SELECT max(o.paused_reason) AS reason FROM senders AS o WHERE o.paused_reason ~* 'token|session') AS p
    UNION ALL
    SELECT 4, 'Template approved (status = APPROVED)',
           CASE WHEN t.approved AND NOT t.others THEN 'ok' WHEN t.approved THEN 'warning' WHEN t.name IS NOT NULL THEN 'failed'
                WHEN p.sent > 0 THEN 'ok' WHEN p.failed > 0 THEN 'failed' ELSE 'manual' END,
           CASE WHEN t.name IS NOT NULL THEN 'po_notification: ' || t.seen
                WHEN p.sent > 0 THEN format('The platform has accepted %s messages with po_notification.', p.sent)
                WHEN p.failed > 0 THEN format('%s messages failed with 132001: Meta knows no such template in that language.', p.failed)
                ELSE 'Nothing is known of po_notification yet.' END,
           CASE WHEN t.approved AND NOT t.others OR t.name IS NULL AND p.sent > 0 THEN ''
                ELSE 'WhatsApp Manager shows its status; name and language must be exactly po_notification and es.' END
    FROM (SELECT 1) AS one LEFT JOIN templates AS t ON true,
         (SELECT sum(d.sent) AS sent, sum(d.failed) FILTER (WHERE d.error_code = 132001) AS failed FROM @extschema@.whatsapp_day_counts AS d
          WHERE NOT d.deleted AND d.template_name = 'po_notification') AS p
    UNION ALL
    SELECT 5, 'Webhook configured and verified',
           CASE WHEN s.app_secret IN (1, 2) OR s.verify_token IN (1, 2) THEN 'failed'
                WHEN NOT l.listening AND l.last_delivery IS NULL OR t.unheard IS NOT NULL THEN 'failed'
                WHEN s.app_secret = 3 OR s.verify_token = 3 OR l.bad_token > 0 OR l.last_delivery IS NULL THEN 'warning' ELSE 'ok' END,
           format('Listening: %s. App secret: %s. Verify token: %s. Last delivery: %s.%s%s%s%s', CASE WHEN l.listening THEN current_setting('whatsapp.listen') ELSE 'no' END,
                  w.of[s.app_secret::int + 1], w.of[s.verify_token::int + 1], coalesce(to_char(l.last_delivery, 'YYYY-MM-DD HH24:MI:SS'), 'none since the start'),
                  CASE WHEN l.bad_token > 0 THEN format(' %s requests had a wrong verify token.', l.bad_token) END,
                  CASE WHEN l.bad_signature > 0 THEN format(' %s requests had a wrong signature.', l.bad_signature) END,
                  CASE WHEN t.unheard IS NOT NULL THEN format(' No app hears the webhooks of %s.', t.unheard) WHEN t.heard THEN ' As Meta told, an app hears them.' END,
                  ' They go to ' || t.callbacks || '.'),
           CASE WHEN t.unheard IS NOT NULL THEN 'Subscribe the app to the account: POST /{business account id}/subscribed_apps. Then CALL wa_probe();'
                WHEN s.verify_token = 3 OR s.app_secret = 3 THEN 'A secret is short or a well-known example: take openssl rand -hex 32 as the verify token, and Meta''s own app secret.'
                WHEN NOT l.listening THEN 'Set whatsapp.listen, and the callback URL at Meta.'
                WHEN l.last_delivery IS NULL THEN 'Press "Test" beside the webhook field messages at Meta, and subscribe the app to the account.' ELSE '' END
    FROM secrets AS s, listener AS l, words AS w, token AS t
    UNION ALL
    SELECT 6, 'Environment variables set in production',
           CASE WHEN current_setting('whatsapp.enabled') <> 'on' OR 1 IN (s.access_token, s.app_secret, s.verify_token) OR 2 IN (s.access_token, s.app_secret, s.verify_token, s.phone_number_id)
                THEN 'failed' WHEN 0 IN (s.access_token, s.verify_token) OR 3 IN (s.access_token, s.app_secret, s.verify_token) THEN 'warning' ELSE 'ok' END,
           format('whatsapp.enabled: %s. Access token: %s. Phone number id: %s. App secret: %s. Verify token: %s.', current_setting('whatsapp.enabled'),
                  w.of[s.access_token::int + 1], w.of[s.phone_number_id::int + 1], w.of[s.app_secret::int + 1], w.of[s.verify_token::int + 1]),
           CASE WHEN 2 IN (s.access_token, s.app_secret, s.verify_token, s.phone_number_id) THEN 'The server''s log says why a file is refused: its owner, its rights or its text.'
                WHEN 1 IN (s.access_token, s.app_secret, s.verify_token) THEN 'Put what is missing into a file of whatsapp.secret_dir, or into the server''s environment and restart.'
                WHEN current_setting('whatsapp.enabled') <> 'on' THEN 'ALTER SYSTEM SET whatsapp.enabled = on; SELECT pg_reload_conf();'
                WHEN 3 IN (s.access_token, s.app_secret, s.verify_token) THEN 'Replace the secret that is weak.' ELSE '' END
    FROM secrets AS s, words AS w
    UNION ALL
    SELECT 7, 'Database migration completed',
           CASE WHEN e.extversion <> @extschema@.wa_version() OR w.alive = 0 THEN 'failed' WHEN w.alive < 4 THEN 'warning' ELSE 'ok' END,
           format('Extension %s, library %s. %s', e.extversion, @extschema@.wa_version(), coalesce('Workers that do not run here: ' || w.missing || '.', 'All workers run.')),
           CASE WHEN e.extversion <> @extschema@.wa_version() THEN 'ALTER EXTENSION pg_whatsapp UPDATE; or restart the server, if the extension is the newer one.'
                WHEN w.alive < 4 THEN 'Check shared_preload_libraries, whatsapp.databases and max_worker_processes, and the server''s log.' ELSE '' END
    FROM pg_extension AS e, workers AS w WHERE e.extname = 'pg_whatsapp'
    UNION ALL
    SELECT 8, 'Test message sent successfully',
           CASE WHEN d.sent > 0 THEN 'ok' WHEN l.status = 'FAILED' THEN 'failed' ELSE 'warning' END,
           CASE WHEN l.id IS NULL THEN 'There is no message yet.' ELSE format('The last message, %s, is %s.%s', l.id, l.status, ' ' || l.error_message) END,
           CASE WHEN d.sent > 0 THEN '' WHEN l.id IS NULL THEN 'SELECT wa_send_test(''+34…'') with your own phone.'
                ELSE coalesce(l.hint, format('SELECT * FROM wa_diagnose(%s);', l.id)) END
    FROM days AS d LEFT JOIN latest AS l ON true
    UNION ALL
    SELECT 9, 'Webhook events received',
           CASE WHEN d.delivered > 0 THEN 'ok' WHEN e.at IS NOT NULL THEN 'warning' WHEN d.sent > 0 THEN 'failed' ELSE 'warning' END,
           format('Last event: %s. Messages told as delivered: %s of %s.', coalesce(to_char(e.at, 'YYYY-MM-DD HH24:MI:SS'), 'none'), coalesce(d.delivered, 0), coalesce(d.sent, 0)),
           CASE WHEN d.delivered > 0 THEN '' WHEN d.sent > 0 THEN 'SELECT * FROM wa_diagnose();' ELSE 'Send a test message, and open it on the phone.' END
    FROM event AS e, days AS d
    UNION ALL
    SELECT 10, 'Supplier phone numbers formatted correctly',
           CASE WHEN p.bad > 0 THEN 'failed' WHEN p.tables > 0 THEN 'ok' ELSE 'manual' END,
           CASE WHEN p.bad > 0 THEN 'Numbers that are not in E.164 format: ' || p.seen || '.'
                WHEN p.tables > 0 THEN format('Every number of the %s watched tables is in E.164 format.', p.tables)
                ELSE 'No table is watched.' END,
           CASE WHEN p.bad > 0 OR p.tables = 0 THEN 'SELECT phone, wa_phone_problem(phone) FROM suppliers WHERE NOT wa_valid_e164(phone);' ELSE '' END
    FROM phones AS p
    UNION ALL
    SELECT 11, 'Monitoring configured',
           CASE WHEN c.at > clock_timestamp() - interval '5 minutes' THEN 'ok' WHEN c.at IS NOT NULL OR current_setting('whatsapp.metrics_listen') <> '' THEN 'warning' ELSE 'failed' END,
           format('whatsapp.metrics_listen: %s. Last scrape: %s.', coalesce(nullif(current_setting('whatsapp.metrics_listen'), ''), 'not set'),
                  coalesce(to_char(c.at, 'YYYY-MM-DD HH24:MI:SS'), 'none')),
           CASE WHEN c.at > clock_timestamp() - interval '5 minutes' THEN '' ELSE 'Set whatsapp.metrics_listen and let Prometheus scrape it: deploy/prometheus.' END
    FROM scrape AS c
    UNION ALL
    SELECT 12, 'Team trained on template management', 'manual', 'No query can tell.', 'A changed text needs a new approval; name, language and number of parameters must stay.'
) AS lines (place, line, state, seen, to_do)
ORDER BY 1
$$;

CREATE FUNCTION wa_diagnose() RETURNS TABLE (severity text, problem text, seen text, to_do text)
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 10 SET search_path = pg_catalog, pg_temp
AS $$
WITH counters AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_counters()),
queue AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_stat_queue),
waiting AS MATERIALIZED (SELECT q.sender, sum(q.messages) AS messages, sum(q.messages) FILTER (WHERE q.state = 'unknown') AS unknown,
                                max(q.oldest_age) FILTER (WHERE q.state = 'ready') AS age FROM queue AS q GROUP BY q.sender),
senders AS MATERIALIZED (SELECT s.*, coalesce(w.messages, 0) AS waiting FROM @extschema@.whatsapp_senders AS s LEFT JOIN waiting AS w ON w.sender = s.name),
listener AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_stat_listener),
workers AS MATERIALIZED (SELECT string_agg(w.worker, ', ' ORDER BY w.worker) AS missing, count(*) AS count FROM @extschema@.whatsapp_stat_workers AS w WHERE NOT w.alive),
-- the last messages only: the table may be long
latest AS MATERIALIZED (SELECT m.status, m.sent_at, m.delivered_at, m.error_code, m.error_message, m.hint, m.failed_at
                        FROM @extschema@.whatsapp_messages AS m ORDER BY m.id DESC LIMIT 10000),
silence AS (SELECT count(*) AS messages, max(l.sent_at) AS last_sent, min(l.sent_at) AS first_sent
            FROM latest AS l, listener AS h WHERE l.status = 'SENT' AND l.sent_at < clock_timestamp() - interval '10 minutes'
            AND l.sent_at > clock_timestamp() - interval '2 days'
            AND l.sent_at > coalesce((SELECT max(k.sent_at) FROM latest AS k WHERE k.delivered_at IS NOT NULL), '-infinity')),
hold AS (SELECT @extschema@.whatsapp_hold_reason() AS reason),
found (rank, problem, seen, to_do) AS (
    SELECT 1, 'The workers do not run',
           CASE WHEN current_setting('shared_preload_libraries') !~ 'pg_whatsapp' THEN 'The library pg_whatsapp is not in shared_preload_libraries.'
                WHEN NOT current_database() = ANY (regexp_split_to_array(replace(current_setting('whatsapp.databases'), '"', ''), '\s*,\s*'))
                THEN format('Database %I is not in whatsapp.databases.', current_database())
                ELSE format('No sign of life for 15 seconds: %s.', w.missing) END,
           CASE WHEN current_setting('shared_preload_libraries') !~ 'pg_whatsapp' THEN 'Add it to shared_preload_libraries and restart the server.'
                WHEN NOT current_database() = ANY (regexp_split_to_array(replace(current_setting('whatsapp.databases'), '"', ''), '\s*,\s*'))
                THEN 'Add it to whatsapp.databases and restart the server.'
                ELSE 'The server''s log says why; perhaps increase max_worker_processes.' END
    FROM workers AS w WHERE w.count > 0
    UNION ALL
    SELECT 1, 'Sending is switched off', format('whatsapp.enabled is off, and %s messages wait.', (SELECT coalesce(sum(q.messages), 0) FROM queue AS q)),
           'ALTER SYSTEM SET whatsapp.enabled = on; SELECT pg_reload_conf();'
    WHERE current_setting('whatsapp.enabled') <> 'on'
    UNION ALL
    SELECT 1, 'Messages are held', format('%s; %s messages wait.', h.reason, (SELECT coalesce(sum(q.messages), 0) FROM queue AS q)), 'Look at whatsapp_held, then call wa_release().'
    FROM hold AS h WHERE h.reason IS NOT NULL
    UNION ALL
    SELECT CASE WHEN s.waiting > 0 THEN 1 ELSE 3 END, 'A sender is switched off', format('Sender %s is disabled, and %s of its messages wait.', s.name, s.waiting),
           format('UPDATE whatsapp_senders SET enabled = true WHERE name = %L;', s.name)
    FROM senders AS s WHERE NOT s.enabled
    UNION ALL
    SELECT 1, CASE WHEN s.paused_reason ~* 'token|session' THEN 'Access token expired or refused' ELSE 'A sender pauses' END,
           format('Sender %s pauses until %s: %s. %s messages wait.', s.name, to_char(s.paused_until, 'HH24:MI:SS'), rtrim(s.paused_reason, '.'), s.waiting),
           concat_ws(' ', s.paused_hint, format('Then SELECT wa_resume(%L);', s.name))
    FROM senders AS s WHERE s.paused_reason IS NOT NULL
    UNION ALL
    SELECT CASE WHEN c.label IN ('app_secret', 'verify_token') OR c.value = 3 THEN 2 ELSE 1 END,
           CASE c.value WHEN 1 THEN 'A credential is missing' WHEN 2 THEN 'A credential is refused' ELSE 'A secret is weak' END,
           format(CASE c.value WHEN 1 THEN '%s is neither a file of whatsapp.secret_dir nor in the server''s environment.'
                               WHEN 2 THEN 'The file %s cannot be used: its owner, its rights or its text.'
                               ELSE '%s is short or a well-known example: anybody could guess it.' END, c.label),
           CASE c.value WHEN 1 THEN 'See docs/setup.md, Credentials.' WHEN 2 THEN 'The server''s log says what is wrong with it.'
                        ELSE 'Replace it: openssl rand -hex 32 makes a verify token.' END
    FROM counters AS c WHERE c.name = 'secret' AND c.value IN (1, 2, 3) AND (c.label <> 'phone_number_id' OR c.value > 1)
    UNION ALL
    SELECT 1, 'No webhook events',
           format('%s messages are SENT for %s minutes without any status: the webhook does not reach us.', s.messages,
                  (extract(epoch FROM clock_timestamp() - s.first_sent) / 60)::integer),
           CASE WHEN l.bad_signature > 0 THEN format('%s requests had a wrong signature: the app secret differs from Meta''s.', l.bad_signature)
                WHEN NOT l.listening THEN 'whatsapp.listen has no address, or it could not be bound: see the log.'
                ELSE 'Is the URL reachable from outside, and the account subscribed to the app? The proxy''s log shows whether Meta comes.' END
    FROM silence AS s, listener AS l WHERE s.messages > 0
    UNION ALL
    SELECT 2, 'Webhook verification failed', format('%s requests had a wrong verify token since %s.', l.bad_token, to_char(l.since, 'YYYY-MM-DD HH24:MI')),
           'WHATSAPP_WEBHOOK_VERIFY_TOKEN or the file verify_token must be what Meta''s configuration says.'
    FROM listener AS l WHERE l.bad_token > 0
    UNION ALL
    SELECT CASE WHEN l.stored > 0 THEN 3 ELSE 2 END, 'Webhooks with a wrong signature', format('%s since %s; %s were right.', l.bad_signature, to_char(l.since, 'YYYY-MM-DD HH24:MI'), l.stored),
           'If they are Meta''s, WHATSAPP_APP_SECRET or the file app_secret differs from the app''s.'
    FROM listener AS l WHERE l.bad_signature > 0
    UNION ALL
    SELECT 2, 'Webhooks that the database would not take', format('%s since %s.', l.deferred, to_char(l.since, 'YYYY-MM-DD HH24:MI')), 'The log says why; Meta repeats them for seven days.'
    FROM listener AS l WHERE l.deferred > 0
    UNION ALL
    SELECT 3, 'No address takes webhooks', 'whatsapp.listen is empty, or its address could not be bound.', 'Set whatsapp.listen; or leave deliveries by wa_webhook_receive().'
    FROM listener AS l WHERE NOT l.listening AND l.last_delivery IS NULL
    UNION ALL
    SELECT 2, CASE WHEN e.error_code = 132001 THEN 'Template not found' ELSE 'Messages failed' END,
           format('%s messages of sender %s failed with %s: %s', e.failed, e.sender, e.error_code, e.meaning), e.hint
    FROM @extschema@.whatsapp_stat_errors AS e WHERE e.day >= (clock_timestamp() AT TIME ZONE 'UTC')::date - 1 AND e.error_code IS NOT NULL
    UNION ALL
    SELECT 2, CASE WHEN f.reason ~ 'E[.]164|phone' THEN 'Message failed: phone format' ELSE 'Messages failed' END, format('%s of the last messages: %s', f.messages, f.reason), f.hint
    FROM (SELECT split_part(l.error_message, ':', 1) AS reason, max(l.hint) AS hint, count(*) AS messages FROM latest AS l
          WHERE l.status = 'FAILED' AND l.error_code IS NULL AND l.failed_at > clock_timestamp() - interval '1 day' GROUP BY 1) AS f
    UNION ALL
    SELECT 2, 'Messages whose answer was lost', format('%s of sender %s.', w.unknown, w.sender), 'Webhooks or whatsapp.unknown_policy settle them.'
    FROM waiting AS w WHERE w.unknown > 0
    UNION ALL
    SELECT 2, 'Messages wait too long', format('The oldest message of sender %s has been due for %s; %s wait.', w.sender, date_trunc('second', w.age), w.messages),
           'SELECT * FROM whatsapp_attempts ORDER BY id DESC LIMIT 5; and wa_diagnose(id) of one of them.'
    FROM waiting AS w LEFT JOIN senders AS s ON s.name = w.sender
    WHERE w.age > interval '5 minutes' AND current_setting('whatsapp.enabled') = 'on' AND coalesce(s.enabled, true) AND s.paused_reason IS NULL
      AND NOT EXISTS (SELECT FROM hold AS h WHERE h.reason IS NOT NULL)
    UNION ALL
    SELECT 2, 'Messages of a sender that is not there', format('%s messages wait for sender %s, which has no row in whatsapp_senders.', w.messages, w.sender), 'Insert it, or cancel them.'
    FROM waiting AS w WHERE NOT EXISTS (SELECT FROM senders AS s WHERE s.name = w.sender) AND w.sender <> 'default'
    UNION ALL
    SELECT 2, 'A watch could not announce rows', format('Watch %s of table %s: %s rows, the last at %s: %s', t.name, t.relation, t.errors, to_char(t.last_error_at, 'YYYY-MM-DD HH24:MI'), t.last_error),
           'SELECT * FROM wa_watch_test(table, key) shows what it would send; see whatsapp_watches.'
    FROM @extschema@.whatsapp_watches AS t WHERE t.errors > 0 AND t.last_error_at > clock_timestamp() - interval '1 day'
    UNION ALL
    SELECT 2, 'A campaign has stopped', format('Campaign %s: %s.', p.campaign_id, p.reason), p.hint
    FROM @extschema@.whatsapp_campaign_pauses AS p WHERE p.cause IN ('failures', 'quality', 'template')
    UNION ALL
    SELECT CASE WHEN b.held > 0 THEN 1 ELSE 2 END, CASE WHEN b.held > 0 THEN 'A budget holds messages' ELSE 'A budget is nearly used up' END,
           format('Budget %s: %s messages wait, %s of %s %s of the %s are spent or reserved.', b.name, b.held, trim_scale(b.spent + b.reserved), trim_scale(b.amount), b.currency, b.period),
           format('SELECT wa_budget_set(%L, …) raises the amount; else they go on at %s. Urgent messages are sent.', b.name, to_char(b.ends_at, 'YYYY-MM-DD HH24:MI'))
    FROM @extschema@.whatsapp_budgets AS b WHERE b.held > 0 OR b.share >= 0.8
    UNION ALL
    SELECT 3, 'A budget counts messages without a price', format('Budget %s: %s of %s messages.', b.name, b.unpriced, b.messages), 'whatsapp_costs says why; see docs/prices.md, Reasons.'
    FROM @extschema@.whatsapp_budgets AS b WHERE b.unpriced > 0
    UNION ALL
    SELECT 2, 'Meta has flagged the number', format('Quality of sender %s is RED.', s.name), 'See it in WhatsApp Manager; send less, and only what people expect.'
    FROM senders AS s WHERE s.quality = 'RED'
    UNION ALL
    SELECT CASE WHEN t.status IN ('PAUSED', 'DISABLED', 'REJECTED') THEN 2 ELSE 3 END, 'A template is not approved', format('%s in %s is %s.', t.name, t.language, t.status),
           coalesce(t.rejected_reason, 'See it in WhatsApp Manager.')
    FROM @extschema@.whatsapp_templates AS t WHERE t.status IS NOT NULL AND t.status <> 'APPROVED')
SELECT w.word, f.problem, f.seen, f.to_do
FROM (SELECT rank, problem, seen, to_do FROM found
      UNION ALL SELECT 4, 'Nothing is wrong', 'Every row of the troubleshooting table was looked at.', '' WHERE NOT EXISTS (SELECT FROM found)) AS f
JOIN (VALUES (1, 'critical'), (2, 'warning'), (3, 'notice'), (4, 'ok')) AS w (rank, word) USING (rank)
ORDER BY f.rank, f.problem, f.seen
$$;

CREATE FUNCTION wa_diagnose(id bigint) RETURNS TABLE (at timestamptz, event text, detail text)
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 10 SET search_path = pg_catalog, pg_temp
AS $$
WITH m AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_messages AS t WHERE t.id = $1),
q AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_queue AS t WHERE t.message_id = $1),
life (at, place, event, detail) AS (
    SELECT m.created_at, 1, 'enqueued', format('by %s: %s to %s from sender %s%s%s', m.enqueued_by, concat_ws(' ', m.message_type, m.template_name, m.template_language),
           coalesce(CASE WHEN length(m.recipient_phone) > 8 THEN left(m.recipient_phone, 3) || '…' || right(m.recipient_phone, 3) WHEN m.recipient_phone <> '' THEN '…' END, 'nobody'), m.sender,
           ', reference ' || m.reference, CASE m.priority WHEN 0 THEN ', urgent' WHEN 2 THEN ', bulk' END)
    FROM m
    UNION ALL
    SELECT a.ended_at, 2, format('attempt %s: %s', a.attempt, a.outcome), concat_ws(' ', 'HTTP ' || a.http_status, 'code ' || a.error_code, a.error_message)
    FROM @extschema@.whatsapp_attempts AS a WHERE a.message_id = $1
    UNION ALL
    SELECT m.sent_at, 3, 'SENT', format('at attempt %s, %s after it was enqueued; Meta''s id %s', m.attempts, round(greatest(extract(epoch FROM m.sent_at - m.created_at), 0), 3) || ' s', m.wamid)
    FROM m WHERE m.sent_at IS NOT NULL
    UNION ALL
    -- Meta's times are whole seconds, cut off
    SELECT greatest(e.occurred_at, (SELECT m.created_at FROM m)), CASE e.status WHEN 'sent' THEN 4 WHEN 'delivered' THEN 4 WHEN 'read' THEN 6 ELSE 7 END,
           'webhook: ' || coalesce(e.status, e.kind), format('received %s', e.received_at)
    FROM @extschema@.whatsapp_events AS e WHERE e.message_id = $1
    UNION ALL
    SELECT m.delivered_at, 5, 'DELIVERED', NULL FROM m WHERE m.delivered_at IS NOT NULL
    UNION ALL
    SELECT m.read_at, 6, 'READ', NULL FROM m WHERE m.read_at IS NOT NULL
    UNION ALL
    SELECT m.failed_at, 7, 'FAILED', concat_ws(' ', 'code ' || m.error_code, m.error_message) FROM m WHERE m.status = 'FAILED'
    UNION ALL
    SELECT NULL, 8, 'cost', concat_ws(', ', m.pricing_category, m.pricing_type, m.pricing_model) FROM m WHERE coalesce(m.pricing_category, m.pricing_type) IS NOT NULL
    UNION ALL
    SELECT NULL, 8, 'budget', concat_ws(', ', c.state, 'reserved ' || trim_scale(c.amount), 'charged ' || trim_scale(c.charged), CASE WHEN c.amount IS NULL AND c.charged IS NULL THEN 'price not known' END)
    FROM @extschema@.whatsapp_charges AS c WHERE c.message_id = $1
    UNION ALL
    SELECT NULL, 9, 'now: ' || m.status || coalesce(', ' || q.state, ''),
           CASE WHEN m.status <> 'PENDING' THEN coalesce(m.hint, '')
                WHEN q.state IS NULL THEN 'It is not in the queue: somebody has removed its row.'
                ELSE coalesce((SELECT string_agg(d.problem || ': ' || d.seen || ' ' || d.to_do, ' ')
                               FROM @extschema@.wa_diagnose() AS d WHERE d.severity = 'critical' AND d.problem NOT IN ('No webhook events', 'A budget holds messages')
                                 AND (d.seen !~ '^Sender ' OR d.seen ~ ('^Sender ' || m.sender || ' '))),
                              CASE WHEN q.state = 'unknown' THEN format('Its answer was lost at %s.', q.unknown_at)
                                   WHEN q.state = 'sending' THEN 'It is on the wire.'
                                   WHEN p.campaign_id IS NOT NULL THEN format('Its campaign %s is paused%s.', p.campaign_id, ': ' || p.reason)
                                   WHEN q.due_at > clock_timestamp() AND q.held_by IS NOT NULL THEN
                                       format('Budget %s holds it until %s: %s', regexp_replace(q.held_by, '^.*?budget ', ''), q.due_at,
                                              CASE WHEN q.held_by ~ '^unknown price' THEN 'its price is not known. See docs/prices.md, Reasons.'
                                                   ELSE 'it does not fit into the amount. See whatsapp_budgets; wa_budget_set() raises it.' END)
                                   WHEN q.due_at > clock_timestamp() THEN format('It is due at %s%s.%s', q.due_at, CASE WHEN q.paced THEN ', its recipient''s turn' END, ' ' || m.hint)
                                   ELSE 'It is due and waits for its turn.' END) END
    FROM m LEFT JOIN q ON true LEFT JOIN @extschema@.whatsapp_campaign_pauses AS p ON p.campaign_id = q.campaign_id AND p.starts_at <= now()
    UNION ALL
    SELECT NULL, 9, 'unknown', format('There is no message %s.', $1) WHERE NOT EXISTS (SELECT FROM m))
SELECT at, event, detail FROM life ORDER BY at NULLS LAST, place, event DESC
$$;

CREATE FUNCTION wa_send_test(phone text, template text DEFAULT 'hello_world', language text DEFAULT 'en_US', sender text DEFAULT NULL) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT @extschema@.wa_send_template($1, $2, language => $3, sender => $4, reference => 'wa_send_test', priority => 'urgent') $$;

CREATE VIEW whatsapp_top AS
SELECT t.what, t.now
FROM (
    SELECT 1 AS place, 'workers' AS what, pg_catalog.string_agg(w.worker || CASE WHEN w.alive THEN ' ok' ELSE ' MISSING' END, ', ' ORDER BY w.worker) AS now
    FROM whatsapp_stat_workers AS w
    UNION ALL
    SELECT 2, 'queue', coalesce(pg_catalog.string_agg(q.state || ' ' || q.messages, ', ' ORDER BY q.state), 'empty')
    FROM (SELECT s.state, pg_catalog.sum(s.messages) AS messages FROM whatsapp_stat_queue AS s GROUP BY s.state) AS q
    UNION ALL
    SELECT 3, 'oldest due', coalesce(pg_catalog.max(q.oldest_age)::interval(0)::text, '-') FROM whatsapp_stat_queue AS q
    UNION ALL
    SELECT 4, 'on the wire', pg_catalog.format('%s of %s', pg_catalog.max(c.value) FILTER (WHERE c.name = 'in_flight'), pg_catalog.max(c.value) FILTER (WHERE c.name = 'slots'))
    FROM whatsapp_counters() AS c
    UNION ALL
    SELECT 5, 'sender ' || s.sender, pg_catalog.concat_ws(', ', CASE WHEN NOT s.enabled THEN 'OFF' WHEN s.paused_reason IS NOT NULL THEN 'PAUSED: ' || s.paused_reason ELSE 'on' END,
                                               coalesce(s.sent, 0) || ' sent', coalesce(s.refused, 0) || ' refused', s.waiting || ' wait')
    FROM whatsapp_stat_senders AS s
    UNION ALL
    SELECT 6, 'webhooks', pg_catalog.format('%s stored, %s refused, last %s', l.stored, l.bad_signature + l.bad_token, coalesce(l.last_delivery::timestamptz(0)::text, 'never'))
    FROM whatsapp_stat_listener AS l
    UNION ALL
    SELECT 7, 'today', pg_catalog.format('%s sent, %s delivered, %s read, %s failed', coalesce(pg_catalog.sum(d.sent), 0), coalesce(pg_catalog.sum(d.delivered), 0),
                              coalesce(pg_catalog.sum(d.read), 0), coalesce(pg_catalog.sum(d.failed), 0))
    FROM whatsapp_stat_days AS d WHERE d.day = (pg_catalog.now() AT TIME ZONE 'UTC')::date
    UNION ALL
    SELECT 8, 'latency ' || l.sender, pg_catalog.string_agg(pg_catalog.format('%s %s s', l.step, l.p95), ', ' ORDER BY l.step DESC) || ' (95 %)'
    FROM whatsapp_stat_latency AS l WHERE l.messages > 0 GROUP BY l.sender) AS t
ORDER BY t.place, t.what;

COMMENT ON FUNCTION wa_preflight() IS
    'The pre-launch checklist, line by line: ok, warning, failed or manual, with what was seen and what to do. Nothing is asked of Meta here: wa_probe() does, and its answers are used.';
COMMENT ON FUNCTION wa_diagnose() IS 'What is wrong now, worst first: every row of the troubleshooting table held against the live state. Nothing about a person.';
COMMENT ON FUNCTION wa_diagnose(bigint) IS 'The life of one message, and why it waits if it does. The phone number is masked.';
COMMENT ON FUNCTION wa_send_test(text, text, text, text) IS
    'Sends the template that Meta gives to every account to your own phone. The id tells wa_diagnose() what became of it.';
COMMENT ON VIEW whatsapp_top IS 'One screen for \watch: workers, queue, senders, webhooks, today and latencies.';
COMMENT ON COLUMN whatsapp_top.what IS 'What the line is about.';
COMMENT ON COLUMN whatsapp_top.now IS 'How it is now.';

REVOKE ALL ON FUNCTION wa_preflight() FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_diagnose() FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_diagnose(bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_test(text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wa_preflight(), wa_diagnose() TO pg_monitor;
GRANT SELECT ON whatsapp_top TO pg_monitor;

/* What is known of one person goes. */

CREATE FUNCTION wa_forget(phone text) RETURNS TABLE (table_name text, action text, row_count bigint)
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 10 SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_forget';

COMMENT ON FUNCTION wa_forget(text) IS
    'Forgets a person, by phone or user id, and all that is linked with it: what waits is cancelled, messages and events lose phone, content and Meta''s ids but are still counted, inbound messages, windows and opt-outs are deleted. One row a table. Raises 55006 while a message is on the wire, 22023 for the phone, 22004 for NULL. Reads the large tables whole.';

REVOKE ALL ON FUNCTION wa_forget(text) FROM PUBLIC;

/* Levels of rights: who sends, who looks, who acts, who administers. */

CREATE FUNCTION wa_grant(role regrole, level text) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_grant';

CREATE FUNCTION wa_revoke(role regrole, level text) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_revoke';

-- Each level is known by a function that it alone brings.
CREATE VIEW whatsapp_grants AS
SELECT a.grantee::pg_catalog.regrole AS role, l.level
FROM (VALUES (1, 'sender', 'wa_send'), (2, 'monitor', 'whatsapp_hold_reason'), (3, 'operator', 'wa_resume'), (4, 'admin', 'wa_forget')) AS l (rank, level, mark)
JOIN pg_catalog.pg_proc AS p ON p.proname = l.mark
JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid
     AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'pg_whatsapp'
CROSS JOIN LATERAL pg_catalog.aclexplode(p.proacl) AS a
WHERE a.grantee <> p.proowner AND a.grantee <> 0 AND a.privilege_type = 'EXECUTE'
ORDER BY a.grantee::pg_catalog.regrole::text, l.rank;

COMMENT ON VIEW whatsapp_grants IS 'Roles with rights on the extension, by level (wa_grant()). A role with a higher level has the rows of those that it includes, too.';
COMMENT ON COLUMN whatsapp_grants.role IS 'The role; who is a member of it has its rights, too.';
COMMENT ON COLUMN whatsapp_grants.level IS 'sender, monitor, operator or admin.';
COMMENT ON FUNCTION wa_grant(regrole, text) IS
    'Grants a role a level: sender (sends and cancels, reads nothing), monitor (reads all tables, views and checks; member of pg_monitor), operator (a monitor who retries, releases, resumes and opts out), admin (all of these, forgets persons, changes templates, rates, senders and watches). By the caller''s own rights. Raises 22023 for the level, 42501 without the right to grant, 22004 for NULL.';
COMMENT ON FUNCTION wa_revoke(regrole, text) IS
    'Takes back all that wa_grant() gives for the level, also where another level has it, too. By the caller''s own rights. Raises as wa_grant().';

REVOKE ALL ON FUNCTION wa_grant(regrole, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_revoke(regrole, text) FROM PUBLIC;

/* Our tables stay in this database: Citus distributes no table that has a trigger. */

-- A distributed table of ours would look as before and be empty here, and cannot be brought back. TRUNCATE alone fires these triggers, and they
-- do nothing.
CREATE FUNCTION whatsapp_stay_local() RETURNS trigger
LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_stay_local';

CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_accounts EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_senders EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_templates EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_messages EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_day_counts EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_queue EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_attempts EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_wamids EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_instances EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_requests EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_template_definitions EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_business_accounts EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_numbers EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_probes EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_opt_outs EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_windows EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_user_ids EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_opt_out_keywords EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_events EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_event_queue EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_deliveries EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_codes EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_inbound EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_media EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_media_messages EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_watch_definitions EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_watch_errors EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_change_queue EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_changes EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_callback_definitions EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_callback_calls EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_watched_messages EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_markets EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_rates EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_campaign_definitions EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_campaign_pauses EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_budget_limits EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_budget_periods EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_budget_ledger EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_charges EXECUTE FUNCTION whatsapp_stay_local();

COMMENT ON FUNCTION whatsapp_stay_local() IS
    'A trigger that does nothing. Citus refuses to distribute a table that has one, and a table of the extension works in its own database only.';

REVOKE ALL ON FUNCTION whatsapp_stay_local() FROM PUBLIC;
