/*
 * probe_request.hpp — what Meta knows of an account that the checklist asks for: its node and its
 * numbers, the apps that hear its webhooks, and what its token may do.
 */
#pragma once

#include "core/request/request_task.hpp"

#include <string_view>

namespace whatsapp
{

GraphAsk ask_probe(const RequestTask &task);
/* Rows are those of read_numbers(), or {"apps": …}, or {"token": …} without the token. */
Reply read_probe(const RequestTask &task, std::string_view body);

} // namespace whatsapp
