/*
 * status_rows.cpp — the same minima and maxima as the UPDATE in statuses.cpp, which remains the
 * rule: 009_statuses holds both to the same rows.
 *
 * A row that is SENT or beyond and tells no failure takes part; a webhook that tells it nothing new
 * writes nothing.
 */
#include "pg/webhooks/status_rows.hpp"

#include <string_view>
#include <tuple>

#include "pg/server/columns.hpp"
#include "pg/server/settings.hpp"

extern "C" {
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

enum {
	id,
	created_at,
	status,
	wamid,
	sent_at,
	delivered_at,
	read_at,
	wa_id,
	user_id,
	conversation_id,
	pricing_category,
	pricing_type,
	pricing_model,
	billable,
	pricing_rank,
	failed_at,
	error_code,
	error_message,
	error_details,
	hint,
	column_count
};

const char *const names[column_count] = {"id",
                                         "created_at",
                                         "status",
                                         "wamid",
                                         "sent_at",
                                         "delivered_at",
                                         "read_at",
                                         "wa_id",
                                         "user_id",
                                         "conversation_id",
                                         "pricing_category",
                                         "pricing_type",
                                         "pricing_model",
                                         "billable",
                                         "pricing_rank",
                                         "failed_at",
                                         "error_code",
                                         "error_message",
                                         "error_details",
                                         "hint"};
PlainColumns columns = {"whatsapp_messages", TRIGGER_TYPE_UPDATE, 1, column_count, names};

constexpr std::string_view words[] = {"", "SENT", "DELIVERED", "READ"};

struct Row {
	Datum values[column_count];
	bool nulls[column_count];
	bool changed;

	std::string_view
	text(int column) const
	{
		if (nulls[column])
			return {};
		struct varlena *value = PG_DETOAST_DATUM_PACKED(values[column]);
		return {VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)};
	}
	void
	set(int column, Datum value)
	{
		values[column] = value;
		nulls[column] = false;
		changed = true;
	}
	/* Empty is NULL. */
	void
	set_text(int column, std::string_view text)
	{
		nulls[column] = text.empty();
		changed = true;
		if (!text.empty())
			values[column] = PointerGetDatum(
			    cstring_to_text_with_len(text.data(), static_cast<int>(text.size())));
	}
};

/* 0 for a row that a statement has to look at. */
int
rank_of_row(const Row &row)
{
	if (row.nulls[created_at])
		return 0;
	for (int column = failed_at; column < column_count; column++)
		if (!row.nulls[column])
			return 0;
	for (int rank = 3; rank > 0; rank--)
		if (row.text(status) == words[rank])
			return rank;
	return 0;
}

/* The platform's times are whole seconds, cut off: never before the message was made. */
bool
join_time(Row &row, int column, std::int64_t at)
{
	Datum time;
	if (at == 0)
		return true;
	if (!server_time(at, time))
		return false;
	const TimestampTz told =
	    Max(DatumGetTimestampTz(time), DatumGetTimestampTz(row.values[created_at]));
	if (row.nulls[column] || told < DatumGetTimestampTz(row.values[column]))
		row.set(column, TimestampTzGetDatum(told));
	return true;
}

void
join_text(Row &row, int column, std::string_view text)
{
	if (!text.empty() && (row.nulls[column] || text < row.text(column)))
		row.set_text(column, text);
}

void
join_price(Row &row, const Progress &progress)
{
	const StatusReport &price = progress.price;
	const int rank = static_cast<int>(progress.price_rank);
	const int known = row.nulls[pricing_rank] ? 0 : DatumGetInt16(row.values[pricing_rank]);
	const int known_billable = row.nulls[billable]                  ? -1
	                           : DatumGetBool(row.values[billable]) ? 1
	                                                                : 0;
	const bool contradicts = !row.nulls[pricing_rank] && rank == known &&
	                         std::make_tuple(price.pricing_category, price.pricing_type,
	                                         price.pricing_model, price.billable) <
	                             std::make_tuple(row.text(pricing_category), row.text(pricing_type),
	                                             row.text(pricing_model), known_billable);
	if (rank <= known && !contradicts)
		return;
	row.set_text(pricing_category, price.pricing_category);
	row.set_text(pricing_type, price.pricing_type);
	row.set_text(pricing_model, price.pricing_model);
	row.set(billable, BoolGetDatum(price.billable == 1));
	row.nulls[billable] = price.billable < 0;
	row.set(pricing_rank, Int16GetDatum(static_cast<int16>(rank)));
}

} // namespace

bool
begin_joining(PlainTable &messages)
{
	return messages.open(columns, settings.notify_status ? nullptr : "whatsapp_notify_status");
}

Joined
join(PlainTable &messages, std::int64_t message_id, const Progress &progress)
{
	if (!messages.find_by_id(id, message_id))
		return Joined::left;
	Row row;
	row.changed = false;
	for (int column = 0; column < column_count; column++)
		row.values[column] = messages.get(column, row.nulls[column]);
	const int rank = rank_of_row(row);
	if (rank == 0)
		return Joined::left;
	const int told = progress.read_at != 0 ? 3 : progress.delivered_at != 0 ? 2 : 1;
	if (told > rank)
		row.set_text(status, words[told]);
	const bool shown = join_time(row, sent_at, progress.sent_at) &&
	                   join_time(row, delivered_at, progress.delivered_at) &&
	                   join_time(row, read_at, progress.read_at);
	if (row.nulls[wamid] && !progress.wamid.empty())
		row.set(wamid, PointerGetDatum(indexable(progress.wamid.data())));
	join_text(row, wa_id, progress.wa_id);
	join_text(row, user_id, progress.user_id);
	join_text(row, conversation_id, progress.conversation_id);
	join_price(row, progress);
	if (!shown)
		return Joined::left;
	if (!row.changed)
		return Joined::done;
	messages.begin_change();
	for (int column = 0; column < column_count; column++)
		if (row.nulls[column])
			messages.set_null(column);
		else
			messages.set(column, row.values[column]);
	return messages.update() != 0 ? Joined::done : Joined::left;
}

} // namespace whatsapp::pg
