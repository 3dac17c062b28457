/*
 * columns.hpp — arrays for statements that work on a whole batch by unnest().
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "pg/statement.hpp"

namespace whatsapp::pg
{

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
	/* The same, cut to indexable(). */
	void add_identifier(const char *text);
	/* Unix seconds; 0, and what the server cannot show, are NULL. */
	void add_time(std::int64_t unix_seconds);

	int
	count() const
	{
		return count_;
	}
	/* element: TEXTOID, INT4OID, INT8OID, BOOLOID or TIMESTAMPTZOID */
	Datum array(Oid element) const;

private:
	Datum *values_;
	bool *nulls_;
	int count_ = 0;
};

} // namespace whatsapp::pg
