/* Row security by sender. The policies rest until whatsapp_hold_rows() switches it on, with the first grant that has a sender. */

-- The owner, and so every worker, is not asked. They restrict, and permit nothing: where you have made policies of your own, those go on to say what is permitted;
-- where there are none, the switch adds the policy every_row.
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

-- What belongs to no sender, or tells about the persons of many.
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

-- whatsapp_markets, whatsapp_rates and whatsapp_opt_out_keywords are the same for everybody. whatsapp_role_grants is in use while its trigger switches.
