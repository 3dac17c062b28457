/* Campaigns: one message to many recipients, which can be paused, resumed, cancelled and tried again, and whose numbers stay. */

CREATE SEQUENCE whatsapp_campaigns_id_seq AS bigint;

-- What became of its messages stands in whatsapp_day_counts: so nothing here changes while they are sent, but for the notes of the reader.
CREATE TABLE whatsapp_campaign_definitions (
    id                bigint PRIMARY KEY DEFAULT pg_catalog.nextval('@extschema@.whatsapp_campaigns_id_seq'::pg_catalog.regclass),
    name              text NOT NULL CHECK (pg_catalog.octet_length(name) <= 255),
    created_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    created_by        text NOT NULL DEFAULT SESSION_USER CHECK (pg_catalog.octet_length(created_by) <= 63),
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

-- What of it was delivered. Rows of one key add up: a transaction inserts what it has changed and waits for nobody; the reader folds them. The
-- category is what Meta told, NULL before: so what is told later finds the row that it replaces.
CREATE TABLE whatsapp_campaign_units (
    campaign_id  bigint NOT NULL,
    day          date NOT NULL,
    market       text,
    reason       text,
    category     text,
    pricing_type text,
    told_currency text,
    units        bigint NOT NULL,
    told_cost    numeric
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE whatsapp_campaign_units REPLICA IDENTITY FULL;

ALTER SEQUENCE whatsapp_campaigns_id_seq OWNED BY whatsapp_campaign_definitions.id;

-- Names are each role's own, as idempotency keys are.
CREATE UNIQUE INDEX whatsapp_campaign_definitions_name_idx ON whatsapp_campaign_definitions (created_by, name);
CREATE INDEX whatsapp_campaign_definitions_open_idx ON whatsapp_campaign_definitions (id) WHERE finished_at IS NULL;
CREATE INDEX whatsapp_campaign_units_campaign_id_idx ON whatsapp_campaign_units (campaign_id);

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
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_campaign_pause';

CREATE FUNCTION wa_campaign_resume(campaign bigint) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_campaign_resume';

CREATE FUNCTION wa_campaign_cancel(campaign bigint) RETURNS bigint
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_campaign_cancel';

CREATE FUNCTION wa_campaign_retry(campaign bigint, VARIADIC codes bigint[] DEFAULT '{}') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_campaign_retry';

-- A variadic function takes no argument by its name: so this one has its codes in an array.
CREATE FUNCTION wa_campaign_retry(campaign bigint, dry_run boolean, codes bigint[] DEFAULT '{}')
RETURNS TABLE (messages bigint, left_out bigint, errors jsonb, cost jsonb)
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_campaign_retry_shown';

-- What Meta told, else by the list rate of each day, as whatsapp_costs finds it. Free ones of the month and tiers depend on what else was sent: here they are not
-- taken off, so that no campaign shows less than it may have cost. Calls no function that needs a right of its own.
CREATE VIEW whatsapp_campaign_costs WITH (security_barrier) AS
WITH rates AS MATERIALIZED (
    SELECT k.currency, k.effective_date, k.market, k.category, pg_catalog.bool_or(k.volume_from > 1) AS has_tiers,
           coalesce(pg_catalog.min(k.rate) FILTER (WHERE k.volume_from = 1 AND NOT k.built_in),
                    pg_catalog.min(k.rate) FILTER (WHERE k.volume_from = 1)) AS rate
    FROM whatsapp_rates AS k GROUP BY k.currency, k.effective_date, k.market, k.category
), cards AS MATERIALIZED (
    SELECT k.currency, k.effective_date, pg_catalog.lead(k.effective_date) OVER (PARTITION BY k.currency ORDER BY k.effective_date) AS next_date
    FROM (SELECT DISTINCT n.currency, n.effective_date FROM rates AS n) AS k
)
SELECT r.campaign, r.day, r.category, r.market, r.currency, r.units, CASE WHEN r.is_free THEN r.units ELSE 0 END AS free,
       CASE WHEN r.told_cost IS NOT NULL THEN r.told_cost WHEN w.reason IS NULL THEN CASE WHEN r.is_free THEN 0 ELSE r.units * c.rate END END AS cost,
       r.told_cost IS NULL AND (NOT r.told OR (NOT r.is_free AND (r.free_units > 0 OR coalesce(c.has_tiers, false)))) AS estimated, w.reason
FROM (SELECT u.campaign_id AS campaign, u.day, u.market, u.units, coalesce(u.told_currency, b.currency) AS currency, u.told_cost, b.time_zone, g.category, p.rate_category, p.free_units,
             u.category IS NOT NULL AND u.pricing_type IS NOT NULL AS told,
             CASE WHEN u.pricing_type LIKE 'free%' THEN true WHEN u.pricing_type IS NULL THEN coalesce(p.basis <> 'rate', false) ELSE false END AS is_free,
             CASE WHEN u.pricing_type LIKE 'free%' OR u.told_cost IS NOT NULL THEN NULL
                  ELSE coalesce(u.reason, CASE WHEN b.time_zone IS NULL THEN 'no_time_zone' END, p.reason) END AS reason
      FROM (SELECT s.campaign_id, s.day, s.market, s.reason, s.category, s.pricing_type, s.told_currency, pg_catalog.sum(s.units)::bigint AS units,
                   pg_catalog.sum(s.told_cost) AS told_cost
            FROM whatsapp_campaign_units AS s GROUP BY s.campaign_id, s.day, s.market, s.reason, s.category, s.pricing_type, s.told_currency) AS u
      JOIN whatsapp_campaign_definitions AS d ON d.id = u.campaign_id
      LEFT JOIN whatsapp_billing AS b ON b.sender = d.sender
      LEFT JOIN whatsapp_templates AS t ON u.category IS NULL AND t.name = d.template_name AND t.language = d.template_language
           AND t.account IS NOT DISTINCT FROM b.account
      CROSS JOIN LATERAL (SELECT coalesce(u.category, CASE WHEN d.template_name IS NULL THEN 'service'
                                          ELSE pg_catalog.replace(pg_catalog.lower(t.category COLLATE "C"), '-', '_') COLLATE "default" END) AS category) AS g
      CROSS JOIN LATERAL wa_price_rule(g.category, u.day) AS p
      WHERE u.units <> 0 AND whatsapp_sees(d.sender)) AS r
LEFT JOIN cards AS card ON card.currency = r.currency AND card.effective_date <= r.day AND (card.next_date IS NULL OR card.next_date > r.day)
LEFT JOIN rates AS c ON c.currency = r.currency AND c.effective_date = card.effective_date AND c.market = r.market AND c.category = r.rate_category
CROSS JOIN LATERAL (SELECT coalesce(r.reason, CASE WHEN r.is_free OR r.told_cost IS NOT NULL OR c.rate IS NOT NULL THEN NULL WHEN r.currency IS NULL THEN 'no_currency'
                         WHEN card.effective_date IS NULL THEN 'no_rate_card'
                         WHEN NOT EXISTS (SELECT FROM rates AS k WHERE k.currency = r.currency AND k.effective_date = card.effective_date
                                          AND k.market = r.market) THEN 'market_not_on_card' ELSE 'rate_not_printed' END) AS reason) AS w;

-- finished is what has nothing pending; it is stored nowhere.
CREATE VIEW whatsapp_campaigns WITH (security_barrier) AS
SELECT d.id AS campaign, d.name, d.template_name, d.template_language, d.sender,
       CASE WHEN f.pending > 0 AND d.cancelled_at IS NOT NULL THEN 'cancelling'
            WHEN f.pending > 0 AND p.cause = 'asked' THEN 'paused'
            WHEN f.pending > 0 AND p.cause = 'window' THEN 'waiting'
            WHEN f.pending > 0 AND p.cause IS NOT NULL THEN 'stopped'
            WHEN f.pending > 0 AND d.send_at > pg_catalog.now() THEN 'scheduled'
            WHEN f.pending > 0 THEN 'running'
            WHEN d.cancelled_at IS NOT NULL THEN 'cancelled' ELSE 'finished' END AS state,
       p.reason, p.hint, d.planned, f.pending, f.sent, f.delivered, f.read, f.failed, f.cancelled, d.duplicates,
       f.errors, d.estimate AS cost, s.spent,
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
LEFT JOIN (
    SELECT m.campaign, pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('currency', m.currency, 'delivered', m.delivered, 'free', m.free, 'cost', m.cost,
                                'estimated', m.estimated, 'unpriced', m.unpriced) ORDER BY m.currency) AS spent
    FROM (SELECT k.campaign, k.currency, pg_catalog.sum(k.units)::bigint AS delivered, pg_catalog.sum(k.free)::bigint AS free, pg_catalog.sum(k.cost) AS cost,
                 coalesce(pg_catalog.sum(k.cost) FILTER (WHERE k.estimated), 0) AS estimated,
                 coalesce(pg_catalog.sum(k.units) FILTER (WHERE k.reason IS NOT NULL), 0)::bigint AS unpriced
          FROM whatsapp_campaign_costs AS k GROUP BY k.campaign, k.currency) AS m GROUP BY m.campaign) AS s ON s.campaign = d.id
WHERE whatsapp_sees(d.sender)
ORDER BY d.id DESC;

CREATE VIEW whatsapp_campaign_errors WITH (security_barrier) AS
SELECT k.campaign_id AS campaign, k.error_code, k.failed, e.meaning, e.hint
FROM (SELECT c.campaign_id, c.error_code, pg_catalog.sum(c.failed)::bigint AS failed FROM whatsapp_day_counts AS c
      WHERE c.campaign_id IS NOT NULL AND NOT c.deleted AND whatsapp_sees(c.sender) GROUP BY c.campaign_id, c.error_code) AS k
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
COMMENT ON COLUMN whatsapp_campaign_definitions.accepted IS 'Causes that do not stop it, since somebody resumed it while they held; until they hold no more. budget stays: what does not fit waits for the next day or month.';
COMMENT ON COLUMN whatsapp_campaign_definitions.noted_at IS 'When the reader last measured its pace.';
COMMENT ON COLUMN whatsapp_campaign_definitions.noted_ended IS 'How many messages were not pending any more by then.';
COMMENT ON COLUMN whatsapp_campaign_definitions.pace IS 'Messages per second of late.';
COMMENT ON TABLE whatsapp_campaign_units IS
    'Delivered messages of campaigns, by what their price depends on. Rows of one key add up; see whatsapp_campaign_costs. It keeps its numbers when messages are deleted.';
COMMENT ON COLUMN whatsapp_campaign_units.campaign_id IS 'The campaign, a row of whatsapp_campaign_definitions.';
COMMENT ON COLUMN whatsapp_campaign_units.day IS 'Day of the delivery in the time zone of the account, in UTC when it is not known.';
COMMENT ON COLUMN whatsapp_campaign_units.market IS 'Market of the recipients, as whatsapp_markets told it at the delivery.';
COMMENT ON COLUMN whatsapp_campaign_units.reason IS 'Why there is no market.';
COMMENT ON COLUMN whatsapp_campaign_units.category IS 'Category as Meta told it; NULL before.';
COMMENT ON COLUMN whatsapp_campaign_units.pricing_type IS 'Whether and why it is charged, as Meta told it; NULL before.';
COMMENT ON COLUMN whatsapp_campaign_units.told_currency IS 'Of messages whose cost Meta told, its currency; NULL of others.';
COMMENT ON COLUMN whatsapp_campaign_units.units IS 'Number of messages.';
COMMENT ON COLUMN whatsapp_campaign_units.told_cost IS 'What they have cost, as Meta told it.';
COMMENT ON VIEW whatsapp_campaign_costs IS
    'What the delivered messages of each campaign cost by the rate cards, by day, category and market: exact after each transaction, and also when the messages are deleted. Free messages of the month and volume tiers are not taken off.';
COMMENT ON COLUMN whatsapp_campaign_costs.campaign IS 'Number of the campaign.';
COMMENT ON COLUMN whatsapp_campaign_costs.day IS 'Day of the delivery in the time zone of the account, in UTC when it is not known.';
COMMENT ON COLUMN whatsapp_campaign_costs.category IS 'Category as Meta told it; else service, or the template''s category.';
COMMENT ON COLUMN whatsapp_campaign_costs.market IS 'Market of the recipients.';
COMMENT ON COLUMN whatsapp_campaign_costs.currency IS 'Currency of the account.';
COMMENT ON COLUMN whatsapp_campaign_costs.units IS 'Delivered messages.';
COMMENT ON COLUMN whatsapp_campaign_costs.free IS 'How many of them are free, as Meta told, or else by the rules of the day.';
COMMENT ON COLUMN whatsapp_campaign_costs.cost IS 'What the others cost; NULL when it is not known, see reason.';
COMMENT ON COLUMN whatsapp_campaign_costs.estimated IS 'True when Meta did not tell category and type; or when free messages of the month or volume tiers may make it cheaper.';
COMMENT ON COLUMN whatsapp_campaign_costs.reason IS 'Why there is no cost.';
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
COMMENT ON COLUMN whatsapp_campaigns.spent IS 'What the delivered messages have cost so far, one object per currency: delivered, free, cost, estimated (the part of cost that Meta has not told), unpriced (messages without a price). By days and markets in whatsapp_campaign_costs.';
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
    'Makes a campaign for an array of phones, otherwise as the form with a query does: parameters are the same for all, or have one row for each phone. Raises 2202E when they have another number of rows.';
COMMENT ON FUNCTION wa_campaign_pause(bigint, text) IS
    'From its commit on, nothing more of the campaign is sent; what is on the wire already ends as it ends. False when it is paused or nothing is pending. Raises 42704 for an unknown campaign.';
COMMENT ON FUNCTION wa_campaign_resume(bigint) IS
    'Goes on with a campaign that was paused or has stopped by itself; what made it stop does not stop it again as long as it lasts: with a budget that still has no room, its messages wait for the next day or month. False when it is not paused. Raises 42704 for an unknown campaign.';
COMMENT ON FUNCTION wa_campaign_cancel(bigint) IS
    'From its commit on, nothing more of the campaign is sent, and the reader makes what is pending CANCELLED, some thousand at a time. Returns how many were pending. Raises 42704 for an unknown campaign.';
COMMENT ON FUNCTION wa_campaign_retry(bigint, bigint[]) IS
    'Sends again what has failed: with one of Meta''s codes, or without codes all but those whose outcome nobody knows, which may have arrived. Returns how many. Raises 42704 for an unknown campaign, 55000 for a cancelled one.';
COMMENT ON FUNCTION wa_campaign_retry(bigint, boolean, bigint[]) IS
    'What wa_campaign_retry(campaign, VARIADIC codes) would send again, without writing anything (dry_run), or as it does it: messages, how many of these campaign''s FAILED messages with such codes are left out (left_out: nobody knows whether they have arrived, their content is gone, or they have no phone number), the messages by Meta''s code (errors; none stands for those without), and what they would cost now, as wa_estimate() says (cost). Raises what the other one raises, and 22004 for NULL.';

REVOKE ALL ON FUNCTION whatsapp_bulk_step(internal) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_bulk(text, text, text, text, text, timestamptz, text, text, timestamptz, text, boolean, boolean, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_bulk(text[], text, text[], text, text, text, timestamptz, text, text, timestamptz, text, boolean, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_campaign_pause(bigint, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_campaign_resume(bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_campaign_cancel(bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_campaign_retry(bigint, bigint[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_campaign_retry(bigint, boolean, bigint[]) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_campaigns_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_campaign_definitions', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_campaign_units', '');
