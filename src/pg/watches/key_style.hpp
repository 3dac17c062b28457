/*
 * key_style.hpp — what stands in a key of the short form is written in one way: a row that comes
 * again comes by another session, which has other settings, and is the same row.
 */
#pragma once

#include "pg/server/prelude.hpp"

namespace whatsapp::pg
{

/* Whether the text of a type depends on no setting. */
bool has_one_style(Oid type);

/* From here to the end, values are written as keys have them. An error ends it as well. */
int begin_key_style();
void end_key_style(int level);

} // namespace whatsapp::pg
