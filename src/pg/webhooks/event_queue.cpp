/*
 * event_queue.cpp — who has something left to do, and for which event.
 */
#include "pg/webhooks/event_queue.hpp"

#include "core/webhook/account.hpp"
#include "pg/people/opt_outs.hpp"
#include "pg/server/shmem.hpp"

namespace whatsapp::pg
{

bool
reader_wants_event(const Event &event)
{
	const auto is_kind = [&](const char *kind) { return strcmp(event.kind, kind) == 0; };
	if (is_kind("message"))
		return true;
	if (is_kind("status"))
		return event.report.has_error && event.report.error_code == marketing_stopped_code;
	return is_kind("account") && account_field_known(event.field);
}

void
queue_events(const Column &event_ids)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_event_queue (event_id) SELECT unnest($1) ON CONFLICT DO NOTHING",
	    1,
	    {INT8ARRAYOID}};
	if (event_ids.count() == 0)
		return;
	Values values;
	values.set(0, event_ids.array(INT8OID));
	run_statement(statement, values);
	wake_reader_at_commit();
}

} // namespace whatsapp::pg
