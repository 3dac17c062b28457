/*
 * callback_list.hpp — the calls that users' callbacks are owed: whether there are callbacks, and
 * which one is to be called for what.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* status has those of watches (status_column), too. */
enum class CallbackKind { status, inbound };

/* With SPI connected, as the extension's owner. Where none was ever registered it costs a look at
 * the size of a table. */
bool has_callbacks(CallbackKind kind);

/* Whether one was ever registered, since the table was made or emptied. */
bool callbacks_were_made();

/* To be called when a row of whatsapp_inbound was stored: each callback that wants it is owed a
 * call. */
void owe_inbound_calls(std::int64_t inbound_id, const char *sender);

/*
 * In the reader: takes changes out of whatsapp_change_queue, gives them their numbers and writes
 * down who is owed a call. Returns whether there are more.
 *
 * Nobody else gives numbers, and the reader does so for what it sees committed, one transaction
 * after the other: so who has read a number never meets a lower one later.
 */
bool hand_on_changes();

} // namespace whatsapp::pg
