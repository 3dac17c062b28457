/*
 * array.cpp — columns of a batch.
 */
#include "pg/array.hpp"

#include "pg/statement.hpp"

extern "C" {
#include "storage/itemptr.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
}

namespace whatsapp::pg
{

Array::Array(std::size_t most, Oid type)
    : values_(static_cast<Datum *>(palloc(sizeof(Datum) * (most + 1)))),
      nulls_(static_cast<bool *>(palloc(sizeof(bool) * (most + 1)))), type_(type)
{
}

void
Array::add(Datum value)
{
	nulls_[size_] = false;
	values_[size_++] = value;
}

void
Array::add_identifier(const char *text)
{
	nulls_[size_] = text == nullptr || *text == '\0';
	values_[size_] = nulls_[size_] ? Datum(0) : PointerGetDatum(indexable(text));
	size_++;
}

void
Array::add_address(std::uint64_t address)
{
	auto *tid = static_cast<ItemPointer>(palloc(sizeof(ItemPointerData)));
	ItemPointerSet(tid, static_cast<BlockNumber>(address >> 16),
	               static_cast<OffsetNumber>(address & 0xffff));
	nulls_[size_] = address == 0;
	values_[size_++] = PointerGetDatum(tid);
}

std::uint64_t
address_column(uint64 row, int number)
{
	bool null;
	const Datum value = column(row, number, null);
	if (null)
		return 0;
	auto *tid = reinterpret_cast<ItemPointer>(DatumGetPointer(value));
	return static_cast<std::uint64_t>(ItemPointerGetBlockNumberNoCheck(tid)) << 16 |
	       ItemPointerGetOffsetNumberNoCheck(tid);
}

Datum
Array::datum() const
{
	int16 length;
	bool by_value;
	char align;
	get_typlenbyvalalign(type_, &length, &by_value, &align);
	int dimension = size_;
	int lower = 1;
	return PointerGetDatum(
	    construct_md_array(values_, nulls_, 1, &dimension, &lower, type_, length, by_value, align));
}

} // namespace whatsapp::pg
