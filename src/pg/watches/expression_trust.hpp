/*
 * expression_trust.hpp — whose functions an expression may run without naming them.
 *
 * The owner of a watched table may give a column another type, with operators and casts of his own,
 * and who may create functions in a schema of the search_path can make one that matches better than
 * the server's function. Neither may get the rights of the watch's owner that way.
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
