/*
 * key_style.hpp — values in the keys of the short form are always written in one way. The same row
 * may come again by another session with other settings, and must have the same key.
 */
#pragma once

#include "pg/server/prelude.hpp"

namespace whatsapp::pg
{

/* Whether the text of a type depends on no setting. */
bool has_one_style(Oid type);

/* From here to end_key_style(), values are written as keys have them. An error ends it as well. */
int begin_key_style();
void end_key_style(int level);

} // namespace whatsapp::pg
