/*
 * log_lines.cpp — a hook that sees each report on its way to the log. Errors of the server's within
 * our statements do not say whose they are, nor in which database they happened.
 */
#include "pg/server/log_lines.hpp"

#include <cstring>

#include "pg/server/prelude.hpp"

extern "C" {
#include "postmaster/bgworker.h"
#include "utils/memutils.h"
}

namespace whatsapp::pg
{

namespace
{

constexpr char product[] = "WhatsApp";
constexpr char type_prefix[] = "pg_whatsapp ";

emit_log_hook_type previous_log_hook = nullptr;
const char *database = nullptr;

/* The server frees the texts of a report one by one: each is a piece of memory of its own. */
void
replace_text(char *&text, const char *by)
{
	char *old = text;
	text = MemoryContextStrdup(ErrorContext, by);
	if (old != nullptr)
		pfree(old);
}

/*
 * What an error quotes of rows and values is the content of messages: "Failing row contains", the
 * key of a unique index, the document that is no JSON. The message itself, the table and the
 * constraint stay.
 */
void
hide_values(ErrorData *error)
{
	const int category = ERRCODE_TO_CATEGORY(error->sqlerrcode);
	const bool quotes =
	    category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION || category == ERRCODE_DATA_EXCEPTION;
	if (error->elevel < WARNING || !quotes)
		return;
	if (error->detail != nullptr)
		replace_text(error->detail, "The values are not shown.");
	if (error->detail_log != nullptr)
		replace_text(error->detail_log, "The values are not shown.");
	if (error->context != nullptr)
		replace_text(error->context, "The place is not shown, since it may quote values.");
}

/* Without memory for it a report stays as it is: an error within an error helps nobody. */
void
join_texts(char *&text, const char *first, const char *between, const char *second)
{
	const std::size_t size = strlen(first) + strlen(between) + strlen(second) + 1;
	auto *joined =
	    static_cast<char *>(MemoryContextAllocExtended(ErrorContext, size, MCXT_ALLOC_NO_OOM));
	if (joined == nullptr)
		return;
	snprintf(joined, size, "%s%s%s", first, between, second);
	if (text != nullptr)
		pfree(text);
	text = joined;
}

void
name_worker(ErrorData *error)
{
	char name[2 * NAMEDATALEN];
	snprintf(name, sizeof name, "%s %s", product, worker_word());
	if (error->message != nullptr && strstr(error->message, product) == nullptr)
		join_texts(error->message, name, ": ", error->message);
	if (database == nullptr)
		return;
	char place[4 * NAMEDATALEN];
	snprintf(place, sizeof place, "%s of database \"%s\"", name, database);
	if (error->context == nullptr)
		replace_text(error->context, place);
	else
		join_texts(error->context, error->context, "\n", place);
	error->hide_ctx = false;
}

extern "C" void
adjust_report(ErrorData *error)
{
	hide_values(error);
	name_worker(error);
	if (previous_log_hook != nullptr)
		previous_log_hook(error);
}

} // namespace

const char *
worker_word()
{
	const char *type = MyBgworkerEntry->bgw_type;
	return strncmp(type, type_prefix, strlen(type_prefix)) == 0 ? type + strlen(type_prefix) : type;
}

void
begin_log()
{
	previous_log_hook = emit_log_hook;
	emit_log_hook = adjust_report;
}

void
name_log_database(const char *name)
{
	database = name;
}

} // namespace whatsapp::pg
