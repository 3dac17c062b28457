/*
 * watch_query.cpp — text and plan.
 *
 * All that is ours in the text is qualified with its schema. Expressions stand in parentheses, each
 * was read by itself as one expression before, and a line break after it ends a comment.
 */
#include "pg/watches/watch_query.hpp"

#include "core/value/office_hours.hpp"
#include "pg/watches/expression_query.hpp"
#include "pg/watches/expression_trust.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
}

namespace whatsapp::pg
{

namespace
{

struct KnownPlan {
	const WatchDefinition *watch;
	WatchEvent event;
	WatchQuery query;
	TupleDesc columns;
	AttrNumber key[INDEX_MAX_KEYS + 1]; /* the primary key, as primary_key_columns() */
	std::uint64_t trust;                /* expression_trust_generation() */
	SPIPlanPtr plan;
	KnownPlan *next;
};

KnownPlan *known_plans = nullptr;

/* (SELECT NULL::pg_catalog.text AS "po", …), or with the columns of a pair instead of NULL. */
void
append_row(StringInfo text, TupleDesc columns, const char *name, const char *pair_column)
{
	appendStringInfoString(text, "(SELECT");
	const char *comma = " ";
	for (int i = 0; i < columns->natts; i++) {
		const auto *column = TupleDescAttr(columns, i);
		if (column->attisdropped)
			continue;
		appendStringInfoString(text, comma);
		comma = ", ";
		if (pair_column != nullptr)
			appendStringInfo(text, "whatsapp_pair.%s_%d", pair_column, i + 1);
		else
			/* a domain may refuse NULL, and has whatever its owner makes it check */
			appendStringInfo(
			    text, "NULL::%s",
			    format_type_extended(getBaseType(column->atttypid), -1,
			                         FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
		appendStringInfo(text, " AS %s", quote_identifier(NameStr(column->attname)));
	}
	appendStringInfo(text, ") AS %s", name);
}

/* The rows new and old of each event. Where a message follows its row, both are the row that is
 * gone, so that expressions find its key. */
void
append_from(StringInfo text, WatchEvent event, TupleDesc columns, bool follows = false)
{
	if (follows && event == WatchEvent::deleted) {
		appendStringInfo(text, " FROM %s AS old, LATERAL (SELECT old.*) AS new", watch_rows_name);
		return;
	}
	if (event == WatchEvent::updated) {
		appendStringInfo(text, " FROM %s AS whatsapp_pair, LATERAL ", watch_rows_name);
		append_row(text, columns, "new", "whatsapp_new");
		appendStringInfoString(text, ", LATERAL ");
		append_row(text, columns, "old", "whatsapp_old");
		return;
	}
	const bool deleted = event == WatchEvent::deleted;
	appendStringInfo(text, " FROM %s AS %s, ", watch_rows_name, deleted ? "old" : "new");
	append_row(text, columns, deleted ? "new" : "old", nullptr);
}

void
append_cast(StringInfo text, const char *expression, const char *type)
{
	if (expression == nullptr)
		appendStringInfo(text, "NULL::pg_catalog.%s", type);
	else
		appendStringInfo(text, "(%s\n)::pg_catalog.%s", expression, type);
}

const char *
unless_word(const char *value)
{
	return value == nullptr || is_plain_word(value) ? nullptr : value;
}

/* NULL for a table without a primary key. */
const char *
row_key(Relation relation, WatchEvent event)
{
	const AttrNumber *key = primary_key_columns(relation);
	const char *row = event == WatchEvent::deleted ? "old" : "new";
	if (key[0] == 0)
		return nullptr;
	StringInfoData text;
	initStringInfo(&text);
	if (key[1] != 0)
		appendStringInfoString(&text, "ROW(");
	for (int i = 0; key[i] != 0; i++)
		appendStringInfo(&text, "%s%s.%s", i > 0 ? ", " : "", row,
		                 quote_identifier(NameStr(
		                     TupleDescAttr(RelationGetDescr(relation), key[i] - 1)->attname)));
	if (key[1] != 0)
		appendStringInfoChar(&text, ')');
	return text.data;
}

/* Which rows are announced; NULL for all. */
const char *
row_condition(const WatchDefinition &watch, WatchEvent event)
{
	return watch.due != nullptr && event == WatchEvent::deleted ? "false" : watch.condition;
}

/* Whether there may be a message that follows its row. */
const char *
message_condition(const WatchDefinition &watch, WatchEvent event)
{
	if (event == WatchEvent::deleted)
		return "false";
	const char *has_time = psprintf("(%s\n)::pg_catalog.timestamptz IS NOT NULL", watch.due);
	if (watch.condition == nullptr)
		return has_time;
	return psprintf("CASE WHEN (%s\n) THEN %s ELSE false END", watch.condition, has_time);
}

/* An expression before an UPDATE: with the old row in the place of the new one. */
const char *
before_update(const char *expression, const WatchRows &rows)
{
	if (expression == nullptr || rows.event != WatchEvent::updated)
		return nullptr;
	StringInfoData text;
	initStringInfo(&text);
	appendStringInfo(&text, "SELECT (%s\n)::pg_catalog.text FROM LATERAL ", expression);
	append_row(&text, RelationGetDescr(rows.relation), "new", "whatsapp_old");
	return psprintf("(%s)", text.data);
}

/* The key that a message which follows its row had before. */
const char *
old_key(const WatchDefinition &watch, const WatchRows &rows)
{
	if (watch.due == nullptr)
		return nullptr;
	return before_update(watch.idempotency_key != nullptr ? watch.idempotency_key
	                                                      : row_key(rows.relation, rows.event),
	                     rows);
}

const char *
old_sender(const WatchDefinition &watch, const WatchRows &rows)
{
	return before_update(unless_word(watch.sender), rows);
}

const char *
query_text(const WatchDefinition &watch, const WatchRows &rows)
{
	const struct {
		const char *expression;
		const char *type;
	} columns[] = {{watch.phone, "text"},
	               {row_key(rows.relation, rows.event), "text"},
	               {watch.reference, "text"},
	               {watch.idempotency_key, "text"},
	               {unless_word(watch.sender), "text"},
	               {unless_word(watch.language), "text"},
	               {unless_word(watch.priority), "text"},
	               {watch.due != nullptr ? watch.due : watch.send_at, "timestamptz"},
	               {watch.expires_at, "timestamptz"},
	               {old_key(watch, rows), "text"},
	               {old_sender(watch, rows), "text"},
	               {watch.body, "text"}};
	StringInfoData text;
	initStringInfo(&text);
	const char *comma = "SELECT ";
	for (const auto &column : columns) {
		appendStringInfoString(&text, comma);
		append_cast(&text, column.expression, column.type);
		comma = ", ";
	}
	for (int i = 0; i < watch.parameter_count; i++) {
		appendStringInfoString(&text, comma);
		append_cast(&text, is_row_count(watch, watch.parameters[i]) ? "1" : watch.parameters[i],
		            "text");
	}
	if (has_zone_expression(watch)) {
		appendStringInfoString(&text, comma);
		append_cast(&text, watch.time_zone, "text");
	}
	append_from(&text, rows.event, RelationGetDescr(rows.relation), watch.due != nullptr);
	if (const char *condition = row_condition(watch, rows.event))
		appendStringInfo(&text, " WHERE (%s\n)", condition);
	return text.data;
}

/* It has only what is needed to find a message: another expression of the watch may fail. */
const char *
withdrawal_text(const WatchDefinition &watch, const WatchRows &rows)
{
	const char *const columns[] = {row_key(rows.relation, rows.event), watch.idempotency_key,
	                               unless_word(watch.sender), old_key(watch, rows),
	                               old_sender(watch, rows)};
	StringInfoData text;
	initStringInfo(&text);
	const char *comma = "SELECT ";
	for (const char *column : columns) {
		appendStringInfoString(&text, comma);
		append_cast(&text, column, "text");
		comma = ", ";
	}
	appendStringInfoString(&text, comma);
	append_cast(&text, message_condition(watch, rows.event), "bool");
	append_from(&text, rows.event, RelationGetDescr(rows.relation), true);
	return text.data;
}

} // namespace

const char *
expression_query(const char *expression, const WatchRows &none, int &before)
{
	StringInfoData text;
	initStringInfo(&text);
	appendStringInfoString(&text, "SELECT v.*");
	append_from(&text, none.event, RelationGetDescr(none.relation));
	/* in VALUES there is no place for an aggregate, a window or a set of rows */
	appendStringInfoString(&text, ", LATERAL (VALUES ((");
	before = pg_mbstrlen_with_len(text.data, text.len);
	appendStringInfo(&text, "%s\n))) AS v", expression);
	return text.data;
}

namespace
{

SPIPlanPtr
prepare_query(const char *text)
{
	SPIPlanPtr plan = SPI_prepare(text, 0, nullptr);
	if (plan == nullptr)
		elog(ERROR, "could not prepare a query: %s", SPI_result_code_string(SPI_result));
	return plan;
}

} // namespace

bool
has_zone_expression(const WatchDefinition &watch)
{
	return watch.time_zone != nullptr && !looks_like_time_zone(watch.time_zone);
}

void
check_watch_query(const WatchDefinition &watch, const WatchRows &none)
{
	SPIPlanPtr plan = prepare_query(query_text(watch, none));
	check_expression_trust(plan, GetUserId());
	Portal cursor = SPI_cursor_open(nullptr, plan, nullptr, nullptr, false);
	SPI_cursor_close(cursor);
	SPI_freeplan(plan);
}

SPIPlanPtr
plan_watch_query(const WatchDefinition &watch, const WatchRows &rows, WatchQuery query)
{
	KnownPlan *known = known_plans;
	while (known != nullptr &&
	       (known->watch != &watch || known->event != rows.event || known->query != query))
		known = known->next;
	TupleDesc columns = RelationGetDescr(rows.relation);
	const AttrNumber *key = primary_key_columns(rows.relation);
	const std::uint64_t trust = expression_trust_generation();
	/* an invalid plan is checked anew: who has altered something that it reads may have put code of
	 * his own there. The plan does not read the primary key, but its text is made of it */
	if (known != nullptr && known->plan != nullptr && equalTupleDescs(known->columns, columns) &&
	    memcmp(known->key, key, sizeof known->key) == 0 && known->trust == trust &&
	    SPI_plan_is_valid(known->plan))
		return known->plan;
	if (known == nullptr) {
		known =
		    static_cast<KnownPlan *>(MemoryContextAllocZero(TopMemoryContext, sizeof(KnownPlan)));
		known->watch = &watch;
		known->event = rows.event;
		known->query = query;
		known->next = known_plans;
		known_plans = known;
	}
	if (known->plan != nullptr) {
		SPIPlanPtr old = known->plan;
		known->plan = nullptr;
		SPI_freeplan(old);
		FreeTupleDesc(known->columns);
	}
	SPIPlanPtr plan = prepare_query(query == WatchQuery::withdrawals ? withdrawal_text(watch, rows)
	                                                                 : query_text(watch, rows));
	check_expression_trust(plan, GetUserId());
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "could not keep a plan: %s", SPI_result_code_string(SPI_result));
	MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);
	known->columns = CreateTupleDescCopyConstr(columns);
	MemoryContextSwitchTo(before);
	memcpy(known->key, key, sizeof known->key);
	known->trust = trust;
	known->plan = plan;
	return plan;
}

namespace
{

/* All that decides what the text of an expression means or how its value is written. */
constexpr const char *kept_settings[] = {"search_path",
                                         "TimeZone",
                                         "DateStyle",
                                         "IntervalStyle",
                                         "extra_float_digits",
                                         "standard_conforming_strings",
                                         "backslash_quote",
                                         "transform_null_equals",
                                         "array_nulls",
                                         "bytea_output",
                                         "xmlbinary",
                                         "xmloption",
                                         "lc_monetary",
                                         "lc_numeric",
                                         "lc_time",
                                         "whatsapp.default_currency",
                                         "whatsapp.amount_locale"};

/* The schemas that are searched now, by their names. The session's temporary one comes last: else
 * who changes a watched table could put a table of his own before one that a watch reads. */
const char *
present_search_path()
{
	StringInfoData path;
	initStringInfo(&path);
	ListCell *cell;
	foreach (cell, fetch_search_path(false)) {
		const Oid schema = lfirst_oid(cell);
		const char *name = isAnyTempNamespace(schema) ? nullptr : get_namespace_name(schema);
		if (name != nullptr)
			appendStringInfo(&path, "%s, ", quote_identifier(name));
	}
	appendStringInfoString(&path, "pg_temp");
	return path.data;
}

} // namespace

const char *const *
watch_settings(int &count)
{
	count = static_cast<int>(lengthof(kept_settings));
	auto *settings = static_cast<const char **>(palloc(sizeof(char *) * static_cast<Size>(count)));
	for (int i = 0; i < count; i++) {
		const char *name = kept_settings[i];
		const char *value = i == 0 ? present_search_path() : GetConfigOption(name, false, false);
		/* the shortest digits that are exact */
		if (strcmp(name, "extra_float_digits") == 0)
			value = "1";
		settings[i] = psprintf("%s=%s", name, value);
	}
	return settings;
}

WatchOwner
begin_watch_owner(const WatchDefinition &watch)
{
	const Oid owner = owner_of_watch(watch);
	if (!OidIsValid(owner))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
		                errmsg(OidIsValid(get_role_oid(watch.owner, true))
		                           ? "role \"%s\" is another one than the owner of watch \"%s\""
		                           : "owner \"%s\" of watch \"%s\" does not exist",
		                       watch.owner, watch.name),
		                errhint("Call wa_unwatch(), and wa_watch() as a role that exists.")));
	return begin_role(owner, watch.settings, watch.setting_count);
}

WatchOwner
begin_role(Oid role, const char *const *settings, int count)
{
	WatchOwner before = {InvalidOid, 0, 0};
	GetUserIdAndSecContext(&before.user, &before.context);
	before.nest_level = NewGUCNestLevel();
	for (int i = 0; i < count; i++) {
		const char *equals = strchr(settings[i], '=');
		if (equals == nullptr)
			continue;
		const char *name = pnstrdup(settings[i], static_cast<Size>(equals - settings[i]));
		const char *now = GetConfigOption(name, true, false);
		if (now == nullptr || strcmp(now, equals + 1) != 0)
			(void)set_config_option(name, equals + 1, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
			                        true, 0, false);
	}
	SetUserIdAndSecContext(role, before.context | SECURITY_LOCAL_USERID_CHANGE |
	                                 SECURITY_RESTRICTED_OPERATION);
	return before;
}

void
end_watch_owner(const WatchOwner &before)
{
	SetUserIdAndSecContext(before.user, before.context);
	/* whatever an expression has set is taken back, too */
	AtEOXact_GUC(false, before.nest_level);
}

} // namespace whatsapp::pg
