/*
 * bulk_result.hpp — what a bulk order comes to: problems, cost, time, and the campaign's row; a
 * part of bulk.hpp.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

struct BulkOrder;
struct Failure;

/* As many characters of a phone as tell its market, and a byte of zero. */
inline constexpr int bulk_prefix_size = 9;
struct BulkPrefix {
	char prefix[bulk_prefix_size];
	std::int64_t messages;
};

/* Counts the problem with others of its kind, and keeps the phones of the first ones. */
void note_bulk_problem(BulkOrder &order, const Failure &why, const char *phone);

/* Both with SPI connected. */
std::int64_t next_campaign_id();
/* Writes the campaign unless it is a dry run, and the results into the order. */
void end_bulk(BulkOrder &order);

} // namespace whatsapp::pg
