/*
 * decimal.hpp — a number as decimal digits.
 */
#pragma once

#include "pg/server/prelude.hpp"

extern "C" {
#include "catalog/pg_type.h"
}

namespace whatsapp::entry
{

/* As numeric writes it, without an exponent: floating point by the shortest digits that are exact,
 * text as numeric reads it. NULL for any other type. */
const char *decimal_of_number(Oid type, Datum value);

} // namespace whatsapp::entry
