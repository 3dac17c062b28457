/*
 * expression_trust.hpp — whose code an expression runs that does not name it.
 *
 * The owner of a watched table may give a column another type, with operators and casts of his own,
 * and whoever may create in a schema of a search_path a better match than the server's function.
 * Neither gets the rights of the watch's owner by it.
 */
#pragma once

#include "pg/server/prelude.hpp"

extern "C" {
#include "executor/spi.h"
}

namespace whatsapp::pg
{

/* Raises 42501 when the query calls, by an operator, a cast, or the name of a function of the
 * server's, a function of a role that has not got the rights of role. */
void check_expression_trust(SPIPlanPtr plan, Oid role);

} // namespace whatsapp::pg
