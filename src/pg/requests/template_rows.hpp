/*
 * template_rows.hpp — whatsapp_templates as Meta's API tells it.
 */
#pragma once

#include "pg/requests/answered_request.hpp"

namespace whatsapp::pg
{

/* Writes a page of templates. After the last one, templates that were on none of them are marked as
 * gone. */
const char *write_synced_templates(const AnsweredRequest &answered);
const char *write_created_template(const AnsweredRequest &answered);
const char *write_edited_template(const AnsweredRequest &answered);
const char *write_deleted_template(const AnsweredRequest &answered);

} // namespace whatsapp::pg
