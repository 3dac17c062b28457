/*
 * definition.hpp — what a template has, read from its components as Meta lists them; leniently,
 * since they are approved already.
 */
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace whatsapp
{

struct TemplateText {
	std::string text;
	std::vector<std::string> placeholders; /* each once, numbers in their order */
};

struct TemplateButton {
	std::string type; /* in capitals */
	std::string text;
	std::string url;
	std::string phone_number;
	bool variable = false; /* its address ends with a placeholder */
	bool code = false;     /* of a one-time code: Meta lists it as a URL */
};

struct TemplateCard {
	std::string header_format; /* in capitals; empty: none */
	TemplateText header;
	TemplateText body;
	std::vector<TemplateButton> buttons;
};

struct TemplateDefinition {
	TemplateCard whole; /* what stands outside of a carousel */
	std::string footer;
	std::string offer; /* the text of a limited-time offer */
	bool has_offer = false;
	bool offer_expires = false;
	std::vector<TemplateCard> cards;
};

/* components: the array of the listing, or what a component update told. What cannot be read is
 * left out; an empty text gives an empty definition. Fault invalid_json. */
TemplateDefinition read_template_definition(std::string_view components);

} // namespace whatsapp
