/*
 * template_message.hpp — a template message with all of its components.
 *
 * template_payload() of message.hpp is for body parameters alone, as watched tables have them; this
 * is for the rest: named parameters, header, buttons, cards, a limited-time offer, a one-time code.
 */
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/message/template.hpp"

namespace whatsapp
{

/* Empty is absent; JSON is text. */
struct TemplateMessage {
	std::string_view name;
	std::string_view language;
	std::vector<std::string> parameters; /* of the body, {{1}} and so on */
	std::vector<NamedParameter> named;   /* of the body */
	/* a text, or {"image": {…}}, {"video": …}, {"document": …}, {"location": …}, {"product": …} */
	std::string_view header;
	/* an element a button, by its place: null, or {"url": "suffix"}, {"payload": …},
	 * {"coupon_code": …}, {"flow": {…}}, {"catalog": {…}}, {"mpm": {…}}, {"voice_call": {…}} */
	std::string_view buttons;
	/* an element a card: {"header": …, "parameters": […], "named": {…}, "buttons": […]} */
	std::string_view cards;
	std::optional<std::int64_t> offer_ends_ms; /* since 1970 */
	std::string_view code; /* of an authentication template: body and button alike */
	/* more components, as the Cloud API reference has them */
	std::string_view components;
	std::string_view reply_to;
};

/* {"type":"template","template":{…}}. Faults as in template.hpp and content.hpp: each names the
 * component and the place in it, never its text. */
std::string template_message_payload(const TemplateMessage &message);

/* For TemplateMessage::header: an uploaded document. */
std::string document_header(std::string_view id, std::string_view filename);

} // namespace whatsapp
