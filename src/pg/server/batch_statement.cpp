/*
 * batch_statement.cpp — the text of a statement over a batch, from its list of columns.
 */
#include "pg/server/batch_statement.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "utils/memutils.h"
}

namespace whatsapp::pg
{

namespace
{

void
append_batch(StringInfo text, const BatchName *columns, std::size_t count)
{
	for (std::size_t i = 0; i < count; i++)
		appendStringInfo(text, "%s unnest($%zu) AS %s", i == 0 ? "(SELECT" : ",", i + 1,
		                 columns[i].name);
	appendStringInfoString(text, ") AS item");
}

void
append_columns(StringInfo text, const BatchName *columns, std::size_t count)
{
	const char *before = "";
	for (std::size_t i = 0; i < count; i++)
		if (columns[i].stored != nullptr) {
			appendStringInfo(text, "%s%s", before, columns[i].name);
			before = ", ";
		}
}

void
append_values(StringInfo text, const BatchName *columns, std::size_t count)
{
	const char *before = "";
	for (std::size_t i = 0; i < count; i++) {
		const BatchName &column = columns[i];
		if (column.stored == nullptr)
			continue;
		if (*column.stored == '\0')
			appendStringInfo(text, "%sitem.%s", before, column.name);
		else
			appendStringInfo(text, "%s%s", before, column.stored);
		before = ", ";
	}
}

bool
skip_word(const char *&at, const char *word)
{
	const std::size_t length = strlen(word);
	if (strncmp(at, word, length) != 0)
		return false;
	at += length;
	return true;
}

} // namespace

const char *
compose_batch_text(const char *text, const BatchName *columns, std::size_t count)
{
	StringInfoData composed;
	initStringInfo(&composed);
	for (const char *at = text; *at != '\0';)
		if (skip_word(at, "@batch@"))
			append_batch(&composed, columns, count);
		else if (skip_word(at, "@columns@"))
			append_columns(&composed, columns, count);
		else if (skip_word(at, "@values@"))
			append_values(&composed, columns, count);
		else
			appendStringInfoChar(&composed, *at++);
	const char *kept = MemoryContextStrdup(TopMemoryContext, composed.data);
	pfree(composed.data);
	return kept;
}

} // namespace whatsapp::pg
