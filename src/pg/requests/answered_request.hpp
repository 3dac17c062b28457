/*
 * answered_request.hpp — a request whose answer is to be written, as its writer sees it.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* What is known when an answer is to be written. */
struct AnsweredRequest {
	const char *kind;
	std::int64_t id;
	const char *account;     /* NULL: the default one */
	const char *sender;      /* NULL: it is about no number */
	const char *request;     /* JSON, the column */
	const char *rows;        /* JSON, Reply::rows of the kind (core/request/request_kind.hpp) */
	std::int64_t started_at; /* TimestampTz, when its first call was made */
	std::int64_t asked_at;   /* when this one was */
	bool is_last;            /* nothing more is asked for */
};

} // namespace whatsapp::pg
