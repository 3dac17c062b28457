/*
 * cancel_retry.hpp — a message that is not to be sent, or to be sent again.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* Both in the caller's transaction, with SPI connected. */

/* True: the message was still in the queue and is CANCELLED now. */
bool cancel_message(std::int64_t id);

/* True: the message had failed or was cancelled, and is PENDING again; what it met before stays in
 * whatsapp_attempts and whatsapp_events. It goes to that phone, which has been checked; NULL: to
 * the one it has, and false when that is none. */
bool retry_message(std::int64_t id, const char *phone);

} // namespace whatsapp::pg
