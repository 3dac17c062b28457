/*
 * database_commands.cpp — DROP DATABASE, RENAME, SET TABLESPACE and CREATE DATABASE … TEMPLATE wait
 * five seconds for other sessions to go and then fail. Ours are asked to go first, stay away while
 * the command runs, and come back by themselves.
 *
 * Only for those who may run the command: anybody else's attempt must not disturb a sender.
 *
 * The same hook looks after watched tables, see watch_partition.hpp and watch_replication.hpp, and
 * after transactions that are prepared, see prepared_rings.hpp.
 */
#include "entry/launcher/database_commands.hpp"

#include "entry/watch/watch_partition.hpp"
#include "entry/watch/watch_replication.hpp"

#include "pg/server/bells.hpp"
#include "pg/server/clearance.hpp"
#include "pg/server/prepared_rings.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/syscache.h"
}

namespace whatsapp::entry
{

namespace
{

ProcessUtility_hook_type previous_hook = nullptr;

bool
may_create_databases()
{
	if (superuser())
		return true;
	bool may = false;
	HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(GetUserId()));
	if (HeapTupleIsValid(tuple)) {
		may = reinterpret_cast<Form_pg_authid>(GETSTRUCT(tuple))->rolcreatedb;
		ReleaseSysCache(tuple);
	}
	return may;
}

Oid
owned_database(const char *name)
{
	const Oid database = get_database_oid(name, true);
	return OidIsValid(database) && pg::owns_database(database) ? database : InvalidOid;
}

const char *
find_option(List *options, const char *name)
{
	ListCell *cell;
	foreach (cell, options) {
		auto *element = static_cast<DefElem *>(lfirst(cell));
		if (strcmp(element->defname, name) == 0 && element->arg != nullptr)
			return defGetString(element);
	}
	return nullptr;
}

/* As CREATE DATABASE asks it: one's own, or one that is marked as a template. */
bool
may_copy_database(Oid database)
{
	if (!may_create_databases())
		return false;
	if (pg::owns_database(database))
		return true;
	bool may = false;
	HeapTuple tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
	if (HeapTupleIsValid(tuple)) {
		may = reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple))->datistemplate;
		ReleaseSysCache(tuple);
	}
	return may;
}

/* The database whose sessions the command cannot bear, when whoever gives it may do so; InvalidOid
 * for any other command. */
Oid
affected_database(Node *statement)
{
	switch (nodeTag(statement)) {
	case T_DropdbStmt:
		return owned_database(reinterpret_cast<DropdbStmt *>(statement)->dbname);
	case T_AlterDatabaseStmt: {
		auto *alter = reinterpret_cast<AlterDatabaseStmt *>(statement);
		return find_option(alter->options, "tablespace") != nullptr ? owned_database(alter->dbname)
		                                                            : InvalidOid;
	}
	case T_RenameStmt: {
		auto *rename = reinterpret_cast<RenameStmt *>(statement);
		return rename->renameType == OBJECT_DATABASE ? owned_database(rename->subname) : InvalidOid;
	}
	case T_CreatedbStmt: {
		const char *source =
		    find_option(reinterpret_cast<CreatedbStmt *>(statement)->options, "template");
		const Oid database = source == nullptr ? InvalidOid : get_database_oid(source, true);
		return OidIsValid(database) && may_copy_database(database) ? database : InvalidOid;
	}
	default:
		return InvalidOid;
	}
}

/* Of PREPARE TRANSACTION, COMMIT PREPARED and ROLLBACK PREPARED. The statement's own memory may be
 * gone when it has run. */
struct TwoPhase {
	TransactionStmtKind kind;
	pg::PreparedName name;
};

TwoPhase
two_phase(Node *statement)
{
	if (!IsA(statement, TransactionStmt))
		return {TRANS_STMT_BEGIN, 0};
	const auto *transaction = reinterpret_cast<TransactionStmt *>(statement);
	switch (transaction->kind) {
	case TRANS_STMT_PREPARE:
	case TRANS_STMT_COMMIT_PREPARED:
	case TRANS_STMT_ROLLBACK_PREPARED:
		return {transaction->kind, pg::prepared_name(transaction->gid)};
	default:
		return {transaction->kind, 0};
	}
}

/* The transaction has been committed, durably, or rolled back: nothing here may raise. */
void
after_two_phase(const TwoPhase &done)
{
	pg::Rings rings;
	if (done.kind != TRANS_STMT_COMMIT_PREPARED && done.kind != TRANS_STMT_ROLLBACK_PREPARED)
		return;
	if (pg::take_rings(done.name, rings) && done.kind == TRANS_STMT_COMMIT_PREPARED)
		pg::ring_now(rings);
}

extern "C" void
around_utility(PlannedStmt *planned, const char *text, bool read_only_tree,
               ProcessUtilityContext context, ParamListInfo parameters,
               QueryEnvironment *environment, DestReceiver *destination,
               QueryCompletion *completion)
{
	/* within a transaction block, the server refuses all of these commands but a rename */
	const bool runs = context == PROCESS_UTILITY_TOPLEVEL &&
	                  (!IsTransactionBlock() || IsA(planned->utilityStmt, RenameStmt));
	const Oid database = runs ? affected_database(planned->utilityStmt) : InvalidOid;
	if (OidIsValid(database))
		pg::send_workers_away(database);
	/* looked at before the command runs: one that ends transactions may free the statement
	 * itself */
	const bool alters_table =
	    IsA(planned->utilityStmt, AlterTableStmt) || IsA(planned->utilityStmt, CreateStmt);
	const bool subscribes = IsA(planned->utilityStmt, CreateSubscriptionStmt) ||
	                        IsA(planned->utilityStmt, AlterSubscriptionStmt);
	const TwoPhase transaction = two_phase(planned->utilityStmt);
	if (transaction.kind == TRANS_STMT_PREPARE)
		pg::name_transaction(transaction.name);
	auto *next = previous_hook != nullptr ? previous_hook : standard_ProcessUtility;
	next(planned, text, read_only_tree, context, parameters, environment, destination, completion);
	after_two_phase(transaction);
	if (alters_table)
		after_attach(planned->utilityStmt);
	if (subscribes)
		after_subscription();
}

} // namespace

void
install_database_command_hook()
{
	previous_hook = ProcessUtility_hook;
	ProcessUtility_hook = around_utility;
}

} // namespace whatsapp::entry
