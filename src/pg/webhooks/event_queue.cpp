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
	/* without ON CONFLICT, which is an error where a user has made a rule */
	static Statement insert = {
	    "INSERT INTO @s@.whatsapp_event_queue (event_id, apply_status) SELECT i.id, $2 FROM unnest($1) AS i (id)"
	    " WHERE NOT EXISTS (SELECT FROM @s@.whatsapp_event_queue AS q WHERE q.event_id = i.id)",
	    2,
	    {INT8ARRAYOID, BOOLOID}};
	static Statement update = {
	    "UPDATE @s@.whatsapp_event_queue SET apply_status = true WHERE event_id = ANY ($1) AND NOT apply_status",
	    1,
	    {INT8ARRAYOID}};
	if (event_ids.count() == 0)
		return;
	Values values;
	values.set(0, event_ids.array(INT8OID));
	values.set(1, BoolGetDatum(apply_status));
	if (run_statement(insert, values).count() < static_cast<uint64>(event_ids.count()) &&
	    apply_status)
		run_statement(update, values);
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
