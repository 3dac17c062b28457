/*
 * left_out.hpp — the error for rows that a statement of ours should have changed, and has not.
 *
 * A BEFORE trigger that returns NULL, and a rule DO INSTEAD, leave rows out without an error. What
 * a worker knows would be lost, and a message that was sent would be sent again. So a caller that
 * finds rows left out raises this error, keeps what is to be written, and tries again.
 */
#pragma once

namespace whatsapp::pg
{

[[noreturn]] void raise_left_out(const char *table);

} // namespace whatsapp::pg
