/*
 * kept_answers.cpp — see kept_answers.hpp.
 */
#include "entry/sender/kept_answers.hpp"

#include <algorithm>
#include <utility>

namespace whatsapp::entry
{

namespace
{

constexpr std::size_t max_kept = 1000;

pg::Settle
settle_kind(NextStep step) noexcept
{
	switch (step) {
	case NextStep::record_sent:
		return pg::Settle::sent;
	case NextStep::retry_later:
		return pg::Settle::retry;
	case NextStep::record_failed:
		return pg::Settle::failed;
	case NextStep::pause_sender:
		return pg::Settle::paused;
	case NextStep::await_status:
		return pg::Settle::unknown;
	}
	return pg::Settle::unknown;
}

} // namespace

pg::Settled
settled_of(const FlightResult &result) noexcept
{
	const Outcome &outcome = result.outcome;
	return {settle_kind(result.reaction.step),
	        result.id,
	        result.flight.queue_row,
	        result.flight.message_row,
	        result.flight.attempt,
	        result.flight.sender,
	        verdict_name(outcome.verdict),
	        outcome.wamid.c_str(),
	        outcome.wa_id.c_str(),
	        outcome.user_id.c_str(),
	        outcome.http_status,
	        outcome.has_code,
	        outcome.code,
	        outcome.message.c_str(),
	        outcome.hint.c_str(),
	        outcome.details.c_str(),
	        result.reaction.delay_ms,
	        result.flight.phone,
	        result.flight.took_ms,
	        result.flight.answered_at};
}

void
KeptAnswers::keep_answer(FlightResult &&answer) noexcept
try {
	if (answers_.size() == max_kept)
		answers_.pop_front();
	answers_.push_back(std::move(answer));
} catch (...) {
	/* no memory: the row stays "sending" */
}

std::size_t
KeptAnswers::count() const noexcept
{
	return answers_.size();
}

bool
KeptAnswers::has_answer(std::int64_t id) const noexcept
{
	return std::any_of(answers_.begin(), answers_.end(),
	                   [id](const FlightResult &answer) { return answer.id == id; });
}

const pg::Settled *
KeptAnswers::first_answers(std::size_t most, std::size_t &count) noexcept
{
	count = 0;
	try {
		views_.clear();
		for (const FlightResult &answer : answers_)
			if (views_.size() < most)
				views_.push_back(settled_of(answer));
	} catch (...) {
		return nullptr;
	}
	count = views_.size();
	return views_.data();
}

void
KeptAnswers::forget_answers(const bool *written, std::size_t tried) noexcept
try {
	for (std::size_t i = 0; i < tried; i++) {
		if (!written[i])
			answers_.push_back(std::move(answers_.front()));
		answers_.pop_front();
	}
} catch (...) {
	/* no memory: those that were not moved are tried again */
}

} // namespace whatsapp::entry
