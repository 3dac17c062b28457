/*
 * webhook.cpp — every entry, change and item of a delivery as one event.
 *
 * An item that has not the expected shape becomes an event of its own and keeps its JSON; only a
 * body that is no bounded JSON object is refused. Names that belong to many items are clipped, or
 * one long name in a full delivery would be copied fifty thousand times.
 *
 * Statuses and messages are read in place and kept as they came. What has no id of its own is known
 * by its content, and goes through a tree that puts it in order: Meta may write it differently.
 */
#include "core/webhook/webhook.hpp"

#include <charconv>
#include <cstdint>
#include <unordered_map>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/base/fault.hpp"
#include "core/base/json_bounded.hpp"
#include "core/base/json_view.hpp"
#include "core/base/redact.hpp"
#include "core/webhook/signature.hpp"

#include "core/base/server_free.hpp"

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
	/* contacts[] by wa_id and by user_id; views into the delivery */
	std::unordered_map<std::string_view, const JsonNode *> contacts;
	const JsonNode *only_contact = nullptr;
	bool plain = true; /* JsonDocument::plain */
};

/* In one order and without spaces, however it came. */
std::string
in_order(const JsonNode &value)
{
	return to_jsonb_text(json::parse(value.raw.begin(), value.raw.end()));
}

std::string
raw_of(const Context &context, const JsonNode &value)
{
	return context.plain ? std::string(value.raw) : in_order(value);
}

std::string
name_of(const JsonNode *value)
{
	return std::string(clip_text(text_of(value), max_name_bytes));
}

/* Messages carry their time as a string of digits, account fields as an integer. */
std::int64_t
timestamp_of(const JsonNode *value)
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
event_of(Kind kind, const Context &context, const JsonNode &item)
{
	WebhookEvent event;

	event.kind = kind;
	event.field = context.field;
	event.account_id = context.account_id;
	event.phone_number_id = context.phone_number_id;
	event.raw = raw_of(context, item);
	return event;
}

WebhookEvent
malformed(const Context &context, const JsonNode &item)
{
	WebhookEvent event = event_of(Kind::malformed, context, item);

	event.dedupe_key = content_key("x:", context.account_id, context.field, in_order(item));
	return event;
}

std::string
errors_of(const Context &context, const JsonNode &item)
{
	const JsonNode *errors = member(&item, "errors");

	if (errors == nullptr || errors->is(JsonType::null))
		return {};
	const bool list = errors->is(JsonType::array);
	if ((list || errors->is(JsonType::object)) && errors->size == 1)
		return {};
	return list ? raw_of(context, *errors) : "[" + raw_of(context, *errors) + "]";
}

std::string_view
string_of(const JsonNode *value)
{
	return value != nullptr && value->is(JsonType::string) ? value->text : std::string_view();
}

/* By user id first, which nobody else inherits; NULL when none is certain to be meant. */
const JsonNode *
contact_of(const Context &context, const JsonNode *wa_id, const JsonNode *user_id)
{
	for (const JsonNode *id : {user_id, wa_id}) {
		if (context.contacts.empty())
			break;
		auto found = context.contacts.find(string_of(id));
		if (found != context.contacts.end())
			return found->second;
	}
	/* with an id that no contact has, a single contact is somebody else's */
	return string_of(wa_id).empty() && string_of(user_id).empty() ? context.only_contact : nullptr;
}

/* Whether the contact told something new. */
bool
complete_ids(WebhookEvent &event, const JsonNode *contact)
{
	if (contact == nullptr)
		return false;
	bool told = false;
	for (const auto &[id, name] :
	     {std::pair(&event.wa_id, "wa_id"), std::pair(&event.user_id, "user_id")})
		if (id->empty()) {
			*id = text_of(member(contact, name));
			told = told || !id->empty();
		}
	return told;
}

/* Three generations: nothing but conversation.origin; pricing_model CBP without a type; PMP. */
void
read_price(WebhookEvent &event, const JsonNode &item)
{
	const JsonNode *conversation = member(&item, "conversation");
	event.conversation_id = text_of(member(conversation, "id"));
	if (const JsonNode *pricing = member(&item, "pricing")) {
		event.pricing_category = text_of(member(pricing, "category"));
		event.pricing_type = text_of(member(pricing, "type"));
		event.pricing_model = text_of(member(pricing, "pricing_model"));
		const JsonNode *billable = member(pricing, "billable");
		if (billable != nullptr && (billable->is(JsonType::yes) || billable->is(JsonType::no)))
			event.billable = billable->is(JsonType::yes) ? 1 : 0;
	}
	if (event.pricing_category.empty())
		event.pricing_category = text_of(member(member(conversation, "origin"), "type"));
}

/* The time belongs to the identity: of two reports of the same word the earlier one counts, and
 * which came first must not decide. */
std::string
status_identity(const std::string &wamid, const std::string &status, const JsonNode &item)
{
	std::string identity = wamid + ":" + status + ":" + text_of(member(&item, "timestamp"));
	std::string participant = text_of(member(&item, "recipient_participant_id"));
	if (!participant.empty())
		identity += ":" + participant;
	return identity;
}

/* A phone number or a group id and, since usernames exist, perhaps nothing at all. */
WebhookEvent
status_event(const Context &context, const JsonNode &item)
{
	std::string wamid = text_of(member(&item, "id"));
	std::string status = text_of(member(&item, "status"));
	if (wamid.empty() || status.empty())
		return malformed(context, item);

	WebhookEvent event = event_of(Kind::status, context, item);
	event.dedupe_key = dedupe_key("s:", status_identity(wamid, status, item));
	event.timestamp = timestamp_of(member(&item, "timestamp"));
	event.callback_data = text_of(member(&item, "biz_opaque_callback_data"));
	const JsonNode *wa_id = member(&item, "recipient_id");
	const JsonNode *user_id = member(&item, "recipient_user_id");
	event.wa_id = text_of(wa_id);
	event.user_id = text_of(user_id);
	const JsonNode *contact = contact_of(context, wa_id, user_id);
	if (complete_ids(event, contact))
		event.contact = raw_of(context, *contact);
	read_price(event, item);
	event.errors = errors_of(context, item);
	event.wamid = std::move(wamid);
	event.status = std::move(status);
	return event;
}

WebhookEvent
message_event(const Context &context, const JsonNode &item)
{
	std::string wamid = text_of(member(&item, "id"));
	if (wamid.empty())
		return malformed(context, item);

	WebhookEvent event = event_of(Kind::message, context, item);
	event.dedupe_key = dedupe_key("m:", wamid);
	event.timestamp = timestamp_of(member(&item, "timestamp"));
	const JsonNode *wa_id = member(&item, "from");
	const JsonNode *user_id = member(&item, "from_user_id");
	event.wa_id = text_of(wa_id);
	event.user_id = text_of(user_id);
	if (const JsonNode *contact = contact_of(context, wa_id, user_id)) {
		complete_ids(event, contact);
		event.contact = raw_of(context, *contact);
	}
	event.errors = errors_of(context, item);
	event.wamid = std::move(wamid);
	return event;
}

WebhookEvent
error_event(const Context &context, const JsonNode &item)
{
	if (!item.is(JsonType::object))
		return malformed(context, item);

	WebhookEvent event = event_of(Kind::error, context, item);
	event.dedupe_key =
	    content_key("e:", context.account_id, context.phone_number_id, in_order(item));
	event.errors = "[" + event.raw + "]";
	return event;
}

/* Anything but messages: templates, numbers, the account itself, and what is yet to come. */
WebhookEvent
account_event(const Context &context, const JsonNode *time, const JsonNode &change)
{
	const JsonNode *value = member(&change, "value");
	std::string when = time != nullptr ? in_order(*time) : std::string();
	std::string scope = when + '\0' + context.field;

	WebhookEvent event = event_of(Kind::account, context, change);
	event.dedupe_key = content_key("a:", context.account_id, scope,
	                               value != nullptr ? in_order(*value) : std::string());
	json whole = json::parse(change.raw.begin(), change.raw.end());
	whole["entry_id"] = context.account_id;
	if (time != nullptr)
		whole["entry_time"] = json::parse(time->raw.begin(), time->raw.end());
	event.raw = to_jsonb_text(whole);
	event.timestamp = timestamp_of(time);
	return event;
}

using ItemReader = WebhookEvent (*)(const Context &, const JsonNode &);

struct ItemList {
	const char *name;
	ItemReader read;
};

void
read_messages(const Context &context, const JsonNode &change, std::vector<WebhookEvent> &events)
{
	static constexpr ItemList lists[] = {
	    {"messages", message_event}, {"statuses", status_event}, {"errors", error_event}};
	const JsonNode *value = member(&change, "value");
	bool known = false;

	for (const ItemList &list : lists) {
		const JsonNode *items = member(value, list.name);
		if (items == nullptr)
			continue;
		known = true;
		if (!items->is(JsonType::array)) {
			events.push_back(malformed(context, *items));
			continue;
		}
		for (const JsonNode &item : JsonItems(*items))
			events.push_back(list.read(context, item));
	}
	if (!known)
		events.push_back(malformed(context, change));
}

void
read_contacts(Context &context, const JsonNode *value)
{
	const JsonNode *contacts = member(value, "contacts");
	if (contacts == nullptr || !contacts->is(JsonType::array) || contacts->size == 1)
		return;
	const JsonNode &first = *(contacts + 1);
	for (const JsonNode &contact : JsonItems(*contacts))
		for (const char *name : {"wa_id", "user_id"}) {
			std::string_view id = string_of(member(&contact, name));
			if (!id.empty())
				context.contacts.emplace(id, &contact);
		}
	if (contacts->size == first.size + 1)
		context.only_contact = &first;
}

void
read_change(Context context, const JsonNode *time, const JsonNode &change,
            std::vector<WebhookEvent> &events)
{
	const JsonNode *field = member(&change, "field");
	if (field == nullptr || !field->is(JsonType::string)) {
		events.push_back(malformed(context, change));
		return;
	}

	const JsonNode *value = member(&change, "value");
	context.field = name_of(field);
	context.phone_number_id = name_of(member(member(value, "metadata"), "phone_number_id"));

	if (context.field == "messages") {
		read_contacts(context, value);
		read_messages(context, change, events);
	} else {
		events.push_back(account_event(context, time, change));
	}
}

void
read_entry(const JsonNode &entry, bool plain, std::vector<WebhookEvent> &events)
{
	Context context;
	context.account_id = name_of(member(&entry, "id"));
	context.plain = plain;

	const JsonNode *changes = member(&entry, "changes");
	if (changes == nullptr || !changes->is(JsonType::array)) {
		events.push_back(malformed(context, entry));
		return;
	}
	for (const JsonNode &change : JsonItems(*changes))
		read_change(context, member(&entry, "time"), change, events);
}

} // namespace

std::vector<WebhookEvent>
parse_webhook(std::string_view body)
{
	static constexpr char message[] = "webhook delivery cannot be read";
	std::vector<WebhookEvent> events;
	JsonDocument document;

	JsonProblem problem = read_json(body, document);
	if (problem != JsonProblem::none)
		throw Fault(sqlstate::invalid_json, message, json_problem_text(problem));
	const JsonNode &delivery = document.nodes.front();
	if (!delivery.is(JsonType::object))
		throw Fault(sqlstate::invalid_json, message, "The document is not a JSON object.");

	const JsonNode *entries = member(&delivery, "entry");
	if (entries == nullptr || !entries->is(JsonType::array)) {
		Context context;
		context.plain = document.plain;
		events.push_back(malformed(context, delivery));
		return events;
	}
	for (const JsonNode &entry : JsonItems(*entries))
		read_entry(entry, document.plain, events);
	return events;
}

WebhookEvent
parse_status(std::string_view raw, std::string_view contact)
{
	JsonDocument document;
	JsonDocument person;

	if (read_json(raw, document) != JsonProblem::none)
		return {};
	Context context;
	context.plain = document.plain;
	WebhookEvent event = status_event(context, document.nodes.front());
	if (event.kind != Kind::status)
		return {};
	if (!contact.empty() && read_json(contact, person) == JsonProblem::none)
		complete_ids(event, &person.nodes.front());
	return event;
}

} // namespace whatsapp
