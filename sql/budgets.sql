-- budgets: what may be said of them, and what becomes of a charge when its message changes, whoever changes it. The sender's part: 060_budgets.
SET client_min_messages = error;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/test/regress/refused.sql'
\i :refused

-- what is refused
SELECT * FROM pg_temp.refused($$SELECT wa_budget_set('a', 1)$$);
SELECT * FROM pg_temp.refused($$SELECT wa_budget_set(NULL, 1, 'USD')$$);
SELECT * FROM pg_temp.refused($$SELECT wa_budget_set('', 1, 'USD')$$);
SELECT * FROM pg_temp.refused($$SELECT wa_budget_set(repeat('x', 64), 1, 'USD')$$);
SELECT * FROM pg_temp.refused($$SELECT wa_budget_set('a', NULL, 'USD')$$);
SELECT * FROM pg_temp.refused($$SELECT wa_budget_set('a', -0.01, 'USD')$$);
SELECT * FROM pg_temp.refused($$SELECT wa_budget_set('a', 10000000000, 'USD')$$);
SELECT * FROM pg_temp.refused($$SELECT wa_budget_set('a', 'NaN', 'USD')$$);
SELECT * FROM pg_temp.refused($$SELECT wa_budget_set('a', 1, 'usd')$$);
SELECT * FROM pg_temp.refused($$SELECT wa_budget_set('a', 1, 'USD', 'week')$$);
SELECT * FROM pg_temp.refused($$SELECT wa_budget_set('a', 1, 'USD', NULL)$$);
SELECT * FROM pg_temp.refused($$SELECT wa_budget_set('a', 1, 'USD', account => 'nobody')$$);
SELECT * FROM pg_temp.refused($$SELECT wa_budget_set('a', 1, 'USD', sender => 'nobody')$$);
SELECT * FROM pg_temp.refused($$SELECT wa_budget_set('a', 1, 'USD', category => 'offers')$$);
SELECT * FROM pg_temp.refused($$SELECT wa_budget_set('a', 1, 'USD', unpriced => 'send')$$);
SELECT * FROM pg_temp.refused($$SELECT wa_budget_set('a', 1, 'USD', hold => NULL)$$);
SELECT * FROM pg_temp.refused($$SELECT wa_budget_remove(NULL)$$);
SELECT count(*) FROM whatsapp_budgets;

-- made, changed, removed
SET whatsapp.account_currency = 'USD';
SET whatsapp.account_time_zone = 'Europe/Madrid';
INSERT INTO whatsapp_accounts (name, currency, time_zone) VALUES ('north', 'EUR', 'Europe/Madrid'), ('south', NULL, NULL);
INSERT INTO whatsapp_senders (name, account) VALUES ('madrid', 'north'), ('lima', 'south');
SELECT * FROM pg_temp.refused($$SELECT wa_budget_set('a', 1)$$);
SELECT wa_budget_set('default', 20, account => ''), wa_budget_set('north', 9999999999.99999999, account => 'north'), wa_budget_set('madrid', 0, period => 'day', sender => 'madrid', unpriced => 'hold'),
       wa_budget_set('offers', 5.5, 'USD', category => 'marketing', template => 'spring_offer', hold => false);
SELECT * FROM pg_temp.refused($$SELECT wa_budget_set('lima', 1, account => 'south')$$);
SELECT name, state, amount, currency, spent, reserved, remaining, share, messages, held, period, time_zone, account, sender, category, template_name, hold, unpriced_policy FROM whatsapp_budgets ORDER BY name;
SELECT wa_budget_set('north', 30, account => 'north');
SELECT name, amount FROM whatsapp_budgets WHERE name = 'north';
-- the edges of a day and a month are those of the account, also where clocks change
SELECT name, ends_at AT TIME ZONE 'Europe/Madrid' - starts_at AT TIME ZONE 'Europe/Madrid' = CASE period WHEN 'day' THEN interval '1 day' END AS a_day,
       starts_at AT TIME ZONE time_zone = date_trunc(period, now() AT TIME ZONE time_zone) AS begins, ends_at AT TIME ZONE time_zone > now() AT TIME ZONE time_zone AS goes_on
FROM whatsapp_budgets ORDER BY name;
SELECT wa_budget_remove('offers'), wa_budget_remove('nobody');

-- what a charge is in the ledger
SELECT c.*, p.*, p.authorised = p.reserved + p.settled + p.released AS whole
FROM (VALUES ('reserved', 0.02, NULL::numeric), ('settled', 0.02, 0.02), ('settled', 0.02, 0), ('settled', 0.02, 0.07), ('released', 0.02, NULL), ('reserved', NULL, NULL), ('settled', NULL, NULL),
             ('settled', NULL, 0.03), ('released', NULL, NULL), ('reserved', 0, NULL)) AS c (state, amount, charged)
CROSS JOIN LATERAL whatsapp_charge_parts(c.state, c.amount, c.charged) AS p;

-- as the sender would have done it: each message reserves 0.02 in two periods
CREATE VIEW pg_temp.sums AS
SELECT sum(authorised) AS authorised, sum(reserved) AS reserved, sum(settled) AS settled, sum(released) AS released, sum(messages) AS messages, sum(unpriced) AS unpriced,
       sum(authorised) = sum(reserved + settled + released) AS whole
FROM whatsapp_budget_ledger GROUP BY period ORDER BY period;
INSERT INTO whatsapp_budget_periods (budget, starts_at, ends_at, amount) SELECT name, starts_at, ends_at, amount FROM whatsapp_budgets WHERE name IN ('default', 'north');
SELECT count(wa_send_po('Proveedor ABC', 'PO-' || i, 1250, '+34612345678')) FROM generate_series(1, 8) AS i;
INSERT INTO whatsapp_charges (message_id, reserved_at, state, category, amount, periods)
SELECT m.id, now(), 'reserved', 'utility', CASE WHEN m.reference <> 'PO-8' THEN 0.02 END, (SELECT array_agg(p.id ORDER BY p.id) FROM whatsapp_budget_periods AS p) FROM whatsapp_messages AS m;
INSERT INTO whatsapp_budget_ledger (period, authorised, reserved, settled, released, messages, unpriced) SELECT p.id, 0.14, 0.14, 0, 0, 8, 1 FROM whatsapp_budget_periods AS p;
SELECT * FROM pg_temp.sums;
UPDATE whatsapp_messages SET status = 'SENT', sent_at = '2026-11-29 00:00Z';
SELECT count(*) FROM whatsapp_budget_ledger;
-- delivered: settled, once; read after that says nothing new
UPDATE whatsapp_messages SET status = 'DELIVERED', delivered_at = '2026-11-29 00:00Z', pricing_category = 'utility', pricing_type = 'regular' WHERE reference = 'PO-1';
UPDATE whatsapp_messages SET status = 'READ', read_at = '2026-11-29 00:00Z' WHERE reference = 'PO-1';
SELECT * FROM pg_temp.sums;
-- Meta does not charge it, by either word; pricing_type goes before billable
UPDATE whatsapp_messages SET status = 'DELIVERED', delivered_at = '2026-11-29 00:00Z', pricing_category = 'utility', pricing_type = 'free_customer_service' WHERE reference = 'PO-2';
UPDATE whatsapp_messages SET status = 'DELIVERED', delivered_at = '2026-11-29 00:00Z', billable = false WHERE reference = 'PO-3';
UPDATE whatsapp_messages SET pricing_type = 'regular' WHERE reference = 'PO-3';
SELECT state, amount, charged FROM whatsapp_charges ORDER BY message_id LIMIT 3;
-- refused; refused, and delivered after all; called off
UPDATE whatsapp_messages SET status = 'FAILED', failed_at = '2026-11-29 00:00Z', error_code = 131026 WHERE reference IN ('PO-4', 'PO-5');
UPDATE whatsapp_messages SET status = 'DELIVERED', delivered_at = '2026-11-29 00:00Z' WHERE reference = 'PO-5';
-- nobody knows, until a webhook tells
UPDATE whatsapp_messages SET status = 'FAILED', failed_at = '2026-11-29 00:00Z', error_message = 'outcome unknown: the request left, no answer and no status webhook came' WHERE reference IN ('PO-6', 'PO-7');
SELECT m.reference, c.state, c.amount, c.charged FROM whatsapp_charges AS c JOIN whatsapp_messages AS m ON m.id = c.message_id ORDER BY m.id;
UPDATE whatsapp_messages SET error_code = 131026 WHERE reference = 'PO-6';
UPDATE whatsapp_messages SET status = 'READ', read_at = '2026-11-29 00:00Z', delivered_at = '2026-11-29 00:00Z' WHERE reference = 'PO-7';
-- its price was not known, and is, when Meta tells the category: by a card of the account's time zone
UPDATE whatsapp_messages SET status = 'DELIVERED', delivered_at = '2026-11-29 00:00Z', pricing_category = 'marketing', pricing_type = 'regular' WHERE reference = 'PO-8';
SELECT m.reference, c.state, c.amount, c.charged FROM whatsapp_charges AS c JOIN whatsapp_messages AS m ON m.id = c.message_id ORDER BY m.id;
SELECT * FROM pg_temp.sums;
SELECT name, state, spent, reserved, remaining, share, messages, unpriced FROM whatsapp_budgets WHERE name = 'default';
-- what Meta told that it has cost, once that is told: less, and more; in another currency it does not count, and where it is free neither
UPDATE whatsapp_messages SET pricing_cost = 0.035, pricing_currency = 'USD' WHERE reference = 'PO-8';
UPDATE whatsapp_messages SET pricing_cost = 0.03, pricing_currency = 'USD' WHERE reference = 'PO-7';
UPDATE whatsapp_messages SET pricing_cost = 0.5, pricing_currency = 'EUR' WHERE reference = 'PO-1';
UPDATE whatsapp_messages SET pricing_cost = 0.5, pricing_currency = 'USD' WHERE reference = 'PO-2';
SELECT m.reference, c.state, c.amount, c.charged FROM whatsapp_charges AS c JOIN whatsapp_messages AS m ON m.id = c.message_id ORDER BY m.id;
SELECT * FROM pg_temp.sums;

-- sent again: another charge, beside the one that was released; cancelled
SELECT wa_retry(id) IS NOT NULL AS again FROM whatsapp_messages WHERE reference = 'PO-4';
INSERT INTO whatsapp_charges (message_id, reserved_at, state, category, amount, periods)
SELECT m.id, now(), 'reserved', 'utility', 0.02, (SELECT array_agg(p.id ORDER BY p.id) FROM whatsapp_budget_periods AS p) FROM whatsapp_messages AS m WHERE m.reference = 'PO-4';
INSERT INTO whatsapp_budget_ledger (period, authorised, reserved, settled, released, messages, unpriced) SELECT p.id, 0.02, 0.02, 0, 0, 1, 0 FROM whatsapp_budget_periods AS p;
SELECT wa_cancel(id) FROM whatsapp_messages WHERE reference = 'PO-4';
SELECT c.state, count(*) FROM whatsapp_charges AS c JOIN whatsapp_messages AS m ON m.id = c.message_id WHERE m.reference = 'PO-4' GROUP BY 1;
SELECT * FROM pg_temp.sums;
-- another scope begins anew; another amount does not
SELECT wa_budget_set('default', 40, account => '');
SELECT amount, spent FROM whatsapp_budgets WHERE name = 'default';
SELECT wa_budget_set('default', 40, account => '', category => 'utility');
SELECT amount, spent FROM whatsapp_budgets WHERE name = 'default';
-- charges go with their messages, and the sums stay
DELETE FROM whatsapp_messages WHERE reference = 'PO-1';
SELECT count(*) FROM whatsapp_charges;
TRUNCATE whatsapp_messages;
SELECT count(*) FROM whatsapp_charges;
SELECT spent FROM whatsapp_budgets WHERE name = 'north';
DROP EXTENSION pg_whatsapp CASCADE;
