/*
 * wamids.cpp — the generation of what is learnt now.
 *
 * The sender asks for it in every transaction that settles messages: as a statement it was a
 * sixteenth of the sender's time in a drain.
 */
#include "pg/queue/wamids.hpp"

#include "pg/rows/table_shape.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "access/table.h"
#include "utils/fmgrprotos.h"
}

namespace whatsapp::pg
{

namespace
{

/* False when the sequence of the ids is not known, or has given no number yet. */
bool
read_last_id(std::int64_t &id)
{
	const Oid table = find_own_table(messages_shape.table);
	if (!OidIsValid(table))
		return false;
	/* not noted as locked: whoever inserts afterwards needs a stronger lock */
	Relation messages = table_open(table, AccessShareLock);
	(void)is_as_made(messages, messages_shape, reads);
	const Oid sequence = messages_shape.sequence;
	table_close(messages, NoLock);
	if (!OidIsValid(sequence))
		return false;
	LOCAL_FCINFO(call, 1);
	InitFunctionCallInfoData(*call, nullptr, 1, InvalidOid, nullptr, nullptr);
	call->args[0].value = ObjectIdGetDatum(sequence);
	call->args[0].isnull = false;
	id = DatumGetInt64(pg_sequence_last_value(call));
	return !call->isnull;
}

} // namespace

std::int32_t
newest_generation()
{
	static Statement statement = {"SELECT " NEWEST_GENERATION, 0, {}};
	std::int64_t id;
	if (read_last_id(id))
		return static_cast<std::int32_t>(id >> generation_bits);
	return run_statement(statement, Values()).int32_at(0, 1);
}

} // namespace whatsapp::pg
