/*
 * planning.cpp — the planner's numbers of rows and pages, and what it may use.
 *
 * Our statements are told from others by the option CURSOR_OPT_GENERIC_PLAN, which reaches the
 * planner with the statement: only run_statement() sets it in a worker.
 */
#include "pg/server/planning.hpp"

#include <algorithm>
#include <iterator>

#include "pg/server/schema.hpp"
#include "pg/server/statement.hpp"

#include "pg/server/prelude.hpp"

extern "C" {
#include "nodes/parsenodes.h"
#include "optimizer/plancat.h"
#include "optimizer/planner.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
}

namespace whatsapp::pg
{

namespace
{

constexpr double least_tuples = 1e6;
constexpr BlockNumber least_pages = 50000;
constexpr BlockNumber least_index_pages = 5000;

get_relation_info_hook_type previous_relation_hook = nullptr;
planner_hook_type previous_planner = nullptr;
/* one of our statements is being planned */
bool planning_own = false;

bool
is_large_table(Oid table)
{
	static const char *const names[] = {
	    "whatsapp_messages",       "whatsapp_queue",           "whatsapp_attempts",
	    "whatsapp_events",         "whatsapp_wamids",          "whatsapp_event_queue",
	    "whatsapp_inbound",        "whatsapp_change_queue",    "whatsapp_changes",
	    "whatsapp_callback_calls", "whatsapp_watched_messages"};
	if (get_rel_namespace(table) != schema_oid())
		return false;
	const char *name = get_rel_name(table);
	return name != nullptr &&
	       std::any_of(std::begin(names), std::end(names),
	                   [&](const char *large) { return strcmp(name, large) == 0; });
}

extern "C" void
enlarge_table(PlannerInfo *root, Oid table, bool is_parent, RelOptInfo *info)
{
	if (previous_relation_hook != nullptr)
		previous_relation_hook(root, table, is_parent, info);
	if (!planning_own || !is_large_table(table))
		return;
	info->tuples = std::max(info->tuples, least_tuples);
	info->pages = std::max(info->pages, least_pages);
	ListCell *cell;
	foreach (cell, info->indexlist) {
		auto *index = static_cast<IndexOptInfo *>(lfirst(cell));
		/* an index with a condition has few entries */
		if (index->indpred != NIL)
			continue;
		index->tuples = std::max(index->tuples, least_tuples);
		index->pages = std::max(index->pages, least_index_pages);
	}
}

PlannedStmt *
plan_statement(Query *query, const char *text, int options, ParamListInfo parameters)
{
	return previous_planner != nullptr ? previous_planner(query, text, options, parameters)
	                                   : standard_planner(query, text, options, parameters);
}

/* An error leaves planning_own set until the next statement is planned; the server takes back the
 * settings by itself. */
extern "C" PlannedStmt *
plan_own_statement(Query *query, const char *text, int options, ParamListInfo parameters)
{
	planning_own = (options & CURSOR_OPT_GENERIC_PLAN) != 0;
	if (!planning_own)
		return plan_statement(query, text, options, parameters);
	const int level = NewGUCNestLevel();
	for (const char *setting :
	     {"enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "jit"})
		(void)set_config_option(setting, "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
		                        0, false);
	PlannedStmt *plan = plan_statement(query, text, options, parameters);
	AtEOXact_GUC(true, level);
	planning_own = false;
	return plan;
}

} // namespace

void
plan_for_large_tables()
{
	previous_relation_hook = get_relation_info_hook;
	get_relation_info_hook = enlarge_table;
	previous_planner = planner_hook;
	planner_hook = plan_own_statement;
	keep_generic_plans();
}

} // namespace whatsapp::pg
