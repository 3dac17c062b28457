/*
 * order_row.hpp — a row of a table that is watched by the short form, as a purchase order.
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
	 * whoever inserts it. Without a primary key there is no such key. */
	int key_columns;
	OrderColumn key[INDEX_MAX_KEYS];
	bool key_has_styles; /* settings decide how a value of it is written */
	const char *key_begin;
	const char *enqueued_by;
	/* whom the rows so far were for: NULL, or known to exist or not */
	const char *known_sender;
	bool sender_exists;
};

/* names: the arguments of the trigger. In the current memory, with the schema of the extension in
 * use. */
OrderWatch *read_order_watch(Relation table, char **names);

/* The highest table that has the trigger: it is of its partitions, too. */
Oid watched_table(const TriggerData &call);

/* How whatsapp_watch_errors calls the watch of a table: it has no name. */
const char *order_watch_name(Oid relation);

/* In the current memory. */
PurchaseOrder read_order(OrderWatch &watch, TupleTableSlot *row);

} // namespace whatsapp::entry
