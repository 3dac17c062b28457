/*
 * expression_trust.cpp — functions that a query calls, found in its tree.
 *
 * One kind is called by no node of it: what makes JSON of a value looks up the cast of its type to
 * json when it runs, and calls that cast's function.
 */
#include "pg/watches/expression_trust.hpp"

#include "pg/server/compat.hpp"
#include "pg/server/owners.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
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
bool
is_trusted_function(Oid function, Oid role, bool by_name)
{
	if (function < FirstNormalObjectId)
		return true;
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return true;
	const auto *found = reinterpret_cast<Form_pg_proc>(GETSTRUCT(tuple));
	const Oid owner = found->proowner;
	const bool meant = by_name && !server_has_function(NameStr(found->proname), found->pronargs);
	ReleaseSysCache(tuple);
	return meant || has_privs_of_role(owner, role);
}

[[noreturn]] void
refuse_function(Oid function, Oid role)
{
	ereport(
	    ERROR,
	    (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
	     errmsg("expression of the watch would run function %s of role \"%s\"",
	            format_procedure(function), GetUserNameFromId(owner_of_function(function), false)),
	     errdetail("It is called by an operator or a cast, or in the place of a function of the "
	               "server's, with the rights of role \"%s\".",
	               GetUserNameFromId(role, false)),
	     errhint("Cast the column to a type of the server's, or make the watch as that role.")));
	pg_unreachable();
}

void
check_function(Oid function, Oid role, bool by_name)
{
	if (!is_trusted_function(function, role, by_name))
		refuse_function(function, role);
}

/* The function of a stranger's that runs when JSON is made of a value of this type; InvalidOid when
 * there is none. */
Oid
find_untrusted_json_cast(Oid type, Oid role)
{
	check_stack_depth();
	type = getBaseType(type);
	const Oid element = get_element_type(type);
	if (OidIsValid(element))
		return find_untrusted_json_cast(element, role);
	if (type < FirstNormalObjectId)
		return InvalidOid;
	Oid function = InvalidOid;
	if (!type_is_rowtype(type))
		return find_coercion_pathway(JSONOID, type, COERCION_EXPLICIT, &function) ==
		                   COERCION_PATH_FUNC &&
		               !is_trusted_function(function, role, false)
		           ? function
		           : InvalidOid;
	TupleDesc columns = lookup_rowtype_tupdesc(type, -1);
	for (int i = 0; i < columns->natts && !OidIsValid(function); i++)
		if (!TupleDescAttr(columns, i)->attisdropped)
			function = find_untrusted_json_cast(TupleDescAttr(columns, i)->atttypid, role);
	ReleaseTupleDesc(columns);
	return function;
}

/* A value that is made a domain's without a word of it runs the domain's constraints. */
void
check_domain(const CoerceToDomain *made, Oid role)
{
	if (made->coercionformat == COERCE_EXPLICIT_CAST)
		return;
	const Oid owner = owner_of_type(made->resulttype);
	if (has_privs_of_role(owner, role))
		return;
	ereport(
	    ERROR,
	    (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
	     errmsg("expression of the watch would check domain %s of role \"%s\"",
	            format_type_be(made->resulttype), GetUserNameFromId(owner, false)),
	     errdetail("Its constraints would run with the rights of role \"%s\".",
	               GetUserNameFromId(role, false)),
	     errhint("Cast the column to a type of the server's, or make the watch as that role.")));
}

/* What is looked for in a query. */
struct TrustCheck {
	Oid role;
	bool makes_json;
	Oid json_cast; /* that of a stranger's for a type that is met in the query */
};

void
note_call(TrustCheck &check, Oid function)
{
	const char *name = function < FirstNormalObjectId ? get_func_name(function) : nullptr;
	check.makes_json = check.makes_json || (name != nullptr && strstr(name, "json") != nullptr);
}

void
note_type(TrustCheck &check, const Node *node)
{
	if (!OidIsValid(check.json_cast))
		check.json_cast = find_untrusted_json_cast(exprType(node), check.role);
}

extern "C" bool
check_node(Node *node, void *argument)
{
	auto &check = *static_cast<TrustCheck *>(argument);
	const Oid role = check.role;
	if (node == nullptr)
		return false;
	switch (nodeTag(node)) {
	case T_Query:
		return query_tree_walker(reinterpret_cast<Query *>(node), tree_walker(check_node), argument,
		                         0);
	case T_Var:
	case T_Const:
	case T_CoerceViaIO:
	case T_RelabelType:
		note_type(check, node);
		break;
	case T_FuncExpr: {
		const auto *call = reinterpret_cast<FuncExpr *>(node);
		check_function(call->funcid, role, call->funcformat == COERCE_EXPLICIT_CALL);
		note_call(check, call->funcid);
		note_type(check, node);
		break;
	}
	/* its steps run with the rights of who calls it, like any function */
	case T_Aggref:
		check_function(reinterpret_cast<Aggref *>(node)->aggfnoid, role, true);
		note_call(check, reinterpret_cast<Aggref *>(node)->aggfnoid);
		break;
	case T_WindowFunc:
		check_function(reinterpret_cast<WindowFunc *>(node)->winfnoid, role, true);
		note_call(check, reinterpret_cast<WindowFunc *>(node)->winfnoid);
		break;
	case T_CoerceToDomain:
		check_domain(reinterpret_cast<CoerceToDomain *>(node), role);
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
		check.makes_json = check.makes_json || is_json_constructor(node);
		break;
	}
	return expression_tree_walker(node, tree_walker(check_node), argument);
}

std::uint64_t generation = 0;

extern "C" void
note_changed_casts(Datum, int, uint32)
{
	generation++;
}

} // namespace

std::uint64_t
expression_trust_generation()
{
	static bool listens = false;
	if (!listens)
		CacheRegisterSyscacheCallback(CASTSOURCETARGET, note_changed_casts, 0);
	listens = true;
	return generation;
}

void
check_expression_trust(SPIPlanPtr plan, Oid role)
{
	TrustCheck check = {role, false, InvalidOid};
	ListCell *cell;
	foreach (cell, SPI_plan_get_plan_sources(plan)) {
		ListCell *query;
		foreach (query, static_cast<CachedPlanSource *>(lfirst(cell))->query_list)
			(void)check_node(static_cast<Node *>(lfirst(query)), &check);
	}
	if (check.makes_json && OidIsValid(check.json_cast))
		refuse_function(check.json_cast, role);
}

} // namespace whatsapp::pg
