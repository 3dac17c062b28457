/*
 * watch_partition.cpp — a table is watched statement by statement, which costs each row less; but a
 * row that comes into a partition by way of its parent fires no such trigger. So the trigger is
 * made anew when its table is attached.
 */
#include "entry/watch/watch_partition.hpp"

#include "entry/watch/watch.hpp"

#include "pg/server/owners.hpp"
#include "pg/server/schema.hpp"
#include "pg/server/statement.hpp"
#include "pg/server/transaction.hpp"
#include "pg/watches/watch_triggers.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace whatsapp::entry
{

namespace
{

const RangeVar *
attached_table(Node *statement)
{
	if (IsA(statement, CreateStmt)) {
		auto *create = reinterpret_cast<CreateStmt *>(statement);
		return create->partbound == nullptr ? nullptr : create->relation;
	}
	if (!IsA(statement, AlterTableStmt))
		return nullptr;
	ListCell *cell;
	foreach (cell, reinterpret_cast<AlterTableStmt *>(statement)->cmds) {
		auto *command = static_cast<AlterTableCmd *>(lfirst(cell));
		if (command->subtype == AT_AttachPartition || command->subtype == AT_DetachPartition)
			return reinterpret_cast<PartitionCmd *>(command->def)->name;
	}
	return nullptr;
}

bool
is_ours(const Trigger &trigger)
{
	if (strcmp(trigger.tgname, watch_trigger_name) != 0 || TRIGGER_FOR_ROW(trigger.tgtype))
		return false;
	const Oid extension = get_extension_oid("pg_whatsapp", true);
	return OidIsValid(extension) &&
	       getExtensionOfObject(ProcedureRelationId, trigger.tgfoid) == extension;
}

void
execute_command(const char *command)
{
	const int result = SPI_execute(command, false, 0);
	if (result < 0)
		elog(ERROR, "could not run a statement: %s", SPI_result_code_string(result));
}

/* NULL for a trigger that is simply enabled. */
const char *
firing_manner(char enabled)
{
	switch (enabled) {
	case TRIGGER_DISABLED:
		return "DISABLE";
	case TRIGGER_FIRES_ALWAYS:
		return "ENABLE ALWAYS";
	case TRIGGER_FIRES_ON_REPLICA:
		return "ENABLE REPLICA";
	default:
		return nullptr;
	}
}

void
make_anew(Oid relation, Oid trigger, char enabled)
{
	const char *table = quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)),
	                                               get_rel_name(relation));
	char *definition =
	    TextDatumGetCString(DirectFunctionCall1(pg_get_triggerdef, ObjectIdGetDatum(trigger)));
	char *at = strstr(definition, each_statement);
	if (at == nullptr)
		return;
	*at = '\0';
	SPI_connect();
	execute_command(psprintf("DROP TRIGGER %s ON %s", watch_trigger_name, table));
	execute_command(psprintf("%s%s%s", definition, each_row, at + strlen(each_statement)));
	if (const char *how = firing_manner(enabled))
		execute_command(psprintf("ALTER TABLE %s %s TRIGGER %s", table, how, watch_trigger_name));
	SPI_finish();
}

} // namespace

namespace
{

Oid
notify_function_of(Oid extension)
{
	static pg::Statement statement = {
	    "SELECT p.oid FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_depend AS d"
	    " ON d.objid OPERATOR(pg_catalog.=) p.oid AND d.classid OPERATOR(pg_catalog.=) 1255"
	    " WHERE d.refclassid OPERATOR(pg_catalog.=) 3079 AND d.refobjid OPERATOR(pg_catalog.=) $1"
	    "  AND p.prosrc OPERATOR(pg_catalog.=) 'pg_whatsapp_notify'",
	    1,
	    {OIDOID}};
	pg::Values values;
	values.set(0, ObjectIdGetDatum(extension));
	const pg::Result found = pg::run_statement(statement, values);
	return found.empty() ? InvalidOid : DatumGetObjectId(found.datum_at(0, 1, OIDOID));
}

/* Adjusts the watches with expressions. A failure is a WARNING: it must not fail the command. */
void
adjust_watches(Oid partition)
{
	const Oid extension = get_extension_oid("pg_whatsapp", true);
	if (!OidIsValid(extension))
		return;
	pg::Problem problem;
	if (pg::try_body_apart(problem, 0, [&] {
		    SPI_connect();
		    const Oid function = notify_function_of(extension);
		    if (OidIsValid(function)) {
			    const Oid owner = pg::owner_of_function(function);
			    pg::use_schema_of_function(function);
			    pg::as_user(owner, [&] { pg::adjust_watch_triggers(partition, function, owner); });
		    }
		    SPI_finish();
	    }))
		return;
	ereport(WARNING, (errmsg("partition \"%s\" has not got the WhatsApp watches of its table",
	                         get_rel_name(partition)),
	                  errdetail("SQLSTATE %s: %s.", problem.sqlstate, problem.message),
	                  errhint("Call wa_unwatch() and wa_watch() for the table.")));
}

} // namespace

void
after_attach(Node *statement)
{
	const RangeVar *name = attached_table(statement);
	const Oid relation = name == nullptr ? InvalidOid : RangeVarGetRelid(name, NoLock, true);
	if (OidIsValid(relation)) {
		CommandCounterIncrement();
		adjust_watches(relation);
	}
	if (!OidIsValid(relation) || get_rel_relkind(relation) != RELKIND_RELATION)
		return;
	CommandCounterIncrement();
	Relation partition = table_open(relation, AccessShareLock);
	Oid found = InvalidOid;
	char enabled = TRIGGER_FIRES_ON_ORIGIN;
	const TriggerDesc *triggers = partition->trigdesc;
	for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++)
		if (is_ours(triggers->triggers[i])) {
			found = triggers->triggers[i].tgoid;
			enabled = triggers->triggers[i].tgenabled;
		}
	table_close(partition, NoLock);
	if (OidIsValid(found))
		make_anew(relation, found, enabled);
}

} // namespace whatsapp::entry
