/*
 * webhook_items.cpp — an item that has not the expected shape becomes an event of its own and keeps
 * its JSON.
 *
 * Statuses and messages are kept as they came. What has no id of its own is known by its content,
 * and goes through a tree that puts it in order: Meta may write it differently when it sends it
 * again.
 */
#include "core/webhook/webhook_items.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <utility>

#include "core/base/json_tree.hpp"

#include "core/base/ascii.hpp"
#include "core/base/json_bounded.hpp"
#include "core/base/redact.hpp"
#include "core/price/rate.hpp"
#include "core/webhook/plain_status.hpp"
#include "core/webhook/signature.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

using Kind = WebhookEvent::Kind;

/* of a copy that each item gets */
constexpr std::size_t max_name_bytes = 256;
constexpr std::size_t max_time_bytes = 64;
constexpr std::size_t max_contact_bytes = 1024;

constexpr std::size_t max_dedupe_key_bytes = 300;

/* The last second of the year 9999: beyond it no timestamp can be shown. */
constexpr std::int64_t max_timestamp = 253402300799;

/* The tree of a value that read_json() has read, so it is valid and within the limits. Each value
 * in it has at least two bytes, with its comma. */
json
tree_of(const JsonNode &value)
{
	reserve_json_room(std::min(value.raw.size() / 2, max_json_values) + 1);
	return json::parse(value.raw.begin(), value.raw.end());
}

/* As JSON without spaces and with sorted members, however it came. */
std::string
in_order(const JsonNode &value)
{
	return to_jsonb_text(tree_of(value));
}

std::string
raw_of(const ItemContext &context, const JsonNode &value)
{
	return context.plain ? std::string(value.raw) : in_order(value);
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
event_of(Kind kind, const ItemContext &context, const JsonNode &item)
{
	WebhookEvent event;

	event.kind = kind;
	event.field = context.field;
	event.account_id = context.account_id;
	event.phone_number_id = context.phone_number_id;
	event.raw = raw_of(context, item);
	return event;
}

std::string
errors_of(const ItemContext &context, const JsonNode &item)
{
	const JsonNode *errors = member(&item, "errors");

	if (errors == nullptr || errors->has_type(JsonType::null))
		return {};
	const bool list = errors->has_type(JsonType::array);
	if ((list || errors->has_type(JsonType::object)) && errors->size == 1)
		return {};
	return list ? raw_of(context, *errors) : "[" + raw_of(context, *errors) + "]";
}

std::string_view
string_of(const JsonNode *value)
{
	return value != nullptr && value->has_type(JsonType::string) ? value->text : std::string_view();
}

/* The contact that belongs to an item: by user id first, since a phone number may get another owner
 * and a user id does not. NULL when it is not certain which one is meant. */
const SharedContact *
contact_of(const ItemContext &context, const JsonNode *wa_id, const JsonNode *user_id)
{
	for (const JsonNode *id : {user_id, wa_id}) {
		if (context.contacts.empty())
			break;
		auto found = context.contacts.find(string_of(id));
		if (found != context.contacts.end())
			return &context.persons[found->second];
	}
	/* with an id that no contact has, a single contact is somebody else's */
	const bool is_alone = context.persons.size() == 1;
	return is_alone && string_of(wa_id).empty() && string_of(user_id).empty()
	           ? &context.persons.front()
	           : nullptr;
}

bool
is_currency(std::string_view code) noexcept
{
	return code.size() == 3 && std::all_of(code.begin(), code.end(), is_upper);
}

/* Of messages with a maximum price: what this one has cost, in whole units of the currency. */
void
read_cost(WebhookEvent &event, const JsonNode &cost)
{
	const JsonNode *amount = member(&cost, "amount");
	const std::string_view currency = string_of(member(&cost, "currency"));
	if (amount == nullptr || !is_currency(currency))
		return;
	if (amount->has_type(JsonType::integer) || amount->has_type(JsonType::real) ||
	    amount->has_type(JsonType::string))
		event.pricing_cost = read_amount(amount->text);
	if (!event.pricing_cost.empty())
		event.pricing_currency = currency;
}

/* Statuses have told prices in three ways, one after the other: conversation.origin alone;
 * pricing_model CBP without a type; pricing_model PMP. */
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
		if (billable != nullptr &&
		    (billable->has_type(JsonType::yes) || billable->has_type(JsonType::no)))
			event.billable = billable->has_type(JsonType::yes) ? 1 : 0;
		if (const JsonNode *cost = member(pricing, "cost"))
			read_cost(event, *cost);
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

/* What is longer than any id is none. */
std::string
id_of(const JsonNode *value)
{
	return value != nullptr && value->text.size() <= max_name_bytes ? text_of(value)
	                                                                : std::string();
}

void
append_member(std::string &to, const char *name, const std::string &text)
{
	if (text.empty())
		return;
	to += to.back() == '{' ? "\"" : ",\"";
	to.append(name).append("\":");
	append_json_string(to, text);
}

/* The JSON as it came. Of an unusually long one only what inbound.cpp has columns for. */
std::string
contact_text(bool plain, const SharedContact &known, const JsonNode &contact)
{
	if (contact.raw.size() <= max_contact_bytes)
		return plain ? std::string(contact.raw) : in_order(contact);
	const JsonNode *profile = member(&contact, "profile");
	std::string person = "{";
	append_member(person, "name", name_of(member(profile, "name")));
	append_member(person, "username", name_of(member(profile, "username")));
	std::string text = "{";
	append_member(text, "wa_id", known.wa_id);
	append_member(text, "user_id", known.user_id);
	text += text.back() == '{' ? "\"profile\":" : ",\"profile\":";
	return text + person + "}}";
}

} // namespace

std::string
name_of(const JsonNode *value)
{
	return std::string(clip_text(text_of(value), max_name_bytes));
}

void
read_entry_time(ItemContext &context, const JsonNode *time)
{
	if (time == nullptr)
		return;
	const std::string text = in_order(*time);
	const bool is_short = text.size() <= max_time_bytes;
	context.time = is_short ? text : std::string();
	context.time_key = is_short ? text : sha256_hex(text);
	context.timestamp = timestamp_of(time);
}

SharedContact
read_contact(const JsonNode &contact, bool plain)
{
	SharedContact known;
	known.wa_id = id_of(member(&contact, "wa_id"));
	known.user_id = id_of(member(&contact, "user_id"));
	known.text = contact_text(plain, known, contact);
	return known;
}

void
read_contacts(ItemContext &context, const JsonNode *value)
{
	const JsonNode *contacts = member(value, "contacts");
	if (contacts == nullptr || !contacts->has_type(JsonType::array))
		return;
	for (const JsonNode &contact : JsonItems(*contacts)) {
		for (const char *name : {"wa_id", "user_id"}) {
			std::string_view id = string_of(member(&contact, name));
			if (!id.empty())
				context.contacts.emplace(id, context.persons.size());
		}
		context.persons.push_back(read_contact(contact, context.plain));
	}
}

WebhookEvent
malformed_event(const ItemContext &context, const JsonNode &item)
{
	WebhookEvent event = event_of(Kind::malformed, context, item);

	event.dedupe_key = content_key("x:", context.account_id, context.field, in_order(item));
	return event;
}

WebhookEvent
test_event(const ItemContext &context, const JsonNode &change)
{
	WebhookEvent event = event_of(Kind::test, context, change);

	event.dedupe_key = content_key("t:", context.account_id, context.field, in_order(change));
	return event;
}

bool
complete_ids(WebhookEvent &event, const SharedContact &contact)
{
	const std::size_t before = event.wa_id.size() + event.user_id.size();
	if (event.wa_id.empty())
		event.wa_id = contact.wa_id;
	if (event.user_id.empty())
		event.user_id = contact.user_id;
	return before < event.wa_id.size() + event.user_id.size();
}

WebhookEvent
status_event(const ItemContext &context, const JsonNode &item)
{
	std::string wamid = text_of(member(&item, "id"));
	std::string status = text_of(member(&item, "status"));
	if (wamid.empty() || status.empty())
		return malformed_event(context, item);

	WebhookEvent event = event_of(Kind::status, context, item);
	event.dedupe_key = dedupe_key("s:", status_identity(wamid, status, item));
	event.timestamp = timestamp_of(member(&item, "timestamp"));
	event.callback_data = text_of(member(&item, "biz_opaque_callback_data"));
	const JsonNode *wa_id = member(&item, "recipient_id");
	const JsonNode *user_id = member(&item, "recipient_user_id");
	event.wa_id = text_of(wa_id);
	event.user_id = text_of(user_id);
	const SharedContact *contact = contact_of(context, wa_id, user_id);
	if (contact != nullptr && complete_ids(event, *contact))
		event.contact = contact->text;
	read_price(event, item);
	event.errors = errors_of(context, item);
	/* a cost that cannot be read has no column */
	event.is_plain =
	    is_plain_status(item) &&
	    (member(member(&item, "pricing"), "cost") == nullptr || !event.pricing_cost.empty());
	event.wamid = std::move(wamid);
	event.status = std::move(status);
	return event;
}

WebhookEvent
message_event(const ItemContext &context, const JsonNode &item)
{
	std::string wamid = text_of(member(&item, "id"));
	if (wamid.empty())
		return malformed_event(context, item);

	WebhookEvent event = event_of(Kind::message, context, item);
	event.dedupe_key = dedupe_key("m:", wamid);
	event.timestamp = timestamp_of(member(&item, "timestamp"));
	const JsonNode *wa_id = member(&item, "from");
	const JsonNode *user_id = member(&item, "from_user_id");
	event.wa_id = text_of(wa_id);
	event.user_id = text_of(user_id);
	if (const SharedContact *contact = contact_of(context, wa_id, user_id)) {
		complete_ids(event, *contact);
		event.contact = contact->text;
	}
	event.errors = errors_of(context, item);
	event.wamid = std::move(wamid);
	return event;
}

WebhookEvent
error_event(const ItemContext &context, const JsonNode &item)
{
	if (!item.has_type(JsonType::object))
		return malformed_event(context, item);

	WebhookEvent event = event_of(Kind::error, context, item);
	event.dedupe_key =
	    content_key("e:", context.account_id, context.phone_number_id, in_order(item));
	event.errors = "[" + event.raw + "]";
	return event;
}

WebhookEvent
account_event(const ItemContext &context, const JsonNode &change)
{
	const JsonNode *value = member(&change, "value");
	std::string scope = context.time_key + '\0' + context.field;

	WebhookEvent event = event_of(Kind::account, context, change);
	event.dedupe_key = content_key("a:", context.account_id, scope,
	                               value != nullptr ? in_order(*value) : std::string());
	json whole = tree_of(change);
	whole["entry_id"] = context.account_id;
	if (!context.time.empty())
		whole["entry_time"] = json::parse(context.time);
	event.raw = to_jsonb_text(whole);
	event.timestamp = context.timestamp;
	return event;
}

} // namespace whatsapp
