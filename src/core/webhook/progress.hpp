/*
 * progress.hpp — what the statuses of one message add up to, whatever their order and number.
 *
 * The sum is the same in whatever order the statuses come, and however often each of them comes:
 * every field is a minimum or a maximum of what was told, and none is "the last one". The sum of a
 * batch is joined with the message's row by the same rule (pg/webhooks/status_columns.cpp), so it
 * does not matter either which delivery a status came with.
 *
 * Failures are no part of the sum: which of them is shown depends on when the message was made.
 */
#pragma once

#include <cstdint>
#include <string_view>

#include "core/webhook/status_facts.hpp"

namespace whatsapp
{

struct Outcome;
struct WebhookEvent;

/* One status, and what its failure means. Views; empty is absent. */
struct StatusReport : StatusFacts<std::string_view> {
	bool has_error = false;
	std::int64_t error_code = 0;
	std::string_view error_message;
	std::string_view error_details;
	std::string_view hint;
};

/* failure: what judge_failed_status() made of its errors. The report is a view into both. Its time
 * is 0 when the status told none; then it has to be set before add_report(). */
StatusReport read_report(const WebhookEvent &event, const Outcome &failure) noexcept;

enum class StatusRank : signed char { failed = -1, none, sent, delivered, read };

/* none for a word that says nothing about the status. A voice note that was played has been read.
 */
StatusRank rank_of(std::string_view status) noexcept;

struct Progress {
	/* Unix seconds, 0 for none; read implies delivered implies sent */
	std::int64_t sent_at = 0;
	std::int64_t delivered_at = 0;
	std::int64_t read_at = 0;
	/* the rank of the report whose price is kept: one with a full price goes before one with a
	 * category alone, then the higher rank does, since a message is charged when it is delivered */
	StatusRank price_rank = StatusRank::none;
	/* the price of that report; the greatest cost, with its currency; of each other text the least.
	 * Status and time are not set here */
	StatusFacts<std::string_view> told;
};

void add_report(Progress &sum, const StatusReport &report) noexcept;

} // namespace whatsapp
