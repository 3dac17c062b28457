/*
 * callback.hpp — a function of a user's that is called for changes: a row of
 * whatsapp_callback_definitions.
 */
#pragma once

#include <cstdint>

#include "pg/server/prelude.hpp"

namespace whatsapp::pg
{

/* What is registered. NULL where absent; function is qualified, with its arguments. */
struct NewCallback {
	const char *name; /* NULL: stem */
	const char *stem;
	bool inbound;
	const char *function;
	const char *function_owner;
	const char *function_owner_number;
	Datum statuses; /* text[] */
	bool has_statuses;
	const char *sender;
	const char *owner;
	const char *owner_number;
	const char *const *settings;
	int setting_count;
};

/* As the extension's owner, with SPI connected. Returns its name. Raises 42710 when that is taken.
 */
const char *insert_callback(const NewCallback &callback);

/* Raises 42501 for a role that is bound to some senders, unless the callback is for one of these
 * and was made by a role whose rights it has. A callback that does not exist gives the same error.
 * With SPI connected. */
void require_callback_right(Oid role, unsigned levels, const char *name);

/* With SPI connected. False when there is none of that name. A call that is under way goes on to
 * its end. Raises 55006 for one of a watch. */
bool remove_callback(const char *name);
bool pause_callback(const char *name);
bool resume_callback(const char *name);

/* A callback whose turn it is. */
struct Callback {
	std::int64_t id;
	const char *name;
	bool inbound;
	const char *function;
	const char *function_owner; /* by its name of then */
	const char *function_owner_number;
	const char *watch; /* its key; NULL: the function is called */
	const char *owner; /* by its name of then */
	const char *owner_number;
	const char *const *settings;
	int setting_count;
	int failures;
};

/* In the reader: the next callback that has something due, after that of the last turn. Its strings
 * live in `memory`. False when there is none. */
bool find_due_callback(std::int64_t last, Callback &callback, MemoryContext memory);

/* Milliseconds until one has something to do; -1 for never. */
std::int64_t next_callback_due();

} // namespace whatsapp::pg
