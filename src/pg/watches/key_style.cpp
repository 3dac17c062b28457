/*
 * key_style.cpp — the server's own settings, for the time of a key.
 */
#include "pg/watches/key_style.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/guc.h"
}

namespace whatsapp::pg
{

namespace
{

/* All that decides how a value or a name is written. */
constexpr struct {
	const char *name;
	const char *value;
} style[] = {{"DateStyle", "ISO, MDY"},       {"TimeZone", "UTC"},
             {"IntervalStyle", "postgres"},   {"extra_float_digits", "1"},
             {"bytea_output", "hex"},         {"lc_monetary", "C"},
             {"quote_all_identifiers", "off"}};

} // namespace

bool
has_one_style(Oid type)
{
	switch (type) {
	case INT2OID:
	case INT4OID:
	case INT8OID:
	case NUMERICOID:
	case TEXTOID:
	case VARCHAROID:
	case BPCHAROID:
	case NAMEOID:
	case BOOLOID:
	case UUIDOID:
		return true;
	default:
		return false;
	}
}

int
begin_key_style()
{
	const int level = NewGUCNestLevel();
	for (const auto &setting : style) {
		const char *now = GetConfigOption(setting.name, false, false);
		if (strcmp(now, setting.value) != 0)
			(void)set_config_option(setting.name, setting.value, PGC_USERSET, PGC_S_SESSION,
			                        GUC_ACTION_SAVE, true, 0, false);
	}
	return level;
}

void
end_key_style(int level)
{
	AtEOXact_GUC(true, level);
}

} // namespace whatsapp::pg
