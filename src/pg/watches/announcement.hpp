/*
 * announcement.hpp — one row of a watch's query, and the message that it makes.
 */
#pragma once

#include "pg/enqueue/new_message.hpp"
#include "pg/server/boundary.hpp"
#include "pg/server/statement.hpp"
#include "pg/watches/watch_definition.hpp"

namespace whatsapp::pg
{

struct Announcement {
	NewMessage message;
	const char *row_key;
	Failure *refused; /* why; NULL for a message that can be sent */
	/* The sender that the row names; a message that is refused may be of another one. And the one
	 * that it named before an UPDATE: NULL where it is no expression. */
	const char *sender;
	const char *old_sender;
	/* Of a message that follows its row: whether there is to be one, and whether its key, or the
	 * sender that has it, was another one before an UPDATE. */
	bool wanted;
	bool has_new_key;
	/* Of a message that waits for other rows: the texts of its parameters; when its row was
	 * announced; when the message is made at the latest (0: no limit); the time zone of its
	 * hours. */
	const char *const *parameters;
	std::int64_t made_at;
	std::int64_t latest_at;
	const char *time_zone;
};

/* Which template a sender sends in a language: the name of a watch may be an alias. Asked once for
 * rows that have both in common. */
struct TemplateInUse {
	const char *sender;
	const char *language;
	const char *sent_name;
	const char *sent_language;
};

/* Reads a row of the query and puts the message together; what is wrong with its values is no
 * error. In the current memory, where template_in_use lives, too, with SPI connected, as the
 * extension's owner. */
void compose_announcement(const WatchDefinition &watch, WatchEvent event, const Result &rows,
                          std::uint64_t row, TemplateInUse &template_in_use,
                          Announcement &announcement);

/* The key of a row's message: given by an expression, or made of the row's key. NULL for none. */
const char *announcement_key(const WatchDefinition &watch, WatchEvent event, const char *given,
                             const char *row_key);

/* A plain word stands in the definition; the value of an expression comes from the query. */
const char *word_or_value(const char *defined, const Result &rows, std::uint64_t row, int column);

/* The key; of one that is too long, its beginning and a hash of all of it. In the current
 * memory. */
const char *key_within_limit(const char *key);

} // namespace whatsapp::pg
