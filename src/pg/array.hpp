/*
 * array.hpp — one column of a batch, as a parameter of a statement that unnests it.
 */
#pragma once

#include "pg/prelude.hpp"

namespace whatsapp::pg
{

/* In the server's current memory; needs no destructor. */
class Array
{
public:
	Array(std::size_t most, Oid type);

	void add(Datum value);
	/* A foreign id, cut to what fits an index; NULL when there is none or it is empty. */
	void add_identifier(const char *text);

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
