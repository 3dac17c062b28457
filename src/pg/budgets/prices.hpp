/*
 * prices.hpp — what messages will cost, looked up once for each kind of message and market.
 */
#pragma once

#include <cstddef>
#include <cstdint>

#include "pg/budgets/limits.hpp"
#include "pg/server/prelude.hpp"

namespace whatsapp::pg
{

struct PricedMessage;

/* How many messages of a sender count as the free ones of the month. */
struct FreeUnits {
	const char *sender;
	std::int64_t month; /* its first day, a DateADT */
	std::int64_t used;
	FreeUnits *next;
};

struct Price {
	bool is_known;
	std::int64_t amount;
	const char *category; /* NULL: not known */
	/* the first ones of a month are free; NULL when none is */
	FreeUnits *free_units;
	std::int64_t free_limit;
	/* the budgets that count the message, as places in Budgets::rows; with none, nothing is
	 * reserved */
	int budgets;
	int *budget;
	Datum periods; /* their periods, a bigint[] */
};

/* In a transaction. Returns a price for each message, good until the next call. */
Price **find_prices(const PricedMessage *messages, std::size_t count, Budgets &budgets);

} // namespace whatsapp::pg
