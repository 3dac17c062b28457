/*
 * webhook_fuzz.cpp — any bytes as a delivery: a Fault or events that the database can take.
 *
 * Parsing an event's raw JSON again must work, reading the same delivery twice must give the same
 * keys, and what the reader makes of messages and account fields must be fit for columns. Both
 * readers of JSON must see the same.
 */
#include <cstdint>

#include "core/webhook/account.hpp"
#include "core/base/fault.hpp"
#include "core/webhook/inbound.hpp"
#include "core/webhook/keyword.hpp"
#include "core/answer/outcome.hpp"
#include "core/base/redact.hpp"
#include "core/webhook/webhook.hpp"

#include "../unit/json_rebuilt.hpp"
#include "../unit/jsonb_text.hpp"
#include "expect.hpp"

namespace
{

void
check(const whatsapp::WebhookEvent &event)
{
	EXPECT(whatsapp::jsonb_accepts(event.raw));
	EXPECT(!event.dedupe_key.empty() && event.dedupe_key.size() <= 300);
	EXPECT(event.timestamp >= 0);
	for (const std::string *text :
	     {&event.field, &event.account_id, &event.phone_number_id, &event.dedupe_key, &event.wamid,
	      &event.status, &event.callback_data, &event.wa_id, &event.user_id, &event.conversation_id,
	      &event.pricing_category, &event.pricing_type, &event.pricing_model})
		EXPECT(whatsapp::clean_utf8(*text) == *text);
	EXPECT(event.billable >= -1 && event.billable <= 1);
	if (!event.errors.empty()) {
		EXPECT(whatsapp::jsonb_accepts(event.errors));
		whatsapp::judge_failed_status(event.errors);
	}
	EXPECT(event.contact.empty() || whatsapp::jsonb_accepts(event.contact));
}

void
check_again(const whatsapp::WebhookEvent &event)
{
	using Kind = whatsapp::WebhookEvent::Kind;
	switch (event.kind) {
	case Kind::status: {
		const whatsapp::WebhookEvent again = whatsapp::parse_status(event.raw, event.contact);
		EXPECT(again.kind == Kind::status && again.dedupe_key == event.dedupe_key);
		EXPECT(again.wa_id == event.wa_id && again.user_id == event.user_id);
		break;
	}
	case Kind::message: {
		const std::string columns = whatsapp::inbound_columns(event.raw, event.contact);
		EXPECT(whatsapp::jsonb_accepts(columns) && columns.size() >= 2);
		EXPECT(whatsapp::contact_key(event.wa_id).size() <= event.wa_id.size());
		whatsapp::keyword_key(columns);
		whatsapp::keyword_key(event.wa_id);
		break;
	}
	case Kind::account: {
		const whatsapp::AccountEvent facts = whatsapp::read_account_event(event.raw);
		const whatsapp::TemplateFacts &known = facts.message_template;
		EXPECT(known.components.empty() || whatsapp::jsonb_accepts(known.components));
		EXPECT(whatsapp::clean_utf8(known.name) == known.name && known.name.size() <= 512);
		EXPECT(facts.account.until >= 0);
		for (const whatsapp::Preference &one : facts.preferences)
			EXPECT(!one.wa_id.empty() || !one.user_id.empty());
		break;
	}
	case Kind::error:
	case Kind::test:
	case Kind::malformed:
		break;
	}
}

void
check_readers(std::string_view body)
{
	whatsapp::JsonDocument document;
	whatsapp::json tree;
	const bool read = whatsapp::read_json(body, document) == whatsapp::JsonProblem::none;
	EXPECT(read == (whatsapp::parse_bounded(body, tree) == whatsapp::JsonProblem::none));
	if (!read)
		return;
	EXPECT(whatsapp::rebuilt(document.nodes.front()) == whatsapp::without_nul(tree));
	EXPECT(!document.plain || whatsapp::jsonb_accepts(document.nodes.front().raw));
}

} // namespace

extern "C" int
LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	std::string_view body(reinterpret_cast<const char *>(data), size);

	check_readers(body);
	try {
		std::vector<whatsapp::WebhookEvent> events = whatsapp::parse_webhook(body);
		std::vector<whatsapp::WebhookEvent> again = whatsapp::parse_webhook(body);
		EXPECT(events.size() == again.size());
		for (std::size_t i = 0; i < events.size(); i++) {
			check(events[i]);
			check_again(events[i]);
			EXPECT(events[i].dedupe_key == again[i].dedupe_key);
		}
	} catch (const whatsapp::Fault &fault) {
		EXPECT(fault.sqlstate() == std::string_view("22032"));
	}
	return 0;
}
