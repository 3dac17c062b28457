/*
 * batch_statement.hpp — a statement over many items at once, whose columns are described in one
 * list.
 *
 * The list says what each column is called, of which type it is, how it is read from an item, and
 * what of it is stored. The arrays, the types of the parameters and the lists of columns in the
 * text are made from it:
 *
 *   @batch@    (SELECT unnest($1) AS name, ...) AS item: the items as rows, in their order
 *   @columns@  the names of what is stored
 *   @values@   what is stored in each
 *
 * Several unnest() in a select list return their rows side by side, one at a time. One unnest() of
 * many arrays in FROM writes each array into a tuple store of its own first.
 */
#pragma once

#include <cstddef>

#include "pg/server/columns.hpp"
#include "pg/server/statement.hpp"

namespace whatsapp::pg
{

struct BatchType {
	Oid element;
	Oid array;
};

inline constexpr BatchType text_batch = {TEXTOID, TEXTARRAYOID};
inline constexpr BatchType bigint_batch = {INT8OID, INT8ARRAYOID};
inline constexpr BatchType integer_batch = {INT4OID, INT4ARRAYOID};
inline constexpr BatchType smallint_batch = {INT2OID, INT2ARRAYOID};
inline constexpr BatchType boolean_batch = {BOOLOID, BOOLARRAYOID};
inline constexpr BatchType time_batch = {TIMESTAMPTZOID, TIMESTAMPTZARRAYOID};
inline constexpr BatchType uuid_batch = {UUIDOID, UUIDARRAYOID};
/* the text of a document that core/ has parsed already: for json, the server does not parse it
 * again */
inline constexpr BatchType json_batch = {JSONOID, JSONARRAYOID};

/* For BatchColumn::stored: the value of the item is stored as it is. */
inline constexpr char as_told[] = "";

template <class Item> struct BatchColumn {
	const char *name;
	BatchType type;
	const char *stored; /* SQL, as_told, or NULL for a column that is not stored */
	void (*add)(Column &column, const Item &item);
};

/* To be a static object. The text of the statement is composed when it first runs. */
template <class Item, std::size_t size> struct BatchStatement {
	const char *text;
	const BatchColumn<Item> (&columns)[size];
	Statement statement = {};
};

template <class Item, std::size_t size>
BatchStatement(const char *, const BatchColumn<Item> (&)[size]) -> BatchStatement<Item, size>;

/* What compose_batch_text() reads of a column. */
struct BatchName {
	const char *name;
	const char *stored;
};

/* The text that is returned lives as long as the process. */
const char *compose_batch_text(const char *text, const BatchName *columns, std::size_t count);

/* See run_statement(). */
template <class Item, std::size_t size>
Result
run_batch_statement(BatchStatement<Item, size> &batch, const Item *const *items, std::size_t count)
{
	static_assert(size <= max_statement_parameters);
	if (batch.statement.text == nullptr) {
		BatchName names[size];
		for (std::size_t i = 0; i < size; i++) {
			names[i] = {batch.columns[i].name, batch.columns[i].stored};
			batch.statement.types[i] = batch.columns[i].type.array;
		}
		batch.statement.parameters = static_cast<int>(size);
		batch.statement.text = compose_batch_text(batch.text, names, size);
	}
	Values values;
	for (std::size_t i = 0; i < size; i++) {
		Column column(count);
		for (std::size_t k = 0; k < count; k++)
			batch.columns[i].add(column, *items[k]);
		values.set(static_cast<int>(i), column.array(batch.columns[i].type.element));
	}
	return run_statement(batch.statement, values);
}

} // namespace whatsapp::pg
