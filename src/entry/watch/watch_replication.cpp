/*
 * watch_replication.cpp — pg_subscription_rel, joined with the triggers that wa_watch() makes.
 */
#include "entry/watch/watch_replication.hpp"

#include "pg/server/statement.hpp"
#include "pg/server/transaction.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/lsyscache.h"
}

namespace whatsapp::entry
{

namespace
{

void
warn_of_silence(const char *table)
{
	ereport(
	    WARNING,
	    (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
	     errmsg("rows that a subscription brings into table %s make no WhatsApp messages", table),
	     errdetail("It is watched for rows that are inserted here."),
	     errhint("Call wa_unwatch(), and then wa_watch() with replicated => true.")));
}

} // namespace

void
warn_if_subscribed(Oid relation)
{
	/* a subscription may name the table, a partition of it, or a parent of it */
	static pg::Statement statement = {
	    "SELECT 1 FROM pg_catalog.pg_subscription_rel AS r WHERE r.srrelid = $1"
	    " OR r.srrelid IN (SELECT t.relid FROM pg_catalog.pg_partition_tree($1) AS t)"
	    " OR r.srrelid IN (SELECT a.relid FROM pg_catalog.pg_partition_ancestors($1) AS a (relid)) LIMIT 1",
	    1,
	    {REGCLASSOID}};
	pg::Values values;
	values.set(0, ObjectIdGetDatum(relation));
	if (!pg::run_statement(statement, values).empty())
		warn_of_silence(psprintf("\"%s\"", get_rel_name(relation)));
}

void
after_subscription()
{
	static pg::Statement statement = {
	    "SELECT t.tgrelid::pg_catalog.regclass::pg_catalog.text FROM pg_catalog.pg_trigger AS t"
	    " JOIN pg_catalog.pg_subscription_rel AS r ON r.srrelid = t.tgrelid"
	    " JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid AND p.prosrc = 'pg_whatsapp_notify_po'"
	    " WHERE t.tgenabled IN ('O', 'D') ORDER BY 1",
	    0,
	    {}};
	if (!IsTransactionState())
		return;
	pg::Problem problem;
	(void)pg::try_body_apart(problem, 0, [] {
		SPI_connect();
		const pg::Result tables = pg::run_statement(statement, pg::Values());
		for (uint64 i = 0; i < tables.count(); i++)
			warn_of_silence(psprintf("\"%s\"", tables.text_at(i, 1)));
		SPI_finish();
	});
}

} // namespace whatsapp::entry
