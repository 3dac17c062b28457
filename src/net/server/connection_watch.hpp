/*
 * connection_watch.hpp — every open connection, the time by which it must get on, and which of them
 * has kept the others waiting longest.
 *
 * A request has one deadline from its first byte to its last, and again for its answer: whatever
 * drips in between buys no time.
 */
#pragma once

#include <cstddef>
#include <cstdint>

namespace whatsapp::net
{

struct WatchedConnection {
	enum class Phase : unsigned char {
		silent,  /* no byte of a request seen yet */
		reading, /* a request has begun */
		waiting, /* whole, and with its owner: no deadline */
		writing, /* the answer */
		leaving, /* the last answer is out: what comes still is thrown away */
		closed,
	};

	int fd = -1;
	Phase phase = Phase::silent;
	bool may_read = true;     /* bytes may be there, or the end */
	bool is_runnable = false; /* something may be done for it in the next turn */
	std::int64_t since_ms = 0;
	std::int64_t deadline_ms = 0;
	WatchedConnection *next = nullptr;
	WatchedConnection *previous = nullptr;

	/* It is the other side that keeps this connection waiting. */
	bool
	is_incomplete() const noexcept
	{
		return phase == Phase::silent || phase == Phase::reading || phase == Phase::leaving;
	}
};

class ConnectionWatch
{
public:
	using Phase = WatchedConnection::Phase;

	void set_limits(long request_timeout_ms, long idle_timeout_ms) noexcept;

	/* Between these two calls, the connection must not move in memory. */
	void add_connection(WatchedConnection &connection, int fd) noexcept;
	void remove_connection(WatchedConnection &connection) noexcept;
	void enter_phase(WatchedConnection &connection, Phase phase) noexcept;

	/* Any; NULL when there is none. */
	WatchedConnection *
	find_any() const noexcept
	{
		return first_;
	}

	/* One that is late, when the time to look has come; NULL when there is no more. */
	WatchedConnection *find_late() noexcept;

	/* Of those that are incomplete and wanted, the one that has been so for the longest time; NULL
	 * when there is none. */
	template <class Wanted>
	WatchedConnection *
	find_oldest_incomplete(Wanted wanted) const noexcept
	{
		WatchedConnection *oldest = nullptr;
		for (WatchedConnection *each = first_; each; each = each->next)
			if (each->is_incomplete() && (!oldest || each->since_ms <= oldest->since_ms) &&
			    wanted(*each))
				oldest = each;
		return oldest;
	}

	/* Milliseconds until find_late() has something to do; -1 without connections. */
	long timeout_ms() const noexcept;

	std::size_t
	connection_count() const noexcept
	{
		return size_;
	}

private:
	WatchedConnection *first_ = nullptr; /* the newest */
	std::size_t size_ = 0;
	std::int64_t request_ms_ = 0;
	std::int64_t idle_ms_ = 0;
	std::int64_t tick_ms_ = 0;
	std::int64_t next_sweep_ms_ = 0;
};

} // namespace whatsapp::net
