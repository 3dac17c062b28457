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
COMMENT ON COLUMN whatsapp_events.raw IS 'The item as it came; raw ->> ''id'' works as it is, operators such as @> need raw::jsonb. NULL for a status whose message says all of it (whatsapp.compact_statuses).';
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
