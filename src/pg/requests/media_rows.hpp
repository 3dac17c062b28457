/*
 * media_rows.hpp — whatsapp_media as the clerk's answers change it.
 */
#pragma once

#include <cstdint>

#include "pg/requests/answered_request.hpp"

namespace whatsapp::pg
{

const char *write_uploaded_media(const AnsweredRequest &answered);
const char *write_downloaded_media(const AnsweredRequest &answered);
void write_failed_media(std::int64_t request_id, const char *message);

} // namespace whatsapp::pg
