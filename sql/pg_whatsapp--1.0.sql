/* pg_whatsapp 1.0 — in reading order: tables, what the extension calls, what people call, views, rights, dump marks. */

-- complain if the script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION pg_whatsapp" to load this file. \quit

/* ---------------------------------------------------------------------------------------------------------------- tables */

-- Who this database is. A row that is not of this cluster and database tells that the rows came from elsewhere (a restored dump, a
-- TEMPLATE copy, pg_upgrade): nothing is sent until wa_release(). released_restore is the last restore of a base backup that
-- wa_release() has let go. No key: a dump must load beside a row that is here already.
CREATE TABLE whatsapp_instances (
    nonce             text NOT NULL CHECK (nonce ~ '^[0-9a-f]{16}$'),
    system_identifier text NOT NULL,
    database_oid      oid NOT NULL,
    epoch             bigint NOT NULL DEFAULT 0,
    heartbeat_at      timestamptz,
    stopped_cleanly   boolean NOT NULL DEFAULT false,
    quarantine_until  timestamptz,
    created_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    released_at       timestamptz,
    released_restore  text
);

CREATE TABLE whatsapp_accounts (
    name                text PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9_-]{1,63}$'),
    business_account_id text CHECK (business_account_id <> ''),
    api_version         text CHECK (api_version ~ '^v[0-9]{1,3}[.][0-9]{1,3}$'),
    api_base_url        text CHECK (api_base_url <> ''),
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

CREATE SEQUENCE whatsapp_messages_id_seq AS bigint;

-- fillfactor: a batch updates all rows of a page at once (SENT, then DELIVERED, then READ); with room for a second version of each, no
-- update touches an index. For the same reason no index has a column that they change: whatsapp_wamids finds a message by its wamid.
-- What changes stands behind what does not: the log of an update goes from the first byte that changes to the last.
CREATE TABLE whatsapp_messages (
    id                bigint PRIMARY KEY DEFAULT pg_catalog.nextval('@extschema@.whatsapp_messages_id_seq'::pg_catalog.regclass),
    created_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    sender            text NOT NULL,
    recipient_phone   text,
    message_type      text NOT NULL,
    template_name     text,
    template_language text,
    payload           json,
    priority          smallint NOT NULL DEFAULT 1,
    reference         text,
    idempotency_key   text,
    enqueued_by       text NOT NULL DEFAULT SESSION_USER,
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
CREATE UNIQUE INDEX whatsapp_messages_idempotency_key_idx ON whatsapp_messages (sender, idempotency_key) WHERE idempotency_key IS NOT NULL;

-- Messages by the hash of their wamid, for a webhook that does not bring our own id back. Compare the wamid, too. The generation is that of
-- the newest messages when it was learnt, 262,144 each: what is new shares few pages of the index, however long the history is.
CREATE TABLE whatsapp_wamids (
    hash       bigint NOT NULL,
    message_id bigint NOT NULL,
    generation integer NOT NULL DEFAULT 0
);

CREATE INDEX whatsapp_wamids_hash_idx ON whatsapp_wamids (generation, hash);

-- Only what is still to be sent. No foreign key: its check would cost each enqueue a row lock on the message that the same statement
-- has just made; a row whose message was deleted is never picked, and is swept.
CREATE TABLE whatsapp_queue (
    message_id bigint PRIMARY KEY,
    sender     text NOT NULL,
    recipient  text NOT NULL,
    priority   smallint NOT NULL DEFAULT 1 CHECK (priority BETWEEN 0 AND 2),
    state      text NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'sending', 'unknown', 'held')),
    paced      boolean NOT NULL DEFAULT false,
    due_at     timestamptz NOT NULL DEFAULT pg_catalog.now(),
    expires_at timestamptz NOT NULL,
    attempts   integer NOT NULL DEFAULT 0,
    crashes    integer NOT NULL DEFAULT 0,
    epoch      bigint,
    changed_at timestamptz,
    unknown_at timestamptz
) WITH (fillfactor = 40, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
        autovacuum_analyze_scale_factor = 0.2, autovacuum_vacuum_cost_delay = 0);

-- Neither index knows the state: to mark a row as sending touches no index, and with room for a second version of each row (fillfactor)
-- it stays in its page.
CREATE INDEX whatsapp_queue_due_idx ON whatsapp_queue (sender, priority, due_at, message_id);
CREATE INDEX whatsapp_queue_unknown_idx ON whatsapp_queue (unknown_at) WHERE unknown_at IS NOT NULL;

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

-- Every item of every webhook delivery, once. dedupe_key absorbs repeats, which Meta makes for up to 7 days; it is a digest, for what
-- names an item may be long. json, not jsonb: most items are read once or never, and to parse them costs more than to store them.
CREATE TABLE whatsapp_events (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at     timestamptz NOT NULL DEFAULT pg_catalog.now(),
    kind            text NOT NULL CHECK (kind IN ('status', 'message', 'error', 'account', 'malformed')),
    field           text,
    account_id      text,
    phone_number_id text,
    wamid           text,
    status          text,
    occurred_at     timestamptz,
    message_id      bigint,
    dedupe_key      uuid NOT NULL UNIQUE,
    raw             json,
    contact         json,
    body            bytea
);

CREATE INDEX whatsapp_events_received_at_idx ON whatsapp_events (received_at);
CREATE INDEX whatsapp_events_message_id_idx ON whatsapp_events (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX whatsapp_events_parked_idx ON whatsapp_events (received_at) WHERE kind = 'status' AND message_id IS NULL;

-- Events that the reader has still to act upon. A row apart, not a column of the event: the event is wide and is written once.
CREATE TABLE whatsapp_event_queue (
    event_id      bigint PRIMARY KEY,
    attempts      integer NOT NULL DEFAULT 0,
    due_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    error_code    text,
    error_message text
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

CREATE INDEX whatsapp_event_queue_due_at_idx ON whatsapp_event_queue (due_at, event_id);

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

CREATE UNIQUE INDEX whatsapp_opt_outs_key ON whatsapp_opt_outs (contact, sender, scope) NULLS NOT DISTINCT;

-- When each person wrote last. Apart from whatsapp_inbound, whose rows may have to wait for somebody's trigger.
CREATE TABLE whatsapp_windows (
    contact         text NOT NULL,
    sender          text,
    last_inbound_at timestamptz NOT NULL
) WITH (fillfactor = 70);

CREATE UNIQUE INDEX whatsapp_windows_key ON whatsapp_windows (contact, sender) NULLS NOT DISTINCT;

-- A row of yours goes before the built-in one of the same keyword. Only yours are dumped: the built-in ones come with the extension.
CREATE TABLE whatsapp_opt_out_keywords (
    keyword  text NOT NULL CHECK (keyword = pg_catalog.upper(pg_catalog.btrim(keyword)) AND keyword <> ''),
    action   text NOT NULL CHECK (action IN ('stop', 'resume', 'none')),
    scope    text NOT NULL DEFAULT 'all' CHECK (scope IN ('all', 'marketing')),
    built_in boolean NOT NULL DEFAULT false,
    PRIMARY KEY (keyword, built_in)
);

INSERT INTO whatsapp_opt_out_keywords (keyword, action, built_in)
SELECT k, 'stop', true FROM unnest('{STOP,STOP ALL,UNSUBSCRIBE,OPT OUT,BAJA,DAR DE BAJA,DARME DE BAJA,SAIR,ABMELDEN}'::text[]) AS k
UNION ALL SELECT k, 'resume', true FROM unnest('{START,UNSTOP,SUBSCRIBE,ALTA,DAR DE ALTA}'::text[]) AS k;

-- As far as webhooks have told. The account is that of whatsapp_senders: NULL is the default one.
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
    updated_at        timestamptz NOT NULL DEFAULT pg_catalog.now()
);

CREATE UNIQUE INDEX whatsapp_templates_key ON whatsapp_templates (name, language, account) NULLS NOT DISTINCT;

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

/* ------------------------------------------------------------------------------------- not for callers: no grants below */

CREATE FUNCTION whatsapp_attach() RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_attach';
COMMENT ON FUNCTION whatsapp_attach() IS
    'Tells the launcher, at commit, that this database may have the extension now. Called once by the install script.';

CREATE FUNCTION whatsapp_hold_reason() RETURNS text
LANGUAGE C STABLE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_hold_reason';
COMMENT ON FUNCTION whatsapp_hold_reason() IS 'Why messages are held, or NULL; for whatsapp_held.';

CREATE FUNCTION whatsapp_notify_po() RETURNS trigger
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_notify_po';
COMMENT ON FUNCTION whatsapp_notify_po() IS
    'The trigger that wa_watch() puts on a table. A row that cannot be notified makes a FAILED message and never an error.';

CREATE FUNCTION whatsapp_notify_status() RETURNS trigger
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_notify_status';
COMMENT ON FUNCTION whatsapp_notify_status() IS
    'The trigger behind whatsapp.notify_status: tells the channel whatsapp_status which message has which status now.';

CREATE TRIGGER whatsapp_notify_status AFTER UPDATE OF status ON whatsapp_messages FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status AND pg_catalog.current_setting('whatsapp.notify_status', true) = 'on')
    EXECUTE FUNCTION whatsapp_notify_status();

CREATE FUNCTION whatsapp_notify_inbound() RETURNS trigger
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_notify_inbound';
COMMENT ON FUNCTION whatsapp_notify_inbound() IS
    'The trigger behind whatsapp.notify_inbound: tells the channel whatsapp_inbound which row came.';

CREATE TRIGGER whatsapp_notify_inbound AFTER INSERT ON whatsapp_inbound FOR EACH ROW
    WHEN (pg_catalog.current_setting('whatsapp.notify_inbound', true) = 'on')
    EXECUTE FUNCTION whatsapp_notify_inbound();

/* ----------------------------------------------------------------------------------------------- pure functions, for all */

CREATE FUNCTION wa_version() RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_version';
COMMENT ON FUNCTION wa_version() IS 'Version of the loaded library; ALTER EXTENSION pg_whatsapp UPDATE is due when it differs from pg_extension.extversion.';

CREATE FUNCTION wa_valid_e164(phone text) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_valid_e164';
COMMENT ON FUNCTION wa_valid_e164(text) IS
    'True for +, then 7 to 15 ASCII digits of which the first is not 0 (ITU-T E.164). Never raises; fit for CHECK constraints.';

CREATE FUNCTION wa_phone_problem(phone text) RETURNS text
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_phone_problem';
COMMENT ON FUNCTION wa_phone_problem(text) IS 'NULL for a phone number in E.164 format, else what is wrong with it, in words.';

CREATE FUNCTION wa_contact_key(phone text) RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_contact_key';
COMMENT ON FUNCTION wa_contact_key(text) IS
    'The key of a person in whatsapp_inbound, whatsapp_windows and whatsapp_opt_outs: the digits of the phone without the one that WhatsApp adds to numbers of Brazil, Mexico and Argentina; a user id stays as it is.';

CREATE FUNCTION wa_format_amount(amount numeric, currency text DEFAULT NULL, locale text DEFAULT NULL) RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_format_amount';
COMMENT ON FUNCTION wa_format_amount(numeric, text, text) IS
    'An amount as people read it: 1250 EUR is €1,250.00 in locale en. Defaults: whatsapp.default_currency, whatsapp.amount_locale. Raises WA006, WA007, WA008, 22004.';

CREATE FUNCTION wa_render_template(body text, parameters text[]) RETURNS text
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_render_positional';
COMMENT ON FUNCTION wa_render_template(text, text[]) IS
    'The body of a template with {{1}}, {{2}}, … filled in. Raises WA005 when their number differs, WA003, WA004, 22001 for a bad parameter.';

CREATE FUNCTION wa_render_template(body text, parameters jsonb) RETURNS text
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_render_named';
COMMENT ON FUNCTION wa_render_template(text, jsonb) IS
    'The body of a template with {{name}} placeholders filled in from an object of strings and numbers. Raises as the positional form does.';

CREATE FUNCTION wa_explain(code bigint, OUT code bigint, OUT reaction text, OUT meaning text, OUT hint text) RETURNS SETOF record
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 1
AS 'MODULE_PATHNAME', 'pg_whatsapp_explain';
COMMENT ON FUNCTION wa_explain(bigint) IS 'What an error code of the Cloud API means, how the sender reacts and what to do. No row for a code that is not known.';

CREATE FUNCTION wa_error_codes()
RETURNS TABLE (code bigint, reaction text, meaning text, hint text)
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 120
AS 'MODULE_PATHNAME', 'pg_whatsapp_error_codes';
COMMENT ON FUNCTION wa_error_codes() IS 'Every error code of the Cloud API that a message can meet, and the reaction to it; of a range its first.';

/* --------------------------------------------------------------------------------------------------------------- sending */

CREATE FUNCTION wa_send_template(phone text, template text, parameters text[] DEFAULT '{}', language text DEFAULT NULL,
                                 sender text DEFAULT NULL, reference text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                                 idempotency_key text DEFAULT NULL, priority text DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_template';
COMMENT ON FUNCTION wa_send_template(text, text, text[], text, text, text, timestamptz, text, text) IS
    'Enqueues a template message; it leaves when this transaction commits, not before send_at. The same idempotency_key of a sender again enqueues nothing and returns the first id. Returns whatsapp_messages.id. Raises 22023 for the phone, 22004 for NULL, WA001 to WA004 and 22001 for template, language and parameters, 42704 for an unknown sender.';

CREATE FUNCTION wa_send_po(supplier text, po text, amount text, phone text, language text DEFAULT NULL,
                           sender text DEFAULT NULL, send_at timestamptz DEFAULT NULL, idempotency_key text DEFAULT NULL,
                           priority text DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_po_text';
COMMENT ON FUNCTION wa_send_po(text, text, text, text, text, text, timestamptz, text, text) IS
    'Enqueues template po_notification with the amount as it is written. Returns whatsapp_messages.id; raises as wa_send_template() does.';

CREATE FUNCTION wa_send_po(supplier text, po text, amount numeric, phone text, currency text DEFAULT NULL,
                           language text DEFAULT NULL, sender text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                           idempotency_key text DEFAULT NULL, priority text DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_po_numeric';
COMMENT ON FUNCTION wa_send_po(text, text, numeric, text, text, text, text, timestamptz, text, text) IS
    'Enqueues template po_notification with the amount formatted by wa_format_amount(). Returns whatsapp_messages.id; raises as both do.';

CREATE FUNCTION wa_cancel(message_id bigint) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_cancel';
COMMENT ON FUNCTION wa_cancel(bigint) IS
    'True: the message will not be sent (status CANCELLED once committed). False: too late, it is on the wire, was sent, or does not exist.';

CREATE FUNCTION wa_retry(message_id bigint) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_retry';
COMMENT ON FUNCTION wa_retry(bigint) IS
    'Sends a FAILED or CANCELLED message again: PENDING once committed, with a new life span and in time a new wamid. False when it is neither, or was refused before it could be put together.';

CREATE FUNCTION wa_resume(sender text DEFAULT 'default') RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_resume';
COMMENT ON FUNCTION wa_resume(text) IS
    'Ends the pause of a sender, at commit. False when there is no such paused sender.';

CREATE FUNCTION wa_release(dry_run boolean DEFAULT false) RETURNS bigint
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_release';
COMMENT ON FUNCTION wa_release(boolean) IS
    'Ends the hold of a database that was restored or copied, or of messages that were queued before a long gap, at commit: they will be sent from here. Returns how many wait in the queue; 0 when nothing was held. With dry_run nothing ends: see whatsapp_held for the messages.';

/* ---------------------------------------------------------------------------------------------------------------- people */

CREATE FUNCTION wa_opt_out(phone text, sender text DEFAULT NULL, scope text DEFAULT 'all', reason text DEFAULT NULL) RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_opt_out';
COMMENT ON FUNCTION wa_opt_out(text, text, text, text) IS
    'Nothing (scope all), or no template of category MARKETING (scope marketing), is sent to this phone or user id any more, by one sender or by none at all. False when it was so already. Raises 22023 for the phone or scope, 42704 for an unknown sender.';

CREATE FUNCTION wa_opt_in(phone text, sender text DEFAULT NULL) RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_opt_in';
COMMENT ON FUNCTION wa_opt_in(text, text) IS
    'Ends the opt-outs of a phone or user id, however they came about: those of one sender, or all. False when there was none. Call it only when the person has agreed.';

-- A body of its own, not a string: it must survive a new name of the schema.
CREATE FUNCTION wa_window_open(phone text, sender text DEFAULT NULL) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT EXISTS (SELECT FROM whatsapp_windows AS w WHERE w.contact = wa_contact_key(wa_window_open.phone)
                   AND w.sender = coalesce(wa_window_open.sender, pg_catalog.current_setting('whatsapp.default_sender', true), 'default')
                   AND w.last_inbound_at > pg_catalog.now() - interval '24 hours');
END;
COMMENT ON FUNCTION wa_window_open(text, text) IS
    'True when this phone or user id wrote to the sender (whatsapp.default_sender for NULL) within the last 24 hours, so that any message may be sent, not templates only. The 72 hours after an ad are about the price; they open nothing.';

/* -------------------------------------------------------------------------------------------------------- watched tables */

CREATE FUNCTION wa_watch(relation regclass, supplier name, po name, amount name, phone name,
                         currency name DEFAULT NULL, language text DEFAULT NULL, sender text DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_watch';
COMMENT ON FUNCTION wa_watch(regclass, name, name, name, name, name, text, text) IS
    'Notifies the supplier of each row that is inserted into the table from now on; the arguments name its columns. Needs the TRIGGER right on the table and EXECUTE on whatsapp_notify_po(). Raises 42703 for a column that is not there, 42710 when the table is watched already.';

CREATE FUNCTION wa_unwatch(relation regclass) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_unwatch';
COMMENT ON FUNCTION wa_unwatch(regclass) IS 'Ends wa_watch(). False when the table was not watched.';

/* ---------------------------------------------------------------------------------------------- webhooks through a web tier */

CREATE FUNCTION wa_webhook_verify(mode text, token text, challenge text) RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_webhook_verify';
COMMENT ON FUNCTION wa_webhook_verify(text, text, text) IS
    'The handshake of a webhook: the challenge, when mode is subscribe and the token is the one of an account; else raises WA010. Raises 57P03 when the listener, who alone knows the tokens, does not answer within 5 s.';

CREATE FUNCTION wa_webhook_receive(body bytea, signature text) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_webhook_receive';
COMMENT ON FUNCTION wa_webhook_receive(bytea, text) IS
    'Leaves a delivery of Meta''s, its raw bytes and the header X-Hub-Signature-256, for the listener, which verifies and stores it after this transaction has committed. Raises WA011 for what cannot be a signature, 54000 for a body that is too large, 53000 when too many wait.';

/* ------------------------------------------------------------------------------------------------------ views for people */

-- The trigger is the truth: it is dumped with its table, and dropping the table leaves nothing behind.
CREATE VIEW whatsapp_watches AS
SELECT t.tgrelid::regclass AS relation,
       a.args[1] AS supplier, a.args[2] AS po, a.args[3] AS amount, a.args[4] AS phone,
       nullif(a.args[5], '') AS currency, nullif(a.args[6], '') AS language, nullif(a.args[7], '') AS sender,
       t.tgenabled <> 'D' AS enabled
FROM pg_catalog.pg_trigger AS t
CROSS JOIN LATERAL (
    -- tgargs is bytea, each argument ended by a zero byte; 'escape' shows that as \000, and high bytes and backslashes escaped, too
    SELECT pg_catalog.array_agg(pg_catalog.convert_from(pg_catalog.decode(p.part, 'escape'), pg_catalog.getdatabaseencoding())
                                ORDER BY p.place) AS args
    FROM pg_catalog.string_to_table(pg_catalog.encode(t.tgargs, 'escape'), '\000') WITH ORDINALITY AS p (part, place)) AS a
WHERE t.tgfoid = '@extschema@.whatsapp_notify_po()'::regprocedure AND NOT t.tgisinternal AND t.tgparentid = 0;
COMMENT ON VIEW whatsapp_watches IS 'Tables whose inserts notify a supplier, and the columns that are read.';

CREATE VIEW whatsapp_error_codes AS SELECT code, reaction, meaning, hint FROM wa_error_codes();
COMMENT ON VIEW whatsapp_error_codes IS 'Every error code of the Cloud API that a message can meet: what it means, how the sender reacts, what to do.';

CREATE VIEW whatsapp_held AS
SELECT m.id, m.created_at, m.sender, m.recipient_phone, m.template_name, m.reference, q.due_at, q.expires_at, h.reason
FROM (SELECT whatsapp_hold_reason() AS reason) AS h
JOIN whatsapp_queue AS q ON q.state = 'held' OR h.reason LIKE 'this database%'
JOIN whatsapp_messages AS m ON m.id = q.message_id
WHERE h.reason IS NOT NULL;
COMMENT ON VIEW whatsapp_held IS 'Messages that wait for wa_release(), and why: what it would send.';

CREATE VIEW whatsapp_status AS
SELECT s.status, coalesce(m.messages, 0) AS messages, m.oldest, m.newest
FROM (VALUES (1, 'PENDING'), (2, 'SENT'), (3, 'DELIVERED'), (4, 'READ'), (5, 'FAILED'), (6, 'CANCELLED')) AS s (place, status)
LEFT JOIN (SELECT status, pg_catalog.count(*) AS messages, pg_catalog.min(created_at) AS oldest, pg_catalog.max(created_at) AS newest
           FROM whatsapp_messages GROUP BY status) AS m USING (status)
ORDER BY s.place;
COMMENT ON VIEW whatsapp_status IS 'Messages by status. Reads the whole of whatsapp_messages.';

COMMENT ON TABLE whatsapp_messages IS 'One row a message, from enqueue to its last status.';
COMMENT ON COLUMN whatsapp_messages.status IS 'PENDING, SENT, DELIVERED, READ, FAILED (see error_message and hint) or CANCELLED; it never goes back.';
COMMENT ON COLUMN whatsapp_messages.payload IS 'Type and content as they go to the Cloud API; the envelope is added at each attempt.';
COMMENT ON COLUMN whatsapp_messages.reference IS 'The caller''s own key, e.g. the number of the purchase order.';
COMMENT ON COLUMN whatsapp_messages.error_details IS 'All that Meta said about the failure; it says so once.';
COMMENT ON COLUMN whatsapp_messages.hint IS 'What to do about the failure.';
COMMENT ON TABLE whatsapp_wamids IS 'Finds a message by the hash (hashtextextended with seed 0) of its wamid, in every generation. Compare the wamid, too.';
COMMENT ON TABLE whatsapp_queue IS 'Messages that are still to be sent. Changed by the extension only.';
COMMENT ON COLUMN whatsapp_queue.state IS 'ready; sending: committed before its bytes leave; unknown: bytes may have left and no answer came; held: queued before a long unclean gap, see wa_release().';
COMMENT ON COLUMN whatsapp_queue.priority IS '0 urgent, 1 normal, 2 bulk: of one sender, the lower ones leave first.';
COMMENT ON COLUMN whatsapp_queue.paced IS 'due_at is its turn in the schedule of its recipient, see whatsapp.pair_interval.';
COMMENT ON COLUMN whatsapp_queue.crashes IS 'How often the sender ended without order while this message was on the wire; at three it is parked as FAILED.';
COMMENT ON TABLE whatsapp_attempts IS 'Attempts that did not succeed.';
COMMENT ON TABLE whatsapp_events IS 'Every item that a webhook brought, once.';
COMMENT ON TABLE whatsapp_deliveries IS 'Deliveries that a web tier left by wa_webhook_receive(), until the listener has verified and stored them.';
COMMENT ON COLUMN whatsapp_events.contact IS 'Of a message: what contacts[] said about who sent it.';
COMMENT ON TABLE whatsapp_event_queue IS 'Events that still have to be acted upon, and why that failed. Changed by the extension only.';
COMMENT ON TABLE whatsapp_inbound IS 'One row a message that came in, every type of it; raw is all of it.';
COMMENT ON COLUMN whatsapp_inbound.from_phone IS 'With +. NULL where Meta tells only the user id.';
COMMENT ON COLUMN whatsapp_inbound.contact IS 'The key of the person: the digits of the phone without what WhatsApp adds to some countries'' numbers, else the user id.';
COMMENT ON COLUMN whatsapp_inbound.message_id IS 'Our message that this one answers.';
COMMENT ON COLUMN whatsapp_inbound.reply_id IS 'Of the button or row that was chosen: the id or payload that was sent with it.';
COMMENT ON TABLE whatsapp_windows IS 'When each person last wrote to each sender: any message may answer for 24 hours, see wa_window_open().';
COMMENT ON TABLE whatsapp_opt_outs IS 'Who wants no messages, or no marketing. A row with opted_out false tells that they want them again.';
COMMENT ON COLUMN whatsapp_opt_outs.scope IS 'all, or marketing: templates whose category is known to be MARKETING.';
COMMENT ON TABLE whatsapp_opt_out_keywords IS 'Words that opt out or back in when they are all of an inbound text or button.';
COMMENT ON TABLE whatsapp_templates IS 'Templates as far as webhooks have told about them.';
COMMENT ON COLUMN whatsapp_messages.pricing_rank IS 'Which status told the price: 1 sent, 2 delivered, 3 read. A later one counts more: charged is what is delivered.';
COMMENT ON TABLE whatsapp_accounts IS 'WhatsApp Business Accounts. Their secrets are files in whatsapp.secret_dir, in a folder of the account''s name.';
COMMENT ON COLUMN whatsapp_accounts.api_base_url IS 'Where this account is reached; NULL is whatsapp.api_base_url. Used only when whatsapp.account_base_urls lists it.';
COMMENT ON TABLE whatsapp_senders IS 'Phone numbers that send. The one named default needs no row: settings and environment describe it.';
COMMENT ON COLUMN whatsapp_senders.messages_per_second IS 'At most so many leave in any one second; 0 is no limit, NULL is whatsapp.messages_per_second.';
COMMENT ON COLUMN whatsapp_senders.pair_interval IS 'Least distance of messages to one recipient, after pair_burst of them; 0 is no limit, NULL is whatsapp.pair_interval.';
COMMENT ON COLUMN whatsapp_senders.paused_until IS 'Nothing leaves before; then one message probes whether the trouble is over.';
COMMENT ON TABLE whatsapp_instances IS 'Which cluster and database these rows belong to.';

/* ---------------------------------------------------------------------------------------------------------------- rights */

REVOKE ALL ON FUNCTION whatsapp_attach() FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_notify_po() FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_template(text, text, text[], text, text, text, timestamptz, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_po(text, text, text, text, text, text, timestamptz, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_po(text, text, numeric, text, text, text, text, timestamptz, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_cancel(bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_retry(bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_resume(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_release(boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_hold_reason() FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_opt_out(text, text, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_opt_in(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_window_open(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_watch(regclass, name, name, name, name, name, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_unwatch(regclass) FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_notify_status() FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_notify_inbound() FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_webhook_verify(text, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_webhook_receive(bytea, text) FROM PUBLIC;

/* ------------------------------------------------------------------------------------------------------------ dump marks */

SELECT pg_catalog.pg_extension_config_dump('whatsapp_instances', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_accounts', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_senders', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_messages_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_messages', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_wamids', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_queue', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_attempts', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_attempts_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_events', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_events_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_deliveries', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_deliveries_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_event_queue', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_inbound', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_inbound_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_windows', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_opt_outs', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_opt_out_keywords', 'WHERE NOT built_in');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_templates', '');

SELECT whatsapp_attach();
