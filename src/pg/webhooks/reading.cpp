/*
 * reading.cpp — C++ owns while it parses; what comes out is copied and needs no destructor.
 */
#include "pg/webhooks/reading.hpp"

#include "core/webhook/inbound.hpp"
#include "core/webhook/signature.hpp"

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
	case WebhookEvent::Kind::malformed:
		break;
	}
	return "malformed";
}

void
keep(const char *&text)
{
	if (text != nullptr)
		text = cstring_out(text);
}

} // namespace

Event
view_of(const WebhookEvent &event, const Outcome &failure)
{
	Event view = {};
	const Fingerprint key = fingerprint(event.dedupe_key);
	static_assert(sizeof view.key == sizeof key);
	memcpy(view.key, key.data(), sizeof view.key);
	view.kind = kind_name(event.kind);
	view.field = event.field.c_str();
	view.account_id = event.account_id.c_str();
	view.phone_number_id = event.phone_number_id.c_str();
	view.raw = event.raw.c_str();
	view.contact = event.contact.c_str();
	view.timestamp = event.timestamp;
	view.wamid = event.wamid.c_str();
	view.status = event.status.c_str();
	view.wa_id = event.wa_id.c_str();
	view.user_id = event.user_id.c_str();
	view.conversation_id = event.conversation_id.c_str();
	view.pricing_category = event.pricing_category.c_str();
	view.pricing_type = event.pricing_type.c_str();
	view.pricing_model = event.pricing_model.c_str();
	view.billable = event.billable;
	view.has_error = failure.has_code;
	view.error_code = failure.code;
	view.error_message = failure.message.c_str();
	view.error_details = failure.details.c_str();
	view.hint = failure.hint.c_str();
	return view;
}

void
fingerprint_of_body(const char *bytes, std::size_t size, unsigned char (&key)[16])
{
	guarded([&] {
		const Fingerprint print = fingerprint(std::string("q:").append(bytes, size));
		memcpy(key, print.data(), sizeof key);
	});
}

bool
read_status(const char *raw, Event &event)
{
	bool found = false;
	guarded([&] {
		const WebhookEvent status = parse_status(raw);
		Outcome failure;
		if (status.status == "failed")
			failure = judge_failed_status(status.errors);
		found = status.kind == WebhookEvent::Kind::status;
		event = view_of(status, failure);
		for (const char **text :
		     {&event.field, &event.account_id, &event.phone_number_id, &event.raw, &event.contact,
		      &event.wamid, &event.status, &event.wa_id, &event.user_id, &event.conversation_id,
		      &event.pricing_category, &event.pricing_type, &event.pricing_model,
		      &event.error_message, &event.error_details, &event.hint})
			keep(*text);
	});
	return found;
}

const char *
read_inbound(const char *message, const char *contact)
{
	const char *columns = nullptr;
	guarded([&] {
		columns = cstring_out(
		    inbound_columns(message, contact == nullptr ? std::string_view() : contact));
	});
	return columns;
}

} // namespace whatsapp::pg
