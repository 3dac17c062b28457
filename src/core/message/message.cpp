/*
 * message.cpp — the two halves of a request body, written as text.
 *
 * JSON is written through one escaping function and without a tree: a sender that empties a queue
 * builds thousands of bodies a second. What the platform would refuse is refused here, before the
 * queue.
 */
#include "core/message/message.hpp"

#include <charconv>

#include "core/base/ascii.hpp"
#include "core/base/fault.hpp"
#include "core/base/json_bounded.hpp"
#include "core/message/template.hpp"

#include "core/value/recipient.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

/* at least what stands around the texts, so that the string grows once */
constexpr std::size_t room_around = 128;
constexpr std::size_t room_around_parameter = 32;

/* The text between the braces of an object. */
std::string_view
members_of(std::string_view object)
{
	object = trimmed_text(object);
	if (object.size() < 2 || object.front() != '{' || object.back() != '}')
		throw Fault(sqlstate::invalid_json, "message payload is not a JSON object");
	return trimmed_text(object.substr(1, object.size() - 2));
}

/* Cuts ".<number>" off the end. Only what callback_data() writes: 007 or -0 would be another
 * sender's correlation. */
bool
cut_number(std::string_view &text, long long &number) noexcept
{
	const std::size_t dot = text.rfind('.');
	if (dot == std::string_view::npos)
		return false;
	const std::string_view digits = text.substr(dot + 1);
	const std::string_view magnitude = digits.substr(!digits.empty() && digits[0] == '-' ? 1 : 0);
	if (magnitude.empty() || (magnitude[0] == '0' && digits.size() > 1))
		return false;
	const char *end = digits.data() + digits.size();
	auto [stopped, error] = std::from_chars(digits.data(), end, number);
	if (error != std::errc() || stopped != end)
		return false;
	text = text.substr(0, dot);
	return true;
}

} // namespace

std::string
template_payload(std::string_view name, std::string_view language, const Parameter *parameters,
                 std::size_t count)
{
	check_template_name(name);
	check_language(language);
	if (count > max_parameters)
		throw Fault(sqlstate::parameter_mismatch, "too many template parameters",
		            "The message has " + std::to_string(count) + " parameters, and at most " +
		                std::to_string(max_parameters) + " are possible.");
	std::size_t size = room_around + name.size() + language.size();
	std::size_t characters = 0;
	for (std::size_t i = 0; i < count; i++) {
		const Parameter &one = parameters[i];
		characters += check_parameter(one.label.empty() ? "parameter " + std::to_string(i + 1)
		                                                : std::string(one.label),
		                              one.text);
		size += room_around_parameter + one.text.size();
	}
	if (characters > max_message_characters)
		throw Fault(sqlstate::text_too_long, "template parameters are too long",
		            "Together they have " + std::to_string(characters) +
		                " characters, and at most " + std::to_string(max_message_characters) +
		                " are possible.");

	std::string payload;
	payload.reserve(size);
	payload += R"({"type":"template","template":{"name":)";
	append_json_string(payload, name);
	payload += R"(,"language":{"code":)";
	append_json_string(payload, language);
	payload += '}';
	for (std::size_t i = 0; i < count; i++) {
		payload += i == 0 ? R"(,"components":[{"type":"body","parameters":[)" : ",";
		payload += R"({"type":"text","text":)";
		append_json_string(payload, parameters[i].text);
		payload += '}';
	}
	payload += count == 0 ? "}}" : "]}]}}";
	return payload;
}

std::string
template_payload(std::string_view name, std::string_view language,
                 const std::vector<std::string> &parameters, const std::vector<std::string> &labels)
{
	std::vector<Parameter> both;
	both.reserve(parameters.size());
	for (std::size_t i = 0; i < parameters.size(); i++)
		both.push_back({parameters[i], i < labels.size() ? labels[i] : std::string_view()});
	return template_payload(name, language, both.data(), both.size());
}

std::string
request_body(std::string_view to, std::string_view callback_data, std::string_view payload)
{
	std::string_view members = members_of(payload);

	/* A shortened correlation would come back as somebody else's. */
	if (callback_data.size() > max_callback_data)
		throw Fault(sqlstate::text_too_long, "callback data is too long",
		            "It has " + std::to_string(callback_data.size()) +
		                " bytes, and the platform keeps " + std::to_string(max_callback_data) +
		                " of them.");

	std::string body;
	body.reserve(payload.size() + callback_data.size() + to.size() + 128);
	body += R"({"messaging_product":"whatsapp","recipient_type":"individual",)";
	body += looks_like_user_id(to) ? R"("recipient":)" : R"("to":)";
	append_json_string(body, to);
	if (!callback_data.empty()) {
		body += R"(,"biz_opaque_callback_data":)";
		append_json_string(body, callback_data);
	}
	if (!members.empty()) {
		body += ',';
		body += members;
	}
	body += '}';
	return body;
}

std::string
callback_data(const Correlation &correlation)
{
	std::string data(correlation.nonce);

	data += '.';
	data += std::to_string(correlation.id);
	data += '.';
	data += std::to_string(correlation.made_at);
	return data;
}

bool
parse_callback_data(std::string_view text, Correlation &correlation) noexcept
{
	Correlation read;
	if (!cut_number(text, read.made_at) || !cut_number(text, read.id) || text.empty())
		return false;
	read.nonce = text;
	correlation = read;
	return true;
}

} // namespace whatsapp
