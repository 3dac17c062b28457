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
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
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
