/*
 * holds.hpp: answers that are held back: for some milliseconds, until a webhook was taken, or for
 * ever.
 *
 * A held connection is suspended in the HTTP server and costs no thread, so thousands of slow
 * answers can be under way at once. A ticket is released once, whoever comes first; later releases
 * find nothing.
 */
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <queue>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "exchange.hpp"

namespace sandbox
{

class Holds
{
public:
	using Ticket = uint64_t;

	Holds();
	~Holds();
	Holds(const Holds &) = delete;
	Holds &operator=(const Holds &) = delete;

	/* Suspends the exchange until due (microseconds), or for ever. From the server thread only. */
	Ticket hold(Exchange &exchange, std::optional<int64_t> due);

	/* Lets the answer go, with another reply if one is given. From any thread. */
	void release(Ticket ticket, std::optional<Reply> reply = std::nullopt);

	/* Resets whatever is held and holds nothing any more: the server can't stop before that. */
	void stop();

private:
	struct Due {
		int64_t at;
		Ticket ticket;
		bool
		operator>(const Due &other) const
		{
			return at > other.at;
		}
	};

	void run();
	void sweep();

	std::mutex mutex_;
	std::condition_variable wake_;
	std::unordered_map<Ticket, Exchange *> held_;
	std::unordered_set<Ticket> endless_;
	std::priority_queue<Due, std::vector<Due>, std::greater<Due>> timers_;
	Ticket next_ = 1;
	bool stopping_ = false;
	std::thread thread_;
};

} // namespace sandbox
