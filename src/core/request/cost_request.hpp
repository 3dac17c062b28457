/*
 * cost_request.hpp — sync_costs {start, end, …} (Unix seconds): what Meta has counted and charged,
 * day by day.
 */
#pragma once

#include "core/request/request_task.hpp"

namespace whatsapp
{

GraphAsk ask_costs(const RequestTask &task);
/* rows: {"points": […]}; Meta leaves the field out where there is nothing to tell. */
Reply read_costs(const RequestTask &task, std::string_view body);

} // namespace whatsapp
