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
earliest(std::int64_t &sum, std::int64_t at) noexcept
{
	if (sum == 0 || at < sum)
		sum = at;
}

/* Of two that contradict each other, any rule will do that does not ask for their order. */
void
least(std::string_view &sum, std::string_view text) noexcept
{
	if (sum.empty() || (!text.empty() && text < sum))
		sum = text;
}

/* The least counts: what `pricing` told before a conversation's origin, which is a category alone;
 * then what was told with the higher rank. */
auto
price_key(StatusRank rank, const StatusReport &report) noexcept
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
	if (price_key(sum.price_rank, sum.price) <= price_key(rank, report))
		return;
	sum.price_rank = rank;
	sum.price = report;
}

void
add_cost(Progress &sum, const StatusReport &report) noexcept
{
	/* the amounts as numbers, see read_amount() */
	if (std::make_tuple(report.pricing_cost.size(), report.pricing_cost, report.pricing_currency) <=
	    std::make_tuple(sum.cost.size(), sum.cost, sum.currency))
		return;
	sum.cost = report.pricing_cost;
	sum.currency = report.pricing_currency;
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
	report.wamid = event.wamid;
	report.status = event.status;
	report.at = event.timestamp;
	report.wa_id = event.wa_id;
	report.user_id = event.user_id;
	report.conversation_id = event.conversation_id;
	report.pricing_category = event.pricing_category;
	report.pricing_type = event.pricing_type;
	report.pricing_model = event.pricing_model;
	report.billable = event.billable;
	report.pricing_cost = event.pricing_cost;
	report.pricing_currency = event.pricing_currency;
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
	least(sum.wamid, report.wamid);
	if (rank == StatusRank::failed)
		return;
	earliest(sum.sent_at, report.at);
	if (rank >= StatusRank::delivered)
		earliest(sum.delivered_at, report.at);
	if (rank >= StatusRank::read)
		earliest(sum.read_at, report.at);
	add_price(sum, rank, report);
	add_cost(sum, report);
	least(sum.wa_id, report.wa_id);
	least(sum.user_id, report.user_id);
	least(sum.conversation_id, report.conversation_id);
}

} // namespace whatsapp
