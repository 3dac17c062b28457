/*
 * template_rows.cpp — pages of templates become rows. Webhooks tell the same facts, each with its
 * time: an answer is as old as its call, and changes nothing that is newer.
 */
#include "pg/requests/template_rows.hpp"

#include "pg/server/statement.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

/* $1 account, $2 time, $3 JSON. */
Values
values_of(const AnsweredRequest &answered)
{
	Values values;
	values.set_text(0, answered.account);
	values.set(1, TimestampTzGetDatum(answered.asked_at));
	values.set_text(2, answered.rows);
	return values;
}

/* What a page has, as rows. Names that are too long for the index are none of Meta's. */
#define PAGE                                                                                                   \
	"(SELECT DISTINCT ON (p.name, p.language) p.*, p.quality_score ->> 'score' AS score"                       \
	" FROM jsonb_to_recordset($3::jsonb) AS p (id text, name text, language text, status text, category text," \
	"  previous_category text, correct_category text, rejected_reason text, quality_score jsonb,"              \
	"  parameter_format text, components jsonb, message_send_ttl_seconds jsonb)"                               \
	" WHERE p.name IS NOT NULL AND octet_length(p.name) <= 512 AND p.language IS NOT NULL"                     \
	"  AND octet_length(p.language) <= 63) AS p"
/* The time to live of a template, or NULL for what cannot be one: Meta leaves out the usual 30
 * days, and may say -1. */
#define TTL_OF(json)                                                     \
	"CASE WHEN jsonb_typeof(" json ") <> 'number' THEN NULL WHEN (" json \
	")::numeric BETWEEN 0 AND 31536000 THEN (" json ")::bigint END"
#define NEWER(time) "$2 >= coalesce(t." time ", '-infinity')"

Statement
    update_page =
        {"UPDATE @s@.whatsapp_templates AS t SET template_id = coalesce(p.id, t.template_id), synced_at = $2, gone_at = NULL,"
         "  status = CASE WHEN " NEWER("status_at") " THEN p.status ELSE t.status END,"
                                                    "  rejected_reason = CASE WHEN " NEWER("status_at") " THEN nullif(p.rejected_reason, 'NONE') ELSE t.rejected_reason END,"
                                                                                                        "  status_detail = CASE WHEN " NEWER("status_at") " AND p.status IS DISTINCT FROM t.status THEN NULL ELSE t.status_detail END,"
                                                                                                                                                          "  status_at = CASE WHEN " NEWER(
                                                                                                                                                              "status_at") " THEN $2 ELSE t.status_at END,"
                                                                                                                                                                           "  quality = CASE WHEN " NEWER("quality_at") " THEN coalesce(p.score, t.quality) ELSE t.quality END,"
                                                                                                                                                                                                                        "  quality_at = CASE WHEN " NEWER("quality_at") " AND p.score IS NOT NULL THEN $2 ELSE t.quality_at END,"
                                                                                                                                                                                                                                                                        "  previous_category = CASE WHEN NOT (" NEWER("category_at") ") THEN t.previous_category"
                                                                                                                                                                                                                                                                                                                                     "   WHEN p.category <> t.category THEN coalesce(p.previous_category, t.category) ELSE coalesce(p.previous_category, t.previous_category) END,"
                                                                                                                                                                                                                                                                                                                                     "  category = CASE WHEN " NEWER("category_at") " THEN p.category ELSE t.category END,"
                                                                                                                                                                                                                                                                                                                                                                                    "  correct_category = CASE WHEN " NEWER("category_at") " THEN p.correct_category ELSE t.correct_category END,"
                                                                                                                                                                                                                                                                                                                                                                                                                                           "  category_at = CASE WHEN " NEWER(
                                                                                                                                                                                                                                                                                                                                                                                                                                               "category_at") " THEN $2 ELSE t.category_at END,"
                                                                                                                                                                                                                                                                                                                                                                                                                                                              "  parameter_format = coalesce(p.parameter_format, t.parameter_format), message_send_ttl_seconds = " TTL_OF(
                                                                                                                                                                                                                                                                                                                                                                                                                                                                  "p.message_send_ttl_seconds") ","
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                "  components = CASE WHEN " NEWER(
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                    "components_at") " THEN coalesce(p.components, t.components) ELSE t.components END,"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                     "  components_at = CASE WHEN " NEWER(
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                         "components_at") " AND p.components IS NOT NULL THEN $2 ELSE t.components_at END"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                          " FROM " PAGE
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                          " WHERE t.name = p.name AND t.language = p.language AND t.account IS NOT DISTINCT FROM $1",
         3,
         {TEXTOID, TIMESTAMPTZOID, TEXTOID}};

Statement insert_page = {
    "INSERT INTO @s@.whatsapp_templates (account, name, language, template_id, status, rejected_reason, status_at, quality, quality_at,"
    "  category, previous_category, correct_category, category_at, parameter_format, message_send_ttl_seconds, components, components_at, synced_at)"
    " SELECT $1, p.name, p.language, p.id, p.status, nullif(p.rejected_reason, 'NONE'), $2, p.score,"
    "  CASE WHEN p.score IS NOT NULL THEN $2 END, p.category, p.previous_category, p.correct_category, $2, p.parameter_format, " TTL_OF(
        "p.message_send_ttl_seconds") ","
                                      "  p.components, CASE WHEN p.components IS NOT NULL THEN $2 END, $2"
                                      " FROM " PAGE
                                      " WHERE NOT EXISTS (SELECT FROM @s@.whatsapp_templates AS t"
                                      "  WHERE t.name = p.name AND t.language = p.language AND t.account IS NOT DISTINCT FROM $1)",
    3,
    {TEXTOID, TIMESTAMPTZOID, TEXTOID}};

/* What a webhook has told about since the first page was asked for is not gone. */
Statement mark_gone = {
    "UPDATE @s@.whatsapp_templates AS t SET gone_at = $2, status = 'DELETED', status_at = $2, status_detail = NULL"
    " WHERE t.account IS NOT DISTINCT FROM $1 AND t.gone_at IS NULL AND coalesce(t.synced_at, '-infinity') < $3"
    " AND greatest(t.updated_at, t.status_at, t.category_at, t.components_at, t.quality_at) < $3",
    3,
    {TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID}};

Statement sum_up = {
    "SELECT jsonb_build_object('templates', count(*) FILTER (WHERE gone_at IS NULL AND synced_at >= $2),"
    "  'gone', count(*) FILTER (WHERE gone_at >= $2))::text"
    " FROM @s@.whatsapp_templates WHERE account IS NOT DISTINCT FROM $1",
    2,
    {TEXTOID, TIMESTAMPTZOID}};

const char *
end_sync(const AnsweredRequest &answered)
{
	Values values = values_of(answered);
	values.set(2, TimestampTzGetDatum(answered.started_at));
	(void)run_statement(mark_gone, values);
	values.set(1, TimestampTzGetDatum(answered.started_at));
	return run_statement(sum_up, values).text_at(0, 1);
}

} // namespace

const char *
write_synced_templates(const AnsweredRequest &answered)
{
	const Values values = values_of(answered);
	(void)run_statement(update_page, values);
	(void)run_statement(insert_page, values);
	return answered.is_last ? end_sync(answered) : nullptr;
}

const char *
write_created_template(const AnsweredRequest &answered)
{
	/* the request says what it consists of, the answer what Meta made of it */
	static Statement both = {
	    "SELECT jsonb_build_array($1::jsonb || $2::jsonb)::text", 2, {TEXTOID, TEXTOID}};
	Values parts;
	parts.set_text(0, answered.request);
	parts.set_text(1, answered.rows);
	Values values = values_of(answered);
	values.set_text(2, run_statement(both, parts).text_at(0, 1));
	(void)run_statement(update_page, values);
	(void)run_statement(insert_page, values);
	return nullptr;
}

/* Its review tells the rest, by a webhook or the next sync. */
const char *
write_edited_template(const AnsweredRequest &answered)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_templates AS t SET components = $3::jsonb -> 'components', components_at = $2,"
	    "  message_send_ttl_seconds = coalesce(" TTL_OF(
	        "$3::jsonb -> 'message_send_ttl_seconds'") ", t.message_send_ttl_seconds)"
	                                                   " WHERE t.account IS NOT DISTINCT FROM $1 AND t.template_id = $3::jsonb ->> 'template_id' AND $3::jsonb ? 'components'"
	                                                   " AND " NEWER("components_at"),
	    3,
	    {TEXTOID, TIMESTAMPTZOID, TEXTOID}};
	Values values = values_of(answered);
	values.set_text(2, answered.request);
	(void)run_statement(statement, values);
	return nullptr;
}

const char *
write_deleted_template(const AnsweredRequest &answered)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_templates AS t SET gone_at = $2, status = 'DELETED', status_at = $2, status_detail = NULL"
	    " WHERE t.account IS NOT DISTINCT FROM $1 AND t.name = $3::jsonb ->> 'name' AND t.gone_at IS NULL"
	    " AND coalesce(t.template_id = $3::jsonb ->> 'template_id', NOT $3::jsonb ? 'template_id')",
	    3,
	    {TEXTOID, TIMESTAMPTZOID, TEXTOID}};
	Values values = values_of(answered);
	values.set_text(2, answered.request);
	(void)run_statement(statement, values);
	return nullptr;
}

} // namespace whatsapp::pg
