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

#include "entry/functions/seen_message.hpp"

extern "C" {
#include "commands/trigger.h"
#include "executor/spi.h"
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

double
seconds_between(TimestampTz from, TimestampTz to)
{
	return pg::unix_seconds(to) - pg::unix_seconds(from);
}

pg::NotedMessage
noted_message(const entry::SeenMessage &now)
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
delivered_message(const entry::SeenMessage &message)
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
note_progress(const entry::SeenMessage &before, const entry::SeenMessage &now)
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
ends_reservation(const entry::SeenMessage &before, const entry::SeenMessage &now)
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

/* The old and the new row of an update stand at the same place of the two tables. */
void
count_rows(const TriggerData &data)
{
	const TupleDesc description = RelationGetDescr(data.tg_relation);
	const entry::MessageColumns columns = entry::find_message_columns(description);
	const entry::TransitionRows before = entry::open_transition_rows(data.tg_oldtable, description);
	const entry::TransitionRows after = entry::open_transition_rows(data.tg_newtable, description);
	const bool measures = pg::is_counting_webhooks();
	pg::DayCounts counts;
	pg::StatusChanges changes;
	pg::CampaignUnits units;
	MoneyMessages money;
	MemoryContext batch =
	    AllocSetContextCreate(CurrentMemoryContext, "pg_whatsapp rows", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(batch);
	for (int i = 0; entry::fetch_transition_row(before); i++) {
		const entry::SeenMessage old = entry::read_seen_message(before.row, columns);
		if (!entry::fetch_transition_row(after)) {
			counts.add_deleted(old.counted);
			if (money.are_wanted())
				money.add_message(old.id);
		} else {
			const entry::SeenMessage now = entry::read_seen_message(after.row, columns);
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
	entry::close_transition_rows(before);
	entry::close_transition_rows(after);
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
