/*
 * kept_answers.hpp — what became of a message, and the answers that could not be written down yet.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "core/answer/outcome.hpp"
#include "core/answer/reaction.hpp"
#include "entry/graph/credentials.hpp"
#include "pg/queue/queue.hpp"

namespace whatsapp::entry
{

struct Flight {
	int attempt;
	pg::RowAddress queue_row;
	pg::RowAddress message_row;
	const char *sender; /* lives as long as the line */
	std::int64_t started_ms;
	std::size_t bytes; /* of its body */
	bool tls;
	std::shared_ptr<const Token> token; /* that the request was sent with */
	char phone[16];                     /* masked, for the log */
	std::int64_t took_ms;               /* from its departure to its answer */
	std::int64_t answered_at;           /* TimestampTz; 0: it had no answer */
};

struct FlightResult {
	std::int64_t id;
	Flight flight;
	Outcome outcome;
	Reaction reaction;
};

/* A view for pg/queue: its strings are the result's. */
pg::Settled settled_of(const FlightResult &result) noexcept;

/* Answers that could not be written, since a trigger, a rule or a table that was renamed stood in
 * the way. They are tried again. There are a thousand at most; beyond that the oldest is forgotten,
 * and its row stays "sending". */
class KeptAnswers
{
public:
	/* Without memory for it, the answer is forgotten, too. */
	void keep_answer(FlightResult &&answer) noexcept;
	std::size_t count() const noexcept;
	bool has_answer(std::int64_t id) const noexcept;

	/* The first ones, most at most; good until forget_answers(). */
	const pg::Settled *first_answers(std::size_t most, std::size_t &count) noexcept;
	/* The first ones, as many as tried, have been tried: those that were written are dropped, the
	 * others go to the end. */
	void forget_answers(const bool *written, std::size_t tried) noexcept;

private:
	std::deque<FlightResult> answers_;
	std::vector<pg::Settled> views_;
};

} // namespace whatsapp::entry
