/*
 * watch_definition.hpp — what wa_watch() was told with expressions: a row of
 * whatsapp_watch_definitions.
 *
 * The trigger names it by its key. A trigger can be made by whoever may call the trigger function,
 * so the definition says which table it is for: else another table's rows could be announced with
 * the rights of its owner.
 */
#pragma once

#include <cstdint>

#include "pg/server/prelude.hpp"

namespace whatsapp::pg
{

enum class WatchEvent : int { inserted, updated, deleted, truncated };
/* Those that bring rows. A TRUNCATE brings none: see reminders.hpp. */
inline constexpr int watch_event_count = 3;
inline constexpr WatchEvent all_watch_events[watch_event_count] = {
    WatchEvent::inserted, WatchEvent::updated, WatchEvent::deleted};

/* INSERT, UPDATE, DELETE, TRUNCATE. */
const char *watch_event_name(WatchEvent event);

/* Strings in the server's memory; NULL where absent. What may be a plain word, meant as it is, or
 * an expression, is an expression unless is_plain_word() says otherwise. */
struct WatchDefinition {
	const char *key;
	const char *name;
	Oid relation;      /* its OID in the server where the watch was made */
	const char *owner; /* the name that the role had then */
	const char *owner_number;
	bool on[watch_event_count];
	const char *template_name;
	int parameter_count;
	const char *const *parameters;
	const char *phone;
	const char *condition;
	const char *sender;
	const char *language;
	const char *reference;
	const char *idempotency_key;
	const char *send_at;
	const char *status_column; /* of the watched table, which the message's status is written to */
	const char *due;           /* with it, the message follows its row as long as it is pending */
	const char *expires_at;
	const char *priority;
	bool rejects;
	std::int64_t max_rows;
	bool replicated;
	int setting_count;
	const char *const *settings; /* name=value */
	const char *send_window;     /* hours, or "always" */
	const char *time_zone;       /* a name, or an expression */
	/* Microseconds; 0 for none. With debounce or digest, rows become rows of whatsapp_watch_items
	 * first. */
	std::int64_t debounce;
	std::int64_t max_wait;
	std::int64_t digest;
	const char *separator; /* of a digest */
	/* a text for those whose window is open, an expression; the template is for the others */
	const char *body;
	bool language_fallback; /* es where there is no es_MX */
};

/* Whether its rows wait for others before there is a message. */
inline bool
collects_rows(const WatchDefinition &watch)
{
	return watch.debounce > 0 || watch.digest > 0;
}

/* The owner's role; InvalidOid when it is gone. */
Oid owner_of_watch(const WatchDefinition &watch);
/* The owner's name now, or else the one that it had then: for people. */
const char *owner_name(const WatchDefinition &watch);

/* Whether this parameter of a digest stands for the number of its rows. */
bool is_row_count(const WatchDefinition &watch, const char *parameter);

bool is_plain_word(const char *text);

/* The definition that a trigger of this table names; it stays in the session's memory once it was
 * found. NULL when there is none, or it is for another table. As the extension's owner, with SPI
 * connected. */
const WatchDefinition *find_watch(const char *key, Oid relation, Oid trigger_function);
/* The same without a statement: NULL when this session has not found it yet. */
const WatchDefinition *known_watch(const char *key, Oid relation);

/* Whether there is one now, whatever this session has met. */
bool has_watch(const char *key, Oid relation, Oid trigger_function);

/* The watches of a table, in the order of their names. In the memory of the caller. */
struct WatchList {
	int count;
	const char **keys;
	const char **names;
};
WatchList watches_of_table(Oid relation, Oid trigger_function);

} // namespace whatsapp::pg
