/*
 * webhook.cpp — every entry, change and item of a delivery as one event.
 *
 * A delivery is read in place. One that is not JSON as it should be is mended first, character by
 * character, so that half an emoji in one name does not take the statuses of others with it; what
 * is beyond the limits is cut out. Only what cannot be read then is refused.
 */
#include "core/webhook/webhook.hpp"

#include "core/base/json_tree.hpp"

#include "core/base/fault.hpp"
#include "core/base/json_bounded.hpp"
#include "core/base/json_lenient.hpp"
#include "core/base/json_view.hpp"
#include "core/webhook/webhook_items.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

using Kind = WebhookEvent::Kind;
using Events = std::vector<WebhookEvent>;

static_assert(max_webhook_depth == max_json_depth && max_webhook_values == max_json_values,
              "webhook.hpp promises the limits of the bounded parser");

using ItemReader = WebhookEvent (*)(const ItemContext &, const JsonNode &);

struct ItemList {
	const char *name;
	ItemReader read;
};

void
read_messages(const ItemContext &context, const JsonNode &change, Events &events)
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
		if (!items->has_type(JsonType::array)) {
			events.push_back(malformed_event(context, *items));
			continue;
		}
		for (const JsonNode &item : JsonItems(*items))
			events.push_back(list.read(context, item));
	}
	if (!known)
		events.push_back(malformed_event(context, change));
}

void
read_change(ItemContext context, const JsonNode &change, Events &events)
{
	const JsonNode *field = member(&change, "field");
	if (field == nullptr || !field->has_type(JsonType::string)) {
		events.push_back(malformed_event(context, change));
		return;
	}

	const JsonNode *value = member(&change, "value");
	context.field = name_of(field);
	context.phone_number_id = name_of(member(member(value, "metadata"), "phone_number_id"));

	if (context.field == "messages") {
		read_contacts(context, value);
		read_messages(context, change, events);
	} else {
		events.push_back(account_event(context, change));
	}
}

void
read_entry(const JsonNode &entry, bool plain, Events &events)
{
	ItemContext context;
	context.account_id = name_of(member(&entry, "id"));
	context.plain = plain;
	read_entry_time(context, member(&entry, "time"));

	const JsonNode *changes = member(&entry, "changes");
	if (changes == nullptr || !changes->has_type(JsonType::array)) {
		events.push_back(malformed_event(context, entry));
		return;
	}
	for (const JsonNode &change : JsonItems(*changes))
		read_change(context, change, events);
}

/* A bare change, as the app's dashboard shows and posts it for a test, or what is no delivery. */
void
read_bare_object(const JsonNode &object, bool plain, Events &events)
{
	ItemContext context;
	context.plain = plain;
	const JsonNode *field = member(&object, "field");
	const JsonNode *value = member(&object, "value");
	if (field == nullptr || !field->has_type(JsonType::string) || value == nullptr) {
		events.push_back(malformed_event(context, object));
		return;
	}
	context.field = name_of(field);
	context.phone_number_id = name_of(member(member(value, "metadata"), "phone_number_id"));
	events.push_back(test_event(context, object));
}

void
read_object(const JsonNode &object, bool plain, Events &events)
{
	const JsonNode *entries = member(&object, "entry");
	if (entries == nullptr || !entries->has_type(JsonType::array)) {
		read_bare_object(object, plain, events);
		return;
	}
	for (const JsonNode &entry : JsonItems(*entries))
		read_entry(entry, plain, events);
}

/* The text that document points into. */
struct MendedText {
	std::string text;
	bool is_cut = false;
};

/* A body with too many values is not cut, since half an item might be left, and be taken for
 * another one. It is put aside for people to look at. */
JsonProblem
read_mended(std::string_view body, JsonProblem problem, JsonDocument &document, MendedText &mended)
{
	if (problem == JsonProblem::syntax || problem == JsonProblem::number) {
		mended.text = mend_json(body);
		document = {};
		problem = read_json(mended.text, document);
	}
	json tree;
	mended.is_cut = problem == JsonProblem::depth || problem == JsonProblem::key ||
	                problem == JsonProblem::string;
	if (!mended.is_cut || !parse_lenient(body, tree))
		return problem;
	mended.text = to_jsonb_text(tree);
	document = {};
	return read_json(mended.text, document);
}

} // namespace

WebhookDelivery
read_webhook(std::string_view body)
{
	static constexpr char message[] = "webhook delivery cannot be read";
	WebhookDelivery delivery;
	JsonDocument document;
	MendedText mended;

	JsonProblem problem = read_json(body, document);
	if (problem != JsonProblem::none)
		problem = read_mended(body, problem, document, mended);
	if (problem != JsonProblem::none)
		throw Fault(sqlstate::invalid_json, message, json_problem_text(problem));
	const JsonNode &root = document.nodes.front();
	const bool is_list = root.has_type(JsonType::array) && root.size > 1;
	if (!root.has_type(JsonType::object) && !is_list)
		throw Fault(sqlstate::invalid_json, message, "The document is not a JSON object.");

	delivery.is_cut = mended.is_cut;
	if (!is_list)
		read_object(root, document.plain, delivery.events);
	else
		for (const JsonNode &item : JsonItems(root))
			read_object(item, document.plain, delivery.events);
	return delivery;
}

std::vector<WebhookEvent>
parse_webhook(std::string_view body)
{
	return read_webhook(body).events;
}

WebhookEvent
parse_status(std::string_view raw, std::string_view contact)
{
	JsonDocument document;
	JsonDocument person;

	if (read_json(raw, document) != JsonProblem::none)
		return {};
	ItemContext context;
	context.plain = document.plain;
	WebhookEvent event = status_event(context, document.nodes.front());
	if (event.kind != Kind::status)
		return {};
	if (!contact.empty() && read_json(contact, person) == JsonProblem::none)
		complete_ids(event, read_contact(person.nodes.front(), person.plain));
	return event;
}

} // namespace whatsapp
