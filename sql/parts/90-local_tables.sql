/* Our tables stay in this database: Citus distributes no table that has a trigger. */

-- A distributed table of ours would look as before and be empty here, and cannot be brought back. TRUNCATE alone fires these triggers, and they
-- do nothing.
CREATE FUNCTION whatsapp_stay_local() RETURNS trigger
LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_stay_local';

CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_accounts EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_senders EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_role_grants EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_templates EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_messages EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_day_counts EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_cost_units EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_queue EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_attempts EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_wamids EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_instances EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_requests EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_template_definitions EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_business_accounts EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_numbers EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_template_samples EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_probes EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_opt_outs EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_windows EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_user_ids EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_opt_out_keywords EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_events EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_event_queue EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_deliveries EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_codes EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_inbound EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_media EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_media_messages EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_watch_definitions EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_watch_errors EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_watch_items EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_change_queue EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_changes EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_callback_definitions EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_callback_calls EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_watched_messages EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_markets EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_rates EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_meta_costs EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_campaign_definitions EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_campaign_pauses EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_campaign_units EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_budget_limits EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_budget_periods EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_budget_ledger EXECUTE FUNCTION whatsapp_stay_local();
CREATE TRIGGER whatsapp_stay_local BEFORE TRUNCATE ON whatsapp_charges EXECUTE FUNCTION whatsapp_stay_local();

COMMENT ON FUNCTION whatsapp_stay_local() IS
    'A trigger that does nothing. Citus refuses to distribute a table that has one, and a table of the extension works in its own database only.';

REVOKE ALL ON FUNCTION whatsapp_stay_local() FROM PUBLIC;
