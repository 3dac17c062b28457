/*
 * expression_query.hpp — the query of one expression; a part of watch_query.hpp.
 */
#pragma once

#include "pg/watches/watch_rows.hpp"

namespace whatsapp::pg
{

/* Returns one column with its value for each row. before: how many characters of the query stand
 * before the expression. */
const char *expression_query(const char *expression, const WatchRows &none, int &before);

} // namespace whatsapp::pg
