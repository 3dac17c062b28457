/*
 * progress.cpp — the join of the lattice, field by field.
 */
#include "core/webhook/progress.hpp"

#include <tuple>

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

auto
failure_key(const StatusReport &report) noexcept
{
	return std::make_tuple(report.at, report.has_error ? report.error_code : 0,
	                       report.error_message);
}

auto
price_key(const StatusReport &report) noexcept
{
	return std::make_tuple(report.pricing_category, report.pricing_type, report.pricing_model,
	                       report.billable);
}

void
add_price(Progress &sum, StatusRank rank, const StatusReport &report) noexcept
{
	if (report.pricing_category.empty() && report.pricing_type.empty())
		return;
	if (rank < sum.price_rank ||
	    (rank == sum.price_rank && price_key(sum.price) <= price_key(report)))
		return;
	sum.price_rank = rank;
	sum.price = report;
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

void
add(Progress &sum, const StatusReport &report) noexcept
{
	const StatusRank rank = rank_of(report.status);
	if (rank == StatusRank::none)
		return;
	least(sum.wamid, report.wamid);
	if (rank == StatusRank::failed) {
		if (!sum.failed || failure_key(report) < failure_key(sum.failure))
			sum.failure = report;
		sum.failed = true;
		return;
	}
	earliest(sum.sent_at, report.at);
	if (rank >= StatusRank::delivered)
		earliest(sum.delivered_at, report.at);
	if (rank >= StatusRank::read)
		earliest(sum.read_at, report.at);
	add_price(sum, rank, report);
	least(sum.wa_id, report.wa_id);
	least(sum.user_id, report.user_id);
	least(sum.conversation_id, report.conversation_id);
}

} // namespace whatsapp
