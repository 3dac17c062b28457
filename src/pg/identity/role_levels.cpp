/*
 * role_levels.cpp — lists of names, so that each signature of a function is found. A function that
 * stands in no list is its owner's alone, or everybody's: sql/rights_levels.sql shows each.
 */
#include "pg/identity/role_levels.hpp"

#include "pg/server/schema.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/builtins.h"
}

namespace whatsapp::pg
{

namespace
{

struct TableRight {
	const char *privileges;
	const char *table;
};
constexpr int most_table_rights = 6;

struct RoleLevel {
	const char *name;
	const char *functions; /* an array of names */
	bool reads;            /* every table and view */
	TableRight writes[most_table_rights];
};

#define SENDING                                                                                     \
	"wa_send,wa_send_code,wa_send_template,wa_send_po,wa_send_text,wa_send_media,wa_send_location," \
	"wa_send_contacts,wa_send_interactive,wa_send_reaction,wa_cancel,wa_window_open,wa_mark_read,"  \
	"wa_render_template,wa_upload_media,wa_send_bulk"
#define LOOKING                                                                                                       \
	"whatsapp_hold_reason,whatsapp_counters,whatsapp_latency_counters,whatsapp_queue_counters,"                       \
	"whatsapp_template_steps,whatsapp_missing_sample,whatsapp_with_handles,whatsapp_rate_cost,whatsapp_units_before," \
	"whatsapp_estimate_groups,wa_window_open,wa_diagnose,wa_preflight,wa_metrics,wa_report,wa_security,"              \
	"wa_changes,wa_market,wa_price,wa_estimate,wa_template_plan,wa_render_template"
#define ACTING                                                                                                            \
	LOOKING                                                                                                               \
	",wa_cancel,wa_retry,wa_resume,wa_release,wa_opt_out,wa_opt_in,wa_stat_reset,"                                        \
	"wa_mark_read,wa_request_template_sync,wa_request_number_sync,wa_request_probe,wa_probe,"                             \
	"wa_callback_pause,wa_callback_resume,wa_request_media_download,wa_sync_templates,wa_sync_numbers,wa_download_media," \
	"wa_request_cost_sync,wa_sync_costs,"                                                                                 \
	"wa_campaign_pause,wa_campaign_resume,wa_campaign_cancel,wa_campaign_retry"
#define ADMINISTERING                                                                                                                                   \
	ACTING                                                                                                                                              \
	"," SENDING                                                                                                                                         \
	",wa_send_test,wa_forget,wa_template_define,wa_template_remove,wa_accept_category,wa_template_sample,"                                              \
	"wa_template_apply,wa_rates_import,wa_budget_set,wa_budget_remove,wa_watch,wa_unwatch,wa_watch_test,wa_on_status,wa_on_inbound,wa_callback_remove," \
	"whatsapp_notify,whatsapp_notify_po"

#define WRITING "INSERT, UPDATE, DELETE"

constexpr RoleLevel levels[] = {
    {"sender", "{" SENDING "}", false, {}},
    {"monitor", "{" LOOKING "}", true, {}},
    {"operator",
     "{" ACTING "}",
     true,
     {{"INSERT (name, enabled), UPDATE (enabled, messages_per_second)", "whatsapp_senders"}}},
    {"admin",
     "{" ADMINISTERING "}",
     true,
     {{WRITING, "whatsapp_senders"},
      {WRITING, "whatsapp_accounts"},
      {WRITING, "whatsapp_opt_out_keywords"},
      {WRITING, "whatsapp_rates"},
      {WRITING, "whatsapp_markets"},
      {WRITING, "whatsapp_template_definitions"}}},
};

const RoleLevel &
find_level(const char *name)
{
	for (const RoleLevel &level : levels)
		if (strcmp(level.name, name) == 0)
			return level;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	                errmsg("level must be \"sender\", \"monitor\", \"operator\" or \"admin\"")));
	pg_unreachable();
}

void
run_command(const char *command)
{
	const int result = SPI_execute(command, false, 0);
	if (result < 0)
		elog(ERROR, "could not run a statement: %s", SPI_result_code_string(result));
}

/* What belongs to the extension, by its schema's name. */
const char *
list_routines(const RoleLevel &level)
{
	static Statement statement = {
	    "SELECT string_agg(p.oid::regprocedure::text, ', ' ORDER BY p.oid) FROM pg_proc AS p JOIN pg_depend AS d"
	    " ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_extension'::regclass"
	    " AND d.deptype = 'e' WHERE d.refobjid = $1 AND p.proname::text = ANY ($2::text[])",
	    2,
	    {OIDOID, TEXTOID}};
	Values values;
	values.set(0, ObjectIdGetDatum(get_extension_oid("pg_whatsapp", false)));
	values.set_text(1, level.functions);
	return run_statement(statement, values).text_at(0, 1);
}

const char *
list_relations()
{
	static Statement statement = {
	    "SELECT string_agg(c.oid::regclass::text, ', ' ORDER BY c.oid) FROM pg_class AS c JOIN pg_depend AS d"
	    " ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_extension'::regclass"
	    " AND d.deptype = 'e' WHERE d.refobjid = $1 AND c.relkind IN ('r', 'v')",
	    1,
	    {OIDOID}};
	Values values;
	values.set(0, ObjectIdGetDatum(get_extension_oid("pg_whatsapp", false)));
	return run_statement(statement, values).text_at(0, 1);
}

const char *
name_of_role(Oid role)
{
	return quote_identifier(GetUserNameFromId(role, false));
}

void
change_level(Oid role, const char *level_name, const char *verb, const char *preposition)
{
	const RoleLevel &level = find_level(level_name);
	const char *name = name_of_role(role);
	run_command(
	    psprintf("%s EXECUTE ON ROUTINE %s %s %s", verb, list_routines(level), preposition, name));
	if (level.reads) {
		run_command(psprintf("%s SELECT ON %s %s %s", verb, list_relations(), preposition, name));
		run_command(psprintf("%s pg_monitor %s %s", verb, preposition, name));
	}
	for (const TableRight &right : level.writes)
		if (right.table != nullptr)
			run_command(psprintf("%s %s ON %s.%s %s %s", verb, right.privileges, schema_name(),
			                     right.table, preposition, name));
}

} // namespace

void
grant_level(Oid role, const char *level)
{
	change_level(role, level, "GRANT", "TO");
}

void
revoke_level(Oid role, const char *level)
{
	change_level(role, level, "REVOKE", "FROM");
}

} // namespace whatsapp::pg
