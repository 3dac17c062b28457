/*
 * seen_message.cpp — columns are found by name in each statement.
 */
#include "entry/functions/seen_message.hpp"

extern "C" {
#include "executor/executor.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace whatsapp::entry
{

namespace
{

struct NamedColumn {
	const char *name;
	Oid type; /* InvalidOid: shown_value_of() reads any */
};

/* In the order of MessageColumn. */
constexpr NamedColumn named_columns[message_column_count] = {
    {"id", INT8OID},
    {"created_at", TIMESTAMPTZOID},
    {"sender", TEXTOID},
    {"template_name", TEXTOID},
    {"status", TEXTOID},
    {"sent_at", TIMESTAMPTZOID},
    {"delivered_at", TIMESTAMPTZOID},
    {"read_at", TIMESTAMPTZOID},
    {"failed_at", TIMESTAMPTZOID},
    {"pricing_category", TEXTOID},
    {"pricing_type", TEXTOID},
    {"billable", BOOLOID},
    {"pricing_cost", InvalidOid},
    {"pricing_currency", TEXTOID},
    {"error_code", INT8OID},
    {"campaign_id", INT8OID},
    {"recipient_phone", TEXTOID},
};

Datum
value_of(TupleTableSlot *row, const MessageColumns &columns, MessageColumn place, bool &null)
{
	null = columns.number[place] <= 0;
	return null ? Datum(0) : slot_getattr(row, columns.number[place], &null);
}

const char *
text_of(TupleTableSlot *row, const MessageColumns &columns, MessageColumn place)
{
	bool null;
	const Datum value = value_of(row, columns, place, null);
	return null ? nullptr : TextDatumGetCString(value);
}

/* Of whatever type the column has become. */
const char *
shown_value_of(TupleTableSlot *row, const MessageColumns &columns, MessageColumn place)
{
	bool null;
	const Datum value = value_of(row, columns, place, null);
	if (null)
		return nullptr;
	Oid shower;
	bool is_varlena;
	getTypeOutputInfo(TupleDescAttr(row->tts_tupleDescriptor, columns.number[place] - 1)->atttypid,
	                  &shower, &is_varlena);
	return OidOutputFunctionCall(shower, value);
}

std::int64_t
number_of(TupleTableSlot *row, const MessageColumns &columns, MessageColumn place,
          bool *known = nullptr)
{
	bool null;
	const Datum value = value_of(row, columns, place, null);
	if (known != nullptr)
		*known = !null;
	return null ? 0 : DatumGetInt64(value);
}

} // namespace

MessageColumns
find_message_columns(TupleDesc description)
{
	MessageColumns columns;
	for (int i = 0; i < message_column_count; i++) {
		const NamedColumn &column = named_columns[i];
		const int number = SPI_fnumber(description, column.name);
		const Oid type = number > 0 ? TupleDescAttr(description, number - 1)->atttypid : InvalidOid;
		const bool is_readable = !OidIsValid(column.type) || type == column.type ||
		                         (column.type == TEXTOID && type == VARCHAROID);
		columns.number[i] = is_readable ? number : 0;
	}
	return columns;
}

SeenMessage
read_seen_message(TupleTableSlot *row, const MessageColumns &columns)
{
	SeenMessage seen = {};
	seen.id = number_of(row, columns, id);
	seen.delivered_at = number_of(row, columns, delivered_at);
	seen.read_at = number_of(row, columns, read_at);
	seen.pricing_type = text_of(row, columns, pricing_type);
	bool null;
	const Datum charged = value_of(row, columns, billable, null);
	seen.billable = null ? -1 : DatumGetBool(charged) ? 1 : 0;
	seen.currency = text_of(row, columns, pricing_currency);
	if (seen.currency != nullptr)
		seen.cost = shown_value_of(row, columns, pricing_cost);
	pg::CountedMessage &counted = seen.counted;
	counted.sender = text_of(row, columns, sender);
	counted.template_name = text_of(row, columns, template_name);
	counted.category = text_of(row, columns, pricing_category);
	counted.status = text_of(row, columns, status);
	counted.created_at = number_of(row, columns, created_at);
	counted.sent_at = number_of(row, columns, sent_at);
	counted.failed_at = number_of(row, columns, failed_at);
	counted.error_code = number_of(row, columns, error_code, &counted.has_code);
	counted.campaign_id = number_of(row, columns, campaign_id);
	if (counted.campaign_id != 0 && (seen.delivered_at != 0 || seen.read_at != 0))
		seen.phone = text_of(row, columns, recipient_phone);
	/* somebody has dropped a column: then there is nothing to be counted */
	if (counted.sender == nullptr || counted.status == nullptr)
		counted.sender = "", counted.status = "PENDING";
	return seen;
}

TransitionRows
open_transition_rows(Tuplestorestate *store, TupleDesc description)
{
	if (store == nullptr)
		return {nullptr, 0, nullptr};
	const int pointer = tuplestore_alloc_read_pointer(store, EXEC_FLAG_REWIND);
	tuplestore_select_read_pointer(store, pointer);
	tuplestore_rescan(store);
	return {store, pointer, MakeSingleTupleTableSlot(description, &TTSOpsMinimalTuple)};
}

bool
fetch_transition_row(const TransitionRows &rows)
{
	if (rows.store == nullptr)
		return false;
	/* a row that was spilled to a file is read into the current memory context, and stays in the
	 * slot until the next fetch: so that context is the slot's own */
	MemoryContext before = MemoryContextSwitchTo(rows.row->tts_mcxt);
	tuplestore_select_read_pointer(rows.store, rows.pointer);
	const bool found = tuplestore_gettupleslot(rows.store, true, false, rows.row);
	MemoryContextSwitchTo(before);
	return found;
}

void
close_transition_rows(const TransitionRows &rows)
{
	if (rows.row != nullptr)
		ExecDropSingleTupleTableSlot(rows.row);
}

} // namespace whatsapp::entry
