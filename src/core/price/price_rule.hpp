/*
 * price_rule.hpp — what Meta charges for, and by which rate: three sets of rules, by the day.
 */
#pragma once

#include <string_view>

namespace whatsapp
{

/* A calendar day in the business account's time zone, as 20261001. */
using Day = int;

/* The first days on which a rule holds. */
inline constexpr Day free_service_conversations_only = 20230601;
inline constexpr Day free_service_conversations = 20241101;
inline constexpr Day charged_by_message = 20250701;
inline constexpr Day service_charged = 20261001;

inline constexpr int free_units_a_month = 1000;

/* conversation: 24 hours opened by a message, several messages are one charge.
 * template_message: each delivered template; no other message.
 * message: each delivered message. */
enum class PriceModel { conversation, template_message, message };

/* rate: by the rate of its category; free_…: nothing, and why. */
enum class PriceBasis { rate, free_entry_point, free_window, free_service };

struct PriceRule {
	PriceModel model = PriceModel::message;
	PriceBasis basis = PriceBasis::rate;
	int free_units = 0;           /* the first ones of a month that are free */
	std::string_view category;    /* whose rate it is; as whatsapp_rates has it */
	const char *reason = nullptr; /* why no price can be told; the rest means nothing then */
};

const char *model_name(PriceModel model) noexcept;
const char *basis_name(PriceBasis basis) noexcept;

/*
 * category: as a status webhook or a template names it, in any case, with - or _. window_open:
 * the recipient has written within the 24 hours before; it makes a utility template free before
 * 2026-10-01.
 */
PriceRule price_rule(std::string_view category, Day day, bool window_open) noexcept;

} // namespace whatsapp
