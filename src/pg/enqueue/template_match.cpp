/*
 * template_match.cpp — what whatsapp_templates knows of a template, read once for each version of
 * its row.
 */
#include "pg/enqueue/template_match.hpp"

#include "core/catalog/arguments.hpp"
#include "core/catalog/definition_cache.hpp"
#include "core/catalog/preview.hpp"
#include "pg/rows/own_table.hpp"
#include "pg/server/boundary.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"
}

namespace whatsapp::pg
{

namespace
{

/* Lives as long as the process. */
DefinitionCache *cache = nullptr;

OwnTable definitions("whatsapp_template_definitions");

#define THIS_TEMPLATE                                                                      \
	" FROM @s@.whatsapp_templates AS t WHERE t.name = $1 AND t.gone_at IS NULL"            \
	" AND t.account IS NOT DISTINCT FROM (SELECT s.account FROM @s@.whatsapp_senders AS s" \
	"  WHERE s.name = $2)"

Statement read_components = {"SELECT t.components::text" THIS_TEMPLATE " AND t.language = $3",
                             3,
                             {TEXTOID, TEXTOID, TEXTOID}};

Statement list_languages = {
    "SELECT string_agg(t.language, ', ' ORDER BY t.language)" THIS_TEMPLATE, 2, {TEXTOID, TEXTOID}};

Values
values_of(const NewMessage &message)
{
	Values values;
	values.set_text(0, message.template_name);
	values.set_text(1, message.sender);
	return values;
}

/* NULL: there is no such template, or nothing is known of its components. */
const char *
components_of(const NewMessage &message)
{
	Values values = values_of(message);
	values.set_text(2, message.template_language);
	const Result found = run_statement(read_components, values);
	return found.empty() ? nullptr : found.text_at(0, 1);
}

/* What a command has found at its first message holds for its others: see refusal.cpp. */
bool
any_definitions()
{
	static LocalTransactionId transaction = InvalidLocalTransactionId;
	static CommandId command = InvalidCommandId;
	static bool any = false;
	const CommandId now = GetCurrentCommandId(false);
	if (transaction != local_transaction() || command != now) {
		any = has_pages(definitions);
		transaction = local_transaction();
		command = now;
	}
	return any;
}

bool
is_cached(const char *version)
{
	return cache != nullptr && cache->find_definition(version) != nullptr;
}

/* Inside try_body() only. */
const TemplateDefinition &
remember_definition(const char *version, const char *components)
{
	if (cache == nullptr)
		cache = new DefinitionCache();
	if (const TemplateDefinition *known = cache->find_definition(version))
		return *known;
	return cache->put_definition(version, components);
}

} // namespace

bool
template_matches(const NewMessage &message, const char *version, Failure &why)
{
	const char *components = is_cached(version) ? "" : components_of(message);
	if (components == nullptr)
		return true;
	return try_body(why, [&] {
		check_given_arguments(remember_definition(version, components),
		                      read_given_arguments(message.payload), message.template_name,
		                      message.template_language);
	});
}

void
describe_unknown_template(const NewMessage &message, Failure &why)
{
	/* the names have been checked: they are letters of ASCII */
	constexpr int most_languages = 900;
	const char *languages = run_statement(list_languages, values_of(message)).text_at(0, 1);
	why = {};
	why.sqlstate = ERRCODE_UNDEFINED_OBJECT;
	if (languages == nullptr) {
		snprintf(why.message, sizeof why.message, "template \"%.200s\" does not exist",
		         message.template_name);
		snprintf(why.detail, sizeof why.detail,
		         "The account of sender \"%s\" has no template of that name.", message.sender);
	} else {
		const int length = static_cast<int>(strlen(languages));
		snprintf(why.message, sizeof why.message,
		         "template \"%.200s\" does not exist in language \"%.63s\"", message.template_name,
		         message.template_language);
		snprintf(why.detail, sizeof why.detail, "It exists in %.*s.",
		         pg_mbcliplen(languages, length, most_languages), languages);
	}
	snprintf(why.hint, sizeof why.hint,
	         "If it is new, call wa_sync_templates(); whatsapp.check_templates = off sends it all "
	         "the same.");
}

const char *
render_message(const NewMessage &message, bool html)
{
	const char *components = components_of(message);
	Failure why;
	if (components == nullptr) {
		describe_unknown_template(message, why);
		raise_failure(why);
	}
	char *out = nullptr;
	run_body([&] {
		const TemplateDefinition definition = read_template_definition(components);
		const GivenArguments given = read_given_arguments(message.payload);
		check_given_arguments(definition, given, message.template_name, message.template_language);
		out = cstring_out(html ? preview_html(definition, given) : preview_text(definition, given));
	});
	return out;
}

void
resolve_template(NewMessage &message, bool language_fallback)
{
	static Statement statement = {
	    "SELECT c.name, c.language FROM ("
	    " SELECT t.name, t.language, t.account, 0 AS version FROM @s@.whatsapp_templates AS t"
	    "  WHERE t.name = $1 AND t.gone_at IS NULL"
	    " UNION ALL SELECT t.name, t.language, t.account, d.version FROM @s@.whatsapp_template_definitions AS d"
	    "  JOIN @s@.whatsapp_templates AS t ON t.name = d.name AND t.language = d.language AND t.account IS NOT DISTINCT FROM d.account"
	    "  WHERE d.alias = $1 AND d.removed_at IS NULL AND t.status = 'APPROVED' AND t.gone_at IS NULL) AS c"
	    " WHERE c.account IS NOT DISTINCT FROM (SELECT s.account FROM @s@.whatsapp_senders AS s WHERE s.name = $2)"
	    "  AND (c.language = $3 OR ($4 AND c.language = split_part($3, '_', 1)))"
	    " ORDER BY c.language = $3 DESC, c.version DESC LIMIT 1",
	    4,
	    {TEXTOID, TEXTOID, TEXTOID, BOOLOID}};
	if (!language_fallback && !any_definitions())
		return;
	MemoryContext memory = CurrentMemoryContext;
	SPI_connect();
	Values values = values_of(message);
	if (message.sender == nullptr)
		values.set_text(1, settings.default_sender);
	values.set_text(2, message.template_language);
	values.set(3, BoolGetDatum(language_fallback));
	const Result found = run_statement(statement, values);
	if (!found.empty()) {
		message.template_name = MemoryContextStrdup(memory, found.text_at(0, 1));
		message.template_language = MemoryContextStrdup(memory, found.text_at(0, 2));
	}
	SPI_finish();
}

} // namespace whatsapp::pg
