/* What was delivered in the last two months, summed up for those who watch: whatsapp_costs reads every message, and a page may not. */

-- The reader goes through the messages in rounds, some thousand at a time. A round that is whole replaces the one before.
CREATE TABLE whatsapp_cost_units (
    round         bigint NOT NULL,
    is_whole      boolean NOT NULL DEFAULT false,
    account       text,
    sender        text NOT NULL,
    currency      text,
    time_zone     text,
    day           date NOT NULL,
    category      text,
    market        text,
    reason        text,
    pricing_type  text,
    told          boolean NOT NULL,
    told_cost     numeric,
    units         bigint NOT NULL,
    until_id      bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE whatsapp_cost_units REPLICA IDENTITY FULL;

COMMENT ON TABLE whatsapp_cost_units IS
    'Delivered messages of the last two months as the reader has last summed them up, for wa_report(). Rows of one key add up. It is made anew all the time, and is in no dump.';
COMMENT ON COLUMN whatsapp_cost_units.round IS 'In which round through the messages it was summed up.';
COMMENT ON COLUMN whatsapp_cost_units.is_whole IS 'True once the round has seen all messages.';
COMMENT ON COLUMN whatsapp_cost_units.account IS 'Account of the sender; NULL is the default one.';
COMMENT ON COLUMN whatsapp_cost_units.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_cost_units.currency IS 'Currency of the account, or of told_cost.';
COMMENT ON COLUMN whatsapp_cost_units.time_zone IS 'Time zone of the account; NULL when nobody has said.';
COMMENT ON COLUMN whatsapp_cost_units.day IS 'Day of the delivery in that time zone, in UTC when it is not known.';
COMMENT ON COLUMN whatsapp_cost_units.category IS 'Category as Meta told it; else service, or the template''s category.';
COMMENT ON COLUMN whatsapp_cost_units.market IS 'Market of the recipients.';
COMMENT ON COLUMN whatsapp_cost_units.reason IS 'Why there is no market.';
COMMENT ON COLUMN whatsapp_cost_units.pricing_type IS 'Whether and why it is charged, as Meta told it.';
COMMENT ON COLUMN whatsapp_cost_units.told IS 'True when Meta told both.';
COMMENT ON COLUMN whatsapp_cost_units.told_cost IS 'What they have cost, where Meta told that of each; NULL for others.';
COMMENT ON COLUMN whatsapp_cost_units.units IS 'Number of messages.';
COMMENT ON COLUMN whatsapp_cost_units.until_id IS 'How far the round had come: the greatest id of the messages that were looked at.';

SELECT pg_catalog.pg_extension_config_dump('whatsapp_cost_units', 'WHERE false');
