/*
 * watch_definition.cpp — read once a session: a definition never changes, since a watch that is
 * made anew has another key.
 */
#include "pg/watches/watch_definition.hpp"

#include "core/base/ascii.hpp"
#include "pg/identity/kept_role.hpp"
#include "pg/server/schema.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

/* A definition that this session has met, with a table that it is for. */
struct KnownWatch {
	WatchDefinition watch;
	Oid relation;
	bool partition;      /* a partition may become a table of its own */
	unsigned generation; /* of the schema */
	KnownWatch *next;
};

KnownWatch *known_watches = nullptr;

struct DefinitionTexts {
	int count;
	const char **values;
};

DefinitionTexts
texts_at(const Result &found, int column)
{
	Datum *elements;
	bool *nulls;
	DefinitionTexts texts = {};
	ArrayType *array = DatumGetArrayTypeP(found.datum_at(0, column, TEXTARRAYOID));
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &texts.count);
	texts.values = static_cast<const char **>(palloc(sizeof(char *) * (texts.count + 1)));
	for (int i = 0; i < texts.count; i++)
		texts.values[i] = nulls[i] ? "" : TextDatumGetCString(elements[i]);
	return texts;
}

/* A session reads a watch before the first row that it announces: what can be said without a
 * function or an operator of the server's is cheapest to prepare. Columns that version 1.0 does not
 * have stand without a table's name: where the table lacks them, they are those of "absent". So
 * rows are announced, too, while a database waits for ALTER EXTENSION UPDATE. */
#define DEFINITION                                                                                            \
	"SELECT f.* FROM (SELECT NULL::pg_catalog.text AS send_window, NULL::pg_catalog.text AS time_zone,"       \
	"  NULL::pg_catalog.interval AS debounce, NULL::pg_catalog.interval AS max_wait,"                         \
	"  NULL::pg_catalog.interval AS digest, NULL::pg_catalog.text AS separator,"                              \
	"  NULL::pg_catalog.text AS body, false AS language_fallback,"                                            \
	"  NULL::pg_catalog.text AS owner_number) AS absent CROSS JOIN LATERAL ("                                 \
	"SELECT d.name, d.relation, d.owner, d.events, d.template, d.parameters, d.phone, d.condition, d.sender," \
	" d.language, d.reference, d.idempotency_key, d.send_at, d.expires_at, d.priority, d.on_error,"           \
	" d.max_rows, d.replicated, d.settings, d.due, d.status_column, send_window, time_zone,"                  \
	" debounce, max_wait, digest, separator, body, language_fallback, owner_number"                           \
	" FROM @s@.whatsapp_watch_definitions AS d WHERE d.key = $1"
#define TRIGGERS_OF_KEY                                                           \
	" FROM pg_catalog.pg_trigger AS t WHERE t.tgfoid = $3 AND NOT t.tgisinternal" \
	" AND t.tgargs = pg_catalog.convert_to($1, pg_catalog.getdatabaseencoding())" \
	" OPERATOR(pg_catalog.||) pg_catalog.decode('00', 'hex')"

/* The table that was named. */
Statement find_of_table = {DEFINITION " AND d.relation = $2) AS f", 2, {TEXTOID, OIDOID}};

/* A partition of it; or a restored table, which has another number. Then it is the one whose
 * triggers name the watch, as long as there is one such table only, and the definition was restored
 * with it: it comes from another database, or the table has the name of then. */
Statement find_by_key = {
    DEFINITION
    " AND (d.relation IN (SELECT a.relid FROM pg_catalog.pg_partition_ancestors($2) AS a (relid))"
    "  OR ((d.home <> $4 OR d.relation_name IN (SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)"
    "        FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
    "        WHERE c.oid = coalesce(pg_catalog.pg_partition_root($2), $2)))"
    "   AND NOT EXISTS (SELECT" TRIGGERS_OF_KEY " AND t.tgrelid = d.relation)"
    "   AND (SELECT pg_catalog.count(DISTINCT coalesce(pg_catalog.pg_partition_root(t.tgrelid), t.tgrelid))" TRIGGERS_OF_KEY
    "  ) = 1))) AS f",
    4,
    {TEXTOID, OIDOID, OIDOID, TEXTOID}};

/* In microseconds; 0 for NULL. */
std::int64_t
duration_at(const Result &found, int column)
{
	if (found.is_null(0, column))
		return 0;
	const Interval &interval = *DatumGetIntervalP(found.datum_at(0, column, INTERVALOID));
	return interval.time + (static_cast<std::int64_t>(interval.day) +
	                        std::int64_t{interval.month} * DAYS_PER_MONTH) *
	                           USECS_PER_DAY;
}

Result
find_definition(const char *key, Oid relation, Oid trigger_function)
{
	Values values;
	values.set_text(0, key);
	values.set(1, ObjectIdGetDatum(relation));
	const Result found = run_statement(find_of_table, values);
	if (!found.empty())
		return found;
	values.set(2, ObjectIdGetDatum(trigger_function));
	values.set_text(3, this_home());
	return run_statement(find_by_key, values);
}

void
read_watch(const Result &found, WatchDefinition &watch)
{
	watch.name = found.text_at(0, 1);
	watch.relation = DatumGetObjectId(found.datum_at(0, 2, OIDOID));
	watch.owner = found.text_at(0, 3);
	const DefinitionTexts events = texts_at(found, 4);
	for (int i = 0; i < events.count; i++)
		for (const WatchEvent event : all_watch_events)
			if (strcmp(events.values[i], watch_event_name(event)) == 0)
				watch.on[static_cast<int>(event)] = true;
	watch.template_name = found.text_at(0, 5);
	const DefinitionTexts parameters = texts_at(found, 6);
	watch.parameter_count = parameters.count;
	watch.parameters = parameters.values;
	watch.phone = found.text_at(0, 7);
	watch.condition = found.text_at(0, 8);
	watch.sender = found.text_at(0, 9);
	watch.language = found.text_at(0, 10);
	watch.reference = found.text_at(0, 11);
	watch.idempotency_key = found.text_at(0, 12);
	watch.send_at = found.text_at(0, 13);
	watch.expires_at = found.text_at(0, 14);
	watch.priority = found.text_at(0, 15);
	watch.rejects = !found.is_null(0, 16) && strcmp(found.text_at(0, 16), "reject") == 0;
	watch.max_rows = found.int64_at(0, 17);
	watch.replicated = found.bool_at(0, 18);
	const DefinitionTexts settings = texts_at(found, 19);
	watch.setting_count = settings.count;
	watch.settings = settings.values;
	watch.due = found.text_at(0, 20);
	watch.status_column = found.text_at(0, 21);
	watch.send_window = found.text_at(0, 22);
	watch.time_zone = found.text_at(0, 23);
	watch.debounce = duration_at(found, 24);
	watch.max_wait = duration_at(found, 25);
	watch.digest = duration_at(found, 26);
	watch.separator = found.text_at(0, 27);
	watch.body = found.text_at(0, 28);
	watch.language_fallback = found.bool_at(0, 29);
	watch.owner_number = found.text_at(0, 30);
}

} // namespace

const char *
watch_event_name(WatchEvent event)
{
	static const char *const names[] = {"INSERT", "UPDATE", "DELETE", "TRUNCATE"};
	return names[static_cast<int>(event)];
}

Oid
owner_of_watch(const WatchDefinition &watch)
{
	return find_kept_role(watch.owner, watch.owner_number);
}

const char *
owner_name(const WatchDefinition &watch)
{
	const Oid owner = owner_of_watch(watch);
	return OidIsValid(owner) ? GetUserNameFromId(owner, false) : watch.owner;
}

bool
is_plain_word(const char *text)
{
	for (const char *at = text; *at != '\0'; at++)
		if (!is_letter_or_digit(*at) && *at != '_' && *at != '-')
			return false;
	return text[0] != '\0';
}

bool
is_row_count(const WatchDefinition &watch, const char *parameter)
{
	return watch.digest > 0 && strcmp(parameter, "count") == 0;
}

const WatchDefinition *
known_watch(const char *key, Oid relation)
{
	for (KnownWatch *known = known_watches; known != nullptr; known = known->next)
		if (known->relation == relation && known->generation == schema_generation() &&
		    known->partition == get_rel_relispartition(relation) &&
		    strcmp(known->watch.key, key) == 0)
			return &known->watch;
	return nullptr;
}

bool
has_watch(const char *key, Oid relation, Oid trigger_function)
{
	return !find_definition(key, relation, trigger_function).empty();
}

const WatchDefinition *
find_watch(const char *key, Oid relation, Oid trigger_function)
{
	if (const WatchDefinition *watch = known_watch(key, relation))
		return watch;
	const Result found = find_definition(key, relation, trigger_function);
	if (found.empty())
		return nullptr;
	MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);
	auto *known = static_cast<KnownWatch *>(palloc0(sizeof(KnownWatch)));
	known->watch.key = pstrdup(key);
	known->relation = relation;
	known->partition = get_rel_relispartition(relation);
	known->generation = schema_generation();
	read_watch(found, known->watch);
	known->next = known_watches;
	known_watches = known;
	MemoryContextSwitchTo(before);
	return &known->watch;
}

WatchList
watches_of_table(Oid relation, Oid trigger_function)
{
	static Statement statement = {
	    "SELECT DISTINCT d.key, d.name FROM @s@.whatsapp_watch_definitions AS d JOIN pg_catalog.pg_trigger AS t"
	    " ON t.tgargs = pg_catalog.convert_to(d.key, pg_catalog.getdatabaseencoding())"
	    "  OPERATOR(pg_catalog.||) pg_catalog.decode('00', 'hex')"
	    " WHERE t.tgrelid = $1 AND t.tgfoid = $2 AND NOT t.tgisinternal ORDER BY d.name",
	    2,
	    {OIDOID, OIDOID}};
	Values values;
	values.set(0, ObjectIdGetDatum(relation));
	values.set(1, ObjectIdGetDatum(trigger_function));
	const Result found = run_statement(statement, values);
	WatchList list = {static_cast<int>(found.count()), nullptr, nullptr};
	list.keys = static_cast<const char **>(palloc(sizeof(char *) * (list.count + 1)));
	list.names = static_cast<const char **>(palloc(sizeof(char *) * (list.count + 1)));
	for (int i = 0; i < list.count; i++) {
		list.keys[i] = found.text_at(static_cast<uint64>(i), 1);
		list.names[i] = found.text_at(static_cast<uint64>(i), 2);
	}
	return list;
}

} // namespace whatsapp::pg
