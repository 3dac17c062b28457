/*
 * log_lines.hpp — what our workers write to the server's log: each line can be found by the word
 * WhatsApp, names its database, and does not show the values that DETAIL and CONTEXT of an error
 * would quote.
 */
#pragma once

namespace whatsapp::pg
{

/* In a worker, before anything else, once. */
void begin_log();
/* Once it is connected: each line names this database. The name stays where it is. */
void name_log_database(const char *name);

/* "sender", and so on: what this worker is called. */
const char *worker_word();

} // namespace whatsapp::pg
