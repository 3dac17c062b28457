/*
 * usage.cpp — {"<account>": [{"type": …, "call_count": %, "total_cputime": %, "total_time": %,
 * "estimated_time_to_regain_access": minutes}, …]}
 */
#include "core/answer/usage.hpp"

#include <algorithm>
#include <cstdint>

#include "core/base/json_tree.hpp"

#include "core/base/json_bounded.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

/* a typing error of the platform's must not silence a sender for a week */
constexpr double most_minutes = 15;
constexpr double most_percent = 1000;

double
number_of(const json &object, const char *name, double most)
{
	const auto found = object.find(name);
	return found != object.end() && found->is_number() ? std::clamp(found->get<double>(), 0.0, most)
	                                                   : 0;
}

} // namespace

Usage
read_usage(std::string_view header)
{
	Usage usage;
	json tree;
	if (parse_bounded(header, tree) != JsonProblem::none || !tree.is_object())
		return usage;
	for (const json &account : tree) {
		if (!account.is_array())
			continue;
		for (const json &use : account) {
			if (!use.is_object())
				continue;
			for (const char *counter : {"call_count", "total_cputime", "total_time"})
				usage.percent = std::max(usage.percent,
				                         static_cast<int>(number_of(use, counter, most_percent)));
			const double minutes = number_of(use, "estimated_time_to_regain_access", most_minutes);
			usage.regain_ms = std::max(usage.regain_ms, static_cast<std::int64_t>(minutes * 60000));
		}
	}
	return usage;
}

} // namespace whatsapp
