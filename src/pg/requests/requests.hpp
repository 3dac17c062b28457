/*
 * requests.hpp — whatsapp_requests: what is asked of Meta's API and is no message.
 */
#pragma once

#include <cstddef>
#include <cstdint>

struct MemoryContextData;

namespace whatsapp::pg
{

/* Strings NULL where there is nothing. */
struct NewRequest {
	const char *kind;    /* of core/request/request_kind.cpp */
	const char *account; /* NULL: the default one */
	const char *sender;  /* NULL: it is about no number */
	const char *request; /* JSON object; NULL: {} */
	std::int64_t delay_ms = 0;
};

/* In the caller's transaction, whose commit wakes the clerk; between SPI_connect() and
 * SPI_finish(). Returns its id. */
std::int64_t add_request(const NewRequest &request);

/* The id of a request of that kind and account that waits and was not tried yet; 0 when there is
 * none. is_due: only one that is due. */
std::int64_t find_waiting_request(const char *kind, const char *account, bool is_due);

/* Clerk side, each in a transaction. */

struct ClaimedRequest {
	std::int64_t id;
	const char *kind;
	const char *account;
	const char *sender;
	const char *request;
	/* from the tables; NULL where they have nothing */
	const char *phone_number_id;
	const char *business_account_id;
	const char *api_version;
	const char *api_base_url;
	int attempts; /* with this one */
	int looks;    /* likewise */
	bool is_unknown;
	std::int64_t started_at; /* TimestampTz */
	const char *file;        /* that is to be uploaded; NULL: none */
	std::size_t file_size;
};

/* For what no request may be claimed now. */
struct BusyAccounts {
	/* A call is under way: the account's name (empty: the default one), and behind a slash the
	 * sender's where it is about a number. */
	const char *const *lanes;
	std::size_t lane_count;
	const char *const *resting; /* accounts */
	std::size_t resting_count;
};

/* Takes the first request that is due and may be made, and marks it; the mark must be committed
 * before the request is made. False when there is none. Strings live in `memory`. */
bool claim_request(const BusyAccounts &busy, MemoryContextData *memory, ClaimedRequest &claimed);

enum class RequestEnd : int { done, failed, again, put_back, unknown };

struct EndedRequest {
	std::int64_t id;
	RequestEnd end;
	std::int64_t delay_ms; /* of again, put_back (which gives the attempt back) and unknown */
	long http_status;      /* 0: none */
	bool has_code;
	long long code;
	const char *message; /* NULL: no error */
	const char *details;
	const char *hint;
	const char *result;
};
void settle_request(const EndedRequest &ended);

/* Milliseconds until the next one is due, 0 for now, -1 when none waits. */
std::int64_t next_request_ms();

/* Deletes requests that ended long ago. */
void forget_old_requests();

/* Reader side: when something is due and no hold forbids it, the clerk is called. */
void call_clerk_for_due_requests();

} // namespace whatsapp::pg
