/*
 * templates.cpp — definitions of templates: their rules, what differs from Meta's, and the requests
 * that change it.
 */
#include "core/base/fault.hpp"
#include "core/base/redact.hpp"
#include "core/catalog/definition_check.hpp"
#include "core/catalog/difference.hpp"
#include "pg/requests/requests.hpp"
#include "pg/server/statement.hpp"

#include "entry/call/arguments.hpp"
#include "entry/call/result_row.hpp"
#include "entry/functions/sending.hpp"

extern "C" {
#include "funcapi.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_template_check);
PG_FUNCTION_INFO_V1(pg_whatsapp_template_rules);
PG_FUNCTION_INFO_V1(pg_whatsapp_require_definition);
PG_FUNCTION_INFO_V1(pg_whatsapp_template_difference);
PG_FUNCTION_INFO_V1(pg_whatsapp_template_placeholders);
PG_FUNCTION_INFO_V1(pg_whatsapp_template_apply);
}

using namespace whatsapp;

namespace
{

/* Finding without destructors. */
struct FindingRow {
	const char *rule;
	const char *component;
	int position;
	const char *message;
};

void
put_finding(ReturnSetInfo *result, const FindingRow &row)
{
	entry::ResultRow<4> shown;
	shown.set_text(0, row.rule);
	shown.set_text(1, row.component);
	if (row.position != 0)
		shown.set_value(2, Int32GetDatum(row.position));
	shown.set_text(3, row.message);
	shown.put_row(result);
}

} // namespace

Datum
pg_whatsapp_template_check(PG_FUNCTION_ARGS)
{
	const char *definition = entry::required_json(fcinfo, 0, "definition");
	InitMaterializedSRF(fcinfo, 0);
	FindingRow *rows = nullptr;
	std::size_t count = 0;
	pg::run_body([&] {
		const std::vector<Finding> findings = check_definition(definition);
		rows = pg::array_out<FindingRow>(findings.size());
		for (const Finding &finding : findings)
			rows[count++] = {rule_text(finding.rule).name, pg::cstring_out(finding.component),
			                 static_cast<int>(finding.position), pg::cstring_out(finding.message)};
	});
	for (std::size_t i = 0; i < count; i++)
		put_finding(entry::result_set(fcinfo), rows[i]);
	return Datum(0);
}

Datum
pg_whatsapp_template_rules(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	ReturnSetInfo *result = entry::result_set(fcinfo);
	for (std::size_t i = 0; i < rule_count; i++) {
		const RuleText &rule = rule_text(static_cast<Rule>(i));
		entry::ResultRow<2> row;
		row.set_text(0, rule.name);
		row.set_text(1, rule.meaning);
		row.put_row(result);
	}
	return Datum(0);
}

Datum
pg_whatsapp_require_definition(PG_FUNCTION_ARGS)
{
	const char *definition = entry::required_json(fcinfo, 0, "definition");
	pg::run_body([&] { require_definition(definition); });
	PG_RETURN_BOOL(true);
}

Datum
pg_whatsapp_template_difference(PG_FUNCTION_ARGS)
{
	const char *definition = entry::required_json(fcinfo, 0, "definition");
	const char *components = entry::optional_json(fcinfo, 1, "");
	const char *category = entry::optional_text(fcinfo, 2, "");
	text *out = nullptr;
	pg::run_body(
	    [&] { out = pg::text_out(definition_difference(definition, components, category)); });
	PG_RETURN_TEXT_P(out);
}

Datum
pg_whatsapp_template_placeholders(PG_FUNCTION_ARGS)
{
	const char *definition = entry::required_json(fcinfo, 0, "definition");
	text *out = nullptr;
	pg::run_body([&] { out = pg::text_out(definition_placeholders(definition)); });
	PG_RETURN_TEXT_P(out);
}

namespace
{

/* Without the lock, two sessions that apply at once would make the same requests twice. */
pg::Statement lock_definitions = {
    "LOCK TABLE @s@.whatsapp_template_definitions IN SHARE ROW EXCLUSIVE MODE", 0, {}};

pg::Statement read_steps = {
    "SELECT action, name, language, blocked, kind, request::text FROM @s@.whatsapp_template_steps($1)"
    " ORDER BY action = 'invalid' DESC",
    1,
    {TEXTOID}};

pg::Statement note_applied = {
    "UPDATE @s@.whatsapp_template_definitions SET applied = definition"
    " WHERE account IS NOT DISTINCT FROM $1 AND name = $2 AND language = $3"
    " AND removed_at IS NULL AND applied IS DISTINCT FROM definition",
    3,
    {TEXTOID, TEXTOID, TEXTOID}};

enum StepColumn : int { action = 1, name, language, blocked, kind, request };

void
refuse_invalid(const char *its_name, const char *its_language, const char *why)
{
	pg::run_body([&] {
		throw Fault(sqlstate::definition_refused,
		            "definition of template " + quote_name(its_name) + " in language " +
		                quote_name(its_language) + " is invalid",
		            "It breaks " + std::string(why) + ".", "See wa_template_check().");
	});
}

void
put_request(ReturnSetInfo *result, std::int64_t id, const pg::Result &steps, uint64 row)
{
	entry::ResultRow<4> request;
	request.set_value(0, Int64GetDatum(id));
	request.set_text(1, steps.text_at(row, action));
	request.set_text(2, steps.text_at(row, name));
	request.set_text(3, steps.text_at(row, language));
	request.put_row(result);
}

void
apply_step(ReturnSetInfo *result, const char *account, const pg::Result &steps, uint64 row)
{
	const char *what = steps.text_at(row, action);
	if (strcmp(what, "invalid") == 0)
		refuse_invalid(steps.text_at(row, name), steps.text_at(row, language),
		               steps.text_at(row, blocked));
	const bool asked = !steps.is_null(row, kind) && steps.is_null(row, blocked);
	if (asked)
		put_request(result,
		            pg::add_request(
		                {steps.text_at(row, kind), account, nullptr, steps.text_at(row, request)}),
		            steps, row);
	if (!asked && strcmp(what, "unchanged") != 0)
		return;
	pg::Values values;
	values.set_text(0, account);
	values.set_text(1, steps.text_at(row, name));
	values.set_text(2, steps.text_at(row, language));
	pg::run_statement(note_applied, values);
}

} // namespace

Datum
pg_whatsapp_template_apply(PG_FUNCTION_ARGS)
{
	const char *account = entry::optional_text(fcinfo, 0, nullptr);
	InitMaterializedSRF(fcinfo, 0);
	ReturnSetInfo *result = entry::result_set(fcinfo);
	entry::in_schema(fcinfo, [account, result] {
		pg::run_statement(lock_definitions, pg::Values());
		pg::Values values;
		values.set_text(0, account);
		const pg::Result steps = pg::run_statement(read_steps, values);
		for (uint64 i = 0; i < steps.count(); i++)
			apply_step(result, account, steps, i);
		return true;
	});
	return Datum(0);
}
