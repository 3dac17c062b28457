/*
 * array.cpp — columns of a batch.
 */
#include "pg/array.hpp"

#include "pg/statement.hpp"

extern "C" {
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
