/*
 * graph_limits.hpp: Meta's limit of calls to the business account per hour, and the book of the
 * calls that are no message.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

namespace sandbox
{

struct Exchange;

class GraphCalls
{
public:
	/* Books the call. False: the limit is reached, and the answer says so. */
	bool arrived(Exchange &exchange, const std::string &id, const std::string &edge, int per_hour);

	/* One JSON document per line. */
	std::string list() const;
	void clear();

private:
	struct Call {
		int64_t at;
		std::string method, id, edge;
		bool refused;
	};
	std::deque<Call> calls_;
};

} // namespace sandbox
