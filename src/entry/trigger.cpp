/*
 * trigger.cpp — a new purchase order becomes a message, in the same transaction.
 *
 * Whatever is wrong with the row's data makes a FAILED message with the reason: the business
 * transaction is not stopped by a supplier's phone number.
 */
#include "pg/messages.hpp"
#include "pg/opt_outs.hpp"
#include "pg/schema.hpp"
#include "pg/settings.hpp"

#include "entry/purchase_order.hpp"
#include "entry/watch.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_notify_po);
}

namespace whatsapp::entry
{

namespace
{

struct Row {
	HeapTuple tuple;
	TupleDesc descriptor;
	/* the first column that the watch names and the table has no more */
	const char *missing;
};

const char *
value_of(Row &row, const char *column)
{
	const int number = SPI_fnumber(row.descriptor, column);
	if (number != SPI_ERROR_NOATTRIBUTE)
		return SPI_getvalue(row.tuple, row.descriptor, number);
	if (row.missing == nullptr)
		row.missing = column;
	return nullptr;
}

/* Numbers are formatted with their currency; text is sent as it was written. The decimal digits of
 * a number, NULL for a column of another kind; floating point goes through numeric, since its own
 * text may be 1e+06. */
const char *
decimal_of(const Row &row, const char *column)
{
	const int number = SPI_fnumber(row.descriptor, column);
	if (number == SPI_ERROR_NOATTRIBUTE)
		return nullptr;
	bool null;
	const Datum value = SPI_getbinval(row.tuple, row.descriptor, number, &null);
	if (null)
		return nullptr;
	Datum numeric;
	switch (getBaseType(SPI_gettypeid(row.descriptor, number))) {
	case INT2OID:
		numeric = NumericGetDatum(int64_to_numeric(DatumGetInt16(value)));
		break;
	case INT4OID:
		numeric = NumericGetDatum(int64_to_numeric(DatumGetInt32(value)));
		break;
	case INT8OID:
		numeric = NumericGetDatum(int64_to_numeric(DatumGetInt64(value)));
		break;
	case FLOAT4OID:
		numeric = DirectFunctionCall1(float4_numeric, value);
		break;
	case FLOAT8OID:
		numeric = DirectFunctionCall1(float8_numeric, value);
		break;
	case NUMERICOID:
		numeric = value;
		break;
	default:
		return nullptr;
	}
	return DatumGetCString(DirectFunctionCall1(numeric_out, numeric));
}

PurchaseOrder
read_order(Row &row, char **names)
{
	PurchaseOrder order = {};
	order.supplier = value_of(row, names[watch_supplier]);
	order.number = value_of(row, names[watch_po]);
	order.amount = value_of(row, names[watch_amount]);
	order.phone = value_of(row, names[watch_phone]);
	order.currency = nullptr;
	const char *decimal = decimal_of(row, names[watch_amount]);
	if (decimal != nullptr) {
		order.amount = decimal;
		order.currency =
		    names[watch_currency][0] == '\0' ? nullptr : value_of(row, names[watch_currency]);
		if (order.currency == nullptr)
			order.currency = pg::settings.default_currency;
	}
	order.language = names[watch_language][0] == '\0' ? nullptr : names[watch_language];
	order.sender = names[watch_sender][0] == '\0' ? nullptr : names[watch_sender];
	return order;
}

void
refuse(pg::Failure &why, int sqlstate, const char *message, const char *hint)
{
	why.sqlstate = sqlstate;
	strlcpy(why.message, message, sizeof why.message);
	why.detail[0] = '\0';
	strlcpy(why.hint, hint, sizeof why.hint);
}

/* False, and the reason, for a watch that does not fit the table or the senders any more. */
bool
check_watch(const Row &row, const char *sender, pg::Failure &why)
{
	if (row.missing != nullptr) {
		refuse(why, ERRCODE_UNDEFINED_COLUMN,
		       psprintf("watched column \"%s\" does not exist", row.missing),
		       "Call wa_unwatch() and wa_watch() with the table's present columns.");
		return false;
	}
	if (!pg::sender_exists(sender)) {
		refuse(why, ERRCODE_UNDEFINED_OBJECT, psprintf("sender \"%s\" does not exist", sender),
		       "Add it to whatsapp_senders, or set whatsapp.default_sender to one that exists.");
		return false;
	}
	return true;
}

void
notify(HeapTuple tuple, TupleDesc descriptor, char **names)
{
	Row row = {tuple, descriptor, nullptr};
	const PurchaseOrder order = read_order(row, names);
	pg::NewMessage message;
	pg::Failure why;
	bool good = compose(order, message, why);
	if (message.sender == nullptr)
		message.sender = pg::settings.default_sender;
	good = check_watch(row, message.sender, why) && good;
	if (good && pg::may_send(message, why))
		pg::enqueue(message);
	else
		pg::record_refused(message, why);
}

} // namespace

} // namespace whatsapp::entry

Datum
pg_whatsapp_notify_po(PG_FUNCTION_ARGS)
{
	using namespace whatsapp;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg("whatsapp_notify_po() must be called as a trigger"),
		                errhint("Use wa_watch().")));
	auto *call = reinterpret_cast<TriggerData *>(fcinfo->context);
	Trigger *trigger = call->tg_trigger;
	if (!TRIGGER_FIRED_AFTER(call->tg_event) || !TRIGGER_FIRED_FOR_ROW(call->tg_event) ||
	    TRIGGER_FIRED_BY_DELETE(call->tg_event) || trigger->tgnargs != entry::watch_arguments)
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		                errmsg("trigger \"%s\" was not made by wa_watch()", trigger->tgname),
		                errhint("Drop it and use wa_watch().")));

	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	HeapTuple tuple =
	    TRIGGER_FIRED_BY_UPDATE(call->tg_event) ? call->tg_newtuple : call->tg_trigtuple;
	entry::notify(tuple, RelationGetDescr(call->tg_relation), trigger->tgargs);
	SPI_finish();
	return PointerGetDatum(nullptr);
}
