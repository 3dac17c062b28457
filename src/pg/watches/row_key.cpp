/*
 * row_key.cpp — the text of a key as the server writes it, and its way back.
 */
#include "pg/watches/row_key.hpp"

#include "pg/watches/watch_rows.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
}

namespace whatsapp::pg
{

namespace
{

int
count_columns(const AttrNumber *key)
{
	int count = 0;
	while (key[count] != 0)
		count++;
	return count;
}

/* One field of a row's text, which begins at `at`; at is behind it then, where the comma or the
 * parenthesis stands. In quotes, these and backslashes are doubled. */
const char *
read_field(const char *&at)
{
	StringInfoData field;
	initStringInfo(&field);
	bool quoted = false;
	for (; *at != '\0' && (quoted || (*at != ',' && *at != ')')); at++) {
		const bool doubled =
		    (*at == '"' && quoted && at[1] == '"') || (*at == '\\' && at[1] != '\0');
		if (*at == '"' && !doubled) {
			quoted = !quoted;
			continue;
		}
		at += doubled ? 1 : 0;
		appendStringInfoChar(&field, *at);
	}
	return field.data;
}

} // namespace

const char *
row_key_condition(Relation table, const char *who)
{
	const AttrNumber *key = primary_key_columns(table);
	if (key[0] == 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("table \"%s\" has no primary key", RelationGetRelationName(table)),
		                errhint("%s finds a row by it.", who)));
	StringInfoData text;
	initStringInfo(&text);
	for (int i = 0; key[i] != 0; i++) {
		const auto *column = TupleDescAttr(RelationGetDescr(table), key[i] - 1);
		const char *name = quote_identifier(NameStr(column->attname));
		const Oid type = getBaseType(column->atttypid);
		appendStringInfoString(&text, i > 0 ? " AND " : "");
		/* a type of any length: character and bit without one would mean a length of 1 */
		if (type < FirstNormalObjectId || type_is_enum(type))
			appendStringInfo(&text, "whatsapp_row.%s OPERATOR(pg_catalog.=) ($1)[%d]::%s", name,
			                 i + 1,
			                 format_type_extended(
			                     type, -1, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
		else
			appendStringInfo(&text,
			                 "(whatsapp_row.%s)::pg_catalog.text OPERATOR(pg_catalog.=) ($1)[%d]",
			                 name, i + 1);
	}
	return text.data;
}

Datum
row_key_fields(Relation table, const char *key)
{
	const int count = count_columns(primary_key_columns(table));
	auto *fields = static_cast<Datum *>(palloc(sizeof(Datum) * static_cast<Size>(count + 1)));
	auto *nulls = static_cast<bool *>(palloc0(sizeof(bool) * static_cast<Size>(count + 1)));
	int read = 0;
	if (count == 1) {
		fields[read++] = CStringGetTextDatum(key);
	} else if (key[0] == '(') {
		for (const char *at = key + 1; read < count; at++) {
			fields[read++] = CStringGetTextDatum(read_field(at));
			if (*at != ',')
				break;
		}
	}
	/* NULL equals nothing */
	for (int i = read; i < count; i++)
		nulls[i] = true;
	int dimensions[] = {count};
	int from_one[] = {1};
	return PointerGetDatum(construct_md_array(fields, nulls, 1, dimensions, from_one, TEXTOID, -1,
	                                          false, TYPALIGN_INT));
}

} // namespace whatsapp::pg
