/*
 * table_comparison.cpp — is a table still as table_shape.cpp describes it?
 *
 * Compared are names of columns and not their numbers, so that a column of a user's that may be
 * NULL, and one that an older version had, are no reason to call a table altered.
 */
#include "pg/rows/table_shape.hpp"

#include "pg/server/compat.hpp"
#include "pg/server/schema.hpp"
#include "pg/server/worker.hpp"

extern "C" {
#include "access/genam.h"
#include "access/tableam.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/trigger.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
}

namespace whatsapp::pg
{

namespace
{

/* Statements do these works from now on. The first reason is kept, to be shown. */
void
mark_altered(TableShape &shape, unsigned works, const char *reason, const char *name = "")
{
	works &= shape.works;
	if (works != 0 && shape.altered == 0)
		snprintf(shape.reason, sizeof shape.reason, reason, name);
	shape.altered |= works;
}

void
compare_kind(Relation relation, TableShape &shape)
{
	const Form_pg_class table = relation->rd_rel;
	if (table->relkind != RELKIND_RELATION || table->relpersistence != RELPERSISTENCE_PERMANENT ||
	    relation->rd_tableam != GetHeapamTableAmRoutine())
		mark_altered(shape, reads | writes, "it is not a permanent table of the ordinary kind");
	if (table->relispartition || table->relhassubclass)
		mark_altered(shape, reads | writes, "it is a partition, or tables inherit from it");
	if (relation->rd_rules != nullptr)
		mark_altered(shape, writes, "it has rules");
}

void
compare_rights(Relation relation, TableShape &shape)
{
	const Oid table = RelationGetRelid(relation);
	if (check_enable_rls(table, InvalidOid, true) == RLS_ENABLED)
		mark_altered(shape, reads | writes, "row security applies to role \"%s\"",
		             GetUserNameFromId(shape.user, false));
	static constexpr struct {
		Work work;
		AclMode right;
	} rights[] = {
	    {reads, ACL_SELECT}, {inserts, ACL_INSERT}, {updates, ACL_UPDATE}, {deletes, ACL_DELETE}};
	for (const auto &needed : rights)
		if (pg_class_aclcheck(table, shape.user, needed.right) != ACLCHECK_OK)
			mark_altered(shape, needed.work, "role \"%s\" lacks a privilege for it",
			             GetUserNameFromId(shape.user, false));
}

char *
read_expression(Relation relation, const char *stored)
{
	return TextDatumGetCString(DirectFunctionCall2(pg_get_expr, CStringGetTextDatum(stored),
	                                               ObjectIdGetDatum(RelationGetRelid(relation))));
}

/* The default of a column as \d shows it. */
const char *
default_of(Relation relation, AttrNumber number)
{
	const TupleConstr *all = RelationGetDescr(relation)->constr;
	for (int i = 0; all != nullptr && i < all->num_defval; i++)
		if (all->defval[i].adnum == number)
			return read_expression(relation, all->defval[i].adbin);
	return "";
}

bool
is_filled_as_made(Relation relation, TableShape &shape, const ShapeColumn &made,
                  const FormData_pg_attribute &live)
{
	const char *wanted = made.filled_with == nullptr ? "" : made.filled_with;
	if (wanted == own_sequence) {
		/* whatever its name has become */
		const List *owned = getOwnedSequences(RelationGetRelid(relation));
		if (list_length(owned) != 1)
			return false;
		shape.sequence = linitial_oid(owned);
		wanted = psprintf("nextval(%s::regclass)",
		                  quote_literal_cstr(DatumGetCString(
		                      DirectFunctionCall1(regclassout, ObjectIdGetDatum(shape.sequence)))));
	}
	return live.attgenerated == '\0' && live.attidentity == '\0' &&
	       strcmp(default_of(relation, live.attnum), wanted) == 0;
}

const ShapeColumn *
find_column(const TableShape &shape, const char *name)
{
	for (int i = 0; i < shape.count; i++)
		if (strcmp(shape.columns[i].name, name) == 0)
			return &shape.columns[i];
	return nullptr;
}

/* A column that a user has added. Direct paths leave it NULL, so that must be right. */
void
compare_added(TableShape &shape, const FormData_pg_attribute &live)
{
	if (live.attgenerated != '\0')
		mark_altered(shape, inserts | updates, "column \"%s\" is generated", NameStr(live.attname));
	else if (live.attnotnull || live.atthasdef || live.attidentity != '\0' ||
	         get_typtype(live.atttypid) == TYPTYPE_DOMAIN)
		mark_altered(shape, inserts, "column \"%s\" was added, and may not simply be NULL",
		             NameStr(live.attname));
}

void
compare_columns(Relation relation, TableShape &shape)
{
	const TupleDesc row = RelationGetDescr(relation);
	memset(shape.numbers, 0, sizeof shape.numbers);
	shape.sequence = InvalidOid;
	for (int i = 0; i < row->natts; i++) {
		const FormData_pg_attribute &live = *TupleDescAttr(row, i);
		if (live.attisdropped)
			continue;
		const ShapeColumn *made = find_column(shape, NameStr(live.attname));
		if (made == nullptr) {
			compare_added(shape, live);
			continue;
		}
		shape.numbers[made->place] = live.attnum;
		if (live.atttypid != made->type || live.atttypmod != -1 ||
		    live.attcollation != get_typcollation(made->type))
			mark_altered(shape, reads | writes, "column \"%s\" has another type", made->name);
		else if (live.attnotnull != made->not_null)
			mark_altered(shape, inserts | updates,
			             "column \"%s\" may be NULL now, or may not be any more", made->name);
		else if (!is_filled_as_made(relation, shape, *made, live))
			mark_altered(shape, inserts, "column \"%s\" has another default", made->name);
	}
	for (int i = 0; i < shape.count; i++)
		if (shape.numbers[i] == InvalidAttrNumber)
			mark_altered(shape, reads | writes, "column \"%s\" is missing", shape.columns[i].name);
}

/* A constraint that is gone does no harm: the values of direct paths obey it all the same. */
void
compare_checks(Relation relation, TableShape &shape)
{
	const TupleConstr *live = RelationGetDescr(relation)->constr;
	for (int i = 0; live != nullptr && i < live->num_check; i++) {
		const char *text = read_expression(relation, live->check[i].ccbin);
		const char *const *made = shape.checks;
		while (*made != nullptr && strcmp(*made, text) != 0)
			made++;
		if (*made == nullptr)
			mark_altered(shape, inserts | updates, "constraint \"%s\" was added",
			             live->check[i].ccname);
	}
}

bool
is_named(const Trigger &trigger, const char *name)
{
	return name != nullptr && strcmp(trigger.tgname, name) == 0 &&
	       get_func_namespace(trigger.tgfoid) == schema_oid() &&
	       strcmp(get_func_name(trigger.tgfoid), name) == 0;
}

bool
is_ours(const TableShape &shape, const Trigger &trigger)
{
	return (trigger.tgqual != nullptr && is_named(trigger, shape.trigger)) ||
	       (TRIGGER_FOR_AFTER(trigger.tgtype) && !TRIGGER_FOR_ROW(trigger.tgtype) &&
	        is_named(trigger, shape.counting));
}

void
compare_triggers(Relation relation, TableShape &shape)
{
	const TriggerDesc *all = relation->trigdesc;
	for (int i = 0; all != nullptr && i < all->numtriggers; i++) {
		const Trigger &trigger = all->triggers[i];
		if (trigger.tgenabled == TRIGGER_DISABLED || is_ours(shape, trigger))
			continue;
		unsigned works = 0;
		if (TRIGGER_FOR_INSERT(trigger.tgtype))
			works |= inserts;
		if (TRIGGER_FOR_UPDATE(trigger.tgtype))
			works |= updates;
		if (TRIGGER_FOR_DELETE(trigger.tgtype))
			works |= deletes;
		/* a foreign key that points to the primary key, which no update of ours changes */
		if (trigger.tgisinternal && RI_FKey_trigger_type(trigger.tgfoid) == RI_TRIGGER_PK &&
		    trigger.tgconstrindid == relation->rd_pkindex)
			works &= ~updates;
		mark_altered(shape, works, "trigger \"%s\" was added", trigger.tgname);
	}
}

/* The place of a column in the list of the shape; -1 for one that is not in it. */
int
place_of(const TableShape &shape, AttrNumber number)
{
	for (int i = 0; i < shape.count; i++)
		if (shape.numbers[i] == number)
			return i;
	return -1;
}

bool
leads_along(Relation index, const TableShape &shape)
{
	const Form_pg_index form = index->rd_index;
	int count = 0;
	for (; shape.along[count] >= 0; count++) {
		const int column = shape.along[count];
		const Oid type = shape.columns[column].type;
		if (count >= form->indnkeyatts || form->indkey.values[count] != shape.numbers[column] ||
		    index->rd_indoption[count] != 0 ||
		    index->rd_indcollation[count] != get_typcollation(type) ||
		    index->rd_opfamily[count] != get_opclass_family(GetDefaultOpClass(type, BTREE_AM_OID)))
			return false;
	}
	return form->indnkeyatts == count && form->indisvalid && (count > 1 || form->indisunique) &&
	       form->indimmediate && RelationGetIndexPredicate(index) == NIL;
}

/* False when only the executor knows which rows have a place in it, and which. */
bool
note_row_index(Relation index, const IndexInfo &info, const TableShape &shape, RowIndex &noted)
{
	noted.relation = RelationGetRelid(index);
	noted.present = -1;
	if (index->rd_rel->relam != BTREE_AM_OID || !info.ii_ReadyForInserts ||
	    info.ii_ExclusionOps != nullptr || !index->rd_index->indimmediate)
		return false;
	for (int i = 0; i < info.ii_NumIndexAttrs; i++) {
		if (info.ii_IndexAttrNumbers[i] <= 0)
			return false;
		noted.place[i] = place_of(shape, info.ii_IndexAttrNumbers[i]);
	}
	if (info.ii_Predicate == NIL)
		return true;
	/* WHERE column IS NOT NULL */
	const auto *test = static_cast<NullTest *>(linitial(info.ii_Predicate));
	if (list_length(info.ii_Predicate) != 1 || !IsA(test, NullTest) ||
	    test->nulltesttype != IS_NOT_NULL || test->argisrow || !IsA(test->arg, Var))
		return false;
	noted.present = place_of(shape, reinterpret_cast<Var *>(test->arg)->varattno);
	return noted.present >= 0;
}

void
learn_indexes(Relation relation, TableShape &shape)
{
	if (shape.memory == nullptr)
		shape.memory = AllocSetContextCreate(TopMemoryContext, "indexes of pg_whatsapp's tables",
		                                     ALLOCSET_SMALL_SIZES);
	MemoryContextReset(shape.memory);
	shape.index = InvalidOid;
	shape.row_indexes = 0;
	ListCell *cell;
	List *all = RelationGetIndexList(relation);
	foreach (cell, all) {
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);
		if (index->rd_rel->relam == BTREE_AM_OID && shape.along[0] >= 0 &&
		    leads_along(index, shape))
			shape.index = RelationGetRelid(index);
		MemoryContext before = MemoryContextSwitchTo(shape.memory);
		IndexInfo *info = BuildIndexInfo(index);
		MemoryContextSwitchTo(before);
		const int count = shape.row_indexes;
		if (count < 0 || count == max_row_indexes ||
		    !note_row_index(index, *info, shape, shape.row_index[count])) {
			shape.row_indexes = -1;
		} else {
			shape.row_index[count].info = info;
			shape.row_indexes++;
		}
		index_close(index, AccessShareLock);
	}
	list_free(all);
	if (shape.along[0] >= 0 && !OidIsValid(shape.index))
		mark_altered(shape, reads, "it lacks an index");
}

/* Tells the log of a worker, whose work takes longer from now on; once for each reason. */
void
report_altered_table(const TableShape &shape)
{
	ereport(
	    is_own_worker() ? LOG : DEBUG1,
	    (errmsg(
	         "rows of WhatsApp table \"%s\" are read or written by statements, which takes longer",
	         shape.table.name),
	     errdetail("The table is not as pg_whatsapp made it: %s.", shape.reason)));
}

void
compare_table(Relation relation, TableShape &shape)
{
	/* what changes while we look makes us look again */
	const unsigned changes = shape.table.changes;
	char before[sizeof shape.reason];
	strlcpy(before, shape.reason, sizeof before);
	shape.learnt = 0;
	shape.altered = 0;
	shape.reason[0] = '\0';
	shape.user = GetUserId();
	compare_kind(relation, shape);
	compare_rights(relation, shape);
	compare_columns(relation, shape);
	compare_checks(relation, shape);
	learn_indexes(relation, shape);
	/* last: it needs the primary key, which learn_indexes() has looked up */
	compare_triggers(relation, shape);
	shape.learnt = changes;
	if (shape.altered == 0)
		ereport(DEBUG2,
		        (errmsg_internal("table \"%s\" is as pg_whatsapp made it", shape.table.name)));
	else if (strcmp(before, shape.reason) != 0)
		report_altered_table(shape);
}

} // namespace

bool
is_as_made(Relation relation, TableShape &shape, unsigned works)
{
	if (shape.learnt != shape.table.changes || shape.user != GetUserId())
		compare_table(relation, shape);
	return (shape.altered & works) == 0;
}

} // namespace whatsapp::pg
