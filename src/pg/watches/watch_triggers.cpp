/*
 * watch_triggers.cpp — made and dropped by the server's own commands.
 */
#include "pg/watches/watch_triggers.hpp"

#include "pg/server/compat.hpp"
#include "pg/server/owners.hpp"
#include "pg/server/schema.hpp"
#include "pg/server/statement.hpp"
#include "pg/watches/key_style.hpp"
#include "pg/watches/reminders.hpp"
#include "pg/watches/watch_insert.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace whatsapp::pg
{

namespace
{

void
execute_as(Oid user, const char *command)
{
	int result = 0;
	as_user(OidIsValid(user) ? user : GetUserId(),
	        [&] { result = SPI_execute(command, false, 0); });
	if (result < 0)
		elog(ERROR, "could not run a statement: %s", SPI_result_code_string(result));
}

/* whatsapp_<name>_insert */
const char *
trigger_name(const char *watch_name, WatchEvent event)
{
	static const char *const endings[] = {"insert", "update", "delete", "truncate"};
	return psprintf("whatsapp_%s_%s", watch_name, endings[static_cast<int>(event)]);
}

const char *
transition_tables(WatchEvent event)
{
	switch (event) {
	case WatchEvent::inserted:
		return " REFERENCING NEW TABLE AS whatsapp_new FOR EACH STATEMENT";
	case WatchEvent::updated:
		return " REFERENCING OLD TABLE AS whatsapp_old NEW TABLE AS whatsapp_new FOR EACH STATEMENT";
	case WatchEvent::deleted:
		return " REFERENCING OLD TABLE AS whatsapp_old FOR EACH STATEMENT";
	default:
		return " FOR EACH STATEMENT";
	}
}

void
create_trigger(const WatchDefinition &watch, WatchEvent event, Oid relation, bool by_row, Oid user)
{
	const char *table = quoted_relation(relation);
	const char *name = quote_identifier(trigger_name(watch.name, event));
	execute_as(
	    user, psprintf("CREATE TRIGGER %s AFTER %s ON %s%s EXECUTE FUNCTION %s.whatsapp_notify(%s)",
	                   name, watch_event_name(event), table,
	                   by_row ? " FOR EACH ROW" : transition_tables(event), schema_name(),
	                   quote_literal_cstr(watch.key)));
	if (watch.replicated)
		execute_as(user, psprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER %s", table, name));
}

void
create_triggers(const WatchDefinition &watch, Oid relation, bool by_row, Oid user)
{
	for (const WatchEvent event : all_watch_events)
		if (watch.on[static_cast<int>(event)])
			create_trigger(watch, event, relation, by_row, user);
}

/* Only on the table that is watched: a TRUNCATE of a partition does not say which messages are of
 * its rows. */
void
create_truncate_trigger(const WatchDefinition &watch, Oid relation)
{
	const bool possible =
	    foreign_tables_tell_truncate || get_rel_relkind(relation) != RELKIND_FOREIGN_TABLE;
	if (watch.due != nullptr && possible)
		create_trigger(watch, WatchEvent::truncated, relation, false, InvalidOid);
}

/* The partitions of a table, of every level, and what kinds of tables they are. */
Statement partitions_of = {
    "SELECT t.relid::pg_catalog.oid, c.relkind = 'f' FROM pg_catalog.pg_partition_tree($1) AS t"
    " JOIN pg_catalog.pg_class AS c ON c.oid = t.relid WHERE t.relid <> $1 ORDER BY t.level, c.relname",
    1,
    {REGCLASSOID}};

Result
find_partitions(Oid relation)
{
	Values values;
	values.set(0, ObjectIdGetDatum(relation));
	return run_statement(partitions_of, values);
}

/* A foreign table gives no transition rows; nor does a table that has one among its children, of
 * any level. */
bool
has_foreign_child(Oid relation)
{
	static Statement statement = {
	    "WITH RECURSIVE child (oid) AS (SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = $1"
	    " UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i JOIN child ON i.inhparent = child.oid)"
	    " SELECT 1 FROM child JOIN pg_catalog.pg_class AS c ON c.oid = child.oid WHERE c.relkind = 'f' LIMIT 1",
	    1,
	    {OIDOID}};
	Values values;
	values.set(0, ObjectIdGetDatum(relation));
	return !run_statement(statement, values).empty();
}

bool
rows_come_one_by_one(const WatchDefinition &watch, Oid relation)
{
	return watch.replicated || get_rel_relkind(relation) == RELKIND_FOREIGN_TABLE ||
	       get_rel_relispartition(relation) || has_foreign_child(relation);
}

bool
is_trigger_of(const char *trigger, const char *watch_name)
{
	for (const WatchEvent event : all_watch_events)
		if (strcmp(trigger, trigger_name(watch_name, event)) == 0)
			return true;
	return strcmp(trigger, trigger_name(watch_name, WatchEvent::truncated)) == 0;
}

} // namespace

bool
drop_lost_triggers(Oid relation, const char *name, Oid trigger_function, Oid extension_owner,
                   bool as_owner)
{
	static Statement statement = {
	    "SELECT t.tgrelid, t.tgname::pg_catalog.text, pg_catalog.convert_from(pg_catalog.substring(t.tgargs, 1,"
	    "  pg_catalog.length(t.tgargs) - 1), pg_catalog.getdatabaseencoding()) FROM pg_catalog.pg_trigger AS t"
	    " WHERE t.tgfoid = $2 AND t.tgnargs = 1 AND NOT t.tgisinternal AND t.tgparentid = 0"
	    " AND (t.tgrelid = $1 OR t.tgrelid IN (SELECT p.relid FROM pg_catalog.pg_partition_tree($1) AS p))"
	    " ORDER BY t.tgrelid <> $1, t.tgrelid, t.tgname",
	    2,
	    {OIDOID, OIDOID}};
	Values values;
	values.set(0, ObjectIdGetDatum(relation));
	values.set(1, ObjectIdGetDatum(trigger_function));
	const Result triggers = run_statement(statement, values);
	bool any = false;
	for (uint64 i = 0; i < triggers.count(); i++) {
		const Oid table = DatumGetObjectId(triggers.datum_at(i, 1, OIDOID));
		const char *trigger = triggers.text_at(i, 2);
		bool lost = false;
		as_user(extension_owner,
		        [&] { lost = !has_watch(triggers.text_at(i, 3), table, trigger_function); });
		if (!lost || (name != nullptr && !is_trigger_of(trigger, name)))
			continue;
		/* those of partitions are dropped with the rights of the extension's owner */
		if (!as_owner && table != relation && !owns_table(relation))
			aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(relation));
		execute_as(
		    as_owner || table != relation ? extension_owner : InvalidOid,
		    psprintf("DROP TRIGGER %s ON %s", quote_identifier(trigger), quoted_relation(table)));
		any = true;
	}
	return any;
}

namespace
{

/* A partition has the triggers of the table that is watched: the watch is that table's. */
bool
is_watched_as_partition(const char *key, Oid relation, Oid trigger_function)
{
	static Statement statement = {
	    "SELECT a.relid::pg_catalog.regclass::pg_catalog.text FROM pg_catalog.pg_partition_ancestors($1) AS a (relid)"
	    " JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = a.relid AND t.tgfoid = $2"
	    " WHERE a.relid <> $1 AND t.tgargs = pg_catalog.convert_to($3, pg_catalog.getdatabaseencoding())"
	    "  OPERATOR(pg_catalog.||) pg_catalog.decode('00', 'hex') LIMIT 1",
	    3,
	    {REGCLASSOID, OIDOID, TEXTOID}};
	Values values;
	values.set(0, ObjectIdGetDatum(relation));
	values.set(1, ObjectIdGetDatum(trigger_function));
	values.set_text(2, key);
	const Result found = run_statement(statement, values);
	if (found.empty())
		return false;
	ereport(NOTICE, (errmsg("table %s is watched as a partition of table %s",
	                        quoted_relation(relation), found.text_at(0, 1)),
	                 errhint("The watch ends for all partitions together, by wa_unwatch(%s).",
	                         quote_literal_cstr(found.text_at(0, 1)))));
	return true;
}

} // namespace

bool
end_watches(Oid relation, const char *name, Oid function)
{
	const Oid notify = notify_function(function);
	const Oid owner = owner_of_function(function);
	WatchList watches = {};
	as_user(owner, [&] { watches = watches_of_table(relation, notify); });
	bool ended = false;
	for (int i = 0; i < watches.count; i++) {
		if (name != nullptr && strcmp(watches.names[i], name) != 0)
			continue;
		const WatchDefinition *watch = nullptr;
		bool of_ancestor = false;
		as_user(owner, [&] {
			of_ancestor = is_watched_as_partition(watches.keys[i], relation, notify);
			watch = find_watch(watches.keys[i], relation, notify);
		});
		if (of_ancestor)
			continue;
		/* this table is a copy of the watched one, and has its triggers: drop_lost_triggers() */
		if (watch == nullptr)
			continue;
		drop_watch_triggers(watches.keys[i], relation, notify, owner);
		as_user(owner, [&] {
			if (watch->due != nullptr)
				tell_of_reminders(*watch);
			delete_watch(watches.keys[i]);
		});
		ended = true;
	}
	return drop_lost_triggers(relation, name, notify, owner, false) || ended;
}

Oid
notify_function(Oid sibling)
{
	List *name = list_make2(makeString(get_namespace_name(get_func_namespace(sibling))),
	                        makeString(pstrdup("whatsapp_notify")));
	return LookupFuncName(name, 0, nullptr, false);
}

const char *
quoted_relation(Oid relation)
{
	const char *name = get_rel_name(relation);
	if (name == nullptr)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
		                errmsg("relation with OID %u does not exist", relation)));
	/* it stands in keys and names, which another session compares */
	const int level = quote_all_identifiers ? begin_key_style() : 0;
	name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)), name);
	if (level != 0)
		end_key_style(level);
	return name;
}

void
place_watch_triggers(const WatchDefinition &watch, Oid relation, Oid extension_owner)
{
	const bool by_row = rows_come_one_by_one(watch, relation);
	create_triggers(watch, relation, by_row, InvalidOid);
	create_truncate_trigger(watch, relation);
	/* the server copies triggers of rows to the partitions */
	if (by_row)
		return;
	const Result partitions = find_partitions(relation);
	for (uint64 i = 0; i < partitions.count(); i++)
		create_triggers(watch, DatumGetObjectId(partitions.datum_at(i, 1, OIDOID)), false,
		                extension_owner);
}

void
drop_watch_triggers(const char *key, Oid relation, Oid trigger_function, Oid extension_owner)
{
	static Statement statement = {
	    "SELECT t.tgrelid, t.tgname::pg_catalog.text FROM pg_catalog.pg_trigger AS t"
	    " WHERE t.tgfoid = $2 AND NOT t.tgisinternal AND t.tgparentid = 0"
	    " AND t.tgargs = pg_catalog.convert_to($1, pg_catalog.getdatabaseencoding()) OPERATOR(pg_catalog.||)"
	    "  pg_catalog.decode('00', 'hex')"
	    " AND (t.tgrelid = $3 OR t.tgrelid IN (SELECT p.relid FROM pg_catalog.pg_partition_tree($3) AS p))"
	    " ORDER BY t.tgrelid <> $3, t.tgrelid",
	    3,
	    {TEXTOID, OIDOID, OIDOID}};
	Values values;
	values.set_text(0, key);
	values.set(1, ObjectIdGetDatum(trigger_function));
	values.set(2, ObjectIdGetDatum(relation));
	const Result triggers = run_statement(statement, values);
	for (uint64 i = 0; i < triggers.count(); i++) {
		const Oid table = DatumGetObjectId(triggers.datum_at(i, 1, OIDOID));
		execute_as(table == relation ? InvalidOid : extension_owner,
		           psprintf("DROP TRIGGER %s ON %s", quote_identifier(triggers.text_at(i, 2)),
		                    quoted_relation(table)));
	}
}

void
adjust_watch_triggers(Oid partition, Oid trigger_function, Oid extension_owner)
{
	static Statement ancestors = {
	    "SELECT a.relid::pg_catalog.oid FROM pg_catalog.pg_partition_ancestors($1) AS a (relid)"
	    " UNION SELECT $1::pg_catalog.oid",
	    1,
	    {REGCLASSOID}};
	Values values;
	values.set(0, ObjectIdGetDatum(partition));
	const Result tables = run_statement(ancestors, values);
	for (uint64 i = 0; i < tables.count(); i++) {
		const Oid table = DatumGetObjectId(tables.datum_at(i, 1, OIDOID));
		const WatchList watches = watches_of_table(table, trigger_function);
		for (int j = 0; j < watches.count; j++) {
			const WatchDefinition *watch = find_watch(watches.keys[j], table, trigger_function);
			if (watch == nullptr) {
				/* it was a partition of the table that is watched */
				if (table == partition)
					drop_watch_triggers(watches.keys[j], table, trigger_function, extension_owner);
				continue;
			}
			if (watch->relation != table)
				continue;
			/* made anew for the table as a whole: a partition may be a foreign table now */
			drop_watch_triggers(watch->key, table, trigger_function, extension_owner);
			place_watch_triggers(*watch, table, extension_owner);
		}
	}
}

} // namespace whatsapp::pg
