/*
 * progress.cpp — adds one status to the sum: of each field the least or the greatest is kept.
 */
#include "core/webhook/progress.hpp"

#include <tuple>

#include "core/answer/outcome.hpp"
#include "core/webhook/webhook_event.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

void
keep_earliest_time(std::int64_t &sum, std::int64_t at) noexcept
{
	if (sum == 0 || at < sum)
		sum = at;
}

/* Of two that contradict each other, any rule will do that does not ask for their order. */
void
keep_least_text(std::string_view &sum, std::string_view text) noexcept
{
	if (sum.empty() || (!text.empty() && text < sum))
		sum = text;
}

/* Of several prices the one with the least key is kept: one that `pricing` told before the origin
 * of a conversation, which is a category alone; then one that was told with the higher rank. */
auto
price_key(StatusRank rank, const StatusFacts<std::string_view> &report) noexcept
{
	const bool full =
	    !report.pricing_type.empty() || !report.pricing_model.empty() || report.billable >= 0;
	return std::make_tuple(!full, -static_cast<int>(rank), report.pricing_category,
	                       report.pricing_type, report.pricing_model, report.billable);
}

void
add_price(Progress &sum, StatusRank rank, const StatusReport &report) noexcept
{
	if (report.pricing_category.empty() && report.pricing_type.empty())
		return;
	if (price_key(sum.price_rank, sum.told) <= price_key(rank, report))
		return;
	sum.price_rank = rank;
	sum.told.pricing_category = report.pricing_category;
	sum.told.pricing_type = report.pricing_type;
	sum.told.pricing_model = report.pricing_model;
	sum.told.billable = report.billable;
}

void
add_cost(Progress &sum, const StatusReport &report) noexcept
{
	/* the amounts as numbers, see read_amount() */
	if (std::make_tuple(report.pricing_cost.size(), report.pricing_cost, report.pricing_currency) <=
	    std::make_tuple(sum.told.pricing_cost.size(), sum.told.pricing_cost,
	                    sum.told.pricing_currency))
		return;
	sum.told.pricing_cost = report.pricing_cost;
	sum.told.pricing_currency = report.pricing_currency;
}

} // namespace

StatusRank
rank_of(std::string_view status) noexcept
{
	if (status == "sent")
		return StatusRank::sent;
	if (status == "delivered")
		return StatusRank::delivered;
	if (status == "read" || status == "played")
		return StatusRank::read;
	return status == "failed" ? StatusRank::failed : StatusRank::none;
}

StatusReport
read_report(const WebhookEvent &event, const Outcome &failure) noexcept
{
	StatusReport report;
	copy_status_facts(report, event);
	report.has_error = failure.has_code;
	report.error_code = failure.code;
	report.error_message = failure.message;
	report.error_details = failure.details;
	report.hint = failure.hint;
	return report;
}

void
add_report(Progress &sum, const StatusReport &report) noexcept
{
	const StatusRank rank = rank_of(report.status);
	if (rank == StatusRank::none)
		return;
	keep_least_text(sum.told.wamid, report.wamid);
	if (rank == StatusRank::failed)
		return;
	keep_earliest_time(sum.sent_at, report.timestamp);
	if (rank >= StatusRank::delivered)
		keep_earliest_time(sum.delivered_at, report.timestamp);
	if (rank >= StatusRank::read)
		keep_earliest_time(sum.read_at, report.timestamp);
	add_price(sum, rank, report);
	add_cost(sum, report);
	keep_least_text(sum.told.wa_id, report.wa_id);
	keep_least_text(sum.told.user_id, report.user_id);
	keep_least_text(sum.told.conversation_id, report.conversation_id);
}

} // namespace whatsapp
