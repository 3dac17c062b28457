/*
 * planning.cpp — the planner's numbers of rows and pages, and what it may use.
 */
#include "pg/server/planning.hpp"

#include <algorithm>
#include <iterator>

#include "pg/server/schema.hpp"

#include "pg/server/prelude.hpp"

extern "C" {
#include "optimizer/plancat.h"
#include "utils/lsyscache.h"
}

namespace whatsapp::pg
{

namespace
{

constexpr double least_tuples = 1e6;
constexpr BlockNumber least_pages = 50000;
constexpr BlockNumber least_index_pages = 5000;

get_relation_info_hook_type previous_hook = nullptr;

bool
is_large(Oid table)
{
	static const char *const names[] = {
	    "whatsapp_messages", "whatsapp_queue",       "whatsapp_attempts", "whatsapp_events",
	    "whatsapp_wamids",   "whatsapp_event_queue", "whatsapp_inbound"};
	if (get_rel_namespace(table) != schema_oid())
		return false;
	const char *name = get_rel_name(table);
	return name != nullptr &&
	       std::any_of(std::begin(names), std::end(names),
	                   [&](const char *large) { return strcmp(name, large) == 0; });
}

extern "C" void
enlarge(PlannerInfo *root, Oid table, bool is_parent, RelOptInfo *info)
{
	if (previous_hook != nullptr)
		previous_hook(root, table, is_parent, info);
	if (!is_large(table))
		return;
	info->tuples = std::max(info->tuples, least_tuples);
	info->pages = std::max(info->pages, least_pages);
	ListCell *cell;
	foreach (cell, info->indexlist) {
		auto *index = static_cast<IndexOptInfo *>(lfirst(cell));
		/* few rows have a place in one with a condition */
		if (index->indpred != NIL)
			continue;
		index->tuples = std::max(index->tuples, least_tuples);
		index->pages = std::max(index->pages, least_index_pages);
	}
}

} // namespace

void
plan_for_large_tables()
{
	previous_hook = get_relation_info_hook;
	get_relation_info_hook = enlarge;
}

} // namespace whatsapp::pg
