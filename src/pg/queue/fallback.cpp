/*
 * fallback.cpp — the message's own columns are rewritten, so that retries, checks and views see
 * what is sent.
 */
#include "pg/queue/fallback.hpp"

#include <algorithm>

#include "pg/budgets/budgets.hpp"
#include "pg/rows/left_out.hpp"
#include "pg/server/bells.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/fault_point.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "access/xact.h"
#include "utils/memutils.h"
}

namespace whatsapp::pg
{

namespace
{

/* by way of text: somebody may have given the column another type */
#define FALLBACK "(m.payload::text::json -> 'fallback')"
#define HAS_FALLBACK                                             \
	" AND m.message_type <> 'template' AND m.status = 'PENDING'" \
	" AND json_typeof(" FALLBACK ") = 'object'"

Statement change = {
    "UPDATE @s@.whatsapp_messages AS m SET message_type = 'template', payload = " FALLBACK ","
    " template_name = left(" FALLBACK " #>> '{template,name}', 512),"
    " template_language = left(" FALLBACK " #>> '{template,language,code}', 63)"
    " WHERE m.id = ANY ($1)" HAS_FALLBACK
    " RETURNING m.id, m.payload::text, m.ctid, m.template_name, m.template_language",
    1,
    {INT8ARRAYOID}};

/* NULL for NULL: a payload that somebody has changed may name no template. */
const char *
copy_of(MemoryContext memory, const char *text)
{
	return text == nullptr ? nullptr : MemoryContextStrdup(memory, text);
}

/* What was reserved for the message itself is released: its template has another price. */
Result
change_messages(const Column &ids)
{
	Values values;
	values.set(0, ids.array(INT8OID));
	const Result changed = run_statement(change, values);
	if (!changed.empty() && has_charges()) {
		auto *of_messages =
		    static_cast<std::int64_t *>(palloc(sizeof(std::int64_t) * changed.count()));
		for (uint64 i = 0; i < changed.count(); i++)
			of_messages[i] = changed.int64_at(i, 1);
		release_charges(of_messages, changed.count());
	}
	return changed;
}

} // namespace

void
take_fallbacks(Claims &claims, MemoryContextData *memory)
{
	Column ids(claims.count);
	for (std::size_t i = 0; i < claims.count; i++)
		if (claims.rows[i].window_closed)
			ids.add(Int64GetDatum(claims.rows[i].id));
	const Result changed = change_messages(ids);
	for (uint64 i = 0; i < changed.count(); i++) {
		Claimed *claim =
		    std::lower_bound(claims.rows, claims.rows + claims.count, changed.int64_at(i, 1),
		                     [](const Claimed &one, std::int64_t id) { return one.id < id; });
		claim->payload = MemoryContextStrdup(memory, changed.text_at(i, 2));
		claim->message_row = address_at(changed, i, 3);
		/* by which it is priced */
		claim->template_name = copy_of(memory, changed.text_at(i, 4));
		claim->template_language = copy_of(memory, changed.text_at(i, 5));
		claim->free_form = false;
		claim->window_closed = false;
	}
}

/* The time to live goes on: a message that is past it is not queued again, and becomes FAILED. */
void
take_late_fallbacks(const std::int64_t *ids, const std::string_view *wamids, std::size_t count,
                    bool *fallen_back)
{
	static Statement revive = {
	    "UPDATE @s@.whatsapp_messages AS m SET status = 'PENDING', wamid = NULL, sent_at = NULL, failed_at = NULL"
	    " FROM unnest($1, $2) AS a (id, wamid) WHERE m.id = a.id AND m.status = 'SENT' AND m.wamid = a.wamid"
	    " AND m.message_type <> 'template' AND json_typeof(" FALLBACK
	    ") = 'object' AND m.expires_at > now()"
	    " RETURNING m.id",
	    2,
	    {INT8ARRAYOID, TEXTARRAYOID}};
	static Statement queue = {
	    "INSERT INTO @s@.whatsapp_queue (message_id, sender, recipient, priority, expires_at, campaign_id)"
	    " SELECT m.id, m.sender, m.recipient_phone, m.priority, m.expires_at, m.campaign_id"
	    " FROM @s@.whatsapp_messages AS m WHERE m.id = ANY ($1) ORDER BY m.id",
	    1,
	    {INT8ARRAYOID}};
	Column told(count);
	Column attempts(count);
	for (std::size_t i = 0; i < count; i++) {
		told.add(Int64GetDatum(ids[i]));
		attempts.add_identifier(wamids[i]);
	}
	Values values;
	values.set(0, told.array(INT8OID));
	values.set(1, attempts.array(TEXTOID));
	const Result revived = run_statement(revive, values);
	if (revived.empty())
		return;
	Column changed(revived.count());
	for (uint64 i = 0; i < revived.count(); i++) {
		changed.add(Int64GetDatum(revived.int64_at(i, 1)));
		for (std::size_t j = 0; j < count; j++)
			fallen_back[j] = fallen_back[j] || ids[j] == revived.int64_at(i, 1);
	}
	(void)change_messages(changed);
	Values entries;
	entries.set(0, changed.array(INT8OID));
	if (run_statement(queue, entries).count() < revived.count())
		raise_left_out("whatsapp_queue");
	wake_sender_at_commit(GetCurrentTransactionStartTimestamp());
	fault_point(FaultPoint::message_retried);
}

bool
has_fallback(std::int64_t message_id)
{
	static Statement statement = {
	    "SELECT 1 FROM @s@.whatsapp_messages AS m WHERE m.id = $1" HAS_FALLBACK, 1, {INT8OID}};
	Values values;
	values.set(0, Int64GetDatum(message_id));
	return !run_statement(statement, values).empty();
}

void
take_fallback(std::int64_t message_id)
{
	Column ids(1);
	ids.add(Int64GetDatum(message_id));
	(void)change_messages(ids);
}

} // namespace whatsapp::pg
