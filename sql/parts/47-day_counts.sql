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
COMMENT ON COLUMN whatsapp_day_counts.day IS 'By UTC: the day when the message was sent, else when it failed, else when it was made. After 400 days the first day of its month: years take little room.';
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
