/*
 * envelope.cpp: the JSON bodies of webhooks, in Meta's escaped form.
 *
 * The profile name holds letters beyond ASCII on purpose: a receiver that decodes a body before it
 * checks the signature fails on every one of them, and not only in production.
 */
#include "envelope.hpp"

#include <algorithm>

#include "errors.hpp"
#include "text.hpp"

namespace sandbox
{

namespace
{

void
member(std::string &out, const char *name, std::string_view value)
{
	out += '"';
	out += name;
	out += "\":";
	quote_webhook(out, value);
}

void
append_contact(std::string &out, std::string_view name, std::string_view wa_id,
               std::string_view user_id)
{
	out += "{\"profile\":{";
	member(out, "name", name);
	out += "}";
	if (!wa_id.empty()) {
		out += ",";
		member(out, "wa_id", wa_id);
	}
	out += ",";
	member(out, "user_id", user_id);
	out += "}";
}

void
append_status(std::string &out, const Status &status)
{
	const Traits &traits = status.traits;
	const bool failed = status.code >= 0;
	out += "{";
	member(out, "id", traits.wamid);
	out += ",\"status\":\"";
	out += status.status;
	out += "\",\"timestamp\":\"" + std::to_string(status.at_us / 1000000) + "\"";
	if (!traits.wa_id.empty()) {
		out += ",";
		member(out, "recipient_id", traits.wa_id);
	}
	if (!failed) {
		out += ",";
		member(out, "recipient_user_id", traits.user_id);
	}
	if (!traits.callback_data.empty()) {
		out += ",";
		member(out, "biz_opaque_callback_data", traits.callback_data);
	}
	if (status.priced) {
		out += ",\"pricing\":{\"billable\":true,\"pricing_model\":\"PMP\",\"type\":\"regular\",";
		member(out, "category", traits.category);
		out += "}";
	}
	if (failed) {
		const KnownError known = known_error(status.code);
		out += ",\"errors\":[{\"code\":" + std::to_string(status.code) + ",";
		member(out, "title", known.title);
		out += ",";
		member(out, "message", known.title);
		out += ",\"error_data\":{";
		member(out, "details", known.details);
		out += "},";
		member(out, "href", "/documentation/business-messaging/whatsapp/support/error-codes");
		out += "}]";
	}
	out += "}";
}

void
open_value(std::string &out, std::string_view number_id, std::string_view display)
{
	out += "{\"value\":{\"messaging_product\":\"whatsapp\",\"metadata\":{";
	member(out, "display_phone_number", display);
	out += ",";
	member(out, "phone_number_id", number_id);
	out += "}";
}

std::string
open_envelope(const std::string &account_id)
{
	std::string out = "{\"object\":\"whatsapp_business_account\",\"entry\":[{";
	member(out, "id", account_id);
	return out;
}

} // namespace

std::string
status_envelope(const std::string &account_id,
                const std::unordered_map<std::string, std::string> &displays,
                std::vector<Status> &statuses)
{
	/* One change per sending number; the order within a number stays. */
	if (displays.size() > 1)
		std::stable_sort(statuses.begin(), statuses.end(), [](const Status &a, const Status &b) {
			return a.traits.number_id < b.traits.number_id;
		});
	std::string out = open_envelope(account_id);
	out.reserve(512 + 768 * statuses.size());
	out += ",\"changes\":[";
	for (size_t i = 0; i < statuses.size();) {
		const std::string &number_id = statuses[i].traits.number_id;
		size_t end = i;
		while (end < statuses.size() && statuses[end].traits.number_id == number_id)
			end++;
		out += i > 0 ? "," : "";
		const auto display = displays.find(number_id);
		open_value(out, number_id, display == displays.end() ? "" : display->second);
		const char *comma = ",\"contacts\":[";
		for (size_t n = i; n < end; n++) {
			if (statuses[n].code >= 0)
				continue; /* never for failed */
			out += comma;
			append_contact(out, "Panadería Muñoz", statuses[n].traits.wa_id,
			               statuses[n].traits.user_id);
			comma = ",";
		}
		out += *comma == ',' && comma[1] == '\0' ? "]" : "";
		out += ",\"statuses\":[";
		for (size_t n = i; n < end; n++) {
			out += n > i ? "," : "";
			append_status(out, statuses[n]);
		}
		out += "]},\"field\":\"messages\"}";
		i = end;
	}
	return out + "]}]}";
}

std::string
inbound_envelope(const std::string &account_id, const Inbound &inbound)
{
	const std::string wa_id = digits(inbound.from);
	const std::string user_id = user_id_of(wa_id);
	std::string out = open_envelope(account_id) + ",\"changes\":[";
	open_value(out, inbound.number_id, inbound.display);
	out += ",\"contacts\":[";
	append_contact(out, inbound.name, wa_id, user_id);
	out += "],\"messages\":[{";
	member(out, "from", wa_id);
	out += ",";
	member(out, "from_user_id", user_id);
	out += ",";
	member(out, "id", inbound.id);
	out += ",\"timestamp\":\"" + std::to_string(now_us() / 1000000) + "\",\"text\":{";
	member(out, "body", inbound.text);
	return out + "},\"type\":\"text\"}]},\"field\":\"messages\"}]}]}";
}

std::string
account_envelope(const std::string &account_id, const std::string &field, const std::string &value)
{
	return open_envelope(account_id) + ",\"time\":" + std::to_string(now_us() / 1000000) +
	       ",\"changes\":[{\"value\":" + escape_unicode(value) + ",\"field\":" + quoted(field) +
	       "}]}]}";
}

} // namespace sandbox
