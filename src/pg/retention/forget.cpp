/*
 * forget.cpp — by plain statements, one a table: it is asked for rarely, and reads the large tables
 * whole, since no index is kept for it.
 */
#include "pg/retention/forget.hpp"

#include "pg/server/compat.hpp"
#include "pg/server/statement.hpp"

namespace whatsapp::pg
{

namespace
{

/* $1: the keys of the person. A wamid has the phone in it, in base64. */
#define IS_OF_PERSON(row)                                     \
	"(@s@.wa_contact_key(" row ".recipient_phone) = ANY ($1)" \
	" OR @s@.wa_contact_key(" row ".wa_id) = ANY ($1) OR " row ".user_id = ANY ($1))"

/* The contact and all that is linked with it, over as many links as there are. */
Statement find_keys = {
    "WITH RECURSIVE known (key) AS (SELECT $1::text UNION"
    " SELECT CASE WHEN u.contact = k.key THEN u.user_id ELSE u.contact END"
    " FROM known AS k JOIN @s@.whatsapp_user_ids AS u ON k.key IN (u.contact, u.user_id))"
    " SELECT array_agg(key) FROM known",
    1,
    {TEXTOID}};

/* In the order of ids, the queue first: as everybody who touches both. */
Statement lock_waiting = {
    "SELECT q.message_id, q.state FROM @s@.whatsapp_queue AS q"
    " WHERE @s@.wa_contact_key(q.recipient) = ANY ($1) ORDER BY q.message_id FOR UPDATE",
    1,
    {TEXTARRAYOID}};

/* How the person is written in what webhooks brought and callers named, as whole words: a number
 * may be a part of another one's. */
Statement find_spellings = {
    "SELECT array_agg(DISTINCT '(?<!\\w)' || regexp_replace(ltrim(s.spelling, '+'), '(\\W)', '\\\\\\1', 'g') || '(?!\\w)')"
    " FROM (SELECT unnest($1) AS spelling UNION"
    "  SELECT unnest(ARRAY[m.recipient_phone, m.wa_id, m.user_id]) FROM @s@.whatsapp_messages AS m WHERE " IS_OF_PERSON(
        "m") " UNION"
             "  SELECT unnest(ARRAY[i.from_phone, i.user_id]) FROM @s@.whatsapp_inbound AS i"
             "  WHERE i.contact = ANY ($1) OR i.user_id = ANY ($1)) AS s"
             " WHERE s.spelling <> ''",
    1,
    {TEXTARRAYOID}};

struct ForgettingStatement {
	const char *table;
	const char *what;
	Statement statement;
};

constexpr int by_keys = 1, by_keys_and_spellings = 2;

#define KEYS         \
	by_keys,         \
	{                \
		TEXTARRAYOID \
	}
#define KEYS_AND_SPELLINGS         \
	by_keys_and_spellings,         \
	{                              \
		TEXTARRAYOID, TEXTARRAYOID \
	}

/* A text of a caller's or of Meta's that names the person is erased; others stay. */
#define UNLESS_NAMED(column) \
	column " = CASE WHEN " column " ~ ANY ($2) THEN NULL ELSE " column " END"

/* Events come before messages, since they are found by their messages' rows. Events that the reader
 * has not acted upon leave its queue, too: it would find them empty. */
ForgettingStatement forgetting[] = {
    {"whatsapp_event_queue",
     "deleted",
     {"DELETE FROM @s@.whatsapp_event_queue AS q USING @s@.whatsapp_events AS e"
      " WHERE e.id = q.event_id AND (e.raw::text ~ ANY ($2) OR e.contact::text ~ ANY ($2))",
      KEYS_AND_SPELLINGS}},
    {"whatsapp_events",
     "emptied",
     {"UPDATE @s@.whatsapp_events AS e SET raw = NULL, contact = NULL, body = NULL, wamid = NULL"
      " WHERE (e.raw IS NOT NULL OR e.contact IS NOT NULL OR e.body IS NOT NULL) AND"
      " (e.raw::text ~ ANY ($2) OR e.contact::text ~ ANY ($2)"
      "  OR encode(e.body, 'escape') ~ ANY ($2)"
      "  OR e.message_id IN (SELECT m.id FROM @s@.whatsapp_messages AS m WHERE " IS_OF_PERSON(
          "m") "))",
      KEYS_AND_SPELLINGS}},
    /* requests and files are found by inbound messages, which are deleted next */
    {"whatsapp_requests",
     "deleted",
     {"DELETE FROM @s@.whatsapp_requests AS r USING @s@.whatsapp_inbound AS i"
      " WHERE r.kind = 'mark_read' AND r.request ->> 'wamid' = i.wamid"
      " AND (i.contact = ANY ($1) OR i.user_id = ANY ($1)"
      "  OR @s@.wa_contact_key(i.from_phone) = ANY ($1) OR i.raw::text ~ ANY ($2))",
      KEYS_AND_SPELLINGS}},
    {"whatsapp_media",
     "deleted",
     {"DELETE FROM @s@.whatsapp_media AS f USING @s@.whatsapp_inbound AS i WHERE i.id = f.inbound_id"
      " AND (i.contact = ANY ($1) OR i.user_id = ANY ($1)"
      "  OR @s@.wa_contact_key(i.from_phone) = ANY ($1) OR i.raw::text ~ ANY ($2))",
      KEYS_AND_SPELLINGS}},
    {"whatsapp_inbound",
     "deleted",
     {"DELETE FROM @s@.whatsapp_inbound AS i WHERE i.contact = ANY ($1) OR i.user_id = ANY ($1)"
      " OR @s@.wa_contact_key(i.from_phone) = ANY ($1) OR i.raw::text ~ ANY ($2)",
      KEYS_AND_SPELLINGS}},
    {"whatsapp_attempts",
     "emptied",
     {"UPDATE @s@.whatsapp_attempts AS a SET error_message = NULL, error_details = NULL"
      " WHERE (a.error_message IS NOT NULL OR a.error_details IS NOT NULL)"
      " AND a.message_id IN (SELECT m.id FROM @s@.whatsapp_messages AS m WHERE " IS_OF_PERSON(
          "m") ")",
      KEYS}},
    {"whatsapp_watched_messages",
     "deleted",
     {"DELETE FROM @s@.whatsapp_watched_messages AS w"
      " WHERE w.message_id IN (SELECT m.id FROM @s@.whatsapp_messages AS m WHERE " IS_OF_PERSON(
          "m") ")",
      KEYS}},
    {"whatsapp_watch_items",
     "deleted",
     {"DELETE FROM @s@.whatsapp_watch_items AS i WHERE @s@.wa_contact_key(i.recipient_phone) = ANY ($1)",
      KEYS}},
    {"whatsapp_messages",
     "emptied",
     {"UPDATE @s@.whatsapp_messages AS m SET recipient_phone = NULL, wa_id = NULL, user_id = NULL,"
      " wamid = NULL, conversation_id = NULL, payload = NULL, error_details = NULL, " UNLESS_NAMED(
          "error_message") ", " UNLESS_NAMED("reference") ", " UNLESS_NAMED("idempotency_key") " WHE"
                                                                                               "RE " IS_OF_PERSON(
                                                                                                   "m"),
      KEYS_AND_SPELLINGS}},
    {"whatsapp_watch_errors",
     "emptied",
     {"UPDATE @s@.whatsapp_watch_errors AS e SET message = 'forgotten by wa_forget()', first_row = NULL"
      " WHERE e.message ~ ANY ($2) OR e.first_row ~ ANY ($2)",
      KEYS_AND_SPELLINGS}},
    {"whatsapp_callback_calls",
     "emptied",
     {"UPDATE @s@.whatsapp_callback_calls AS q SET error_message = 'forgotten by wa_forget()'"
      " WHERE q.error_message ~ ANY ($2)",
      KEYS_AND_SPELLINGS}},
    {"whatsapp_callback_definitions",
     "emptied",
     {"UPDATE @s@.whatsapp_callback_definitions AS d SET error_message = 'forgotten by wa_forget()'"
      " WHERE d.error_message ~ ANY ($2)",
      KEYS_AND_SPELLINGS}},
    {"whatsapp_windows",
     "deleted",
     {"DELETE FROM @s@.whatsapp_windows AS w WHERE w.contact = ANY ($1)", KEYS}},
    {"whatsapp_opt_outs",
     "deleted",
     {"DELETE FROM @s@.whatsapp_opt_outs AS o WHERE o.contact = ANY ($1)", KEYS}},
    {"whatsapp_user_ids",
     "deleted",
     {"DELETE FROM @s@.whatsapp_user_ids AS u WHERE u.contact = ANY ($1) OR u.user_id = ANY ($1)",
      KEYS}},
};
static_assert(lengthof(forgetting) + 1 <= most_forgotten);

/* Cancels the messages that wait. */
std::int64_t
cancel_waiting(const Values &person)
{
	static Statement dequeue = {
	    "DELETE FROM @s@.whatsapp_queue AS q WHERE @s@.wa_contact_key(q.recipient) = ANY ($1)",
	    1,
	    {TEXTARRAYOID}};
	static Statement cancel = {
	    "UPDATE @s@.whatsapp_messages AS m SET status = 'CANCELLED' WHERE m.status = 'PENDING' AND " IS_OF_PERSON(
	        "m"),
	    1,
	    {TEXTARRAYOID}};
	const Result waiting = run_statement(lock_waiting, person);
	std::int64_t travelling = 0;
	for (uint64 i = 0; i < waiting.count(); i++) {
		const char *state = waiting.text_at(i, 2);
		travelling += strcmp(state, "sending") == 0 || strcmp(state, "unknown") == 0 ? 1 : 0;
	}
	if (travelling > 0)
		ereport(
		    ERROR,
		    (errcode(ERRCODE_OBJECT_IN_USE),
		     errmsg_plural("%lld message to this person is on the wire",
		                   "%lld messages to this person are on the wire",
		                   static_cast<unsigned long>(travelling),
		                   static_cast<long long>(travelling)),
		     errdetail("Their answers would bring back what is to be forgotten."),
		     errhint("Try again when they have left whatsapp_queue: within "
		             "whatsapp.request_timeout, or whatsapp.unknown_grace after a lost answer.")));
	run_statement(dequeue, person);
	return static_cast<std::int64_t>(run_statement(cancel, person).count());
}

} // namespace

int
forget_person(const char *contact, ForgottenRows (&forgotten)[most_forgotten])
{
	Values key;
	key.set_identifier(0, contact);
	Values person;
	person.set(0, run_statement(find_keys, key).datum_at(0, 1, TEXTARRAYOID));
	forgotten[0] = {"whatsapp_queue", "cancelled", cancel_waiting(person)};
	person.set(1, run_statement(find_spellings, person).datum_at(0, 1, TEXTARRAYOID));
	int count = 1;
	for (ForgettingStatement &step : forgetting) {
		const auto rows = run_statement(step.statement, person).count();
		forgotten[count++] = {step.table, step.what, static_cast<std::int64_t>(rows)};
	}
	return count;
}

} // namespace whatsapp::pg
