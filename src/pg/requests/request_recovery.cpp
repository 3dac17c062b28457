/*
 * request_recovery.cpp — in doubt, or asked again, or given up.
 */
#include "pg/requests/request_recovery.hpp"

#include "pg/requests/request_rows.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "utils/builtins.h"
}

namespace whatsapp::pg
{

void
recover_requests(const char *const *repeatable, std::size_t count)
{
	/* one that ends its clerk again and again must not do so for ever: that is a restart of the
	 * whole server each time */
	static Statement give_up = {
	    "UPDATE @s@.whatsapp_requests SET state = 'failed', ended_at = clock_timestamp(),"
	    "  error_message = 'given up: the clerk ended several times while it was at this request',"
	    "  hint = 'The server log tells why it ended.'"
	    " WHERE ended_at IS NULL AND ((state = 'running' AND attempts >= $1) OR (state = 'unknown' AND looks >= $1))"
	    " RETURNING kind, id, error_message",
	    1,
	    {INT4OID}};
	static Statement statement = {
	    "UPDATE @s@.whatsapp_requests SET due_at = clock_timestamp() + make_interval(secs => 5 * (attempts - 1)),"
	    "  state = CASE WHEN kind = ANY ($1) THEN 'waiting' ELSE 'unknown' END,"
	    "  error_message = 'the clerk ended before the answer was written down'"
	    " WHERE ended_at IS NULL AND state = 'running'",
	    1,
	    {TEXTARRAYOID}};
	Values values;
	values.set(0, Int32GetDatum(settings.max_attempts));
	const Result given_up = run_statement(give_up, values);
	for (uint64 i = 0; i < given_up.count(); i++)
		write_request_failure(given_up.text_at(i, 1), given_up.int64_at(i, 2),
		                      given_up.text_at(i, 3));
	Column kinds(count);
	for (std::size_t i = 0; i < count; i++)
		kinds.add(PointerGetDatum(cstring_to_text(repeatable[i])));
	values.set(0, kinds.array(TEXTOID));
	(void)run_statement(statement, values);
}

} // namespace whatsapp::pg
