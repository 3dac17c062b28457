/*
 * connection_watch.hpp — every open connection and the time by which it must get on.
 *
 * libmicrohttpd's own time-out counts silence only: a byte a second keeps a connection for ever.
 * Here a request has one deadline from its first byte to its last, and again for its answer.
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
	};

	int fd = -1;
	Phase phase = Phase::silent;
	bool cut = false; /* by cut_late_connections() */
	std::int64_t since_ms = 0;
	std::int64_t deadline_ms = 0;
	WatchedConnection *next = nullptr;
	WatchedConnection *previous = nullptr;
};

class ConnectionWatch
{
public:
	void set_limits(long request_timeout_ms, long idle_timeout_ms) noexcept;

	/* Between the two, the connection stays where it is. */
	void add_connection(WatchedConnection &connection, int fd) noexcept;
	void remove_connection(WatchedConnection &connection) noexcept;
	void enter_phase(WatchedConnection &connection, WatchedConnection::Phase phase) noexcept;

	/* Cuts what is late when the time to look has come; how many requests that ended. */
	unsigned cut_late_connections() noexcept;
	/* Milliseconds until cut_late_connections() has something to do; -1 without connections. */
	long timeout_ms() const noexcept;

	std::size_t
	connection_count() const noexcept
	{
		return size_;
	}

private:
	void notice_first_byte(WatchedConnection &connection, std::int64_t now_ms) noexcept;

	WatchedConnection *first_ = nullptr;
	std::size_t size_ = 0;
	std::int64_t request_ms_ = 0;
	std::int64_t idle_ms_ = 0;
	std::int64_t tick_ms_ = 0;
	std::int64_t next_sweep_ms_ = 0;
};

} // namespace whatsapp::net
