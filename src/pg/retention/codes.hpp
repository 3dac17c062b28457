/*
 * codes.hpp — messages with a one-time code lose their content once they have left the queue; they
 * are noted by pg/enqueue/code_messages.hpp.
 */
#pragma once

namespace whatsapp::pg
{

/* In a worker's transaction, with SPI connected. Cheap while no code was ever sent. */
void erase_sent_codes();

} // namespace whatsapp::pg
