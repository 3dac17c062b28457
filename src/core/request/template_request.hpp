/*
 * template_request.hpp — the requests about template definitions: read all, create, edit, delete.
 *
 * sync_templates   {}
 * create_template  the body: {"name", "language", "category", "components", …}
 * edit_template    {"template_id", …}: the rest is the body
 * delete_template  {"name"}: all languages; {"name", "template_id"}: one of them
 */
#pragma once

#include "core/request/request_task.hpp"

namespace whatsapp
{

GraphAsk ask_templates(const RequestTask &task);
Reply read_templates(const RequestTask &task, std::string_view body);

GraphAsk ask_template_creation(const RequestTask &task);
Reply read_created_template(const RequestTask &task, std::string_view body);

GraphAsk ask_template_edit(const RequestTask &task);
GraphAsk ask_template_deletion(const RequestTask &task);
/* {"success": true} */
Reply read_success(const RequestTask &task, std::string_view body);

/* For looks. ask_templates_of_name(): all templates whose name contains that of the request.
 * ask_template(): the one with the id of the request. */
GraphAsk ask_templates_of_name(const RequestTask &task);
GraphAsk ask_template(const RequestTask &task);
LookResult find_created_template(const RequestTask &task, std::string_view body, Reply &reply);
LookResult compare_edited_template(const RequestTask &task, std::string_view body, Reply &reply);
LookResult find_deleted_template(const RequestTask &task, std::string_view body, Reply &reply);

} // namespace whatsapp
