/*
 * retry_refusal.hpp — why wa_retry() said no.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* A NOTICE with the reason. In a transaction, with SPI connected. */
void notice_retry_refusal(std::int64_t id);

} // namespace whatsapp::pg
