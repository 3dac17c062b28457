/*
 * written_answer.hpp — what of an answer is to be written.
 */
#pragma once

#include "pg/requests/answered_request.hpp"
#include "pg/requests/requests.hpp"

namespace whatsapp::entry
{

/* Of one answer. Strings live until the next call of a function that is not const. */
struct WrittenAnswer {
	pg::AnsweredRequest answered; /* rows NULL: there is nothing for a writer */
	bool goes_on;                 /* more is asked for; the row stays as it is */
	pg::EndedRequest ended;
};

} // namespace whatsapp::entry
