/*
 * row_key.hpp — a row of a watched table, found again by the text of its primary key: 17, or
 * (17,"north, east") of several columns.
 */
#pragma once

#include "pg/server/prelude.hpp"

extern "C" {
#include "utils/rel.h"
}

namespace whatsapp::pg
{

/* The row whose key is $1, an array of texts, of a table that is called whatsapp_row: a =
 * ($1)[1]::integer AND b = ($1)[2]::text, so that it is found by the index. A column of a type that
 * is not the server's own, nor an enum, is compared as text. Raises 55000 when there is no primary
 * key; who: what needs one, for the hint. */
const char *row_key_condition(Relation table, const char *who);

/* The value of $1, a text[]. For a key that is not written so it is one that no row has. */
Datum row_key_fields(Relation table, const char *key);

} // namespace whatsapp::pg
