/*
 * figures.cpp — the counters in shared memory, for SQL: as rows of this database, and as the page
 * that Prometheus reads.
 */
#include <string>

#include "core/base/fault.hpp"
#include "core/page/metrics.hpp"
#include "core/page/report.hpp"
#include "pg/identity/sender_rights.hpp"
#include "pg/server/counters.hpp"
#include "pg/server/schema.hpp"

#include "entry/call/arguments.hpp"
#include "entry/call/result_row.hpp"

extern "C" {
#include "commands/dbcommands.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_metrics);
PG_FUNCTION_INFO_V1(pg_whatsapp_report);
PG_FUNCTION_INFO_V1(pg_whatsapp_counters);
PG_FUNCTION_INFO_V1(pg_whatsapp_queue_counters);
PG_FUNCTION_INFO_V1(pg_whatsapp_latency_counters);
PG_FUNCTION_INFO_V1(pg_whatsapp_stat_reset);
}

using namespace whatsapp;

namespace
{

/* False when nothing is counted: the library was not preloaded. */
bool
copy_figures(Figures &figures)
{
	figures.database =
	    static_cast<DatabaseFigures *>(palloc(sizeof(DatabaseFigures) * max_counted_databases));
	figures.sender =
	    static_cast<PlacedSender *>(palloc(sizeof(PlacedSender) * max_counted_senders));
	return pg::read_figures(figures);
}

void
require_figures(Figures &figures)
{
	if (!copy_figures(figures))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("nothing is counted: pg_whatsapp was not preloaded"),
		                errhint("Add pg_whatsapp to shared_preload_libraries and restart.")));
}

/* Of the database of this session; -1 when no worker has served it. */
int
own_place(const Figures &figures)
{
	const char *name = get_database_name(MyDatabaseId);
	for (int i = 0; name != nullptr && i < figures.databases; i++)
		if (strcmp(figures.database[i].name, name) == 0)
			return i;
	return -1;
}

/* Whether the role that asks may read of this sender. */
bool
is_seen(const char *sender)
{
	return pg::has_sender_right(GetUserId(), pg::may_read, sender);
}

/* 0 stands for never: the column stays NULL. */
template <int columns>
void
set_time(entry::ResultRow<columns> &row, int column, double unix_seconds)
{
	if (unix_seconds > 0)
		row.set_value(column,
		              DirectFunctionCall1(float8_timestamptz, Float8GetDatum(unix_seconds)));
}

void
put_counter(FunctionCallInfo fcinfo, const char *name, const char *sender, const char *label,
            double value)
{
	entry::ResultRow<4> row;
	row.set_text(0, name);
	row.set_text(1, sender);
	row.set_text(2, label);
	row.set_value(3, Float8GetDatum(value));
	row.put_row(entry::result_set(fcinfo));
}

void
put_database(FunctionCallInfo fcinfo, const DatabaseFigures &each)
{
	const auto put = [&](const char *name, const char *label, double value) {
		put_counter(fcinfo, name, nullptr, label, value);
	};
	for (int role = 1; role < count_of<Worker>; role++) {
		put("worker_start", word_of(static_cast<Worker>(role)), each.worker[role].started_at);
		put("worker_loop", word_of(static_cast<Worker>(role)), each.worker[role].looped_at);
	}
	for (int i = 0; i < count_of<Taken>; i++)
		put("deliveries", word_of(static_cast<Taken>(i)), static_cast<double>(each.taken[i]));
	for (int i = 0; i < count_of<Credential>; i++)
		put("secret", word_of(static_cast<Credential>(i)), static_cast<double>(each.credential[i]));
	put("since", nullptr, each.since);
	put("last_delivery", nullptr, each.last_delivery_at);
	put("last_status", nullptr, each.last_status_at);
	put("listening", nullptr, each.listening ? 1 : 0);
	put("enabled", nullptr, each.enabled ? 1 : 0);
	put("held", nullptr, each.held ? 1 : 0);
	put("in_flight", nullptr, static_cast<double>(each.in_flight));
	put("slots", nullptr, static_cast<double>(each.slots));
	put("counted", nullptr, each.counted_at);
}

void
put_sender(FunctionCallInfo fcinfo, const SenderFigures &each)
{
	for (int i = 0; i < count_of<Tried>; i++)
		put_counter(fcinfo, "attempts", each.name, word_of(static_cast<Tried>(i)),
		            static_cast<double>(each.tried[i]));
	for (int i = 0; i < count_of<Told>; i++)
		put_counter(fcinfo, "statuses", each.name, word_of(static_cast<Told>(i)),
		            static_cast<double>(each.told[i]));
	put_counter(fcinfo, "since", each.name, nullptr, each.since);
	put_counter(fcinfo, "last_sent", each.name, nullptr, each.last_sent_at);
}

} // namespace

Datum
pg_whatsapp_metrics(PG_FUNCTION_ARGS)
{
	const bool openmetrics = PG_GETARG_BOOL(0);
	Figures figures;
	require_figures(figures);
	const double now = pg::unix_now();
	text *out = nullptr;
	pg::run_body([&] {
		out = pg::text_out(
		    metrics_text(figures, now, PG_WHATSAPP_VERSION,
		                 openmetrics ? MetricsFormat::openmetrics : MetricsFormat::text));
	});
	PG_RETURN_TEXT_P(out);
}

/* The page of this database alone. */
Datum
pg_whatsapp_report(PG_FUNCTION_ARGS)
{
	(void)fcinfo;
	Figures figures;
	require_figures(figures);
	const int place = own_place(figures);
	int senders = 0;
	for (int i = 0; i < figures.senders; i++)
		if (figures.sender[i].database == place) {
			figures.sender[senders] = figures.sender[i];
			figures.sender[senders++].database = 0;
		}
	figures.senders = senders;
	figures.databases = place < 0 ? 0 : 1;
	figures.database += Max(place, 0);
	const double now = pg::unix_now();
	text *out = nullptr;
	pg::run_body([&] { out = pg::text_out(report_page(figures, now, PG_WHATSAPP_VERSION)); });
	PG_RETURN_TEXT_P(out);
}

Datum
pg_whatsapp_counters(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	Figures figures;
	if (!copy_figures(figures))
		return Datum(0);
	put_counter(fcinfo, "worker_start", nullptr, word_of(Worker::launcher),
	            figures.launcher.started_at);
	put_counter(fcinfo, "worker_loop", nullptr, word_of(Worker::launcher),
	            figures.launcher.looped_at);
	put_counter(fcinfo, "last_scrape", nullptr, nullptr, figures.scraped_at);
	const int place = own_place(figures);
	if (place < 0)
		return Datum(0);
	put_database(fcinfo, figures.database[place]);
	for (int i = 0; i < figures.senders; i++)
		if (figures.sender[i].database == place && is_seen(figures.sender[i].figures.name))
			put_sender(fcinfo, figures.sender[i].figures);
	return Datum(0);
}

Datum
pg_whatsapp_queue_counters(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	Figures figures;
	const int place = copy_figures(figures) ? own_place(figures) : -1;
	for (int i = 0; place >= 0 && i < figures.database[place].queue_count; i++) {
		const QueueFigures &each = figures.database[place].queue[i];
		if (!is_seen(each.sender))
			continue;
		entry::ResultRow<5> row;
		row.set_text(0, each.sender);
		row.set_value(1, Int32GetDatum(each.priority));
		row.set_text(2, queue_state_word(each.state));
		row.set_value(3, Int64GetDatum(each.messages));
		set_time(row, 4, each.oldest_due_at);
		row.put_row(entry::result_set(fcinfo));
	}
	return Datum(0);
}

Datum
pg_whatsapp_latency_counters(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	Figures figures;
	const int place = copy_figures(figures) ? own_place(figures) : -1;
	for (int i = 0; place >= 0 && i < figures.senders; i++) {
		const SenderFigures &each = figures.sender[i].figures;
		if (figures.sender[i].database != place || !is_seen(each.name))
			continue;
		for (int step = 0; step < count_of<Step>; step++) {
			const LatencyFigures &latency = each.latency[step];
			entry::ResultRow<7> row;
			row.set_text(0, each.name);
			row.set_text(1, word_of(static_cast<Step>(step)));
			row.set_value(2, Int64GetDatum(static_cast<int64>(count_latencies(latency))));
			int column = 3;
			for (const double share : {0.5, 0.95, 0.99}) {
				const double seconds = latency_quantile(latency, share);
				if (seconds >= 0)
					row.set_value(column, Float8GetDatum(seconds));
				column++;
			}
			set_time(row, 6, each.since);
			row.put_row(entry::result_set(fcinfo));
		}
	}
	return Datum(0);
}

Datum
pg_whatsapp_stat_reset(PG_FUNCTION_ARGS)
{
	(void)fcinfo;
	const char *name = get_database_name(MyDatabaseId);
	PG_RETURN_BOOL(name != nullptr && pg::reset_counters(name));
}
