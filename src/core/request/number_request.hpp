/*
 * number_request.hpp — sync_numbers {}: the business account, and then its numbers page by page.
 */
#pragma once

#include "core/request/request_task.hpp"

namespace whatsapp
{

GraphAsk ask_numbers(const RequestTask &task);
/* rows: {"account": …} of the first answer, {"numbers": […]} of the others. */
Reply read_numbers(const RequestTask &task, std::string_view body);

} // namespace whatsapp
