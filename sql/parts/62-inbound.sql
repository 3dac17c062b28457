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

CREATE TRIGGER whatsapp_notify_inbound AFTER INSERT ON whatsapp_inbound FOR EACH ROW
    WHEN (pg_catalog.current_setting('whatsapp.notify_inbound', true) = 'on')
    EXECUTE FUNCTION whatsapp_notify_inbound();

COMMENT ON TABLE whatsapp_inbound IS 'One row a message that came in, every type of it; raw is all of it.';
COMMENT ON COLUMN whatsapp_inbound.from_phone IS 'With +. NULL where Meta tells only the user id.';
COMMENT ON COLUMN whatsapp_inbound.contact IS 'The key of the person: the digits of the phone without what WhatsApp adds to some countries'' numbers, else the user id.';
COMMENT ON COLUMN whatsapp_inbound.message_id IS 'Our message that this one answers.';
COMMENT ON COLUMN whatsapp_inbound.reply_id IS 'Of the button or row that was chosen: the id or payload that was sent with it.';
COMMENT ON FUNCTION whatsapp_notify_inbound() IS
    'The trigger behind whatsapp.notify_inbound: tells the channel whatsapp_inbound which row came.';

REVOKE ALL ON FUNCTION whatsapp_notify_inbound() FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_inbound', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_inbound_id_seq', '');
