/*
 * decimal.cpp — floating point goes through numeric, since its own text may be 1e+06; not by a
 * cast, which keeps six digits of a real.
 */
#include "entry/call/decimal.hpp"

extern "C" {
#include "common/shortest_dec.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
}

namespace whatsapp::entry
{

namespace
{

Datum
numeric_of(const char *digits)
{
	return DirectFunctionCall3(numeric_in, CStringGetDatum(digits), ObjectIdGetDatum(InvalidOid),
	                           Int32GetDatum(-1));
}

} // namespace

const char *
decimal_of_number(Oid type, Datum value)
{
	Datum numeric;
	char digits[DOUBLE_SHORTEST_DECIMAL_LEN];
	switch (type) {
	case INT2OID:
		numeric = NumericGetDatum(int64_to_numeric(DatumGetInt16(value)));
		break;
	case INT4OID:
		numeric = NumericGetDatum(int64_to_numeric(DatumGetInt32(value)));
		break;
	case INT8OID:
		numeric = NumericGetDatum(int64_to_numeric(DatumGetInt64(value)));
		break;
	case FLOAT4OID:
		float_to_shortest_decimal_buf(DatumGetFloat4(value), digits);
		numeric = numeric_of(digits);
		break;
	case FLOAT8OID:
		double_to_shortest_decimal_buf(DatumGetFloat8(value), digits);
		numeric = numeric_of(digits);
		break;
	case NUMERICOID:
		numeric = value;
		break;
	case TEXTOID:
		numeric = numeric_of(TextDatumGetCString(value));
		break;
	default:
		return nullptr;
	}
	return DatumGetCString(DirectFunctionCall1(numeric_out, numeric));
}

} // namespace whatsapp::entry
