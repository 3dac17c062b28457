/*
 * statement.hpp — a statement of ours, prepared once per process and run through SPI with typed
 * parameters.
 *
 * The text names the extension's schema as @s@; it is filled in when the plan is made, and again if
 * the schema changes its name.
 */
#pragma once

#include "pg/server/prelude.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "executor/spi.h"
}

namespace whatsapp::pg
{

inline constexpr int max_statement_parameters = 16;

struct Statement {
	const char *text;
	int parameters;
	Oid types[max_statement_parameters];
	SPIPlanPtr plan = nullptr;
	unsigned generation = 0;
};

/* The values of one call. NULL until set. */
struct Values {
	Datum value[max_statement_parameters] = {};
	char null[max_statement_parameters];

	Values() { memset(null, 'n', sizeof null); }
	void
	set(int place, Datum datum)
	{
		value[place] = datum;
		null[place] = ' ';
	}
	/* NULL stays NULL. The bytes must be valid in the database's encoding. */
	void set_text(int place, const char *string);
	/* The same for an id that somebody else made up, cut to indexable(). Empty is NULL. */
	void set_identifier(int place, const char *string);
};

/* What of a foreign id goes into an index: a btree entry must fit a third of a page, and nobody
 * promises how long these are. */
text *indexable(const char *identifier);

/* Between SPI_connect() and SPI_finish(). Returns SPI_processed; rows are in SPI_tuptable. Errors
 * are raised. */
uint64 run(Statement &statement, const Values &values);

/* Column (from 1) of a row of SPI_tuptable; null tells whether it is NULL. */
Datum column(uint64 row, int number, bool &null);
int64 int64_column(uint64 row, int number);
/* NULL for NULL; in the caller's SPI memory. */
char *text_column(uint64 row, int number);

} // namespace whatsapp::pg
