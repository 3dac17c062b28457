/* From version 1.0 to 1.1. */

-- complain if the script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION pg_whatsapp UPDATE TO '1.1'" to load this file. \quit

-- Who has which level: the functions that are made anew lose their grants. See "Upgrade the extension" in docs/operating.md.
CREATE TEMPORARY TABLE whatsapp_grants_before AS SELECT g.role, g.level FROM whatsapp_grants AS g;

-- Watched tables that get a trigger at the end are locked before ours, as by an INSERT on them: in the other order there would be deadlocks.
DO $$
DECLARE
    w record;
BEGIN
    FOR w IN SELECT DISTINCT v.relation FROM @extschema@.whatsapp_watches AS v WHERE v.due IS NOT NULL ORDER BY v.relation
    LOOP
        BEGIN
            EXECUTE format('LOCK TABLE ONLY %s IN SHARE ROW EXCLUSIVE MODE', w.relation);
        EXCEPTION WHEN others THEN
            NULL; -- not a table that can be locked; the end of this script tells of a trigger that it cannot make
        END;
    END LOOP;
END $$;

-- Functions whose arguments are others, and the views that are made anew. What somebody has built on them is named by the server, and keeps
-- the old version until it is gone.
DROP VIEW whatsapp_grants;
DROP FUNCTION wa_revoke(regrole,text);
DROP FUNCTION wa_grant(regrole,text);
DROP VIEW whatsapp_top;
DROP VIEW whatsapp_campaign_errors;
DROP VIEW whatsapp_campaigns;
DROP VIEW whatsapp_budgets;
DROP VIEW whatsapp_budget_sums;
DROP FUNCTION wa_budget_set(text,numeric,text,text,text,text,text,text,bool,text);
DROP VIEW whatsapp_costs;
DROP FUNCTION wa_estimate(text[],text,timestamptz,text);
DROP FUNCTION whatsapp_estimate_groups(text[],int8[],text,timestamptz,text);
DROP FUNCTION wa_price(text,text,timestamptz,text);
DROP FUNCTION whatsapp_units_before(text,text,text,text,date);
DROP VIEW whatsapp_delivered_units;
DROP VIEW whatsapp_billing;
DROP VIEW whatsapp_stat_senders;
DROP VIEW whatsapp_stat_errors;
DROP VIEW whatsapp_stat_days;
DROP VIEW whatsapp_status;
DROP VIEW whatsapp_stat_queue;
DROP VIEW whatsapp_watches;
DROP FUNCTION wa_watch(regclass,varchar,text[],varchar,text[],varchar,text,text,text,text,text,text,text,text,text,int8,bool,text,text);
DROP FUNCTION wa_send(text,text,jsonb,text,text,text,timestamptz,text,text,text,text[]);
DROP FUNCTION wa_send_reaction(text,text,text,text,text,timestamptz,text,text);
DROP FUNCTION wa_send_interactive(text,jsonb,text,text,text,timestamptz,text,text,text,text[]);
DROP FUNCTION wa_send_contacts(text,jsonb,text,text,text,timestamptz,text,text,text,text[]);
DROP FUNCTION wa_send_location(text,float8,float8,text,text,text,text,text,timestamptz,text,text,text,text[]);
DROP FUNCTION wa_send_media(text,text,text,text,text,text,bool,text,text,text,timestamptz,text,text,int8,text,text[]);
DROP FUNCTION wa_send_text(text,text,bool,text,text,text,timestamptz,text,text,text,text[]);
DROP VIEW whatsapp_held;
DROP FUNCTION wa_send_po(text,text,numeric,text,text,text,text,timestamptz,text,text,int8);
DROP FUNCTION wa_send_po(text,text,text,text,text,text,timestamptz,text,text,int8);
DROP FUNCTION wa_send_template(text,text,text[],text,text,text,timestamptz,text,text,jsonb,jsonb,jsonb,jsonb,timestamptz,jsonb,text,bool);

-- the error of a wrong name shows the constraint's
ALTER TABLE whatsapp_accounts RENAME CONSTRAINT whatsapp_accounts_name_check TO whatsapp_accounts_name_letters_digits_underscore_hyphen;
ALTER TABLE whatsapp_senders RENAME CONSTRAINT whatsapp_senders_name_check TO whatsapp_senders_name_letters_digits_underscore_hyphen;
ALTER TABLE whatsapp_accounts ADD COLUMN marketing_endpoint text CHECK (marketing_endpoint IN ('messages', 'marketing_messages'));
CREATE OR REPLACE FUNCTION wa_resume(sender text DEFAULT 'default') RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_resume';

COMMENT ON COLUMN whatsapp_accounts.marketing_endpoint IS 'messages or marketing_messages: endpoint of the API to which its marketing templates are sent; NULL is whatsapp.marketing_endpoint.';
CREATE TABLE whatsapp_role_grants (
    role   regrole NOT NULL,
    level  text NOT NULL CHECK (level IN ('sender', 'monitor', 'operator', 'admin')),
    sender text CHECK (pg_catalog.octet_length(sender) <= 63),
    CONSTRAINT whatsapp_role_grants_key UNIQUE NULLS NOT DISTINCT (role, level, sender)
);

ALTER TABLE whatsapp_role_grants REPLICA IDENTITY FULL;
CREATE FUNCTION whatsapp_hold_rows() RETURNS trigger
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_hold_rows';

CREATE FUNCTION whatsapp_kept_role(name text, number text) RETURNS oid
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_kept_role';

CREATE FUNCTION whatsapp_sees(sender text) RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_sees';

CREATE FUNCTION whatsapp_sees_message(message_id bigint) RETURNS boolean
LANGUAGE C STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_sees_message';

CREATE FUNCTION whatsapp_sees_campaign(campaign_id bigint) RETURNS boolean
LANGUAGE C STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_sees_campaign';

CREATE FUNCTION whatsapp_sees_account(account text) RETURNS boolean
LANGUAGE C STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_sees_account';

CREATE FUNCTION whatsapp_sees_number(phone_number_id text) RETURNS boolean
LANGUAGE C STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_sees_number';

CREATE TRIGGER whatsapp_hold_rows AFTER INSERT OR UPDATE OR DELETE ON whatsapp_role_grants EXECUTE FUNCTION whatsapp_hold_rows();
ALTER TABLE whatsapp_role_grants ENABLE ALWAYS TRIGGER whatsapp_hold_rows;
CREATE TRIGGER whatsapp_hold_no_rows AFTER TRUNCATE ON whatsapp_role_grants EXECUTE FUNCTION whatsapp_hold_rows();
ALTER TABLE whatsapp_role_grants ENABLE ALWAYS TRIGGER whatsapp_hold_no_rows;
COMMENT ON TABLE whatsapp_role_grants IS
    'What wa_grant() gave, one row each; see whatsapp_grants. While a row has a sender, row security is on. A dump has it with the names of the roles, which must exist where it is restored.';
COMMENT ON COLUMN whatsapp_role_grants.role IS 'The role; who is a member of it has its rights, too.';
COMMENT ON COLUMN whatsapp_role_grants.level IS 'sender, monitor, operator or admin.';
COMMENT ON COLUMN whatsapp_role_grants.sender IS 'The only sender for which it holds; NULL is all of them.';
COMMENT ON FUNCTION whatsapp_hold_rows() IS
    'A trigger: row security is on as long as a grant has a sender, and every session reads the grants anew.';
COMMENT ON FUNCTION whatsapp_kept_role(text, text) IS 'The role that a row names: by its number where this database has kept it, which a new name of the role leaves as it is, else by its name, as in a copy; NULL when it is gone.';
COMMENT ON FUNCTION whatsapp_sees(text) IS 'Whether the current role may read what belongs to a sender, NULL is all senders. For policies and views; false only for roles that wa_grant() holds to other senders.';
COMMENT ON FUNCTION whatsapp_sees_message(bigint) IS 'The same of the sender of a message. For policies.';
COMMENT ON FUNCTION whatsapp_sees_campaign(bigint) IS 'The same of the sender of a campaign. For policies.';
COMMENT ON FUNCTION whatsapp_sees_account(text) IS 'The same of any sender of an account, NULL is the default one. For policies.';
COMMENT ON FUNCTION whatsapp_sees_number(text) IS 'The same of the sender with Meta''s id of a number. For policies.';
REVOKE ALL ON FUNCTION whatsapp_hold_rows() FROM PUBLIC;
-- DROP ROLE leaves the rows of a role, and its number may be that of another one elsewhere.
SELECT pg_catalog.pg_extension_config_dump('whatsapp_role_grants', 'WHERE role IN (SELECT oid FROM pg_catalog.pg_roles)');
CREATE FUNCTION wa_normalize_phone(phone text, region text DEFAULT NULL) RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_normalize_phone';

CREATE FUNCTION wa_phone_info(phone text, OUT e164 text, OUT region text, OUT country_code integer, OUT type text, OUT possible boolean,
                              OUT valid boolean, OUT national_format text, OUT international_format text, OUT problem text)
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_phone_info';

CREATE FUNCTION wa_check_phones(table_name regclass, column_name name, region text DEFAULT NULL)
RETURNS TABLE (key jsonb, phone text, problem text, suggestion text)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_check_phones';

CREATE FUNCTION wa_phone_time_zones(phone text) RETURNS text[]
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_phone_time_zones';

COMMENT ON FUNCTION wa_valid_e164(text) IS
    'True for +, then 6 to 15 ASCII digits of which the first is not 0 (ITU-T E.164). Never raises; fit for CHECK constraints.';
COMMENT ON FUNCTION wa_phone_problem(text) IS
    'Says in words what is wrong with a phone number; NULL for one in E.164 format. By its characters alone: it knows no country. Never raises.';
COMMENT ON FUNCTION wa_normalize_phone(text, text) IS
    'The number in E.164 format, as libphonenumber reads it: spaces, dashes, points, parentheses, characters without a shape and digits of other scripts are understood, 00 is +. region (ISO 3166-1 alpha-2, such as ES) says of where a number without country code is; without it nothing is guessed. NULL for NULL. Raises 22023 when the number cannot be read, does not exist by the numbering plans, or can be read in two ways, and for a region that does not exist; 22001 for more than 1,024 bytes; 58P01 when pg_whatsapp_phone or libphonenumber is not installed.';
COMMENT ON FUNCTION wa_phone_info(text) IS
    'What the numbering plans say of a number with its country code: region (ISO 3166-1 alpha-2; NULL for those of no country), country_code, type (mobile, fixed_line, fixed_line_or_mobile, toll_free, premium_rate, shared_cost, voip, personal, pager, company, voicemail, unknown), whether its length is possible and the number valid, how it is written within its country and from abroad, and what is wrong with it. The answers change with libphonenumber. NULL for NULL. Raises 58P01 as wa_normalize_phone().';
COMMENT ON FUNCTION wa_check_phones(regclass, name, text) IS
    'The rows of a table or view whose column holds a number that is not in E.164 format or does not exist by the numbering plans: key (the primary key; without one table and ctid; NULL for a view without a key), the value as it is stored, the problem, and the number that is meant where that is sure, with region as in wa_normalize_phone(). NULL and user ids are no problem. With the caller''s rights on the table. Raises 42703 for a column, 42809 for what is no table or view, 42501 without the right to read, 22004 for NULL, 22023 for region, 58P01 as wa_normalize_phone().';
COMMENT ON FUNCTION wa_phone_time_zones(text) IS
    'The time zones of the country that a phone number is from, by its calling code: of a country with several one for each time, that of most people first. {UTC} for a number whose country is not known. Never raises.';
ALTER TABLE whatsapp_templates ADD COLUMN accepted_category text;
COMMENT ON COLUMN whatsapp_events.raw IS 'The item as it came; raw ->> ''id'' works as it is, operators such as @> need raw::jsonb. NULL for a status whose message says all of it (whatsapp.compact_statuses).';
COMMENT ON COLUMN whatsapp_templates.accepted_category IS 'The category that wa_accept_category() has agreed to.';
ALTER TABLE whatsapp_templates ADD COLUMN message_send_ttl_seconds bigint;
COMMENT ON COLUMN whatsapp_templates.message_send_ttl_seconds IS 'How long Meta tries to deliver a message of it; NULL for 30 days, and of one-time codes 10 minutes.';
COMMENT ON COLUMN whatsapp_messages.recipient_phone IS 'As it was given: a number with +, or a business-scoped user id; of a message that was refused at once (a watched row, on_error => ''record'') it may be anything, or NULL.';
COMMENT ON COLUMN whatsapp_messages.enqueued_by IS 'The user of the session that enqueued it; of a watch''s message its owner, by the name that he had when it was made.';
COMMENT ON COLUMN whatsapp_messages.payload IS 'Type and content as they go to the Cloud API; the envelope is added at each attempt. Its member fallback, the template to be sent when the window is closed, stays here. NULL when a message was refused before it could be put together, and when its content was deleted.';
ALTER TABLE whatsapp_messages SET (fillfactor = 37);
ALTER TABLE whatsapp_queue SET (vacuum_truncate = false);
ALTER TABLE whatsapp_messages ADD COLUMN pricing_cost numeric;
ALTER TABLE whatsapp_messages ADD COLUMN pricing_currency text;
COMMENT ON COLUMN whatsapp_messages.pricing_cost IS 'What it has cost, where status webhooks report it: of marketing messages with a maximum price. NULL for all others, see whatsapp_costs.';
COMMENT ON COLUMN whatsapp_messages.pricing_currency IS 'Currency of pricing_cost, ISO 4217.';
ALTER TABLE whatsapp_campaign_pauses ADD COLUMN until timestamptz;
ALTER TABLE whatsapp_campaign_pauses DROP CONSTRAINT whatsapp_campaign_pauses_cause_check;
ALTER TABLE whatsapp_campaign_pauses ADD CONSTRAINT whatsapp_campaign_pauses_cause_check CHECK (cause IN ('asked', 'budget', 'cancelled', 'failures', 'quality', 'template', 'window'));
COMMENT ON COLUMN whatsapp_queue.held_by IS 'What holds it until due_at: a budget, and whether that is for a price that is not known, or the category of its template; NULL when nothing does.';
COMMENT ON COLUMN whatsapp_campaign_pauses.cause IS 'asked: by wa_campaign_pause(); cancelled: what is pending is being called off; budget, failures, quality, template: it stopped by itself; window: it is outside of its hours.';
COMMENT ON COLUMN whatsapp_campaign_pauses.until IS 'Of a budget: the end of its day or month. Until then the campaign goes on by itself as soon as there is room, afterwards by wa_campaign_resume() alone.';
CREATE FUNCTION wa_send_template(phone text, template text, parameters text[] DEFAULT '{}', language text DEFAULT NULL,
                                 sender text DEFAULT NULL, reference text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                                 idempotency_key text DEFAULT NULL, priority text DEFAULT NULL,
                                 named_parameters jsonb DEFAULT NULL, header jsonb DEFAULT NULL,
                                 buttons jsonb DEFAULT NULL, cards jsonb DEFAULT NULL,
                                 offer_ends_at timestamptz DEFAULT NULL, components jsonb DEFAULT NULL,
                                 reply_to text DEFAULT NULL, language_fallback boolean DEFAULT false,
                                 on_error text DEFAULT 'raise') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_template';

CREATE FUNCTION wa_send_po(supplier text, po text, amount text, phone text, language text DEFAULT NULL,
                           sender text DEFAULT NULL, send_at timestamptz DEFAULT NULL, idempotency_key text DEFAULT NULL,
                           priority text DEFAULT NULL, document bigint DEFAULT NULL, on_error text DEFAULT 'raise',
                           currency text DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_po_text';

CREATE FUNCTION wa_send_po(supplier text, po text, amount numeric, phone text, currency text DEFAULT NULL,
                           language text DEFAULT NULL, sender text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                           idempotency_key text DEFAULT NULL, priority text DEFAULT NULL, document bigint DEFAULT NULL,
                           on_error text DEFAULT 'raise') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_po_numeric';

CREATE OR REPLACE FUNCTION wa_cancel(message_id bigint) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_cancel';

CREATE OR REPLACE FUNCTION wa_retry(message_id bigint, phone text DEFAULT NULL) RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_retry';

COMMENT ON FUNCTION wa_send_template(text, text, text[], text, text, text, timestamptz, text, text, jsonb, jsonb, jsonb, jsonb, timestamptz, jsonb, text, boolean, text) IS
    'Enqueues a template message; it leaves when this transaction commits, not before send_at. The body takes parameters in their order, or named_parameters as an object. header is a text or an object with one of image, video, document, location, product; buttons is an array with an element for each button of the template, null for one without a variable, else an object with one of url, payload, coupon_code, flow, catalog, mpm; cards is an array of objects with header, parameters, named and buttons; offer_ends_at is when a limited-time offer ends; components is for what else there is, as the Cloud API reference has it; reply_to is the wamid of a message that is quoted. template may be an alias, see wa_template_define(); with language_fallback, es is sent where whatsapp_templates has no es_MX. Returns whatsapp_messages.id. The same idempotency_key of a sender and session user again enqueues nothing and returns the first id. Raises 22023 for the phone, priority or an empty idempotency_key, 22004 for NULL, 22001 for a text that is too long, WA001 to WA005, WA014, 22032 and 2202E for template, language, parameters and components, 22008 for an infinite send_at, 42704 for an unknown sender, and for a template or language that its account does not have once wa_sync_templates() has read it, WA012 when the recipient has opted out, WA013 when the template is known not to be approved, WA015 when the idempotency_key belongs to another message, 0A000 when the database is not in UTF8. With on_error => ''record'' all of these but 0A000 and an unknown sender become a FAILED row, whose id is returned.';
COMMENT ON FUNCTION wa_send_po(text, text, text, text, text, text, timestamptz, text, text, bigint, text, text) IS
    'Enqueues template po_notification with the amount as it is written, e.g. €1,250.00; one that is a plain number, such as 1250.00, and any if currency is given, is written as in the other form. document is a file of wa_upload_media() that the template shows in its header; the message waits until Meta has it. Returns whatsapp_messages.id. Raises what wa_send_template(), wa_send_media() and wa_format_amount() raise; on_error as there.';
COMMENT ON FUNCTION wa_send_po(text, text, numeric, text, text, text, text, timestamptz, text, text, bigint, text) IS
    'Enqueues template po_notification with the amount written by wa_format_amount() in whatsapp.amount_locale; currency is whatsapp.default_currency for NULL, document as in the other form. Returns whatsapp_messages.id. Raises what wa_send_template() and wa_format_amount() raise; on_error as there.';
REVOKE ALL ON FUNCTION wa_send_template(text, text, text[], text, text, text, timestamptz, text, text, jsonb, jsonb, jsonb, jsonb, timestamptz, jsonb, text, boolean, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_po(text, text, text, text, text, text, timestamptz, text, text, bigint, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_po(text, text, numeric, text, text, text, text, timestamptz, text, text, bigint, text) FROM PUBLIC;
CREATE VIEW whatsapp_latest WITH (security_barrier) AS
SELECT m.id, pg_catalog.to_char(m.created_at, 'MM-DD HH24:MI:SS') AS enqueued, pg_catalog.left(m.recipient_phone, 16) AS recipient,
       CASE WHEN pg_catalog.length(m.reference) > 20 THEN pg_catalog.left(m.reference, 19) || '…' ELSE m.reference END AS reference, m.status,
       CASE WHEN pg_catalog.length(w.why) > 40 THEN pg_catalog.left(w.why, 39) || '…' ELSE w.why END AS why
FROM whatsapp_messages AS m
CROSS JOIN LATERAL (SELECT pg_catalog.concat_ws(' ', m.error_code, m.error_message) AS why) AS w
WHERE whatsapp_sees(m.sender)
ORDER BY m.id DESC;

CREATE VIEW whatsapp_held WITH (security_barrier) AS
SELECT m.id, m.created_at, m.sender, m.recipient_phone, m.template_name, m.reference, q.due_at, q.expires_at, h.reason
FROM (SELECT whatsapp_hold_reason() AS reason) AS h
JOIN whatsapp_queue AS q ON q.state = 'held' OR h.reason LIKE 'this database%'
JOIN whatsapp_messages AS m ON m.id = q.message_id
WHERE h.reason IS NOT NULL AND whatsapp_sees(m.sender);

COMMENT ON FUNCTION wa_release(boolean) IS
    'Ends the hold of a database that was restored or copied, or of messages that were queued before a long gap, at commit: they will be sent from here. Returns how many wait in the queue and, for a watch, in whatsapp_watch_items; 0 when nothing was held. With dry_run nothing ends: see whatsapp_held for the messages.';
COMMENT ON VIEW whatsapp_latest IS 'Messages, the newest first, narrow enough for a terminal: SELECT * FROM whatsapp_latest LIMIT 20.';
COMMENT ON COLUMN whatsapp_latest.id IS 'Number of the message, for wa_diagnose().';
COMMENT ON COLUMN whatsapp_latest.enqueued IS 'Month, day and time when it was enqueued, in the session''s time zone.';
COMMENT ON COLUMN whatsapp_latest.recipient IS 'Who gets it; a long one is cut off.';
COMMENT ON COLUMN whatsapp_latest.reference IS 'The caller''s own key; a long one is cut off.';
COMMENT ON COLUMN whatsapp_latest.status IS 'As in whatsapp_messages.';
COMMENT ON COLUMN whatsapp_latest.why IS 'The last error, cut off; wa_diagnose() tells all of it.';
COMMENT ON VIEW whatsapp_held IS 'Messages that wait for wa_release(), and why: what it would send.';
COMMENT ON COLUMN whatsapp_held.id IS 'The message, a row of whatsapp_messages.';
COMMENT ON COLUMN whatsapp_held.created_at IS 'When it was enqueued.';
COMMENT ON COLUMN whatsapp_held.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_held.recipient_phone IS 'Who would get it.';
COMMENT ON COLUMN whatsapp_held.template_name IS 'Name of the template.';
COMMENT ON COLUMN whatsapp_held.reference IS 'The caller''s own key.';
COMMENT ON COLUMN whatsapp_held.due_at IS 'The message is not sent before this time.';
COMMENT ON COLUMN whatsapp_held.expires_at IS 'The message is not sent after this time.';
COMMENT ON COLUMN whatsapp_held.reason IS 'Why it is held.';
CREATE FUNCTION wa_send_text(phone text, body text, preview_url boolean DEFAULT false, reply_to text DEFAULT NULL,
                             sender text DEFAULT NULL, reference text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                             idempotency_key text DEFAULT NULL, priority text DEFAULT NULL,
                             fallback_template text DEFAULT NULL, fallback_parameters text[] DEFAULT '{}',
                             on_error text DEFAULT 'raise') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_text';

CREATE FUNCTION wa_send_media(phone text, media_type text, link text DEFAULT NULL, media_id text DEFAULT NULL,
                              caption text DEFAULT NULL, filename text DEFAULT NULL, voice boolean DEFAULT false,
                              reply_to text DEFAULT NULL, sender text DEFAULT NULL, reference text DEFAULT NULL,
                              send_at timestamptz DEFAULT NULL, idempotency_key text DEFAULT NULL,
                              priority text DEFAULT NULL, media bigint DEFAULT NULL,
                              fallback_template text DEFAULT NULL, fallback_parameters text[] DEFAULT '{}',
                             on_error text DEFAULT 'raise') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_media';

CREATE FUNCTION wa_send_location(phone text, latitude double precision, longitude double precision, name text DEFAULT NULL,
                                 address text DEFAULT NULL, reply_to text DEFAULT NULL, sender text DEFAULT NULL,
                                 reference text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                                 idempotency_key text DEFAULT NULL, priority text DEFAULT NULL,
                                 fallback_template text DEFAULT NULL, fallback_parameters text[] DEFAULT '{}',
                             on_error text DEFAULT 'raise') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_location';

CREATE FUNCTION wa_send_contacts(phone text, contacts jsonb, reply_to text DEFAULT NULL, sender text DEFAULT NULL,
                                 reference text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                                 idempotency_key text DEFAULT NULL, priority text DEFAULT NULL,
                                 fallback_template text DEFAULT NULL, fallback_parameters text[] DEFAULT '{}',
                             on_error text DEFAULT 'raise') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_contacts';

CREATE FUNCTION wa_send_interactive(phone text, interactive jsonb, reply_to text DEFAULT NULL, sender text DEFAULT NULL,
                                    reference text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                                    idempotency_key text DEFAULT NULL, priority text DEFAULT NULL,
                                    fallback_template text DEFAULT NULL, fallback_parameters text[] DEFAULT '{}',
                             on_error text DEFAULT 'raise') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_interactive';

CREATE FUNCTION wa_send_reaction(phone text, message_wamid text, emoji text, sender text DEFAULT NULL,
                                 reference text DEFAULT NULL, send_at timestamptz DEFAULT NULL,
                                 idempotency_key text DEFAULT NULL, priority text DEFAULT NULL,
                                 on_error text DEFAULT 'raise') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_reaction';

CREATE FUNCTION wa_send(phone text, message_type text, content jsonb, reply_to text DEFAULT NULL, sender text DEFAULT NULL,
                        reference text DEFAULT NULL, send_at timestamptz DEFAULT NULL, idempotency_key text DEFAULT NULL,
                        priority text DEFAULT NULL,
                        fallback_template text DEFAULT NULL, fallback_parameters text[] DEFAULT '{}',
                             on_error text DEFAULT 'raise') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send';

COMMENT ON FUNCTION wa_send_text(text, text, boolean, text, text, text, timestamptz, text, text, text, text[], text) IS
    'Enqueues a text of at most 4,096 characters; preview_url shows what its first web address leads to, reply_to is the wamid of a message that is quoted. It leaves when this transaction commits, if the recipient wrote in the last 24 hours; else fallback_template is sent instead, in whatsapp.default_language, with fallback_parameters in its body; without one it becomes FAILED. Returns whatsapp_messages.id. Raises WA014 and 22001 for the content, and what wa_send_template() raises for the rest; on_error as there.';
COMMENT ON FUNCTION wa_send_media(text, text, text, text, text, text, boolean, text, text, text, timestamptz, text, text, bigint, text, text[], text) IS
    'Enqueues an image, video, audio, document or sticker: a link (https) that Meta fetches, the media_id of an upload, or as media a file of wa_upload_media(), for which the message waits. caption has at most 1,024 characters, filename is for documents, voice for audio. Returns and raises what wa_send_text() does.';
COMMENT ON FUNCTION wa_send_location(text, double precision, double precision, text, text, text, text, text, timestamptz, text, text, text, text[], text) IS
    'Enqueues a place: latitude and longitude in degrees, its name and address. Returns and raises what wa_send_text() does.';
COMMENT ON FUNCTION wa_send_contacts(text, jsonb, text, text, text, timestamptz, text, text, text, text[], text) IS
    'Enqueues cards of people: an array of 1 to 257 objects as the Cloud API reference has them, each with name.formatted_name and one more part of the name. Returns and raises what wa_send_text() does; 22032 for JSON that is too deep or too big.';
COMMENT ON FUNCTION wa_send_interactive(text, jsonb, text, text, text, timestamptz, text, text, text, text[], text) IS
    'Enqueues buttons, a list, a flow, products or cards: the object "interactive" of the Cloud API reference, checked by the limits of its type. Returns and raises what wa_send_contacts() does.';
COMMENT ON FUNCTION wa_send_reaction(text, text, text, text, text, timestamptz, text, text, text) IS
    'Enqueues a reaction to the message with this wamid; an empty emoji takes it back. Meta reports its status sent only. Returns and raises what wa_send_text() does.';
COMMENT ON FUNCTION wa_send(text, text, jsonb, text, text, text, timestamptz, text, text, text, text[], text) IS
    'Enqueues a message of any type: content is the object of that name in the Cloud API reference, of type text, image, video, audio, document, sticker, location, contacts, reaction, interactive or template. Returns and raises what wa_send_contacts() and wa_send_template() do.';
REVOKE ALL ON FUNCTION wa_send_text(text, text, boolean, text, text, text, timestamptz, text, text, text, text[], text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_media(text, text, text, text, text, text, boolean, text, text, text, timestamptz, text, text, bigint, text, text[], text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_location(text, double precision, double precision, text, text, text, text, text, timestamptz, text, text, text, text[], text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_contacts(text, jsonb, text, text, text, timestamptz, text, text, text, text[], text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_interactive(text, jsonb, text, text, text, timestamptz, text, text, text, text[], text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_reaction(text, text, text, text, text, timestamptz, text, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send(text, text, jsonb, text, text, text, timestamptz, text, text, text, text[], text) FROM PUBLIC;
ALTER TABLE whatsapp_requests DROP CONSTRAINT whatsapp_requests_kind_check;
ALTER TABLE whatsapp_requests ADD CONSTRAINT whatsapp_requests_kind_check CHECK (kind IN ('sync_templates', 'create_template', 'edit_template', 'delete_template', 'sync_numbers', 'sync_costs', 'probe', 'mark_read', 'upload_media', 'download_media', 'upload_sample'));
CREATE TABLE whatsapp_template_samples (
    account       text CHECK (pg_catalog.octet_length(account) <= 63),
    name          text NOT NULL CHECK (name ~ '^[A-Za-z0-9._-]{1,100}$'),
    mime_type     text NOT NULL CHECK (pg_catalog.octet_length(mime_type) <= 127),
    sha256        text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    content       bytea NOT NULL,
    handle        text CHECK (pg_catalog.octet_length(handle) <= 8192),
    uploaded_at   timestamptz,
    request_id    bigint,
    error_message text,
    created_at    timestamptz NOT NULL DEFAULT pg_catalog.now()
);

ALTER TABLE whatsapp_template_samples REPLICA IDENTITY FULL;
CREATE UNIQUE INDEX whatsapp_template_samples_key ON whatsapp_template_samples (name, account) NULLS NOT DISTINCT;
CREATE FUNCTION wa_template_sample(name text, content bytea, mime_type text, account text DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_template_sample';

CREATE FUNCTION whatsapp_with_handles(definition jsonb, account text) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE named AS (
        SELECT pg_catalog.row_number() OVER () AS place, pg_catalog.to_jsonb('sample:' || s.name)::text AS sample, pg_catalog.to_jsonb(s.handle)::text AS handle
        FROM whatsapp_template_samples AS s
        WHERE s.account IS NOT DISTINCT FROM whatsapp_with_handles.account AND s.handle IS NOT NULL
          AND pg_catalog.strpos(whatsapp_with_handles.definition::text, pg_catalog.to_jsonb('sample:' || s.name)::text) > 0
    ), filled (place, text) AS (
        SELECT 0::bigint, whatsapp_with_handles.definition::text
        UNION ALL
        SELECT n.place, pg_catalog.replace(f.text, n.sample, n.handle) FROM filled AS f JOIN named AS n ON n.place = f.place + 1
    )
    SELECT f.text::jsonb FROM filled AS f ORDER BY f.place DESC LIMIT 1;
END;

CREATE FUNCTION whatsapp_missing_sample(definition jsonb, account text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE WHEN s.name IS NULL THEN pg_catalog.format('sample %s has not been given: see wa_template_sample()', w.name)
                WHEN s.error_message IS NOT NULL THEN pg_catalog.format('sample %s could not be uploaded: %s', w.name, s.error_message)
                ELSE pg_catalog.format('sample %s is being uploaded, request %s', w.name, s.request_id) END
    FROM (SELECT DISTINCT pg_catalog.substr(h.handle #>> '{}', 8) AS name
          FROM pg_catalog.jsonb_path_query(whatsapp_missing_sample.definition, '$.**.header_handle[*] ? (@ starts with "sample:")') AS h (handle)) AS w
    LEFT JOIN whatsapp_template_samples AS s ON s.name = w.name AND s.account IS NOT DISTINCT FROM whatsapp_missing_sample.account
    WHERE s.handle IS NULL ORDER BY w.name LIMIT 1;
END;

COMMENT ON TABLE whatsapp_template_samples IS 'Files that templates show in review, see wa_template_sample(). A definition names one as "sample:NAME" in header_handle.';
COMMENT ON COLUMN whatsapp_template_samples.account IS 'Name of the account; NULL is the default one.';
COMMENT ON COLUMN whatsapp_template_samples.name IS 'Name of the sample; letters, digits, dot, _ and -.';
COMMENT ON COLUMN whatsapp_template_samples.mime_type IS 'Such as image/png.';
COMMENT ON COLUMN whatsapp_template_samples.sha256 IS 'Of the bytes, in hexadecimal digits.';
COMMENT ON COLUMN whatsapp_template_samples.content IS 'The bytes.';
COMMENT ON COLUMN whatsapp_template_samples.handle IS 'By which Meta knows the file; NULL before it is uploaded.';
COMMENT ON COLUMN whatsapp_template_samples.uploaded_at IS 'When it was uploaded.';
COMMENT ON COLUMN whatsapp_template_samples.request_id IS 'The last request about it, a row of whatsapp_requests.';
COMMENT ON COLUMN whatsapp_template_samples.error_message IS 'Why its upload failed.';
COMMENT ON COLUMN whatsapp_template_samples.created_at IS 'When these bytes were given.';
COMMENT ON FUNCTION wa_template_sample(text, bytea, text, text) IS
    'Keeps a file that templates of an account (NULL: the default one) show in review, and asks for its upload to Meta: a definition names it as "sample:NAME" in header_handle. Returns the id of the request, a row of whatsapp_requests, at once; NULL when the same bytes were uploaded less than 25 days ago. Raises 22023 for a type, a size or a name that is not taken, 42704 when there is no such account.';
COMMENT ON FUNCTION whatsapp_with_handles(jsonb, text) IS 'A definition with the handles of its samples.';
COMMENT ON FUNCTION whatsapp_missing_sample(jsonb, text) IS 'Which sample of a definition is not at Meta, and why; NULL when all are.';
REVOKE ALL ON FUNCTION wa_template_sample(text, bytea, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_with_handles(jsonb, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_missing_sample(jsonb, text) FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('whatsapp_template_samples', '');
CREATE OR REPLACE FUNCTION whatsapp_read_definition(INOUT definition jsonb, OUT alias text, OUT version integer)
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE WHEN v.m IS NULL THEN definition ELSE pg_catalog.jsonb_set(definition, '{name}', pg_catalog.to_jsonb(v.m[1] || '_v' || v.m[2])) END, v.m[1], v.m[2]::integer
    FROM pg_catalog.regexp_match(definition ->> 'name', '^(.+)@([1-9][0-9]{0,5})$') AS v (m);
END;

CREATE OR REPLACE FUNCTION wa_template_define(definition jsonb, account text DEFAULT NULL) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO whatsapp_template_definitions AS t (account, name, language, definition, alias, version)
    SELECT wa_template_define.account, d.definition ->> 'name', d.definition ->> 'language', d.definition, d.alias, d.version
    FROM whatsapp_read_definition(wa_template_define.definition) AS d WHERE whatsapp_require_definition(d.definition)
    ON CONFLICT (name, language, account) DO UPDATE
    SET definition = EXCLUDED.definition, alias = EXCLUDED.alias, version = EXCLUDED.version, removed_at = NULL,
        defined_at = CASE WHEN t.definition = EXCLUDED.definition AND t.removed_at IS NULL THEN t.defined_at ELSE pg_catalog.now() END;
END;

CREATE OR REPLACE FUNCTION wa_template_remove(name text, language text DEFAULT NULL, account text DEFAULT NULL) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE whatsapp_template_definitions AS t SET removed_at = pg_catalog.now()
    WHERE t.name = wa_template_remove.name AND t.language = coalesce(wa_template_remove.language, t.language)
      AND t.account IS NOT DISTINCT FROM wa_template_remove.account AND t.removed_at IS NULL;
END;

CREATE FUNCTION wa_accept_category(template text, language text DEFAULT NULL, account text DEFAULT NULL) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH accepted AS (
        UPDATE whatsapp_templates AS t SET accepted_category = t.category
        WHERE t.name = wa_accept_category.template AND t.language = coalesce(wa_accept_category.language, t.language)
          AND t.account IS NOT DISTINCT FROM wa_accept_category.account AND t.category IS NOT NULL
          AND t.accepted_category IS DISTINCT FROM t.category
        RETURNING 1)
    SELECT pg_catalog.count(*) FROM accepted;
END;

CREATE OR REPLACE FUNCTION whatsapp_template_steps(account text)
RETURNS TABLE (action text, name text, language text, differences jsonb, blocked text, kind text, request jsonb)
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH wanted AS (
        SELECT d.name, d.language, d.definition, d.applied, d.removed_at,
               (SELECT c.rule || ' in ' || c.component FROM wa_template_check(d.definition) AS c LIMIT 1) AS broken,
               whatsapp_missing_sample(d.definition, d.account) AS missing_sample,
               (SELECT o.language FROM whatsapp_template_definitions AS o
                WHERE o.name = d.name AND o.account IS NOT DISTINCT FROM d.account AND o.removed_at IS NULL AND o.language < d.language
                  AND whatsapp_template_placeholders(o.definition) <> whatsapp_template_placeholders(d.definition)
                ORDER BY o.language LIMIT 1) AS differs_from
        FROM whatsapp_template_definitions AS d WHERE d.account IS NOT DISTINCT FROM whatsapp_template_steps.account
    ), known AS (
        SELECT t.name, t.language, t.template_id, t.status, t.category, t.components, t.message_send_ttl_seconds, t.gone_at
        FROM whatsapp_templates AS t WHERE t.account IS NOT DISTINCT FROM whatsapp_template_steps.account
    ), synced AS (
        SELECT EXISTS (SELECT FROM whatsapp_requests AS r WHERE r.kind = 'sync_templates' AND r.state = 'done'
                       AND r.account IS NOT DISTINCT FROM whatsapp_template_steps.account) AS yes
    ), compared AS (
        SELECT coalesce(w.name, k.name) AS name, coalesce(w.language, k.language) AS language, w.definition, w.applied, w.removed_at, w.broken,
               w.differs_from, w.missing_sample, k.template_id, k.status, k.gone_at, k.name IS NOT NULL AND k.gone_at IS NULL AS live,
               CASE WHEN w.definition IS NOT NULL AND k.name IS NOT NULL AND k.gone_at IS NULL
                    THEN whatsapp_template_difference(w.definition, k.components, k.category)::jsonb
                         || CASE WHEN pg_catalog.jsonb_typeof(w.definition -> 'message_send_ttl_seconds') = 'number'
                                  AND w.definition -> 'message_send_ttl_seconds' <> pg_catalog.to_jsonb(coalesce(k.message_send_ttl_seconds, -1))
                                 THEN pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('component', 'message_send_ttl_seconds',
                                          'wanted', w.definition -> 'message_send_ttl_seconds', 'live', k.message_send_ttl_seconds)) ELSE '[]' END
                         -- of one-time codes Meta does not list all: apps, for example
                         || CASE WHEN pg_catalog.upper((w.definition ->> 'category') COLLATE "C") = 'AUTHENTICATION' AND w.applied -> 'components' <> w.definition -> 'components'
                                 THEN pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('component', 'components',
                                          'wanted', w.definition -> 'components', 'live', w.applied -> 'components')) ELSE '[]' END END AS differences
        FROM wanted AS w FULL JOIN known AS k ON w.name = k.name AND w.language = k.language
    ), judged AS (
        SELECT c.*,
               CASE WHEN c.definition IS NULL THEN 'unmanaged'
                    WHEN c.removed_at IS NOT NULL THEN 'delete'
                    WHEN c.broken IS NOT NULL THEN 'invalid'
                    WHEN NOT c.live THEN 'create'
                    WHEN pg_catalog.jsonb_path_exists(c.differences, '$[*] ? (@.component != "category")')
                    THEN CASE WHEN c.applied = c.definition THEN 'drifted' ELSE 'edit' END
                    WHEN c.differences <> '[]' THEN CASE WHEN c.applied ->> 'category' <> c.definition ->> 'category' THEN 'edit' ELSE 'recategorised' END
                    ELSE 'unchanged' END AS action
        FROM compared AS c WHERE c.live OR (c.definition IS NOT NULL AND c.removed_at IS NULL)
    ), asked AS (
        SELECT j.*, (SELECT pg_catalog.max(r.id) FROM whatsapp_requests AS r WHERE r.ended_at IS NULL AND r.account IS NOT DISTINCT FROM whatsapp_template_steps.account
                     AND r.kind IN ('create_template', 'edit_template', 'delete_template')
                     AND (r.request ->> 'template_id' = j.template_id
                          OR (r.request ->> 'name' = j.name AND coalesce(r.request ->> 'language', j.language) = j.language
                              AND NOT r.request ? 'template_id'))) AS pending,
               (SELECT pg_catalog.array_agg(r.created_at ORDER BY r.created_at DESC) FROM whatsapp_requests AS r
                WHERE r.kind = 'edit_template' AND r.account IS NOT DISTINCT FROM whatsapp_template_steps.account AND r.state <> 'failed'
                  AND r.request ->> 'template_id' = j.template_id AND r.created_at > pg_catalog.now() - interval '30 days') AS edits
        FROM judged AS j
    )
    SELECT a.action, a.name, a.language, CASE WHEN a.action IN ('edit', 'drifted', 'recategorised') THEN a.differences END,
           CASE WHEN a.action = 'invalid' THEN 'rule ' || a.broken
                WHEN a.action NOT IN ('create', 'edit', 'drifted', 'delete') THEN NULL
                WHEN NOT s.yes THEN 'the account has never been synced'
                WHEN a.pending IS NOT NULL THEN pg_catalog.format('request %s has not ended', a.pending)
                WHEN a.action <> 'delete' AND a.differs_from IS NOT NULL THEN 'its placeholders differ from those of language ' || a.differs_from
                WHEN a.action <> 'delete' AND a.missing_sample IS NOT NULL THEN a.missing_sample
                WHEN a.action = 'create' AND a.gone_at > pg_catalog.now() - interval '30 days' THEN 'the name of a deleted template is free after 30 days only'
                WHEN a.action = 'delete' AND a.status = 'DISABLED' THEN 'a disabled template cannot be deleted'
                WHEN a.action IN ('create', 'delete') THEN NULL
                WHEN a.status IS NULL OR a.status NOT IN ('APPROVED', 'REJECTED', 'PAUSED') THEN 'a template cannot be edited while it is ' || coalesce(a.status, 'unknown')
                WHEN a.status = 'APPROVED' AND a.edits[1] > pg_catalog.now() - interval '24 hours' THEN 'an approved template can be edited once in 24 hours'
                WHEN a.status = 'APPROVED' AND a.edits[10] IS NOT NULL THEN 'an approved template can be edited 10 times in 30 days'
                WHEN a.status = 'APPROVED' AND NOT pg_catalog.jsonb_path_exists(a.differences, '$[*] ? (@.component != "category")')
                THEN 'the category of an approved template cannot be edited' END,
           CASE a.action WHEN 'create' THEN 'create_template' WHEN 'edit' THEN 'edit_template' WHEN 'drifted' THEN 'edit_template'
                         WHEN 'delete' THEN 'delete_template' END,
           CASE WHEN a.action = 'create' THEN whatsapp_with_handles(a.definition, whatsapp_template_steps.account)
                WHEN a.action = 'delete' THEN pg_catalog.jsonb_build_object('name', a.name, 'template_id', a.template_id)
                WHEN a.action IN ('edit', 'drifted')
                THEN pg_catalog.jsonb_build_object('template_id', a.template_id, 'components', whatsapp_with_handles(a.definition -> 'components', whatsapp_template_steps.account))
                     || CASE WHEN a.definition ? 'message_send_ttl_seconds'
                             THEN pg_catalog.jsonb_build_object('message_send_ttl_seconds', a.definition -> 'message_send_ttl_seconds') ELSE '{}' END
                     || CASE WHEN a.status <> 'APPROVED' THEN pg_catalog.jsonb_build_object('category', a.definition -> 'category') ELSE '{}' END END
    FROM asked AS a CROSS JOIN synced AS s ORDER BY a.name, a.language;
END;

CREATE OR REPLACE FUNCTION wa_render_template(template text, parameters text[], language text, named_parameters jsonb DEFAULT NULL, header jsonb DEFAULT NULL,
                                   buttons jsonb DEFAULT NULL, cards jsonb DEFAULT NULL, offer_ends_at timestamptz DEFAULT NULL,
                                   components jsonb DEFAULT NULL, reply_to text DEFAULT NULL, code text DEFAULT NULL,
                                   sender text DEFAULT NULL, html boolean DEFAULT false) RETURNS text
LANGUAGE C STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_render_message';

CREATE VIEW whatsapp_recategorised_templates AS
SELECT t.account, t.name, t.language, coalesce(w.category, t.previous_category) AS wanted, t.category, t.category_at AS since,
       (SELECT pg_catalog.count(*) FROM whatsapp_queue AS q JOIN whatsapp_messages AS m ON m.id = q.message_id
        WHERE q.held_by = 'category of template ' || t.name AND m.template_language = t.language) AS held
FROM whatsapp_templates AS t
LEFT JOIN LATERAL (SELECT d.definition ->> 'category' AS category FROM whatsapp_template_definitions AS d
                   WHERE d.name = t.name AND d.language = t.language AND d.account IS NOT DISTINCT FROM t.account AND d.removed_at IS NULL) AS w ON true
WHERE t.category = 'MARKETING' AND coalesce(w.category, t.previous_category) <> 'MARKETING'
  AND t.accepted_category IS DISTINCT FROM t.category AND t.gone_at IS NULL;

COMMENT ON VIEW whatsapp_recategorised_templates IS 'Templates that Meta has made marketing though nobody here has said so, see whatsapp.on_recategorised.';
COMMENT ON COLUMN whatsapp_recategorised_templates.account IS 'Name of the account; NULL is the default one.';
COMMENT ON COLUMN whatsapp_recategorised_templates.name IS 'Name of the template.';
COMMENT ON COLUMN whatsapp_recategorised_templates.language IS 'Language of the template.';
COMMENT ON COLUMN whatsapp_recategorised_templates.wanted IS 'The category of its definition; without one, what it was before.';
COMMENT ON COLUMN whatsapp_recategorised_templates.category IS 'What Meta has made of it.';
COMMENT ON COLUMN whatsapp_recategorised_templates.since IS 'Meta''s time of the category.';
COMMENT ON COLUMN whatsapp_recategorised_templates.held IS 'Messages that wait because of it.';
COMMENT ON FUNCTION wa_accept_category(text, text, text) IS
    'Agrees to the category that Meta has chosen for a template of an account (NULL: the default one), in a language (NULL: all): its messages are held no more, see whatsapp.on_recategorised. Call it when the recipients have agreed to marketing. Returns how many templates it has agreed to.';
REVOKE ALL ON FUNCTION wa_accept_category(text, text, text) FROM PUBLIC;
CREATE OR REPLACE FUNCTION wa_opt_out(phone text, sender text DEFAULT NULL, scope text DEFAULT 'all', reason text DEFAULT NULL) RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_opt_out';

CREATE OR REPLACE FUNCTION wa_opt_in(phone text, sender text DEFAULT NULL) RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_opt_in';

CREATE OR REPLACE FUNCTION wa_window_open(phone text, sender text DEFAULT NULL) RETURNS boolean
LANGUAGE C STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_window_open';

COMMENT ON FUNCTION wa_window_open(text, text) IS
    'True when this phone or user id wrote to the sender (whatsapp.default_sender for NULL) within the last 24 hours, so that any message may be sent, not templates only. The 72 hours after an ad are about the price; they open nothing. Stable: the hours are counted from the start of the transaction. Raises 42501 for a sender of others.';
CREATE OR REPLACE FUNCTION wa_mark_read(inbound_id bigint, typing boolean DEFAULT false) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_mark_read';

ALTER TABLE whatsapp_media ADD COLUMN lapsed_media_ids text[] NOT NULL DEFAULT '{}';
CREATE INDEX whatsapp_media_media_id_idx ON whatsapp_media (media_id) WHERE origin = 'upload';
CREATE INDEX whatsapp_media_lapsed_idx ON whatsapp_media (id) WHERE lapsed_media_ids <> '{}';
CREATE OR REPLACE FUNCTION wa_upload_media(content bytea, mime_type text, filename text DEFAULT NULL, sender text DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_upload_media';

CREATE OR REPLACE FUNCTION wa_request_media_download(inbound_id bigint) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_request_media_download';

COMMENT ON COLUMN whatsapp_media.lapsed_media_ids IS 'Meta''s ids of earlier uploads, the newest first, by which wa_retry() finds the file of an old message.';
CREATE OR REPLACE FUNCTION wa_send_code(phone text, code text, template text, language text DEFAULT NULL, sender text DEFAULT NULL,
                             reference text DEFAULT NULL, valid_for interval DEFAULT '10 min') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_send_code';

CREATE FUNCTION wa_format_amount(amount real, currency text DEFAULT NULL, locale text DEFAULT NULL) RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_format_amount_real';

CREATE FUNCTION wa_format_amount(amount double precision, currency text DEFAULT NULL, locale text DEFAULT NULL) RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_format_amount_double';

CREATE FUNCTION wa_format_amount(amount bigint, currency text DEFAULT NULL, locale text DEFAULT NULL) RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_format_amount_bigint';

CREATE FUNCTION wa_format_amount(amount text, currency text DEFAULT NULL, locale text DEFAULT NULL) RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_format_amount_text';
COMMENT ON FUNCTION wa_format_amount(real, text, text) IS
    'Writes a real as an amount, by its shortest digits that are exact; a cast of real to numeric keeps six.';
COMMENT ON FUNCTION wa_format_amount(double precision, text, text) IS 'Writes a double precision as an amount, by its shortest digits that are exact.';
COMMENT ON FUNCTION wa_format_amount(bigint, text, text) IS 'Writes an integer as an amount, with the defaults and errors of the form for numeric.';
COMMENT ON FUNCTION wa_format_amount(text, text, text) IS 'Writes a number that is written as text, or has no type yet, as an amount.';
COMMENT ON FUNCTION wa_watch(regclass, name, name, name, name, name, text, text, boolean) IS
    'Notifies the supplier of each row that is inserted into the table from now on; the arguments name its columns. Needs the TRIGGER right on the table and EXECUTE on whatsapp_notify_po(); who inserts needs no right of ours. With replicated, rows that a subscription applies notify, too, but those of its first copy do not; that needs the table''s owner. Without it, a table that a subscription feeds gets a WARNING. Raises 42703 for a column that is not there, 42710 when the table is watched already, 42809 for what is no table and for a table of the extension, 42501 without a right, WA002 for the language, 22004 for NULL, 0A000 when the database is not in UTF8.';
ALTER TABLE whatsapp_watch_definitions ADD COLUMN send_window text;
ALTER TABLE whatsapp_watch_definitions ADD COLUMN time_zone text;
ALTER TABLE whatsapp_watch_definitions ADD COLUMN debounce interval;
ALTER TABLE whatsapp_watch_definitions ADD COLUMN max_wait interval;
ALTER TABLE whatsapp_watch_definitions ADD COLUMN digest interval;
ALTER TABLE whatsapp_watch_definitions ADD COLUMN separator text;
ALTER TABLE whatsapp_watch_definitions ADD COLUMN body text;
ALTER TABLE whatsapp_watch_definitions ADD COLUMN language_fallback boolean NOT NULL DEFAULT false;
ALTER TABLE whatsapp_watch_definitions ADD COLUMN owner_number text;
UPDATE whatsapp_watch_definitions AS d SET owner_number = d.home || '/' || r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = d.owner;
ALTER TABLE whatsapp_callback_definitions ADD COLUMN owner_number text;
ALTER TABLE whatsapp_callback_definitions ADD COLUMN function_owner_number text;
UPDATE whatsapp_callback_definitions AS d SET owner_number = w.owner_number FROM whatsapp_watch_definitions AS w WHERE w.key = d.watch;
COMMENT ON COLUMN whatsapp_watch_definitions.owner_number IS 'Database and number of that role; a new name of the role leaves them as they are.';
COMMENT ON COLUMN whatsapp_callback_definitions.owner_number IS 'Database and number of that role; a new name of the role leaves them as they are.';
COMMENT ON COLUMN whatsapp_callback_definitions.function_owner_number IS 'Database and number of the role that owned the function; a new name of the role leaves them as they are.';
CREATE SEQUENCE whatsapp_watch_items_id_seq AS bigint;
CREATE TABLE whatsapp_watch_items (
    id                bigint PRIMARY KEY DEFAULT pg_catalog.nextval('@extschema@.whatsapp_watch_items_id_seq'::pg_catalog.regclass),
    watch             text NOT NULL,
    group_key         text NOT NULL,
    made_at           timestamptz NOT NULL,
    due_at            timestamptz NOT NULL,
    latest_at         timestamptz,
    sender            text NOT NULL,
    recipient_phone   text NOT NULL,
    template_name     text NOT NULL,
    template_language text NOT NULL,
    parameters        json NOT NULL,
    separator         text,
    priority          smallint NOT NULL,
    time_zone         text,
    expires_at        timestamptz,
    reference         text,
    row_key           text,
    idempotency_key   text,
    enqueued_by       text NOT NULL,
    held              boolean NOT NULL DEFAULT false,
    message_id        bigint,
    next_at           timestamptz
);

ALTER SEQUENCE whatsapp_watch_items_id_seq OWNED BY whatsapp_watch_items.id;
CREATE INDEX whatsapp_watch_items_due_idx ON whatsapp_watch_items (due_at) WHERE message_id IS NULL AND NOT held;
CREATE INDEX whatsapp_watch_items_held_idx ON whatsapp_watch_items (id) WHERE held;
CREATE INDEX whatsapp_watch_items_group_idx ON whatsapp_watch_items (watch, group_key, id);
CREATE INDEX whatsapp_watch_items_key_idx ON whatsapp_watch_items (idempotency_key, sender);
CREATE INDEX whatsapp_watch_items_message_idx ON whatsapp_watch_items (message_id) WHERE message_id IS NOT NULL;
CREATE FUNCTION wa_watch(relation regclass, template varchar, parameters text[], phone varchar, events text[] DEFAULT '{INSERT}',
                         when_ varchar DEFAULT NULL, name text DEFAULT NULL, sender text DEFAULT NULL, language text DEFAULT NULL,
                         reference text DEFAULT NULL, idempotency_key text DEFAULT NULL, send_at text DEFAULT NULL,
                         expires_at text DEFAULT NULL, priority text DEFAULT NULL, on_error text DEFAULT 'record',
                         max_rows bigint DEFAULT 10000, replicated boolean DEFAULT false,
                         due text DEFAULT NULL, status_column text DEFAULT NULL, send_window text DEFAULT NULL,
                         time_zone text DEFAULT NULL, debounce interval DEFAULT NULL, max_wait interval DEFAULT NULL,
                         digest interval DEFAULT NULL, separator text DEFAULT NULL, body text DEFAULT NULL,
                         language_fallback boolean DEFAULT false) RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_watch_expressions';

CREATE VIEW whatsapp_watches WITH (security_barrier) AS
WITH triggers AS (
    -- tgargs is bytea, each argument ended by a zero byte; 'escape' shows that as \000, and high bytes and backslashes escaped, too
    SELECT t.oid, t.tgrelid, t.tgfoid, t.tgtype, t.tgenabled, a.args
    FROM pg_catalog.pg_trigger AS t
    CROSS JOIN LATERAL (
        SELECT pg_catalog.array_agg(pg_catalog.convert_from(pg_catalog.decode(p.part, 'escape'), pg_catalog.getdatabaseencoding())
                                    ORDER BY p.place) AS args
        FROM pg_catalog.string_to_table(pg_catalog.encode(t.tgargs, 'escape'), '\000') WITH ORDINALITY AS p (part, place)) AS a
    WHERE t.tgfoid IN ('@extschema@.whatsapp_notify_po()'::regprocedure, '@extschema@.whatsapp_notify()'::regprocedure)
          AND NOT t.tgisinternal AND t.tgparentid = 0
), errors AS (
    SELECT e.watch, pg_catalog.sum(e.rows)::bigint AS errors, pg_catalog.min(e.id) AS first, pg_catalog.max(e.id) AS last
    FROM @extschema@.whatsapp_watch_errors AS e GROUP BY e.watch
)
SELECT t.tgrelid::regclass AS relation, 'po' AS name, NULL::text AS owner, '{INSERT}'::text[] AS events, 'po_notification' AS template,
       t.args[1:3] AS parameters, t.args[4] AS phone, NULL::text AS condition, nullif(t.args[5], '') AS currency,
       nullif(t.args[6], '') AS language, nullif(t.args[7], '') AS sender,
       NULL::text AS reference, NULL::text AS idempotency_key, NULL::text AS send_at, NULL::text AS due, NULL::text AS expires_at, NULL::text AS priority,
       'record' AS on_error, NULL::bigint AS max_rows, t.tgenabled <> 'D' AS enabled,
       t.tgenabled IN ('A', 'R') AND t.tgtype & 1 = 1 AS replicated,
       NULL::text AS status_column, NULL::text AS send_window, NULL::text AS time_zone, NULL::interval AS debounce, NULL::interval AS max_wait,
       NULL::interval AS digest, 0::bigint AS waiting,
       coalesce(e.errors, 0) AS errors, l.sqlstate || ' ' || l.message AS last_error, l.failed_at AS last_error_at, f.first_row AS first_bad_row,
       NULL::text AS body, false AS language_fallback
FROM triggers AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN errors AS e ON e.watch = pg_catalog.format('po of %I.%I', n.nspname, c.relname)
LEFT JOIN @extschema@.whatsapp_watch_errors AS l ON l.id = e.last
LEFT JOIN @extschema@.whatsapp_watch_errors AS f ON f.id = e.first
WHERE t.tgfoid = '@extschema@.whatsapp_notify_po()'::regprocedure AND @extschema@.whatsapp_sees(nullif(t.args[7], ''))
UNION ALL
SELECT w.relation::regclass, d.name, coalesce(pg_catalog.pg_get_userbyid(@extschema@.whatsapp_kept_role(d.owner, d.owner_number))::text COLLATE pg_catalog."default", d.owner), d.events, d.template, d.parameters, d.phone, d.condition, NULL, d.language, d.sender,
       d.reference, d.idempotency_key, d.send_at, d.due, d.expires_at, d.priority, d.on_error, d.max_rows, w.enabled, d.replicated, d.status_column,
       d.send_window, d.time_zone, d.debounce, d.max_wait, d.digest,
       (SELECT pg_catalog.count(*) FROM @extschema@.whatsapp_watch_items AS i WHERE i.watch = d.key AND i.message_id IS NULL),
       coalesce(e.errors, 0), l.sqlstate || ' ' || l.message, l.failed_at, f.first_row,
       d.body, d.language_fallback
FROM @extschema@.whatsapp_watch_definitions AS d
JOIN LATERAL (
    -- the table that was named or, when it was restored with another number, the one that has the triggers
    SELECT coalesce(a.relid, pg_catalog.pg_partition_root(t.tgrelid), t.tgrelid) AS relation, pg_catalog.bool_and(t.tgenabled <> 'D') AS enabled
    FROM triggers AS t LEFT JOIN LATERAL (
        SELECT d.relation AS relid WHERE d.relation = t.tgrelid
                                         OR d.relation IN (SELECT p.relid FROM pg_catalog.pg_partition_ancestors(t.tgrelid) AS p)) AS a ON true
    WHERE t.tgfoid = '@extschema@.whatsapp_notify()'::regprocedure AND t.args[1] = d.key
    GROUP BY 1 ORDER BY coalesce(a.relid, pg_catalog.pg_partition_root(t.tgrelid), t.tgrelid) <> d.relation LIMIT 1) AS w ON true
LEFT JOIN errors AS e ON e.watch = d.name
LEFT JOIN @extschema@.whatsapp_watch_errors AS l ON l.id = e.last
LEFT JOIN @extschema@.whatsapp_watch_errors AS f ON f.id = e.first
WHERE @extschema@.whatsapp_sees(d.sender) OR pg_catalog.pg_has_role(@extschema@.whatsapp_kept_role(d.owner, d.owner_number), 'USAGE');

COMMENT ON COLUMN whatsapp_watch_definitions.send_window IS 'Hours within which its messages leave; NULL for whatsapp.send_window.';
COMMENT ON COLUMN whatsapp_watch_definitions.time_zone IS 'Time zone of these hours, or an expression; NULL for that of the recipient''s country.';
COMMENT ON COLUMN whatsapp_watch_definitions.debounce IS 'A message waits so long for another change of its row, which then takes its place.';
COMMENT ON COLUMN whatsapp_watch_definitions.max_wait IS 'After so long it does not wait any more; NULL for no such limit.';
COMMENT ON COLUMN whatsapp_watch_definitions.digest IS 'Rows of so long a time become one message to a phone.';
COMMENT ON COLUMN whatsapp_watch_definitions.separator IS 'What stands between the values of several rows; of a digest only.';
COMMENT ON COLUMN whatsapp_watch_definitions.body IS 'Expression of a text that is sent instead of the template while the recipient''s 24-hour window is open; NULL for the template alone.';
COMMENT ON COLUMN whatsapp_watch_definitions.language_fallback IS 'Whether es is sent where whatsapp_templates has no es_MX.';
COMMENT ON TABLE whatsapp_watch_items IS 'Rows of watches with debounce or digest: those that wait for their message, and of a digest those of which a message is. Changed by the extension only.';
COMMENT ON COLUMN whatsapp_watch_items.id IS 'In the order of their making.';
COMMENT ON COLUMN whatsapp_watch_items.watch IS 'The watch, by whatsapp_watch_definitions.key.';
COMMENT ON COLUMN whatsapp_watch_items.group_key IS 'Items of a watch with the same one become one message: the idempotency key with debounce, sender and phone of a digest.';
COMMENT ON COLUMN whatsapp_watch_items.made_at IS 'When the row was changed.';
COMMENT ON COLUMN whatsapp_watch_items.due_at IS 'When the message is made, unless other items say something else.';
COMMENT ON COLUMN whatsapp_watch_items.latest_at IS 'With debounce and max_wait: when it is made at the latest.';
COMMENT ON COLUMN whatsapp_watch_items.sender IS 'Sender of the message.';
COMMENT ON COLUMN whatsapp_watch_items.recipient_phone IS 'Its recipient.';
COMMENT ON COLUMN whatsapp_watch_items.template_name IS 'Name of the template.';
COMMENT ON COLUMN whatsapp_watch_items.template_language IS 'Language of the template.';
COMMENT ON COLUMN whatsapp_watch_items.parameters IS 'Texts of its parameters, null for the number of rows; empty as soon as there is a message.';
COMMENT ON COLUMN whatsapp_watch_items.separator IS 'Of a digest: what stands between the values of its rows.';
COMMENT ON COLUMN whatsapp_watch_items.priority IS '0 urgent, 1 normal, 2 bulk.';
COMMENT ON COLUMN whatsapp_watch_items.time_zone IS 'Time zone of the hours within which it leaves; NULL for that of the recipient''s country.';
COMMENT ON COLUMN whatsapp_watch_items.expires_at IS 'The message is not sent after this time; NULL for whatsapp.default_ttl.';
COMMENT ON COLUMN whatsapp_watch_items.reference IS 'Reference of the row.';
COMMENT ON COLUMN whatsapp_watch_items.row_key IS 'Primary key of the row.';
COMMENT ON COLUMN whatsapp_watch_items.idempotency_key IS 'Idempotency key of the row.';
COMMENT ON COLUMN whatsapp_watch_items.enqueued_by IS 'The owner of the watch.';
COMMENT ON COLUMN whatsapp_watch_items.held IS 'Whether it waits for wa_release().';
COMMENT ON COLUMN whatsapp_watch_items.message_id IS 'The message, a row of whatsapp_messages; NULL for one that waits.';
COMMENT ON COLUMN whatsapp_watch_items.next_at IS 'Of a digest: before this time the phone gets no other one.';
COMMENT ON FUNCTION wa_watch(regclass, varchar, text[], varchar, text[], varchar, text, text, text, text, text, text, text, text, text, bigint, boolean, text, text, text, text, interval, interval, interval, text, text, boolean) IS
    'Announces rows of the table by a template. parameters, phone, when_, reference, idempotency_key, send_at, expires_at and body are SQL expressions over the rows new and old, with sub-selects of other tables; sender, language and priority are names or expressions. The expressions are checked now and work with the caller''s rights and settings. when_ says which rows are announced. With due the message waits for that time; whenever the row changes it moves, or is cancelled when when_ is not true any more or the row is gone. The default idempotency_key makes that a watch announces a row once. on_error => ''record'' keeps an error in whatsapp_watches, ''raise'' (or ''reject'') raises it; a statement of more than max_rows rows announces none. With status_column the reader writes each new status of the message to that column of the row, with the watch''s rights; the watch itself does not announce that change. send_window are hours such as Mon-Fri 09:00-18:00 within which messages leave, in time_zone (a name, or an expression), else in the time zone of the recipient''s country; NULL is whatsapp.send_window, which is for watches without send_at, and always is at any time; urgent messages do not wait. With debounce a message waits so long for another change of its row (of its idempotency_key), which then takes its place, but not longer than max_wait from the first change on. With digest rows of so long a time become one message to their phone, at most one in that time: the parameter count is how many rows there are, any other one has their different values, with separator (", ") between them, 800 characters in all; the reader makes these messages. body is an expression of a text: it is sent to those who have written within 24 hours when its turn comes, and the template to the others; where it is NULL, the template. With language_fallback, es is sent where whatsapp_templates has no es_MX; template may be an alias, see wa_template_define(). Returns the name of the watch. Needs the TRIGGER right on the table and EXECUTE on whatsapp_notify(); who changes the table needs no right of ours. Raises what the server says of an expression, with its position; 42804 for its type, 22023 for events, on_error, max_rows, a priority, a time zone, and options that do not go together, 22007 for send_window, 42809 for a table that cannot be watched, 42703 for status_column, 55000 for a table without a primary key where one is needed, 42710 for a name that is taken, WA001 and WA002 for template and language, 42704 for the sender, 22004 for NULL, 0A000 when the database is not in UTF8.';
COMMENT ON FUNCTION wa_unwatch(regclass, text) IS 'Ends the watch of that name, or removes its triggers when its definition is lost. False when the table has none. What waits stays, and is sent when it is due; a NOTICE says how many messages with a due time there are.';
COMMENT ON FUNCTION wa_unwatch(regclass) IS 'Ends all watches of the table, and removes triggers of ours whose definition is lost. False when it had none. What waits stays, and is sent when it is due; a NOTICE says how many messages with a due time there are.';
COMMENT ON VIEW whatsapp_watches IS 'Watched tables: what is announced of them, and what went wrong.';
COMMENT ON COLUMN whatsapp_watches.relation IS 'The watched table.';
COMMENT ON COLUMN whatsapp_watches.name IS 'Name of the watch; po for the short form.';
COMMENT ON COLUMN whatsapp_watches.owner IS 'The role whose rights the expressions have; NULL for the short form, which has none.';
COMMENT ON COLUMN whatsapp_watches.events IS 'INSERT, UPDATE and DELETE, or some of them.';
COMMENT ON COLUMN whatsapp_watches.template IS 'Name of the template.';
COMMENT ON COLUMN whatsapp_watches.parameters IS 'Expressions of its parameters; in the short form the columns of supplier, number and amount.';
COMMENT ON COLUMN whatsapp_watches.phone IS 'Expression of the phone number; in the short form its column.';
COMMENT ON COLUMN whatsapp_watches.condition IS 'Which rows are announced; NULL for all.';
COMMENT ON COLUMN whatsapp_watches.currency IS 'Of the short form: column of the currency; NULL is whatsapp.default_currency.';
COMMENT ON COLUMN whatsapp_watches.language IS 'Language of the template; NULL in the short form is whatsapp.default_language.';
COMMENT ON COLUMN whatsapp_watches.sender IS 'Name of the sender, or its expression: of the session that called wa_watch() its whatsapp.default_sender, where it named none. The session that changes the table has no say.';
COMMENT ON COLUMN whatsapp_watches.reference IS 'Expression of the reference; NULL is the primary key, and the order''s number in the short form.';
COMMENT ON COLUMN whatsapp_watches.idempotency_key IS 'Expression of the idempotency key; NULL is the name of the watch with the primary key; in the short form, the table with primary key and number.';
COMMENT ON COLUMN whatsapp_watches.send_at IS 'Expression of the time before which the message is not sent.';
COMMENT ON COLUMN whatsapp_watches.due IS 'Expression of the time at which the message is due: while it is pending it moves with the row, and is cancelled when the row is gone or when_ is not true any more.';
COMMENT ON COLUMN whatsapp_watches.expires_at IS 'Expression of the time after which the message is not sent.';
COMMENT ON COLUMN whatsapp_watches.priority IS 'urgent, normal or bulk, or an expression; NULL is normal.';
COMMENT ON COLUMN whatsapp_watches.on_error IS 'record, or reject: raise.';
COMMENT ON COLUMN whatsapp_watches.max_rows IS 'A statement that brings more rows announces none of them; NULL is no limit.';
COMMENT ON COLUMN whatsapp_watches.enabled IS 'False when a trigger of it was disabled by ALTER TABLE.';
COMMENT ON COLUMN whatsapp_watches.replicated IS 'Whether rows that a subscription applies are announced, too.';
COMMENT ON COLUMN whatsapp_watches.status_column IS 'Column that the reader sets to the status of the row''s message, see whatsapp_callbacks.';
COMMENT ON COLUMN whatsapp_watches.send_window IS 'Hours within which its messages leave; NULL is whatsapp.send_window.';
COMMENT ON COLUMN whatsapp_watches.time_zone IS 'Time zone of these hours, or its expression; NULL is that of the recipient''s country.';
COMMENT ON COLUMN whatsapp_watches.debounce IS 'A message waits so long for another change of its row, which then takes its place.';
COMMENT ON COLUMN whatsapp_watches.max_wait IS 'But not longer than this, from the first change on; NULL is no limit.';
COMMENT ON COLUMN whatsapp_watches.digest IS 'Rows of so long a time become one message to a phone.';
COMMENT ON COLUMN whatsapp_watches.waiting IS 'How many rows wait in whatsapp_watch_items for their message.';
COMMENT ON COLUMN whatsapp_watches.errors IS 'How many rows were not announced because of an error.';
COMMENT ON COLUMN whatsapp_watches.last_error IS 'The last error: its SQLSTATE and message.';
COMMENT ON COLUMN whatsapp_watches.last_error_at IS 'When it was.';
COMMENT ON COLUMN whatsapp_watches.first_bad_row IS 'Primary key of the first row that was not announced because of an error; in the short form its number.';
COMMENT ON COLUMN whatsapp_watches.body IS 'Expression of a text that is sent instead of the template while the recipient''s 24-hour window is open.';
COMMENT ON COLUMN whatsapp_watches.language_fallback IS 'Whether es is sent where whatsapp_templates has no es_MX.';
REVOKE ALL ON FUNCTION wa_watch(regclass, varchar, text[], varchar, text[], varchar, text, text, text, text, text, text, text, text, text, bigint, boolean, text, text, text, text, interval, interval, interval, text, text, boolean) FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('whatsapp_watch_items_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_watch_items', '');
-- The hours of some days around the moment, but for those that are over by then.
CREATE OR REPLACE FUNCTION whatsapp_send_windows(moment timestamptz, hours text, time_zone text) RETURNS TABLE (opens timestamptz, closes timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT o.opens, o.closes
    FROM (SELECT coalesce(time_zone, pg_catalog.current_setting('TimeZone')) AS name) AS z
    CROSS JOIN pg_catalog.regexp_matches(pg_catalog.lower(hours COLLATE "C") COLLATE "default", '(\w{3})(?:-(\w{3}))?\s+(\d\d:\d\d)-(\d\d:\d\d)', 'g') AS m (part)
    CROSS JOIN pg_catalog.generate_series(-1, 8) AS n (days)
    CROSS JOIN LATERAL (SELECT (moment AT TIME ZONE z.name)::date + n.days AS day, m.part[3]::time AS first, m.part[4]::time AS last,
        pg_catalog.array_position('{mon,tue,wed,thu,fri,sat,sun}'::text[], m.part[1]) AS from_day,
        pg_catalog.array_position('{mon,tue,wed,thu,fri,sat,sun}'::text[], coalesce(m.part[2], m.part[1])) AS to_day) AS w
    -- what ends before it begins ends the next day
    CROSS JOIN LATERAL (SELECT (w.day + w.first) AT TIME ZONE z.name AS opens,
        (w.day + CASE WHEN w.last <= w.first THEN 1 ELSE 0 END + w.last) AT TIME ZONE z.name AS closes,
        pg_catalog.date_part('isodow', w.day) AS weekday) AS o
    WHERE o.closes > moment AND o.closes > o.opens
          AND CASE WHEN w.from_day <= w.to_day THEN o.weekday BETWEEN w.from_day AND w.to_day
              ELSE o.weekday >= w.from_day OR o.weekday <= w.to_day END;
END;

CREATE FUNCTION wa_phone_send_window(moment timestamptz, hours text, phone text) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(CASE WHEN pg_catalog.cardinality(z.zones) > 1 THEN (
            SELECT pg_catalog.min(greatest(moment, pg_catalog.lower(r.open)))
            FROM pg_catalog.unnest((
                SELECT pg_catalog.range_intersect_agg(o.open)
                FROM (
                    SELECT pg_catalog.range_agg(pg_catalog.tstzrange(w.opens, w.closes)) AS open
                    FROM pg_catalog.unnest(z.zones) AS n (zone) CROSS JOIN LATERAL whatsapp_send_windows(moment, hours, n.zone) AS w
                    GROUP BY n.zone) AS o)) AS r (open)
            WHERE pg_catalog.upper(r.open) > moment) END,
        wa_send_window(moment, hours, z.zones[1]))
    FROM (SELECT wa_phone_time_zones(phone) AS zones) AS z;
END;

CREATE OR REPLACE FUNCTION wa_callback_remove(name text) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_callback_remove';

CREATE OR REPLACE FUNCTION wa_callback_pause(name text) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_callback_pause';

CREATE OR REPLACE FUNCTION wa_callback_resume(name text) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_callback_resume';

CREATE OR REPLACE FUNCTION wa_changes(since bigint, max_rows integer DEFAULT 1000, OUT seq bigint, OUT message_id bigint, OUT status text, OUT at timestamptz,
                           OUT sender text, OUT reference text, OUT error_code bigint) RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_changes';

CREATE OR REPLACE VIEW whatsapp_callbacks WITH (security_barrier) AS
SELECT d.name, d.kind, d.function, w.name AS watch, d.statuses, d.sender,
       coalesce(pg_catalog.pg_get_userbyid(@extschema@.whatsapp_kept_role(d.owner, d.owner_number))::text COLLATE pg_catalog."default", d.owner) AS owner,
       CASE WHEN d.paused THEN 'paused' WHEN d.resting_until > pg_catalog.now() THEN 'resting' ELSE 'on' END AS state,
       CASE WHEN NOT d.paused THEN d.resting_until END AS resting_until,
       c.waiting, c.oldest AS waiting_since, d.errors, d.error_code || ' ' || d.error_message AS last_error, d.failed_at AS last_error_at, d.made_at
FROM @extschema@.whatsapp_callback_definitions AS d
LEFT JOIN @extschema@.whatsapp_watch_definitions AS w ON w.key = d.watch
CROSS JOIN LATERAL (
    SELECT pg_catalog.count(*) AS waiting, pg_catalog.min(q.made_at) AS oldest
    FROM @extschema@.whatsapp_callback_calls AS q WHERE q.callback = d.id) AS c
WHERE @extschema@.whatsapp_sees(d.sender) OR pg_catalog.pg_has_role(@extschema@.whatsapp_kept_role(d.owner, d.owner_number), 'USAGE')
ORDER BY d.name;

COMMENT ON FUNCTION wa_callback_remove(text) IS
    'Ends a callback, and forgets the calls that were still to be made. False when there is none of that name. Raises 55006 for that of a watch, which wa_unwatch() ends, 42501 for a role for some senders, unless it is of one of these and of its own.';
COMMENT ON FUNCTION wa_callback_pause(text) IS 'Stops a callback; what happens meanwhile is kept for it. False when there is none of that name. Raises 42501 as wa_callback_remove().';
COMMENT ON FUNCTION wa_callback_resume(text) IS 'Goes on with a callback, also with calls that have failed, at once. False when there is none of that name. Raises 42501 as wa_callback_remove().';
COMMENT ON FUNCTION wa_changes(bigint, integer) IS
    'Changes of a status with a higher number than since, in their order, max_rows at most: complete, and none is seen after one with a higher number. NULL begins with the oldest that is kept. Each number is announced on the channel whatsapp_changes, by the last one of several. A role for some senders gets the changes of these. Needs whatsapp.keep_changes. Raises WA017 when changes behind since are not there any more, whoever''s they were, 55000 when none are kept, 22023 for max_rows.';
COMMENT ON FUNCTION wa_phone_send_window(timestamptz, text, text) IS
    'As wa_send_window(), in the time zone of the country that the phone number is from. Where that has several: when it is within the hours in all of them, and if it never is, in the one of most people. See wa_phone_time_zones().';
CREATE VIEW whatsapp_stat_queue WITH (security_barrier) AS
WITH counted AS MATERIALIZED (
    SELECT q.sender, q.priority, q.state, q.messages, q.oldest_due, t.at,
           coalesce(pg_catalog.sum(q.messages) OVER (), 0) > 10000 AS many
    FROM (SELECT (SELECT pg_catalog.to_timestamp(c.value) FROM whatsapp_counters() AS c WHERE c.name = 'counted' AND c.value > 0) AS at) AS t
    LEFT JOIN whatsapp_queue_counters() AS q ON true),
long AS MATERIALIZED (
    SELECT coalesce(pg_catalog.bool_or(many), false)
           OR pg_catalog.bool_and(at IS NULL) AND pg_catalog.pg_relation_size('@extschema@.whatsapp_queue'::pg_catalog.regclass) > 67108864 AS is_long
    FROM counted)
SELECT n.sender, n.priority, n.state, n.messages, n.oldest_due,
       greatest(pg_catalog.clock_timestamp() - n.oldest_due, interval '0') AS oldest_age, n.counted_at
FROM (SELECT q.sender, p.name AS priority, q.state, pg_catalog.count(*) AS messages,
             pg_catalog.min(q.due_at) FILTER (WHERE (q.campaign_id = ANY (ARRAY(SELECT z.campaign_id FROM whatsapp_campaign_pauses AS z WHERE z.starts_at <= pg_catalog.now()))) IS NOT TRUE) AS oldest_due,
             pg_catalog.clock_timestamp() AS counted_at
      FROM whatsapp_queue AS q JOIN (VALUES (0, 'urgent'), (1, 'normal'), (2, 'bulk')) AS p (number, name) ON p.number = q.priority
      WHERE NOT (SELECT long.is_long FROM long) AND whatsapp_sees(q.sender)
      GROUP BY q.sender, p.name, q.state
      UNION ALL
      SELECT c.sender, p.name, c.state, c.messages, c.oldest_due, c.at
      FROM counted AS c JOIN (VALUES (0, 'urgent'), (1, 'normal'), (2, 'bulk')) AS p (number, name) ON p.number = c.priority
      WHERE (SELECT long.is_long FROM long)) AS n
ORDER BY n.sender, n.priority DESC, n.state;

COMMENT ON COLUMN whatsapp_day_counts.day IS 'By UTC: the day when the message was sent, else when it failed, else when it was made. After 400 days the first day of its month: years take little room.';
CREATE VIEW whatsapp_status AS
SELECT s.status, coalesce(m.messages, 0) AS messages, m.oldest, m.newest
FROM (VALUES (1, 'PENDING'), (2, 'SENT'), (3, 'DELIVERED'), (4, 'READ'), (5, 'FAILED'), (6, 'CANCELLED')) AS s (place, status)
LEFT JOIN (
    SELECT 'PENDING' AS status, pg_catalog.sum(q.messages)::bigint AS messages,
           (SELECT (m.created_at AT TIME ZONE 'UTC')::date FROM whatsapp_messages AS m
            WHERE m.id = (SELECT f.message_id FROM whatsapp_queue AS f WHERE whatsapp_sees(f.sender) ORDER BY f.message_id LIMIT 1)) AS oldest,
           (SELECT (m.created_at AT TIME ZONE 'UTC')::date FROM whatsapp_messages AS m
            WHERE m.id = (SELECT f.message_id FROM whatsapp_queue AS f WHERE whatsapp_sees(f.sender) ORDER BY f.message_id DESC LIMIT 1)) AS newest
    FROM whatsapp_stat_queue AS q
    UNION ALL
    SELECT k.status, pg_catalog.sum(k.messages)::bigint, pg_catalog.min(k.day) FILTER (WHERE k.messages > 0),
           pg_catalog.max(k.day) FILTER (WHERE k.messages > 0)
    FROM (SELECT p.status, d.day, p.messages
          FROM (SELECT c.day, pg_catalog.sum(s.sign * (c.sent - c.delivered - c.failed_sent)) AS sent, pg_catalog.sum(s.sign * (c.delivered - c.read)) AS delivered,
                       pg_catalog.sum(s.sign * c.read) AS read, pg_catalog.sum(s.sign * c.failed) AS failed, pg_catalog.sum(s.sign * c.cancelled) AS cancelled
                FROM whatsapp_day_counts AS c CROSS JOIN LATERAL (SELECT CASE WHEN c.deleted THEN -1 ELSE 1 END AS sign) AS s
                WHERE whatsapp_sees(c.sender) GROUP BY c.day) AS d
          CROSS JOIN LATERAL (VALUES ('SENT', d.sent), ('DELIVERED', d.delivered), ('READ', d.read), ('FAILED', d.failed),
                                     ('CANCELLED', d.cancelled)) AS p (status, messages)) AS k
    GROUP BY k.status) AS m USING (status)
ORDER BY s.place;

CREATE VIEW whatsapp_stat_days WITH (security_barrier) AS
SELECT d.day, d.sender, d.template_name, d.category, d.sent, d.delivered, d.read, d.failed,
       pg_catalog.round(100.0 * d.delivered / nullif(d.sent, 0), 1) AS delivery_rate,
       pg_catalog.round(100.0 * d.read / nullif(d.sent, 0), 1) AS read_rate
FROM (SELECT c.day, c.sender, c.template_name, c.category, pg_catalog.sum(c.sent)::bigint AS sent,
             pg_catalog.sum(c.delivered)::bigint AS delivered, pg_catalog.sum(c.read)::bigint AS read, pg_catalog.sum(c.failed)::bigint AS failed
      FROM whatsapp_day_counts AS c WHERE NOT c.deleted AND whatsapp_sees(c.sender)
      GROUP BY c.day, c.sender, c.template_name, c.category) AS d
WHERE d.sent <> 0 OR d.failed <> 0
ORDER BY d.day DESC, d.sender, d.template_name, d.category;

CREATE VIEW whatsapp_stat_errors WITH (security_barrier) AS
SELECT d.day, d.sender, d.error_code, d.failed, e.meaning, e.hint
FROM (SELECT c.day, c.sender, c.error_code, pg_catalog.sum(c.failed)::bigint AS failed FROM whatsapp_day_counts AS c
      WHERE NOT c.deleted AND whatsapp_sees(c.sender) GROUP BY c.day, c.sender, c.error_code) AS d
LEFT JOIN LATERAL wa_explain(d.error_code) AS e ON true
WHERE d.failed <> 0
ORDER BY d.day DESC, d.failed DESC, d.sender, d.error_code;

CREATE VIEW whatsapp_stat_senders WITH (security_barrier) AS
SELECT s.name AS sender, s.enabled, s.paused_until, s.paused_reason, s.paused_hint, s.quality,
       coalesce(q.waiting, 0) AS waiting, q.oldest_due, c.sent, c.retried, c.throttled, c.refused, c.unknown, c.account_trouble,
       pg_catalog.to_timestamp(c.last_sent) AS last_sent, pg_catalog.to_timestamp(c.since) AS since
FROM whatsapp_senders AS s
LEFT JOIN (SELECT w.sender, pg_catalog.sum(w.messages)::bigint AS waiting, pg_catalog.min(w.oldest_due) AS oldest_due
           FROM whatsapp_stat_queue AS w GROUP BY w.sender) AS q ON q.sender = s.name
LEFT JOIN (SELECT k.sender,
                  pg_catalog.sum(k.value) FILTER (WHERE k.name = 'attempts' AND k.label = 'sent')::bigint AS sent,
                  pg_catalog.sum(k.value) FILTER (WHERE k.name = 'attempts' AND k.label = 'retry')::bigint AS retried,
                  pg_catalog.sum(k.value) FILTER (WHERE k.name = 'attempts' AND k.label = 'throttle')::bigint AS throttled,
                  pg_catalog.sum(k.value) FILTER (WHERE k.name = 'attempts' AND k.label IN ('refused', 'unsent'))::bigint AS refused,
                  pg_catalog.sum(k.value) FILTER (WHERE k.name = 'attempts' AND k.label = 'unknown')::bigint AS unknown,
                  pg_catalog.sum(k.value) FILTER (WHERE k.name = 'attempts' AND k.label = 'account')::bigint AS account_trouble,
                  nullif(pg_catalog.sum(k.value) FILTER (WHERE k.name = 'last_sent'), 0) AS last_sent,
                  pg_catalog.sum(k.value) FILTER (WHERE k.name = 'since') AS since
           FROM whatsapp_counters() AS k WHERE k.sender IS NOT NULL GROUP BY k.sender) AS c ON c.sender = s.name
WHERE whatsapp_sees(s.name)
ORDER BY s.name;

COMMENT ON VIEW whatsapp_stat_queue IS 'What is still to be sent, by sender, priority and state.';
COMMENT ON COLUMN whatsapp_stat_queue.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_stat_queue.priority IS 'urgent, normal or bulk.';
COMMENT ON COLUMN whatsapp_stat_queue.state IS 'ready, sending, unknown or held: see whatsapp_queue.state.';
COMMENT ON COLUMN whatsapp_stat_queue.messages IS 'Number of messages.';
COMMENT ON COLUMN whatsapp_stat_queue.oldest_due IS 'Since when the oldest of them is due, or will be; those of paused campaigns do not count.';
COMMENT ON COLUMN whatsapp_stat_queue.oldest_age IS 'For how long the oldest of them has been due.';
COMMENT ON COLUMN whatsapp_stat_queue.counted_at IS 'When they were counted: now, or by the reader when there are more than 10,000.';
COMMENT ON VIEW whatsapp_status IS 'Messages by status: those that wait from the queue, all others from whatsapp_day_counts.';
COMMENT ON COLUMN whatsapp_status.status IS 'One of the six statuses, in the order of a message''s life.';
COMMENT ON COLUMN whatsapp_status.messages IS 'Number of messages in this status.';
COMMENT ON COLUMN whatsapp_status.oldest IS 'Their first day, see whatsapp_day_counts.day.';
COMMENT ON COLUMN whatsapp_status.newest IS 'Their last day.';
COMMENT ON VIEW whatsapp_stat_days IS 'Messages of each day by sender, template and category: sent, and what became of those.';
COMMENT ON COLUMN whatsapp_stat_days.day IS 'By UTC: the day when the messages were sent; of those that were never sent, when they failed. What is older than 400 days is summed up by month, on its first day.';
COMMENT ON COLUMN whatsapp_stat_days.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_stat_days.template_name IS 'Name of the template; empty without one.';
COMMENT ON COLUMN whatsapp_stat_days.category IS 'Category that is charged; empty until a status webhook tells it.';
COMMENT ON COLUMN whatsapp_stat_days.sent IS 'Messages that were sent.';
COMMENT ON COLUMN whatsapp_stat_days.delivered IS 'Of these, those that were delivered, read ones among them.';
COMMENT ON COLUMN whatsapp_stat_days.read IS 'Of these, those that were read.';
COMMENT ON COLUMN whatsapp_stat_days.failed IS 'Messages that failed, sent or not.';
COMMENT ON COLUMN whatsapp_stat_days.delivery_rate IS 'delivered of sent in percent; NULL when nothing was sent.';
COMMENT ON COLUMN whatsapp_stat_days.read_rate IS 'read of sent in percent; NULL when nothing was sent.';
COMMENT ON VIEW whatsapp_stat_errors IS 'Failed messages by day, sender and error code, with what the code means.';
COMMENT ON COLUMN whatsapp_stat_errors.day IS 'By UTC: the day when the messages were sent; of those that were never sent, when they failed.';
COMMENT ON COLUMN whatsapp_stat_errors.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_stat_errors.error_code IS 'Meta''s code; NULL when the error is ours: see whatsapp_messages.error_message.';
COMMENT ON COLUMN whatsapp_stat_errors.failed IS 'Number of messages.';
COMMENT ON COLUMN whatsapp_stat_errors.meaning IS 'What the code says.';
COMMENT ON COLUMN whatsapp_stat_errors.hint IS 'What to do about it.';
COMMENT ON VIEW whatsapp_stat_senders IS 'Each sender: is it sending, why not, and what became of its attempts.';
COMMENT ON COLUMN whatsapp_stat_senders.sender IS 'Name of the sender.';
COMMENT ON COLUMN whatsapp_stat_senders.enabled IS 'False: it is switched off.';
COMMENT ON COLUMN whatsapp_stat_senders.paused_until IS 'It pauses until then; NULL when it does not.';
COMMENT ON COLUMN whatsapp_stat_senders.paused_reason IS 'Why it pauses.';
COMMENT ON COLUMN whatsapp_stat_senders.paused_hint IS 'What to do about it.';
COMMENT ON COLUMN whatsapp_stat_senders.quality IS 'RED when Meta has flagged the number.';
COMMENT ON COLUMN whatsapp_stat_senders.waiting IS 'Messages in the queue.';
COMMENT ON COLUMN whatsapp_stat_senders.oldest_due IS 'When the oldest of them was due, or will be.';
COMMENT ON COLUMN whatsapp_stat_senders.sent IS 'Attempts since then that the platform accepted.';
COMMENT ON COLUMN whatsapp_stat_senders.retried IS 'Attempts that are to be repeated.';
COMMENT ON COLUMN whatsapp_stat_senders.throttled IS 'Attempts that met a limit of the platform.';
COMMENT ON COLUMN whatsapp_stat_senders.refused IS 'Attempts after which the message failed.';
COMMENT ON COLUMN whatsapp_stat_senders.unknown IS 'Attempts without an answer.';
COMMENT ON COLUMN whatsapp_stat_senders.account_trouble IS 'Attempts that met trouble with the account.';
COMMENT ON COLUMN whatsapp_stat_senders.last_sent IS 'When the platform last accepted a message.';
COMMENT ON COLUMN whatsapp_stat_senders.since IS 'Since when attempts are counted.';
GRANT SELECT ON whatsapp_status, whatsapp_stat_queue, whatsapp_stat_senders, whatsapp_stat_listener, whatsapp_stat_latency, whatsapp_stat_errors,
    whatsapp_stat_days, whatsapp_stat_workers TO pg_monitor;
COMMENT ON FUNCTION wa_rate_card(bytea, text) IS
    'Reads a rate card of Meta''s (CSV, or XLSX whatever its name says) without importing it. Raises 22023 with the line of what cannot be read.';
COMMENT ON FUNCTION wa_rates_import(bytea, text, date) IS
    'Adds a rate card of Meta''s (CSV or XLSX, unchanged) to whatsapp_rates and returns how many rows are new; 0 when all of it is there already. Raises 23P01 when a card of that currency and date has another rate for the same, 22023 with the line of what cannot be read and for what is no currency code, 22004 for NULL, 22008 for an infinite date.';
CREATE VIEW whatsapp_billing WITH (security_barrier) AS
SELECT s.name AS sender, s.account,
       coalesce(CASE WHEN s.account IS NULL THEN nullif(pg_catalog.current_setting('whatsapp.account_currency', true), '') ELSE a.currency END,
                b.currency) AS currency,
       CASE WHEN s.account IS NULL THEN nullif(pg_catalog.current_setting('whatsapp.account_time_zone', true), '') ELSE a.time_zone END AS time_zone
FROM whatsapp_senders AS s LEFT JOIN whatsapp_accounts AS a ON a.name = s.account
LEFT JOIN whatsapp_business_accounts AS b ON b.account IS NOT DISTINCT FROM s.account
WHERE whatsapp_sees(s.name);

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
REVOKE ALL ON FUNCTION whatsapp_units_before(text, text, text, text, date) FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_price_of(text, text, timestamptz, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_price(text, text, timestamptz, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_estimate_of(text[], text, timestamptz, text, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_estimate_groups(text[], bigint[], text, timestamptz, text, boolean[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_estimate(text[], text, timestamptz, text, boolean) FROM PUBLIC;
ALTER TABLE whatsapp_budget_limits ADD COLUMN campaign_id bigint;
CREATE FUNCTION wa_budget_set(name text, amount numeric, currency text DEFAULT NULL, period text DEFAULT 'month', account text DEFAULT NULL,
                              sender text DEFAULT NULL, category text DEFAULT NULL, template text DEFAULT NULL, hold boolean DEFAULT true,
                              unpriced text DEFAULT 'count', campaign bigint DEFAULT NULL) RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_budget_set';

CREATE VIEW whatsapp_budget_sums WITH (security_barrier) AS
SELECT l.name, l.amount, l.currency, l.period, l.account, l.sender, l.category, l.template_name, l.campaign_id, l.hold, l.unpriced AS unpriced_policy,
       z.time_zone, e.starts_at, e.ends_at, p.id AS period_id, p.amount AS period_amount, p.warned, p.warned_at,
       coalesce(s.authorised, 0) AS authorised, coalesce(s.reserved, 0) AS reserved, coalesce(s.settled, 0) AS settled,
       coalesce(s.released, 0) AS released, coalesce(s.messages, 0)::bigint AS messages, coalesce(s.unpriced, 0)::bigint AS unpriced
FROM whatsapp_budget_limits AS l
CROSS JOIN LATERAL (SELECT coalesce((SELECT b.time_zone FROM whatsapp_billing AS b
                                     WHERE b.time_zone IS NOT NULL AND (l.sender IS NULL OR b.sender = l.sender)
                                       AND (l.account IS NULL OR coalesce(b.account, '') = l.account)
                                     ORDER BY b.sender <> 'default', b.sender LIMIT 1), 'UTC') AS time_zone) AS z
CROSS JOIN LATERAL (SELECT pg_catalog.date_trunc(l.period, pg_catalog.timezone(z.time_zone, pg_catalog.now())) AS starts) AS t
CROSS JOIN LATERAL (SELECT pg_catalog.timezone(z.time_zone, t.starts) AS starts_at,
                           pg_catalog.timezone(z.time_zone, t.starts + CASE l.period WHEN 'day' THEN interval '1 day' ELSE interval '1 month' END)
                               AS ends_at) AS e
LEFT JOIN whatsapp_budget_periods AS p ON p.budget = l.name AND p.starts_at = e.starts_at
LEFT JOIN LATERAL (SELECT pg_catalog.sum(g.authorised) AS authorised, pg_catalog.sum(g.reserved) AS reserved, pg_catalog.sum(g.settled) AS settled,
                          pg_catalog.sum(g.released) AS released, pg_catalog.sum(g.messages) AS messages, pg_catalog.sum(g.unpriced) AS unpriced
                   FROM whatsapp_budget_ledger AS g WHERE g.period = p.id) AS s ON true
WHERE whatsapp_sees(l.sender);

CREATE VIEW whatsapp_budgets WITH (security_barrier) AS
SELECT b.name, CASE WHEN h.held > 0 THEN 'holding' WHEN b.settled + b.reserved >= b.amount THEN 'used up'
                    WHEN b.settled + b.reserved >= 0.5 * b.amount THEN 'warning' ELSE 'ok' END AS state,
       b.amount, b.currency, b.settled AS spent, b.reserved, b.amount - b.settled - b.reserved AS remaining,
       CASE WHEN b.amount > 0 THEN pg_catalog.round((b.settled + b.reserved) / b.amount, 4) END AS share,
       b.messages, b.unpriced, h.held, b.period, b.starts_at, b.ends_at, b.time_zone, b.account, b.sender, b.category, b.template_name, b.campaign_id, b.hold,
       b.unpriced_policy, CASE WHEN b.warned > 0 THEN b.warned END AS last_warning, b.warned_at AS last_warning_at
FROM whatsapp_budget_sums AS b
CROSS JOIN LATERAL (SELECT pg_catalog.count(*) AS held FROM whatsapp_queue AS q
                    WHERE q.held_by IN ('budget ' || b.name, 'unknown price, budget ' || b.name) AND q.due_at > pg_catalog.clock_timestamp()) AS h;

COMMENT ON COLUMN whatsapp_charges.charged IS 'What it cost when it was delivered: the reserved amount, 0 where Meta does not charge it, what Meta told that it cost, or the price of the category that Meta told.';
COMMENT ON COLUMN whatsapp_budget_limits.campaign_id IS 'Counts messages of this campaign alone, see whatsapp_campaigns; NULL is all.';
COMMENT ON FUNCTION wa_budget_set(text, numeric, text, text, text, text, text, text, boolean, text, bigint) IS
    'Makes or changes a budget; true when it is new. currency NULL is that of the account. A change of the amount holds at once and keeps what was spent; another currency, period or scope begins anew. Raises 22023 for what is not possible, 22004 for NULL, 22003 for an amount that is too large, 42704 for an account, sender or campaign that is not there.';
COMMENT ON VIEW whatsapp_budget_sums IS 'Budgets with the sums of the period that is now. For whatsapp_budgets and the workers.';
COMMENT ON COLUMN whatsapp_budget_sums.name IS 'Name of the budget.';
COMMENT ON COLUMN whatsapp_budget_sums.amount IS 'How much may be spent in a period.';
COMMENT ON COLUMN whatsapp_budget_sums.currency IS 'ISO 4217.';
COMMENT ON COLUMN whatsapp_budget_sums.period IS 'day or month.';
COMMENT ON COLUMN whatsapp_budget_sums.account IS 'Account of its scope.';
COMMENT ON COLUMN whatsapp_budget_sums.sender IS 'Sender of its scope.';
COMMENT ON COLUMN whatsapp_budget_sums.category IS 'Category of its scope.';
COMMENT ON COLUMN whatsapp_budget_sums.template_name IS 'Template of its scope.';
COMMENT ON COLUMN whatsapp_budget_sums.campaign_id IS 'Campaign of its scope.';
COMMENT ON COLUMN whatsapp_budget_sums.hold IS 'Whether it holds what does not fit.';
COMMENT ON COLUMN whatsapp_budget_sums.unpriced_policy IS 'count or hold: what is done with a message whose price is not known.';
COMMENT ON COLUMN whatsapp_budget_sums.time_zone IS 'In which the period begins: of the account, UTC when nobody has said.';
COMMENT ON COLUMN whatsapp_budget_sums.starts_at IS 'Begin of the period.';
COMMENT ON COLUMN whatsapp_budget_sums.ends_at IS 'End of the period.';
COMMENT ON COLUMN whatsapp_budget_sums.period_id IS 'Its row of whatsapp_budget_periods; NULL before the sender has worked in it.';
COMMENT ON COLUMN whatsapp_budget_sums.period_amount IS 'The amount for which warnings were given.';
COMMENT ON COLUMN whatsapp_budget_sums.warned IS 'The last warning of the period.';
COMMENT ON COLUMN whatsapp_budget_sums.warned_at IS 'When that was.';
COMMENT ON COLUMN whatsapp_budget_sums.authorised IS 'Money that was reserved, and what was charged beyond it.';
COMMENT ON COLUMN whatsapp_budget_sums.reserved IS 'Of it, for messages that may still be charged.';
COMMENT ON COLUMN whatsapp_budget_sums.settled IS 'Of it, for messages that were delivered.';
COMMENT ON COLUMN whatsapp_budget_sums.released IS 'Of it, what is not charged.';
COMMENT ON COLUMN whatsapp_budget_sums.messages IS 'Messages, without those that were refused.';
COMMENT ON COLUMN whatsapp_budget_sums.unpriced IS 'Of these, messages whose price nobody knows.';
COMMENT ON VIEW whatsapp_budgets IS 'Budgets and how much of the running day or month is spent, reserved and left.';
COMMENT ON COLUMN whatsapp_budgets.name IS 'Name of the budget.';
COMMENT ON COLUMN whatsapp_budgets.state IS 'ok; warning: half of it is used; used up; holding: messages wait because of it.';
COMMENT ON COLUMN whatsapp_budgets.amount IS 'How much may be spent in a period.';
COMMENT ON COLUMN whatsapp_budgets.currency IS 'ISO 4217.';
COMMENT ON COLUMN whatsapp_budgets.spent IS 'What the delivered messages of the period cost.';
COMMENT ON COLUMN whatsapp_budgets.reserved IS 'What those cost that were claimed and are neither delivered nor refused.';
COMMENT ON COLUMN whatsapp_budgets.remaining IS 'What is left for others.';
COMMENT ON COLUMN whatsapp_budgets.share IS 'Spent and reserved, as a share of the amount; NULL for an amount of 0.';
COMMENT ON COLUMN whatsapp_budgets.messages IS 'Messages of the period, without those that were refused.';
COMMENT ON COLUMN whatsapp_budgets.unpriced IS 'Of these, messages whose price nobody knows: they count as 0.';
COMMENT ON COLUMN whatsapp_budgets.held IS 'Messages that wait because of it.';
COMMENT ON COLUMN whatsapp_budgets.period IS 'day or month.';
COMMENT ON COLUMN whatsapp_budgets.starts_at IS 'Begin of the period.';
COMMENT ON COLUMN whatsapp_budgets.ends_at IS 'End of the period.';
COMMENT ON COLUMN whatsapp_budgets.time_zone IS 'In which it begins: of the account, UTC when nobody has said.';
COMMENT ON COLUMN whatsapp_budgets.account IS 'Account of its scope; empty is the default one, NULL all.';
COMMENT ON COLUMN whatsapp_budgets.sender IS 'Sender of its scope; NULL is all.';
COMMENT ON COLUMN whatsapp_budgets.category IS 'Category of its scope; NULL is all.';
COMMENT ON COLUMN whatsapp_budgets.template_name IS 'Template of its scope; NULL is all.';
COMMENT ON COLUMN whatsapp_budgets.campaign_id IS 'Campaign of its scope; NULL is all.';
COMMENT ON COLUMN whatsapp_budgets.hold IS 'Whether it holds what does not fit.';
COMMENT ON COLUMN whatsapp_budgets.unpriced_policy IS 'count or hold: what is done with a message whose price is not known.';
COMMENT ON COLUMN whatsapp_budgets.last_warning IS 'The last warning of the period: 50, 80 or 100 percent.';
COMMENT ON COLUMN whatsapp_budgets.last_warning_at IS 'When that was.';
REVOKE ALL ON FUNCTION wa_budget_set(text, numeric, text, text, text, text, text, text, boolean, text, bigint) FROM PUBLIC;
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
CREATE INDEX whatsapp_campaign_units_campaign_id_idx ON whatsapp_campaign_units (campaign_id);
CREATE OR REPLACE FUNCTION wa_campaign_pause(campaign bigint, reason text DEFAULT NULL) RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_campaign_pause';

CREATE OR REPLACE FUNCTION wa_campaign_resume(campaign bigint) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_campaign_resume';

CREATE OR REPLACE FUNCTION wa_campaign_cancel(campaign bigint) RETURNS bigint
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_campaign_cancel';

CREATE OR REPLACE FUNCTION wa_campaign_retry(campaign bigint, VARIADIC codes bigint[] DEFAULT '{}') RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_campaign_retry';

CREATE FUNCTION wa_campaign_retry(campaign bigint, dry_run boolean, codes bigint[] DEFAULT '{}')
RETURNS TABLE (messages bigint, left_out bigint, errors jsonb, cost jsonb)
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_campaign_retry_shown';

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

COMMENT ON COLUMN whatsapp_campaign_definitions.accepted IS 'Causes that do not stop it, since somebody resumed it while they held; until they hold no more. budget stays: what does not fit waits for the next day or month.';
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
COMMENT ON FUNCTION wa_campaign_resume(bigint) IS
    'Goes on with a campaign that was paused or has stopped by itself; what made it stop does not stop it again as long as it lasts: with a budget that still has no room, its messages wait for the next day or month. False when it is not paused. Raises 42704 for an unknown campaign.';
COMMENT ON FUNCTION wa_campaign_retry(bigint, boolean, bigint[]) IS
    'What wa_campaign_retry(campaign, VARIADIC codes) would send again, without writing anything (dry_run), or as it does it: messages, how many of these campaign''s FAILED messages with such codes are left out (left_out: nobody knows whether they have arrived, their content is gone, or they have no phone number), the messages by Meta''s code (errors; none stands for those without), and what they would cost now, as wa_estimate() says (cost). Raises what the other one raises, and 22004 for NULL.';
REVOKE ALL ON FUNCTION wa_campaign_retry(bigint, boolean, bigint[]) FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('whatsapp_campaign_units', '');
CREATE OR REPLACE FUNCTION wa_preflight() RETURNS TABLE (place integer, line text, state text, seen text, to_do text)
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 12 SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
WITH counters AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_counters()),
secrets AS MATERIALIZED (
    SELECT coalesce(max(c.value) FILTER (WHERE c.label = 'access_token'), 0) AS access_token,
           coalesce(max(c.value) FILTER (WHERE c.label = 'phone_number_id'), 0) AS phone_number_id,
           coalesce(max(c.value) FILTER (WHERE c.label = 'app_secret'), 0) AS app_secret,
           coalesce(max(c.value) FILTER (WHERE c.label = 'verify_token'), 0) AS verify_token
    FROM counters AS c WHERE c.name = 'secret'),
-- 0 nobody has looked, 1 not set, 2 refused, 3 weak, 4 good
words AS (SELECT ARRAY['not looked at', 'not set', 'refused', 'weak', 'set'] AS of),
listener AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_stat_listener),
senders AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_senders),
days AS MATERIALIZED (SELECT sum(d.sent) AS sent, sum(d.delivered) AS delivered, sum(d.read) AS read, max(d.day) FILTER (WHERE d.sent > 0) AS last_day,
                             sum(d.failed) FILTER (WHERE d.error_code = 133010) AS unregistered
                      FROM @extschema@.whatsapp_day_counts AS d WHERE NOT d.deleted),
latest AS MATERIALIZED (SELECT m.id, m.status, m.error_message, m.hint FROM @extschema@.whatsapp_messages AS m ORDER BY m.id DESC LIMIT 1),
event AS MATERIALIZED (SELECT (SELECT e.received_at FROM @extschema@.whatsapp_events AS e ORDER BY e.received_at DESC LIMIT 1) AS at),
templates AS MATERIALIZED (
    SELECT t.name, string_agg(t.language || ' ' || coalesce(t.status, 'unknown'), ', ' ORDER BY t.language) AS seen,
           bool_or(t.status = 'APPROVED') AS approved, bool_or(t.status IS DISTINCT FROM 'APPROVED') AS others
    FROM @extschema@.whatsapp_templates AS t WHERE t.name = 'po_notification' GROUP BY t.name),
workers AS MATERIALIZED (SELECT count(*) FILTER (WHERE w.alive) AS alive, string_agg(w.worker, ', ' ORDER BY w.worker) FILTER (WHERE NOT w.alive) AS missing
                         FROM @extschema@.whatsapp_stat_workers AS w),
phones AS MATERIALIZED (
    SELECT count(c.attname) AS tables, sum(c.bad) AS bad, string_agg(format('%s: %s', c.relation, c.bad), ', ' ORDER BY c.relation::text, c.attname) FILTER (WHERE c.bad > 0) AS seen,
           string_agg(format('SELECT * FROM wa_check_phones(%L, %L);', c.relation, c.attname), ' ' ORDER BY c.relation::text, c.attname) FILTER (WHERE c.bad > 0) AS to_do,
           string_agg(DISTINCT c.relation::text, ', ') FILTER (WHERE c.attname IS NULL) AS others
    FROM (SELECT k.relation, k.attname,
                 CASE WHEN k.attname IS NOT NULL
                      THEN substring(query_to_xml(format('SELECT count(*) AS n FROM (SELECT %I::text AS phone FROM %s LIMIT 1000000) AS s '
                                                         'WHERE phone IS NOT NULL AND NOT @extschema@.wa_valid_e164(phone)', k.attname, k.relation),
                                                  true, false, '')::text FROM '<n>([0-9]+)</n>')::bigint END AS bad
          -- a phone that is an expression has no column here
          FROM (SELECT DISTINCT w.relation, a.attname
                FROM @extschema@.whatsapp_watches AS w
                LEFT JOIN pg_class AS r ON r.oid = w.relation AND r.relkind IN ('r', 'p')
                LEFT JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attname = regexp_replace(w.phone, '^new\.', '') AND a.atttypid IN ('text'::regtype, 'varchar'::regtype)) AS k) AS c),
-- of each account, what was asked last
probes AS MATERIALIZED (
    SELECT p.*, coalesce(p.account, 'the default account') AS shown,
           CASE WHEN NOT p.token_valid OR p.token_expires_at <= clock_timestamp() THEN 'failed'
                WHEN NOT p.token_scopes @> ARRAY['whatsapp_business_messaging'] THEN 'failed'
                WHEN NOT p.token_permanent OR NOT p.token_scopes @> ARRAY['whatsapp_business_management'] OR p.data_access_expires_at <= clock_timestamp() THEN 'warning'
                WHEN p.token_valid IS NOT NULL THEN 'ok' END AS token_state
    FROM @extschema@.whatsapp_probes AS p),
token AS MATERIALIZED (
    SELECT (SELECT string_agg(format('%s: %s', p.shown, concat_ws(', ', CASE WHEN NOT p.token_valid THEN 'not valid' END,
                              CASE WHEN p.token_expires_at <= clock_timestamp() THEN format('ended at %s', to_char(p.token_expires_at, 'YYYY-MM-DD HH24:MI'))
                                   WHEN p.token_expires_at IS NOT NULL THEN format('ends at %s', to_char(p.token_expires_at, 'YYYY-MM-DD HH24:MI'))
                                   WHEN p.token_permanent THEN 'never ends' END,
                              'may ' || nullif(array_to_string(p.token_scopes, ' and '), ''), CASE WHEN p.token_scopes = '{}' THEN 'may nothing' END))
                              || format(' (%s ago)', date_trunc('minute', clock_timestamp() - p.probed_at)), '; ' ORDER BY p.account NULLS FIRST)
            FROM probes AS p WHERE p.token_state IS NOT NULL) AS seen,
           CASE WHEN bool_or(p.token_state = 'failed') THEN 'failed' WHEN bool_or(p.token_state = 'warning') THEN 'warning'
                WHEN bool_or(p.token_state = 'ok') THEN 'ok' END AS state,
           bool_or(p.token_valid AND NOT p.token_scopes @> ARRAY['whatsapp_business_messaging', 'whatsapp_business_management']) AS lacks_scope,
           string_agg(p.shown, ', ') FILTER (WHERE p.subscribed_apps = '[]') AS unheard,
           bool_and(p.subscribed_apps <> '[]') AS heard,
           (SELECT string_agg(DISTINCT a ->> 'callback', ', ') FROM probes AS k CROSS JOIN jsonb_array_elements(k.subscribed_apps) AS a WHERE a ->> 'callback' <> '') AS callbacks
    FROM probes AS p),
-- Meta's last word to a probe, where it was a refusal
refused AS MATERIALIZED (
    SELECT string_agg(format('%s: %s', coalesce(l.account, 'the default account'), concat_ws(' ', 'code ' || l.error_code, l.error_message)), '; ') AS seen,
           bool_or(l.error_code = 190) AS token_refused
    FROM (SELECT DISTINCT ON (r.account) r.account, r.state, r.error_code, r.error_message FROM @extschema@.whatsapp_requests AS r
          WHERE r.kind = 'probe' AND r.ended_at IS NOT NULL ORDER BY r.account, r.id DESC) AS l WHERE l.state = 'failed'),
scrape AS (SELECT to_timestamp(max(c.value)) AS at FROM counters AS c WHERE c.name = 'last_scrape' AND c.value > 0)
SELECT * FROM (
    SELECT 1, 'Meta Business Account verified',
           CASE WHEN b.accounts = 0 OR b.untold > 0 THEN 'manual' WHEN b.verified = b.accounts THEN 'ok' ELSE 'failed' END,
           CASE WHEN b.accounts = 0 THEN 'Meta was not asked yet.' ELSE 'As Meta told: ' || b.seen || '.' END,
           CASE WHEN b.accounts > 0 AND b.verified = b.accounts THEN '' ELSE 'CALL wa_probe(); asks Meta. Business Suite, Settings, Security Centre shows what is missing.' END
    FROM (SELECT count(*) AS accounts, count(*) FILTER (WHERE lower(a.verification_status COLLATE "C") = 'verified') AS verified,
                 count(*) FILTER (WHERE a.verification_status IS NULL) AS untold,
                 string_agg(format('%s is %s', coalesce(a.account, 'the default account'), coalesce(a.verification_status, 'unknown')), ', ' ORDER BY a.account NULLS FIRST) AS seen
          FROM @extschema@.whatsapp_business_accounts AS a) AS b
    UNION ALL
    SELECT 2, 'WhatsApp phone number registered',
           CASE WHEN s.phone_number_id IN (1, 2) AND NOT EXISTS (SELECT FROM senders AS o WHERE o.phone_number_id IS NOT NULL) THEN 'failed'
                WHEN n.others > 0 THEN 'failed' WHEN d.unregistered > 0 AND NOT coalesce(d.sent > 0, false) THEN 'failed'
                WHEN n.flagged > 0 THEN 'warning' WHEN d.sent > 0 OR n.connected > 0 THEN 'ok' ELSE 'manual' END,
           CASE WHEN n.connected + n.others > 0 THEN 'As Meta told: ' || n.seen || '.'
                WHEN d.sent > 0 THEN format('The platform has accepted %s messages, the last on %s.', d.sent, d.last_day)
                WHEN d.unregistered > 0 THEN format('%s messages failed with 133010: the number is not registered.', d.unregistered)
                ELSE format('The phone number id is %s; no message was sent yet.', (SELECT of[s.phone_number_id::int + 1] FROM words)) END,
           CASE WHEN n.others = 0 AND n.flagged > 0 THEN 'WhatsApp Manager, Phone numbers, shows why. Send less, and only what people expect; a name that was declined can be sent in again.'
                WHEN n.others = 0 AND (d.sent > 0 OR n.connected > 0) THEN ''
                ELSE 'Put Meta''s id of the number into the file phone_number_id, register it, and send yourself a message: SELECT wa_send_test(''+34…'').' END
    FROM secrets AS s, days AS d,
         (SELECT count(*) FILTER (WHERE t.status = 'CONNECTED') AS connected, count(*) FILTER (WHERE t.status IS DISTINCT FROM 'CONNECTED') AS others,
                 count(*) FILTER (WHERE t.quality = 'RED' OR t.name_status IN ('DECLINED', 'EXPIRED')) AS flagged,
                 string_agg(format('%s is %s%s', coalesce(t.display_number, t.phone_number_id), coalesce(t.status, 'unknown'),
                                   concat(', quality ' || t.quality, ', name ' || nullif(concat_ws(' ', t.display_name, t.name_status), ''))), '; ' ORDER BY t.phone_number_id) AS seen
          FROM @extschema@.whatsapp_numbers AS t
          WHERE t.gone_at IS NULL AND EXISTS (SELECT FROM senders AS o WHERE o.phone_number_id = t.phone_number_id OR (o.name = 'default' AND t.account IS NULL))) AS n
    UNION ALL
    SELECT 3, 'Access token is permanent',
           CASE WHEN s.access_token IN (1, 2) OR p.reason IS NOT NULL OR f.token_refused OR t.state = 'failed' THEN 'failed'
                WHEN s.access_token = 3 OR t.state = 'warning' OR f.seen IS NOT NULL THEN 'warning' ELSE coalesce(t.state, 'manual') END,
           concat_ws(' ', coalesce('Sender pauses: ' || p.reason, 'Meta refused to tell of ' || f.seen, 'As Meta told of ' || t.seen || '.',
                                   format('The access token is %s; when it ends only Meta tells.', (SELECT of[s.access_token::int + 1] FROM words))),
                     CASE WHEN s.access_token = 3 THEN 'It is short or a well-known example.' END),
           CASE WHEN p.reason IS NULL AND f.seen IS NULL AND t.state = 'ok' AND s.access_token NOT IN (1, 2, 3) THEN ''
                WHEN t.lacks_scope THEN 'Make a token that may whatsapp_business_messaging and whatsapp_business_management.'
                WHEN p.reason IS NULL AND f.seen IS NULL AND t.state = 'ok' AND s.access_token = 3 THEN 'Put in a token that Meta has made.'
                WHEN t.state IS NULL AND f.seen IS NULL THEN 'CALL wa_probe(); asks Meta. Use a system user''s token without an end.'
                ELSE 'Use a system user''s token without an end: Meta''s Access Token Debugger shows "Expires: Never". Then CALL wa_probe();' END
    FROM secrets AS s, token AS t, refused AS f, (SELECT max(o.paused_reason) AS reason FROM senders AS o WHERE o.paused_reason ~* 'token|session') AS p
    UNION ALL
    SELECT 4, 'Template approved (status = APPROVED)',
           CASE WHEN t.approved AND NOT t.others THEN 'ok' WHEN t.approved THEN 'warning' WHEN t.name IS NOT NULL THEN 'failed'
                WHEN p.sent > 0 THEN 'ok' WHEN p.failed > 0 THEN 'failed' ELSE 'manual' END,
           CASE WHEN t.name IS NOT NULL THEN 'po_notification: ' || t.seen
                WHEN p.sent > 0 THEN format('The platform has accepted %s messages with po_notification.', p.sent)
                WHEN p.failed > 0 THEN format('%s messages failed with 132001: Meta knows no such template in that language.', p.failed)
                ELSE 'Nothing is known of po_notification yet.' END,
           CASE WHEN t.approved AND NOT t.others OR t.name IS NULL AND p.sent > 0 THEN ''
                ELSE 'WhatsApp Manager shows its status; name and language must be exactly po_notification and es.' END
    FROM (SELECT 1) AS one LEFT JOIN templates AS t ON true,
         (SELECT sum(d.sent) AS sent, sum(d.failed) FILTER (WHERE d.error_code = 132001) AS failed FROM @extschema@.whatsapp_day_counts AS d
          WHERE NOT d.deleted AND d.template_name = 'po_notification') AS p
    UNION ALL
    SELECT 5, 'Webhook configured and verified',
           CASE WHEN s.app_secret IN (1, 2) OR s.verify_token IN (1, 2) THEN 'failed'
                WHEN pg_is_in_recovery() THEN 'ok'
                WHEN NOT l.listening AND l.last_delivery IS NULL OR t.unheard IS NOT NULL THEN 'failed'
                WHEN s.app_secret = 3 OR s.verify_token = 3 OR l.bad_token > 0 OR l.last_delivery IS NULL THEN 'warning' ELSE 'ok' END,
           format('Listening: %s. App secret: %s. Verify token: %s. Last delivery: %s.%s%s%s%s', CASE WHEN l.listening THEN current_setting('whatsapp.listen') ELSE 'no' END,
                  w.of[s.app_secret::int + 1], w.of[s.verify_token::int + 1], coalesce(to_char(l.last_delivery, 'YYYY-MM-DD HH24:MI:SS'), 'none since the start'),
                  CASE WHEN l.bad_token > 0 THEN format(' %s requests had a wrong verify token.', l.bad_token) END,
                  CASE WHEN l.bad_signature > 0 THEN format(' %s requests had a wrong signature.', l.bad_signature) END,
                  CASE WHEN t.unheard IS NOT NULL THEN format(' No app hears the webhooks of %s.', t.unheard) WHEN t.heard THEN ' As Meta told, an app hears them.' END,
                  CASE WHEN pg_is_in_recovery() THEN ' This is a standby: webhooks are not taken here until it is promoted.' ELSE ' They go to ' || t.callbacks || '.' END),
           CASE WHEN pg_is_in_recovery() AND 1 NOT IN (s.app_secret, s.verify_token) AND 2 NOT IN (s.app_secret, s.verify_token) THEN ''
                WHEN t.unheard IS NOT NULL THEN 'Subscribe the app to the account: POST /{business account id}/subscribed_apps. Then CALL wa_probe();'
                WHEN s.verify_token = 3 OR s.app_secret = 3 THEN 'A secret is short or a well-known example: take openssl rand -hex 32 as the verify token, and Meta''s own app secret.'
                WHEN NOT l.listening THEN 'Set whatsapp.listen, and the callback URL at Meta.'
                WHEN l.last_delivery IS NULL THEN 'Press "Test" beside the webhook field messages at Meta, and subscribe the app to the account.' ELSE '' END
    FROM secrets AS s, listener AS l, words AS w, token AS t
    UNION ALL
    SELECT 6, 'Environment variables set in production',
           CASE WHEN current_setting('whatsapp.enabled') <> 'on' OR 1 IN (s.access_token, s.app_secret, s.verify_token) OR 2 IN (s.access_token, s.app_secret, s.verify_token, s.phone_number_id)
                THEN 'failed' WHEN 0 IN (s.access_token, s.verify_token) OR 3 IN (s.access_token, s.app_secret, s.verify_token) THEN 'warning' ELSE 'ok' END,
           format('whatsapp.enabled: %s. Access token: %s. Phone number id: %s. App secret: %s. Verify token: %s.', current_setting('whatsapp.enabled'),
                  w.of[s.access_token::int + 1], w.of[s.phone_number_id::int + 1], w.of[s.app_secret::int + 1], w.of[s.verify_token::int + 1]),
           CASE WHEN 2 IN (s.access_token, s.app_secret, s.verify_token, s.phone_number_id) THEN 'The server''s log says why a file is refused: its owner, its rights or its text.'
                WHEN 1 IN (s.access_token, s.app_secret, s.verify_token) THEN 'Put what is missing into a file of whatsapp.secret_dir, or into the server''s environment and restart.'
                WHEN current_setting('whatsapp.enabled') <> 'on' THEN 'ALTER SYSTEM SET whatsapp.enabled = on; SELECT pg_reload_conf();'
                WHEN 3 IN (s.access_token, s.app_secret, s.verify_token) THEN 'Replace the secret that is weak.' ELSE '' END
    FROM secrets AS s, words AS w
    UNION ALL
    SELECT 7, 'Database migration completed',
           CASE WHEN e.extversion <> @extschema@.wa_version() OR current_setting('server_encoding') <> 'UTF8' THEN 'failed' WHEN pg_is_in_recovery() THEN 'ok' WHEN w.alive = 0 THEN 'failed' WHEN w.alive < 4 THEN 'warning' ELSE 'ok' END,
           format('Extension %s, library %s.%s %s', e.extversion, @extschema@.wa_version(),
                  CASE WHEN current_setting('server_encoding') <> 'UTF8' THEN format(' The encoding of the database is %s: it cannot send.', current_setting('server_encoding')) END,
                  CASE WHEN pg_is_in_recovery() THEN 'This is a standby: no worker runs until it is promoted.'
                       ELSE coalesce('Workers that do not run here: ' || w.missing || '.', 'All workers run.') END),
           CASE WHEN e.extversion <> @extschema@.wa_version() AND pg_is_in_recovery() THEN 'ALTER EXTENSION pg_whatsapp UPDATE; on the primary, or restart the server, if the extension is the newer one.'
                WHEN e.extversion <> @extschema@.wa_version() THEN 'ALTER EXTENSION pg_whatsapp UPDATE; or restart the server, if the extension is the newer one.'
                WHEN current_setting('server_encoding') <> 'UTF8' THEN 'Make a database WITH ENCODING ''UTF8'', and the extension in it.'
                WHEN pg_is_in_recovery() THEN ''
                WHEN w.alive < 4 THEN 'Check shared_preload_libraries, whatsapp.databases and max_worker_processes, and the server''s log.' ELSE '' END
    FROM pg_extension AS e, workers AS w WHERE e.extname = 'pg_whatsapp'
    UNION ALL
    SELECT 8, 'Test message sent successfully',
           CASE WHEN d.sent > 0 THEN 'ok' WHEN l.status = 'FAILED' THEN 'failed' ELSE 'warning' END,
           concat_ws(' ', CASE WHEN d.sent > 0 THEN format('The platform has accepted %s messages.', d.sent) END,
                     CASE WHEN l.id IS NULL THEN 'There is no message yet.' ELSE format('The last message, %s, is %s.%s', l.id, l.status, ' ' || l.error_message) END),
           CASE WHEN d.sent > 0 THEN '' WHEN l.id IS NULL THEN 'SELECT wa_send_test(''+34…'') with your own phone.'
                ELSE coalesce(l.hint, format('SELECT * FROM wa_diagnose(%s);', l.id)) END
    FROM days AS d LEFT JOIN latest AS l ON true
    UNION ALL
    SELECT 9, 'Webhook events received',
           CASE WHEN d.delivered > 0 THEN 'ok' WHEN e.at IS NOT NULL THEN 'warning' WHEN d.sent > 0 THEN 'failed' ELSE 'warning' END,
           format('Last event: %s. Messages told as delivered: %s of %s.', coalesce(to_char(e.at, 'YYYY-MM-DD HH24:MI:SS'), 'none'), coalesce(d.delivered, 0), coalesce(d.sent, 0)),
           CASE WHEN d.delivered > 0 THEN '' WHEN d.sent > 0 THEN 'SELECT * FROM wa_diagnose();' ELSE 'Send a test message, and open it on the phone.' END
    FROM event AS e, days AS d
    UNION ALL
    SELECT 10, 'Supplier phone numbers formatted correctly',
           CASE WHEN p.bad > 0 THEN 'failed' WHEN p.tables > 0 AND p.others IS NULL THEN 'ok' ELSE 'manual' END,
           concat_ws(' ', CASE WHEN p.bad > 0 THEN 'Numbers that are not in E.164 format: ' || p.seen || '.'
                               WHEN p.tables > 0 THEN format('Every number of the %s watched columns is in E.164 format.', p.tables)
                               WHEN p.others IS NULL THEN 'No table is watched.' END,
                     'Not looked at, since their phone number is no text column of the watched table: watches of ' || p.others || '.'),
           CASE WHEN p.bad > 0 THEN p.to_do WHEN p.tables > 0 AND p.others IS NULL THEN ''
                ELSE 'SELECT * FROM wa_check_phones(''suppliers'', ''phone''); looks through a table that has phone numbers.' END
    FROM phones AS p
    UNION ALL
    SELECT 11, 'Monitoring configured',
           CASE WHEN c.at > clock_timestamp() - interval '5 minutes' THEN 'ok' WHEN c.at IS NOT NULL OR current_setting('whatsapp.metrics_listen') <> '' THEN 'warning' ELSE 'failed' END,
           format('whatsapp.metrics_listen: %s. Last scrape: %s.', coalesce(nullif(current_setting('whatsapp.metrics_listen'), ''), 'not set'),
                  coalesce(to_char(c.at, 'YYYY-MM-DD HH24:MI:SS'), 'none')),
           CASE WHEN c.at > clock_timestamp() - interval '5 minutes' THEN '' ELSE 'Set whatsapp.metrics_listen and let Prometheus scrape it: deploy/prometheus.' END
    FROM scrape AS c
    UNION ALL
    SELECT 12, 'Team trained on template management', 'manual', 'No query can tell.', 'A changed text needs a new approval; name, language and number of parameters must stay.'
) AS lines (place, line, state, seen, to_do)
ORDER BY 1
$$;

CREATE OR REPLACE FUNCTION wa_diagnose() RETURNS TABLE (severity text, problem text, seen text, to_do text)
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 10 SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
WITH counters AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_counters()),
queue AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_stat_queue),
waiting AS MATERIALIZED (SELECT q.sender, sum(q.messages) AS messages, sum(q.messages) FILTER (WHERE q.state = 'unknown') AS unknown,
                                max(q.oldest_age) FILTER (WHERE q.state = 'ready') AS age FROM queue AS q GROUP BY q.sender),
senders AS MATERIALIZED (SELECT s.*, coalesce(w.messages, 0) AS waiting FROM @extschema@.whatsapp_senders AS s LEFT JOIN waiting AS w ON w.sender = s.name),
listener AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_stat_listener),
workers AS MATERIALIZED (SELECT string_agg(w.worker, ', ' ORDER BY w.worker) AS missing, count(*) AS count FROM @extschema@.whatsapp_stat_workers AS w WHERE NOT w.alive),
-- the last messages only: the table may be long
latest AS MATERIALIZED (SELECT m.id, m.status, m.sent_at, m.delivered_at, m.error_code, m.error_message, m.hint, m.failed_at
                        FROM @extschema@.whatsapp_messages AS m ORDER BY m.id DESC LIMIT 2000),
-- and the last of those that may be expected to have a status: on a busy day they are not among the former
answered AS MATERIALIZED (
    SELECT l.id, l.status, l.sent_at, l.delivered_at FROM latest AS l
    UNION
    SELECT o.* FROM (SELECT m.id, m.status, m.sent_at, m.delivered_at FROM @extschema@.whatsapp_messages AS m
                     WHERE m.created_at BETWEEN now() - interval '2 days' AND now() - interval '10 minutes' ORDER BY m.created_at DESC LIMIT 500) AS o),
-- a status and a queue that somebody's statement has made differ: of the last messages, and of those that have waited longest
undone AS MATERIALIZED (
    SELECT count(*) FILTER (WHERE l.status = 'CANCELLED' AND q.state IN ('ready', 'held')) AS cancelled,
           max(l.id) FILTER (WHERE l.status = 'CANCELLED' AND q.state IN ('ready', 'held')) AS last_cancelled,
           count(*) FILTER (WHERE l.status = 'PENDING' AND q.message_id IS NULL) AS lost, max(l.id) FILTER (WHERE l.status = 'PENDING' AND q.message_id IS NULL) AS last_lost
    FROM (SELECT k.id, k.status FROM latest AS k
          UNION
          SELECT m.id, m.status FROM (SELECT o.message_id FROM @extschema@.whatsapp_queue AS o ORDER BY o.message_id LIMIT 2000) AS w
          JOIN @extschema@.whatsapp_messages AS m ON m.id = w.message_id) AS l
    LEFT JOIN @extschema@.whatsapp_queue AS q ON q.message_id = l.id WHERE l.status IN ('CANCELLED', 'PENDING')),
silence AS (SELECT count(*) AS messages, min(l.sent_at) AS first_sent
            FROM answered AS l WHERE l.status = 'SENT' AND l.sent_at < clock_timestamp() - interval '10 minutes'
            AND l.sent_at > clock_timestamp() - interval '2 days'
            AND l.sent_at > coalesce((SELECT max(k.sent_at) FROM answered AS k WHERE k.delivered_at IS NOT NULL), '-infinity')),
-- the function looks through the whole queue: of a long one the workers have told whether there is anything to find
hold AS MATERIALIZED (
    SELECT CASE WHEN (SELECT coalesce(sum(q.messages), 0) FROM queue AS q) <= 10000 OR coalesce((SELECT max(c.value) FROM counters AS c WHERE c.name = 'held'), 1) = 1
                  OR EXISTS (SELECT FROM queue AS q WHERE q.state = 'held') OR EXISTS (SELECT FROM @extschema@.whatsapp_watch_items AS i WHERE i.held)
                THEN @extschema@.whatsapp_hold_reason() END AS reason),
-- each look at it counts in the queue what it holds
budgets AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_budgets),
found (rank, problem, seen, to_do) AS (
    SELECT 1, 'The workers do not run',
           CASE WHEN current_setting('shared_preload_libraries') !~ 'pg_whatsapp' THEN 'The library pg_whatsapp is not in shared_preload_libraries.'
                WHEN NOT current_database() = ANY (regexp_split_to_array(replace(current_setting('whatsapp.databases'), '"', ''), '\s*,\s*'))
                THEN format('Database %I is not in whatsapp.databases.', current_database())
                ELSE format('No sign of life for 15 seconds: %s.', w.missing) END,
           CASE WHEN current_setting('shared_preload_libraries') !~ 'pg_whatsapp' THEN 'Add it to shared_preload_libraries and restart the server.'
                WHEN NOT current_database() = ANY (regexp_split_to_array(replace(current_setting('whatsapp.databases'), '"', ''), '\s*,\s*'))
                THEN 'Add it to whatsapp.databases and restart the server.'
                ELSE 'The server''s log says why; perhaps increase max_worker_processes.' END
    FROM workers AS w WHERE w.count > 0 AND NOT pg_is_in_recovery()
    UNION ALL
    SELECT 3, 'This server is a standby', 'No worker runs here: nothing is sent, and no webhook is taken, until it is promoted.', 'Ask wa_diagnose() of the primary. See docs/operating.md, Failover.'
    WHERE pg_is_in_recovery()
    UNION ALL
    SELECT 1, 'This database cannot send', format('Its encoding is %s, and must be UTF8.', current_setting('server_encoding')), 'Make a database WITH ENCODING ''UTF8'', and the extension in it.'
    WHERE current_setting('server_encoding') <> 'UTF8'
    UNION ALL
    SELECT 1, 'Sending is switched off', format('whatsapp.enabled is off, and %s messages wait.', (SELECT coalesce(sum(q.messages), 0) FROM queue AS q)),
           'ALTER SYSTEM SET whatsapp.enabled = on; SELECT pg_reload_conf();'
    WHERE current_setting('whatsapp.enabled') <> 'on'
    UNION ALL
    SELECT 1, 'Messages are held', format('%s; %s messages wait.', h.reason, (SELECT coalesce(sum(q.messages), 0) FROM queue AS q)), 'Look at whatsapp_held, then call wa_release().'
    FROM hold AS h WHERE h.reason IS NOT NULL
    UNION ALL
    SELECT CASE WHEN s.waiting > 0 THEN 1 ELSE 3 END, 'A sender is switched off', format('Sender %s is disabled, and %s of its messages wait.', s.name, s.waiting),
           format('UPDATE whatsapp_senders SET enabled = true WHERE name = %L;', s.name)
    FROM senders AS s WHERE NOT s.enabled
    UNION ALL
    SELECT 1, CASE WHEN s.paused_reason ~* 'token|session' THEN 'Access token expired or refused' ELSE 'A sender pauses' END,
           format('Sender %s pauses until %s: %s. %s messages wait.', s.name, to_char(s.paused_until, 'HH24:MI:SS'), rtrim(s.paused_reason, '.'), s.waiting),
           concat_ws(' ', s.paused_hint, format('Then SELECT wa_resume(%L);', s.name))
    FROM senders AS s WHERE s.paused_reason IS NOT NULL
    UNION ALL
    SELECT CASE WHEN c.label IN ('app_secret', 'verify_token') OR c.value = 3 THEN 2 ELSE 1 END,
           CASE c.value WHEN 1 THEN 'A credential is missing' WHEN 2 THEN 'A credential is refused' ELSE 'A secret is weak' END,
           format(CASE c.value WHEN 1 THEN '%s is neither a file of whatsapp.secret_dir nor in the server''s environment.'
                               WHEN 2 THEN 'The file %s cannot be used: its owner, its rights or its text.'
                               ELSE '%s is short or a well-known example: anybody could guess it.' END, c.label),
           CASE c.value WHEN 1 THEN 'See docs/setup.md, Credentials.' WHEN 2 THEN 'The server''s log says what is wrong with it.'
                        ELSE CASE c.label WHEN 'verify_token' THEN 'Replace it here and at Meta: openssl rand -hex 32 makes one.'
                                          WHEN 'app_secret' THEN 'Put in the app''s own: Meta''s dashboard of the app, App settings, Basic.'
                                          ELSE 'Put in a token that Meta has made.' END END
    FROM counters AS c WHERE c.name = 'secret' AND c.value IN (1, 2, 3) AND (c.label <> 'phone_number_id' OR c.value > 1)
    UNION ALL
    SELECT 1, 'No webhook events',
           format('%s messages are SENT for %s minutes without any status: the webhook does not reach us.',
                  CASE WHEN s.messages < 500 THEN s.messages::text
                       ELSE concat('About ', greatest(s.messages, (SELECT sum(d.sent - d.delivered - d.failed_sent) FROM @extschema@.whatsapp_day_counts AS d
                                                                   WHERE NOT d.deleted AND d.day >= (s.first_sent AT TIME ZONE 'UTC')::date))) END,
                  (extract(epoch FROM clock_timestamp() - s.first_sent) / 60)::integer),
           CASE WHEN l.bad_signature > 0 THEN format('%s requests had a wrong signature: the app secret differs from Meta''s.', l.bad_signature)
                WHEN NOT l.listening THEN 'whatsapp.listen has no address, or it could not be bound: see the log.'
                ELSE 'Is the URL reachable from outside, and the account subscribed to the app? The proxy''s log shows whether Meta comes.' END
    FROM silence AS s, listener AS l WHERE s.messages > 0 AND NOT pg_is_in_recovery()
    UNION ALL
    SELECT 3, 'No webhook has come yet',
           format('%s messages are SENT for more than a minute, and none has come since %s.', k.messages, to_char(l.since, 'YYYY-MM-DD HH24:MI')),
           'Is the URL reachable from outside, and the account subscribed to the app? CALL wa_probe(); and line 5 of wa_preflight() tell.'
    FROM listener AS l, (SELECT count(*) AS messages FROM answered AS a
                         WHERE a.status = 'SENT' AND a.sent_at BETWEEN clock_timestamp() - interval '2 days' AND clock_timestamp() - interval '1 minute') AS k
    WHERE l.listening AND l.last_delivery IS NULL AND k.messages > 0 AND NOT EXISTS (SELECT FROM silence AS s WHERE s.messages > 0)
    UNION ALL
    SELECT 2, 'Webhooks have nobody to go to', format('No app is subscribed to %s, as Meta told %s ago.', coalesce(p.account, 'the default account'), date_trunc('minute', clock_timestamp() - p.probed_at)),
           'POST /{business account id}/subscribed_apps, see docs/setup.md, The webhook. Then CALL wa_probe();'
    FROM @extschema@.whatsapp_probes AS p WHERE p.subscribed_apps = '[]'
    UNION ALL
    SELECT CASE WHEN e.at <= clock_timestamp() THEN 1 ELSE 2 END, CASE WHEN e.at <= clock_timestamp() THEN 'The access token has ended' ELSE 'The access token ends soon' END,
           format('That of %s at %s, as Meta told %s ago.', coalesce(p.account, 'the default account'), to_char(e.at, 'YYYY-MM-DD HH24:MI'), date_trunc('minute', clock_timestamp() - p.probed_at)),
           'Put a system user''s token without an end into access_token: docs/operating.md, Rotate the token. Then CALL wa_probe();'
    FROM @extschema@.whatsapp_probes AS p CROSS JOIN LATERAL (SELECT least(p.token_expires_at, p.data_access_expires_at) AS at) AS e
    WHERE e.at < clock_timestamp() + interval '14 days'
    UNION ALL
    SELECT 2, 'Webhook verification failed', format('%s requests had a wrong verify token since %s.', l.bad_token, to_char(l.since, 'YYYY-MM-DD HH24:MI')),
           'WHATSAPP_WEBHOOK_VERIFY_TOKEN or the file verify_token must be what Meta''s configuration says.'
    FROM listener AS l WHERE l.bad_token > 0
    UNION ALL
    SELECT CASE WHEN l.stored > 0 THEN 3 ELSE 2 END, 'Webhooks with a wrong signature', format('%s since %s; %s were right.', l.bad_signature, to_char(l.since, 'YYYY-MM-DD HH24:MI'), l.stored),
           'If they are Meta''s, WHATSAPP_APP_SECRET or the file app_secret differs from the app''s.'
    FROM listener AS l WHERE l.bad_signature > 0
    UNION ALL
    SELECT 2, 'Webhooks that the database would not take', format('%s since %s.', l.deferred, to_char(l.since, 'YYYY-MM-DD HH24:MI')), 'The log says why; Meta repeats them for seven days.'
    FROM listener AS l WHERE l.deferred > 0
    UNION ALL
    SELECT 3, 'No address takes webhooks', 'whatsapp.listen is empty, or its address could not be bound.', 'Set whatsapp.listen; or leave deliveries by wa_webhook_receive().'
    FROM listener AS l WHERE NOT l.listening AND l.last_delivery IS NULL AND NOT pg_is_in_recovery()
    UNION ALL
    SELECT 2, CASE WHEN e.error_code = 132001 THEN 'Template not found' ELSE 'Messages failed' END,
           format('%s messages of sender %s failed with %s: %s', e.failed, e.sender, e.error_code, e.meaning), e.hint
    FROM @extschema@.whatsapp_stat_errors AS e WHERE e.day >= (now() AT TIME ZONE 'UTC')::date - 1 AND e.error_code IS NOT NULL
    UNION ALL
    SELECT 2, CASE WHEN f.reason ~ '^template "[^"]*" does not exist' THEN 'Template not found' WHEN f.reason ~ 'E[.]164|phone' THEN 'Message failed: phone format' ELSE 'Messages failed' END,
           format('%s of the last messages: %s', f.messages, f.reason),
           concat_ws(' ', f.hint, format('The last one is %s: SELECT * FROM wa_diagnose(%s); whatsapp_latest lists them.', f.last, f.last))
    FROM (SELECT split_part(l.error_message, ':', 1) AS reason, max(l.hint) AS hint, count(*) AS messages, max(l.id) AS last FROM latest AS l
          WHERE l.status = 'FAILED' AND l.error_code IS NULL AND l.failed_at > clock_timestamp() - interval '1 day' GROUP BY 1) AS f
    UNION ALL
    SELECT 2, 'Messages whose answer was lost', format('%s of sender %s.', w.unknown, w.sender), 'Webhooks or whatsapp.unknown_policy settle them.'
    FROM waiting AS w WHERE w.unknown > 0
    UNION ALL
    SELECT 2, 'Messages wait too long', format('The oldest message of sender %s has been due for %s; %s wait.', w.sender, date_trunc('second', w.age), w.messages),
           'SELECT * FROM whatsapp_attempts ORDER BY id DESC LIMIT 5; and wa_diagnose(id) of one of them.'
    FROM waiting AS w LEFT JOIN senders AS s ON s.name = w.sender
    WHERE w.age > interval '5 minutes' AND current_setting('whatsapp.enabled') = 'on' AND coalesce(s.enabled, true) AND s.paused_reason IS NULL
      AND NOT EXISTS (SELECT FROM hold AS h WHERE h.reason IS NOT NULL)
    UNION ALL
    SELECT 2, 'CANCELLED messages are sent all the same', format('%s are still in the queue, the last one is %s: somebody changed their status by hand.', u.cancelled, u.last_cancelled),
           format('SELECT wa_cancel(%s); takes it out of the queue, which an UPDATE does not. For all of them: docs/troubleshooting.md, It stays PENDING.', u.last_cancelled)
    FROM undone AS u WHERE u.cancelled > 0
    UNION ALL
    SELECT 2, 'PENDING messages are in no queue', format('%s of the last messages, the last one is %s: somebody has removed their rows from whatsapp_queue.', u.lost, u.last_lost),
           format('SELECT wa_retry(%s); puts it back. For all of them: docs/troubleshooting.md, It stays PENDING.', u.last_lost)
    FROM undone AS u WHERE u.lost > 0
    UNION ALL
    SELECT 2, 'Messages of a sender that is not there', format('%s messages wait for sender %s, which has no row in whatsapp_senders.', w.messages, w.sender), 'Insert it, or cancel them.'
    FROM waiting AS w WHERE NOT EXISTS (SELECT FROM senders AS s WHERE s.name = w.sender) AND w.sender <> 'default'
    UNION ALL
    SELECT 2, 'A watch could not announce rows', format('Watch %s of table %s: %s rows, the last at %s: %s', t.name, t.relation, t.errors, to_char(t.last_error_at, 'YYYY-MM-DD HH24:MI'), t.last_error),
           'SELECT * FROM wa_watch_test(table, key) shows what it would send; see whatsapp_watches.'
    FROM @extschema@.whatsapp_watches AS t WHERE t.errors > 0 AND t.last_error_at > clock_timestamp() - interval '1 day'
    UNION ALL
    SELECT 2, 'A table has lost its watch', format('Table %s: nothing is announced, since whatsapp_watch_definitions has no watch of its triggers (%s).', l.relation::regclass, l.triggers),
           format('SELECT wa_unwatch(%L); removes them; make its watches again by wa_watch().', l.relation::regclass)
    FROM (SELECT coalesce(pg_partition_root(t.tgrelid), t.tgrelid) AS relation, string_agg(DISTINCT t.tgname::text COLLATE "C", ', ' ORDER BY t.tgname::text COLLATE "C") AS triggers
          FROM pg_trigger AS t
          WHERE t.tgfoid = '@extschema@.whatsapp_notify()'::regprocedure AND NOT t.tgisinternal AND t.tgparentid = 0 AND NOT EXISTS (
              SELECT FROM @extschema@.whatsapp_watch_definitions AS d
              WHERE t.tgargs = convert_to(d.key, getdatabaseencoding()) || decode('00', 'hex')
                AND (d.relation = t.tgrelid OR d.relation IN (SELECT p.relid FROM pg_partition_ancestors(t.tgrelid) AS p)
                     OR NOT EXISTS (SELECT FROM pg_trigger AS o WHERE o.tgfoid = t.tgfoid AND o.tgrelid = d.relation AND o.tgargs = t.tgargs)))
          GROUP BY 1) AS l
    UNION ALL
    SELECT 2, 'A callback fails', format('Callback %s: %s errors, the last at %s with SQLSTATE %s.', k.name, k.errors, to_char(k.failed_at, 'YYYY-MM-DD HH24:MI'), k.error_code),
           format('SELECT * FROM whatsapp_callbacks; tells the error. Its calls wait; SELECT wa_callback_resume(%L); makes them at once.', k.name)
    FROM @extschema@.whatsapp_callback_definitions AS k WHERE k.failures > 0
    UNION ALL
    SELECT 2, 'Events that could not be acted upon', format('%s with SQLSTATE %s.', e.events, e.error_code),
           'SELECT * FROM whatsapp_event_queue WHERE error_code IS NOT NULL; tells the error, mostly one of a trigger of yours. They are tried again.'
    FROM (SELECT w.error_code, count(*) AS events FROM (SELECT q.error_code FROM @extschema@.whatsapp_event_queue AS q ORDER BY q.due_at, q.event_id LIMIT 2000) AS w
          WHERE w.error_code IS NOT NULL GROUP BY w.error_code) AS e
    UNION ALL
    -- of each account, what it was last asked for
    SELECT 3, 'Meta refused what it was asked', format('Request %s, %s of %s: %s', r.id, r.kind, coalesce(r.account, 'the default account'), concat_ws(' ', r.error_code, r.error_message)),
           coalesce(r.hint, 'See whatsapp_requests.')
    FROM unnest(ARRAY['sync_templates', 'sync_numbers', 'sync_costs', 'probe']) AS k (kind)
    CROSS JOIN LATERAL (SELECT DISTINCT ON (t.account) t.* FROM @extschema@.whatsapp_requests AS t
                        WHERE t.kind = k.kind AND t.created_at > now() - interval '2 days' AND t.ended_at IS NOT NULL ORDER BY t.account, t.id DESC) AS r
    WHERE r.state = 'failed'
    UNION ALL
    SELECT 2, 'A campaign has stopped', format('Campaign %s: %s.', p.campaign_id, p.reason), p.hint
    FROM @extschema@.whatsapp_campaign_pauses AS p WHERE p.cause IN ('budget', 'failures', 'quality', 'template')
    UNION ALL
    SELECT CASE WHEN b.held > 0 THEN 1 ELSE 2 END, CASE WHEN b.held > 0 THEN 'A budget holds messages' ELSE 'A budget is nearly used up' END,
           format('Budget %s: %s messages wait, %s of %s %s of the %s are spent or reserved.', b.name, b.held, trim_scale(b.spent + b.reserved), trim_scale(b.amount), b.currency, b.period),
           format('SELECT wa_budget_set(%L, …) raises the amount; else they go on at %s. Urgent messages are sent.', b.name, to_char(b.ends_at, 'YYYY-MM-DD HH24:MI'))
    FROM budgets AS b WHERE b.held > 0 OR b.share >= 0.8
    UNION ALL
    SELECT 3, 'A budget counts messages without a price', format('Budget %s: %s of %s messages.', b.name, b.unpriced, b.messages), 'whatsapp_costs says why; see docs/prices.md, Reasons.'
    FROM budgets AS b WHERE b.unpriced > 0
    UNION ALL
    -- ours have comments
    SELECT 2, 'A dump cannot be restored', format('Columns that are not the extension''s: %s.', string_agg(format('%s.%s', c.relname, a.attname), ', ' ORDER BY c.relname, a.attnum)),
           'pg_restore leaves out all rows of such a table. Keep your data in a table of your own, with the message''s id.'
    FROM pg_extension AS x
    JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = x.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e'
    JOIN pg_class AS c ON c.oid = d.objid AND c.relkind = 'r'
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_description AS k ON k.objoid = c.oid AND k.classoid = 'pg_class'::regclass AND k.objsubid = a.attnum
    WHERE x.extname = 'pg_whatsapp' AND k.description IS NULL HAVING count(*) > 0
    UNION ALL
    SELECT 2, 'Meta has made a template marketing', format('%s in %s was %s, and is MARKETING since %s%s.', r.name, r.language, r.wanted, r.since, nullif('; messages that wait: ' || r.held, '; messages that wait: 0')),
           format('It costs more, and its recipients must have agreed to marketing. SELECT wa_accept_category(%L, %L%s) agrees; or write the template anew.', r.name, r.language, ', ' || quote_literal(r.account))
    FROM @extschema@.whatsapp_recategorised_templates AS r
    UNION ALL
    SELECT CASE h.health ->> 'can_send_message' WHEN 'BLOCKED' THEN 1 ELSE 2 END, 'Meta says that it cannot send all',
           format('%s is %s%s.', h.name, h.health ->> 'can_send_message', ': ' || (
               SELECT string_agg(concat_ws(' ', e.part ->> 'entity_type', e.part ->> 'can_send_message', (
                          SELECT string_agg(w.what #>> '{}', ' ')
                          FROM (SELECT jsonb_path_query(e.part, '$.additional_info[*]') UNION ALL SELECT jsonb_path_query(e.part, '$.errors[*].error_description')) AS w (what))), '; ')
               FROM jsonb_path_query(h.health, '$.entities[*] ? (@.can_send_message != "AVAILABLE")') AS e (part))),
           coalesce((SELECT string_agg(w.what #>> '{}', ' ') FROM jsonb_path_query(h.health, '$.entities[*].errors[*].possible_solution') AS w (what)), 'See WhatsApp Manager.')
           || format(' As of %s: CALL wa_sync_numbers() reads it again.', to_char(h.synced_at, 'YYYY-MM-DD HH24:MI'))
    FROM (SELECT 'Number ' || coalesce(n.display_number, n.phone_number_id) AS name, n.health, n.synced_at FROM @extschema@.whatsapp_numbers AS n WHERE n.gone_at IS NULL
          UNION ALL SELECT 'Account ' || coalesce(a.account, a.business_account_id), a.health, a.synced_at FROM @extschema@.whatsapp_business_accounts AS a) AS h
    WHERE h.health ->> 'can_send_message' IN ('LIMITED', 'BLOCKED')
    UNION ALL
    SELECT 2, 'Meta has flagged the number', format('Quality of sender %s is RED.', s.name), 'See it in WhatsApp Manager; send less, and only what people expect.'
    FROM senders AS s WHERE s.quality = 'RED'
    UNION ALL
    SELECT CASE WHEN t.status IN ('PAUSED', 'DISABLED', 'REJECTED') THEN 2 ELSE 3 END, 'A template is not approved', format('%s in %s is %s%s.', t.name, t.language, t.status, ': ' || t.rejected_reason),
           'WhatsApp Manager shows why. Messages by it are refused until it is approved.'
    FROM @extschema@.whatsapp_templates AS t WHERE t.status IS NOT NULL AND t.status <> 'APPROVED')
SELECT w.word, f.problem, f.seen, f.to_do
FROM (SELECT rank, problem, seen, to_do FROM found
      UNION ALL SELECT 4, 'Nothing is wrong', 'Every row of the troubleshooting table was looked at.', '' WHERE NOT EXISTS (SELECT FROM found)) AS f
JOIN (VALUES (1, 'critical'), (2, 'warning'), (3, 'notice'), (4, 'ok')) AS w (rank, word) USING (rank)
ORDER BY f.rank, f.problem, f.seen
$$;

CREATE FUNCTION whatsapp_message_life(id bigint) RETURNS TABLE (at timestamptz, event text, detail text)
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 10 SET search_path = pg_catalog, pg_temp
AS $$
WITH m AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_messages AS t WHERE t.id = $1),
q AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_queue AS t WHERE t.message_id = $1),
life (at, place, event, detail) AS (
    SELECT m.created_at, 1, 'enqueued', format('by %s: %s to %s from sender %s%s%s', m.enqueued_by, concat_ws(' ', m.message_type, m.template_name, m.template_language),
           coalesce(CASE WHEN length(m.recipient_phone) > 8 THEN left(m.recipient_phone, 3) || '…' || right(m.recipient_phone, 3) WHEN m.recipient_phone <> '' THEN '…' END, 'nobody'), m.sender,
           ', reference ' || m.reference, CASE m.priority WHEN 0 THEN ', urgent' WHEN 2 THEN ', bulk' END)
    FROM m
    UNION ALL
    SELECT a.ended_at, 2, format('attempt %s: %s', a.attempt, a.outcome), concat_ws(' ', 'HTTP ' || a.http_status, 'code ' || a.error_code, a.error_message)
    FROM @extschema@.whatsapp_attempts AS a WHERE a.message_id = $1
    UNION ALL
    SELECT m.sent_at, 3, 'SENT', format('at attempt %s, %s after it was enqueued; Meta''s id %s', m.attempts, round(greatest(extract(epoch FROM m.sent_at - m.created_at), 0), 3) || ' s', m.wamid)
    FROM m WHERE m.sent_at IS NOT NULL
    UNION ALL
    -- Meta's times are whole seconds, cut off
    SELECT greatest(e.occurred_at, (SELECT m.created_at FROM m)), CASE e.status WHEN 'sent' THEN 4 WHEN 'delivered' THEN 4 WHEN 'read' THEN 6 ELSE 7 END,
           'webhook: ' || coalesce(e.status, e.kind), format('received %s', e.received_at)
    FROM @extschema@.whatsapp_events AS e WHERE e.message_id = $1
    UNION ALL
    SELECT m.delivered_at, 5, 'DELIVERED', NULL FROM m WHERE m.delivered_at IS NOT NULL
    UNION ALL
    SELECT m.read_at, 6, 'READ', NULL FROM m WHERE m.read_at IS NOT NULL
    UNION ALL
    SELECT m.failed_at, 7, 'FAILED', concat_ws(' ', 'code ' || m.error_code, m.error_message) FROM m WHERE m.status = 'FAILED'
    UNION ALL
    SELECT NULL, 8, 'cost', concat_ws(', ', m.pricing_category, m.pricing_type, m.pricing_model) FROM m WHERE coalesce(m.pricing_category, m.pricing_type) IS NOT NULL
    UNION ALL
    SELECT NULL, 8, 'price', concat_ws(' ', trim_scale(m.pricing_cost), m.pricing_currency, 'as Meta told') FROM m WHERE m.pricing_cost IS NOT NULL
    UNION ALL
    SELECT NULL, 8, 'price', concat_ws(' ', 'about', trim_scale(c.cost), b.currency, 'by the rate card')
    FROM m JOIN @extschema@.whatsapp_billing AS b ON b.sender = m.sender
    CROSS JOIN LATERAL (SELECT timezone(coalesce(b.time_zone, 'UTC'), coalesce(m.delivered_at, m.read_at))::date AS day) AS d
    CROSS JOIN LATERAL @extschema@.whatsapp_rate_cost(b.currency, d.day, (SELECT k.market FROM @extschema@.wa_market(m.recipient_phone) AS k),
                                                      replace(lower(m.pricing_category COLLATE "C"), '-', '_') COLLATE "default", 0, 1) AS c
    WHERE m.pricing_type = 'regular' AND m.pricing_cost IS NULL AND c.cost IS NOT NULL
    UNION ALL
    SELECT NULL, 8, 'budget', concat_ws(', ', c.state, 'reserved ' || trim_scale(c.amount), 'charged ' || trim_scale(c.charged), CASE WHEN c.amount IS NULL AND c.charged IS NULL THEN 'price not known' END)
    FROM @extschema@.whatsapp_charges AS c WHERE c.message_id = $1
    UNION ALL
    SELECT k.made_at, 8, format('callback %s waits', d.name), concat_ws(', ', 'status ' || k.status, k.attempts || ' attempts', 'SQLSTATE ' || k.error_code)
    FROM @extschema@.whatsapp_callback_definitions AS d JOIN @extschema@.whatsapp_callback_calls AS k ON k.callback = d.id AND k.message_id = $1 AND d.kind <> 'inbound'
    UNION ALL
    SELECT NULL, 9, 'now: ' || m.status || coalesce(', ' || q.state, ''),
           CASE WHEN m.status = 'SENT' AND m.hint IS NULL AND NOT EXISTS (SELECT FROM @extschema@.whatsapp_events AS e WHERE e.message_id = $1)
                THEN 'Meta has taken it, and no webhook has told of it yet.'
                     || CASE WHEN NOT pg_is_in_recovery() THEN format(' The last webhook of any kind came %s.', coalesce('at ' || (SELECT to_char(l.last_delivery, 'YYYY-MM-DD HH24:MI:SS') FROM @extschema@.whatsapp_stat_listener AS l), 'never since the server''s start')) ELSE '' END
                WHEN m.status = 'SENT' AND m.hint IS NULL THEN 'Meta has taken it, and has not told that it reached the phone.'
                WHEN m.status = 'CANCELLED' AND q.state IN ('sending', 'unknown') THEN 'It may have been sent all the same: somebody changed its status by hand when it was on the wire.'
                WHEN m.status = 'CANCELLED' AND q.state IS NOT NULL
                THEN format('It is sent all the same: somebody changed its status by hand, and it is still in the queue. SELECT wa_cancel(%s); takes it out.', $1)
                WHEN m.status <> 'PENDING' THEN coalesce(m.hint, '')
                WHEN q.state IS NULL THEN format('It is not in the queue: somebody has removed its row. SELECT wa_retry(%s); puts it back.', $1)
                ELSE coalesce((SELECT string_agg(d.problem || ': ' || d.seen || ' ' || d.to_do, ' ')
                               FROM @extschema@.wa_diagnose() AS d WHERE d.severity = 'critical' AND d.problem NOT IN ('No webhook events', 'A budget holds messages')
                                 AND (d.seen !~ '^Sender ' OR d.seen ~ ('^Sender ' || m.sender || ' '))),
                              CASE WHEN q.state = 'unknown' THEN format('Its answer was lost at %s.', q.unknown_at)
                                   WHEN q.state = 'sending' THEN 'It is on the wire.'
                                   WHEN p.campaign_id IS NOT NULL THEN format('Its campaign %s is paused%s.', p.campaign_id, ': ' || p.reason)
                                   WHEN q.held_by ~ '^category of template ' THEN
                                       format('Meta has made its template %s marketing, and whatsapp.on_recategorised is hold. wa_accept_category() lets it go.', m.template_name)
                                   WHEN q.due_at > clock_timestamp() AND q.held_by IS NOT NULL THEN
                                       format('Budget %s holds it until %s: %s', regexp_replace(q.held_by, '^.*?budget ', ''), q.due_at,
                                              CASE WHEN q.held_by ~ '^unknown price' THEN 'its price is not known. See docs/prices.md, Reasons.'
                                                   ELSE 'it does not fit into the amount. See whatsapp_budgets; wa_budget_set() raises it.' END)
                                   WHEN q.due_at > clock_timestamp() THEN format('It is due at %s%s.%s', q.due_at, CASE WHEN q.paced THEN ', its recipient''s turn' END, ' ' || m.hint)
                                   ELSE 'It is due and waits for its turn.' END) END
    FROM m LEFT JOIN q ON true LEFT JOIN @extschema@.whatsapp_campaign_pauses AS p ON p.campaign_id = q.campaign_id AND p.starts_at <= now()
    UNION ALL
    SELECT NULL, 9, 'unknown', format('There is no message %s.', $1) WHERE NOT EXISTS (SELECT FROM m))
SELECT at, event, detail FROM life ORDER BY at NULLS LAST, place, event DESC
$$;

CREATE OR REPLACE FUNCTION wa_diagnose(id bigint) RETURNS TABLE (at timestamptz, event text, detail text)
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10 SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_diagnose_message';

CREATE VIEW whatsapp_top AS
WITH waiting AS MATERIALIZED (SELECT q.state, q.messages, q.oldest_age FROM whatsapp_stat_queue AS q)
SELECT t.what, t.now
FROM (
    SELECT 1 AS place, 'workers' AS what, CASE WHEN pg_catalog.pg_is_in_recovery() THEN 'none: this is a standby'
           ELSE pg_catalog.string_agg(w.worker || CASE WHEN w.alive THEN ' ok' ELSE ' MISSING' END, ', ' ORDER BY w.worker) END AS now
    FROM whatsapp_stat_workers AS w
    UNION ALL
    SELECT 2, 'queue', coalesce(pg_catalog.string_agg(q.state || ' ' || q.messages, ', ' ORDER BY q.state), 'empty')
    FROM (SELECT s.state, pg_catalog.sum(s.messages) AS messages FROM waiting AS s GROUP BY s.state) AS q
    UNION ALL
    SELECT 3, 'oldest due', coalesce(pg_catalog.max(q.oldest_age)::interval(0)::text, '-') FROM waiting AS q
    UNION ALL
    SELECT 4, 'on the wire', pg_catalog.format('%s of %s', pg_catalog.max(c.value) FILTER (WHERE c.name = 'in_flight'), pg_catalog.max(c.value) FILTER (WHERE c.name = 'slots'))
    FROM whatsapp_counters() AS c
    UNION ALL
    SELECT 5, 'sender ' || s.sender, pg_catalog.concat_ws(', ', CASE WHEN NOT s.enabled THEN 'OFF' WHEN s.paused_reason IS NOT NULL THEN 'PAUSED: ' || s.paused_reason ELSE 'on' END,
                                               coalesce(s.sent, 0) || ' sent', coalesce(s.refused, 0) || ' refused', s.waiting || ' wait')
    FROM whatsapp_stat_senders AS s
    UNION ALL
    SELECT 6, 'webhooks', pg_catalog.format('%s stored, %s refused, last %s', l.stored, l.bad_signature + l.bad_token, coalesce(l.last_delivery::timestamptz(0)::text, 'never'))
    FROM whatsapp_stat_listener AS l
    UNION ALL
    SELECT 7, 'today', pg_catalog.format('%s sent, %s delivered, %s read, %s failed', coalesce(pg_catalog.sum(d.sent), 0), coalesce(pg_catalog.sum(d.delivered), 0),
                              coalesce(pg_catalog.sum(d.read), 0), coalesce(pg_catalog.sum(d.failed), 0))
    FROM whatsapp_stat_days AS d WHERE d.day = (pg_catalog.now() AT TIME ZONE 'UTC')::date
    UNION ALL
    SELECT 8, 'latency ' || l.sender, pg_catalog.string_agg(pg_catalog.format('%s %s s', l.step, l.p95), ', ' ORDER BY l.step DESC) || ' (95 %)'
    FROM whatsapp_stat_latency AS l WHERE l.messages > 0 GROUP BY l.sender) AS t
ORDER BY t.place, t.what;

COMMENT ON FUNCTION whatsapp_message_life(bigint) IS 'What wa_diagnose() tells of a message, whoever asks. For wa_diagnose().';
COMMENT ON VIEW whatsapp_top IS 'One screen for \watch: workers, queue, senders, webhooks, today and latencies.';
COMMENT ON COLUMN whatsapp_top.what IS 'What the line is about.';
COMMENT ON COLUMN whatsapp_top.now IS 'How it is now.';
REVOKE ALL ON FUNCTION whatsapp_message_life(bigint) FROM PUBLIC;
GRANT SELECT ON whatsapp_top TO pg_monitor;
CREATE TABLE whatsapp_meta_costs (
    account      text,
    day          date NOT NULL,
    country      text,
    category     text,
    pricing_type text,
    units        bigint NOT NULL,
    cost         numeric,
    synced_at    timestamptz NOT NULL
);

ALTER TABLE whatsapp_meta_costs REPLICA IDENTITY FULL;
CREATE INDEX whatsapp_meta_costs_day_idx ON whatsapp_meta_costs (day);
CREATE FUNCTION wa_request_cost_sync(account text DEFAULT NULL, first_day date DEFAULT NULL, last_day date DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_request_cost_sync';

CREATE PROCEDURE wa_sync_costs(account text DEFAULT NULL, first_day date DEFAULT NULL, last_day date DEFAULT NULL, timeout interval DEFAULT '1min')
LANGUAGE C
AS 'MODULE_PATHNAME', 'pg_whatsapp_sync_costs';

CREATE VIEW whatsapp_cost_differences AS
SELECT day, nullif(account, '') AS account, nullif(category, '') AS category, nullif(market, '') AS market, o.currency,
       coalesce(o.units, 0)::bigint AS units, coalesce(t.units, 0)::bigint AS meta_units, coalesce(o.cost, 0) AS cost, coalesce(t.cost, 0) AS meta_cost,
       (coalesce(t.units, 0) - coalesce(o.units, 0))::bigint AS units_difference, coalesce(t.cost, 0) - coalesce(o.cost, 0) AS cost_difference
FROM (SELECT c.day, coalesce(c.account, '') AS account, coalesce(c.category, '') AS category, coalesce(c.market, '') AS market,
             pg_catalog.max(c.currency) AS currency, pg_catalog.sum(c.units) AS units, pg_catalog.sum(c.cost) AS cost
      FROM whatsapp_costs AS c
      WHERE EXISTS (SELECT FROM whatsapp_meta_costs AS m WHERE m.day = c.day AND m.account IS NOT DISTINCT FROM c.account)
      GROUP BY 1, 2, 3, 4) AS o
FULL JOIN (SELECT m.day, coalesce(m.account, '') AS account, m.category, coalesce(k.market, '') AS market, pg_catalog.sum(m.units) AS units,
                  pg_catalog.sum(m.cost) AS cost
           FROM whatsapp_meta_costs AS m CROSS JOIN LATERAL wa_market(m.country || '.0') AS k
           WHERE m.category IS NOT NULL GROUP BY 1, 2, 3, 4) AS t USING (day, account, category, market)
ORDER BY day, account, category, market;

COMMENT ON TABLE whatsapp_meta_costs IS 'What Meta counts and charges by day, country, category and type, as its API has told it; see wa_sync_costs(). A day that was asked for and has nothing has one row without a category.';
COMMENT ON COLUMN whatsapp_meta_costs.account IS 'Name of the account; NULL is the default one.';
COMMENT ON COLUMN whatsapp_meta_costs.day IS 'Day in the time zone of the account.';
COMMENT ON COLUMN whatsapp_meta_costs.country IS 'Country of the recipients, ISO 3166.';
COMMENT ON COLUMN whatsapp_meta_costs.category IS 'Category that is charged.';
COMMENT ON COLUMN whatsapp_meta_costs.pricing_type IS 'Whether and why it is charged.';
COMMENT ON COLUMN whatsapp_meta_costs.units IS 'Delivered messages.';
COMMENT ON COLUMN whatsapp_meta_costs.cost IS 'What they cost, in the currency of the account, about: Meta says that it is approximate. NULL where Meta does not tell it, as to accounts that a partner pays for.';
COMMENT ON COLUMN whatsapp_meta_costs.synced_at IS 'When Meta told it.';
COMMENT ON VIEW whatsapp_cost_differences IS 'What whatsapp_costs says beside what Meta says, of the days that wa_sync_costs() has read. Reads the whole of whatsapp_messages.';
COMMENT ON COLUMN whatsapp_cost_differences.day IS 'Day in the time zone of the account.';
COMMENT ON COLUMN whatsapp_cost_differences.account IS 'Name of the account; NULL is the default one.';
COMMENT ON COLUMN whatsapp_cost_differences.category IS 'Category that is charged.';
COMMENT ON COLUMN whatsapp_cost_differences.market IS 'Market of the recipients.';
COMMENT ON COLUMN whatsapp_cost_differences.currency IS 'Currency of the account; NULL where nothing is known here.';
COMMENT ON COLUMN whatsapp_cost_differences.units IS 'Delivered messages as they are known here.';
COMMENT ON COLUMN whatsapp_cost_differences.meta_units IS 'As Meta counts them.';
COMMENT ON COLUMN whatsapp_cost_differences.cost IS 'What they cost as whatsapp_costs says; what has no price counts as 0.';
COMMENT ON COLUMN whatsapp_cost_differences.meta_cost IS 'As Meta says.';
COMMENT ON COLUMN whatsapp_cost_differences.units_difference IS 'So many more are known to Meta, such as what others have sent from the same number; negative: to us.';
COMMENT ON COLUMN whatsapp_cost_differences.cost_difference IS 'So much more it costs by Meta''s figures.';
COMMENT ON FUNCTION wa_request_cost_sync(text, date, date) IS
    'Asks for what Meta counts and charges from first_day to last_day to be read into whatsapp_meta_costs, and returns the id of the request, a row of whatsapp_requests, at once. Without days: the last 30 until yesterday. Raises 42704 when there is no such account, 22023 for more than 366 days or none, 55000 when the time zone of the account is not known.';
COMMENT ON PROCEDURE wa_sync_costs(text, date, date, interval) IS
    'Reads what Meta counts and charges into whatsapp_meta_costs: asks for it as wa_request_cost_sync() does, commits, and waits until it is done. Raises also WA030 when it fails, WA031 when the time is over, 55000 when the clerk is switched off, 2D000 in a transaction block.';
REVOKE ALL ON FUNCTION wa_request_cost_sync(text, date, date) FROM PUBLIC;
REVOKE ALL ON PROCEDURE wa_sync_costs(text, date, date, interval) FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('whatsapp_meta_costs', '');
CREATE FUNCTION wa_security() RETURNS TABLE (place integer, line text, state text, seen text, to_do text)
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 10 SET search_path = pg_catalog, pg_temp
AS $$
WITH secrets AS MATERIALIZED (
    SELECT coalesce(max(c.value) FILTER (WHERE c.label = 'access_token'), 0) AS access_token,
           coalesce(max(c.value) FILTER (WHERE c.label = 'app_secret'), 0) AS app_secret,
           coalesce(max(c.value) FILTER (WHERE c.label = 'verify_token'), 0) AS verify_token
    FROM @extschema@.whatsapp_counters() AS c WHERE c.name = 'secret'),
-- 0 nobody has looked, 1 not set, 2 refused, 3 weak, 4 good
words AS (SELECT ARRAY['not looked at', 'not set', 'refused', 'weak', 'set'] AS of),
folder AS MATERIALIZED (
    SELECT f.path, s.access_token > 2 AND f.path <> '' AND (pg_stat_file(nullif(f.path, '') || '/access_token', true)).size IS NOT NULL AS holds_token
    FROM (SELECT current_setting('whatsapp.secret_dir') AS path) AS f, secrets AS s),
callbacks AS MATERIALIZED (
    SELECT string_agg(DISTINCT a ->> 'callback', ', ') AS seen, bool_and(a ->> 'callback' ~* '^https://') AS all_tls
    FROM @extschema@.whatsapp_probes AS p CROSS JOIN jsonb_array_elements(p.subscribed_apps) AS a WHERE a ->> 'callback' <> ''),
-- where somebody may have written a token down for all who can look
settings AS MATERIALIZED (
    SELECT string_agg(DISTINCT f.name, ', ') AS seen
    FROM (SELECT s.name FROM pg_settings AS s WHERE s.setting ~ 'EAA[A-Za-z0-9]{30}'
          UNION ALL
          SELECT split_part(o.setting, '=', 1) FROM pg_db_role_setting AS r CROSS JOIN unnest(r.setconfig) AS o (setting) WHERE o.setting ~ 'EAA[A-Za-z0-9]{30}') AS f),
reach AS (SELECT current_setting('whatsapp.api_base_url') AS url, current_setting('whatsapp.allowed_recipients') AS allowed),
doors AS MATERIALIZED (
    SELECT string_agg(btrim(d.address), ', ') AS seen, string_agg(btrim(d.address), ', ') FILTER (WHERE btrim(d.address) !~ '^(127[.]|\[::1\]|localhost:|/|$)') AS open
    FROM regexp_split_to_table(current_setting('whatsapp.listen'), ',') AS d (address)),
readers AS MATERIALIZED (
    SELECT string_agg(DISTINCT r.rolname, ', ') AS seen
    FROM pg_roles AS r JOIN pg_roles AS g ON pg_has_role(r.oid, g.oid, 'MEMBER')
    WHERE g.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files') AND NOT r.rolsuper AND r.oid <> g.oid AND r.rolname !~ '^pg_'),
rights AS MATERIALIZED (
    SELECT string_agg(DISTINCT format('%s on %s', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, c.relname), ', ') AS seen
    FROM pg_extension AS e
    JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e'
    JOIN pg_class AS c ON c.oid = d.objid CROSS JOIN LATERAL aclexplode(c.relacl) AS a
    WHERE e.extname = 'pg_whatsapp' AND a.grantee = 0),
-- the workers write our tables as the owner of the extension, and a trigger's function runs as who writes
tables AS MATERIALIZED (
    SELECT c.oid, c.relname, c.relowner, c.relacl, e.extowner
    FROM pg_extension AS e
    JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e'
    JOIN pg_class AS c ON c.oid = d.objid AND c.relkind = 'r'
    WHERE e.extname = 'pg_whatsapp'),
lent AS MATERIALIZED (
    SELECT string_agg(DISTINCT format('%I on %s, by %I', g.tgname, t.relname, o.rolname), ', ') AS seen
    FROM tables AS t JOIN pg_trigger AS g ON g.tgrelid = t.oid JOIN pg_proc AS p ON p.oid = g.tgfoid JOIN pg_roles AS o ON o.oid = p.proowner
    WHERE NOT g.tgisinternal AND NOT p.prosecdef AND NOT o.rolsuper AND o.oid <> t.extowner),
lenders AS MATERIALIZED (
    SELECT string_agg(DISTINCT format('%s on %s', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, t.relname), ', ') AS seen
    FROM tables AS t CROSS JOIN LATERAL aclexplode(t.relacl) AS a
    WHERE a.privilege_type = 'TRIGGER' AND a.grantee <> t.relowner AND NOT EXISTS (SELECT FROM pg_roles AS o WHERE o.oid = a.grantee AND o.rolsuper))
SELECT * FROM (
    SELECT 1, 'Access tokens stored in Kubernetes secrets',
           CASE WHEN s.access_token IN (1, 2) THEN 'failed' WHEN f.holds_token THEN 'ok' WHEN s.access_token = 0 THEN 'manual' ELSE 'warning' END,
           CASE WHEN s.access_token <= 2 THEN format('The access token is %s.', (SELECT of[s.access_token::int + 1] FROM words))
                WHEN f.holds_token THEN format('The access token is a file of %s, as a secret is mounted.', f.path)
                ELSE 'The access token comes from the server''s environment, which each program that the server starts can read.' END,
           CASE WHEN f.holds_token THEN '' ELSE 'Put it into the file access_token of whatsapp.secret_dir; Kubernetes mounts a secret there.' END
    FROM secrets AS s, folder AS f
    UNION ALL
    SELECT 2, 'Webhook verify token is random and secure',
           CASE WHEN s.verify_token = 4 THEN 'ok' WHEN s.verify_token = 3 THEN 'warning' WHEN s.verify_token = 0 THEN 'manual' ELSE 'failed' END,
           CASE WHEN s.verify_token = 3 THEN 'It is short or a well-known example: anybody could guess it.'
                WHEN s.verify_token = 4 THEN 'It is long and no well-known example.'
                ELSE format('It is %s.', (SELECT of[s.verify_token::int + 1] FROM words)) END,
           CASE WHEN s.verify_token = 4 THEN '' ELSE 'openssl rand -hex 32 makes one; put it into the file verify_token, and enter it at Meta.' END
    FROM secrets AS s
    UNION ALL
    SELECT 3, 'HTTPS enabled for webhook URL',
           CASE WHEN c.seen IS NULL THEN 'manual' WHEN c.all_tls THEN 'ok' ELSE 'failed' END,
           CASE WHEN c.seen IS NULL THEN 'Meta was not asked yet, or the account has no URL of its own.' ELSE 'As Meta told: ' || c.seen || '.' END,
           CASE WHEN c.all_tls THEN '' ELSE 'CALL wa_probe(); asks Meta. From outside: curl -sI of the URL shows 405, and no error about the certificate.' END
    FROM callbacks AS c
    UNION ALL
    SELECT 4, 'API tokens never committed to git', CASE WHEN t.seen IS NULL THEN 'manual' ELSE 'failed' END,
           CASE WHEN t.seen IS NULL THEN 'No setting of the server has one, and no table or dump of the extension. Your repository cannot be seen from here.'
                ELSE format('What looks like a token stands in %s, where every role can read it.', t.seen) END,
           CASE WHEN t.seen IS NULL THEN 'git log --all --oneline -G ''EAA[A-Za-z0-9]{30}'' shows nothing.' ELSE 'Take it out, and rotate the token: docs/operating.md.' END
    FROM settings AS t
    UNION ALL
    SELECT 5, 'Environment-specific tokens (dev/prod)',
           CASE WHEN r.allowed <> '' OR r.url !~ '^https://graph[.]facebook[.]com(/|$)' THEN 'ok' ELSE 'manual' END,
           CASE WHEN r.url !~ '^https://graph[.]facebook[.]com(/|$)' THEN format('This server speaks to %s, not to Meta.', r.url)
                WHEN r.allowed <> '' THEN 'whatsapp.allowed_recipients lets this server message its own phones alone.'
                ELSE format('This server may message everybody, with the secrets of %s.', coalesce(nullif(f.path, ''), 'its environment')) END,
           CASE WHEN r.allowed <> '' OR r.url !~ '^https://graph[.]facebook[.]com(/|$)' THEN '' ELSE 'Is it production? A test server has other secrets, and whatsapp.allowed_recipients.' END
    FROM reach AS r, folder AS f
    UNION ALL
    SELECT 6, 'The app secret is set', CASE s.app_secret WHEN 4 THEN 'ok' WHEN 3 THEN 'warning' WHEN 0 THEN 'manual' ELSE 'failed' END,
           format('The app secret is %s.', (SELECT of[s.app_secret::int + 1] FROM words)),
           CASE s.app_secret WHEN 4 THEN '' WHEN 3 THEN 'Whoever guesses it can forge webhooks. Put in the app''s own: Meta''s dashboard of the app, App settings, Basic.' ELSE 'Without it every webhook is refused: put it into the file app_secret.' END
    FROM secrets AS s
    UNION ALL
    SELECT 7, 'The listener is reached through the proxy only', CASE WHEN d.open IS NULL THEN 'ok' ELSE 'warning' END,
           CASE WHEN d.open IS NULL THEN 'whatsapp.listen has addresses of this machine alone.' ELSE format('Others can reach %s.', d.open) END,
           CASE WHEN d.open IS NULL THEN '' ELSE 'Let it listen on 127.0.0.1 or a unix socket behind a proxy with TLS, or see that a firewall is in front.' END
    FROM doors AS d
    UNION ALL
    SELECT 8, 'Nobody but superusers can read the secrets as the server', CASE WHEN r.seen IS NULL THEN 'ok' ELSE 'warning' END,
           CASE WHEN r.seen IS NULL THEN 'No other role may run programs or read files as the server.' ELSE format('These roles may run programs or read files as the server: %s.', r.seen) END,
           CASE WHEN r.seen IS NULL THEN '' ELSE 'REVOKE pg_execute_server_program, pg_read_server_files or pg_write_server_files from them.' END
    FROM readers AS r
    UNION ALL
    SELECT 9, 'No role has more rights than it needs', CASE WHEN r.seen IS NULL THEN 'manual' ELSE 'failed' END,
           coalesce('Everybody may use ' || r.seen || '.', 'Nothing is open to everybody.'), 'whatsapp_grants shows who has which level; wa_revoke() takes it back.'
    FROM rights AS r
    UNION ALL
    SELECT 10, 'No trigger runs a stranger''s code as the owner',
           CASE WHEN t.seen IS NOT NULL THEN 'failed' WHEN r.seen IS NOT NULL THEN 'warning' ELSE 'ok' END,
           CASE WHEN t.seen IS NOT NULL THEN format('The workers run these triggers with the rights of the extension''s owner: %s.', t.seen)
                WHEN r.seen IS NOT NULL THEN format('These could make triggers that run with the rights of the extension''s owner: %s.', r.seen)
                ELSE 'Triggers on the extension''s tables are a superuser''s, or run as their own owner.' END,
           CASE WHEN t.seen IS NOT NULL THEN 'Drop it, and let its owner call wa_on_inbound() or wa_on_status(): those run as who called.'
                WHEN r.seen IS NOT NULL THEN 'REVOKE TRIGGER from them; wa_on_inbound() and wa_on_status() need no such right.' ELSE '' END
    FROM lent AS t, lenders AS r
) AS lines (place, line, state, seen, to_do)
ORDER BY 1
$$;

COMMENT ON FUNCTION wa_security() IS
    'The security checklist, line by line: ok, warning, failed or manual, with what was seen and what to do. Lines 1 to 5 are those of the notification service. No secret is read or shown.';
REVOKE ALL ON FUNCTION wa_security() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wa_security() TO pg_monitor;
CREATE POLICY by_sender ON whatsapp_messages AS RESTRICTIVE USING (whatsapp_sees(sender));
CREATE POLICY by_sender ON whatsapp_queue AS RESTRICTIVE USING (whatsapp_sees(sender));
CREATE POLICY by_sender ON whatsapp_day_counts AS RESTRICTIVE USING (whatsapp_sees(sender));
CREATE POLICY by_sender ON whatsapp_requests AS RESTRICTIVE USING (whatsapp_sees(sender));
CREATE POLICY by_sender ON whatsapp_opt_outs AS RESTRICTIVE USING (whatsapp_sees(sender));
CREATE POLICY by_sender ON whatsapp_windows AS RESTRICTIVE USING (whatsapp_sees(sender));
CREATE POLICY by_sender ON whatsapp_inbound AS RESTRICTIVE USING (whatsapp_sees(sender));
CREATE POLICY by_sender ON whatsapp_media AS RESTRICTIVE USING (whatsapp_sees(sender));
CREATE POLICY by_sender ON whatsapp_changes AS RESTRICTIVE USING (whatsapp_sees(sender));
CREATE POLICY by_sender ON whatsapp_change_queue AS RESTRICTIVE USING (whatsapp_sees(sender));
CREATE POLICY by_sender ON whatsapp_watch_items AS RESTRICTIVE USING (whatsapp_sees(sender));
CREATE POLICY by_sender ON whatsapp_cost_units AS RESTRICTIVE USING (whatsapp_sees(sender));
CREATE POLICY by_sender ON whatsapp_campaign_definitions AS RESTRICTIVE USING (whatsapp_sees(sender));
CREATE POLICY by_sender ON whatsapp_budget_limits AS RESTRICTIVE USING (whatsapp_sees(sender));
CREATE POLICY by_sender ON whatsapp_callback_definitions AS RESTRICTIVE USING (whatsapp_sees(sender));
CREATE POLICY by_sender ON whatsapp_watch_definitions AS RESTRICTIVE USING (whatsapp_sees(sender));
CREATE POLICY by_sender ON whatsapp_senders AS RESTRICTIVE USING (whatsapp_sees(name));
CREATE POLICY by_sender ON whatsapp_attempts AS RESTRICTIVE USING (whatsapp_sees_message(message_id));
CREATE POLICY by_sender ON whatsapp_codes AS RESTRICTIVE USING (whatsapp_sees_message(message_id));
CREATE POLICY by_sender ON whatsapp_media_messages AS RESTRICTIVE USING (whatsapp_sees_message(message_id));
CREATE POLICY by_sender ON whatsapp_watched_messages AS RESTRICTIVE USING (whatsapp_sees_message(message_id));
CREATE POLICY by_sender ON whatsapp_charges AS RESTRICTIVE USING (whatsapp_sees_message(message_id));
CREATE POLICY by_sender ON whatsapp_wamids AS RESTRICTIVE USING (whatsapp_sees_message(message_id));
CREATE POLICY by_sender ON whatsapp_campaign_pauses AS RESTRICTIVE USING (whatsapp_sees_campaign(campaign_id));
CREATE POLICY by_sender ON whatsapp_campaign_units AS RESTRICTIVE USING (whatsapp_sees_campaign(campaign_id));
CREATE POLICY by_sender ON whatsapp_templates AS RESTRICTIVE USING (whatsapp_sees_account(account));
CREATE POLICY by_sender ON whatsapp_template_definitions AS RESTRICTIVE USING (whatsapp_sees_account(account));
CREATE POLICY by_sender ON whatsapp_numbers AS RESTRICTIVE USING (whatsapp_sees_account(account));
CREATE POLICY by_sender ON whatsapp_business_accounts AS RESTRICTIVE USING (whatsapp_sees_account(account));
CREATE POLICY by_sender ON whatsapp_accounts AS RESTRICTIVE USING (whatsapp_sees_account(name));
CREATE POLICY by_sender ON whatsapp_events AS RESTRICTIVE USING (whatsapp_sees_message(message_id) OR whatsapp_sees_number(phone_number_id));
CREATE POLICY all_senders ON whatsapp_event_queue AS RESTRICTIVE USING (whatsapp_sees(NULL));
CREATE POLICY all_senders ON whatsapp_deliveries AS RESTRICTIVE USING (whatsapp_sees(NULL));
CREATE POLICY all_senders ON whatsapp_instances AS RESTRICTIVE USING (whatsapp_sees(NULL));
CREATE POLICY all_senders ON whatsapp_meta_costs AS RESTRICTIVE USING (whatsapp_sees(NULL));
CREATE POLICY all_senders ON whatsapp_probes AS RESTRICTIVE USING (whatsapp_sees(NULL));
CREATE POLICY all_senders ON whatsapp_template_samples AS RESTRICTIVE USING (whatsapp_sees(NULL));
CREATE POLICY all_senders ON whatsapp_user_ids AS RESTRICTIVE USING (whatsapp_sees(NULL));
CREATE POLICY all_senders ON whatsapp_watch_errors AS RESTRICTIVE USING (whatsapp_sees(NULL));
CREATE POLICY all_senders ON whatsapp_callback_calls AS RESTRICTIVE USING (whatsapp_sees(NULL));
CREATE POLICY all_senders ON whatsapp_budget_periods AS RESTRICTIVE USING (whatsapp_sees(NULL));
CREATE POLICY all_senders ON whatsapp_budget_ledger AS RESTRICTIVE USING (whatsapp_sees(NULL));
CREATE FUNCTION wa_grant(role regrole, level text, sender text DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_grant';

CREATE FUNCTION wa_revoke(role regrole, level text, sender text DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_revoke';

CREATE VIEW whatsapp_grants WITH (security_barrier) AS
SELECT h.role, h.level, s.sender
FROM (SELECT a.grantee::pg_catalog.regrole AS role, l.level, l.rank
      FROM (VALUES (1, 'sender', 'wa_send'), (2, 'monitor', 'whatsapp_hold_reason'), (3, 'operator', 'wa_release'), (4, 'admin', 'wa_forget')) AS l (rank, level, mark)
      JOIN pg_catalog.pg_proc AS p ON p.proname = l.mark
      JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid
           AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
      JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'pg_whatsapp'
      CROSS JOIN LATERAL pg_catalog.aclexplode(p.proacl) AS a
      WHERE a.grantee <> p.proowner AND a.grantee <> 0 AND a.privilege_type = 'EXECUTE'
      UNION
      SELECT g.role, i.level, i.rank
      FROM whatsapp_role_grants AS g
      JOIN (VALUES ('sender', 'sender', 1), ('monitor', 'monitor', 2), ('operator', 'monitor', 2), ('operator', 'operator', 3),
                   ('admin', 'sender', 1), ('admin', 'monitor', 2), ('admin', 'operator', 3), ('admin', 'admin', 4)) AS i (held, level, rank) ON i.held = g.level
      WHERE g.sender IS NOT NULL AND g.role IN (SELECT r.oid FROM pg_catalog.pg_roles AS r)) AS h
CROSS JOIN LATERAL (
    -- a level has the rows of those that it includes; what nobody noted holds for all senders
    SELECT n.sender FROM whatsapp_role_grants AS n
    WHERE n.role = h.role AND (n.level = h.level OR n.level = 'admin' OR (n.level = 'operator' AND h.level = 'monitor'))
    UNION
    SELECT NULL WHERE NOT EXISTS (SELECT FROM whatsapp_role_grants AS n WHERE n.role = h.role)) AS s
WHERE whatsapp_sees(NULL) OR pg_catalog.pg_has_role(h.role, 'USAGE')
ORDER BY h.role::text, h.rank, s.sender NULLS FIRST;

COMMENT ON VIEW whatsapp_grants IS 'Roles with rights on the extension, by level (wa_grant()). A role with a higher level has the rows of those that it includes, too. A role for some senders sees its own.';
COMMENT ON COLUMN whatsapp_grants.role IS 'The role; who is a member of it has its rights, too.';
COMMENT ON COLUMN whatsapp_grants.level IS 'sender, monitor, operator or admin.';
COMMENT ON COLUMN whatsapp_grants.sender IS 'The only sender for which it holds; NULL is all of them.';
COMMENT ON FUNCTION wa_grant(regrole, text, text) IS
    'Grants a role a level: sender (sends and cancels, reads nothing), monitor (reads all tables, views and checks; member of pg_monitor), operator (a monitor who retries, releases, resumes and opts out), admin (all of these, forgets persons, changes templates, rates, senders and watches). With a sender it holds for that one alone: for its rows and for the functions that ask for it, and the first such grant switches row security on. By the caller''s own rights. Raises 22023 for the level, 42704 for a role or a sender that is not there, 42501 without the right to grant, 22004 for NULL.';
COMMENT ON FUNCTION wa_revoke(regrole, text, text) IS
    'Takes back what wa_grant() gave for the level, with the same sender or without one. What other grants of the role give stays. By the caller''s own rights. Raises as wa_grant().';
REVOKE ALL ON FUNCTION wa_grant(regrole, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_revoke(regrole, text, text) FROM PUBLIC;
CREATE FUNCTION wa_help(about text DEFAULT NULL) RETURNS TABLE (kind text, name text, purpose text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100 SET search_path = pg_catalog, pg_temp
AS $$
WITH own AS MATERIALIZED (
    SELECT d.classid, d.objid FROM pg_depend AS d JOIN pg_extension AS x ON x.oid = d.refobjid AND x.extname = 'pg_whatsapp'
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'),
things AS MATERIALIZED (
    SELECT 1 AS place, CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END AS kind, p.proname::text AS name, p.oid AS object, obj_description(p.oid, 'pg_proc') AS comment
    FROM own AS o JOIN pg_proc AS p ON p.oid = o.objid WHERE o.classid = 'pg_proc'::regclass AND starts_with(p.proname::text, 'wa_')
    UNION ALL
    SELECT CASE c.relkind WHEN 'v' THEN 2 ELSE 3 END, CASE c.relkind WHEN 'v' THEN 'view' ELSE 'table' END, c.relname::text, c.oid, obj_description(c.oid, 'pg_class')
    FROM own AS o JOIN pg_class AS c ON c.oid = o.objid WHERE o.classid = 'pg_class'::regclass AND c.relkind IN ('r', 'v')),
one AS MATERIALIZED (SELECT t.* FROM things AS t WHERE t.name = lower(rtrim($1, '()') COLLATE "C")),
-- the first sentence of each that fits
listed AS (
    SELECT DISTINCT ON (t.place, t.name) t.place, t.kind, t.name, coalesce(substring(t.comment FROM '^(.*?[.])(?:\s|$)'), t.comment) AS sentence
    FROM things AS t
    WHERE NOT EXISTS (SELECT FROM one)
      AND ($1 IS NULL OR strpos(lower(concat_ws(' ', t.name, t.comment) COLLATE "C"), lower($1 COLLATE "C")) > 0 OR t.name LIKE replace(replace($1, '_', '\_'), '*', '%'))
    ORDER BY t.place, t.name, t.object),
-- all of the one that was named
told (place, object, line, kind, name, text) AS (
    SELECT o.place, o.object, 0, o.kind, o.name, o.comment FROM one AS o
    UNION ALL
    SELECT o.place, o.object, a.n, '', '  ' || a.name,
           CASE WHEN a.mode IN ('o', 't') THEN 'returned: ' ELSE '' END || format_type(a.type, NULL)
           || coalesce(', by default ' || regexp_replace(pg_get_function_arg_default(o.object, a.n::integer), '::[a-z ]+(\[\])?$', ''), '')
    FROM one AS o JOIN pg_proc AS p ON o.place = 1 AND p.oid = o.object
    CROSS JOIN LATERAL unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]), p.proargnames, p.proargmodes) WITH ORDINALITY AS a (type, name, mode, n)
    UNION ALL
    SELECT o.place, o.object, 10000, '', '  returns', concat(CASE WHEN p.proretset THEN 'rows of ' END, format_type(p.prorettype, NULL))
    FROM one AS o JOIN pg_proc AS p ON o.place = 1 AND p.oid = o.object AND p.prokind = 'f'
    WHERE NOT coalesce(p.proargmodes, '{}') && ARRAY['o', 't']::"char"[]
    UNION ALL
    SELECT o.place, o.object, a.attnum, '', '  ' || a.attname, concat_ws(': ', format_type(a.atttypid, a.atttypmod), col_description(o.object, a.attnum))
    FROM one AS o JOIN pg_attribute AS a ON o.place > 1 AND a.attrelid = o.object AND a.attnum > 0 AND NOT a.attisdropped)
SELECT s.kind, s.name, s.purpose
FROM (SELECT l.place, l.name AS key, 0::oid AS object, 0 AS line, 1 AS part, l.kind, l.name,
             CASE WHEN length(l.sentence) <= 70 THEN l.sentence ELSE regexp_replace(left(l.sentence, 69), '\s+\S*$', '') || '…' END AS purpose
      FROM listed AS l
      UNION ALL
      SELECT t.place, '', t.object, t.line, w.part, CASE w.part WHEN 1 THEN t.kind ELSE '' END, CASE w.part WHEN 1 THEN t.name ELSE '' END, w.words[1]
      FROM told AS t CROSS JOIN LATERAL regexp_matches(t.text, '\S(?:.{0,68}\S)?(?=\s|$)|\S{70}', 'g') WITH ORDINALITY AS w (words, part)) AS s
ORDER BY s.place, s.key, s.object, s.line, s.part
$$;

COMMENT ON FUNCTION wa_help(text) IS
    'What there is: a line for each function, procedure, view and table, with what it is for. about is a part of a name or of what is said of it, or a name with * in it; the whole name of one shows all that is said of it, and its arguments or columns.';
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_role_grants EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_cost_units EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_template_samples EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_watch_items EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_meta_costs EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_campaign_units EXECUTE FUNCTION whatsapp_stay_local();

COMMENT ON FUNCTION wa_send_bulk(text[], text, text[], text, text, text, timestamptz, text, text, timestamptz, text, boolean, boolean) IS
    'Makes a campaign for an array of phones, otherwise as the form with a query does: parameters are the same for all, or have one row for each phone. Raises 2202E when they have another number of rows.';
COMMENT ON FUNCTION wa_rates_import(text, text, date) IS
    'Adds a rate card of Meta''s that is text already to whatsapp_rates, as the form for bytea does.';
COMMENT ON FUNCTION wa_on_inbound(regproc, text, text) IS
    'From now on the reader calls the function with the id of each message that comes in, a row of whatsapp_inbound: f(bigint). sender says whose are told. Its rights, time-outs, repeats and errors are those of wa_on_status().';

INSERT INTO whatsapp_role_grants (role, level) SELECT b.role, b.level FROM pg_temp.whatsapp_grants_before AS b ON CONFLICT DO NOTHING;
DROP TABLE pg_temp.whatsapp_grants_before;

-- Watches with a due time get their trigger of TRUNCATE. One that cannot be made stops nothing.
DO $$
DECLARE
    w record;
BEGIN
    FOR w IN SELECT v.relation, d.name, d.key, d.replicated FROM @extschema@.whatsapp_watches AS v
             JOIN @extschema@.whatsapp_watch_definitions AS d ON d.name = v.name AND v.owner IS NOT NULL
             JOIN pg_catalog.pg_class AS c ON c.oid = v.relation
             WHERE d.due IS NOT NULL AND (c.relkind <> 'f' OR current_setting('server_version_num')::integer >= 160000)
    LOOP
        BEGIN
            EXECUTE format('CREATE TRIGGER %I AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION %s(%L)', 'whatsapp_' || w.name || '_truncate', w.relation,
                           '@extschema@.whatsapp_notify', w.key);
            IF w.replicated THEN
                EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', w.relation, 'whatsapp_' || w.name || '_truncate');
            END IF;
        EXCEPTION WHEN others THEN
            RAISE WARNING 'WhatsApp watch "%" is not told of a TRUNCATE: %', w.name, SQLERRM USING HINT = 'End it by wa_unwatch(), and make it again.';
        END;
    END LOOP;
END $$;

-- The workers have left the older version alone.
SELECT whatsapp_attach();
