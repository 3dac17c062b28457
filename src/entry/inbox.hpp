/*
 * inbox.hpp — deliveries between the HTTP server and the tables: verified, parsed, not yet stored.
 *
 * Like the dispatcher it owns what needs destructors, lives behind a static pointer and never
 * raises. What it can answer alone (the handshake, a wrong path, a wrong signature) it answers at
 * once.
 */
#pragma once

#include <cstddef>

#include "pg/events.hpp"

namespace whatsapp::entry
{

class Inbox
{
public:
	struct Delivery {
		const pg::Event *events; /* NULL: the body is no delivery and is to be quarantined */
		std::size_t event_count;
		const char *body;
		std::size_t body_size;
	};

	/* NULL, and why in error (a string that lives long enough to be logged), when the address
	 * cannot be bound. */
	static Inbox *create(const char *address, const char *&error) noexcept;
	Inbox(const Inbox &) = delete;
	Inbox &operator=(const Inbox &) = delete;

	/* Secrets are read again. */
	void reload() noexcept;

	void run() noexcept;
	int descriptor() const noexcept;
	long timeout_ms() const noexcept;

	/* The deliveries that wait to be stored; valid until the next take(). Each is answered by
	 * accept() or defer(). */
	const Delivery *take(std::size_t &count) noexcept;

	/* Requests that were refused since the last call, for a wrong signature or verify token. */
	unsigned take_refused() noexcept;

	/* Stored and committed: 200. */
	void accept(std::size_t index) noexcept;
	/* The database would not have it: 503, so that Meta sends it again. */
	void defer(std::size_t index) noexcept;

private:
	struct State;
	explicit Inbox(State *state) noexcept : state_(state) {}
	State *state_;
};

} // namespace whatsapp::entry
