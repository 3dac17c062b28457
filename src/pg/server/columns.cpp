/*
 * columns.cpp — from values to arrays.
 */
#include "pg/server/columns.hpp"

extern "C" {
#include "storage/itemptr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

std::uint64_t
address_of(const ItemPointerData &place)
{
	return static_cast<std::uint64_t>(ItemPointerGetBlockNumberNoCheck(&place)) << 16 |
	       ItemPointerGetOffsetNumberNoCheck(&place);
}

ItemPointerData
tuple_at(std::uint64_t address)
{
	ItemPointerData place;
	ItemPointerSet(&place, static_cast<BlockNumber>(address >> 16),
	               static_cast<OffsetNumber>(address & 0xffff));
	return place;
}

bool
is_word(Datum value, const char *word)
{
	const text *string = DatumGetTextPP(value);
	const std::size_t length = strlen(word);
	return VARSIZE_ANY_EXHDR(string) == length && memcmp(VARDATA_ANY(string), word, length) == 0;
}

bool
server_time(std::int64_t unix_seconds, Datum &time)
{
	/* a foreign number must not overflow the server's time: up to the year 9999 */
	if (unix_seconds <= 0 || unix_seconds >= INT64CONST(253402300800))
		return false;
	time = TimestampTzGetDatum(time_t_to_timestamptz(static_cast<pg_time_t>(unix_seconds)));
	return true;
}

void
Column::add_text(std::string_view text)
{
	if (text.empty())
		add_null();
	else
		add(PointerGetDatum(cstring_to_text_with_len(text.data(), static_cast<int>(text.size()))));
}

void
Column::add_text(const char *text)
{
	add_text(text == nullptr ? std::string_view() : std::string_view(text));
}

void
Column::add_identifier(std::string_view text)
{
	if (text.empty())
		add_null();
	else
		add(PointerGetDatum(indexable_identifier(text)));
}

void
Column::add_identifier(const char *text)
{
	add_identifier(text == nullptr ? std::string_view() : std::string_view(text));
}

void
Column::add_time(std::int64_t unix_seconds)
{
	Datum time;
	if (server_time(unix_seconds, time))
		add(time);
	else
		add_null();
}

void
Column::add_address(std::uint64_t address)
{
	if (address == 0) {
		add_null();
		return;
	}
	auto *tid = static_cast<ItemPointer>(palloc(sizeof(ItemPointerData)));
	*tid = tuple_at(address);
	add(PointerGetDatum(tid));
}

Datum
Column::array(Oid element) const
{
	int16 length;
	bool by_value;
	char alignment;
	get_typlenbyvalalign(element, &length, &by_value, &alignment);
	int size = count_;
	int lower = 1;
	return PointerGetDatum(construct_md_array(values_, nulls_, 1, &size, &lower, element, length,
	                                          by_value, alignment));
}

Datum
id_array(const Result &rows)
{
	Column ids(rows.count());
	for (uint64 i = 0; i < rows.count(); i++)
		ids.add(Int64GetDatum(rows.int64_at(i, 1)));
	return ids.array(INT8OID);
}

Values
ids_of(const Result &rows)
{
	Values values;
	values.set(0, id_array(rows));
	return values;
}

std::uint64_t
address_at(const Result &result, uint64 row, int column)
{
	const Datum value = result.datum_at(row, column, TIDOID);
	return value == Datum(0) ? 0
	                         : address_of(*reinterpret_cast<ItemPointer>(DatumGetPointer(value)));
}

} // namespace whatsapp::pg
