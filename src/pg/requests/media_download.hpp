/*
 * media_download.hpp — whatsapp_media: files to fetch.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* Between SPI_connect() and SPI_finish(). The request's id; 0 when the file is there. Raises P0002
 * and 55000, see wa_request_media_download(). */
std::int64_t add_download(std::int64_t inbound_id);

} // namespace whatsapp::pg
