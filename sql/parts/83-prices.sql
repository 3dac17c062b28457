/* Prices: of one message, of a batch before it is sent, and of what was delivered. */

CREATE FUNCTION wa_price_rule(category text, day date, window_open boolean DEFAULT false,
                              OUT model text, OUT basis text, OUT free_units integer, OUT rate_category text, OUT reason text)
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_price_rule';

-- What so many messages cost that come after so many others of the same market, category and month. Tiers are marginal.
CREATE FUNCTION whatsapp_rate_cost(currency text, day date, market text, category text, before bigint, messages bigint,
                                   OUT cost numeric, OUT reason text)
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE WHEN s.whole THEN s.cost END,
           CASE WHEN whatsapp_rate_cost.currency IS NULL THEN 'no_currency'
                WHEN c.effective_date IS NULL THEN 'no_rate_card'
                WHEN NOT EXISTS (SELECT FROM whatsapp_rates AS r WHERE r.currency = whatsapp_rate_cost.currency
                                 AND r.effective_date = c.effective_date AND r.built_in = c.built_in AND r.market = whatsapp_rate_cost.market)
                     THEN 'market_not_on_card'
                WHEN s.whole IS NOT TRUE THEN 'rate_not_printed' END
    FROM (SELECT 1) AS one
    LEFT JOIN (SELECT k.effective_date, k.built_in FROM whatsapp_rates AS k
               WHERE k.currency = whatsapp_rate_cost.currency AND k.effective_date <= whatsapp_rate_cost.day
               ORDER BY k.effective_date DESC, k.built_in LIMIT 1) AS c ON true
    LEFT JOIN LATERAL (
        SELECT pg_catalog.count(*) > 0 AND pg_catalog.min(t.volume_from) = 1 AND pg_catalog.bool_and(t.rate IS NOT NULL OR t.part = 0) AS whole,
               pg_catalog.sum(coalesce(t.rate, 0) * t.part) AS cost
        FROM (SELECT r.rate, r.volume_from,
                     greatest(0, least(pg_catalog.lead(r.volume_from) OVER (ORDER BY r.volume_from) - 1,
                                       whatsapp_rate_cost.before + whatsapp_rate_cost.messages)
                                 - greatest(r.volume_from - 1, whatsapp_rate_cost.before)) AS part
              FROM whatsapp_rates AS r
              WHERE r.currency = whatsapp_rate_cost.currency AND r.effective_date = c.effective_date AND r.built_in = c.built_in
                AND r.market = whatsapp_rate_cost.market AND r.category = whatsapp_rate_cost.category) AS t) AS s ON true;
END;

-- Of a month, what is charged and comes before: the messages of one sender that use up its free ones, or those of an account and market that
-- count for the tier. market NULL: the former.
CREATE FUNCTION whatsapp_units_before(sender text, account text, market text, category text, until date) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT coalesce(pg_catalog.sum(g.units), 0)
    FROM (SELECT u.prefix, pg_catalog.count(*) AS units FROM whatsapp_delivered_units AS u
          WHERE CASE WHEN whatsapp_units_before.market IS NULL THEN u.sender = whatsapp_units_before.sender
                     ELSE u.account IS NOT DISTINCT FROM whatsapp_units_before.account END
            AND u.day BETWEEN pg_catalog.date_trunc('month', whatsapp_units_before.until)::date AND whatsapp_units_before.until
            AND pg_catalog.replace(u.category, '-', '_') = whatsapp_units_before.category AND (u.pricing_type IS NULL OR u.pricing_type = 'regular')
          GROUP BY u.prefix) AS g
    WHERE whatsapp_units_before.market IS NULL OR (SELECT k.market FROM wa_market(g.prefix) AS k) = whatsapp_units_before.market;
END;

-- Counts only where free messages or tiers are at stake: to count reads the messages of the month.
CREATE FUNCTION whatsapp_price_of(phone text, category text, at timestamptz, sender text,
                                  OUT price numeric, OUT currency text, OUT market text, OUT basis text, OUT reason text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE WHEN why.reason IS NULL THEN CASE WHEN r.basis = 'rate' AND NOT f.free THEN c.cost ELSE 0 END END,
           b.currency, m.market,
           CASE WHEN why.reason IS NULL THEN CASE WHEN f.free THEN 'free_units' ELSE r.basis END END, why.reason
    FROM (SELECT coalesce(whatsapp_price_of.sender, nullif(pg_catalog.current_setting('whatsapp.default_sender', true), ''), 'default') AS sender) AS s
    LEFT JOIN whatsapp_billing AS b ON b.sender = s.sender
    CROSS JOIN LATERAL (SELECT pg_catalog.timezone(b.time_zone, whatsapp_price_of.at)::date AS day) AS d
    CROSS JOIN LATERAL wa_market(whatsapp_price_of.phone) AS m
    CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM whatsapp_windows AS w WHERE w.contact = wa_contact_key(whatsapp_price_of.phone) AND w.sender = s.sender
                               AND w.last_inbound_at BETWEEN whatsapp_price_of.at - interval '24 hours' AND whatsapp_price_of.at)
                     OR EXISTS (SELECT FROM whatsapp_inbound AS i WHERE i.contact = wa_contact_key(whatsapp_price_of.phone) AND i.sender = s.sender
                               AND i.occurred_at BETWEEN whatsapp_price_of.at - interval '24 hours' AND whatsapp_price_of.at) AS open) AS w
    CROSS JOIN LATERAL wa_price_rule(whatsapp_price_of.category, d.day, w.open) AS r
    CROSS JOIN LATERAL (SELECT coalesce(r.free_units > 0 AND whatsapp_units_before(s.sender, NULL, NULL, r.rate_category, d.day) < r.free_units,
                                        false) AS free) AS f
    CROSS JOIN LATERAL (SELECT CASE WHEN EXISTS (SELECT FROM whatsapp_rates AS k WHERE k.currency = b.currency AND k.effective_date <= d.day
                                                 AND k.market = m.market AND k.category = r.rate_category AND k.volume_from > 1)
                               THEN whatsapp_units_before(s.sender, b.account, m.market, r.rate_category, d.day) ELSE 0 END AS units) AS v
    CROSS JOIN LATERAL whatsapp_rate_cost(b.currency, d.day, m.market, r.rate_category, v.units, 1) AS c
    CROSS JOIN LATERAL (SELECT CASE WHEN b.sender IS NULL THEN 'unknown_sender' WHEN m.reason IS NOT NULL THEN m.reason
                                    WHEN b.time_zone IS NULL THEN 'no_time_zone' WHEN r.reason IS NOT NULL THEN r.reason
                                    WHEN r.basis = 'rate' AND NOT f.free THEN c.reason END AS reason) AS why;
END;

CREATE FUNCTION wa_price(phone text, category text, at timestamptz DEFAULT pg_catalog.now(), sender text DEFAULT NULL,
                         OUT price numeric, OUT currency text, OUT market text, OUT basis text, OUT reason text)
LANGUAGE C STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_price';

-- Which of a batch are free nobody knows before: the cheapest are taken for it, so that the sum is never too low.
CREATE FUNCTION whatsapp_estimate_groups(prefixes text[], counts bigint[], category text, at timestamptz, sender text, windows boolean[] DEFAULT NULL,
                                         OUT market text, OUT currency text, OUT messages bigint, OUT free bigint, OUT cost numeric, OUT reason text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH per_market AS (
        SELECT p.market, p.currency, p.reason, p.sender, p.account, p.day, p.model, p.basis, p.free_units, p.rate_category,
               pg_catalog.sum(p.messages)::bigint AS messages
        FROM (SELECT m.market, b.currency, s.sender, b.account, d.day, r.model, r.basis, r.free_units, r.rate_category, g.messages,
                     CASE WHEN b.sender IS NULL THEN 'unknown_sender' WHEN m.reason IS NOT NULL THEN m.reason
                          WHEN b.time_zone IS NULL THEN 'no_time_zone' ELSE r.reason END AS reason
              FROM ROWS FROM (pg_catalog.unnest(whatsapp_estimate_groups.prefixes), pg_catalog.unnest(whatsapp_estimate_groups.counts),
                              pg_catalog.unnest(whatsapp_estimate_groups.windows)) AS g (prefix, messages, window_open)
              CROSS JOIN (SELECT coalesce(whatsapp_estimate_groups.sender, nullif(pg_catalog.current_setting('whatsapp.default_sender', true), ''),
                                          'default') AS sender) AS s
              LEFT JOIN whatsapp_billing AS b ON b.sender = s.sender
              CROSS JOIN LATERAL (SELECT pg_catalog.timezone(b.time_zone, whatsapp_estimate_groups.at)::date AS day) AS d
              CROSS JOIN LATERAL wa_market(g.prefix) AS m
              CROSS JOIN LATERAL wa_price_rule(whatsapp_estimate_groups.category, d.day, coalesce(g.window_open, false)) AS r) AS p
        GROUP BY p.market, p.currency, p.reason, p.sender, p.account, p.day, p.model, p.basis, p.free_units, p.rate_category
    ), rated AS (
        SELECT p.*, v.units AS before, one.cost AS rate, coalesce(p.reason, CASE WHEN p.basis = 'rate' THEN one.reason END) AS why
        FROM per_market AS p
        CROSS JOIN LATERAL (SELECT CASE WHEN p.reason IS NULL AND p.basis = 'rate'
                                         AND EXISTS (SELECT FROM whatsapp_rates AS k WHERE k.currency = p.currency AND k.effective_date <= p.day
                                                     AND k.market = p.market AND k.category = p.rate_category AND k.volume_from > 1)
                                   THEN whatsapp_units_before(p.sender, p.account, p.market, p.rate_category, p.day) ELSE 0 END AS units) AS v
        CROSS JOIN LATERAL whatsapp_rate_cost(p.currency, p.day, p.market, p.rate_category, v.units, 1) AS one
    ), allowed AS (
        SELECT r.*, CASE WHEN r.why IS NULL AND r.basis <> 'rate' THEN r.messages
                         WHEN r.why IS NULL THEN greatest(0, least(r.messages, a.left_over
                              - coalesce(pg_catalog.sum(r.messages) OVER (PARTITION BY r.why IS NULL AND r.basis = 'rate' ORDER BY r.rate, r.market
                                         ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)))::bigint ELSE 0 END AS free
        FROM rated AS r
        CROSS JOIN LATERAL (SELECT CASE WHEN r.why IS NULL AND r.free_units > 0
                                   THEN greatest(0, r.free_units - whatsapp_units_before(r.sender, NULL, NULL, r.rate_category, r.day))
                                   ELSE 0 END AS left_over) AS a
    )
    SELECT a.market, a.currency, pg_catalog.sum(a.messages)::bigint, pg_catalog.sum(a.free)::bigint,
           CASE WHEN a.why IS NULL THEN pg_catalog.sum(CASE WHEN a.messages = a.free THEN 0 ELSE c.cost END) END, a.why
    FROM allowed AS a
    CROSS JOIN LATERAL whatsapp_rate_cost(a.currency, a.day, a.market, a.rate_category, a.before, a.messages - a.free) AS c
    GROUP BY a.market, a.currency, a.why
    ORDER BY a.why IS NOT NULL, a.market, a.why;
END;

CREATE FUNCTION whatsapp_estimate_of(phones text[], category text, at timestamptz, sender text, open_windows boolean,
                                     OUT market text, OUT currency text, OUT messages bigint, OUT free bigint, OUT cost numeric, OUT reason text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT e.market, e.currency, e.messages, e.free, e.cost, e.reason
    FROM (SELECT pg_catalog.array_agg(g.prefix) AS prefixes, pg_catalog.array_agg(g.messages) AS counts, pg_catalog.array_agg(g.window_open) AS windows
          FROM (SELECT CASE WHEN wa_valid_e164(p.phone) OR p.phone ~ '^[A-Z]{2}[.].' THEN pg_catalog.left(p.phone, 8) END AS prefix,
                       CASE WHEN whatsapp_estimate_of.open_windows
                            THEN EXISTS (SELECT FROM whatsapp_windows AS w WHERE w.contact = wa_contact_key(p.phone) AND w.sender = s.sender
                                         AND w.last_inbound_at BETWEEN whatsapp_estimate_of.at - interval '24 hours' AND whatsapp_estimate_of.at)
                              OR EXISTS (SELECT FROM whatsapp_inbound AS i WHERE i.contact = wa_contact_key(p.phone) AND i.sender = s.sender
                                         AND i.occurred_at BETWEEN whatsapp_estimate_of.at - interval '24 hours' AND whatsapp_estimate_of.at)
                            ELSE false END AS window_open,
                       pg_catalog.count(*) AS messages
                FROM pg_catalog.unnest(whatsapp_estimate_of.phones) AS p (phone)
                CROSS JOIN (SELECT coalesce(whatsapp_estimate_of.sender, nullif(pg_catalog.current_setting('whatsapp.default_sender', true), ''),
                                            'default') AS sender) AS s
                GROUP BY 1, 2) AS g) AS a
    CROSS JOIN LATERAL whatsapp_estimate_groups(a.prefixes, a.counts, whatsapp_estimate_of.category, whatsapp_estimate_of.at, whatsapp_estimate_of.sender, a.windows) AS e;
END;

CREATE FUNCTION wa_estimate(phones text[], category text, at timestamptz DEFAULT pg_catalog.now(), sender text DEFAULT NULL,
                            open_windows boolean DEFAULT false, OUT market text, OUT currency text, OUT messages bigint, OUT free bigint, OUT cost numeric, OUT reason text)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_estimate';

-- In the order of the days, cheap rates first within a day: so a sum may differ from Meta's by which of a day's messages were the free ones.
-- The same of all messages as they are now, and of what the reader keeps: is_kept says which, and one of the two is never looked at.
CREATE VIEW whatsapp_cost_parts AS
WITH groups AS (
    SELECT false AS is_kept, u.account, u.sender, u.currency, u.time_zone, u.day, u.template_name, u.category, m.market, m.reason, u.told, u.pricing_type, u.told_cost, u.units
    FROM (SELECT d.account, d.sender, d.currency, d.time_zone, d.day, d.template_name, d.prefix, d.category, d.pricing_type, d.told,
                 pg_catalog.sum(d.told_cost) AS told_cost, pg_catalog.count(*) AS units
          FROM whatsapp_delivered_units AS d
          GROUP BY d.account, d.sender, d.currency, d.time_zone, d.day, d.template_name, d.prefix, d.category, d.pricing_type, d.told, d.told_cost IS NULL) AS u
    CROSS JOIN LATERAL wa_market(u.prefix) AS m
    UNION ALL
    SELECT true, k.account, k.sender, k.currency, k.time_zone, k.day, NULL::text, k.category, k.market, k.reason, k.told, k.pricing_type, k.told_cost, k.units
    FROM whatsapp_cost_units AS k WHERE k.is_whole AND whatsapp_sees(k.sender)
), ruled AS (
    SELECT g.is_kept, g.account, g.sender, g.currency, g.day, g.template_name, pg_catalog.replace(g.category, '-', '_') AS category, g.market, g.told,
           r.rate_category, r.free_units,
           CASE WHEN g.pricing_type LIKE 'free%' THEN true WHEN g.pricing_type IS NULL THEN r.basis <> 'rate' ELSE false END AS free_told,
           CASE WHEN g.pricing_type LIKE 'free%' OR g.told_cost IS NOT NULL THEN NULL
                ELSE coalesce(g.reason, CASE WHEN g.time_zone IS NULL THEN 'no_time_zone' END, r.reason) END AS reason,
           pg_catalog.sum(g.told_cost) AS told_cost, pg_catalog.sum(g.units) AS units
    FROM groups AS g CROSS JOIN LATERAL wa_price_rule(pg_catalog.replace(g.category, '-', '_'), g.day) AS r
    GROUP BY g.is_kept, g.account, g.sender, g.currency, g.day, g.template_name, 7, g.market, g.told, r.rate_category, r.free_units, 12, 13, g.told_cost IS NULL
), cards AS MATERIALIZED (
    SELECT k.currency, k.effective_date, pg_catalog.lead(k.effective_date) OVER (PARTITION BY k.currency ORDER BY k.effective_date) AS next_date
    FROM (SELECT DISTINCT r.currency, r.effective_date FROM whatsapp_rates AS r) AS k
), dated AS (
    SELECT r.*, coalesce(c.effective_date, r.day) AS card
    FROM ruled AS r LEFT JOIN cards AS c ON c.currency = r.currency AND r.day >= c.effective_date AND (r.day < c.next_date OR c.next_date IS NULL)
), rated AS (
    -- a rate is that of many rows, and the first of them alone looks it up: LIMIT keeps the condition in front of the function
    SELECT n.is_kept, n.account, n.sender, n.currency, n.day, n.template_name, n.category, n.market, n.told, n.rate_category, n.free_units, n.free_told, n.told_cost, n.units,
           pg_catalog.max(one.cost) OVER same AS rate, pg_catalog.bool_or(one.has_tiers) OVER same AS has_tiers,
           coalesce(n.reason, CASE WHEN NOT n.free_told AND n.told_cost IS NULL THEN pg_catalog.max(one.reason) OVER same END) AS why
    FROM (SELECT d.*, pg_catalog.row_number() OVER (PARTITION BY d.is_kept, d.card, d.currency COLLATE "C", d.market COLLATE "C", d.rate_category COLLATE "C") AS place FROM dated AS d) AS n
    LEFT JOIN LATERAL (SELECT f.cost, f.reason, EXISTS (SELECT FROM whatsapp_rates AS t WHERE t.currency = n.currency AND t.market = n.market
                                                        AND t.category = n.rate_category AND t.volume_from > 1) AS has_tiers
                       FROM whatsapp_rate_cost(n.currency, n.card, n.market, n.rate_category, 0, 1) AS f WHERE n.place = 1 LIMIT 1) AS one ON true
    WINDOW same AS (PARTITION BY n.is_kept, n.card, n.currency COLLATE "C", n.market COLLATE "C", n.rate_category COLLATE "C")
), allowed AS (
    SELECT r.*, CASE WHEN r.free_told THEN r.units WHEN r.told_cost IS NOT NULL THEN 0 WHEN r.free_units > 0 THEN greatest(0, least(r.units, r.free_units
                     - coalesce(pg_catalog.sum(r.units) OVER (PARTITION BY r.is_kept, r.free_told, pg_catalog.date_trunc('month', r.day), r.sender COLLATE "C", r.rate_category COLLATE "C"
                                ORDER BY r.day, r.rate, r.market COLLATE "C", r.template_name COLLATE "C", r.category COLLATE "C", r.told, r.why COLLATE "C", r.told_cost IS NULL
                                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0))) ELSE 0 END AS free
    FROM rated AS r
), placed AS (
    SELECT a.*, coalesce(pg_catalog.sum(a.units - a.free) OVER (PARTITION BY a.is_kept, pg_catalog.date_trunc('month', a.day), a.market COLLATE "C", a.rate_category COLLATE "C", a.currency COLLATE "C", a.account COLLATE "C"
                                ORDER BY a.day, a.sender COLLATE "C", a.template_name COLLATE "C", a.category COLLATE "C", a.told, a.why COLLATE "C", a.free_told, a.told_cost IS NULL
                                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
    FROM allowed AS a
)
SELECT p.is_kept, p.day, p.account, p.sender, p.template_name, p.category, p.market, p.currency, p.units::bigint AS units, p.free::bigint AS free,
       CASE WHEN p.told_cost IS NOT NULL THEN p.told_cost
            WHEN p.why IS NULL THEN CASE WHEN p.units = p.free THEN 0 WHEN p.has_tiers THEN c.cost ELSE p.rate * (p.units - p.free) END END AS cost,
       p.told_cost IS NULL AND (NOT p.told OR (p.free_units > 0 AND NOT p.free_told)) AS estimated, p.why AS reason
FROM placed AS p
LEFT JOIN LATERAL (SELECT f.cost FROM whatsapp_rate_cost(p.currency, p.day, p.market, p.rate_category, p.before::bigint, (p.units - p.free)::bigint) AS f
                   WHERE p.has_tiers AND p.why IS NULL AND p.told_cost IS NULL AND p.units > p.free LIMIT 1) AS c ON true;

CREATE VIEW whatsapp_costs AS
SELECT p.day, p.account, p.sender, p.template_name, p.category, p.market, p.currency, p.units, p.free, p.cost, p.estimated, p.reason
FROM whatsapp_cost_parts AS p WHERE NOT p.is_kept;

-- For programs that compare what clouds cost: the columns of FOCUS 1.2. What has no price cannot be in it.
CREATE VIEW whatsapp_focus_costs AS
SELECT c.cost AS "BilledCost",
       coalesce(a.business_account_id, c.account, 'default') AS "BillingAccountId",
       coalesce(c.account, 'default') AS "BillingAccountName",
       c.currency AS "BillingCurrency",
       pg_catalog.timezone(z.zone, pg_catalog.date_trunc('month', c.day::timestamp)) AS "BillingPeriodStart",
       pg_catalog.timezone(z.zone, pg_catalog.date_trunc('month', c.day::timestamp) + interval '1 month') AS "BillingPeriodEnd",
       'Usage'::text AS "ChargeCategory",
       NULL::text AS "ChargeClass",
       pg_catalog.concat_ws(' ', 'WhatsApp messages of category', c.category, 'to ' || c.market, 'by template ' || c.template_name) AS "ChargeDescription",
       'Usage-Based'::text AS "ChargeFrequency",
       pg_catalog.timezone(z.zone, c.day::timestamp) AS "ChargePeriodStart",
       pg_catalog.timezone(z.zone, c.day::timestamp + interval '1 day') AS "ChargePeriodEnd",
       c.units AS "ConsumedQuantity",
       'Messages'::text AS "ConsumedUnit",
       c.cost AS "ContractedCost",
       c.cost AS "EffectiveCost",
       'Meta'::text AS "InvoiceIssuerName",
       c.cost AS "ListCost",
       c.cost / nullif(c.units - c.free, 0) AS "ListUnitPrice",
       CASE WHEN c.category = 'marketing_lite' THEN 'Dynamic' ELSE 'Standard' END AS "PricingCategory",
       c.units - c.free AS "PricingQuantity",
       'Messages'::text AS "PricingUnit",
       'Meta'::text AS "ProviderName",
       'Meta'::text AS "PublisherName",
       c.market AS "RegionId",
       c.market AS "RegionName",
       c.sender AS "ResourceId",
       c.sender AS "ResourceName",
       'Phone number'::text AS "ResourceType",
       'Business Applications'::text AS "ServiceCategory",
       'WhatsApp Business Platform'::text AS "ServiceName",
       c.category AS "SkuId",
       pg_catalog.concat_ws('/', c.category, c.market) AS "SkuPriceId",
       pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('template', c.template_name, 'estimated', c.estimated)) AS "Tags"
FROM whatsapp_costs AS c
LEFT JOIN whatsapp_billing AS b ON b.sender = c.sender
LEFT JOIN whatsapp_business_accounts AS a ON a.account IS NOT DISTINCT FROM c.account
CROSS JOIN LATERAL (SELECT coalesce(b.time_zone, 'UTC') AS zone) AS z
WHERE c.cost IS NOT NULL;

-- What a bill is compared with. The costs are those that the reader keeps, so that no message is read.
CREATE VIEW whatsapp_months WITH (security_barrier) AS
SELECT coalesce(n.month, c.month) AS month, coalesce(n.sender, c.sender) AS sender, coalesce(n.sent, 0) AS sent, coalesce(n.delivered, 0) AS delivered,
       coalesce(n.read, 0) AS read, coalesce(n.failed, 0) AS failed, pg_catalog.round(100.0 * n.delivered / nullif(n.sent, 0), 1) AS delivery_rate,
       c.units, c.free, c.unpriced, c.cost, c.currency, c.reason
FROM (SELECT pg_catalog.date_trunc('month', d.day::timestamp)::date AS month, d.sender, pg_catalog.sum(d.sent)::bigint AS sent,
             pg_catalog.sum(d.delivered)::bigint AS delivered, pg_catalog.sum(d.read)::bigint AS read, pg_catalog.sum(d.failed)::bigint AS failed
      FROM whatsapp_day_counts AS d WHERE NOT d.deleted AND whatsapp_sees(d.sender)
      GROUP BY 1, 2 HAVING pg_catalog.sum(d.sent) <> 0 OR pg_catalog.sum(d.failed) <> 0) AS n
FULL JOIN (SELECT pg_catalog.date_trunc('month', p.day::timestamp)::date AS month, p.sender, pg_catalog.sum(p.units)::bigint AS units,
                  pg_catalog.sum(p.free)::bigint AS free, coalesce(pg_catalog.sum(p.units) FILTER (WHERE p.reason IS NOT NULL), 0)::bigint AS unpriced,
                  pg_catalog.sum(p.cost) AS cost, p.currency, pg_catalog.string_agg(DISTINCT p.reason, ', ') AS reason
           FROM whatsapp_cost_parts AS p
           WHERE p.is_kept AND p.day >= (pg_catalog.date_trunc('month', pg_catalog.now()) - interval '1 month')::date
           GROUP BY 1, 2, p.currency) AS c ON c.month = n.month AND c.sender = n.sender
ORDER BY 1 DESC, 2;

COMMENT ON FUNCTION wa_price_rule(text, date, boolean) IS
    'What Meta charges for on a day: model is conversation (until June 2025), template_message (until September 2026) or message; basis is rate, free_service, free_window or free_entry_point; free_units of a month come before the rate of rate_category. reason is set instead when no rate card prices the category: bid, group, surcharge, unknown_category, no_day. Never raises.';
COMMENT ON FUNCTION whatsapp_rate_cost(text, date, text, text, bigint, bigint) IS
    'What so many messages cost by the rate card of a day, after so many others of the month; or the reason why nobody knows. For wa_price(), wa_estimate() and whatsapp_costs.';
COMMENT ON FUNCTION whatsapp_units_before(text, text, text, text, date) IS
    'How many charged messages of a month whatsapp_messages knows until that day. For wa_price() and wa_estimate().';
COMMENT ON FUNCTION whatsapp_price_of(text, text, timestamptz, text) IS 'What wa_price() returns, whoever asks.';
COMMENT ON FUNCTION whatsapp_estimate_of(text[], text, timestamptz, text, boolean) IS 'What wa_estimate() returns, whoever asks.';
COMMENT ON FUNCTION wa_price(text, text, timestamptz, text) IS
    'The price of a message of this category to this phone or user id, from this sender (whatsapp.default_sender for NULL), in the currency of its account: or a reason why it is not known, and then price is NULL. It is 0 only where basis says what makes it free: free_service, free_window, free_entry_point, or free_units, an estimate, while this database knows of fewer than the free messages of the month. Raises 42501 for a sender of others, and nothing else.';
COMMENT ON FUNCTION whatsapp_estimate_groups(text[], bigint[], text, timestamptz, text, boolean[]) IS
    'The estimate of wa_estimate(), of the beginnings of phones, how many have each, and whether these have open windows.';
COMMENT ON FUNCTION wa_estimate(text[], text, timestamptz, text, boolean) IS
    'What a message of this category to each of these phones would cost, one row per market; what cannot be priced stands in rows of its own, with the reason and no cost. Free messages of the month are taken off the cheapest, so that the sum is never too low; open windows are left out for the same reason. With open_windows, whoever has written to the sender in the 24 hours before at is taken to have an open one, which makes utility templates free until September 2026: what it costs at least, since windows close. Raises 42501 for a sender of others.';
COMMENT ON VIEW whatsapp_cost_parts IS 'What whatsapp_costs shows, and the same of whatsapp_cost_units. For whatsapp_costs and wa_report().';
COMMENT ON COLUMN whatsapp_cost_parts.is_kept IS 'True for what is made of whatsapp_cost_units.';
COMMENT ON COLUMN whatsapp_cost_parts.day IS 'As in whatsapp_costs.';
COMMENT ON COLUMN whatsapp_cost_parts.account IS 'As in whatsapp_costs.';
COMMENT ON COLUMN whatsapp_cost_parts.sender IS 'As in whatsapp_costs.';
COMMENT ON COLUMN whatsapp_cost_parts.template_name IS 'As in whatsapp_costs; NULL for what is made of whatsapp_cost_units.';
COMMENT ON COLUMN whatsapp_cost_parts.category IS 'As in whatsapp_costs.';
COMMENT ON COLUMN whatsapp_cost_parts.market IS 'As in whatsapp_costs.';
COMMENT ON COLUMN whatsapp_cost_parts.currency IS 'As in whatsapp_costs.';
COMMENT ON COLUMN whatsapp_cost_parts.units IS 'As in whatsapp_costs.';
COMMENT ON COLUMN whatsapp_cost_parts.free IS 'As in whatsapp_costs.';
COMMENT ON COLUMN whatsapp_cost_parts.cost IS 'As in whatsapp_costs.';
COMMENT ON COLUMN whatsapp_cost_parts.estimated IS 'As in whatsapp_costs.';
COMMENT ON COLUMN whatsapp_cost_parts.reason IS 'As in whatsapp_costs.';
COMMENT ON VIEW whatsapp_costs IS 'What was delivered and what it costs, as Meta told it or by the rate cards, by day, sender, template, category and market. Reads the whole of whatsapp_messages.';
COMMENT ON COLUMN whatsapp_costs.day IS 'Day of the delivery in the time zone of the account, in UTC when it is not known.';
COMMENT ON COLUMN whatsapp_costs.account IS 'Account of the sender; NULL is the default one.';
COMMENT ON COLUMN whatsapp_costs.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_costs.template_name IS 'Name of the template; NULL for other messages.';
COMMENT ON COLUMN whatsapp_costs.category IS 'Category as Meta told it; else service, or the template''s category.';
COMMENT ON COLUMN whatsapp_costs.market IS 'Market of the recipients.';
COMMENT ON COLUMN whatsapp_costs.currency IS 'Currency of the account, or in which Meta told what it has cost.';
COMMENT ON COLUMN whatsapp_costs.units IS 'Delivered messages; conversations where Meta charged by these.';
COMMENT ON COLUMN whatsapp_costs.free IS 'How many of them are free: as Meta told, by the rules of the day, or as the first of a month.';
COMMENT ON COLUMN whatsapp_costs.cost IS 'What the others cost: as Meta told it (pricing_cost of whatsapp_messages), else by the rate card. NULL when it is not known, see reason.';
COMMENT ON COLUMN whatsapp_costs.estimated IS 'True when Meta did not tell category and type, or does not tell which messages of a month are free; false where it told the cost.';
COMMENT ON COLUMN whatsapp_costs.reason IS 'Why there is no cost.';
COMMENT ON VIEW whatsapp_focus_costs IS 'What whatsapp_costs shows, by the names of the FinOps Open Cost and Usage Specification (FOCUS 1.2), without what has no price. Reads the whole of whatsapp_messages.';
COMMENT ON COLUMN whatsapp_focus_costs."BilledCost" IS 'What the messages have cost, as in whatsapp_costs.';
COMMENT ON COLUMN whatsapp_focus_costs."BillingAccountId" IS 'Meta''s id of the account, or its name while that is not known.';
COMMENT ON COLUMN whatsapp_focus_costs."BillingAccountName" IS 'Name of the account; default for the default one.';
COMMENT ON COLUMN whatsapp_focus_costs."BillingCurrency" IS 'Currency of the cost.';
COMMENT ON COLUMN whatsapp_focus_costs."BillingPeriodStart" IS 'Begin of the month, in the time zone of the account.';
COMMENT ON COLUMN whatsapp_focus_costs."BillingPeriodEnd" IS 'Begin of the next month.';
COMMENT ON COLUMN whatsapp_focus_costs."ChargeCategory" IS 'Usage.';
COMMENT ON COLUMN whatsapp_focus_costs."ChargeClass" IS 'NULL: no correction of a former charge.';
COMMENT ON COLUMN whatsapp_focus_costs."ChargeDescription" IS 'The charge in words.';
COMMENT ON COLUMN whatsapp_focus_costs."ChargeFrequency" IS 'Usage-Based.';
COMMENT ON COLUMN whatsapp_focus_costs."ChargePeriodStart" IS 'Begin of the day of the delivery, in the time zone of the account.';
COMMENT ON COLUMN whatsapp_focus_costs."ChargePeriodEnd" IS 'Begin of the next day.';
COMMENT ON COLUMN whatsapp_focus_costs."ConsumedQuantity" IS 'Delivered messages.';
COMMENT ON COLUMN whatsapp_focus_costs."ConsumedUnit" IS 'Messages.';
COMMENT ON COLUMN whatsapp_focus_costs."ContractedCost" IS 'As BilledCost: there are no other contracts.';
COMMENT ON COLUMN whatsapp_focus_costs."EffectiveCost" IS 'As BilledCost: nothing is paid in advance.';
COMMENT ON COLUMN whatsapp_focus_costs."InvoiceIssuerName" IS 'Meta.';
COMMENT ON COLUMN whatsapp_focus_costs."ListCost" IS 'As BilledCost: it is by the list.';
COMMENT ON COLUMN whatsapp_focus_costs."ListUnitPrice" IS 'Price of one of those that are charged; NULL when all are free.';
COMMENT ON COLUMN whatsapp_focus_costs."PricingCategory" IS 'Dynamic where messages have a maximum price, else Standard.';
COMMENT ON COLUMN whatsapp_focus_costs."PricingQuantity" IS 'Of the messages, those that are charged.';
COMMENT ON COLUMN whatsapp_focus_costs."PricingUnit" IS 'Messages.';
COMMENT ON COLUMN whatsapp_focus_costs."ProviderName" IS 'Meta.';
COMMENT ON COLUMN whatsapp_focus_costs."PublisherName" IS 'Meta.';
COMMENT ON COLUMN whatsapp_focus_costs."RegionId" IS 'Market of the recipients.';
COMMENT ON COLUMN whatsapp_focus_costs."RegionName" IS 'Market of the recipients.';
COMMENT ON COLUMN whatsapp_focus_costs."ResourceId" IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_focus_costs."ResourceName" IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_focus_costs."ResourceType" IS 'Phone number.';
COMMENT ON COLUMN whatsapp_focus_costs."ServiceCategory" IS 'Business Applications.';
COMMENT ON COLUMN whatsapp_focus_costs."ServiceName" IS 'WhatsApp Business Platform.';
COMMENT ON COLUMN whatsapp_focus_costs."SkuId" IS 'Category that is charged.';
COMMENT ON COLUMN whatsapp_focus_costs."SkuPriceId" IS 'Category and market.';
COMMENT ON COLUMN whatsapp_focus_costs."Tags" IS 'The template, and whether it is an estimate.';
COMMENT ON VIEW whatsapp_months IS 'Numbers of each month by sender, and of this month and the last what they have cost: without reading a message, so some minutes old with millions of them.';
COMMENT ON COLUMN whatsapp_months.month IS 'Its first day: by UTC for numbers, in the time zone of the account for costs.';
COMMENT ON COLUMN whatsapp_months.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_months.sent IS 'As in whatsapp_stat_days.';
COMMENT ON COLUMN whatsapp_months.delivered IS 'As in whatsapp_stat_days.';
COMMENT ON COLUMN whatsapp_months.read IS 'As in whatsapp_stat_days.';
COMMENT ON COLUMN whatsapp_months.failed IS 'As in whatsapp_stat_days.';
COMMENT ON COLUMN whatsapp_months.delivery_rate IS 'delivered of sent in percent; NULL when nothing was sent.';
COMMENT ON COLUMN whatsapp_months.units IS 'Delivered messages of the month as they are charged; NULL for months before the last, see whatsapp_costs.';
COMMENT ON COLUMN whatsapp_months.free IS 'How many of them are free.';
COMMENT ON COLUMN whatsapp_months.unpriced IS 'How many of them have no price.';
COMMENT ON COLUMN whatsapp_months.cost IS 'What the others cost.';
COMMENT ON COLUMN whatsapp_months.currency IS 'Currency of the account.';
COMMENT ON COLUMN whatsapp_months.reason IS 'Why those have no price, as in whatsapp_costs; NULL when all have one.';

REVOKE ALL ON FUNCTION whatsapp_rate_cost(text, date, text, text, bigint, bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_units_before(text, text, text, text, date) FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_price_of(text, text, timestamptz, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_price(text, text, timestamptz, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_estimate_of(text[], text, timestamptz, text, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_estimate_groups(text[], bigint[], text, timestamptz, text, boolean[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_estimate(text[], text, timestamptz, text, boolean) FROM PUBLIC;
