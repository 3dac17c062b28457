/*
 * read_mark.hpp — marking inbound messages as read.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* Between SPI_connect() and SPI_finish(). Returns the request's id. Raises P0002 for a message that
 * is not there, 55000 for one that cannot be marked. */
std::int64_t request_read_mark(std::int64_t inbound_id, bool typing);

} // namespace whatsapp::pg
