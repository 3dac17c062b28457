-- campaigns: wa_send_bulk() by a query and by arrays, the dry run, what becomes of bad recipients, pause, resume, cancel and retry, and
-- numbers that agree whatever is done to the messages.
SET client_min_messages = error;
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/test/regress/refused.sql'
\i :refused

CREATE TABLE customers (id integer PRIMARY KEY, phone text, name text, total numeric(12, 2));
INSERT INTO customers VALUES (1, '+34612345601', 'Ana', 10), (2, '+34612345602', 'Benito', 20.5), (3, '34612345603', 'Carla', 30),
       (4, '+34612345601', 'Ana again', 40), (5, NULL, 'Diego', 50), (6, '+34612345606', NULL, 60), (7, '+5215512345607', 'Eva', 70),
       (8, '+34612345608', 'Fran', 80);
SELECT wa_opt_out('+34612345608');

-- ---------------------------------------------------------------------------------------------------------------------------- dry run
SELECT campaign, recipients, queued, duplicates, bad_phones, opted_out, refused, closed_windows, messaging_limit, duration
FROM wa_send_bulk('SELECT phone, name, total FROM customers ORDER BY id', 'autumn_offer', 'es', dry_run => true);
SELECT jsonb_pretty(problems) FROM wa_send_bulk('SELECT phone, name, total FROM customers ORDER BY id', 'autumn_offer', 'es', dry_run => true);
SELECT count(*) AS messages, (SELECT count(*) FROM whatsapp_queue) AS queued, (SELECT count(*) FROM whatsapp_campaigns) AS campaigns,
       (SELECT last_value FROM whatsapp_messages_id_seq) AS numbers FROM whatsapp_messages;
-- not even where nothing may be written
BEGIN TRANSACTION READ ONLY;
SELECT queued FROM wa_send_bulk('SELECT phone, name, total FROM customers', 'autumn_offer', 'es', dry_run => true);
COMMIT;
-- a query whose functions write: they are called, and nothing of it stays
CREATE TABLE coupons (code text);
CREATE FUNCTION coupon(id integer) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO coupons VALUES ('C-' || id); RETURN 'C-' || id; END $$;
SELECT queued, problems FROM wa_send_bulk('SELECT phone, coupon(id), name FROM customers WHERE id < 3', 'autumn_offer', 'es', dry_run => true);
SELECT count(*) AS coupons FROM coupons;
-- an error in it leaves no transaction open
\set VERBOSITY terse
SELECT queued FROM wa_send_bulk('SELECT phone, (1 / (id - 2))::text FROM customers ORDER BY id', 'autumn_offer', 'es', dry_run => true);
\set VERBOSITY default
SELECT pg_current_xact_id_if_assigned() IS NULL AS is_over;
-- what a template costs by market, and what cannot be priced by its reason
SELECT cost FROM wa_send_bulk('SELECT phone, name, total FROM customers', 'autumn_offer', 'es', dry_run => true);
INSERT INTO whatsapp_accounts (name, currency, time_zone) VALUES ('shop', 'USD', 'Europe/Madrid');
INSERT INTO whatsapp_senders (name, account, messages_per_second, messaging_limit) VALUES ('shop', 'shop', 2, 'TIER_1K');
INSERT INTO whatsapp_templates (account, name, language, status, category) VALUES ('shop', 'autumn_offer', 'es', 'APPROVED', 'MARKETING');
SELECT cost, messaging_limit, duration
FROM wa_send_bulk('SELECT phone, name, total FROM customers WHERE id IN (1, 2, 4, 7)', 'autumn_offer', 'es', 'shop', dry_run => true,
                  send_at => '2026-12-01 10:00+01');
-- a template that is paused is a problem of all
UPDATE whatsapp_templates SET status = 'PAUSED' WHERE name = 'autumn_offer';
SELECT queued, refused, problems -> 0 ->> 'sqlstate' AS sqlstate, problems -> 0 -> 'recipients' AS recipients
FROM wa_send_bulk('SELECT phone, name, total FROM customers WHERE id < 3', 'autumn_offer', 'es', 'shop', dry_run => true);
SELECT pg_temp.refused($$SELECT wa_send_bulk('SELECT phone, name, total FROM customers WHERE id < 3', 'autumn_offer', 'es', 'shop')$$);
UPDATE whatsapp_templates SET status = 'APPROVED' WHERE name = 'autumn_offer';
-- a text needs an open window
SELECT queued, closed_windows, problems FROM wa_send_bulk(ARRAY['+34612345601', '+34612345602'], body => 'Hola', dry_run => true);
INSERT INTO whatsapp_windows (contact, sender, last_inbound_at) VALUES (wa_contact_key('+34612345601'), 'default', now());
SELECT queued, closed_windows FROM wa_send_bulk(ARRAY['+34612345601', '+34612345602', '+34612345601'], body => 'Hola', dry_run => true);

-- ------------------------------------------------------------------------------------------------------------------------- a campaign
CREATE VIEW looks AS SELECT name, state, planned, pending, sent, delivered, read, failed, cancelled, duplicates, percent_done,
       planned = pending + sent + failed + cancelled AS agrees FROM whatsapp_campaigns;
SELECT campaign, recipients, queued, duplicates, bad_phones, opted_out, refused
FROM wa_send_bulk('SELECT phone, name, total FROM customers ORDER BY id', 'autumn_offer', 'es', name => 'autumn');
SELECT campaign FROM whatsapp_campaigns \gset
SELECT * FROM looks;
SELECT m.recipient_phone, m.status, m.priority, m.campaign_id = :campaign AS in_campaign, m.error_message,
       (SELECT string_agg(p ->> 'text', ' / ' ORDER BY n) FROM json_array_elements(m.payload #> '{template,components,0,parameters}') WITH ORDINALITY AS a (p, n)) AS parameters
FROM whatsapp_messages AS m ORDER BY m.id;
SELECT q.recipient, q.priority, q.campaign_id = :campaign AS in_campaign FROM whatsapp_queue AS q ORDER BY q.message_id;
SELECT state, errors FROM whatsapp_campaigns;
SELECT error_code, failed FROM whatsapp_campaign_errors;
-- the name is taken
SELECT pg_temp.refused($$SELECT wa_send_bulk(ARRAY['+34612345601'], 'autumn_offer', name => 'autumn')$$);

-- parameters by name, and the phone wherever it stands
SELECT queued FROM wa_send_bulk('SELECT name, total AS amount, phone FROM customers WHERE id = 1', 'autumn_offer', 'es', name => 'named', named => true);
SELECT payload #> '{template,components,0,parameters}' AS parameters FROM whatsapp_messages ORDER BY id DESC LIMIT 1;
-- arrays: the same for all, or a row for each
SELECT queued, bad_phones FROM wa_send_bulk(ARRAY['+34612345601', 'x', '+34612345602'], 'autumn_offer', ARRAY['all', '1'], 'es', name => 'same');
SELECT queued, duplicates FROM wa_send_bulk(ARRAY['+34612345601', '+34612345602', '+34612345601'], 'autumn_offer', ARRAY[['one', '1'], ['two', '2'], ['three', '3']],
                                'es', name => 'rows', send_at => now() + interval '1 hour');
SELECT c.name, m.recipient_phone, m.payload #>> '{template,components,0,parameters,0,text}' AS first
FROM whatsapp_messages AS m JOIN whatsapp_campaigns AS c ON c.campaign = m.campaign_id WHERE c.name IN ('same', 'rows') AND m.status = 'PENDING' ORDER BY m.id;
-- within its hours alone, a day and a night
SELECT count(*) FROM wa_send_bulk(ARRAY['+34612345601'], 'autumn_offer', name => 'always', send_window => 'Mon-Sun 00:00-00:00', time_zone => 'Europe/Madrid');
SELECT cause, reason, starts_at > now() AND starts_at <= now() + interval '25 hours' AS ends_tonight FROM whatsapp_campaign_pauses ORDER BY campaign_id LIMIT 1;
SELECT m.expires_at - m.created_at AS good_for FROM whatsapp_messages AS m JOIN whatsapp_campaigns AS c ON c.campaign = m.campaign_id WHERE c.name = 'always';
SELECT name, state FROM whatsapp_campaigns ORDER BY campaign;
-- nothing at all
SELECT recipients, queued FROM wa_send_bulk('SELECT phone FROM customers WHERE false', 'autumn_offer', 'es', name => 'nobody');
SELECT * FROM looks WHERE name = 'nobody';
SELECT queued FROM wa_send_bulk('{}'::text[], 'autumn_offer', name => 'no phones');

-- --------------------------------------------------------------------------------------------------------------------------- refusals
SELECT pg_temp.refused($$SELECT wa_send_bulk('DELETE FROM customers', 'autumn_offer')$$);
SELECT pg_temp.refused($$SELECT wa_send_bulk('DELETE FROM customers RETURNING phone', 'autumn_offer')$$);
SELECT pg_temp.refused($$SELECT wa_send_bulk('SELECT phone FROM customers FOR UPDATE', 'autumn_offer')$$);
SELECT pg_temp.refused($$SELECT wa_send_bulk('SELECT phone FROM (SELECT phone FROM customers FOR SHARE) AS c', 'autumn_offer')$$);
SELECT pg_temp.refused($$SELECT wa_send_bulk('WITH gone AS (DELETE FROM customers RETURNING phone) SELECT phone FROM gone', 'autumn_offer')$$);
SELECT pg_temp.refused($$SELECT wa_send_bulk('EXPLAIN SELECT phone FROM customers', 'autumn_offer')$$);
SELECT pg_temp.refused($$SELECT wa_send_bulk('SELECT FROM customers', 'autumn_offer')$$);
SELECT pg_temp.refused($$SELECT wa_send_bulk('SELECT phone FROM customers; DELETE FROM customers', 'autumn_offer')$$);
SELECT pg_temp.refused($$SELECT wa_send_bulk('SELECT nothing', 'autumn_offer')$$);
SELECT pg_temp.refused($$SELECT wa_send_bulk('SELECT phone FROM customers', 'Autumn')$$);
SELECT pg_temp.refused($$SELECT wa_send_bulk('SELECT phone FROM customers')$$);
SELECT pg_temp.refused($$SELECT wa_send_bulk('SELECT phone FROM customers', 'autumn_offer', body => 'Hola')$$);
SELECT pg_temp.refused($$SELECT wa_send_bulk('SELECT phone FROM customers', 'autumn_offer', sender => 'nobody')$$);
SELECT pg_temp.refused($$SELECT wa_send_bulk('SELECT phone FROM customers', 'autumn_offer', send_at => 'infinity')$$);
SELECT pg_temp.refused($$SELECT wa_send_bulk('SELECT phone FROM customers', 'autumn_offer', send_at => '294276-12-31 00:00+00')$$);
SELECT pg_temp.refused($$SELECT wa_send_bulk('SELECT phone FROM customers', 'autumn_offer', expires_at => '294276-12-31 00:00+00')$$);
SELECT pg_temp.refused($$SELECT wa_send_bulk('SELECT phone FROM customers', 'autumn_offer', send_window => 'by day')$$);
SELECT pg_temp.refused($$SELECT wa_send_bulk('SELECT phone FROM customers', 'autumn_offer', send_window => 'Mon 09:00-10:00', time_zone => 'Nowhere')$$);
SELECT pg_temp.refused($$SELECT wa_send_bulk(NULL::text, 'autumn_offer')$$);
SELECT pg_temp.refused($$SELECT wa_send_bulk(NULL::text[], 'autumn_offer')$$);
SELECT pg_temp.refused($$SELECT wa_send_bulk(ARRAY['+34612345601', '+34612345602'], 'autumn_offer', ARRAY[['one'], ['two'], ['three']])$$);
SELECT pg_temp.refused($$SELECT wa_send_bulk(ARRAY[['+34612345601']], 'autumn_offer')$$);
SELECT pg_temp.refused($$SELECT wa_campaign_pause(0)$$);
SELECT pg_temp.refused($$SELECT wa_campaign_pause(NULL)$$);
SELECT pg_temp.refused($$SELECT wa_campaign_resume(0)$$);
SELECT pg_temp.refused($$SELECT wa_campaign_cancel(0)$$);
SELECT pg_temp.refused($$SELECT wa_campaign_retry(0)$$);
SELECT pg_temp.refused($$SELECT whatsapp_bulk_step(1)$$);
SELECT count(*) AS customers FROM customers;

-- ------------------------------------------------------------------------------------------------------- pause, resume, retry, cancel
SELECT wa_campaign_pause(:campaign, 'wrong price'), wa_campaign_pause(:campaign);
SELECT state, reason, hint FROM whatsapp_campaigns WHERE campaign = :campaign;
SELECT wa_campaign_resume(:campaign), wa_campaign_resume(:campaign);
SELECT state, reason FROM whatsapp_campaigns WHERE campaign = :campaign;
-- as the sender and webhooks would write it
UPDATE whatsapp_messages SET status = 'READ', sent_at = now(), delivered_at = now(), read_at = now(), attempts = 1
WHERE campaign_id = :campaign AND recipient_phone = '+34612345601';
UPDATE whatsapp_messages SET status = 'FAILED', failed_at = now(), error_code = 131026, attempts = 1
WHERE campaign_id = :campaign AND recipient_phone = '+34612345602';
UPDATE whatsapp_messages SET status = 'FAILED', sent_at = now(), failed_at = now(), error_code = 131049, attempts = 1
WHERE campaign_id = :campaign AND recipient_phone = '+5215512345607';
DELETE FROM whatsapp_queue WHERE campaign_id = :campaign;
SELECT * FROM looks WHERE name = 'autumn';
SELECT errors FROM whatsapp_campaigns WHERE campaign = :campaign;
SELECT error_code, failed, meaning FROM whatsapp_campaign_errors WHERE campaign = :campaign;
-- first what it would do, which writes nothing; what has no content is left out
BEGIN TRANSACTION READ ONLY;
SELECT * FROM wa_campaign_retry(:campaign, dry_run => true);
SELECT * FROM wa_campaign_retry(:campaign, dry_run => true, codes => '{131026,1}');
SELECT * FROM wa_campaign_retry(:campaign, true, '{1}');
COMMIT;
SELECT pg_temp.refused($$SELECT * FROM wa_campaign_retry(0, dry_run => true)$$);
SELECT pg_temp.refused($$SELECT * FROM wa_campaign_retry(1, dry_run => NULL)$$);
-- or as it does it
BEGIN;
SELECT * FROM wa_campaign_retry(:campaign, dry_run => false, codes => '{131049}');
SELECT failed, pending FROM looks WHERE name = 'autumn';
ROLLBACK;
-- what has no content is not sent again, nor what has another code
SELECT wa_campaign_retry(:campaign, 131026);
SELECT * FROM looks WHERE name = 'autumn';
SELECT recipient_phone, status, error_code FROM whatsapp_messages WHERE campaign_id = :campaign AND recipient_phone LIKE '+%' ORDER BY id;
SELECT recipient, campaign_id = :campaign AS in_campaign FROM whatsapp_queue WHERE campaign_id = :campaign;
-- nobody knows whether this one has arrived: it is not sent again by default
UPDATE whatsapp_messages SET status = 'FAILED', failed_at = now(), error_message = 'outcome unknown', attempts = 1
WHERE campaign_id = :campaign AND recipient_phone = '+34612345602';
DELETE FROM whatsapp_queue WHERE campaign_id = :campaign;
SELECT wa_campaign_retry(:campaign), wa_campaign_retry(:campaign);
SELECT recipient FROM whatsapp_queue WHERE campaign_id = :campaign;
SELECT wa_campaign_cancel(:campaign);
-- the reader calls them off: test/tap/058_campaigns.pl
SELECT state, reason, pending FROM whatsapp_campaigns WHERE campaign = :campaign;
SELECT wa_campaign_resume(:campaign), wa_campaign_cancel(:campaign), wa_campaign_pause(:campaign);
SELECT pg_temp.refused(format('SELECT wa_campaign_retry(%s)', :campaign));
SELECT pg_temp.refused(format('SELECT wa_campaign_retry(%s, dry_run => true)', :campaign));
-- one of its messages, by its number
SELECT wa_cancel(message_id) FROM whatsapp_queue WHERE campaign_id = :campaign;
SELECT * FROM looks WHERE name = 'autumn';

-- ------------------------------------------------------------------------------------------------ the numbers stay without the messages
SELECT * FROM looks ORDER BY name COLLATE "C";
DELETE FROM whatsapp_messages WHERE campaign_id = :campaign;
SELECT * FROM looks WHERE name = 'autumn';
SELECT errors FROM whatsapp_campaigns WHERE campaign = :campaign;
-- and what is deleted before it is sent counts as cancelled
DELETE FROM whatsapp_messages WHERE id IN (SELECT message_id FROM whatsapp_queue AS q JOIN whatsapp_campaigns AS c ON c.campaign = q.campaign_id
                                           WHERE c.name = 'same' ORDER BY message_id LIMIT 1);
SELECT * FROM looks WHERE name = 'same';
SELECT sum(row_count) > 0 AS forgotten FROM wa_forget('+34612345602');
SELECT * FROM looks ORDER BY name COLLATE "C";
SELECT status, messages FROM whatsapp_status;
TRUNCATE whatsapp_messages, whatsapp_queue;
SELECT * FROM looks ORDER BY name COLLATE "C";
SELECT sum(messages) AS left FROM whatsapp_status;

-- ------------------------------------------------------------------------------------------- what it has cost, and when its messages are gone
SELECT queued FROM wa_send_bulk(ARRAY['+34612345601', '+34612345602', '+5215512345603', '+12425550123', '+34612345604'], 'autumn_offer', language => 'es',
                                sender => 'shop', name => 'costs');
SELECT campaign FROM whatsapp_campaigns WHERE name = 'costs' \gset
SELECT spent FROM whatsapp_campaigns WHERE name = 'costs';
-- delivered: of one, Meta has not told the price; of one it is free; of one nobody knows the market
UPDATE whatsapp_messages SET status = 'DELIVERED', sent_at = '2026-11-28 10:00+01', delivered_at = '2026-11-28 10:01+01',
       pricing_category = CASE recipient_phone WHEN '+34612345601' THEN NULL WHEN '+34612345602' THEN 'MARKETING' ELSE 'marketing' END,
       pricing_type = CASE recipient_phone WHEN '+34612345601' THEN NULL WHEN '+34612345602' THEN 'free_entry_point' ELSE 'regular' END
WHERE campaign_id = :campaign AND recipient_phone <> '+34612345604';
SELECT jsonb_pretty(spent) AS spent FROM whatsapp_campaigns WHERE name = 'costs';
SELECT day, category, market, currency, units, free, cost, estimated, reason FROM whatsapp_campaign_costs WHERE campaign = :campaign ORDER BY market, free;
-- as whatsapp_costs says
SELECT (SELECT sum(c.cost) FROM whatsapp_campaign_costs AS c WHERE c.campaign = :campaign) = sum(c.cost) AS agrees, sum(c.units) AS units FROM whatsapp_costs AS c;
-- Meta tells the price later, and another category; a read message is charged once; the day is that of the account, also at its edge
UPDATE whatsapp_messages SET status = 'READ', read_at = '2026-11-29 10:01+01', pricing_category = 'utility', pricing_type = 'regular'
WHERE campaign_id = :campaign AND recipient_phone = '+34612345601';
UPDATE whatsapp_messages SET status = 'READ', sent_at = '2026-11-28 10:00+01', read_at = '2026-11-28 23:30+00', pricing_category = 'marketing', pricing_type = 'regular'
WHERE campaign_id = :campaign AND recipient_phone = '+34612345604';
SELECT day, category, market, units, free, cost, estimated, reason FROM whatsapp_campaign_costs WHERE campaign = :campaign ORDER BY day, market, category, free;
SELECT (SELECT sum(c.cost) FROM whatsapp_campaign_costs AS c WHERE c.campaign = :campaign) = sum(c.cost) AS agrees FROM whatsapp_costs AS c;
-- what it would cost to send one of them again
BEGIN;
UPDATE whatsapp_messages SET status = 'FAILED', failed_at = now(), error_code = 131049 WHERE campaign_id = :campaign AND recipient_phone = '+5215512345603';
SELECT messages, errors, cost -> 0 ->> 'market' AS market, cost -> 0 ->> 'cost' AS price FROM wa_campaign_retry(:campaign, dry_run => true);
ROLLBACK;
-- forgotten, deleted: it has cost what it has cost
SELECT spent FROM whatsapp_campaigns WHERE name = 'costs' \gset before_
SELECT sum(row_count) > 0 AS forgotten FROM wa_forget('+34612345602');
DELETE FROM whatsapp_messages WHERE campaign_id = :campaign AND recipient_phone = '+34612345601';
SELECT spent = :'before_spent' AS the_same FROM whatsapp_campaigns WHERE name = 'costs';
TRUNCATE whatsapp_messages, whatsapp_queue;
SELECT spent = :'before_spent' AS the_same FROM whatsapp_campaigns WHERE name = 'costs';
-- no card of that day, no currency, no time zone
UPDATE whatsapp_accounts SET currency = 'XXX' WHERE name = 'shop';
SELECT spent FROM whatsapp_campaigns WHERE name = 'costs';
UPDATE whatsapp_accounts SET currency = NULL, time_zone = NULL WHERE name = 'shop';
SELECT spent FROM whatsapp_campaigns WHERE name = 'costs';
SELECT DISTINCT reason FROM whatsapp_campaign_costs WHERE campaign = :campaign ORDER BY reason;
UPDATE whatsapp_accounts SET currency = 'USD', time_zone = 'Europe/Madrid' WHERE name = 'shop';

-- ---------------------------------------------------------------------------------------------------------- rights of whoever calls
CREATE ROLE campaigner;
GRANT USAGE, CREATE ON SCHEMA public TO campaigner;
CREATE SCHEMA own AUTHORIZATION campaigner;
SELECT wa_grant('campaigner', 'sender');
CREATE FUNCTION spoil() RETURNS text LANGUAGE plpgsql AS $$ BEGIN DELETE FROM whatsapp_messages; RETURN '+34612345601'; END $$;
SET ROLE campaigner;
-- not what the extension's owner may see or do
SELECT pg_temp.refused($$SELECT wa_send_bulk('SELECT phone FROM customers', 'autumn_offer')$$);
SELECT pg_temp.refused($$SELECT wa_send_bulk('SELECT recipient_phone FROM whatsapp_messages', 'autumn_offer')$$);
SELECT pg_temp.refused($$SELECT wa_send_bulk('SELECT spoil()', 'autumn_offer')$$);
SELECT pg_temp.refused($$SELECT wa_campaign_pause(1)$$);
SELECT pg_temp.refused($$SELECT * FROM whatsapp_campaigns$$);
-- by the caller's search_path
CREATE TABLE own.customers (phone text);
INSERT INTO own.customers VALUES ('+34612345699');
SET search_path = own, public;
SELECT campaign IS NOT NULL AS made, queued FROM wa_send_bulk('SELECT phone, current_user FROM customers', 'autumn_offer', 'es');
RESET search_path;
RESET ROLE;
SELECT c.name LIKE 'campaign %' AS named, c.created_by = session_user AS mine, m.payload #>> '{template,components,0,parameters,0,text}' AS current_user
FROM whatsapp_campaigns AS c JOIN whatsapp_messages AS m ON m.campaign_id = c.campaign;
DROP OWNED BY campaigner;
DROP ROLE campaigner;
DROP VIEW looks;
DROP FUNCTION spoil();
DROP TABLE customers;
DROP EXTENSION pg_whatsapp;
