/*
 * owners.hpp — who owns an object of the catalog.
 */
#pragma once

#include "pg/server/prelude.hpp"

namespace whatsapp::pg
{

/* Raise XX000 when there is no such object. */
Oid owner_of_function(Oid function);
Oid owner_of_type(Oid type);

} // namespace whatsapp::pg
