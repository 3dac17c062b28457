/*
 * template_rows.hpp — whatsapp_templates as Meta's API tells it.
 */
#pragma once

#include "pg/requests/answered_request.hpp"

namespace whatsapp::pg
{

/* A page; behind the last one, what was in none is marked as gone. */
const char *write_synced_templates(const AnsweredRequest &answered);
const char *write_created_template(const AnsweredRequest &answered);
const char *write_edited_template(const AnsweredRequest &answered);
const char *write_deleted_template(const AnsweredRequest &answered);

} // namespace whatsapp::pg
