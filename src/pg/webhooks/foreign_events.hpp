/*
 * foreign_events.hpp — items about another account than those whose secret signed them: kept as
 * kind foreign, not acted upon, and told in the log.
 */
#pragma once

#include <string_view>

namespace whatsapp::pg
{

/* To be called for each of them; signed_for is that of Event, the ids are Meta's. */
void note_foreign_event(std::string_view signed_for, std::string_view account_id,
                        std::string_view phone_number_id);

/* In the log, once a minute at most. */
void report_foreign_events();

} // namespace whatsapp::pg
