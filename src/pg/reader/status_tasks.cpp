/*
 * status_tasks.cpp — read again from what was stored, and joined like those that come by webhook.
 */
#include "pg/reader/status_tasks.hpp"

#include "pg/people/opt_outs.hpp"
#include "pg/webhooks/event_reading.hpp"
#include "pg/webhooks/status_join.hpp"

#include "pg/server/prelude.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

void
apply_status_tasks(const InboxTask *tasks, std::size_t count)
{
	auto *statuses = static_cast<MessageStatus *>(palloc(sizeof(MessageStatus) * (count + 1)));
	std::size_t size = 0;
	for (std::size_t i = 0; i < count; i++) {
		const InboxTask &task = tasks[i];
		MessageStatus &status = statuses[size];
		status = {task.message_id, StatusReport()};
		if (!task.apply_status || task.message_id == 0 || task.raw == nullptr ||
		    !read_stored_status(task.raw, task.contact, status.report))
			continue;
		if (status.report.timestamp == 0)
			status.report.timestamp = timestamptz_to_time_t(task.received_at);
		size++;
	}
	apply_statuses(statuses, size);
}

void
heed_status(const InboxTask &task)
{
	StatusReport report;
	if (task.raw != nullptr && read_stored_status(task.raw, task.contact, report) &&
	    report.has_error && report.error_code == marketing_stopped_code)
		note_marketing_stopped(task.message_id, task.occurred_at);
}

} // namespace whatsapp::pg
