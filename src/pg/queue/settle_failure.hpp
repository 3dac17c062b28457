/*
 * settle_failure.hpp — an attempt that did not succeed, written down; a part of queue.hpp.
 */
#pragma once

#include "pg/queue/queue.hpp"

namespace whatsapp::pg
{

/* row: of any kind but Settle::sent. */
void settle_failure(const Settled &row);

} // namespace whatsapp::pg
