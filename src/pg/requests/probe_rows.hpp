/*
 * probe_rows.hpp — whatsapp_probes, and with it the accounts and numbers, as Meta's API tells them.
 */
#pragma once

#include "pg/requests/answered_request.hpp"

namespace whatsapp::pg
{

const char *write_probe(const AnsweredRequest &answered);

} // namespace whatsapp::pg
