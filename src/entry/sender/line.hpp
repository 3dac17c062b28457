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

#include "core/answer/reaction.hpp"
#include "entry/graph/route.hpp"
#include "pg/identity/senders.hpp"
#include "pg/queue/queue.hpp"

namespace whatsapp::entry
{

class Line
{
public:
	/* NULL when there is no memory. */
	static Line *create() noexcept;
	Line(const Line &) = delete;
	Line &operator=(const Line &) = delete;

	/* False without memory: some of the old rules hold, some of the new ones. */
	bool set_senders(const pg::SenderRow *rows, std::size_t count) noexcept;
	void reserve_pair_turns(const pg::PairTurn *turns, std::size_t count) noexcept;

	/* Rows may have become ready, from this due time on. */
	void read_from_due(std::int64_t due) noexcept;
	void read_everything() noexcept;

	const pg::ReadFrom *wanted_readings(int window, std::size_t &count) noexcept;
	void add_rows(const pg::ReadyRows &ready) noexcept;
	/* What was read ahead is read again: other campaigns are paused now. */
	void forget_read_rows() noexcept;

	/* In order of id; and what has to wait for its recipient. clock: the server's now. */
	const pg::ReadyMessage *choose_messages(int room, std::int64_t clock,
	                                        std::size_t &count) noexcept;
	const pg::Postponed *postponed_messages(std::size_t &count) noexcept;

	/* What of the chosen was marked and is to be sent. Of those that were looked at, the rest is
	 * not there any more; the others keep their places. */
	void confirm_marks(const pg::Claims &claims) noexcept;
	/* Nothing was: the transaction failed. What was read ahead is read again. */
	void drop_choice() noexcept;

	/* Of one that was marked: its sender's name and route, for as long as it is on the wire. */
	const char *sender_of(std::int64_t id) const noexcept;
	const Route *route_of(std::int64_t id) const noexcept;

	/* Its request leaves now; it left later than that. */
	void count_departure(std::int64_t id, std::int64_t now_ms) noexcept;
	void correct_departure(std::int64_t id, std::int64_t started_ms, std::int64_t left_ms) noexcept;

	/* What an answer to a request that was started then means for its number and platform. Returns
	 * the delay of the reaction, lengthened when the platform is in trouble. */
	std::int64_t follow_reaction(std::int64_t id, std::int64_t started_ms,
	                             const Reaction &reaction) noexcept;
	/* Out of the way; the reaction tells what becomes of those behind it. */
	void end_message(std::int64_t id, const Reaction &reaction) noexcept;

	/* Numbers and platforms that were asked to be left in peace are tried at once. */
	void end_rests() noexcept;

	/* Has a pause to get over, as of the last look. */
	bool is_sender_paused(const char *sender) const noexcept;
	bool has_paused_sender() const noexcept;

	/* Something could leave now; something may be there to be read. */
	bool has_ready_message() noexcept;
	bool has_unread_rows() const noexcept;
	/* When something may leave that may not now, in monotonic milliseconds; 0 when nothing waits
	 * for a time. */
	std::int64_t next_turn_ms() noexcept;
	void forget_idle_pairs() noexcept;

private:
	struct State;
	explicit Line(State *state) noexcept : state_(state) {}
	State *state_;
};

} // namespace whatsapp::entry
