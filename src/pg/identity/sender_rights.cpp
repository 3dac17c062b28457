/*
 * sender_rights.cpp — the grants are read without a statement: the policies of row security ask for
 * them in any query of any role, also of one without a right on our tables.
 */
#include "pg/identity/sender_rights.hpp"

#include "pg/rows/own_table.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/owners.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace whatsapp::pg
{

namespace
{

OwnTable grants_table("whatsapp_role_grants");

struct RoleGrant {
	Oid role;
	unsigned level;
	char sender[NAMEDATALEN]; /* empty: all */
};

RoleGrant *grants = nullptr;
int grant_count = 0;
Oid grants_oid = InvalidOid;
/* both are true when nothing has changed since they were last read, and that reading came to its
 * end */
bool grants_are_new = false;
bool grants_are_known = false;
/* the begin of the parallel query with whose snapshot they were read; 0: they are what was
 * committed when they were read */
TimestampTz grants_statement = 0;
/* the role that called the function which runs with its owner's rights */
Oid caller = InvalidOid;

/* The trigger of the table invalidates it in the relation caches, so that every process comes
 * here. */
extern "C" void
grants_changed(Datum, Oid relation)
{
	if (relation == InvalidOid || relation == grants_oid)
		grants_are_new = false;
}

unsigned
level_of(const char *name)
{
	static const char *const names[] = {"sender", "monitor", "operator", "admin"};
	for (int i = 0; i < static_cast<int>(lengthof(names)); i++)
		if (strcmp(names[i], name) == 0)
			return 1U << i;
	return 0;
}

/* Where the columns are now: a DBA may have added or dropped some. */
struct GrantColumns {
	AttrNumber role;
	AttrNumber level;
	AttrNumber sender;
};

AttrNumber
find_column(Relation table, const char *name, Oid type, Oid other_type)
{
	const AttrNumber number = get_attnum(RelationGetRelid(table), name);
	const Oid found = number > 0 ? get_atttype(RelationGetRelid(table), number) : InvalidOid;
	if (found != type && found != other_type)
		ereport(ERROR,
		        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		         errmsg("table whatsapp_role_grants was altered"),
		         errdetail("Nobody can tell who may do what without its column \"%s\".", name)));
	return number;
}

GrantColumns
find_columns(Relation table)
{
	return {find_column(table, "role", REGROLEOID, OIDOID),
	        find_column(table, "level", TEXTOID, VARCHAROID),
	        find_column(table, "sender", TEXTOID, VARCHAROID)};
}

void
keep_grant(TupleTableSlot *row, const GrantColumns &columns)
{
	bool no_role;
	bool no_level;
	bool no_sender;
	const Datum role = slot_getattr(row, columns.role, &no_role);
	const Datum level = slot_getattr(row, columns.level, &no_level);
	const Datum sender = slot_getattr(row, columns.sender, &no_sender);
	if (no_role || no_level)
		return;
	const Size size = sizeof(RoleGrant) * static_cast<Size>(grant_count + 1);
	grants = static_cast<RoleGrant *>(grants == nullptr ? MemoryContextAlloc(TopMemoryContext, size)
	                                                    : repalloc(grants, size));
	RoleGrant &grant = grants[grant_count];
	grant.role = DatumGetObjectId(role);
	grant.level = level_of(TextDatumGetCString(level));
	grant.sender[0] = '\0';
	if (!no_sender)
		strlcpy(grant.sender, TextDatumGetCString(sender), sizeof grant.sender);
	grant_count++;
}

void
read_rows(Relation table)
{
	const GrantColumns columns = find_columns(table);
	/* the workers of a query share its snapshot, and may take no other */
	Snapshot snapshot =
	    RegisterSnapshot(IsInParallelMode() ? GetActiveSnapshot() : GetLatestSnapshot());
	TupleTableSlot *row = table_slot_create(table, nullptr);
	TableScanDesc scan = table_beginscan(table, snapshot, 0, nullptr);
	while (table_scan_getnextslot(scan, ForwardScanDirection, row))
		keep_grant(row, columns);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(row);
	UnregisterSnapshot(snapshot);
}

/* Whether the grants need not be read again. What a parallel query has read with its own snapshot
 * is good for that query only. */
bool
are_current(Oid oid)
{
	return grants_are_new && grants_are_known && grants_oid == oid &&
	       (grants_statement == 0 ||
	        (IsInParallelMode() && grants_statement == GetCurrentStatementStartTimestamp()));
}

/* Reads the grants that are committed by now, whatever the snapshot of the query is. */
void
read_grants()
{
	static bool watching = false;
	if (!watching)
		CacheRegisterRelcacheCallback(grants_changed, 0);
	watching = true;
	const Oid oid = find_own_table(grants_table);
	if (are_current(oid))
		return;
	grants_oid = oid;
	grants_statement = IsInParallelMode() ? GetCurrentStatementStartTimestamp() : 0;
	grants_are_known = false;
	grants_are_new = true;
	grant_count = 0;
	if (OidIsValid(oid)) {
		Relation table = table_open(oid, AccessShareLock);
		read_rows(table);
		table_close(table, AccessShareLock);
	}
	grants_are_known = true;
}

bool
covers_sender(const RoleGrant &grant, const char *sender)
{
	return grant.sender[0] == '\0' || (sender != nullptr && strcmp(grant.sender, sender) == 0);
}

bool
is_bound(Oid role, unsigned levels)
{
	return !has_sender_right(role, levels, nullptr);
}

/* statement: finds the sender of the row with this id, or no row. */
void
require_right_of(Statement &statement, Oid role, unsigned levels, const char *what, std::int64_t id)
{
	if (!is_bound(role, levels))
		return;
	Values values;
	values.set(0, Int64GetDatum(id));
	const Result row = run_statement(statement, values);
	const char *sender = row.empty() ? nullptr : row.text_at(0, 1);
	if (sender == nullptr || !has_sender_right(role, levels, sender))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		                errmsg("permission denied for %s %lld", what, static_cast<long long>(id)),
		                errhint("Role \"%s\" has rights for some senders only, see "
		                        "whatsapp_grants.",
		                        GetUserNameFromId(role, true))));
}

bool
covers_any(Statement &statement, const Values &values, Oid role)
{
	const Result rows = run_statement(statement, values);
	for (uint64 i = 0; i < rows.count(); i++)
		if (has_sender_right(role, may_read, rows.text_at(i, 1)))
			return true;
	return false;
}

} // namespace

bool
has_sender_right(Oid role, unsigned levels, const char *sender)
{
	read_grants();
	if (grant_count == 0 || superuser_arg(role))
		return true;
	bool has_any = false;
	bool has_level = false;
	bool by_any = false;
	for (int i = 0; i < grant_count; i++) {
		const RoleGrant &grant = grants[i];
		if (!has_privs_of_role(role, grant.role))
			continue;
		has_any = true;
		by_any = by_any || covers_sender(grant, sender);
		if ((grant.level & levels) == 0)
			continue;
		has_level = true;
		if (covers_sender(grant, sender))
			return true;
	}
	return !has_any || (!has_level && by_any);
}

void
require_sender_right(Oid role, unsigned levels, const char *sender)
{
	if (has_sender_right(role, levels, sender))
		return;
	const char *name = GetUserNameFromId(role, true);
	if (sender == nullptr)
		ereport(
		    ERROR,
		    (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("permission denied for all senders"),
		     errhint("Role \"%s\" has rights for some senders only: name one of these.", name)));
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
	                errmsg("permission denied for sender \"%s\"", sender),
	                errhint("Role \"%s\" has rights for other senders: give one of these as the "
	                        "argument, or set whatsapp.default_sender. See whatsapp_grants.",
	                        name)));
}

Datum
covered_senders(Oid role, unsigned levels)
{
	if (!is_bound(role, levels))
		return Datum(0);
	Column senders(static_cast<std::size_t>(grant_count));
	const int most = grant_count;
	/* the list may be read anew while it is asked */
	for (int i = 0; i < Min(most, grant_count); i++) {
		char sender[NAMEDATALEN];
		strlcpy(sender, grants[i].sender, sizeof sender);
		if (sender[0] != '\0' && has_sender_right(role, levels, sender))
			senders.add(CStringGetTextDatum(sender));
	}
	return senders.array(TEXTOID);
}

bool
sees_message(Oid role, std::int64_t message)
{
	static Statement statement = {
	    "SELECT sender FROM @s@.whatsapp_messages WHERE id = $1", 1, {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(message));
	return covers_any(statement, values, role);
}

bool
sees_campaign(Oid role, std::int64_t campaign)
{
	static Statement statement = {
	    "SELECT sender FROM @s@.whatsapp_campaign_definitions WHERE id = $1", 1, {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(campaign));
	return covers_any(statement, values, role);
}

bool
sees_account(Oid role, const char *account)
{
	static Statement statement = {
	    "SELECT name FROM @s@.whatsapp_senders WHERE account IS NOT DISTINCT FROM $1",
	    1,
	    {TEXTOID}};
	Values values;
	values.set_text(0, account);
	return covers_any(statement, values, role);
}

bool
sees_number(Oid role, const char *phone_number_id)
{
	static Statement statement = {
	    "SELECT name FROM @s@.whatsapp_senders WHERE phone_number_id = $1", 1, {TEXTOID}};
	Values values;
	values.set_text(0, phone_number_id);
	return covers_any(statement, values, role);
}

void
require_message_right(Oid role, unsigned levels, std::int64_t message)
{
	static Statement statement = {
	    "SELECT sender FROM @s@.whatsapp_messages WHERE id = $1", 1, {INT8OID}};
	require_right_of(statement, role, levels, "message", message);
}

void
require_campaign_right(Oid role, unsigned levels, std::int64_t campaign)
{
	static Statement statement = {
	    "SELECT sender FROM @s@.whatsapp_campaign_definitions WHERE id = $1", 1, {INT8OID}};
	require_right_of(statement, role, levels, "campaign", campaign);
}

void
require_inbound_right(Oid role, unsigned levels, std::int64_t inbound)
{
	static Statement statement = {
	    "SELECT sender FROM @s@.whatsapp_inbound WHERE id = $1", 1, {INT8OID}};
	require_right_of(statement, role, levels, "inbound message", inbound);
}

Oid
caller_of_function()
{
	return caller;
}

Datum
as_owner(FunctionCallInfo fcinfo, Datum (*body)(FunctionCallInfo))
{
	const Oid caller_before = caller;
	Oid user;
	int context;
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(owner_of_function(fcinfo->flinfo->fn_oid),
	                       context | SECURITY_LOCAL_USERID_CHANGE);
	caller = user;
	/* after an error this stays true: it costs a comparison, and changes nothing */
	const bool expected_before = expect_callers_path(true);
	const Datum result = body(fcinfo);
	expect_callers_path(expected_before);
	SetUserIdAndSecContext(user, context);
	caller = caller_before;
	return result;
}

} // namespace whatsapp::pg
