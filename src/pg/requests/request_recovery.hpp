/*
 * request_recovery.hpp — what a clerk finds that another one has left.
 */
#pragma once

#include <cstddef>

namespace whatsapp::pg
{

/* In a transaction, at the start of a clerk: a request that is still marked as running is one whose
 * clerk has ended. It waits to be made again if its kind is among repeatable, else it becomes
 * unknown. One whose clerk has ended whatsapp.max_attempts times fails. */
void recover_requests(const char *const *repeatable, std::size_t count);

} // namespace whatsapp::pg
