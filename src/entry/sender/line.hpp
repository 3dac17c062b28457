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

struct LineState;

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
	/* Forgets what was read ahead, so that it is read again: other campaigns are paused now. */
	void forget_read_rows() noexcept;

	/* The messages that may be sent now, in order of id. clock: the server's time. Afterwards
	 * postponed_messages() has those that must wait, for their recipient's turn or for another
	 * request of the same message. */
	const pg::ReadyMessage *choose_messages(int room, std::int64_t clock,
	                                        std::size_t &count) noexcept;
	const pg::Postponed *postponed_messages(std::size_t &count) noexcept;

	/* Tells which of the chosen messages were marked and will be sent. Those that were looked at
	 * and not marked are locked, held back, or not in the queue any more, and are read again if
	 * they are ready; those that were not looked at keep their places. */
	void confirm_marks(const pg::Claims &claims) noexcept;
	/* Nothing was marked, since the transaction failed. What was read ahead is read again. */
	void drop_choice() noexcept;

	/* The sender's name and route of a message that was marked; they live as long as it is on the
	 * wire. */
	const char *sender_of(std::int64_t id) const noexcept;
	const Route *route_of(std::int64_t id) const noexcept;

	/* The request of the message leaves now. If it turns out that it left later,
	 * correct_departure() tells when. */
	void count_departure(std::int64_t id, std::int64_t now_ms) noexcept;
	void correct_departure(std::int64_t id, std::int64_t started_ms, std::int64_t left_ms) noexcept;

	/* Does to number and platform what the answer to a request that was started at started_ms calls
	 * for. Returns the delay of the reaction, lengthened when the platform is in trouble. */
	std::int64_t follow_reaction(std::int64_t id, std::int64_t started_ms,
	                             const Reaction &reaction) noexcept;
	/* The message no longer stands in the way of its order; the reaction tells what becomes of
	 * those behind it. */
	void end_message(std::int64_t id, const Reaction &reaction) noexcept;

	/* Ends the rests of numbers and platforms: they are tried again at once. */
	void end_rests() noexcept;

	/* Whether the sender was paused when the senders were last looked at. */
	bool is_sender_paused(const char *sender) const noexcept;
	bool has_paused_sender() const noexcept;

	/* Whether a message could leave now, and whether there may be rows that were not read yet. */
	bool has_ready_message() noexcept;
	bool has_unread_rows() const noexcept;
	/* When something may leave that may not now, in monotonic milliseconds; 0 when nothing waits
	 * for a time. */
	std::int64_t next_turn_ms() noexcept;
	void forget_idle_pairs() noexcept;

private:
	explicit Line(LineState *state) noexcept : state_(state) {}
	LineState *state_;
};

} // namespace whatsapp::entry
