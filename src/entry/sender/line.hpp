/*
 * line.hpp — the sender's waiting line: core/lineup behind a noexcept face, with the routes of the
 * senders and the breakers of their platforms.
 *
 * It owns what needs destructors and is reached by a static pointer only, so that no server error
 * can jump over it. Arrays handed out live until the next call of the same function.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/answer/outcome.hpp"
#include "pg/queue/queue.hpp"
#include "pg/identity/senders.hpp"

namespace whatsapp::entry
{

/* Where the messages of a sender go. */
struct Route {
	std::string account;         /* empty: the default one */
	std::string phone_number_id; /* empty: of the default account */
	std::string api_version;     /* empty: whatsapp.api_version */
	std::string base_url;        /* without a slash at its end */
	bool allowed;                /* base_url is one that the superuser named */
};

class Line
{
public:
	/* NULL when there is no memory. */
	static Line *create() noexcept;
	Line(const Line &) = delete;
	Line &operator=(const Line &) = delete;

	void set_senders(const pg::SenderRow *rows, std::size_t count) noexcept;
	void reserve(const pg::Turn *turns, std::size_t count) noexcept;

	/* Rows may have become ready, from this due time on. */
	void look_from(std::int64_t due) noexcept;
	void look_everywhere() noexcept;

	const pg::ReadFrom *wanted(int window, std::size_t &count) noexcept;
	void read(const pg::Ready *rows, std::size_t count) noexcept;

	/* In order of id; and what has to wait for its recipient. clock: the server's now. */
	const pg::Candidate *choose(int room, std::int64_t clock, std::size_t &count) noexcept;
	const pg::Postponed *postponed(std::size_t &count) noexcept;

	/* What of the chosen was marked and is to be sent; the rest is not there any more. */
	void marked(const pg::Claimed *rows, std::size_t count) noexcept;
	/* Nothing was: the transaction failed. What was read ahead is read again. */
	void give_up() noexcept;

	/* Of one that was marked: its sender's name and route, for as long as it is on the wire. */
	const char *sender_of(std::int64_t id) const noexcept;
	const Route *route_of(std::int64_t id) const noexcept;

	/* Its request leaves now; it left later than that. */
	void leaves(std::int64_t id, std::int64_t now_ms) noexcept;
	void left(std::int64_t id, std::int64_t started_ms, std::int64_t left_ms) noexcept;

	/* What the platform said to a request that was started then, or that it said nothing. Returns
	 * the delay of a retry, lengthened when the platform is in trouble. */
	std::int64_t heard(std::int64_t id, std::int64_t started_ms, const Answer &answer,
	                   const Outcome &outcome, std::int64_t delay_ms) noexcept;
	/* Out of the way; how tells what becomes of those behind it. */
	void ended(std::int64_t id, pg::Settle how, bool pair_limit, std::int64_t delay_ms) noexcept;

	/* Has a pause to get over, as of the last look. */
	bool is_paused(const char *sender) const noexcept;

	/* Something could leave now; something may be there to be read. */
	bool ready() noexcept;
	bool unread() const noexcept;
	/* When something may leave that may not now, in monotonic milliseconds; 0 when nothing waits
	 * for a time. */
	std::int64_t next_ms() noexcept;
	void sweep() noexcept;

private:
	struct State;
	explicit Line(State *state) noexcept : state_(state) {}
	State *state_;
};

} // namespace whatsapp::entry
