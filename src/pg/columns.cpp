/*
 * columns.cpp — from values to arrays.
 */
#include "pg/columns.hpp"

extern "C" {
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

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
Column::add_identifier(const char *text)
{
	if (text == nullptr || *text == '\0')
		add_null();
	else
		add(PointerGetDatum(indexable(text)));
}

void
Column::add_time(std::int64_t unix_seconds)
{
	/* a foreign number must not overflow the server's time: up to the year 9999 */
	if (unix_seconds > 0 && unix_seconds < INT64CONST(253402300800))
		add(TimestampTzGetDatum(time_t_to_timestamptz(static_cast<pg_time_t>(unix_seconds))));
	else
		add_null();
}

Datum
Column::array(Oid element) const
{
	int size = count_;
	int lower = 1;
	int width = -1;
	bool by_value = false;
	char alignment = TYPALIGN_INT;
	switch (element) {
	case INT4OID:
		width = 4;
		by_value = true;
		break;
	case BOOLOID:
		width = 1;
		by_value = true;
		alignment = TYPALIGN_CHAR;
		break;
	case INT8OID:
	case TIMESTAMPTZOID:
		width = 8;
		by_value = FLOAT8PASSBYVAL;
		alignment = TYPALIGN_DOUBLE;
		break;
	default:
		break;
	}
	return PointerGetDatum(
	    construct_md_array(values_, nulls_, 1, &size, &lower, element, width, by_value, alignment));
}

} // namespace whatsapp::pg
