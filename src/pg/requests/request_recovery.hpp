/*
 * request_recovery.hpp — what a clerk finds that another one has left.
 */
#pragma once

#include <cstddef>

namespace whatsapp::pg
{

/* In a transaction. What lies as running and is in nobody's hands: its clerk ended. Those that
 * cannot be repeated become unknown; those that have ended it whatsapp.max_attempts times fail. */
void recover_requests(const char *const *repeatable, std::size_t count);

} // namespace whatsapp::pg
