-- prices: rate cards are read as they come, markets go by the longest prefix, and what nobody knows is a reason and never 0
SET client_min_messages = error;
SET datestyle = ISO; SET timezone = UTC;
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;
\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/test/regress/refused.sql'
\i :refused

-- what comes with the extension
SELECT count(*) AS prices, count(rate) AS printed, count(DISTINCT market) AS markets, min(rate) AS least, max(rate) AS greatest, sum(rate) AS sum FROM whatsapp_rates;
SELECT category, rate FROM whatsapp_rates WHERE market = 'Spain' ORDER BY category;
SELECT count(*) AS prefixes, count(market) AS with_market, count(DISTINCT market) AS markets,
       array_agg(DISTINCT market) FILTER (WHERE market NOT IN (SELECT market FROM whatsapp_rates)) AS not_on_the_card FROM whatsapp_markets;

-- a market: the longest prefix, Other without one, a reason where Meta does not say
SELECT p.phone, m.* FROM unnest('{+34612345678,+12025550123,+14165550123,+18095550123,+18765550123,+17875550123,+12425550123,+16715550123,+79161234567,+77012345678,+76001234567,
+3521234567,+3541234567,+99890123456,+85291234567,+8801712345678,+2126123456,+2116123456,34612345678,ES.1349,US.a1,CA.b2,LU.c3,BS.d4,es.1349,ES.,"",NULL}'::text[])
     WITH ORDINALITY AS p (phone, place) CROSS JOIN LATERAL wa_market(p.phone) AS m ORDER BY p.place;
-- every prefix, with digits behind it, gives its own market, unless a longer one begins there
SELECT count(*) AS tried, count(*) FILTER (WHERE m.market IS DISTINCT FROM k.market OR (k.market IS NULL) <> (m.reason IS NOT DISTINCT FROM 'ambiguous_market')) AS wrong
FROM whatsapp_markets AS k CROSS JOIN generate_series(0, 9) AS d CROSS JOIN LATERAL wa_market('+' || rpad(k.prefix || d, 11, '5')) AS m
WHERE NOT EXISTS (SELECT FROM whatsapp_markets AS l WHERE l.prefix <> k.prefix AND starts_with(rpad(k.prefix || d, 11, '5'), l.prefix) AND length(l.prefix) > length(k.prefix));
-- a row of yours goes first
INSERT INTO whatsapp_markets (prefix, iso, market) VALUES ('1242', 'BS', 'Other');
SELECT * FROM wa_market('+12425550123');
DELETE FROM whatsapp_markets WHERE NOT built_in;

-- a card of Meta's: prose first, a newline inside a name, n/a, numbers of a spreadsheet
\set card 'E\'Cost per message in EUR, effective January 1, 2025,,,,,,\\r\\n\\r\\n"Note, with a comma",,,,,,\\r\\n,,,,,,\\r\\n,,,,,,\\r\\nMarket,Currency,Marketing,Utility,Authentication,"Authentication-\\nInternational",Service\\r\\nSpain,EUR,0.0509,0.0166,0.0166,n/a,3.0E-2\\r\\nOther,EUR,0.05,8.0E-4,n/a,n/a,0\\r\\n\''
SELECT * FROM wa_rate_card(convert_to(:card, 'UTF8'), 'EUR');
SELECT wa_rates_import(:card, 'EUR', '2025-01-01') AS added, wa_rates_import(convert_to(:card, 'UTF8'), 'EUR', '2025-01-01') AS again;
SELECT market, category, volume_from, rate, file_row, length(file_hash) AS hash, built_in FROM whatsapp_rates WHERE currency = 'EUR' ORDER BY file_row, category;
-- the card of tiers of the same day
SELECT wa_rates_import(E'Market,Category,Volume from,Rate\nSpain,Utility,0,0.0166\nSpain,Utility,11,0.015\nSpain,Utility,21,0.01\n', 'EUR', '2025-01-01') AS added;
-- what overlaps or is none is refused
SELECT call, pg_temp.refused('SELECT wa_rates_import(' || call || ')') AS refused FROM unnest(ARRAY[
    $$E'Market,Utility\nSpain,0.0167', 'EUR', '2025-01-01'$$, $$E'Market,Utility\nSpain,n/a', 'EUR', '2025-01-01'$$,
    $$E'Market,Utility\nSpain,0.0201', 'USD', '2026-10-01'$$, $$E'Market,Currency,Utility\nSpain,$US,1', 'EUR', '2027-01-01'$$,
    $$E'Market,Utility\nSpain,"0,01"', 'EUR', '2027-01-01'$$, $$'Spain,0.01', 'EUR', '2027-01-01'$$, $$'\x504b030414000600'::bytea, 'EUR', '2027-01-01'$$,
    $$E'Market,Utility\nSpain,1', 'eur', '2027-01-01'$$, $$E'Market,Utility\nSpain,1', 'EUR', 'infinity'$$, $$NULL::text, 'EUR', '2027-01-01'$$,
    $$E'Market,Utility\nSpain,1', NULL, '2027-01-01'$$, $$E'Market,Utility\nSpain,1', 'EUR', NULL$$]) WITH ORDINALITY AS c (call, place) ORDER BY place;
SELECT wa_rates_import(E'Market,Utility\nSpain,0.0200', 'USD', '2026-10-01') AS as_built_in;
SELECT pg_temp.refused('INSERT INTO whatsapp_rates (currency, effective_date, market, category, rate) VALUES (''EUR'', ''2027-01-01'', ''Spain'', ''utility'', ''NaN'')') ~ 'rate_check' AS nan;

-- three models; the middle one has a card, too
SELECT wa_rates_import(E'Market,Marketing,Utility,Authentication,Service\nSpain,0.07,0.02,0.02,n/a', 'EUR', '2025-07-01') AS added,
       wa_rates_import(E'Market,Marketing,Utility,Authentication,Service\nSpain,0.08,0.03,0.03,0.025\nPeru,0.01,0.01,0.01,0.009\nOther,9,9,9,9', 'EUR', '2026-10-01') AS more;
INSERT INTO whatsapp_accounts (name, currency, time_zone) VALUES ('madrid', 'EUR', 'Europe/Madrid'), ('nowhere', 'EUR', NULL), ('paid', NULL, 'UTC'), ('dollars', 'USD', 'America/Bogota');
INSERT INTO whatsapp_senders (name, account) VALUES ('madrid', 'madrid'), ('second', 'madrid'), ('nowhere', 'nowhere'), ('paid', 'paid'), ('dollars', 'dollars');
SELECT pg_temp.refused('INSERT INTO whatsapp_accounts (name, time_zone) VALUES (''x'', ''Europe/Atlantis'')') AS zone,
       pg_temp.refused('SET whatsapp.account_time_zone = ''Europe/Atlantis''') AS setting, pg_temp.refused('SET whatsapp.account_currency = ''euro''') AS currency;
SELECT d.day, c.category, p.price, p.currency, p.market, p.basis, p.reason
FROM unnest('{2024-12-01,2025-03-01,2025-08-01,2026-11-01}'::date[]) AS d (day), unnest('{marketing,utility,service,authentication-international,marketing_lite,magic,NULL}'::text[]) WITH ORDINALITY AS c (category, place)
CROSS JOIN LATERAL wa_price('+34612345678', c.category, d.day + time '12:00' AT TIME ZONE 'Europe/Madrid', 'madrid') AS p ORDER BY d.day, c.place;
SELECT c.*, p.* FROM (VALUES ('+34612345678', 'madrid'), ('+12425550123', 'madrid'), ('+4915112345678', 'madrid'), ('+3521234567', 'madrid'), ('612345678', 'madrid'),
    (NULL, 'madrid'), ('+34612345678', 'nowhere'), ('+34612345678', 'paid'), ('+34612345678', 'gone'), ('+34612345678', NULL), ('+573001234567', 'dollars'), ('ES.1349', 'dollars')) AS c (phone, sender)
CROSS JOIN LATERAL wa_price(c.phone, 'utility', '2026-11-28', c.sender) AS p;
SET whatsapp.account_currency = 'USD'; SET whatsapp.account_time_zone = 'Europe/Madrid';
SELECT * FROM wa_price('+34612345678', 'utility', '2026-11-28');
RESET whatsapp.account_currency;
INSERT INTO whatsapp_business_accounts (account, business_account_id, currency, synced_at) VALUES (NULL, '17', 'EUR', now());
SELECT * FROM wa_price('+34612345678', 'utility', '2026-11-28');
RESET whatsapp.account_time_zone;

-- every prefix × category × model: a price is that of the card, 0 has a basis, and all else has a reason
SELECT d.day, d.sender, count(*) AS tried, count(p.price) AS priced, count(*) FILTER (WHERE (p.price IS NULL) <> (p.reason IS NOT NULL)) AS neither_nor,
       count(*) FILTER (WHERE p.price = 0 AND p.basis !~ '^free_') AS free_without_reason, count(*) FILTER (WHERE k.market IS NOT NULL AND p.market IS DISTINCT FROM k.market) AS other_market,
       count(*) FILTER (WHERE p.basis = 'rate' AND p.price IS DISTINCT FROM (SELECT r.rate FROM whatsapp_rates AS r WHERE r.currency = p.currency AND r.market = p.market AND r.volume_from = 1
           AND r.category = replace(c.category, '-', '_') AND r.effective_date = d.card)) AS other_rate
FROM whatsapp_markets AS k, (VALUES ('2025-03-01'::date, '2025-01-01'::date, 'madrid'), ('2026-09-30', '2025-07-01', 'madrid'), ('2026-10-01', '2026-10-01', 'madrid'), ('2026-10-02', '2026-10-01', 'dollars')) AS d (day, card, sender),
     unnest('{marketing,utility,authentication,authentication-international,service}'::text[]) AS c (category)
CROSS JOIN LATERAL wa_price('+' || rpad(k.prefix, 11, CASE k.prefix WHEN '1' THEN '2' ELSE '5' END), c.category, d.day + time '12:00' AT TIME ZONE 'Europe/Madrid', d.sender) AS p GROUP BY 1, 2 ORDER BY 1, 2;

-- a day, and so a card and a month, begins at midnight of the account
SELECT at, sender, p.price, p.basis, p.reason FROM (VALUES ('2026-09-30 21:59:59.999999+00'::timestamptz, 'madrid'), ('2026-09-30 22:00+00', 'madrid'), ('2026-10-01 04:59:59+00', 'dollars'),
    ('2026-10-01 05:00+00', 'dollars'), ('infinity', 'madrid'), ('-infinity', 'madrid')) AS t (at, sender) CROSS JOIN LATERAL wa_price('+34612345678', 'utility', t.at, t.sender) AS p;
-- utility inside the window was free, for 15 months
INSERT INTO whatsapp_windows (contact, sender, last_inbound_at) VALUES (wa_contact_key('+34612345678'), 'madrid', '2026-09-30 12:00+02');
SELECT at, p.price, p.basis FROM unnest('{2026-09-30 11:59+02,2026-09-30 13:00+02,2026-10-01 11:00+02}'::timestamptz[]) AS t (at) CROSS JOIN LATERAL wa_price('+34612345678', 'utility', t.at, 'madrid') AS p;
-- and an estimate says it when asked, which is then the least
SELECT t.at, o.open_windows, e.market, e.messages, e.free, e.cost, e.reason FROM unnest('{2026-09-30 13:00+02,2026-10-01 11:00+02}'::timestamptz[]) AS t (at), unnest('{f,t}'::boolean[]) AS o (open_windows)
CROSS JOIN LATERAL wa_estimate('{+34612345678,+34612345679,+34612345670}', 'utility', t.at, 'madrid', o.open_windows) AS e ORDER BY 1, 2;

-- tiers are marginal: 10 at 0.0166, 10 at 0.015, then 0.01
SELECT before, messages, cost FROM (VALUES (0, 1), (0, 10), (0, 11), (9, 1), (10, 1), (9, 2), (19, 2), (0, 21), (1000, 5), (0, 0)) AS t (before, messages)
CROSS JOIN LATERAL whatsapp_rate_cost('EUR', '2025-03-01', 'Spain', 'utility', t.before, t.messages);

-- an estimate: by market, what has no price beside it
SELECT * FROM wa_estimate('{+34612345678,+34612345679,+51912345678,+12425550123,612345678,NULL,+12025550123}', 'marketing', '2026-11-28', 'madrid');
SELECT * FROM wa_estimate('{}', 'marketing', '2026-11-28', 'madrid');
SELECT * FROM wa_estimate(ARRAY(SELECT '+34612345' || lpad(n::text, 3, '0') FROM generate_series(1, 25) AS n), 'utility', '2025-03-01', 'madrid');
SELECT * FROM wa_estimate('{+34612345678}', 'magic', '2026-11-28', 'madrid') UNION ALL SELECT * FROM wa_estimate('{+34612345678}', 'utility', '2026-11-28', 'nowhere');

-- 1,000 service messages of a month and number are free; the last of October are October's
CREATE FUNCTION pg_temp.deliver(number integer, sender text, phone text, at timestamptz) RETURNS void LANGUAGE sql AS
    $$INSERT INTO whatsapp_messages (sender, recipient_phone, message_type, status, sent_at, delivered_at, created_at) SELECT sender, phone, 'text', 'DELIVERED', at, at, at FROM generate_series(1, number)$$;
SELECT pg_temp.deliver(50, 'madrid', '+34612345678', '2026-10-31 23:59:59.9+01');
SELECT pg_temp.deliver(998, 'madrid', '+34612345678', '2026-11-01 00:00+01');
SELECT p.price, p.basis FROM wa_price('+34612345678', 'service', '2026-11-28', 'madrid') AS p;
SELECT e.* FROM unnest('{1,2,3,1000}'::int[]) AS n CROSS JOIN LATERAL wa_estimate(array_fill('+34612345678'::text, ARRAY[n]), 'service', '2026-11-28', 'madrid') AS e;
-- the cheapest are taken for the free ones
SELECT * FROM wa_estimate('{+34612345678,+34612345679,+51912345678}', 'service', '2026-11-28', 'madrid');
SELECT pg_temp.deliver(1, 'madrid', '+34612345678', '2026-11-02');
SELECT p.price, p.basis FROM wa_price('+34612345678', 'service', '2026-11-28', 'madrid') AS p;
SELECT pg_temp.deliver(1, 'madrid', '+34612345678', '2026-11-03');
SELECT p.price, p.basis FROM wa_price('+34612345678', 'service', '2026-11-28', 'madrid') AS p;
SELECT p.price, p.basis FROM wa_price('+34612345678', 'service', '2026-12-01 00:00+01', 'madrid') AS p;
SELECT p.price, p.basis FROM wa_price('+34612345678', 'service', '2026-11-28', 'second') AS p;
SELECT pg_temp.deliver(2, 'madrid', '+51912345678', '2026-11-04');

-- what was delivered, and what it costs: as Meta says, else by the rules
INSERT INTO whatsapp_templates (account, name, language, status, category) VALUES ('madrid', 'offer', 'es', 'APPROVED', 'MARKETING');
INSERT INTO whatsapp_messages (sender, recipient_phone, message_type, template_name, template_language, status, delivered_at, read_at, pricing_category, pricing_type, pricing_model, conversation_id)
SELECT s, p, 'template', t, 'es', 'DELIVERED', d, r, c, y, m, v FROM (VALUES
    ('second', '+34612345678', 'offer', '2026-11-05 12:00+01'::timestamptz, NULL::timestamptz, 'marketing', 'regular', 'PMP', NULL),
    ('second', '+34612345678', 'offer', '2026-11-05 12:00+01', NULL, NULL, NULL, NULL, NULL),
    ('second', '+34612345678', 'unseen', NULL, '2026-11-05 12:00+01', NULL, NULL, NULL, NULL),
    ('second', '+34612345678', 'offer', '2026-11-05 12:00+01', NULL, 'marketing', 'free_entry_point', 'PMP', NULL),
    ('second', '+12425550123', 'offer', '2026-11-05 12:00+01', NULL, 'marketing', 'regular', 'PMP', NULL),
    ('second', '+34612345678', 'po', '2025-03-01 12:00+01', NULL, 'utility', 'regular', 'CBP', 'conversation 1'),
    ('second', '+34612345678', 'po', '2025-03-01 13:00+01', NULL, 'utility', 'regular', 'CBP', 'conversation 1'),
    ('second', '+34612345678', 'po', '2025-03-02 13:00+01', NULL, 'utility', 'regular', 'CBP', 'conversation 2'),
    ('nowhere', '+34612345678', 'offer', '2026-11-05 12:00+01', NULL, 'marketing', 'regular', 'PMP', NULL),
    ('second', '+34612345678', 'offer', NULL, NULL, 'marketing', 'regular', 'PMP', NULL)) AS v (s, p, t, d, r, c, y, m, v);
SELECT day, sender, template_name, category, market, currency, units, free, cost, estimated, reason FROM whatsapp_costs ORDER BY sender, day, template_name, category, estimated, market, free, reason;
SELECT date_trunc('month', day)::date AS month, currency, sum(units) AS units, sum(free) AS free, sum(cost) AS cost, sum(units) FILTER (WHERE reason IS NOT NULL) AS unpriced FROM whatsapp_costs GROUP BY 1, 2 ORDER BY 1, 2;

-- what Meta told that it has cost goes before all else, in its currency; without one it says nothing
INSERT INTO whatsapp_messages (sender, recipient_phone, message_type, template_name, template_language, status, delivered_at, pricing_category, pricing_type, pricing_model, pricing_cost, pricing_currency)
SELECT s, p, 'template', 'lite', 'es', 'DELIVERED', '2026-11-06 12:00+01', c, y, 'PMP', o, u FROM (VALUES
    ('second', '+34612345678', 'marketing_lite', 'regular', 0.035, 'EUR'), ('second', '+34612345678', 'marketing_lite', 'regular', 0.03612345, 'EUR'),
    ('second', '+34612345678', 'marketing_lite', 'regular', NULL, NULL), ('second', '+34612345678', 'marketing_lite', 'regular', 0.05, NULL),
    ('second', '+34612345678', 'marketing_lite', 'regular', 0.04, 'USD'), ('second', '+12425550123', 'marketing', 'regular', 0.01, 'EUR'),
    ('second', '+34612345678', 'marketing_lite', 'free_entry_point', 0, 'EUR'), ('nowhere', '+34612345678', 'marketing_lite', NULL, 0.02, 'EUR'),
    ('paid', '+34612345678', 'marketing_lite', 'regular', 0.02, 'EUR')) AS v (s, p, c, y, o, u);
SELECT sender, category, market, currency, units, free, cost, estimated, reason FROM whatsapp_costs WHERE template_name = 'lite' ORDER BY sender, category, currency, free, cost;
-- by the names of FOCUS: the same money, without what has no price
SELECT count(*) = (SELECT count(*) FROM whatsapp_costs WHERE cost IS NOT NULL) AS rows, sum("BilledCost") = (SELECT sum(cost) FROM whatsapp_costs) AS money,
       sum("ConsumedQuantity") = (SELECT sum(units) FROM whatsapp_costs WHERE cost IS NOT NULL) AS messages, bool_and("BilledCost" IS NOT DISTINCT FROM coalesce("ListUnitPrice" * "PricingQuantity", 0)) AS unit_prices
FROM whatsapp_focus_costs;
SELECT "BillingAccountId", "BillingCurrency", "BilledCost", "BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd", "PricingCategory", "PricingQuantity", "RegionName", "ResourceId", "SkuPriceId", "Tags", "ChargeDescription"
FROM whatsapp_focus_costs WHERE "Tags" ->> 'template' = 'lite' ORDER BY "ResourceId", "SkuId", "BillingCurrency", "BilledCost";

DROP EXTENSION pg_whatsapp;
