/*
 * webhook_fuzz.cpp — any bytes as a delivery: a Fault or events that the database can take.
 *
 * Parsing an event's raw JSON again must work, and reading the same delivery twice must give the
 * same keys.
 */
#include <cstdint>

#include "core/fault.hpp"
#include "core/outcome.hpp"
#include "core/redact.hpp"
#include "core/webhook.hpp"

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
	if (!event.errors.empty()) {
		EXPECT(whatsapp::jsonb_accepts(event.errors));
		whatsapp::judge_failed_status(event.errors);
	}
}

} // namespace

extern "C" int
LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	std::string_view body(reinterpret_cast<const char *>(data), size);

	try {
		std::vector<whatsapp::WebhookEvent> events = whatsapp::parse_webhook(body);
		std::vector<whatsapp::WebhookEvent> again = whatsapp::parse_webhook(body);
		EXPECT(events.size() == again.size());
		for (std::size_t i = 0; i < events.size(); i++) {
			check(events[i]);
			EXPECT(events[i].dedupe_key == again[i].dedupe_key);
		}
	} catch (const whatsapp::Fault &fault) {
		EXPECT(fault.sqlstate() == std::string_view("22032"));
	}
	return 0;
}
