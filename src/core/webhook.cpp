/*
 * webhook.cpp — every entry, change and item of a delivery as one event.
 *
 * An item that has not the expected shape becomes an event of its own and keeps its JSON; only a
 * body that is no bounded JSON object is refused. Names that belong to many items are clipped, or
 * one long name in a full delivery would be copied fifty thousand times.
 */
#include "core/webhook.hpp"

#include <charconv>
#include <cstdint>
#include <unordered_map>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/fault.hpp"
#include "core/json_bounded.hpp"
#include "core/redact.hpp"
#include "core/signature.hpp"

#include "core/server_free.hpp"

namespace whatsapp
{
namespace
{

using nlohmann::json;
using Kind = WebhookEvent::Kind;

static_assert(max_webhook_depth == max_json_depth && max_webhook_values == max_json_values,
              "webhook.hpp promises the limits of the bounded parser");

constexpr std::size_t max_name_bytes = 256;
constexpr std::size_t max_dedupe_key_bytes = 300;

/* The last second of the year 9999: beyond it no timestamp can be shown. */
constexpr std::int64_t max_timestamp = 253402300799;

/* What all items of one change have in common. */
struct Context {
	std::string field;
	std::string account_id;
	std::string phone_number_id;
	/* contacts[] by wa_id and by user_id; views into the delivery's tree */
	std::unordered_map<std::string_view, const json *> contacts;
	const json *only_contact = nullptr;
};

std::string
name_of(const json *value)
{
	return std::string(clip(text_of(value), max_name_bytes));
}

/* Messages carry their time as a string of digits, account fields as an integer. */
std::int64_t
timestamp_of(const json *value)
{
	std::string text = text_of(value);
	std::int64_t seconds = 0;

	const char *end = text.data() + text.size();
	auto [stopped, error] = std::from_chars(text.data(), end, seconds);
	bool valid = error == std::errc() && stopped == end && seconds >= 0 && seconds <= max_timestamp;
	return valid ? seconds : 0;
}

/* prefix and identity, or prefix and a digest where the identity is too long for an index. */
std::string
dedupe_key(std::string_view prefix, std::string_view identity)
{
	std::string key(prefix);

	if (prefix.size() + identity.size() <= max_dedupe_key_bytes)
		key += identity;
	else
		key += sha256_hex(identity);
	return key;
}

/* For what has no id of its own. The separator cannot occur in the parts, which are free of NUL. */
std::string
content_key(std::string_view prefix, std::string_view account_id, std::string_view scope,
            std::string_view content)
{
	std::string identity(account_id);

	identity += '\0';
	identity += scope;
	identity += '\0';
	identity += content;
	return std::string(prefix) + sha256_hex(identity);
}

WebhookEvent
event_of(Kind kind, const Context &context, const json &item)
{
	WebhookEvent event;

	event.kind = kind;
	event.field = context.field;
	event.account_id = context.account_id;
	event.phone_number_id = context.phone_number_id;
	event.raw = to_jsonb_text(item);
	return event;
}

WebhookEvent
malformed(const Context &context, const json &item)
{
	WebhookEvent event = event_of(Kind::malformed, context, item);

	event.dedupe_key = content_key("x:", context.account_id, context.field, event.raw);
	return event;
}

std::string
errors_of(const json &item)
{
	const json *errors = member(item, "errors");

	if (errors == nullptr || errors->is_null() || errors->empty())
		return {};
	return errors->is_array() ? to_jsonb_text(*errors) : "[" + to_jsonb_text(*errors) + "]";
}

std::string_view
string_of(const json *value)
{
	return value != nullptr && value->is_string()
	           ? std::string_view(value->get_ref<const std::string &>())
	           : std::string_view();
}

/* By user id first, which nobody else inherits; NULL when none is certain to be meant. */
const json *
contact_of(const Context &context, const json *wa_id, const json *user_id)
{
	for (const json *id : {user_id, wa_id}) {
		auto found = context.contacts.find(string_of(id));
		if (found != context.contacts.end())
			return found->second;
	}
	/* with an id that no contact has, a single contact is somebody else's */
	return string_of(wa_id).empty() && string_of(user_id).empty() ? context.only_contact : nullptr;
}

void
complete(WebhookEvent &event, const json *contact)
{
	if (contact == nullptr)
		return;
	if (event.wa_id.empty())
		event.wa_id = text_of(member(*contact, "wa_id"));
	if (event.user_id.empty())
		event.user_id = text_of(member(*contact, "user_id"));
}

/* Three generations: nothing but conversation.origin; pricing_model CBP without a type; PMP. */
void
read_price(WebhookEvent &event, const json &item)
{
	const json *conversation = member(item, "conversation");
	if (conversation != nullptr)
		event.conversation_id = text_of(member(*conversation, "id"));
	if (const json *pricing = member(item, "pricing")) {
		event.pricing_category = text_of(member(*pricing, "category"));
		event.pricing_type = text_of(member(*pricing, "type"));
		event.pricing_model = text_of(member(*pricing, "pricing_model"));
		const json *billable = member(*pricing, "billable");
		if (billable != nullptr && billable->is_boolean())
			event.billable = billable->get<bool>() ? 1 : 0;
	}
	const json *origin = conversation != nullptr ? member(*conversation, "origin") : nullptr;
	if (event.pricing_category.empty() && origin != nullptr)
		event.pricing_category = text_of(member(*origin, "type"));
}

/* The time belongs to the identity: of two reports of the same word the earlier one counts, and
 * which came first must not decide. */
std::string
status_identity(const std::string &wamid, const std::string &status, const json &item)
{
	std::string identity = wamid + ":" + status + ":" + text_of(member(item, "timestamp"));
	std::string participant = text_of(member(item, "recipient_participant_id"));
	if (!participant.empty())
		identity += ":" + participant;
	return identity;
}

/* A phone number or a group id and, since usernames exist, perhaps nothing at all. */
WebhookEvent
status_event(const Context &context, const json &item)
{
	std::string wamid = text_of(member(item, "id"));
	std::string status = text_of(member(item, "status"));
	if (wamid.empty() || status.empty())
		return malformed(context, item);

	WebhookEvent event = event_of(Kind::status, context, item);
	event.dedupe_key = dedupe_key("s:", status_identity(wamid, status, item));
	event.timestamp = timestamp_of(member(item, "timestamp"));
	event.callback_data = text_of(member(item, "biz_opaque_callback_data"));
	const json *wa_id = member(item, "recipient_id");
	const json *user_id = member(item, "recipient_user_id");
	event.wa_id = text_of(wa_id);
	event.user_id = text_of(user_id);
	complete(event, contact_of(context, wa_id, user_id));
	read_price(event, item);
	event.errors = errors_of(item);
	event.wamid = std::move(wamid);
	event.status = std::move(status);
	return event;
}

WebhookEvent
message_event(const Context &context, const json &item)
{
	std::string wamid = text_of(member(item, "id"));
	if (wamid.empty())
		return malformed(context, item);

	WebhookEvent event = event_of(Kind::message, context, item);
	event.dedupe_key = dedupe_key("m:", wamid);
	event.timestamp = timestamp_of(member(item, "timestamp"));
	const json *wa_id = member(item, "from");
	const json *user_id = member(item, "from_user_id");
	event.wa_id = text_of(wa_id);
	event.user_id = text_of(user_id);
	if (const json *contact = contact_of(context, wa_id, user_id)) {
		complete(event, contact);
		event.contact = to_jsonb_text(*contact);
	}
	event.errors = errors_of(item);
	event.wamid = std::move(wamid);
	return event;
}

WebhookEvent
error_event(const Context &context, const json &item)
{
	if (!item.is_object())
		return malformed(context, item);

	WebhookEvent event = event_of(Kind::error, context, item);
	event.dedupe_key = content_key("e:", context.account_id, context.phone_number_id, event.raw);
	event.errors = "[" + event.raw + "]";
	return event;
}

/* Anything but messages: templates, numbers, the account itself, and what is yet to come. */
WebhookEvent
account_event(const Context &context, const json *time, json &change)
{
	const json *value = member(change, "value");
	std::string when = time != nullptr ? to_jsonb_text(*time) : std::string();
	std::string scope = when + '\0' + context.field;
	std::string key = content_key("a:", context.account_id, scope,
	                              value != nullptr ? to_jsonb_text(*value) : std::string());

	change["entry_id"] = context.account_id;
	if (time != nullptr)
		change["entry_time"] = *time;
	WebhookEvent event = event_of(Kind::account, context, change);
	event.dedupe_key = std::move(key);
	event.timestamp = timestamp_of(time);
	return event;
}

using ItemReader = WebhookEvent (*)(const Context &, const json &);

struct ItemList {
	const char *name;
	ItemReader read;
};

void
read_messages(const Context &context, const json &change, std::vector<WebhookEvent> &events)
{
	static constexpr ItemList lists[] = {
	    {"messages", message_event}, {"statuses", status_event}, {"errors", error_event}};
	const json *value = member(change, "value");
	bool known = false;

	for (const ItemList &list : lists) {
		const json *items = value != nullptr ? member(*value, list.name) : nullptr;
		if (items == nullptr)
			continue;
		known = true;
		if (!items->is_array()) {
			events.push_back(malformed(context, *items));
			continue;
		}
		for (const json &item : *items)
			events.push_back(list.read(context, item));
	}
	if (!known)
		events.push_back(malformed(context, change));
}

void
read_contacts(Context &context, const json &value)
{
	const json *contacts = member(value, "contacts");
	if (contacts == nullptr || !contacts->is_array())
		return;
	for (const json &contact : *contacts)
		for (const char *name : {"wa_id", "user_id"}) {
			std::string_view id = string_of(member(contact, name));
			if (!id.empty())
				context.contacts.emplace(id, &contact);
		}
	if (contacts->size() == 1)
		context.only_contact = &contacts->front();
}

void
read_change(Context context, const json *time, json &change, std::vector<WebhookEvent> &events)
{
	const json *field = member(change, "field");
	if (field == nullptr || !field->is_string()) {
		events.push_back(malformed(context, change));
		return;
	}

	context.field = name_of(field);
	if (const json *value = member(change, "value"))
		if (const json *metadata = member(*value, "metadata"))
			context.phone_number_id = name_of(member(*metadata, "phone_number_id"));

	if (context.field == "messages") {
		if (const json *value = member(change, "value"))
			read_contacts(context, *value);
		read_messages(context, change, events);
	} else {
		events.push_back(account_event(context, time, change));
	}
}

void
read_entry(json &entry, std::vector<WebhookEvent> &events)
{
	Context context;
	context.account_id = name_of(member(entry, "id"));

	const json *changes = member(entry, "changes");
	if (changes == nullptr || !changes->is_array()) {
		events.push_back(malformed(context, entry));
		return;
	}
	const json *time = member(entry, "time");
	for (json &change : entry["changes"])
		read_change(context, time, change, events);
}

} // namespace

std::vector<WebhookEvent>
parse_webhook(std::string_view body)
{
	static constexpr char message[] = "webhook delivery cannot be read";
	std::vector<WebhookEvent> events;
	json delivery;

	JsonProblem problem = parse_bounded(body, delivery);
	if (problem != JsonProblem::none)
		throw Fault(sqlstate::invalid_json, message, json_problem_text(problem));
	if (!delivery.is_object())
		throw Fault(sqlstate::invalid_json, message, "The document is not a JSON object.");

	const json *entries = member(delivery, "entry");
	if (entries == nullptr || !entries->is_array()) {
		events.push_back(malformed({}, delivery));
		return events;
	}
	for (json &entry : delivery["entry"])
		read_entry(entry, events);
	return events;
}

WebhookEvent
parse_status(std::string_view raw)
{
	json item;

	if (parse_bounded(raw, item) != JsonProblem::none)
		return {};
	WebhookEvent event = status_event({}, item);
	return event.kind == Kind::status ? event : WebhookEvent();
}

} // namespace whatsapp
