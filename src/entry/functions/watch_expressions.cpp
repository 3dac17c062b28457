/*
 * watch_expressions.cpp — wa_watch() with expressions, and wa_unwatch() by name.
 *
 * Expressions and triggers are checked and made with the caller's own rights; the definition is
 * written as the extension's owner.
 */
#include "core/base/fault.hpp"
#include "core/message/template.hpp"
#include "pg/enqueue/messages.hpp"
#include "pg/identity/kept_role.hpp"
#include "pg/identity/sender_rights.hpp"
#include "pg/server/owners.hpp"
#include "pg/server/schema.hpp"
#include "pg/server/settings.hpp"
#include "pg/watches/status_column.hpp"
#include "pg/watches/watch_insert.hpp"
#include "pg/watches/watch_query.hpp"
#include "pg/watches/watch_triggers.hpp"

#include "entry/call/arguments.hpp"
#include "entry/functions/watch_waiting.hpp"
#include "entry/watch/watchable.hpp"
#include "entry/watch/watch_replication.hpp"

extern "C" {
#include "access/table.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_watch_expressions);
PG_FUNCTION_INFO_V1(pg_whatsapp_unwatch_name);
}

using namespace whatsapp;

namespace
{

/* The places of the arguments. */
enum : int {
	at_relation,
	at_template,
	at_parameters,
	at_phone,
	at_events,
	at_when,
	at_name,
	at_sender,
	at_language,
	at_reference,
	at_idempotency_key,
	at_send_at,
	at_expires_at,
	at_priority,
	at_on_error,
	at_max_rows,
	at_replicated,
	at_due,
	at_status_column,
	at_waiting
};

constexpr std::size_t longest_name = 40;

const char *const *
read_texts(FunctionCallInfo fcinfo, int index, int &count)
{
	const entry::TextArray array = entry::required_texts(fcinfo, index);
	auto **texts =
	    static_cast<const char **>(palloc(sizeof(char *) * static_cast<Size>(array.count + 1)));
	for (int i = 0; i < array.count; i++)
		texts[i] = text_to_cstring(array.values[i]);
	count = array.count;
	return texts;
}

void
read_events(FunctionCallInfo fcinfo, pg::WatchDefinition &watch)
{
	int count = 0;
	const char *const *names = read_texts(fcinfo, at_events, count);
	for (int i = 0; i < count; i++) {
		bool known = false;
		for (const pg::WatchEvent event : pg::all_watch_events)
			if (pg_strcasecmp(names[i], pg::watch_event_name(event)) == 0)
				known = watch.on[static_cast<int>(event)] = true;
		if (!known)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			                errmsg("event \"%s\" does not exist", names[i]),
			                errhint("The events are INSERT, UPDATE and DELETE.")));
	}
	if (count == 0)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("events must not be empty"),
		         errhint("The events are INSERT, UPDATE and DELETE.")));
}

void
read_on_error(FunctionCallInfo fcinfo, pg::WatchDefinition &watch)
{
	const char *what = entry::optional_text(fcinfo, at_on_error, "record");
	/* "raise" is the word of the sending functions for the same */
	watch.rejects = strcmp(what, "reject") == 0 || strcmp(what, "raise") == 0;
	if (!watch.rejects && strcmp(what, "record") != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("on_error \"%s\" does not exist", what),
		                errhint("It is record or raise.")));
	entry::require_argument(fcinfo, at_max_rows, "max_rows");
	watch.max_rows = PG_GETARG_INT64(at_max_rows);
	if (watch.max_rows <= 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("max_rows must be greater than zero")));
	entry::require_argument(fcinfo, at_replicated, "replicated");
	watch.replicated = PG_GETARG_BOOL(at_replicated);
}

/* 128 random bits in hexadecimal: no other watch has this key. */
const char *
new_watch_key()
{
	unsigned char bytes[16];
	if (!pg_strong_random(bytes, sizeof bytes))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not make a random key")));
	char *key = static_cast<char *>(palloc(2 * sizeof bytes + 1));
	for (std::size_t i = 0; i < sizeof bytes; i++)
		snprintf(key + 2 * i, 3, "%02x", bytes[i]);
	return key;
}

void
read_definition(FunctionCallInfo fcinfo, pg::WatchDefinition &watch)
{
	watch.key = new_watch_key();
	watch.relation = PG_GETARG_OID(at_relation);
	watch.owner = GetUserNameFromId(GetUserId(), false);
	watch.owner_number = pg::number_of_kept_role(GetUserId());
	watch.template_name = entry::required_cstring(fcinfo, at_template, "template");
	watch.parameters = read_texts(fcinfo, at_parameters, watch.parameter_count);
	watch.phone = entry::required_cstring(fcinfo, at_phone, "phone");
	read_events(fcinfo, watch);
	watch.condition = entry::optional_text(fcinfo, at_when, nullptr);
	watch.name = entry::optional_text(fcinfo, at_name, TextLimit{"name", longest_name}, nullptr);
	/* kept with the watch: whoever changes a row may have set these settings to anything */
	watch.sender = entry::optional_text(fcinfo, at_sender, pg::settings.default_sender);
	watch.language = entry::optional_text(fcinfo, at_language, pg::settings.default_language);
	watch.reference = entry::optional_text(fcinfo, at_reference, nullptr);
	watch.idempotency_key = entry::optional_text(fcinfo, at_idempotency_key, nullptr);
	watch.send_at = entry::optional_text(fcinfo, at_send_at, nullptr);
	watch.expires_at = entry::optional_text(fcinfo, at_expires_at, nullptr);
	watch.due = entry::optional_text(fcinfo, at_due, nullptr);
	watch.priority = entry::optional_text(fcinfo, at_priority, nullptr);
	watch.status_column = entry::optional_text(fcinfo, at_status_column, nullptr);
	read_on_error(fcinfo, watch);
	entry::read_waiting(fcinfo, at_waiting, watch);
	watch.settings = pg::watch_settings(watch.setting_count);
	pg::run_body([&] {
		check_template_name(watch.template_name);
		if (pg::is_plain_word(watch.language))
			check_language(watch.language);
	});
}

const char *
unless_word(const char *value)
{
	return value == nullptr || pg::is_plain_word(value) ? nullptr : value;
}

void
check_expressions(const pg::WatchDefinition &watch, const pg::WatchRows &none)
{
	pg::register_rows(none);
	const pg::WatchOwner caller = pg::begin_watch_owner(watch);
	pg::check_watch_expression("phone", watch.phone, pg::WatchValue::text, none);
	for (int i = 0; i < watch.parameter_count; i++)
		if (!pg::is_row_count(watch, watch.parameters[i]))
			pg::check_watch_expression(psprintf("parameter %d", i + 1), watch.parameters[i],
			                           pg::WatchValue::text, none);
	pg::check_watch_expression("when_", watch.condition, pg::WatchValue::condition, none);
	const struct {
		const char *label;
		const char *text;
		pg::WatchValue value;
	} others[] = {{"reference", watch.reference, pg::WatchValue::text},
	              {"idempotency_key", watch.idempotency_key, pg::WatchValue::text},
	              {"send_at", watch.send_at, pg::WatchValue::time},
	              {"due", watch.due, pg::WatchValue::time},
	              {"expires_at", watch.expires_at, pg::WatchValue::time},
	              {"body", watch.body, pg::WatchValue::text},
	              {"sender", unless_word(watch.sender), pg::WatchValue::text},
	              {"language", unless_word(watch.language), pg::WatchValue::text},
	              {"priority", unless_word(watch.priority), pg::WatchValue::text},
	              {"time_zone", pg::has_zone_expression(watch) ? watch.time_zone : nullptr,
	               pg::WatchValue::text}};
	for (const auto &other : others)
		pg::check_watch_expression(other.label, other.text, other.value, none);
	pg::check_watch_query(watch, none);
	pg::end_watch_owner(caller);
}

void
check_words(const pg::WatchDefinition &watch)
{
	if (pg::is_plain_word(watch.sender))
		(void)pg::resolve_sender(watch.sender);
	const char *priority = watch.priority;
	if (priority != nullptr && pg::is_plain_word(priority) && strcmp(priority, "urgent") != 0 &&
	    strcmp(priority, "normal") != 0 && strcmp(priority, "bulk") != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		                errmsg("priority \"%s\" does not exist", priority),
		                errhint("The priorities are urgent, normal and bulk.")));
}

/* The caller's search_path is kept with the watch by now; what follows needs ours. */
int
pin_search_path()
{
	const int nest_level = NewGUCNestLevel();
	(void)set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
	                        GUC_ACTION_SAVE, true, 0, false);
	return nest_level;
}

/* A message with a due time follows its row: it must be found again by its key, and each event of
 * the row may change it. */
void
check_due(pg::WatchDefinition &watch, Relation table)
{
	if (watch.due == nullptr)
		return;
	if (watch.send_at != nullptr)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("send_at and due cannot both be given"),
		         errhint("A message that has a due time follows its row; one with send_at does "
		                 "not.")));
	if (watch.idempotency_key == nullptr && pg::primary_key_columns(table)[0] == 0)
		ereport(ERROR,
		        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		         errmsg("table \"%s\" has no primary key", RelationGetRelationName(table)),
		         errhint("With due, give an idempotency_key that finds the message of a row.")));
	for (bool &on : watch.on)
		on = true;
}

void
check_events(pg::WatchDefinition &watch, Oid relation)
{
	/* the lock that CREATE TRIGGER takes */
	Relation table = table_open(relation, ShareRowExclusiveLock);
	check_due(watch, table);
	entry::check_debounce(watch, table);
	pg::check_status_column(watch, table);
	for (const pg::WatchEvent event : pg::all_watch_events) {
		if (!watch.on[static_cast<int>(event)])
			continue;
		SPI_connect();
		check_expressions(watch, pg::no_rows(event, table));
		SPI_finish();
	}
	table_close(table, NoLock);
}

} // namespace

Datum
pg_whatsapp_watch_expressions(PG_FUNCTION_ARGS)
{
	pg::require_utf8();
	entry::require_argument(fcinfo, at_relation, "relation");
	const Oid relation = PG_GETARG_OID(at_relation);
	entry::check_watchable(relation);
	pg::WatchDefinition watch = {};
	read_definition(fcinfo, watch);
	const Oid function = fcinfo->flinfo->fn_oid;
	const Oid owner = pg::owner_of_function(function);
	const int nest_level = pin_search_path();

	SPI_connect();
	pg::use_schema_of_function(function);
	check_events(watch, relation);
	if (pg::is_plain_word(watch.sender))
		pg::require_sender_right(GetUserId(), pg::level_admin, watch.sender);
	pg::as_user(owner, [&] {
		check_words(watch);
		if (watch.send_window != nullptr || watch.time_zone != nullptr)
			entry::check_hours(watch);
		if (watch.name == nullptr)
			watch.name = pg::unused_watch_name(get_rel_name(relation));
		pg::insert_watch(watch, pg::quoted_relation(relation), pg::notify_function(function));
	});
	/* they have the names of the new ones, and announce nothing */
	(void)pg::drop_lost_triggers(relation, watch.name, pg::notify_function(function), owner, true);
	pg::place_watch_triggers(watch, relation, owner);
	if (!watch.replicated)
		entry::warn_if_subscribed(relation);
	text *name = static_cast<text *>(SPI_palloc(strlen(watch.name) + VARHDRSZ));
	SET_VARSIZE(name, strlen(watch.name) + VARHDRSZ);
	memcpy(VARDATA(name), watch.name, strlen(watch.name));
	SPI_finish();
	AtEOXact_GUC(true, nest_level);
	PG_RETURN_TEXT_P(name);
}

Datum
pg_whatsapp_unwatch_name(PG_FUNCTION_ARGS)
{
	const Oid relation = PG_GETARG_OID(0);
	const char *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	(void)pg::quoted_relation(relation);
	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	const bool ended = pg::end_watches(relation, name, fcinfo->flinfo->fn_oid);
	SPI_finish();
	PG_RETURN_BOOL(ended);
}
