/*
 * codes.hpp — messages with a one-time code lose their content once they have left the queue.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* In the transaction that enqueued the message, with SPI connected. */
void note_code_message(std::int64_t message_id);

/* In a worker's transaction, with SPI connected. Cheap while no code was ever sent. */
void erase_sent_codes();

} // namespace whatsapp::pg
