/* Messages, one row each from enqueue to the last status, and the notification of a status that changed. */

CREATE SEQUENCE whatsapp_messages_id_seq AS bigint;

-- fillfactor: a batch updates all rows of a page at once (SENT, then what Meta says of it, DELIVERED, READ). A message of an order has 404
-- bytes when it is enqueued and 544 when it was read, so that seven of them have room for a second version of each: no update touches an
-- index or goes to another page. For the same reason no index has a column that they change: whatsapp_wamids finds a message by its wamid.
-- What changes stands behind what does not: the log of an update goes from the first byte that changes to the last.
CREATE TABLE whatsapp_messages (
    id                bigint PRIMARY KEY DEFAULT pg_catalog.nextval('@extschema@.whatsapp_messages_id_seq'::pg_catalog.regclass),
    created_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    sender            text NOT NULL CHECK (pg_catalog.octet_length(sender) <= 63),
    recipient_phone   text CHECK (pg_catalog.octet_length(recipient_phone) <= 1024),
    message_type      text NOT NULL CHECK (pg_catalog.octet_length(message_type) <= 63),
    template_name     text CHECK (pg_catalog.octet_length(template_name) <= 512),
    template_language text CHECK (pg_catalog.octet_length(template_language) <= 63),
    payload           json,
    priority          smallint NOT NULL DEFAULT 1,
    reference         text CHECK (pg_catalog.octet_length(reference) <= 1024),
    idempotency_key   text CHECK (pg_catalog.octet_length(idempotency_key) <= 255),
    enqueued_by       text NOT NULL DEFAULT SESSION_USER CHECK (pg_catalog.octet_length(enqueued_by) <= 63),
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
    pricing_cost      numeric,
    pricing_currency  text,
    error_code        bigint,
    error_message     text,
    error_details     jsonb,
    hint              text
) WITH (fillfactor = 37, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);

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

-- For a terminal: the newest first, what is long cut off. The table itself has the payload in the middle.
CREATE VIEW whatsapp_latest WITH (security_barrier) AS
SELECT m.id, pg_catalog.to_char(m.created_at, 'MM-DD HH24:MI:SS') AS enqueued, pg_catalog.left(m.recipient_phone, 16) AS recipient,
       CASE WHEN pg_catalog.length(m.reference) > 20 THEN pg_catalog.left(m.reference, 19) || '…' ELSE m.reference END AS reference, m.status,
       CASE WHEN pg_catalog.length(w.why) > 40 THEN pg_catalog.left(w.why, 39) || '…' ELSE w.why END AS why
FROM whatsapp_messages AS m
CROSS JOIN LATERAL (SELECT pg_catalog.concat_ws(' ', m.error_code, m.error_message) AS why) AS w
WHERE whatsapp_sees(m.sender)
ORDER BY m.id DESC;

CREATE TRIGGER whatsapp_notify_status AFTER UPDATE OF status ON whatsapp_messages FOR EACH ROW
    WHEN (OLD.status IS DISTINCT FROM NEW.status AND pg_catalog.current_setting('whatsapp.notify_status', true) = 'on')
    EXECUTE FUNCTION whatsapp_notify_status();

COMMENT ON TABLE whatsapp_messages IS 'One row per message, from enqueue to its last status.';
COMMENT ON COLUMN whatsapp_messages.id IS 'What the sending functions return.';
COMMENT ON COLUMN whatsapp_messages.created_at IS 'Start of the transaction that enqueued it.';
COMMENT ON COLUMN whatsapp_messages.sender IS 'Name of the sender: a row of whatsapp_senders, or default.';
COMMENT ON COLUMN whatsapp_messages.recipient_phone IS 'As it was given: a number with +, or a business-scoped user id; of a message that was refused at once (a watched row, on_error => ''record'') it may be anything, or NULL.';
COMMENT ON COLUMN whatsapp_messages.message_type IS 'What kind of message it is: template.';
COMMENT ON COLUMN whatsapp_messages.template_name IS 'Name of the template.';
COMMENT ON COLUMN whatsapp_messages.template_language IS 'Language of the template, such as es or en_US.';
COMMENT ON COLUMN whatsapp_messages.payload IS 'Type and content as they go to the Cloud API; the envelope is added at each attempt. Its member fallback, the template to be sent when the window is closed, stays here. NULL when a message was refused before it could be put together, and when its content was deleted.';
COMMENT ON COLUMN whatsapp_messages.priority IS '0 urgent, 1 normal, 2 bulk.';
COMMENT ON COLUMN whatsapp_messages.reference IS 'The caller''s own key; of purchase orders their number.';
COMMENT ON COLUMN whatsapp_messages.idempotency_key IS 'The caller''s key against sending twice, unique per sender and enqueued_by.';
COMMENT ON COLUMN whatsapp_messages.enqueued_by IS 'The user of the session that enqueued it; of a watch''s message its owner, by the name that he had when it was made.';
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
COMMENT ON COLUMN whatsapp_messages.pricing_cost IS 'What it has cost, where status webhooks report it: of marketing messages with a maximum price. NULL for all others, see whatsapp_costs.';
COMMENT ON COLUMN whatsapp_messages.pricing_currency IS 'Currency of pricing_cost, ISO 4217.';
COMMENT ON COLUMN whatsapp_messages.error_code IS 'Meta''s code of the last error; wa_explain() explains it. NULL when the error is ours.';
COMMENT ON COLUMN whatsapp_messages.error_message IS 'The last error in words; NULL once the message is sent.';
COMMENT ON COLUMN whatsapp_messages.error_details IS 'All that Meta said about the failure; it says so once.';
COMMENT ON COLUMN whatsapp_messages.hint IS 'What to do about the failure.';
COMMENT ON VIEW whatsapp_latest IS 'Messages, the newest first, narrow enough for a terminal: SELECT * FROM whatsapp_latest LIMIT 20.';
COMMENT ON COLUMN whatsapp_latest.id IS 'Number of the message, for wa_diagnose().';
COMMENT ON COLUMN whatsapp_latest.enqueued IS 'Month, day and time when it was enqueued, in the session''s time zone.';
COMMENT ON COLUMN whatsapp_latest.recipient IS 'Who gets it; a long one is cut off.';
COMMENT ON COLUMN whatsapp_latest.reference IS 'The caller''s own key; a long one is cut off.';
COMMENT ON COLUMN whatsapp_latest.status IS 'As in whatsapp_messages.';
COMMENT ON COLUMN whatsapp_latest.why IS 'The last error, cut off; wa_diagnose() tells all of it.';
COMMENT ON FUNCTION whatsapp_notify_status() IS
    'The trigger behind whatsapp.notify_status: tells the channel whatsapp_status which message has which status now.';

REVOKE ALL ON FUNCTION whatsapp_notify_status() FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_messages_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_messages', '');
