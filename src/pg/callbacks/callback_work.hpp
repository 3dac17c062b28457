/*
 * callback_work.hpp — what one call does, with the rights of the callback's role.
 */
#pragma once

#include "pg/callbacks/callback.hpp"

namespace whatsapp::pg
{

struct CallbackCall {
	std::int64_t id;
	std::int64_t message_id;
	const char *status; /* NULL for a message that came in */
};

/* Calls the function, or writes the status to the watched row. Raises whatever goes wrong;
 * row_is_gone tells that it will not help to try again. In a subtransaction. */
void work_for_callback(const Callback &callback, const CallbackCall &call, bool &row_is_gone);

/* To be called before the calls of a turn: what is known of a watched table is looked up anew, and
 * kept in `memory`. */
void begin_callback_work(MemoryContext memory);

/* After a call that raised. */
void forget_callback_work();

} // namespace whatsapp::pg
