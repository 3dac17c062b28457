/*
 * array.hpp — one column of a batch, as a parameter of a statement that unnests it.
 */
#pragma once

#include <cstdint>

#include "pg/prelude.hpp"

namespace whatsapp::pg
{

/* pg_type.h has no name for it; pg_type.dat never changes the number of a type. */
inline constexpr Oid tid_array_type = 1010;

/* A ctid in the column (from 1) of a row of SPI_tuptable; 0 for NULL. */
std::uint64_t address_column(uint64 row, int number);

/* In the server's current memory; needs no destructor. */
class Array
{
public:
	Array(std::size_t most, Oid type);

	void add(Datum value);
	/* A foreign id, cut to what fits an index; NULL when there is none or it is empty. */
	void add_identifier(const char *text);
	/* Of address_column(); NULL for none. */
	void add_address(std::uint64_t address);

	int
	size() const
	{
		return size_;
	}
	Datum datum() const;

private:
	Datum *values_;
	bool *nulls_;
	int size_ = 0;
	Oid type_;
};

} // namespace whatsapp::pg
