/*
 * seen_message.hpp — rows of whatsapp_messages as the transition tables of a trigger have them.
 */
#pragma once

#include "pg/counts/day_counts.hpp"
#include "pg/server/prelude.hpp"

extern "C" {
#include "access/tupdesc.h"
#include "executor/tuptable.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
}

namespace whatsapp::entry
{

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

/* The columns that are read, in the order of named_columns in seen_message.cpp. */
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
	message_column_count
};

/* Their numbers in the table; 0 for one that is not there. */
struct MessageColumns {
	int number[message_column_count];
};

/* Columns are where they are: somebody may have added or dropped others. One that has another type
 * now is read as if it were dropped: its values are not what we would take them for. */
MessageColumns find_message_columns(TupleDesc description);

/* Texts are made in the current memory context. */
SeenMessage read_seen_message(TupleTableSlot *row, const MessageColumns &columns);

/* One of the two transition tables, row by row. */
struct TransitionRows {
	Tuplestorestate *store; /* NULL: there are no rows */
	int pointer;
	TupleTableSlot *row;
};

TransitionRows open_transition_rows(Tuplestorestate *store, TupleDesc description);
/* False when there are no more. */
bool fetch_transition_row(const TransitionRows &rows);
void close_transition_rows(const TransitionRows &rows);

} // namespace whatsapp::entry
