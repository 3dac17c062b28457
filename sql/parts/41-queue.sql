/* The queue: what is still to be sent. */

-- Only what is still to be sent. No foreign key: its check would cost each enqueue a row lock on the message that the same statement
-- has just made; a row whose message was deleted is never picked, and is swept.
-- vacuum_truncate: to give back room at the table's end, a vacuum locks out all who enqueue, and the sender, for as long as it looks through the
-- server's buffers: 0.3 s was seen. The next messages take the room.
CREATE TABLE whatsapp_queue (
    message_id bigint PRIMARY KEY,
    sender     text NOT NULL CHECK (pg_catalog.octet_length(sender) <= 63),
    recipient  text NOT NULL CHECK (pg_catalog.octet_length(recipient) <= 1024),
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
        autovacuum_analyze_scale_factor = 0.2, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = false);

-- The sender looks at this one before each claim, so it has a row for those alone that are paused.
CREATE TABLE whatsapp_campaign_pauses (
    campaign_id bigint PRIMARY KEY,
    paused_at   timestamptz NOT NULL DEFAULT pg_catalog.now(),
    starts_at   timestamptz NOT NULL DEFAULT pg_catalog.now(),
    cause       text NOT NULL CHECK (cause IN ('asked', 'budget', 'cancelled', 'failures', 'quality', 'template', 'window')),
    reason      text,
    hint        text,
    until       timestamptz
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
COMMENT ON COLUMN whatsapp_queue.held_by IS 'What holds it until due_at: a budget, and whether that is for a price that is not known, or the category of its template; NULL when nothing does.';
COMMENT ON TABLE whatsapp_campaign_pauses IS 'Campaigns of which nothing is sent from starts_at on. A row goes with wa_campaign_resume(). Changed by the extension only.';
COMMENT ON COLUMN whatsapp_campaign_pauses.campaign_id IS 'The campaign.';
COMMENT ON COLUMN whatsapp_campaign_pauses.paused_at IS 'When it was written.';
COMMENT ON COLUMN whatsapp_campaign_pauses.starts_at IS 'Since when it holds, or from when on: the end of a send window is written down before it comes.';
COMMENT ON COLUMN whatsapp_campaign_pauses.cause IS 'asked: by wa_campaign_pause(); cancelled: what is pending is being called off; budget, failures, quality, template: it stopped by itself; window: it is outside of its hours.';
COMMENT ON COLUMN whatsapp_campaign_pauses.reason IS 'Why, in words.';
COMMENT ON COLUMN whatsapp_campaign_pauses.hint IS 'What to do about it.';
COMMENT ON COLUMN whatsapp_campaign_pauses.until IS 'Of a budget: the end of its day or month. Until then the campaign goes on by itself as soon as there is room, afterwards by wa_campaign_resume() alone.';

SELECT pg_catalog.pg_extension_config_dump('whatsapp_queue', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_campaign_pauses', '');
