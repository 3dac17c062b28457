/*
 * order_row.hpp — a row of a table that is watched by the short form of wa_watch() (columns, no
 * expressions), read as a purchase order.
 */
#pragma once

#include "entry/watch/purchase_order.hpp"
#include "entry/watch/watch.hpp"

struct TriggerData;

extern "C" {
#include "executor/tuptable.h"
#include "fmgr.h"
#include "utils/rel.h"
}

namespace whatsapp::entry
{

/* A column that the watch names, or of the primary key; found once a call. */
struct OrderColumn {
	int number; /* 0: the table has no such column, or the watch names none */
	Oid type;   /* without its domains */
	FmgrInfo output;
};

struct OrderWatch {
	OrderColumn columns[watch_language];
	/* the first column that the watch names and the table has no more */
	const char *missing;
	const char *language;
	const char *sender;
	const char *template_name;
	/* An order is announced once: by its primary key and its number, for the owner of the table,
	 * whoever inserts it. Without a primary key, the messages have no idempotency key. */
	int key_columns;
	OrderColumn key[INDEX_MAX_KEYS];
	bool key_has_styles; /* settings decide how a value of it is written */
	const char *key_begin;
	const char *enqueued_by;
	/* the sender that sender_exists is about; NULL before the first row */
	const char *known_sender;
	bool sender_exists;
};

/* names: the arguments of the trigger. The result is in the current memory context. Needs
 * use_schema_of_function() before. */
OrderWatch *read_order_watch(Relation table, char **names);

/* The highest table of the partition tree that has the trigger: the server copies it to each
 * partition. */
Oid watched_table(const TriggerData &call);

/* How whatsapp_watch_errors calls the watch of a table: it has no name. */
const char *order_watch_name(Oid relation);

/* The result is in the current memory context. */
PurchaseOrder read_order(OrderWatch &watch, TupleTableSlot *row);

} // namespace whatsapp::entry
