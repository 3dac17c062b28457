/*
 * sample_request.hpp — the upload of a file that a template shows in review: the token tells its
 * app, the app opens an upload, and the upload takes the bytes.
 */
#pragma once

#include <string_view>

#include "core/request/request_task.hpp"

namespace whatsapp
{

/* Throws Fault unless it consists of letters, digits, dot, _ and -, at most 100 of them. */
void check_sample_name(std::string_view name);

/* Throws Fault unless a header can show files of that type; a message can have more types. */
void check_sample_type(std::string_view mime_type);

/* Both throw Fault, see request_kind.hpp. */
GraphAsk ask_sample_upload(const RequestTask &task);
Reply read_sample_upload(const RequestTask &task, std::string_view body);

} // namespace whatsapp
