/*
 * event_queue.cpp — who has something left to do, and for which event.
 */
#include "pg/webhooks/event_queue.hpp"

#include "core/webhook/account.hpp"
#include "pg/people/opt_outs.hpp"
#include "pg/server/bells.hpp"

namespace whatsapp::pg
{

namespace
{

void
insert_into_queue(const Column &event_ids, bool apply_status)
{
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_event_queue AS q (event_id, apply_status) SELECT unnest($1), $2"
	    " ON CONFLICT (event_id) DO UPDATE SET apply_status = true WHERE EXCLUDED.apply_status AND NOT q.apply_status",
	    2,
	    {INT8ARRAYOID, BOOLOID}};
	if (event_ids.count() == 0)
		return;
	Values values;
	values.set(0, event_ids.array(INT8OID));
	values.set(1, BoolGetDatum(apply_status));
	run_statement(statement, values);
	wake_reader_at_commit();
}

} // namespace

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
	insert_into_queue(event_ids, false);
}

void
queue_statuses(const Column &event_ids)
{
	insert_into_queue(event_ids, true);
}

} // namespace whatsapp::pg
