/* Events: every item that a webhook brought, and those that the reader has still to act upon. */

-- Every item of every webhook delivery, once. dedupe_key absorbs repeats, which Meta makes for up to 7 days; it is a digest, for what
-- names an item may be long. json, not jsonb: most items are read once or never, and to parse them costs more than to store them.
CREATE TABLE whatsapp_events (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at     timestamptz NOT NULL DEFAULT pg_catalog.now(),
    kind            text NOT NULL CHECK (kind IN ('status', 'message', 'error', 'account', 'malformed', 'refused')),
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

COMMENT ON TABLE whatsapp_events IS 'Every item that a webhook brought, once.';
COMMENT ON COLUMN whatsapp_events.contact IS 'Of a message: what contacts[] said about who sent it. Of a status: what contacts[] said about whom it is for, where the status itself does not tell.';
COMMENT ON COLUMN whatsapp_event_queue.apply_status IS 'The event is a status whose message has still to be changed.';
COMMENT ON TABLE whatsapp_event_queue IS 'Events that still have to be acted upon, and why that failed. Changed by the extension only.';

SELECT pg_catalog.pg_extension_config_dump('whatsapp_events', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_events_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_event_queue', '');
