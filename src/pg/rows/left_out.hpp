/*
 * left_out.hpp — rows that a statement of ours was to change, and that are as they were.
 *
 * A BEFORE trigger that returns NULL and a rule DO INSTEAD leave rows out without a word. What a
 * worker knows would be lost, and a message that was sent would be sent again. So whoever finds it
 * raises, keeps what is to be written, and tries again.
 */
#pragma once

namespace whatsapp::pg
{

[[noreturn]] void raise_left_out(const char *table);

} // namespace whatsapp::pg
