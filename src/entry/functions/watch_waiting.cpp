/*
 * watch_waiting.cpp — options that contradict each other are refused when the watch is made: later,
 * nobody could tell which of them was meant.
 */
#include "entry/functions/watch_waiting.hpp"

#include "core/value/office_hours.hpp"
#include "pg/enqueue/send_window.hpp"
#include "pg/watches/watch_query.hpp"

#include "entry/call/arguments.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace whatsapp::entry
{

namespace
{

enum : int {
	at_send_window,
	at_time_zone,
	at_debounce,
	at_max_wait,
	at_digest,
	at_separator,
	at_body,
	at_language_fallback
};

constexpr TextLimit separator_limit = {"separator", 16};
constexpr std::int64_t longest = 366 * USECS_PER_DAY;

/* Microseconds; a month has 30 days. 0 for NULL. */
std::int64_t
read_duration(FunctionCallInfo fcinfo, int index, const char *name)
{
	if (PG_ARGISNULL(index))
		return 0;
	const Interval *given = PG_GETARG_INTERVAL_P(index);
	const double days = given->day + 30.0 * given->month;
	const double total = static_cast<double>(given->time) + days * USECS_PER_DAY;
	if (total > 0 && total <= static_cast<double>(longest))
		return static_cast<std::int64_t>(total);
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s is out of range", name),
	                errhint("It must be longer than zero, and a year at most.")));
	pg_unreachable();
}

void
refuse_both(bool one, const char *name, bool other, const char *other_name, const char *hint)
{
	if (one && other)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("%s and %s cannot both be given", name, other_name), errhint("%s", hint)));
}

void
refuse_alone(bool given, const char *name, bool other, const char *other_name)
{
	if (given && !other)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("%s needs %s", name, other_name)));
}

void
check_together(const pg::WatchDefinition &watch)
{
	const bool debounce = watch.debounce > 0;
	const bool digest = watch.digest > 0;
	const char *const time =
	    "When such a message leaves is decided by its rows; send_window keeps it to some hours.";
	refuse_both(debounce, "debounce", digest, "digest",
	            "A digest has each row once, however often it is changed meanwhile.");
	refuse_both(debounce, "debounce", watch.send_at != nullptr, "send_at", time);
	refuse_both(debounce, "debounce", watch.due != nullptr, "due",
	            "A message that has a due time says what its row says, without debounce.");
	refuse_both(digest, "digest", watch.send_at != nullptr, "send_at", time);
	refuse_both(digest, "digest", watch.due != nullptr, "due", time);
	refuse_both(digest, "digest", watch.expires_at != nullptr, "expires_at",
	            "Its message is of several rows; whatsapp.default_ttl is for it.");
	refuse_both(digest, "digest", watch.status_column != nullptr, "status_column",
	            "Its message is of several rows: see whatsapp_watch_items.message_id.");
	refuse_both(debounce || digest, debounce ? "debounce" : "digest", watch.body != nullptr, "body",
	            "Its message is made later, of the template and its parameters.");
	refuse_alone(watch.max_wait > 0, "max_wait", debounce, "debounce");
	refuse_alone(watch.separator != nullptr, "separator", digest, "digest");
	if (watch.max_wait > 0 && watch.max_wait < watch.debounce)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("max_wait must not be shorter than debounce")));
}

} // namespace

void
read_waiting(FunctionCallInfo fcinfo, int index, pg::WatchDefinition &watch)
{
	watch.send_window = optional_text(fcinfo, index + at_send_window, nullptr);
	watch.time_zone = optional_text(fcinfo, index + at_time_zone, nullptr);
	watch.debounce = read_duration(fcinfo, index + at_debounce, "debounce");
	watch.max_wait = read_duration(fcinfo, index + at_max_wait, "max_wait");
	watch.digest = read_duration(fcinfo, index + at_digest, "digest");
	watch.separator = optional_text(fcinfo, index + at_separator, separator_limit, nullptr);
	watch.body = optional_text(fcinfo, index + at_body, nullptr);
	watch.language_fallback =
	    !PG_ARGISNULL(index + at_language_fallback) && PG_GETARG_BOOL(index + at_language_fallback);
	check_together(watch);
	if (watch.digest == 0)
		return;
	if (watch.separator == nullptr)
		watch.separator = ", ";
	pg::run_body([&] { check_parameter("separator", std::string(watch.separator) + "x"); });
}

void
check_hours(const pg::WatchDefinition &watch)
{
	const bool named = watch.time_zone != nullptr && looks_like_time_zone(watch.time_zone);
	const bool always =
	    watch.send_window == nullptr || strcmp(watch.send_window, pg::always_open) == 0;
	(void)pg::next_opening(GetCurrentTimestamp(), always ? "Mon 00:00-24:00" : watch.send_window,
	                       named ? watch.time_zone : "UTC", nullptr);
}

void
check_debounce(const pg::WatchDefinition &watch, Relation table)
{
	if (watch.debounce > 0 && watch.idempotency_key == nullptr &&
	    pg::primary_key_columns(table)[0] == 0)
		ereport(
		    ERROR,
		    (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		     errmsg("table \"%s\" has no primary key", RelationGetRelationName(table)),
		     errhint("With debounce, give an idempotency_key that is the same for changes which "
		             "become one message.")));
}

} // namespace whatsapp::entry
