/*
 * order_row.cpp — values as the server writes them, and numbers as decimals.
 */
#include "entry/watch/order_row.hpp"

#include "core/message/limits.hpp"
#include "pg/server/settings.hpp"
#include "pg/watches/announcement.hpp"
#include "pg/watches/key_style.hpp"
#include "pg/watches/watch_rows.hpp"
#include "pg/watches/watch_triggers.hpp"

#include "entry/call/decimal.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace whatsapp::entry
{

namespace
{

bool
is_text(Oid type)
{
	return type == TEXTOID || type == VARCHAROID;
}

const char *
or_null(const char *argument)
{
	return argument[0] == '\0' ? nullptr : argument;
}

void
find_column(TupleDesc columns, int number, OrderColumn &column)
{
	column.number = number;
	const Oid type = SPI_gettypeid(columns, number);
	column.type = getBaseType(type);
	if (is_text(column.type))
		return;
	Oid function;
	bool is_varlena;
	getTypeOutputInfo(type, &function, &is_varlena);
	fmgr_info(function, &column.output);
}

void
find_columns(TupleDesc columns, char **names, OrderWatch &watch)
{
	for (int i = 0; i < watch_language; i++) {
		if (or_null(names[i]) == nullptr)
			continue;
		const int number = SPI_fnumber(columns, names[i]);
		if (number > 0)
			find_column(columns, number, watch.columns[i]);
		else if (watch.missing == nullptr)
			watch.missing = names[i];
	}
}

/* The table that is partitioned, for a partition of it. */
Oid
whole_table(Relation table)
{
	const Oid relation = RelationGetRelid(table);
	return table->rd_rel->relispartition ? llast_oid(get_partition_ancestors(relation)) : relation;
}

const char *
owner_of_table(Oid relation)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	if (!HeapTupleIsValid(tuple))
		return nullptr;
	const Oid owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return GetUserNameFromId(owner, true);
}

void
find_key(Relation table, OrderWatch &watch)
{
	const AttrNumber *key = pg::primary_key_columns(table);
	if (key[0] == 0)
		return;
	const Oid whole = whole_table(table);
	watch.enqueued_by = owner_of_table(whole);
	if (watch.enqueued_by == nullptr)
		return;
	const OrderColumn &number = watch.columns[watch_po];
	watch.key_has_styles = number.number != 0 && !pg::has_one_style(number.type);
	for (int i = 0; key[i] != 0; i++) {
		OrderColumn &column = watch.key[watch.key_columns++];
		find_column(RelationGetDescr(table), key[i], column);
		watch.key_has_styles = watch.key_has_styles || !pg::has_one_style(column.type);
	}
	watch.key_begin = psprintf("po:%s", pg::quoted_relation(whole));
}

/* False when the value is NULL, or there is no such column. */
bool
get_value(const OrderColumn &source, TupleTableSlot *row, Datum &value)
{
	if (source.number == 0)
		return false;
	bool null;
	value = slot_getattr(row, source.number, &null);
	return !null;
}

const char *
value_of(OrderColumn &source, TupleTableSlot *row)
{
	Datum value;
	if (!get_value(source, row, value))
		return nullptr;
	if (!is_text(source.type)) {
		char *text = OutputFunctionCall(&source.output, value);
		/* without the padding, as a cast to text would give it */
		for (std::size_t end = strlen(text);
		     source.type == BPCHAROID && end > 0 && text[end - 1] == ' '; end--)
			text[end - 1] = '\0';
		return text;
	}
	/* a longer text is refused later: this much of it is enough to see that it is too long */
	return text_to_cstring(
	    DatumGetTextPSlice(value, 0, max_text_argument_bytes + MAX_MULTIBYTE_CHAR_LEN));
}

/* The digits of a number, which is then formatted with its currency. NULL when the column is no
 * number: text is sent as it was written. */
const char *
decimal_of(const OrderColumn &source, TupleTableSlot *row)
{
	Datum value;
	if (is_text(source.type) || !get_value(source, row, value))
		return nullptr;
	return decimal_of_number(source.type, value);
}

/* po:public.orders:17:PO-2024-001 */
const char *
key_of_order(OrderWatch &watch, TupleTableSlot *row, const char *number)
{
	if (watch.key_columns == 0)
		return nullptr;
	const int level = watch.key_has_styles ? pg::begin_key_style() : 0;
	if (level != 0)
		number = value_of(watch.columns[watch_po], row);
	StringInfoData key;
	initStringInfo(&key);
	appendStringInfoString(&key, watch.key_begin);
	for (int i = 0; i < watch.key_columns; i++) {
		const char *value = value_of(watch.key[i], row);
		appendStringInfo(&key, "%c%s", i == 0 ? ':' : ',', value == nullptr ? "" : value);
	}
	if (number != nullptr)
		appendStringInfo(&key, ":%s", number);
	if (level != 0)
		pg::end_key_style(level);
	return pg::key_within_limit(key.data);
}

} // namespace

OrderWatch *
read_order_watch(Relation table, char **names)
{
	auto *watch = static_cast<OrderWatch *>(palloc0(sizeof(OrderWatch)));
	find_columns(RelationGetDescr(table), names, *watch);
	find_key(table, *watch);
	watch->language = or_null(names[watch_language]);
	watch->sender = or_null(names[watch_sender]);
	PurchaseOrder order = {};
	order.language = watch->language;
	order.sender = watch->sender;
	find_order_template(order);
	watch->template_name = order.template_name;
	return watch;
}

PurchaseOrder
read_order(OrderWatch &watch, TupleTableSlot *row)
{
	PurchaseOrder order = {};
	order.supplier = value_of(watch.columns[watch_supplier], row);
	order.number = value_of(watch.columns[watch_po], row);
	order.phone = value_of(watch.columns[watch_phone], row);
	order.amount = decimal_of(watch.columns[watch_amount], row);
	if (order.amount == nullptr) {
		order.amount = value_of(watch.columns[watch_amount], row);
	} else {
		order.currency = value_of(watch.columns[watch_currency], row);
		if (order.currency == nullptr)
			order.currency = pg::settings.default_currency;
	}
	order.language = watch.language;
	order.sender = watch.sender;
	order.template_name = watch.template_name;
	order.idempotency_key = key_of_order(watch, row, order.number);
	return order;
}

Oid
watched_table(const TriggerData &call)
{
	Oid highest = RelationGetRelid(call.tg_relation);
	if (!call.tg_relation->rd_rel->relispartition)
		return highest;
	ListCell *cell;
	foreach (cell, get_partition_ancestors(highest))
		if (OidIsValid(get_trigger_oid(lfirst_oid(cell), call.tg_trigger->tgname, true)))
			highest = lfirst_oid(cell);
	return highest;
}

const char *
order_watch_name(Oid relation)
{
	return psprintf("po of %s", pg::quoted_relation(relation));
}

} // namespace whatsapp::entry
