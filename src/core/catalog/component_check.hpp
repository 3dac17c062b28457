/*
 * component_check.hpp — the checks of a definition's parts; for the *_check.cpp files only.
 */
#pragma once

#include <initializer_list>
#include <string>

#include "core/base/json_tree.hpp"

#include "core/catalog/finding.hpp"

namespace whatsapp
{

/* What the parts must know of the whole. */
struct TemplateTraits {
	std::string category; /* in capitals */
	bool named = false;
	bool offer = false;
	bool carousel = false;
	bool product = false; /* it has a header of format PRODUCT */
};

inline constexpr std::size_t max_button_text_characters = 25;

/* False when it is no object; a finding is noted then. */
bool is_object(const json &value, const FindingPlace &place);
void expect_members(const json &object, const FindingPlace &place,
                    std::initializer_list<const char *> names);

enum class Need : unsigned char { required, optional };
/* NULL when it is absent or of another type. A finding is noted then, unless it is absent and
 * optional. */
const std::string *text_member(const json &object, const char *name, const FindingPlace &place,
                               Need need = Need::required);
const json *list_member(const json &object, const char *name, const FindingPlace &place,
                        Need need = Need::required);
/* A text in capitals, as the platform compares types; empty where text_member() is NULL. */
std::string word_member(const json &object, const char *name, const FindingPlace &place,
                        Need need = Need::required);
/* The type of a component or a button, in capitals; without a finding. */
std::string type_of(const json &object);

/* "The body has 1100 characters, and at most 1024 are possible." */
void check_length(const std::string &text, std::size_t most, Rule rule, const FindingPlace &place,
                  const char *what);

void check_header(const json &header, const FindingPlace &place, const TemplateTraits &traits);
void check_body(const json &body, const FindingPlace &place, const TemplateTraits &traits,
                std::size_t most, Rule too_long);
void check_footer(const json &footer, const FindingPlace &place);
/* where: empty, or "card 1 ". */
void check_buttons(const json &buttons, const FindingPlace &place, const TemplateTraits &traits,
                   const std::string &where);
/* Components of category AUTHENTICATION. */
void check_code_components(const json &components, const FindingPlace &place);
void check_offer(const json &components, const FindingPlace &place);
void check_carousel(const json &components, const FindingPlace &place,
                    const TemplateTraits &traits);

} // namespace whatsapp
