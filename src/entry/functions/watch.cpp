/*
 * watch.cpp — wa_watch() and wa_unwatch(): triggers made with the caller's own rights,
 * never with the extension owner's.
 */
#include "core/base/fault.hpp"
#include "core/message/template.hpp"
#include "pg/identity/sender_rights.hpp"
#include "pg/enqueue/messages.hpp"
#include "pg/server/owners.hpp"
#include "pg/server/schema.hpp"
#include "pg/server/settings.hpp"
#include "pg/watches/watch_errors.hpp"
#include "pg/watches/watch_triggers.hpp"

#include "entry/call/arguments.hpp"
#include "entry/watch/order_row.hpp"
#include "entry/watch/watch.hpp"
#include "entry/watch/watch_replication.hpp"
#include "entry/watch/watchable.hpp"

extern "C" {
#include "miscadmin.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_watch);
PG_FUNCTION_INFO_V1(pg_whatsapp_unwatch);
}

using namespace whatsapp;

namespace
{

const char *
relation_name(Oid relation)
{
	const char *name = get_rel_name(relation);
	if (name == nullptr)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
		                errmsg("relation with OID %u does not exist", relation)));
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)), name);
}

const char *
existing_column(FunctionCallInfo fcinfo, int index, const char *argument, Oid relation)
{
	entry::require_argument(fcinfo, index, argument);
	const char *name = NameStr(*PG_GETARG_NAME(index));
	const AttrNumber number = get_attnum(relation, name);
	if (number <= 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
		                errmsg("column \"%s\" of relation \"%s\" does not exist", name,
		                       get_rel_name(relation))));
	return name;
}

/* A number is formatted with its currency, and text is sent as it is. The type money will not do:
 * it is written with the currency sign of lc_monetary, whatever the order's currency is. */
void
check_amount_type(Oid relation, const char *column)
{
	const Oid type = getBaseType(get_atttype(relation, get_attnum(relation, column)));
	char category;
	bool preferred;
	get_type_category_preferred(type, &category, &preferred);
	const Oid numbers[] = {INT2OID, INT4OID, INT8OID, FLOAT4OID, FLOAT8OID, NUMERICOID};
	bool is_number = false;
	for (const Oid number : numbers)
		is_number = is_number || type == number;
	if (is_number || category == TYPCATEGORY_STRING)
		return;
	ereport(
	    ERROR,
	    (errcode(ERRCODE_DATATYPE_MISMATCH),
	     errmsg("column \"%s\" of type %s cannot be the amount", column, format_type_be(type)),
	     errhint("It is a number or text. For another type call wa_watch() with expressions, such "
	             "as wa_format_amount(new.total::numeric, 'EUR').")));
}

/* Whether the trigger must be one of rows. A statement on the parent writes into its partitions
 * without firing their triggers of statements, and the other way round; and a trigger on a foreign
 * table cannot have transition tables. */
bool
rows_come_one_by_one(Oid relation)
{
	return get_rel_relkind(relation) != RELKIND_RELATION || get_rel_relispartition(relation);
}

void
execute_command(const char *command)
{
	const int result = SPI_execute(command, false, 0);
	if (result < 0)
		elog(ERROR, "could not run a statement: %s", SPI_result_code_string(result));
}

} // namespace

Datum
pg_whatsapp_watch(PG_FUNCTION_ARGS)
{
	static const char *const names[entry::watch_arguments] = {
	    "supplier", "po", "amount", "phone", "currency", "language", "sender"};

	entry::require_argument(fcinfo, 0, "relation");
	const Oid relation = PG_GETARG_OID(0);
	const char *table = relation_name(relation);
	entry::check_watchable(relation);
	if (OidIsValid(get_trigger_oid(relation, entry::watch_trigger_name, true)))
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
		                errmsg("table \"%s\" is watched already", get_rel_name(relation)),
		                errhint("Call wa_unwatch() before. A second watch of a table is one with "
		                        "expressions and a name of its own.")));
	const char *arguments[entry::watch_arguments];
	for (int i = 0; i < entry::watch_language; i++)
		arguments[i] = i == entry::watch_currency && PG_ARGISNULL(i + 1)
		                   ? ""
		                   : existing_column(fcinfo, i + 1, names[i], relation);
	check_amount_type(relation, arguments[entry::watch_amount]);
	arguments[entry::watch_language] = entry::optional_text(fcinfo, entry::watch_language + 1, "");
	/* kept with the watch: whoever inserts a row may have set whatsapp.default_sender to anything
	 */
	arguments[entry::watch_sender] = entry::optional_text(
	    fcinfo, entry::watch_sender + 1, limits::sender, pg::settings.default_sender);
	if (arguments[entry::watch_language][0] != '\0')
		pg::run_body([&] { check_language(arguments[entry::watch_language]); });
	pg::require_utf8();
	constexpr int replicated_place = entry::watch_arguments + 1;
	entry::require_argument(fcinfo, replicated_place, "replicated");
	const bool replicated = PG_GETARG_BOOL(replicated_place);

	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	pg::require_sender_right(GetUserId(), pg::level_admin, arguments[entry::watch_sender]);
	StringInfoData command;
	initStringInfo(&command);
	appendStringInfo(
	    &command,
	    "CREATE TRIGGER %s AFTER INSERT%s ON %s%s EXECUTE FUNCTION %s.whatsapp_notify_po(",
	    entry::watch_trigger_name,
	    /* a row that is moved to another partition is deleted and inserted */
	    get_rel_relkind(relation) == RELKIND_PARTITIONED_TABLE ? " OR DELETE" : "", table,
	    replicated || rows_come_one_by_one(relation) ? entry::each_row : entry::each_statement,
	    pg::schema_name());
	for (int i = 0; i < entry::watch_arguments; i++)
		appendStringInfo(&command, "%s%s", i > 0 ? ", " : "", quote_literal_cstr(arguments[i]));
	appendStringInfoChar(&command, ')');
	execute_command(command.data);
	if (replicated)
		execute_command(
		    psprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER %s", table, entry::watch_trigger_name));
	else
		entry::warn_if_subscribed(relation);
	SPI_finish();
	PG_RETURN_VOID();
}

Datum
pg_whatsapp_unwatch(PG_FUNCTION_ARGS)
{
	const Oid relation = PG_GETARG_OID(0);
	const char *table = relation_name(relation);
	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	bool ended = pg::end_watches(relation, nullptr, fcinfo->flinfo->fn_oid);
	if (OidIsValid(get_trigger_oid(relation, entry::watch_trigger_name, true))) {
		execute_command(psprintf("DROP TRIGGER %s ON %s", entry::watch_trigger_name, table));
		pg::as_user(pg::owner_of_function(fcinfo->flinfo->fn_oid),
		            [&] { pg::forget_watch_errors(entry::order_watch_name(relation)); });
		ended = true;
	}
	SPI_finish();
	PG_RETURN_BOOL(ended);
}
