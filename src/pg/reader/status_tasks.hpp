/*
 * status_tasks.hpp — statuses that the listener has left to the reader.
 */
#pragma once

#include <cstddef>

#include "pg/reader/inbound.hpp"

namespace whatsapp::pg
{

/* Joins those of the tasks that have apply_status with their messages. Users' triggers on
 * whatsapp_messages run. */
void apply_status_tasks(const InboxTask *tasks, std::size_t count);

/* Acts upon what a status may tell besides: that its recipient wants no marketing. No trigger of a
 * user's on whatsapp_messages runs. */
void heed_status(const InboxTask &task);

} // namespace whatsapp::pg
