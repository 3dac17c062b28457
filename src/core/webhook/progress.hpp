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

/* failure: of judge_failed_status(). Views into both; the time is 0 where nobody said, and has to
 * be set before the report is added. */
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
	/* a full price before a category alone, then of the highest rank that told one: a message is
	 * charged when it is delivered */
	StatusRank price_rank = StatusRank::none;
	/* the price of that report; the greatest cost, with its currency; of each other text the least.
	 * Neither a status nor a time */
	StatusFacts<std::string_view> told;
};

void add_report(Progress &sum, const StatusReport &report) noexcept;

} // namespace whatsapp
