/*
 * progress.hpp — what the statuses of one message add up to, whatever their order and number.
 *
 * The sum is the same in whatever order the statuses come, and however often each of them comes:
 * every field is a minimum or a maximum of what was told, and none is "the last one". The sum of a
 * batch is joined with the message's row by the same rule (pg/webhooks/status_join.cpp), so it
 * does not matter either which delivery a status came with.
 *
 * Failures are no part of the sum: which of them is shown depends on when the message was made.
 */
#pragma once

#include <cstdint>
#include <string_view>

namespace whatsapp
{

struct Outcome;
struct WebhookEvent;

/* What one status tells. Views; empty is absent. */
struct StatusReport {
	std::string_view wamid;
	std::string_view status;
	std::int64_t at = 0; /* Unix seconds; 0, where nobody said, before it is added to a Progress */
	std::string_view wa_id;
	std::string_view user_id;
	std::string_view conversation_id;
	std::string_view pricing_category;
	std::string_view pricing_type;
	std::string_view pricing_model;
	int billable = -1;             /* 0, 1, or -1 where nobody said */
	std::string_view pricing_cost; /* of read_amount(), with its currency */
	std::string_view pricing_currency;
	bool has_error = false;
	std::int64_t error_code = 0;
	std::string_view error_message;
	std::string_view error_details;
	std::string_view hint;
};

/* All texts of a report, for whoever copies them. */
inline constexpr std::string_view StatusReport::*status_texts[] = {&StatusReport::wamid,
                                                                   &StatusReport::status,
                                                                   &StatusReport::wa_id,
                                                                   &StatusReport::user_id,
                                                                   &StatusReport::conversation_id,
                                                                   &StatusReport::pricing_category,
                                                                   &StatusReport::pricing_type,
                                                                   &StatusReport::pricing_model,
                                                                   &StatusReport::pricing_cost,
                                                                   &StatusReport::pricing_currency,
                                                                   &StatusReport::error_message,
                                                                   &StatusReport::error_details,
                                                                   &StatusReport::hint};

/* failure: of judge_failed_status(). Views into both. */
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
	/* a full one before a category alone, then of the highest rank that told one: a message is
	 * charged when it is delivered */
	StatusRank price_rank = StatusRank::none;
	StatusReport price;
	/* the greatest that was told; with its currency */
	std::string_view cost;
	std::string_view currency;
	std::string_view wamid;
	std::string_view wa_id;
	std::string_view user_id;
	std::string_view conversation_id;
};

void add_report(Progress &sum, const StatusReport &report) noexcept;

} // namespace whatsapp
