/*
 * role_levels.cpp — lists of names, so that each signature of a function is found. A function that
 * stands in no list is its owner's alone: sql/rights_levels.sql shows each.
 */
#include "pg/identity/role_levels.hpp"

#include "pg/server/schema.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
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
	bool reads;            /* may read every table and view */
	/* of these functions, those that ask for the right to a sender, and those for everybody */
	const char *asking;
	TableRight writes[most_table_rights];
};

/* What everybody may call, unless somebody has taken it from PUBLIC. Views and policies call some
 * of them as the role that reads. */
#define PURE                                                                                \
	"wa_version,whatsapp_kept_role,whatsapp_sees,whatsapp_sees_message,"                    \
	"whatsapp_sees_campaign,whatsapp_sees_account,whatsapp_sees_number,wa_valid_e164,"      \
	"wa_phone_problem,wa_contact_key,wa_normalize_phone,wa_phone_info,wa_check_phones,"     \
	"wa_phone_time_zones,wa_format_amount,wa_explain,wa_error_codes,wa_template_check,"     \
	"wa_template_rules,whatsapp_require_definition,whatsapp_template_difference,"           \
	"whatsapp_template_placeholders,whatsapp_read_definition,wa_keyword_key,"               \
	"whatsapp_send_windows,wa_send_window,wa_phone_send_window,wa_rate_card,wa_price_rule," \
	"wa_help"
#define SENDING                                                                                     \
	"wa_send,wa_send_code,wa_send_template,wa_send_po,wa_send_text,wa_send_media,wa_send_location," \
	"wa_send_contacts,wa_send_interactive,wa_send_reaction,wa_cancel,wa_window_open,wa_mark_read,"  \
	"wa_render_template,wa_upload_media,wa_send_bulk,wa_send_test"
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
	",wa_forget,wa_template_define,wa_template_remove,wa_accept_category,wa_template_sample,"                                                           \
	"wa_template_apply,wa_rates_import,wa_budget_set,wa_budget_remove,wa_watch,wa_unwatch,wa_watch_test,wa_on_status,wa_on_inbound,wa_callback_remove," \
	"whatsapp_notify,whatsapp_notify_po"

#define SENDING_FOR                                                                                 \
	"wa_send,wa_send_code,wa_send_template,wa_send_po,wa_send_text,wa_send_media,wa_send_location," \
	"wa_send_contacts,wa_send_interactive,wa_send_reaction,wa_cancel,wa_window_open,wa_mark_read,"  \
	"wa_render_template,wa_upload_media,wa_send_bulk,wa_send_test"
#define LOOKING_AT                                                                              \
	"whatsapp_hold_reason,whatsapp_counters,whatsapp_latency_counters,whatsapp_queue_counters," \
	"whatsapp_rate_cost,wa_market,wa_price,wa_estimate,wa_window_open,wa_changes,"              \
	"wa_render_template,wa_diagnose(bigint)"
#define ACTING_FOR                                                                                                 \
	LOOKING_AT                                                                                                     \
	",wa_cancel,wa_retry,wa_resume,wa_opt_out,wa_opt_in,wa_mark_read,wa_request_media_download,wa_download_media," \
	"wa_callback_pause,wa_callback_resume,"                                                                        \
	"wa_campaign_pause,wa_campaign_resume,wa_campaign_cancel,wa_campaign_retry"
#define ADMINISTERING_FOR \
	ACTING_FOR            \
	"," SENDING_FOR       \
	",wa_watch,wa_unwatch,wa_watch_test,wa_on_status,wa_on_inbound,wa_callback_remove,whatsapp_notify"

#define WRITING "INSERT, UPDATE, DELETE"

constexpr RoleLevel levels[] = {
    {"sender", "{" PURE "," SENDING "}", false, "{" PURE "," SENDING_FOR "}", {}},
    {"monitor", "{" PURE "," LOOKING "}", true, "{" PURE "," LOOKING_AT "}", {}},
    {"operator",
     "{" PURE "," ACTING "}",
     true,
     "{" PURE "," ACTING_FOR "}",
     {{"INSERT (name, enabled), UPDATE (enabled, messages_per_second)", "whatsapp_senders"}}},
    {"admin",
     "{" PURE "," ADMINISTERING "}",
     true,
     "{" PURE "," ADMINISTERING_FOR "}",
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

/* The extension's own routines of these names, for a GRANT. */
const char *
list_routines(const char *names)
{
	static Statement statement = {
	    "SELECT string_agg(p.oid::regprocedure::text, ', ' ORDER BY p.oid) FROM pg_proc AS p JOIN pg_depend AS d"
	    " ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_extension'::regclass"
	    " AND d.deptype = 'e' WHERE d.refobjid = $1 AND (p.proname::text = ANY ($2::text[])"
	    "  OR p.proname || '(' || oidvectortypes(p.proargtypes) || ')' = ANY ($2::text[]))",
	    2,
	    {OIDOID, TEXTOID}};
	Values values;
	values.set(0, ObjectIdGetDatum(get_extension_oid("pg_whatsapp", false)));
	values.set_text(1, names);
	return run_statement(statement, values).text_at(0, 1);
}

/* shared: only the relations of which a role may see the rows of its senders. In a table without a
 * policy no row belongs to a sender; views filter by themselves. */
const char *
list_relations(bool shared)
{
	static Statement statement = {
	    "SELECT string_agg(c.oid::regclass::text, ', ' ORDER BY c.oid) FROM pg_class AS c JOIN pg_depend AS d"
	    " ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_extension'::regclass"
	    " AND d.deptype = 'e' WHERE d.refobjid = $1 AND c.relkind IN ('r', 'v')"
	    " AND NOT ($2 AND (c.relname = ANY ('{whatsapp_top,whatsapp_role_grants,whatsapp_cost_differences}')"
	    "  OR EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polname = 'all_senders')))",
	    2,
	    {OIDOID, BOOLOID}};
	Values values;
	values.set(0, ObjectIdGetDatum(get_extension_oid("pg_whatsapp", false)));
	values.set(1, BoolGetDatum(shared));
	return run_statement(statement, values).text_at(0, 1);
}

const char *
name_of_role(Oid role)
{
	return quote_identifier(GetUserNameFromId(role, false));
}

/* What an operator or an admin with a sender may write; a policy limits it to the sender's row. */
constexpr TableRight sender_write = {"UPDATE (enabled, messages_per_second)", "whatsapp_senders"};

void
change_right(const TableRight &right, const char *name, const char *verb, const char *preposition)
{
	run_command(psprintf("%s %s ON %s.%s %s %s", verb, right.privileges, schema_name(), right.table,
	                     preposition, name));
}

void
change_level(const RoleLevel &level, Oid role, bool by_sender, const char *verb,
             const char *preposition)
{
	const char *name = name_of_role(role);
	run_command(psprintf("%s EXECUTE ON ROUTINE %s %s %s", verb,
	                     list_routines(by_sender ? level.asking : level.functions), preposition,
	                     name));
	if (level.reads)
		run_command(
		    psprintf("%s SELECT ON %s %s %s", verb, list_relations(by_sender), preposition, name));
	if (by_sender) {
		if (level.writes[0].table != nullptr)
			change_right(sender_write, name, verb, preposition);
		return;
	}
	if (level.reads)
		run_command(psprintf("%s pg_monitor %s %s", verb, preposition, name));
	for (const TableRight &right : level.writes)
		if (right.table != nullptr)
			change_right(right, name, verb, preposition);
}

Values
grant_values(Oid role, const char *level, const char *sender)
{
	Values values;
	values.set(0, ObjectIdGetDatum(role));
	values.set_text(1, level);
	values.set_text(2, sender);
	return values;
}

void
note_grant(const Values &values)
{
	static Statement insert = {"INSERT INTO @s@.whatsapp_role_grants (role, level, sender)"
	                           " SELECT $1, $2, $3 WHERE NOT EXISTS (SELECT FROM"
	                           "  @s@.whatsapp_role_grants AS g WHERE g.role = $1 AND g.level = $2"
	                           "  AND g.sender IS NOT DISTINCT FROM $3)",
	                           3,
	                           {REGROLEOID, TEXTOID, TEXTOID}};
	(void)run_statement(insert, values);
}

void
forget_grant(const Values &values)
{
	static Statement remove = {"DELETE FROM @s@.whatsapp_role_grants WHERE role = $1 AND level = $2"
	                           " AND sender IS NOT DISTINCT FROM $3",
	                           3,
	                           {REGROLEOID, TEXTOID, TEXTOID}};
	(void)run_statement(remove, values);
}

/* Deletes the grants of roles that are gone: DROP ROLE does not, and nobody can name the role in a
 * wa_revoke() any more. */
void
forget_lost_roles()
{
	static Statement remove = {"DELETE FROM @s@.whatsapp_role_grants AS g WHERE NOT EXISTS"
	                           " (SELECT FROM pg_catalog.pg_roles AS r WHERE r.oid = g.role)",
	                           0,
	                           {}};
	(void)run_statement(remove, Values());
}

/* Grants the role's remaining levels again: a REVOKE for one level takes also what others give. */
void
grant_what_remains(Oid role)
{
	static Statement statement = {
	    "SELECT level, bool_or(sender IS NULL), bool_or(sender IS NOT NULL)"
	    " FROM @s@.whatsapp_role_grants WHERE role = $1 GROUP BY level ORDER BY level",
	    1,
	    {REGROLEOID}};
	Values values;
	values.set(0, ObjectIdGetDatum(role));
	const Result rows = run_statement(statement, values);
	for (uint64 i = 0; i < rows.count(); i++) {
		const RoleLevel &level = find_level(rows.text_at(i, 1));
		if (rows.bool_at(i, 2))
			change_level(level, role, false, "GRANT", "TO");
		if (rows.bool_at(i, 3))
			change_level(level, role, true, "GRANT", "TO");
	}
}

/* DROP ROLE leaves the role's rows in whatsapp_role_grants, and a statement may take it from there.
 */
void
require_role(Oid role)
{
	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role)))
		ereport(
		    ERROR,
		    (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("role with OID %u does not exist", role),
		     errhint(
		         "DROP ROLE leaves rows in whatsapp_role_grants: leave out those whose role is not in pg_roles.")));
}

void
require_sender(const char *sender)
{
	static Statement statement = {
	    "SELECT 1 FROM @s@.whatsapp_senders WHERE name = $1", 1, {TEXTOID}};
	Values values;
	values.set_text(0, sender);
	if (sender != nullptr && run_statement(statement, values).empty())
		ereport(ERROR,
		        (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("sender \"%s\" does not exist", sender),
		         errhint("Add it to whatsapp_senders.")));
}

} // namespace

void
grant_level(Oid role, const char *level_name, const char *sender)
{
	const RoleLevel &level = find_level(level_name);
	require_role(role);
	require_sender(sender);
	forget_lost_roles();
	change_level(level, role, sender != nullptr, "GRANT", "TO");
	note_grant(grant_values(role, level_name, sender));
}

void
revoke_level(Oid role, const char *level_name, const char *sender)
{
	const RoleLevel &level = find_level(level_name);
	require_role(role);
	forget_lost_roles();
	forget_grant(grant_values(role, level_name, sender));
	change_level(level, role, sender != nullptr, "REVOKE", "FROM");
	grant_what_remains(role);
}

void
switch_row_security()
{
	/* In the order of OIDs, so that two sessions that do this wait for each other and do not
	 * deadlock. Our policies are restrictive; every_row, which permits, is made where nobody else
	 * has row security on. */
	static Statement statement = {
	    "SELECT string_agg(CASE WHEN NOT g.by_sender THEN"
	    "   format('ALTER TABLE %1$s DISABLE ROW LEVEL SECURITY; DROP POLICY every_row ON %1$s', c.oid::regclass)"
	    "  ELSE CASE WHEN p.every_row THEN '' ELSE format('CREATE POLICY every_row ON %s USING (true); ', c.oid::regclass) END"
	    "   || format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', c.oid::regclass) END, '; ' ORDER BY c.oid)"
	    " FROM (SELECT EXISTS (SELECT FROM @s@.whatsapp_role_grants WHERE sender IS NOT NULL) AS by_sender) AS g"
	    " CROSS JOIN pg_class AS c JOIN pg_depend AS d"
	    " ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_extension'::regclass"
	    " AND d.deptype = 'e' CROSS JOIN LATERAL (SELECT coalesce(bool_or(o.polname = 'every_row'), false) AS every_row,"
	    "  coalesce(bool_or(o.polname IN ('by_sender', 'all_senders')), false) AS ours FROM pg_policy AS o"
	    "  WHERE o.polrelid = c.oid) AS p WHERE d.refobjid = $1 AND p.ours"
	    " AND CASE WHEN g.by_sender THEN NOT c.relrowsecurity ELSE p.every_row END",
	    1,
	    {OIDOID}};
	Values values;
	values.set(0, ObjectIdGetDatum(get_extension_oid("pg_whatsapp", false)));
	const Result commands = run_statement(statement, values);
	if (!commands.is_null(0, 1))
		run_command(commands.text_at(0, 1));
}

} // namespace whatsapp::pg
