/*
 * sample_request.hpp — the upload of a file that a template shows in review: the token tells its
 * app, the app opens an upload, and the upload takes the bytes.
 */
#pragma once

#include <string_view>

#include "core/request/request_task.hpp"

namespace whatsapp
{

/* Raises Fault: letters, digits, dot, _ and -, at most 100 of them. */
void check_sample_name(std::string_view name);

/* Raises Fault: what a header can show, which is less than what a message can. */
void check_sample_type(std::string_view mime_type);

/* Raises Fault like its kin; see request_kind.hpp. */
GraphAsk ask_sample_upload(const RequestTask &task);
Reply read_sample_upload(const RequestTask &task, std::string_view body);

} // namespace whatsapp
