/*
 * left_out.cpp — the error that says that a row was left out.
 */
#include "pg/rows/left_out.hpp"

#include "pg/server/prelude.hpp"

namespace whatsapp::pg
{

void
raise_left_out(const char *table)
{
	ereport(ERROR, (errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
	                errmsg("row of table \"%s\" was not changed", table),
	                errdetail("A trigger or a rule on the table has left it out."),
	                errhint("See \\d %s. Once the trigger or rule is gone, what is to be written "
	                        "is written.",
	                        table)));
	pg_unreachable();
}

} // namespace whatsapp::pg
