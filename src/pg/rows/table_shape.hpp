/*
 * table_shape.hpp — our tables as the install script makes them, and whether one is still so.
 *
 * A direct path reads or writes rows without a statement, hence without all that the executor would
 * check, fire and fill in. That is right only as long as we know all that the executor would do. So
 * each direct path asks is_as_made(), and nothing else. A table that its owner has altered is left
 * to statements, and works as its owner wants.
 */
#pragma once

#include "pg/rows/own_table.hpp"

extern "C" {
#include "nodes/execnodes.h"
}

namespace whatsapp::pg
{

/* What is done to rows. A table may be as it was made for one and altered for another: a trigger on
 * UPDATE does not concern an INSERT. */
enum Work : unsigned { reads = 1, inserts = 2, updates = 4, deletes = 8 };
inline constexpr unsigned writes = inserts | updates | deletes;

/* A column that is filled from the sequence that is named after it: by nextval(), or as identity.
 */
inline constexpr char own_sequence[] = "sequence";
inline constexpr char own_identity[] = "identity";

struct ShapeColumn {
	int place; /* in its table's list, which is the order of its enum below */
	const char *name;
	Oid type;
	bool not_null = false;
	/* the default, as \d shows it */
	const char *filled_with = nullptr;
};

/* An index as INSERT needs it. present: it has only the rows in which this column is not NULL; -1:
 * it has all rows. place: where its columns are in the list; -1 for a column that a user has
 * added. */
struct RowIndex {
	Oid relation;
	IndexInfo *info;
	int present;
	int place[INDEX_MAX_KEYS];
};

inline constexpr int max_shape_columns = 36;
inline constexpr int max_row_indexes = 8;

/* To be a static object. */
struct TableShape {
	OwnTable table;
	unsigned works; /* those that direct paths do */
	int count;
	const ShapeColumn *columns;
	/* its CHECK constraints, which a direct path has to obey by itself */
	const char *const *checks;
	/* the columns of the btree by which direct paths find rows, with -1 at the end; a single column
	 * is the primary key */
	const int *along;
	/* the name of a trigger on UPDATE, and of its function, that acts only while
	 * whatsapp.notify_status is on */
	const char *trigger = nullptr;
	/* the name of a trigger for each statement, and of its function: a direct path does itself what
	 * that does */
	const char *counting = nullptr;

	/* what follows is found out when is_as_made() is first called, and again when the table or the
	 * user's rights change */
	unsigned learnt = 0;
	Oid user = InvalidOid;
	unsigned altered = 0; /* works that statements have to do */
	char reason[120] = "";
	AttrNumber numbers[max_shape_columns] = {};
	Oid index = InvalidOid;
	Oid sequence = InvalidOid; /* the one that fills the id, whatever its name is now */
	/* the indexes that an INSERT has to fill; -1 when only the executor knows how to fill one of
	 * them */
	int row_indexes = 0;
	RowIndex row_index[max_row_indexes] = {};
	MemoryContext memory = nullptr;
};

extern TableShape messages_shape;
extern TableShape queue_shape;
extern TableShape wamids_shape;
extern TableShape day_counts_shape;
extern TableShape charges_shape;
extern TableShape ledger_shape;

/* The table is open, and locked. False: statements have to do one of the works. */
bool is_as_made(Relation relation, TableShape &shape, unsigned works);

namespace message_column
{
enum {
	id,
	created_at,
	sender,
	recipient_phone,
	message_type,
	template_name,
	template_language,
	payload,
	priority,
	reference,
	idempotency_key,
	enqueued_by,
	campaign_id,
	expires_at,
	attempts,
	status,
	sent_at,
	delivered_at,
	read_at,
	failed_at,
	pricing_rank,
	wamid,
	wa_id,
	user_id,
	conversation_id,
	pricing_category,
	pricing_type,
	pricing_model,
	billable,
	pricing_cost,
	pricing_currency,
	error_code,
	error_message,
	error_details,
	hint,
	count
};
}

namespace queue_column
{
enum {
	message_id,
	sender,
	recipient,
	priority,
	state,
	paced,
	due_at,
	expires_at,
	campaign_id,
	attempts,
	crashes,
	epoch,
	changed_at,
	unknown_at,
	held_by,
	count
};
}

namespace day_count_column
{
enum {
	day,
	sender,
	template_name,
	category,
	error_code,
	campaign_id,
	deleted,
	sent,
	delivered,
	read,
	failed,
	failed_sent,
	cancelled,
	count
};
}

namespace charge_column
{
enum { message_id, reserved_at, state, category, amount, charged, periods, count };
}

namespace ledger_column
{
enum { period, authorised, reserved, settled, released, messages, unpriced, count };
}

namespace wamid_column
{
enum { hash, message_id, generation, count };
}

} // namespace whatsapp::pg
