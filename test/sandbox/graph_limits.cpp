/*
 * graph_limits.cpp: 80007 above the limit; each answer tells how much of it is used up.
 */
#include "graph_limits.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "errors.hpp"
#include "exchange.hpp"
#include "text.hpp"

namespace sandbox
{

namespace
{

const int64_t hour_us = int64_t{3600} * 1000000;
const size_t most_calls = 100000;

} // namespace

bool
GraphCalls::arrived(Exchange &exchange, const std::string &id, const std::string &edge,
                    int per_hour)
{
	const int64_t now = now_us();
	int64_t oldest = now;
	int count = 0;
	for (const Call &call : calls_)
		if (!call.refused && call.at > now - hour_us) {
			oldest = std::min(oldest, call.at);
			count++;
		}
	const bool refused = per_hour > 0 && count >= per_hour;
	calls_.push_back({now, exchange.method, id, edge, refused});
	if (calls_.size() > most_calls)
		calls_.pop_front();
	if (per_hour <= 0)
		return true;
	const int64_t minutes = refused ? (oldest + hour_us - now) / 60000000 + 1 : 0;
	const nlohmann::json usage = {{id,
	                               {{{"type", "whatsapp_business_management"},
	                                 {"call_count", 100 * (count + (refused ? 0 : 1)) / per_hour},
	                                 {"total_cputime", 1},
	                                 {"total_time", 1},
	                                 {"estimated_time_to_regain_access", minutes}}}}};
	if (refused)
		exchange.reply = error_reply({80007});
	exchange.reply.headers.emplace_back("X-Business-Use-Case-Usage", usage.dump());
	return !refused;
}

std::string
GraphCalls::list() const
{
	std::string out;
	for (const Call &call : calls_)
		out += nlohmann::json({{"at", static_cast<double>(call.at) / 1e6},
		                       {"method", call.method},
		                       {"id", call.id},
		                       {"edge", call.edge},
		                       {"refused", call.refused}})
		           .dump() +
		       "\n";
	return out;
}

void
GraphCalls::clear()
{
	calls_.clear();
}

} // namespace sandbox
