/*
 * code_messages.hpp — messages with a one-time code, which lose their content once they have left
 * the queue (pg/retention/codes.hpp).
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

struct NewMessage;

/* In the transaction that enqueued the message, with SPI connected. It may be called twice for a
 * message. */
void note_code_message(std::int64_t message_id);

/* Whether the account has the template as one of category AUTHENTICATION. In a transaction, with
 * SPI connected. */
bool is_code_template(const NewMessage &message);

} // namespace whatsapp::pg
