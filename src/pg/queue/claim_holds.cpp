/*
 * claim_holds.cpp — done after the mark: only then is it known which messages leave, and what a
 * price depends on has been read already.
 */
#include "pg/queue/claim_holds.hpp"

#include <algorithm>

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

/* Whether the message will be sent. The others fail without a request, so nothing is reserved for
 * them. */
bool
will_leave(const Claimed &claim)
{
	return claim.phone != nullptr && claim.sender != nullptr && !claim.too_large &&
	       !claim.expired && !claim.opted_out && !claim.window_closed && claim.held_by == nullptr;
}

/* Puts the messages that are held back into the queue, as if they had not been marked: one that was
 * claimed before stays one, since money may be reserved for it. */
void
put_back(const Claims &claims, std::size_t held)
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_queue AS q SET state = 'ready', attempts = q.attempts - 1,"
	    " changed_at = CASE WHEN NOT a.fresh THEN q.changed_at END, due_at = a.due, held_by = a.held_by"
	    " FROM unnest($1, $2, $3, $4) AS a (id, due, held_by, fresh) WHERE q.message_id = a.id AND q.state = 'sending'",
	    4,
	    {INT8ARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, BOOLARRAYOID}};
	Column ids(held);
	Column dues(held);
	Column reasons(held);
	Column fresh(held);
	for (std::size_t i = 0; i < claims.count; i++) {
		const Claimed &claim = claims.rows[i];
		if (claim.held_by == nullptr)
			continue;
		ids.add(Int64GetDatum(claim.id));
		dues.add(TimestampTzGetDatum(claim.held_until));
		reasons.add_text(claim.held_by);
		fresh.add(BoolGetDatum(claim.fresh));
	}
	Values values;
	values.set(0, ids.array(INT8OID));
	values.set(1, dues.array(TIMESTAMPTZOID));
	values.set(2, reasons.array(TEXTOID));
	values.set(3, fresh.array(BOOLOID));
	if (run_statement(statement, values).count() < held)
		raise_left_out("whatsapp_queue");
}

/* Both arrays are in order of id. */
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
	std::size_t next = 0;
	for (std::size_t i = 0; i < claims.count && next < count; i++) {
		Claimed &claim = claims.rows[i];
		if (messages[next].id != claim.id)
			continue;
		claim.held_by = messages[next].held_by;
		claim.held_until = messages[next].held_until;
		next++;
	}
}

} // namespace

void
hold_claims(Claims &claims, bool budgets)
{
	if (budgets)
		reserve_for_claims(claims);
	const auto has_holder = [](const Claimed &claim) { return claim.held_by != nullptr; };
	Claimed *end = claims.rows + claims.count;
	const auto held = static_cast<std::size_t>(std::count_if(claims.rows, end, has_holder));
	if (held == 0)
		return;
	put_back(claims, held);
	claims.count =
	    static_cast<std::size_t>(std::remove_if(claims.rows, end, has_holder) - claims.rows);
}

} // namespace whatsapp::pg
