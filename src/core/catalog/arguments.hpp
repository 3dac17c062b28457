/*
 * arguments.hpp — what a message gives to its template, and whether the template wants just that.
 */
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/catalog/definition.hpp"
#include "core/message/template.hpp"

namespace whatsapp
{

struct GivenButton {
	std::size_t index = 0;
	std::string sub_type; /* in lower case */
	bool filled = false;  /* it has a parameter; a component alone says nothing */
	std::string text;     /* the end of the URL, the code or the payload */
};

struct GivenCard {
	std::string header_type;            /* in lower case; empty: none */
	std::vector<NamedParameter> header; /* of type text; without names where they are numbered */
	std::string header_name;            /* what a reader sees of media or of a place */
	std::vector<NamedParameter> body;
	std::vector<GivenButton> buttons;
};

struct GivenArguments {
	GivenCard whole;
	bool has_offer = false;
	std::int64_t offer_ends_ms = 0;
	std::vector<GivenCard> cards;
};

/* payload: {"type":"template","template":{…}} as template_message_payload() makes it. Fault
 * invalid_json. */
GivenArguments read_given_arguments(std::string_view payload);

/* has_product_cards(): the template is a carousel of products, for which Meta lists two cards,
 * whatever the number of a message's cards. card_of() gives the card of the definition that belongs
 * to a card of the message: of products, always the first. */
bool has_product_cards(const TemplateDefinition &definition) noexcept;
const TemplateCard &card_of(const TemplateDefinition &definition, std::size_t place);

/* Fault parameter_mismatch: the DETAIL names the component and what it wants; never a text. Fault
 * text_too_long for a body that is too long once it is filled in. */
void check_given_arguments(const TemplateDefinition &definition, const GivenArguments &given,
                           std::string_view name, std::string_view language);

} // namespace whatsapp
