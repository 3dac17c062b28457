/*
 * result_row.hpp — a row that a function returns: every column is NULL until it is set.
 */
#pragma once

#include <algorithm>
#include <iterator>

#include "pg/server/prelude.hpp"

extern "C" {
#include "access/htup_details.h"
#include "funcapi.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"
}

namespace whatsapp::entry
{

/* After InitMaterializedSRF(). */
inline ReturnSetInfo *
result_set(FunctionCallInfo fcinfo)
{
	return reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
}

template <int columns> class ResultRow
{
public:
	ResultRow() { std::fill(std::begin(nulls_), std::end(nulls_), true); }

	void
	set_value(int column, Datum value)
	{
		values_[column] = value;
		nulls_[column] = false;
	}
	/* A null pointer is NULL. */
	void
	set_text(int column, const char *text)
	{
		if (text != nullptr)
			set_value(column, CStringGetTextDatum(text));
	}
	/* One more row of a set. */
	void
	put_row(ReturnSetInfo *result)
	{
		tuplestore_putvalues(result->setResult, result->setDesc, values_, nulls_);
	}
	/* The one row of a function that returns a row type. */
	Datum
	form_row(FunctionCallInfo fcinfo)
	{
		TupleDesc description = nullptr;
		if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE ||
		    description->natts != columns)
			elog(ERROR, "the function must return a row of %d columns", columns);
		return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values_, nulls_));
	}

private:
	Datum values_[columns] = {};
	bool nulls_[columns];
};

} // namespace whatsapp::entry
