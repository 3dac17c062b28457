/*
 * event_reading.cpp — C++ owns while it parses; what comes out is copied and needs no destructor.
 */
#include "pg/webhooks/event_reading.hpp"

#include "core/webhook/event_key.hpp"

#include "pg/server/boundary.hpp"

namespace whatsapp::pg
{

namespace
{

const char *
kind_name(WebhookEvent::Kind kind) noexcept
{
	switch (kind) {
	case WebhookEvent::Kind::status:
		return "status";
	case WebhookEvent::Kind::message:
		return "message";
	case WebhookEvent::Kind::error:
		return "error";
	case WebhookEvent::Kind::account:
		return "account";
	case WebhookEvent::Kind::test:
		return "test";
	case WebhookEvent::Kind::malformed:
		break;
	}
	return "malformed";
}

} // namespace

Event
make_event(const WebhookEvent &event, const Outcome &failure)
{
	Event made = {};
	const Fingerprint key = make_event_key(event);
	static_assert(sizeof made.key == sizeof key);
	memcpy(made.key, key.data(), sizeof made.key);
	made.kind = kind_name(event.kind);
	made.field = event.field;
	made.account_id = event.account_id;
	made.phone_number_id = event.phone_number_id;
	made.raw = event.raw;
	made.contact = event.contact;
	made.report = read_report(event, failure);
	made.is_plain = event.is_plain;
	return made;
}

void
fingerprint_body(const char *bytes, std::size_t size, unsigned char (&key)[16])
{
	run_body([&] {
		const Fingerprint print = make_fingerprint(std::string("q:").append(bytes, size));
		memcpy(key, print.data(), sizeof key);
	});
}

bool
read_stored_status(const char *raw, const char *contact, StatusReport &report)
{
	bool found = false;
	run_body([&] {
		const WebhookEvent status =
		    parse_status(raw, contact == nullptr ? std::string_view() : contact);
		Outcome failure;
		if (status.status == "failed")
			failure = judge_failed_status(status.errors);
		found = status.kind == WebhookEvent::Kind::status;
		report = read_report(status, failure);
		const auto copy_text = [](std::string_view &text) {
			text = {cstring_out(text), text.size()};
		};
		for (std::string_view StatusFacts<std::string_view>::*text : status_texts<std::string_view>)
			copy_text(report.*text);
		for (std::string_view StatusReport::*text :
		     {&StatusReport::error_message, &StatusReport::error_details, &StatusReport::hint})
			copy_text(report.*text);
	});
	return found;
}

} // namespace whatsapp::pg
