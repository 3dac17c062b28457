/*
 * price_rule.cpp — categories, and what each of the three models makes of them.
 */
#include "core/price/price_rule.hpp"

#include <algorithm>

#include "core/base/ascii.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr std::string_view rated[] = {"marketing", "utility", "authentication",
                                      "authentication_international", "service"};

/* Categories that no rate card prices. */
struct Unrated {
	std::string_view category;
	const char *reason;
};
constexpr Unrated unrated[] = {
    {"marketing_lite", "bid"},  {"group_marketing", "group"},        {"group_utility", "group"},
    {"group_service", "group"}, {"general_purpose_ai", "surcharge"},
};

bool
same_category(std::string_view given, std::string_view category) noexcept
{
	return std::equal(given.begin(), given.end(), category.begin(), category.end(),
	                  [](char a, char b) {
		                  const char lower = to_lower(a);
		                  return (lower == '-' ? '_' : lower) == b;
	                  });
}

PriceModel
model_of(Day day) noexcept
{
	if (day < charged_by_message)
		return PriceModel::conversation;
	return day < service_charged ? PriceModel::template_message : PriceModel::message;
}

/* Until May 2023 the first 1,000 conversations of a month were free, whatever they were about. From
 * June 2023 on the first 1,000 service conversations were, and from November 2024 on all of
 * them. */
void
apply_conversation_rules(PriceRule &rule, Day day, bool service) noexcept
{
	if (service && day >= free_service_conversations)
		rule.basis = PriceBasis::free_service;
	else if (service || day < free_service_conversations_only)
		rule.free_units = free_units_a_month;
}

} // namespace

const char *
model_name(PriceModel model) noexcept
{
	switch (model) {
	case PriceModel::conversation:
		return "conversation";
	case PriceModel::template_message:
		return "template_message";
	case PriceModel::message:
		break;
	}
	return "message";
}

const char *
basis_name(PriceBasis basis) noexcept
{
	switch (basis) {
	case PriceBasis::free_entry_point:
		return "free_entry_point";
	case PriceBasis::free_window:
		return "free_window";
	case PriceBasis::free_service:
		return "free_service";
	case PriceBasis::rate:
		break;
	}
	return "rate";
}

PriceRule
price_rule(std::string_view category, Day day, bool window_open) noexcept
{
	PriceRule rule;
	rule.model = model_of(day);
	if (same_category(category, "referral_conversion")) {
		rule.basis = PriceBasis::free_entry_point;
		return rule;
	}
	for (const Unrated &kind : unrated)
		if (same_category(category, kind.category))
			rule.reason = kind.reason;
	for (const std::string_view kind : rated)
		if (same_category(category, kind))
			rule.category = kind;
	if (rule.category.empty()) {
		if (rule.reason == nullptr)
			rule.reason = "unknown_category";
		return rule;
	}
	const bool service = rule.category == "service";
	switch (rule.model) {
	case PriceModel::conversation:
		apply_conversation_rules(rule, day, service);
		break;
	case PriceModel::template_message:
		if (service)
			rule.basis = PriceBasis::free_service;
		else if (window_open && rule.category == "utility")
			rule.basis = PriceBasis::free_window;
		break;
	case PriceModel::message:
		if (service)
			rule.free_units = free_units_a_month;
		break;
	}
	return rule;
}

} // namespace whatsapp
