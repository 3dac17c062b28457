/*
 * request_rows.hpp — what the answers to requests change in the tables, besides their own rows: a
 * writer for each kind that has something to write.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* What is known when an answer is to be written. */
struct AnsweredRequest {
	const char *kind;
	std::int64_t id;
	const char *account; /* NULL: the default one */
	const char *sender;  /* NULL: it is about no number */
	const char *request; /* JSON, the column */
	const char *rows;    /* JSON, Reply::rows of the kind (core/request/request_kind.hpp) */
	std::int64_t started_at; /* TimestampTz, when its first call was made */
	std::int64_t asked_at;   /* when this one was */
	bool is_last;            /* nothing more is asked for */
};

/* In a transaction. What the column result is to say; NULL: what the kind says. */
const char *write_request_rows(const AnsweredRequest &answered);

} // namespace whatsapp::pg
