/*
 * claim_budget.cpp — after the mark: only then is it known what leaves, and what is said of it has
 * been read already.
 */
#include "pg/queue/claim_budget.hpp"

#include "pg/budgets/budgets.hpp"
#include "pg/queue/queue.hpp"
#include "pg/rows/left_out.hpp"
#include "pg/server/columns.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

/* The others fail before a byte of them leaves. */
bool
will_leave(const Claimed &claim)
{
	return claim.phone != nullptr && claim.sender != nullptr && !claim.too_large &&
	       !claim.expired && !claim.opted_out && !claim.window_closed;
}

/* As they were before the mark. */
void
put_back(const PricedMessage *messages, std::size_t count, std::size_t held)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_queue AS q SET state = 'ready', attempts = q.attempts - 1, changed_at = NULL,"
	    " due_at = a.due, held_by = a.held_by FROM unnest($1, $2, $3) AS a (id, due, held_by)"
	    " WHERE q.message_id = a.id AND q.state = 'sending'",
	    3,
	    {INT8ARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID}};
	Column ids(held);
	Column dues(held);
	Column reasons(held);
	for (std::size_t i = 0; i < count; i++) {
		if (messages[i].held_by == nullptr)
			continue;
		ids.add(Int64GetDatum(messages[i].id));
		dues.add(TimestampTzGetDatum(messages[i].held_until));
		reasons.add_text(messages[i].held_by);
	}
	Values values;
	values.set(0, ids.array(INT8OID));
	values.set(1, dues.array(TIMESTAMPTZOID));
	values.set(2, reasons.array(TEXTOID));
	if (run_statement(statement, values).count() < held)
		raise_left_out("whatsapp_queue");
}

/* Both in order of id. */
void
leave_out_held(Claims &claims, const PricedMessage *messages, std::size_t count)
{
	std::size_t kept = 0;
	std::size_t next = 0;
	for (std::size_t i = 0; i < claims.count; i++) {
		while (next < count && messages[next].id < claims.rows[i].id)
			next++;
		const bool is_held = next < count && messages[next].id == claims.rows[i].id &&
		                     messages[next].held_by != nullptr;
		if (!is_held)
			claims.rows[kept++] = claims.rows[i];
	}
	claims.count = kept;
}

} // namespace

void
reserve_for_claims(Claims &claims)
{
	auto *messages =
	    static_cast<PricedMessage *>(palloc(sizeof(PricedMessage) * (claims.count + 1)));
	std::size_t count = 0;
	for (std::size_t i = 0; i < claims.count; i++) {
		const Claimed &claim = claims.rows[i];
		if (will_leave(claim))
			messages[count++] = {claim.id,
			                     claim.sender,
			                     claim.free_form ? nullptr : claim.template_name,
			                     claim.template_language,
			                     claim.phone,
			                     claim.priority == 0,
			                     claim.fresh,
			                     nullptr,
			                     0,
			                     0};
	}
	reserve_money(messages, count);
	std::size_t held = 0;
	for (std::size_t i = 0; i < count; i++)
		held += messages[i].held_by != nullptr ? 1 : 0;
	if (held == 0)
		return;
	put_back(messages, count, held);
	leave_out_held(claims, messages, count);
}

} // namespace whatsapp::pg
