/*
 * mark_request.hpp — mark_read {"wamid", "typing"}: an inbound message was read, and perhaps
 * somebody is typing an answer.
 */
#pragma once

#include "core/request/request_task.hpp"

namespace whatsapp
{

GraphAsk ask_read_mark(const RequestTask &task);

} // namespace whatsapp
