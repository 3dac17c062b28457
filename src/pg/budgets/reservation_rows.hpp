/*
 * reservation_rows.hpp — what a reservation writes: a row of whatsapp_charges for each message, and
 * one of whatsapp_budget_ledger for each budget that counts one of them.
 */
#pragma once

#include <cstddef>
#include <cstdint>

#include "pg/budgets/prices.hpp"

namespace whatsapp::pg
{

struct Reserved {
	std::int64_t message_id;
	const Price *price;
	std::int64_t amount;
};

/* A numeric. */
Datum money_datum(std::int64_t amount);

/* In the transaction of the claim. Both raise when a trigger or a rule leaves rows out. */
void insert_charges(const Reserved *reserved, std::size_t count);
/* Writes the sums of the batch, see Budget. */
void insert_ledger(const Budgets &budgets);

} // namespace whatsapp::pg
