/*
 * job.hpp — a request in the clerk's hands.
 */
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/answer/outcome.hpp"
#include "core/request/request_kind.hpp"
#include "core/request/request_reaction.hpp"
#include "entry/clerk/written_answer.hpp"
#include "entry/graph/credentials.hpp"
#include "entry/graph/route.hpp"

namespace whatsapp::entry
{

struct Job {
	/* the row */
	std::int64_t id = 0;
	std::string kind_name;
	const RequestKind *kind = nullptr; /* NULL: of a later version */
	std::string account;               /* empty: the default one */
	std::string sender;                /* empty: none */
	std::string lane;                  /* see pg::BusyAccounts */
	std::string request;
	std::string file; /* that is to be uploaded */
	std::string business_account_id;
	Route route;
	int attempts = 0;
	int looks = 0;
	bool is_look = false;
	std::int64_t started_at = 0; /* TimestampTz */

	/* the call */
	std::string cursor;
	std::shared_ptr<const Token> token;
	std::int64_t asked_at = 0; /* TimestampTz */
	std::int64_t asked_ms = 0; /* monotonic */

	/* its answer */
	bool takes_file = false;
	bool is_answered = false;
	Outcome outcome;
	Reply reply;
	std::string answer_file;
	bool is_done = false; /* reply is to be written */
	RequestReaction reaction;
	std::int64_t write_at_ms = 0;
	int write_failures = 0;
};

/* What the kind reads of the row. */
RequestTask task_of(const Job &job);

/* Fills in what the answer says: reply, is_done and reaction. May throw std::bad_alloc. */
void read_job_answer(Job &job, const RequestFacts &facts, std::string_view body);

/* Lets the request fail for a reason of our own: it cannot be made, or its answer cannot be
 * stored. */
void fail_job(Job &job, std::string message, std::string hint);

/* The answer as it is to be written: views into job. */
WrittenAnswer written_answer(const Job &job) noexcept;

} // namespace whatsapp::entry
