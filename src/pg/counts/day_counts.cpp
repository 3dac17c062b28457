/*
 * day_counts.cpp — sums of a batch in memory, then a row for each that is not 0.
 *
 * The day is that of the sending, else of the failure, else of the making, by UTC: it must not
 * depend on the time zone of who looks.
 */
#include "pg/counts/day_counts.hpp"

#include <algorithm>

#include "pg/rows/row_insert.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/text_compare.hpp"

extern "C" {
#include "access/table.h"
#include "common/hashfn.h"
#include "datatype/timestamp.h"
#include "utils/builtins.h"
#include "utils/date.h"
}

namespace whatsapp::pg
{

namespace
{

enum CountedPart { sent, delivered, read_too, failed, failed_sent, cancelled, parts };

/* rows of one turn of the reader: some tens of milliseconds */
constexpr int most_folded = 20000;
/* A year and a month can be compared with the year before, day by day. */
constexpr int kept_days = 400;

bool
is_status(const CountedMessage &message, const char *word)
{
	return strcmp(message.status, word) == 0;
}

DateADT
day_of(const CountedMessage &message)
{
	std::int64_t at = message.sent_at != 0 ? message.sent_at : message.failed_at;
	if (at == 0 || TIMESTAMP_NOT_FINITE(at))
		at = message.created_at;
	if (TIMESTAMP_NOT_FINITE(at))
		return 0;
	/* rounded down, also before 2000 */
	return static_cast<DateADT>(at >= 0 ? at / USECS_PER_DAY : -((-at - 1) / USECS_PER_DAY) - 1);
}

} // namespace

struct DayCounts::Sum {
	DateADT day;
	const char *sender;
	const char *template_name;
	const char *category;
	bool deleted;
	bool has_code;
	std::int64_t error_code;
	std::int64_t campaign_id;
	std::int64_t count[parts];

	bool
	has_key_of(const Sum &other) const
	{
		return day == other.day && deleted == other.deleted && campaign_id == other.campaign_id &&
		       has_code == other.has_code && (!has_code || error_code == other.error_code) &&
		       is_same_text(sender, other.sender) &&
		       is_same_text(template_name, other.template_name) &&
		       is_same_text(category, other.category);
	}

	std::uint64_t
	digest() const
	{
		const std::int64_t numbers[] = {day, deleted, has_code ? error_code : -1, campaign_id};
		std::uint64_t digest = hash_bytes_extended(reinterpret_cast<const unsigned char *>(numbers),
		                                           sizeof numbers, has_code);
		for (const char *text : {sender, template_name, category})
			digest = hash_bytes_extended(reinterpret_cast<const unsigned char *>(text),
			                             static_cast<int>(strlen(text)), digest);
		return digest;
	}
};

DayCounts::DayCounts() : memory_(CurrentMemoryContext) {}

/* Where the sum of that key has its place among slots_, or would have it. */
int
DayCounts::slot_of(const Sum &wanted) const
{
	const auto last = static_cast<std::uint64_t>(slot_count_ - 1);
	std::uint64_t slot = wanted.digest() & last;
	while (slots_[slot] >= 0 && !sums_[slots_[slot]].has_key_of(wanted))
		slot = (slot + 1) & last;
	return static_cast<int>(slot);
}

/* Twice as many as before, and four times as many as there are sums. */
void
DayCounts::make_slots()
{
	if (slots_ != nullptr)
		pfree(slots_);
	slot_count_ = slot_count_ == 0 ? 32 : 2 * slot_count_;
	slots_ = static_cast<int *>(palloc(sizeof(int) * static_cast<Size>(slot_count_)));
	std::fill(slots_, slots_ + slot_count_, -1);
	for (int i = 0; i < count_; i++)
		slots_[slot_of(sums_[i])] = i;
}

DayCounts::Sum &
DayCounts::find_sum(const CountedMessage &message, bool deleted)
{
	const Sum wanted = {day_of(message),
	                    message.sender,
	                    message.template_name == nullptr ? "" : message.template_name,
	                    message.category == nullptr ? "" : message.category,
	                    deleted,
	                    is_status(message, "FAILED") && message.has_code,
	                    message.error_code,
	                    message.campaign_id,
	                    {}};
	/* a batch is of one kind, as a rule; a statement of the user's may be of thousands */
	if (count_ > 0 && sums_[count_ - 1].has_key_of(wanted))
		return sums_[count_ - 1];
	MemoryContext before = MemoryContextSwitchTo(memory_);
	if (slot_count_ < 4 * (count_ + 1))
		make_slots();
	const int slot = slot_of(wanted);
	if (slots_[slot] < 0) {
		if (count_ == room_) {
			const int room = room_ == 0 ? 8 : 2 * room_;
			const Size size = sizeof(Sum) * static_cast<Size>(room);
			sums_ = static_cast<Sum *>(room_ == 0 ? palloc(size) : repalloc(sums_, size));
			room_ = room;
		}
		slots_[slot] = count_;
		Sum &added = sums_[count_++];
		added = wanted;
		added.sender = pstrdup(wanted.sender);
		added.template_name = pstrdup(wanted.template_name);
		added.category = pstrdup(wanted.category);
	}
	MemoryContextSwitchTo(before);
	return sums_[slots_[slot]];
}

void
DayCounts::add_to(Sum &sum, const CountedMessage &message, int sign)
{
	const bool is_failed = is_status(message, "FAILED");
	const bool is_read = is_status(message, "READ");
	const bool is_delivered = is_read || is_status(message, "DELIVERED");
	const bool was_sent = is_failed && message.sent_at != 0;
	sum.count[sent] += is_delivered || was_sent || is_status(message, "SENT") ? sign : 0;
	sum.count[delivered] += is_delivered ? sign : 0;
	sum.count[read_too] += is_read ? sign : 0;
	sum.count[failed] += is_failed ? sign : 0;
	sum.count[failed_sent] += was_sent ? sign : 0;
	sum.count[cancelled] += is_status(message, "CANCELLED") ? sign : 0;
}

void
DayCounts::add_message(const CountedMessage &message, int sign)
{
	if (!is_status(message, "PENDING"))
		add_to(find_sum(message, false), message, sign);
}

void
DayCounts::add_deleted(const CountedMessage &message)
{
	if (!is_status(message, "PENDING")) {
		add_to(find_sum(message, true), message, 1);
	} else if (message.campaign_id != 0) {
		CountedMessage cancelled = message;
		cancelled.status = "CANCELLED";
		add_to(find_sum(cancelled, false), cancelled, 1);
		add_to(find_sum(cancelled, true), cancelled, 1);
	}
}

/* As long as the table is as the install script made it. */
bool
DayCounts::insert_directly(int any)
{
	Relation table = open_to_insert(day_counts_shape);
	if (table == nullptr)
		return false;
	using NewCount = NewRow<day_count_column::count>;
	auto *made = static_cast<NewCount *>(palloc(sizeof(NewCount) * static_cast<Size>(any)));
	auto *rows = static_cast<Row *>(palloc(sizeof(Row) * static_cast<Size>(any)));
	for (int i = 0; i < any; i++) {
		const Sum &sum = sums_[i];
		NewCount &row = made[i];
		row.clear();
		row.set(day_count_column::day, DateADTGetDatum(sum.day));
		row.set_text(day_count_column::sender, sum.sender);
		row.set_text(day_count_column::template_name, sum.template_name);
		row.set_text(day_count_column::category, sum.category);
		if (sum.has_code)
			row.set(day_count_column::error_code, Int64GetDatum(sum.error_code));
		if (sum.campaign_id != 0)
			row.set(day_count_column::campaign_id, Int64GetDatum(sum.campaign_id));
		row.set(day_count_column::deleted, BoolGetDatum(sum.deleted));
		for (int part = 0; part < parts; part++)
			row.set(day_count_column::sent + part, Int64GetDatum(sum.count[part]));
		rows[i] = row.row();
	}
	insert_rows(table, day_counts_shape, rows, any);
	table_close(table, NoLock);
	return true;
}

void
DayCounts::insert_by_statement(int any)
{
	static Statement insert = {
	    "INSERT INTO @s@.whatsapp_day_counts (day, sender, template_name, category, error_code, deleted,"
	    "  sent, delivered, read, failed, failed_sent, cancelled, campaign_id)"
	    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
	    13,
	    {DATEOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, BOOLOID, INT8OID, INT8OID, INT8OID, INT8OID,
	     INT8OID, INT8OID, INT8OID}};
	for (int i = 0; i < any; i++) {
		const Sum &sum = sums_[i];
		Values values;
		values.set(0, DateADTGetDatum(sum.day));
		values.set_text(1, sum.sender);
		values.set_text(2, sum.template_name);
		values.set_text(3, sum.category);
		if (sum.has_code)
			values.set(4, Int64GetDatum(sum.error_code));
		values.set(5, BoolGetDatum(sum.deleted));
		for (int part = 0; part < parts; part++)
			values.set(6 + part, Int64GetDatum(sum.count[part]));
		if (sum.campaign_id != 0)
			values.set(6 + parts, Int64GetDatum(sum.campaign_id));
		(void)run_statement(insert, values);
	}
}

void
DayCounts::write_counts()
{
	const Sum *end = std::remove_if(sums_, sums_ + count_, [](const Sum &sum) {
		return std::all_of(sum.count, sum.count + parts,
		                   [](std::int64_t part) { return part == 0; });
	});
	const int any = static_cast<int>(end - sums_);
	count_ = 0;
	std::fill(slots_, slots_ + slot_count_, -1);
	if (any > 0 && !insert_directly(any))
		insert_by_statement(any);
}

void
count_refused(const CountedMessage &message)
{
	DayCounts counts;
	counts.add_message(message, 1);
	counts.write_counts();
}

void
count_truncated()
{
	static Statement cancel = {
	    "INSERT INTO @s@.whatsapp_day_counts (day, sender, template_name, category, deleted,"
	    "  sent, delivered, read, failed, failed_sent, cancelled, campaign_id)"
	    " SELECT (now() AT TIME ZONE 'UTC')::date, c.sender, coalesce(c.template_name, ''), '', false, 0, 0, 0, 0, 0,"
	    "  c.planned - coalesce(d.ended, 0), c.id FROM @s@.whatsapp_campaign_definitions AS c LEFT JOIN"
	    " (SELECT campaign_id, sum(sent - failed_sent + failed + cancelled)::bigint AS ended"
	    "   FROM @s@.whatsapp_day_counts WHERE campaign_id IS NOT NULL AND NOT deleted GROUP BY campaign_id) AS d"
	    "  ON d.campaign_id = c.id WHERE c.planned > coalesce(d.ended, 0)",
	    0,
	    {}};
	static Statement statement = {
	    "INSERT INTO @s@.whatsapp_day_counts (day, sender, template_name, category, error_code, campaign_id, deleted,"
	    "  sent, delivered, read, failed, failed_sent, cancelled)"
	    " SELECT d.day, d.sender, d.template_name, d.category, d.error_code, d.campaign_id, true,"
	    "  sum(d.sign * d.sent), sum(d.sign * d.delivered), sum(d.sign * d.read), sum(d.sign * d.failed),"
	    "  sum(d.sign * d.failed_sent), sum(d.sign * d.cancelled)"
	    " FROM (SELECT *, CASE WHEN deleted THEN -1 ELSE 1 END AS sign FROM @s@.whatsapp_day_counts) AS d"
	    " GROUP BY 1, 2, 3, 4, 5, 6",
	    0,
	    {}};
	(void)run_statement(cancel, Values());
	(void)run_statement(statement, Values());
}

namespace
{

/* Moves old days to the first of their month, so that years of history cost the views no more than
 * one. When a message of such a day is deleted or read later, that row is moved in a later turn. */
void
keep_old_days_by_month()
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_day_counts SET day = date_trunc('month', day::timestamp)::date WHERE ctid = ANY (ARRAY("
	    "SELECT ctid FROM @s@.whatsapp_day_counts WHERE day < (now() AT TIME ZONE 'UTC')::date - $1"
	    " AND day <> date_trunc('month', day::timestamp)::date LIMIT $2))",
	    2,
	    {INT4OID, INT8OID}};
	Values values;
	values.set(0, Int32GetDatum(kept_days));
	values.set(1, Int64GetDatum(most_folded));
	(void)run_statement(statement, values);
}

} // namespace

/* The reader alone folds: nobody else changes or deletes rows here, and what is inserted meanwhile
 * is not among those that it has found. Rows stay where they are as long as the table is locked. */
bool
fold_day_counts()
{
	static Statement find = {
	    "SELECT d.ctid FROM (SELECT ctid, count(*) OVER (PARTITION BY day, sender, template_name, category, error_code, campaign_id, deleted)"
	    " AS rows FROM @s@.whatsapp_day_counts) AS d WHERE d.rows > 1 LIMIT $1",
	    1,
	    {INT8OID}};
	static Statement insert = {
	    "INSERT INTO @s@.whatsapp_day_counts (day, sender, template_name, category, error_code, campaign_id, deleted,"
	    "  sent, delivered, read, failed, failed_sent, cancelled)"
	    " SELECT d.day, d.sender, d.template_name, d.category, d.error_code, d.campaign_id, d.deleted,"
	    "  sum(d.sent), sum(d.delivered), sum(d.read), sum(d.failed), sum(d.failed_sent), sum(d.cancelled)"
	    " FROM @s@.whatsapp_day_counts AS d WHERE d.ctid = ANY ($1) GROUP BY 1, 2, 3, 4, 5, 6, 7"
	    " HAVING sum(abs(d.sent) + abs(d.delivered) + abs(d.read) + abs(d.failed) + abs(d.failed_sent) + abs(d.cancelled)) > 0",
	    1,
	    {tid_array_type}};
	static Statement remove = {
	    "DELETE FROM @s@.whatsapp_day_counts WHERE ctid = ANY ($1)", 1, {tid_array_type}};
	keep_old_days_by_month();
	Values limit;
	limit.set(0, Int64GetDatum(most_folded));
	const Result rows = run_statement(find, limit);
	if (rows.empty())
		return true;
	Column addresses(rows.count());
	for (uint64 i = 0; i < rows.count(); i++)
		addresses.add_address(address_at(rows, i, 1));
	Values values;
	values.set(0, addresses.array(TIDOID));
	(void)run_statement(insert, values);
	(void)run_statement(remove, values);
	return rows.count() < most_folded;
}

} // namespace whatsapp::pg
