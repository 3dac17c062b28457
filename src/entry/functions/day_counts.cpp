/*
 * day_counts.cpp — the trigger that counts what a statement has done to whatsapp_messages, and
 * notes changes of a status for whoever is told of them.
 *
 * Whoever changes the status of a message by a statement, we or somebody by hand, is counted by its
 * transition tables. In a worker it also measures: what a webhook has told for the first time is
 * seen here, where the row was and is at hand.
 */
#include "pg/budgets/budgets.hpp"
#include "pg/campaigns/campaign_units.hpp"
#include "pg/changes/status_changes.hpp"
#include "pg/counts/day_counts.hpp"
#include "pg/server/compat.hpp"
#include "pg/server/counters.hpp"
#include "pg/server/schema.hpp"
#include "pg/server/text_compare.hpp"
#include "pg/server/worker.hpp"

extern "C" {
#include "commands/trigger.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_count_days);
}

using namespace whatsapp;

namespace
{

constexpr int rows_at_once = 1000;

enum MessageColumn {
	id,
	created_at,
	sender,
	template_name,
	status,
	sent_at,
	delivered_at,
	read_at,
	failed_at,
	pricing_category,
	pricing_type,
	billable,
	pricing_cost,
	pricing_currency,
	error_code,
	campaign_id,
	recipient_phone,
	places
};
struct NamedColumn {
	const char *name;
	Oid type; /* InvalidOid: shown_value_of() reads any */
};

constexpr NamedColumn named_columns[places] = {
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

struct MessageColumns {
	int number[places];
};

/* What a status tells beside what is counted by day. */
struct SeenMessage {
	int64 id;
	TimestampTz delivered_at;
	TimestampTz read_at;
	const char *pricing_type;
	int billable;     /* -1: NULL */
	const char *cost; /* as text; NULL without a currency */
	const char *currency;
	/* of a campaign's message that was delivered */
	const char *phone;
	pg::CountedMessage counted;
};

const TriggerData &
own_trigger_data(FunctionCallInfo fcinfo)
{
	const auto *data = CALLED_AS_TRIGGER(fcinfo)
	                       ? reinterpret_cast<const TriggerData *>(fcinfo->context)
	                       : nullptr;
	const bool complete =
	    data != nullptr && TRIGGER_FIRED_AFTER(data->tg_event) &&
	    TRIGGER_FIRED_FOR_STATEMENT(data->tg_event) &&
	    strcmp(RelationGetRelationName(data->tg_relation), "whatsapp_messages") == 0 &&
	    RelationGetNamespace(data->tg_relation) == get_func_namespace(fcinfo->flinfo->fn_oid) &&
	    (TRIGGER_FIRED_BY_TRUNCATE(data->tg_event) || data->tg_oldtable != nullptr) &&
	    (!TRIGGER_FIRED_BY_UPDATE(data->tg_event) || data->tg_newtable != nullptr);
	if (!complete)
		ereport(ERROR,
		        (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
		         errmsg("%s() was not called by the trigger that the extension made",
		                get_func_name(fcinfo->flinfo->fn_oid)),
		         errhint("It serves table \"whatsapp_messages\" alone. Drop the trigger that calls "
		                 "it from elsewhere.")));
	return *data;
}

/* MessageColumns are where they are: somebody may have added or dropped others. One that has
 * another type now is read as if it were dropped: its values are not what we would take them for.
 */
MessageColumns
find_columns(TupleDesc description)
{
	MessageColumns columns;
	for (int i = 0; i < places; i++) {
		const NamedColumn &column = named_columns[i];
		const int number = SPI_fnumber(description, column.name);
		const Oid type = number > 0 ? TupleDescAttr(description, number - 1)->atttypid : InvalidOid;
		const bool is_readable = !OidIsValid(column.type) || type == column.type ||
		                         (column.type == TEXTOID && type == VARCHAROID);
		columns.number[i] = is_readable ? number : 0;
	}
	return columns;
}

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

SeenMessage
read_row(TupleTableSlot *row, const MessageColumns &columns)
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

double
seconds_between(TimestampTz from, TimestampTz to)
{
	return pg::unix_seconds(to) - pg::unix_seconds(from);
}

pg::NotedMessage
noted_message(const SeenMessage &now)
{
	return {now.id,
	        now.counted.sender,
	        now.counted.status,
	        now.counted.sent_at,
	        now.delivered_at,
	        now.read_at,
	        now.counted.failed_at,
	        now.counted.has_code,
	        now.counted.error_code};
}

pg::DeliveredMessage
delivered_message(const SeenMessage &message)
{
	return {message.counted.campaign_id,
	        message.delivered_at != 0 ? message.delivered_at : message.read_at,
	        message.phone,
	        message.counted.category,
	        message.pricing_type,
	        message.cost,
	        message.currency};
}

/* By webhooks alone: the sender's own failures are counted with its attempts. */
void
note_progress(const SeenMessage &before, const SeenMessage &now)
{
	const char *whose = now.counted.sender;
	if (before.delivered_at == 0 && now.delivered_at != 0) {
		pg::count_told(whose, Told::delivered);
		pg::note_latency(whose, Step::delivered,
		                 seconds_between(now.counted.sent_at, now.delivered_at), now.id);
	}
	if (before.read_at == 0 && now.read_at != 0) {
		pg::count_told(whose, Told::read);
		pg::note_latency(whose, Step::read, seconds_between(now.delivered_at, now.read_at), now.id);
	}
	if (strcmp(before.counted.status, "FAILED") != 0 && strcmp(now.counted.status, "FAILED") == 0)
		pg::count_told(whose, Told::failed);
}

bool
is_delivered(const char *status)
{
	return strcmp(status, "DELIVERED") == 0 || strcmp(status, "READ") == 0;
}

/* What was reserved for it, if anything, is to be settled or released. */
bool
ends_reservation(const SeenMessage &before, const SeenMessage &now)
{
	const char *was = before.counted.status;
	const char *is = now.counted.status;
	if (is_delivered(is))
		return !is_delivered(was) || before.billable != now.billable ||
		       !pg::is_same_text(before.pricing_type, now.pricing_type) ||
		       !pg::is_same_text(before.cost, now.cost) ||
		       !pg::is_same_text(before.currency, now.currency) ||
		       !pg::is_same_text(before.counted.category, now.counted.category);
	return (strcmp(is, "FAILED") == 0 || strcmp(is, "CANCELLED") == 0) &&
	       (strcmp(was, is) != 0 || before.counted.has_code != now.counted.has_code);
}

/* Messages whose money changes with them; in the memory of the call. */
class MoneyMessages
{
public:
	MoneyMessages() : memory_(CurrentMemoryContext), wanted_(pg::has_charges()) {}
	bool
	are_wanted() const
	{
		return wanted_;
	}
	void
	add_message(std::int64_t message)
	{
		if (count_ == room_) {
			room_ = room_ == 0 ? rows_at_once : 2 * room_;
			const Size size = sizeof(std::int64_t) * room_;
			ids_ =
			    static_cast<std::int64_t *>(ids_ == nullptr ? MemoryContextAllocHuge(memory_, size)
			                                                : repalloc_huge(ids_, size));
		}
		ids_[count_++] = message;
	}
	void
	settle_charges(bool gone) const
	{
		if (gone)
			pg::drop_charges(ids_, count_);
		else
			pg::settle_charges(ids_, count_);
	}

private:
	MemoryContext memory_;
	bool wanted_;
	std::int64_t *ids_ = nullptr;
	std::size_t count_ = 0;
	std::size_t room_ = 0;
};

/* One of the two transition tables, row by row. */
struct TransitionRows {
	Tuplestorestate *store;
	int pointer;
	TupleTableSlot *row;
};

TransitionRows
open_rows(Tuplestorestate *store, TupleDesc description)
{
	if (store == nullptr)
		return {nullptr, 0, nullptr};
	const int pointer = tuplestore_alloc_read_pointer(store, EXEC_FLAG_REWIND);
	tuplestore_select_read_pointer(store, pointer);
	tuplestore_rescan(store);
	return {store, pointer, MakeSingleTupleTableSlot(description, &TTSOpsMinimalTuple)};
}

bool
fetch_row(const TransitionRows &rows)
{
	if (rows.store == nullptr)
		return false;
	/* what was spilled to a file is read into the memory of the moment */
	MemoryContext before = MemoryContextSwitchTo(rows.row->tts_mcxt);
	tuplestore_select_read_pointer(rows.store, rows.pointer);
	const bool found = tuplestore_gettupleslot(rows.store, true, false, rows.row);
	MemoryContextSwitchTo(before);
	return found;
}

void
close_rows(const TransitionRows &rows)
{
	if (rows.row != nullptr)
		ExecDropSingleTupleTableSlot(rows.row);
}

/* The old and the new row of an update stand at the same place of the two tables. */
void
count_rows(const TriggerData &data)
{
	const TupleDesc description = RelationGetDescr(data.tg_relation);
	const MessageColumns columns = find_columns(description);
	const TransitionRows before = open_rows(data.tg_oldtable, description);
	const TransitionRows after = open_rows(data.tg_newtable, description);
	const bool measures = pg::is_counting_webhooks();
	pg::DayCounts counts;
	pg::StatusChanges changes;
	pg::CampaignUnits units;
	MoneyMessages money;
	MemoryContext batch =
	    AllocSetContextCreate(CurrentMemoryContext, "pg_whatsapp rows", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(batch);
	for (int i = 0; fetch_row(before); i++) {
		const SeenMessage old = read_row(before.row, columns);
		if (!fetch_row(after)) {
			counts.add_deleted(old.counted);
			if (money.are_wanted())
				money.add_message(old.id);
		} else {
			const SeenMessage now = read_row(after.row, columns);
			counts.add_message(old.counted, -1);
			counts.add_message(now.counted, 1);
			if (old.counted.campaign_id != 0 || now.counted.campaign_id != 0)
				units.add_change(delivered_message(old), delivered_message(now));
			changes.add_change(old.counted.status, old.counted.sent_at, noted_message(now));
			if (measures)
				note_progress(old, now);
			if (money.are_wanted() && ends_reservation(old, now))
				money.add_message(now.id);
		}
		if (i % rows_at_once == rows_at_once - 1) {
			CHECK_FOR_INTERRUPTS();
			changes.write_changes();
			MemoryContextReset(batch);
		}
	}
	changes.write_changes();
	MemoryContextSwitchTo(caller);
	close_rows(before);
	close_rows(after);
	counts.write_counts();
	units.write_units();
	money.settle_charges(data.tg_newtable == nullptr);
}

} // namespace

Datum
pg_whatsapp_count_days(PG_FUNCTION_ARGS)
{
	const TriggerData &data = own_trigger_data(fcinfo);
	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	if (TRIGGER_FIRED_BY_TRUNCATE(data.tg_event)) {
		pg::count_truncated();
		if (pg::has_charges())
			pg::drop_all_charges();
	} else {
		count_rows(data);
	}
	SPI_finish();
	return PointerGetDatum(nullptr);
}
