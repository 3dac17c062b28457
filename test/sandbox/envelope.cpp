/*
 * envelope.cpp: the JSON bodies of webhooks, in Meta's escaped form.
 *
 * The profile name holds letters beyond ASCII on purpose: a receiver that decodes a body before it
 * checks the signature fails on every one of them, and not only in production.
 */
#include "envelope.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <stdexcept>

#include "errors.hpp"
#include "text.hpp"

namespace sandbox
{

namespace
{

const char *const pricings[] = {"cbp",  "conversation", "pmp",      "typed", "free_entry_point",
                                "free", "none",         "max_price"};

void
webhook_member(std::string &out, const char *name, std::string_view value)
{
	out += '"';
	out += name;
	out += "\":";
	quote_webhook(out, value);
}

void
append_contact(std::string &out, std::string_view name, const Traits &traits, Naming naming)
{
	out += "{\"profile\":{";
	webhook_member(out, "name", name);
	out += "}";
	if (!traits.wa_id.empty() && naming != Naming::UserId) {
		out += ",";
		webhook_member(out, "wa_id", traits.wa_id);
	}
	if (naming != Naming::Phone) {
		out += ",";
		webhook_member(out, "user_id", traits.user_id);
	}
	out += "}";
}

/* Of the eldest ways each has more than the next; the values are those of Meta's samples. */
void
append_pricing(std::string &out, const Status &status, Pricing pricing)
{
	const bool sent = std::strcmp(status.status, "sent") == 0;
	const bool entry_point = pricing == Pricing::FreeEntryPoint;
	const std::string &category = status.traits.category;
	if (pricing == Pricing::Cbp || pricing == Pricing::Conversation || entry_point) {
		out += ",\"conversation\":{";
		webhook_member(out, "id", "c0ffee" + user_id_of(status.traits.wamid).substr(3));
		if (sent)
			out += ",\"expiration_timestamp\":\"" + std::to_string(status.at_us / 1000000 + 86400) +
			       "\"";
		out += ",\"origin\":{";
		webhook_member(out, "type", entry_point ? "referral_conversion" : category);
		out += "}}";
	}
	out += ",\"pricing\":{";
	if (pricing != Pricing::Typed)
		out +=
		    entry_point || pricing == Pricing::Free ? "\"billable\":false," : "\"billable\":true,";
	webhook_member(out, "pricing_model", pricing == Pricing::Cbp ? "CBP" : "PMP");
	if (pricing != Pricing::Cbp) {
		out += ",";
		webhook_member(out, "type",
		               entry_point                ? "free_entry_point"
		               : pricing == Pricing::Free ? "free_customer_service"
		                                          : "regular");
	}
	out += ",";
	webhook_member(out, "category", entry_point ? "referral_conversion" : category);
	if (pricing == Pricing::MaxPrice && !sent && category == "marketing_lite") {
		const std::string &phone = status.traits.wa_id;
		out += ",\"cost\":{\"amount\":0.03";
		out += phone.empty() ? '0' : phone.back();
		out += ",\"currency\":\"USD\"}";
	}
	out += "}";
}

void
append_status(std::string &out, const Status &status, const StatusStyle &style)
{
	const Traits &traits = status.traits;
	const bool failed = status.code >= 0;
	out += "{";
	webhook_member(out, "id", traits.wamid);
	out += ",";
	webhook_member(out, "status", status.status);
	out += ",\"timestamp\":\"" + std::to_string(status.at_us / 1000000) + "\"";
	if (!traits.wa_id.empty() && style.naming != Naming::UserId) {
		out += ",";
		webhook_member(out, "recipient_id", traits.wa_id);
	}
	if (!failed && style.naming != Naming::Phone) {
		out += ",";
		webhook_member(out, "recipient_user_id", traits.user_id);
	}
	if (!traits.callback_data.empty()) {
		out += ",";
		webhook_member(out, "biz_opaque_callback_data", traits.callback_data);
	}
	if (status.priced && style.pricing != Pricing::None)
		append_pricing(out, status, style.pricing);
	if (failed) {
		const KnownError known = known_error(status.code);
		out += ",\"errors\":[{\"code\":" + std::to_string(status.code) + ",";
		webhook_member(out, "title", known.title);
		out += ",";
		webhook_member(out, "message", known.title);
		out += ",\"error_data\":{";
		webhook_member(out, "details", known.details);
		out += "},";
		webhook_member(out, "href",
		               "/documentation/business-messaging/whatsapp/support/error-codes");
		out += "}]";
	}
	out += "}";
}

void
open_value(std::string &out, std::string_view number_id, std::string_view display)
{
	out += "{\"value\":{\"messaging_product\":\"whatsapp\",\"metadata\":{";
	webhook_member(out, "display_phone_number", display);
	out += ",";
	webhook_member(out, "phone_number_id", number_id);
	out += "}";
}

std::string
open_envelope(const std::string &account_id)
{
	std::string out = "{\"object\":\"whatsapp_business_account\",\"entry\":[{";
	webhook_member(out, "id", account_id);
	return out;
}

} // namespace

Pricing
pricing_of(const std::string &name)
{
	for (size_t i = 0; i < std::size(pricings); i++)
		if (name == pricings[i])
			return static_cast<Pricing>(i);
	throw std::runtime_error("pricing: no such way: " + name);
}

const char *
name_of(Pricing pricing)
{
	return pricings[static_cast<size_t>(pricing)];
}

std::string
status_json(const Status &status, const StatusStyle &style)
{
	std::string out;
	append_status(out, status, style);
	return out;
}

std::string
status_envelope(const std::string &account_id,
                const std::unordered_map<std::string, std::string> &displays,
                std::vector<Status> &statuses, const StatusStyle &style)
{
	/* One change per sending number; the order within a number stays. */
	if (displays.size() > 1)
		std::stable_sort(statuses.begin(), statuses.end(), [](const Status &a, const Status &b) {
			return a.traits.number_id < b.traits.number_id;
		});
	std::string out = open_envelope(account_id);
	out.reserve(512 + 768 * statuses.size());
	out += ",\"changes\":[";
	size_t changes = 0;
	for (size_t i = 0; i < statuses.size(); changes++) {
		const std::string &number_id = statuses[i].traits.number_id;
		size_t end = i;
		while (end < statuses.size() && statuses[end].traits.number_id == number_id &&
		       (style.per_change == 0 || end - i < style.per_change))
			end++;
		if (changes > 0 && style.per_entry > 0 && changes % style.per_entry == 0) {
			out += "]},{";
			webhook_member(out, "id", account_id);
			out += ",\"changes\":[";
		} else {
			out += i > 0 ? "," : "";
		}
		const auto display = displays.find(number_id);
		open_value(out, number_id, display == displays.end() ? "" : display->second);
		const char *comma = ",\"contacts\":[";
		for (size_t n = i; n < end; n++) {
			if (statuses[n].code >= 0)
				continue; /* never for failed */
			out += comma;
			append_contact(out, "Panadería Muñoz", statuses[n].traits, style.naming);
			comma = ",";
		}
		out += *comma == ',' && comma[1] == '\0' ? "]" : "";
		out += ",\"statuses\":[";
		for (size_t n = i; n < end; n++) {
			out += n > i ? "," : "";
			append_status(out, statuses[n], style);
		}
		out += "]},\"field\":\"messages\"}";
		i = end;
	}
	return out + "]}]}";
}

std::string
account_envelope(const std::string &account_id, const std::string &field, const std::string &value)
{
	return open_envelope(account_id) + ",\"time\":" + std::to_string(now_us() / 1000000) +
	       ",\"changes\":[{\"value\":" + escape_unicode(value) +
	       ",\"field\":" + quoted_text(field) + "}]}]}";
}

} // namespace sandbox
