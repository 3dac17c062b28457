/*
 * columns.hpp — arrays for statements that work on a whole batch by unnest().
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "pg/server/statement.hpp"

namespace whatsapp::pg
{

/* pg_type.h has no name for it; the number of a type never changes. */
inline constexpr Oid tid_array_type = 1010;

/* A ctid as a number, which is never 0. */
std::uint64_t address_of(const ItemPointerData &place);
ItemPointerData tuple_at(std::uint64_t address);

/* Whether a value of type text is this word. */
bool is_word(Datum value, const char *word);

/* A ctid in the column (from 1) of a row; 0 for NULL. */
std::uint64_t address_at(const Result &result, uint64 row, int column);

/* False for 0 and for what the server cannot show. */
bool server_time(std::int64_t unix_seconds, Datum &time);

/* One array parameter, NULL where there is nothing. In the current memory context. */
class Column
{
public:
	explicit Column(std::size_t size)
	    : values_(static_cast<Datum *>(palloc(sizeof(Datum) * (size + 1)))),
	      nulls_(static_cast<bool *>(palloc(sizeof(bool) * (size + 1))))
	{
	}

	void
	add(Datum value)
	{
		nulls_[count_] = false;
		values_[count_++] = value;
	}
	void
	add_null()
	{
		nulls_[count_] = true;
		values_[count_++] = Datum(0);
	}
	/* Empty is NULL. The bytes must be valid in the database's encoding. */
	void add_text(std::string_view text);
	void add_text(const char *text);
	/* The same, cut to indexable_identifier(). */
	void add_identifier(std::string_view text);
	void add_identifier(const char *text);
	/* A ctid, from an address as address_at() gives it; 0 is NULL. */
	void add_address(std::uint64_t address);
	/* Unix seconds; 0, and what the server cannot show, are NULL. */
	void add_time(std::int64_t unix_seconds);

	int
	count() const
	{
		return count_;
	}
	Datum array(Oid element) const;

private:
	Datum *values_;
	bool *nulls_;
	int count_ = 0;
};

/* The ids in the first column of these rows, as int8[]. */
Datum id_array(const Result &rows);
/* The same, for a statement that has no other parameter. */
Values ids_of(const Result &rows);

} // namespace whatsapp::pg
