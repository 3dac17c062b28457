/*
 * rate_card.hpp — Meta's rate cards as they come.
 *
 * A card is a CSV file: some lines of prose, then a header on a later line, then one line for each
 * market:
 *
 *     Market,Currency,Marketing,Utility,Authentication,"Authentication-
 *     International",Service
 *     Spain,$US,0.0707,0.0200,0.0200,n/a,0.0200
 *
 * Columns are taken by name. The card of volume tiers has one line for each step:
 *
 *     Market,Category,Volume from,Rate
 */
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace whatsapp
{

struct CardRate {
	std::string market;
	std::string category;         /* as whatsapp_rates has it: authentication_international */
	std::int64_t volume_from = 1; /* the first message of the month that has this rate */
	std::string rate;             /* plain digits; empty where the card says n/a */
	int line = 0;                 /* of the file, from 1 */
};

/*
 * Reads such a file, or an XLSX workbook with the same lines, whatever its name says. currency: ISO
 * 4217; a card that names another one is refused. Fault invalid_parameter_value for an XLS
 * workbook, and for what is no rate card, with the line and what is wrong there. Whatever it does
 * not understand it refuses: a rate that was guessed is worse than none.
 */
std::vector<CardRate> read_rate_card(std::string_view file, std::string_view currency);

} // namespace whatsapp
