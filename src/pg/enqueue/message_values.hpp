/*
 * message_values.hpp — what the statements that insert a message have in common.
 */
#pragma once

#include <cstdint>

#include "pg/enqueue/new_message.hpp"
#include "pg/server/statement.hpp"

namespace whatsapp::pg
{

/* $1 to $7: sender, recipient_phone, message_type, template_name, template_language, payload,
 * reference. */
void set_message_values(Values &values, const NewMessage &message);

/* The id that an INSERT of ours returned. Raises 09000 when a trigger or a rule left the row out.
 */
std::int64_t stored_id(const Result &inserted);

/* Whether it is the message of another role than the session user, whom the default of the column
 * enqueued_by names. */
inline bool
is_of_other_role(const NewMessage &message)
{
	return message.enqueued_by != nullptr;
}

} // namespace whatsapp::pg
