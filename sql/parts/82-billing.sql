/* Who is charged for which sender, and what may be charged. */

CREATE VIEW whatsapp_billing WITH (security_barrier) AS
SELECT s.name AS sender, s.account,
       coalesce(CASE WHEN s.account IS NULL THEN nullif(pg_catalog.current_setting('whatsapp.account_currency', true), '') ELSE a.currency END,
                b.currency) AS currency,
       CASE WHEN s.account IS NULL THEN nullif(pg_catalog.current_setting('whatsapp.account_time_zone', true), '') ELSE a.time_zone END AS time_zone
FROM whatsapp_senders AS s LEFT JOIN whatsapp_accounts AS a ON a.name = s.account
LEFT JOIN whatsapp_business_accounts AS b ON b.account IS NOT DISTINCT FROM s.account
WHERE whatsapp_sees(s.name);

-- One row per delivered unit: a message, or a conversation where Meta charged by these. Phones are cut to what tells the market, so that
-- millions of rows become few groups before anything is looked up.
CREATE VIEW whatsapp_delivered_units WITH (security_barrier) AS
SELECT b.account, m.sender, CASE WHEN m.pricing_cost IS NULL THEN b.currency ELSE coalesce(m.pricing_currency, b.currency) END AS currency, b.time_zone,
       pg_catalog.timezone(coalesce(b.time_zone, 'UTC'), coalesce(m.delivered_at, m.read_at))::date AS day,
       m.template_name, pg_catalog.left(m.recipient_phone, 8) AS prefix,
       coalesce(pg_catalog.lower(m.pricing_category COLLATE "C"), CASE WHEN m.message_type <> 'template' THEN 'service' ELSE pg_catalog.lower(t.category COLLATE "C") END) COLLATE "default" AS category,
       m.pricing_type, m.pricing_category IS NOT NULL AND m.pricing_type IS NOT NULL AS told,
       CASE WHEN m.pricing_currency IS NOT NULL THEN m.pricing_cost END AS told_cost
FROM whatsapp_messages AS m
JOIN whatsapp_billing AS b ON b.sender = m.sender
LEFT JOIN whatsapp_templates AS t ON m.pricing_category IS NULL AND t.name = m.template_name AND t.language = m.template_language
                                  AND t.account IS NOT DISTINCT FROM b.account
WHERE coalesce(m.delivered_at, m.read_at) IS NOT NULL AND (m.conversation_id IS NULL OR m.pricing_model IS DISTINCT FROM 'CBP')
UNION ALL
SELECT b.account, c.sender, b.currency, b.time_zone, pg_catalog.timezone(coalesce(b.time_zone, 'UTC'), c.charged_at)::date,
       c.template_name, pg_catalog.left(c.recipient_phone, 8), pg_catalog.lower(c.pricing_category COLLATE "C") COLLATE "default", c.pricing_type, c.pricing_type IS NOT NULL, NULL::numeric
FROM (SELECT DISTINCT ON (m.sender, m.conversation_id, m.pricing_category)
             m.sender, coalesce(m.delivered_at, m.read_at) AS charged_at, m.template_name, m.recipient_phone, m.pricing_category, m.pricing_type
      FROM whatsapp_messages AS m
      WHERE coalesce(m.delivered_at, m.read_at) IS NOT NULL AND m.conversation_id IS NOT NULL AND m.pricing_model = 'CBP'
      ORDER BY m.sender, m.conversation_id, m.pricing_category, coalesce(m.delivered_at, m.read_at), m.id) AS c
JOIN whatsapp_billing AS b ON b.sender = c.sender;

COMMENT ON VIEW whatsapp_billing IS 'Senders with the account, currency and time zone by which they are charged.';
COMMENT ON COLUMN whatsapp_billing.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_billing.account IS 'Its account; NULL is the default one.';
COMMENT ON COLUMN whatsapp_billing.currency IS 'From whatsapp_accounts, or whatsapp.account_currency for the default account; else as Meta tells it; NULL when nobody has said.';
COMMENT ON COLUMN whatsapp_billing.time_zone IS 'From whatsapp_accounts, or whatsapp.account_time_zone for the default account; NULL when nobody has said.';
COMMENT ON VIEW whatsapp_delivered_units IS 'What may be charged, one row each: delivered messages, and conversations where Meta charged by these.';
COMMENT ON COLUMN whatsapp_delivered_units.account IS 'Account of the sender; NULL is the default one.';
COMMENT ON COLUMN whatsapp_delivered_units.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_delivered_units.currency IS 'Currency of the account, or of told_cost.';
COMMENT ON COLUMN whatsapp_delivered_units.time_zone IS 'Time zone of the account.';
COMMENT ON COLUMN whatsapp_delivered_units.day IS 'Day of the delivery in that time zone, in UTC when it is not known.';
COMMENT ON COLUMN whatsapp_delivered_units.template_name IS 'Name of the template; NULL for other messages.';
COMMENT ON COLUMN whatsapp_delivered_units.prefix IS 'The beginning of the phone number, which tells the market.';
COMMENT ON COLUMN whatsapp_delivered_units.category IS 'Category as Meta told it; else service, or the template''s category.';
COMMENT ON COLUMN whatsapp_delivered_units.pricing_type IS 'Whether and why it is charged, as Meta told it.';
COMMENT ON COLUMN whatsapp_delivered_units.told IS 'True when Meta told both.';
COMMENT ON COLUMN whatsapp_delivered_units.told_cost IS 'What it has cost, where Meta told that.';
