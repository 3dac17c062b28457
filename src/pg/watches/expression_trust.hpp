/*
 * expression_trust.hpp — whose functions an expression may run without naming them.
 *
 * The owner of a watched table may give a column another type, with operators and casts of his own,
 * and who may create functions in a schema of the search_path can make one that matches better than
 * the server's function. Neither may get the rights of the watch's owner that way.
 */
#pragma once

#include <cstdint>

#include "pg/server/prelude.hpp"

extern "C" {
#include "executor/spi.h"
}

namespace whatsapp::pg
{

/* Raises 42501 when the query calls, by an operator, a cast, JSON that it makes, or the name of a
 * function of the server's, a function of a role that has not got the rights of role; or when it
 * makes a value one of such a role's domain, without naming it. */
void check_expression_trust(SPIPlanPtr plan, Oid role);

/* Another number when casts have been made or dropped. They do not make a plan invalid, so what was
 * checked before is to be checked anew then. */
std::uint64_t expression_trust_generation();

} // namespace whatsapp::pg
