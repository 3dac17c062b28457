/*
 * expression_trust.cpp — functions that a query calls, found in its tree.
 */
#include "pg/watches/expression_trust.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
}

namespace whatsapp::pg
{

namespace
{

/* Whether the server has a function of this name with so many arguments. */
bool
server_has_function(const char *name, int arguments)
{
	CatCList *functions = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
	bool has = false;
	for (int i = 0; i < functions->n_members; i++) {
		const auto *function =
		    reinterpret_cast<Form_pg_proc>(GETSTRUCT(&functions->members[i]->tuple));
		has = has || (function->pronamespace == PG_CATALOG_NAMESPACE &&
		              (function->pronargs == arguments || OidIsValid(function->provariadic)));
	}
	ReleaseCatCacheList(functions);
	return has;
}

/* by_name: the expression says which function it is. */
void
check_function(Oid function, Oid role, bool by_name)
{
	if (function < FirstNormalObjectId)
		return;
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return;
	const auto *found = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
	const Oid owner = found->proowner;
	const bool meant = by_name && !server_has_function(NameStr(found->proname), found->pronargs);
	ReleaseSysCache(tuple);
	if (meant || has_privs_of_role(owner, role))
		return;
	ereport(
	    ERROR,
	    (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
	     errmsg("expression of the watch would run function %s of role \"%s\"",
	            format_procedure(function), GetUserNameFromId(owner, false)),
	     errdetail("It is called by an operator or a cast, or in the place of a function of the "
	               "server's, with the rights of role \"%s\".",
	               GetUserNameFromId(role, false)),
	     errhint("Cast the column to a type of the server's, or make the watch as that role.")));
}

extern "C" bool
check_node(Node *node, void *role_of_watch)
{
	const Oid role = *static_cast<Oid *>(role_of_watch);
	if (node == nullptr)
		return false;
	switch (nodeTag(node)) {
	case T_Query:
		return query_tree_walker(reinterpret_cast<Query *>(node), tree_walker(check_node),
		                         role_of_watch, 0);
	case T_FuncExpr: {
		const auto *call = reinterpret_cast<FuncExpr *>(node);
		check_function(call->funcid, role, call->funcformat == COERCE_EXPLICIT_CALL);
		break;
	}
	/* its steps run with the rights of who calls it, like any function */
	case T_Aggref:
		check_function(reinterpret_cast<Aggref *>(node)->aggfnoid, role, true);
		break;
	case T_WindowFunc:
		check_function(reinterpret_cast<WindowFunc *>(node)->winfnoid, role, true);
		break;
	case T_OpExpr:
	case T_DistinctExpr:
	case T_NullIfExpr:
		check_function(get_opcode(reinterpret_cast<OpExpr *>(node)->opno), role, false);
		break;
	case T_ScalarArrayOpExpr:
		check_function(get_opcode(reinterpret_cast<ScalarArrayOpExpr *>(node)->opno), role, false);
		break;
	case T_RowCompareExpr: {
		ListCell *cell;
		foreach (cell, reinterpret_cast<RowCompareExpr *>(node)->opnos)
			check_function(get_opcode(lfirst_oid(cell)), role, false);
		break;
	}
	default:
		break;
	}
	return expression_tree_walker(node, tree_walker(check_node), role_of_watch);
}

} // namespace

void
check_expression_trust(SPIPlanPtr plan, Oid role)
{
	ListCell *cell;
	foreach (cell, SPI_plan_get_plan_sources(plan)) {
		ListCell *query;
		foreach (query, static_cast<CachedPlanSource *>(lfirst(cell))->query_list)
			(void)check_node(static_cast<Node *>(lfirst(query)), &role);
	}
}

} // namespace whatsapp::pg
