/*
 * bulk_order.hpp — what is to be sent to whom, and what came of it so far.
 */
#pragma once

#include <cstdint>

#include "pg/enqueue/new_message.hpp"

struct HTAB;
struct MemoryContextData;

namespace whatsapp::pg
{

struct BulkProblem;

struct BulkRecipient {
	const char *phone;             /* NULL where the caller's is */
	const char *const *parameters; /* parameter_count of them */
};

enum class BulkStep { begin, add, end };

struct BulkOrder {
	BulkStep step = BulkStep::begin;

	/* what is sent: template or body; its sender, template and language are resolved by `begin` */
	NewMessage message = {};
	const char *name = nullptr;
	const char *body = nullptr;
	/* hours; NULL for any time. Where there are hours, there is a time zone. */
	const char *send_window = nullptr;
	const char *time_zone = nullptr;
	bool language_fallback = false;
	bool dry_run = false;
	int parameter_count = 0;
	/* NULL: by their order */
	const char *const *parameter_names = nullptr;

	/* of the step `add` */
	const BulkRecipient *recipients = nullptr;
	int count = 0;

	/* what came of it, in memory that outlives the steps */
	MemoryContextData *memory = nullptr;
	std::int64_t read = 0;
	std::int64_t queued = 0;
	std::int64_t duplicates = 0;
	std::int64_t bad_phones = 0;
	std::int64_t opted_out = 0;
	std::int64_t refused = 0;
	std::int64_t closed_windows = 0;
	/* jsonb, or 0 */
	std::uintptr_t problems = 0;
	std::uintptr_t cost = 0;
	const char *messaging_limit = nullptr;
	double seconds = -1; /* that sending takes; -1: not known */

	HTAB *known = nullptr;    /* digests of the recipients so far */
	HTAB *prefixes = nullptr; /* beginnings of their phones, with their number */
	BulkProblem *problem = nullptr;
	int problem_count = 0;
};

} // namespace whatsapp::pg
