/*
 * watch_partition.cpp — a table is watched statement by statement, which costs each row less; but a
 * row that comes into a partition by way of its parent fires no such trigger. So the trigger is
 * made anew when its table is attached.
 */
#include "entry/watch/watch_partition.hpp"

#include "entry/watch/watch.hpp"

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
	if (!IsA(statement, AlterTableStmt))
		return nullptr;
	ListCell *cell;
	foreach (cell, reinterpret_cast<AlterTableStmt *>(statement)->cmds) {
		auto *command = static_cast<AlterTableCmd *>(lfirst(cell));
		if (command->subtype == AT_AttachPartition)
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

/* NULL for a trigger that fires as triggers do. */
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

void
after_attach(Node *statement)
{
	const RangeVar *name = attached_table(statement);
	const Oid relation = name == nullptr ? InvalidOid : RangeVarGetRelid(name, NoLock, true);
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
