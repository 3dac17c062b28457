/*
 * samples.cpp: samples of inbound messages and of the fields of accounts and templates.
 */
#include "samples.hpp"

#include <iterator>

#include <nlohmann/json.hpp>

namespace sandbox
{

using nlohmann::json;

namespace
{

struct Sample {
	const char *name;
	const char *text;
};

/* Members of a message besides from, id and timestamp. The name is the type, and perhaps a kind. */
const Sample inbound[] = {
    {"text", R"({"text":{"body":"Hola, ¿está listo el pedido?"}})"},
    {"image", R"({"image":{"id":"1003383421387256","mime_type":"image/jpeg",
		"sha256":"SfInY0gGKTsJlUWbwxC1k+FAD0FZHvzwfpvO0zX0GUI=","caption":"Así llegó",
		"url":"https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1003383421387256"}})"},
    {"video", R"({"video":{"id":"1003383421387257","mime_type":"video/mp4",
		"sha256":"SfInY0gGKTsJlUWbwxC1k+FAD0FZHvzwfpvO0zX0GUI=","caption":"Vídeo"}})"},
    {"audio", R"({"audio":{"id":"1003383421387258","mime_type":"audio/ogg; codecs=opus",
		"sha256":"SfInY0gGKTsJlUWbwxC1k+FAD0FZHvzwfpvO0zX0GUI=","voice":true}})"},
    {"document", R"({"document":{"id":"1003383421387259","mime_type":"application/pdf",
		"sha256":"dbda1e9b2d0c3d7d2a7c1b1b6f6f0d6e","filename":"factura.pdf","caption":"Factura"}})"},
    {"sticker", R"({"sticker":{"id":"1003383421387260","mime_type":"image/webp",
		"sha256":"SfInY0gGKTsJlUWbwxC1k+FAD0FZHvzwfpvO0zX0GUI=","animated":false}})"},
    {"location", R"({"location":{"latitude":40.4168,"longitude":-3.7038,"name":"Almacén",
		"address":"Puerta del Sol, Madrid","url":"https://example.com/almacen"}})"},
    {"contacts", R"({"contacts":[{"name":{"first_name":"Ana","last_name":"Núñez",
		"formatted_name":"Ana Núñez"},"phones":[{"phone":"+34 655 555 555","wa_id":"34655555555",
		"type":"WORK"}],"emails":[{"email":"ana@example.com","type":"WORK"}],"org":{"company":"ABC"},
		"birthday":"1990-02-28"}],"origin":"other"})"},
    {"contacts_request", R"({"type":"contacts","contacts":[{"name":{"formatted_name":"Ana"},
		"vcard":"BEGIN:VCARD\nFN:Ana\nTEL:+34655555555\nEND:VCARD","phones":[{"phone":"+34655555555"}]}],
		"origin":"contact_request"})"},
    {"reaction", R"({"reaction":{"message_id":"wamid.HBgLMzQ2","emoji":"👍"}})"},
    {"reaction_removed", R"({"type":"reaction","reaction":{"message_id":"wamid.HBgLMzQ2"}})"},
    {"interactive", R"({"interactive":{"type":"button_reply","button_reply":{"id":"yes",
		"title":"Sí"}},"context":{"from":"34910000001","id":"wamid.HBgLMzQ2"}})"},
    {"list_reply", R"({"type":"interactive","interactive":{"type":"list_reply","list_reply":
		{"id":"row-1","title":"Mañana","description":"De 9 a 11"}}})"},
    {"nfm_reply", R"({"type":"interactive","interactive":{"type":"nfm_reply","nfm_reply":
		{"name":"flow","body":"Sent","response_json":"{\"flow_token\":\"t\",\"when\":\"10:30\"}"}}})"},
    {"call_permission_reply", R"({"type":"interactive","interactive":{"type":
		"call_permission_reply","call_permission_reply":{"response":"accept",
		"expiration_timestamp":1795400000}}})"},
    {"button", R"({"button":{"payload":"CONFIRM-1","text":"Confirmar"},
		"context":{"from":"34910000001","id":"wamid.HBgLMzQ2"}})"},
    {"order", R"({"order":{"catalog_id":"194836987003835","text":"Para el lunes","product_items":
		[{"product_retailer_id":"sku-1","quantity":2,"item_price":12.5,"currency":"EUR"}]}})"},
    {"system", R"({"system":{"body":"Ana changed from 34655555555 to 34655555556",
		"type":"user_changed_number","wa_id":"34655555556","user_id":"ES.1349000000000002",
		"previous_user_id":"ES.1349000000000001"}})"},
    {"user_changed_user_id", R"({"type":"system","system":{"body":"User id changed",
		"type":"user_changed_user_id","user_id":"ES.1349000000000002",
		"previous_user_id":"ES.1349000000000001"}})"},
    {"edit", R"({"edit":{"original_message_id":"wamid.HBgLMzQ2","message":{"type":"text",
		"text":{"body":"Mejor el martes"}}}})"},
    {"revoke", R"({"revoke":{"original_message_id":"wamid.HBgLMzQ2"}})"},
    {"unsupported", R"({"errors":[{"code":131051,"title":"Message type unknown",
		"message":"Message type unknown","error_data":{"details":"Message type is not currently
		supported."}}],"unsupported":{"type":"poll"}})"},
    {"forwarded", R"({"type":"text","text":{"body":"Mira"},"context":{"forwarded":true}})"},
    {"product_enquiry",
     R"({"type":"text","text":{"body":"¿Precio?"},"context":{"from":"34910000001",
		"id":"wamid.HBgLMzQ2","referred_product":{"catalog_id":"194836987003835",
		"product_retailer_id":"sku-1"}}})"},
    {"ad", R"({"type":"text","text":{"body":"Vi su anuncio"},"referral":{"source_url":
		"https://fb.me/x","source_id":"120","source_type":"ad","body":"Pan","headline":"Panadería",
		"media_type":"image","image_url":"https://example.com/x.jpg","ctwa_clid":"Aff",
		"welcome_message":{"text":"Hola"}}})"}};

const Sample fields[] = {
    {"message_template_status_update", R"({"event":"APPROVED","message_template_id":
		1689556908129832,"message_template_name":"po_notification","message_template_language":"es",
		"reason":"NONE","message_template_category":"UTILITY"})"},
    {"message_template_quality_update", R"({"previous_quality_score":"GREEN",
		"new_quality_score":"YELLOW","message_template_id":1689556908129832,
		"message_template_name":"po_notification","message_template_language":"es"})"},
    {"message_template_components_update", R"({"message_template_id":1689556908129832,
		"message_template_name":"po_notification","message_template_language":"es",
		"message_template_element":"Hola {{1}}","message_template_title":"Pedido",
		"message_template_footer":"Panadería","message_template_buttons":[
		{"message_template_button_type":"URL","message_template_button_text":"Ver",
		"message_template_button_url":"https://example.com/{{1}}"}]})"},
    {"template_category_update", R"({"message_template_id":1689556908129832,
		"message_template_name":"po_notification","message_template_language":"es",
		"previous_category":"UTILITY","new_category":"MARKETING"})"},
    {"template_correct_category_detection", R"({"message_template_id":1689556908129832,
		"category":"MARKETING"})"},
    {"phone_number_quality_update", R"({"display_phone_number":"34910000001",
		"event":"THROUGHPUT_UPGRADE","max_daily_conversations_per_business":"TIER_UNLIMITED",
		"current_limit":"TIER_UNLIMITED"})"},
    {"phone_number_name_update", R"({"display_phone_number":"34910000001","decision":"APPROVED",
		"requested_verified_name":"Panadería Muñoz","rejection_reason":null})"},
    {"account_update", R"({"event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":
		"RESTRICTED_BIZ_INITIATED_MESSAGING","expiration":1795500000}]})"},
    {"account_review_update", R"({"decision":"APPROVED"})"},
    {"account_alerts", R"({"entity_type":"BUSINESS","entity_id":"506914307656634","alert_info":
		{"alert_severity":"WARNING","alert_status":"ACTIVE",
		"alert_type":"INCREASED_CAPABILITIES_ELIGIBILITY_DEFERRED","alert_description":"Later."}})"},
    {"business_capability_update", R"({"max_daily_conversations_per_business":2000,
		"max_phone_numbers_per_business":20,"max_phone_numbers_per_waba":20})"},
    {"security", R"({"display_phone_number":"34910000001","event":"PIN_CHANGED",
		"requester":"61555822107539"})"},
    {"user_preferences", R"({"messaging_product":"whatsapp","metadata":{"display_phone_number":
		"34910000001","phone_number_id":"123456789"},"contacts":[{"profile":{"name":"Ana Núñez"},
		"wa_id":"34655555555","user_id":"ES.1349000000000001"}],"user_preferences":[{"wa_id":
		"34655555555","user_id":"ES.1349000000000001","detail":"User requested to stop marketing
		messages","category":"marketing_messages","value":"stop","timestamp":1795300000}]})"},
    {"flows", R"({"event":"FLOW_STATUS_CHANGE","message":"Flow was published","flow_id":
		"6627390910605886","old_status":"DRAFT","new_status":"PUBLISHED"})"},
    {"business_username_update", R"({"display_phone_number":"34910000001","username":"panaderia",
		"status":"approved"})"},
    {"history", R"({"messaging_product":"whatsapp","metadata":{"display_phone_number":"34910000001",
		"phone_number_id":"123456789"},"history":[{"metadata":{"phase":0,"chunk_order":1,
		"progress":55},"threads":[{"id":"34655555555","messages":[{"from":"34655555555",
		"id":"wamid.HISTORY1","timestamp":"1795200000","type":"text","text":{"body":"Hola"},
		"history_context":{"status":"READ"}}]}]}]})"},
    {"smb_message_echoes", R"({"messaging_product":"whatsapp","metadata":{"display_phone_number":
		"34910000001","phone_number_id":"123456789"},"message_echoes":[{"from":"34910000001",
		"to":"34655555555","id":"wamid.ECHO1","timestamp":"1795300000","type":"text",
		"text":{"body":"Del móvil"}}]})"},
    {"smb_app_state_sync", R"({"messaging_product":"whatsapp","metadata":{"display_phone_number":
		"34910000001","phone_number_id":"123456789"},"state_sync":[{"type":"contact","contact":
		{"full_name":"Ana Núñez","first_name":"Ana","phone_number":"34655555555"},"action":"add",
		"metadata":{"timestamp":"1795300000"}}]})"},
    {"message_echoes", R"({"messaging_product":"whatsapp","metadata":{"display_phone_number":
		"34910000001","phone_number_id":"123456789"},"message_echoes":[{"from":"34910000001",
		"to":"34655555555","id":"wamid.ECHO2","timestamp":"1795300000","type":"text",
		"text":{"body":"De otro"}}]})"},
    {"standby", R"({"messaging_product":"whatsapp","metadata":{"display_phone_number":"34910000001",
		"phone_number_id":"123456789"},"contacts":[{"profile":{"name":"Ana"},"wa_id":"34655555555",
		"user_id":"ES.1349000000000001"}],"messages":[{"from":"34655555555","id":"wamid.STANDBY1",
		"timestamp":"1795300000","type":"text","text":{"body":"Hola"}}]})"},
    {"messaging_handovers", R"({"event":"CONTROL_TAKEN","wa_id":"34655555555"})"},
    {"payment_configuration_update", R"({"configuration_name":"upi","provider_name":"x",
		"provider_mid":"1","status":"ACTIVE","created_timestamp":1795300000})"},
    {"partner_solutions", R"({"event":"SOLUTION_CREATED","solution_id":"774485461512159",
		"solution_status":"INITIATED"})"},
    {"automatic_events", R"({"automatic_events":[{"id":"wamid.A","event_name":"LeadSubmitted",
		"timestamp":1795300000,"ctwa_clid":"Aff"}]})"},
    {"tracking_events", R"({"events":[{"event_name":"TRACKING","tracking_data":"x",
		"timestamp":1795300000}]})"},
    {"calls", R"({"messaging_product":"whatsapp","metadata":{"display_phone_number":"34910000001",
		"phone_number_id":"123456789"},"calls":[{"id":"wacid.1","to":"34910000001","from":
		"34655555555","event":"connect","timestamp":"1795300000","direction":"USER_INITIATED"}]})"},
    {"group_lifecycle_update", R"({"messaging_product":"whatsapp","metadata":
		{"display_phone_number":"34910000001","phone_number_id":"123456789"},"groups":[{"timestamp":
		"1795300000","group_id":"G1","type":"group_create","subject":"Pedidos"}]})"},
    {"group_participants_update", R"({"messaging_product":"whatsapp","groups":[{"timestamp":
		"1795300000","group_id":"G1","type":"group_participants_add"}]})"},
    {"group_settings_update", R"({"messaging_product":"whatsapp","groups":[{"timestamp":
		"1795300000","group_id":"G1","type":"group_settings_update"}]})"},
    {"group_status_update", R"({"messaging_product":"whatsapp","groups":[{"timestamp":"1795300000",
		"group_id":"G1","type":"group_suspend"}]})"},
    {"account_settings_update", R"({"messaging_product":"whatsapp","timestamp":"1795300000",
		"type":"phone_number_settings"})"}};

/* Line breaks of the source inside strings would not be JSON: they are spaces. */
json
parsed(const char *text)
{
	std::string line;
	for (const char *c = text; *c != '\0'; c++)
		if (*c != '\t')
			line += *c == '\n' ? ' ' : *c;
	return json::parse(line);
}

template <size_t N>
const Sample *
find(const Sample (&samples)[N], const std::string &name)
{
	for (const Sample &sample : samples)
		if (name == sample.name)
			return &sample;
	return nullptr;
}

template <size_t N>
std::vector<std::string>
names(const Sample (&samples)[N])
{
	std::vector<std::string> found;
	for (const Sample &sample : samples)
		found.emplace_back(sample.name);
	return found;
}

} // namespace

std::vector<std::string>
inbound_types()
{
	return names(inbound);
}

std::vector<std::string>
account_fields()
{
	return names(fields);
}

json
inbound_sample(const std::string &type)
{
	const Sample *known = find(inbound, type);
	json sample = known != nullptr ? parsed(known->text) : json{{type, json::object()}};
	if (!sample.contains("type"))
		sample["type"] = type;
	return sample;
}

json
field_sample(const std::string &field)
{
	const Sample *known = find(fields, field);
	return known != nullptr ? parsed(known->text) : json::object();
}

} // namespace sandbox
