/*
 * fault_point.cpp — nothing in what is installed; in test builds, death on order.
 *
 * An order is one line in a file: "point action passage serial". The process that makes this
 * passage of the point since the order was given removes the file and acts: each order is carried
 * out once, so that the next life gets past the place where the last one ended.
 */
#include "pg/server/fault_point.hpp"

#ifndef FAULT_POINTS

namespace whatsapp::pg
{

void
fault_point(FaultPoint, std::size_t)
{
}

bool
fault_ordered(FaultPoint)
{
	return false;
}

void
define_fault_points()
{
}

} // namespace whatsapp::pg

#else

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <iterator>
#include <unistd.h>

#include "pg/server/prelude.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/guc.h"
}

namespace whatsapp::pg
{

namespace
{

/* below the data directory, where every process of the server works */
constexpr char order_file[] = "pg_whatsapp.fault";

const char *const names[] = {
    "worker_start",      "epoch_raised",     "epoch_doubted",    "epoch_committed",
    "settle_begin",      "settle_failure",   "settle_paused",    "settle_dequeued",
    "settle_remembered", "settled",          "budget_reserved",  "budget_warned",
    "claimed",           "claim_committed",  "request_made",     "half_sent",
    "all_sent",          "doubt_resolved",   "drain_settled",    "delivery_taken",
    "event_inserted",    "event_dequeued",   "budget_settled",   "events_stored",
    "events_committed",  "half_answered",    "all_answered",     "intake_acted",
    "intake_committed",  "ledger_folded",    "request_claimed",  "request_written",
    "request_settled",   "message_inserted", "message_enqueued", "message_cancelled",
    "message_retried"};
static_assert(std::size(names) == static_cast<std::size_t>(FaultPoint::count));

char *all_names = nullptr;

bool
read_order(char *order, std::size_t size)
{
	const int file = open(order_file, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return false;
	const ssize_t length = read(file, order, size - 1);
	close(file);
	order[length > 0 ? length : 0] = '\0';
	return length > 0;
}

/* False for an action that is none of these: the caller has to fail. */
bool
obey_order(const char *action)
{
	if (strcmp(action, "kill") == 0)
		kill(getpid(), SIGKILL);
	else if (strcmp(action, "postmaster") == 0)
		kill(PostmasterPid, SIGKILL);
	else if (strcmp(action, "abort") == 0)
		std::abort();
	else if (strcmp(action, "stop") == 0)
		kill(getpid(), SIGSTOP);
	else
		return false;
	return true;
}

} // namespace

bool
fault_ordered(FaultPoint point)
{
	static char last[128] = "";
	static int passages = 0;
	char order[sizeof last];
	char name[40];
	char action[20];
	int passage;
	if (!read_order(order, sizeof order) ||
	    std::sscanf(order, "%39s %19s %d", name, action, &passage) != 3)
		return false;
	if (strcmp(order, last) != 0) {
		strlcpy(last, order, sizeof last);
		passages = 0;
	}
	if (strcmp(name, names[static_cast<int>(point)]) != 0 || ++passages < passage)
		return false;
	return unlink(order_file) == 0 && !obey_order(action);
}

void
fault_point(FaultPoint point, std::size_t count)
{
	if (count > 0 && fault_ordered(point))
		ereport(ERROR,
		        (errcode(ERRCODE_INTERNAL_ERROR),
		         errmsg("fault point \"%s\" was ordered to fail", names[static_cast<int>(point)])));
}

void
define_fault_points()
{
	StringInfoData list;
	initStringInfo(&list);
	for (const char *name : names)
		appendStringInfo(&list, "%s%s", list.len == 0 ? "" : " ", name);
	DefineCustomStringVariable("whatsapp.fault_points", "Fault points of this test build.", nullptr,
	                           &all_names, list.data, PGC_INTERNAL, 0, nullptr, nullptr, nullptr);
}

} // namespace whatsapp::pg

#endif
